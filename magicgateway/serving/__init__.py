"""Twisted coming in: channel, site, Klein tree, exchange, relay."""
