"""Providers as a configuration's text makes them."""

from __future__ import annotations

from magicgateway.providers.registry import Provider, Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from tests.config.sources import loaded


def made(name: str, toml: str = "", **environment: str) -> Provider:
    """The provider of that name, with a configuration and an environment."""
    found = Registry(ROWS, GENERIC, loaded(toml, environment)).get(name)
    assert found is not None
    return found
