"""Tests of the hub and of the passes over it."""
