"""A model's id without what says where, when or how it runs.

The same model goes by many ids: with a date, with Bedrock's version, behind a geographic profile,
in an ARN, with its maker's name before it.
"""

from __future__ import annotations

import re

_GEOGRAPHIC = re.compile(
    r"(?:us-gov|us|eu|apac|jp|au|ca|sa|in|amer|global)\.(?=[a-z0-9-]+\.[a-z0-9])"
)
"""Before the maker's name. See bedrock.amazonaws.com's inference profiles; 2026-11-22."""
_NAMING_ARNS = re.compile(r"arn:[a-z-]+:bedrock:[^/]*:(?:foundation-model|inference-profile)/(.+)")
"""Those that end in a model's id; the others end in one of the caller's own."""
_CLAUDE = re.compile(r"(?:.*[./])?(claude-.+)")
_DATED = re.compile(
    r"(?:[-@](?:20\d{6}|latest|default))?(?:-v\d+)?(?::[a-z0-9]+)*|@20\d{2}-?\d{2}-?\d{2}"
)
_LONGEST = 2048


def is_arn(model: str) -> bool:
    """Whether a model is named as AWS names resources."""
    return model[:4].lower() == "arn:"


def plain(model: str) -> str:
    """The id in lower case, without ARN and geographic profile; empty if it names no model."""
    name = model[:_LONGEST].lower()
    if name.startswith("arn:"):
        found = _NAMING_ARNS.fullmatch(name)
        if found is None:
            return ""
        name = found[1]
    return _GEOGRAPHIC.sub("", name, count=1) if _GEOGRAPHIC.match(name) else name


def without_geography(model: str) -> str:
    """A profile's id as that of the model behind it, for operations that take no profiles."""
    if model.startswith("arn:"):
        return plain(model) or model
    found = _GEOGRAPHIC.match(model.lower())
    return model[found.end() :] if found else model


def claude(model: str) -> str:
    """The name of a Claude as its maker writes it, undated: ``claude-opus-4-8``; else empty."""
    found = _CLAUDE.fullmatch(plain(model))
    if found is None:
        return ""
    name = found[1]
    for start in range(len("claude-x"), len(name)):
        if name[start] in "-@:" and _DATED.fullmatch(name, start):
            name = name[:start]
            break
    return name.replace(".", "-")


def last(model: str) -> str:
    """The id without makers and accounts before it: what follows the last slash."""
    return plain(model).rpartition("/")[2]
