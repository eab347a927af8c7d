"""Files and an environment made of words, for tests of the configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from magicgateway.config.listening import Flags
from magicgateway.config.load import load
from magicgateway.config.settings import Settings
from magicgateway.errors import ConfigError

CONFIG = "etc/gw.toml"


def files(contents: Mapping[str, str | Exception]) -> Callable[[str], str]:
    """A reader of files that are only there in name; an exception is raised as it stands."""

    def read_text(path: str) -> str:
        content = contents.get(path, FileNotFoundError(2, os.strerror(2)))
        if isinstance(content, Exception):
            raise content
        return content

    return read_text


def loaded(
    toml: str | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Flags | None = None,
    others: Mapping[str, str | Exception] | None = None,
) -> Settings:
    """The settings of a file's text, an environment, a command line and further files."""
    contents: dict[str, str | Exception] = dict(others or {})
    variables = dict(environment or {})
    if toml is not None:
        contents[CONFIG] = toml
        variables["MAGICGATEWAY_CONFIG"] = CONFIG
    return load(flags or Flags(), variables, files(contents))


def refused(
    toml: str | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Flags | None = None,
    others: Mapping[str, str | Exception] | None = None,
) -> ConfigError:
    """The error that these sources end in."""
    try:
        settings = loaded(toml, environment, flags, others)
    except ConfigError as error:
        return error
    raise AssertionError(f"nothing was refused: {settings}")
