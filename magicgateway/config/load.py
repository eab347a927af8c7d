"""From command line, environment and file to ``Settings``.

Precedence: flags, ``MAGICGATEWAY__SECTION__KEY``, ``HOST``, ``PORT`` and the like, the file, the
default; ``./.env`` fills what the environment lacks before anything else is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import evolve

from magicgateway.config.checks import check_cors
from magicgateway.config.environment import (
    CONFIG,
    Variables,
    aws_places,
    credentials,
    level_layer,
    plain_layer,
    read_environment,
    seed_warnings,
)
from magicgateway.config.layers import Given, Layer, Path, read_table, read_variables
from magicgateway.config.listening import Flags, environment_layer, flags_layer
from magicgateway.config.references import Reference, credential, virtual_keys
from magicgateway.config.schema import Leaf, Named, Node, root
from magicgateway.config.settings import Settings
from magicgateway.config.toml_file import read_file
from magicgateway.config.toml_text import dotted
from magicgateway.config.unfit import Origin, Unfit
from magicgateway.errors import ConfigError

ReadText = Callable[[str], str]
"""Reads a file in UTF-8; raises OSError, or ValueError where it is not UTF-8."""


def load(flags: Flags, environment: Mapping[str, str], read_text: ReadText) -> Settings:
    """Everything that is configured, checked.

    Args:
        flags: The command line.
        environment: The process's.
        read_text: Reads the configuration file, ``.env`` and the files that secrets are in; paths
            that are not absolute are below the working directory.

    Raises:
        ConfigError: Something cannot be used. It says where, which key, why, and what to do; it
            repeats no value.
    """
    variables = read_environment(environment, read_text)
    layer = _file_layer(flags, variables, read_text)
    layer |= plain_layer(variables)
    layer |= _listening(flags, variables)
    layer |= level_layer(variables)
    layer |= read_variables(variables.values, variables.sources, layer)
    layer |= flags_layer(flags, variables)
    values = {path: _resolved(path, given, variables, read_text) for path, given in layer.items()}
    settings = _built(root(), values, ())
    try:
        check_cors(settings.server.cors)
    except Unfit as error:
        path = ("server", "cors", "credentials")
        raise layer[path].origin.error(str(error), dotted(path)) from None
    return _completed(settings, layer, variables)


def _completed(settings: Settings, layer: Layer, variables: Variables) -> Settings:
    """The settings with what was found beside them.

    Raises:
        ConfigError: An alias stands for nothing.
    """
    for name, model in settings.models.items():
        if not model.targets:
            path = ("models", name, "targets")
            raise layer[path[:2]].origin.error(
                'it is missing; write one target, for example ["openai/gpt-4o-mini"]', dotted(path)
            )
    found, unusable = credentials(variables)
    warnings = (*variables.warnings, *seed_warnings(variables), *unusable)
    return evolve(
        settings,
        environment=MappingProxyType(found),
        aws=MappingProxyType(aws_places(variables)),
        warnings=warnings,
    )


def _file_layer(flags: Flags, variables: Variables, read_text: ReadText) -> Layer:
    path = flags.config
    if path is None:
        path = variables.get(CONFIG) or None
    elif not path.strip():
        raise ConfigError("--config names no file; give its path", source="command line")
    return read_table(read_file(path, read_text), Origin(path)) if path is not None else {}


def _listening(flags: Flags, variables: Variables) -> Layer:
    # Some shells export HOST, so it is not even looked at where it would decide nothing.
    decided = flags.port is not None or flags.listen
    return {} if decided else environment_layer(variables)


def _resolved(path: Path, given: Given, variables: Variables, read_text: ReadText) -> Any:
    """A value as it stands in ``Settings``: references replaced by what they refer to."""
    try:
        if isinstance(given.value, Reference):
            return credential(given.value, variables.values, read_text)
        if path == ("server", "keys"):
            found = (virtual_keys(entry, variables.values, read_text) for entry in given.value)
            return tuple(dict.fromkeys(key for keys in found for key in keys))
    except Unfit as error:
        raise given.origin.error(str(error), dotted(path)) from None
    return given.value


def _built(node: Node, values: Mapping[Path, Any], path: Path) -> Any:
    """The object of a table, from the values of the paths below it."""
    if isinstance(node, Leaf):
        return values[path]
    if isinstance(node, Named):
        names = dict.fromkeys(
            found[len(path)]
            for found in values
            if len(found) > len(path) and found[: len(path)] == path
        )
        return MappingProxyType({name: _built(node.each, values, (*path, name)) for name in names})
    depth = len(path)
    given = {found[depth] for found in values if len(found) > depth and found[:depth] == path}
    below = {
        name: _built(node.keys[name], values, (*path, name)) for name in node.keys if name in given
    }
    return MappingProxyType(below) if node.kind is None else node.kind(**below)
