"""Twisted going out: pool, connections, agent, attempts."""
