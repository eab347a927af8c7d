"""Where AWS services are: regions, host names, paths with a model in them.

A caller may name the region, and the region becomes part of a host name, so only what AWS's own
data say is a region gets that far. Those data come with botocore, which is imported when the
first region is looked up (see ``signing.load``).

See: https://docs.aws.amazon.com/general/latest/gr/rande.html; 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NoReturn
from urllib.parse import quote

from attrs import frozen

from magicgateway.errors import ApiError

RUNTIME = "bedrock-runtime"
"""The service that runs models."""
CONTROL = "bedrock"
"""The service that lists them; on other hosts, signed under the same name."""
FALLBACK_REGION = "us-east-1"
REGION_FIELD = "x-aws-region"

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]{2,12}){1,2}-[0-9]{1,2}")
_REGION_LENGTH = 25
_MODEL = re.compile(r"(?!\.{1,2}\Z)[!\"$->@-~]{1,2048}")
"""Visible ASCII without ``#`` and ``?``, and no dot segment."""
_ARN_REGION = 3
_ARN_PARTS = 6


@frozen
class Region:
    """A region of AWS, as its partition writes host names."""

    name: str
    partition: str
    """``aws``, ``aws-cn``, ``aws-us-gov`` …"""
    suffix: str
    dual_stack_suffix: str


@lru_cache(maxsize=256)
def find_region(name: str) -> Region | None:
    """The region of that name; None if AWS has none of that form.

    Regions that are newer than the installed botocore are found by their partition's pattern.
    """
    if len(name) > _REGION_LENGTH or not _REGION.fullmatch(name):
        return None
    for pattern, partition, suffix, dual_stack_suffix in _partitions():
        if pattern.fullmatch(name):
            return Region(name, partition, suffix, dual_stack_suffix)
    return None


def choose_region(asked: str, model: str, configured: Iterable[str] = ()) -> Region:
    """The region that a request goes to.

    Args:
        asked: What the caller's ``x-aws-region`` says; empty if nothing.
        model: The model's id; an ARN names its region.
        configured: The operator's choices, best first; empty ones are passed over.

    Raises:
        ApiError: 400 ``invalid_region``: what the caller named is none. 500 ``invalid_region``:
            what the operator named is none.
    """
    if asked:
        return find_region(asked) or _not_asked("The header x-aws-region", REGION_FIELD)
    in_model = arn_region(model)
    if in_model:
        return find_region(in_model) or _not_asked("The model's ARN", "model")
    name = next((name for name in configured if name), FALLBACK_REGION)
    return find_region(name) or _not_configured()


def arn_region(model: str) -> str:
    """The region in a model's ARN; empty where the model is no ARN, or names none."""
    parts = model.split(":", _ARN_PARTS - 1)
    return parts[_ARN_REGION] if parts[0] == "arn" and len(parts) == _ARN_PARTS else ""


def host(service: str, region: Region, *, fips: bool = False, dual_stack: bool = False) -> str:
    """The host name of a service in a region.

    Args:
        service: ``RUNTIME`` or ``CONTROL``.
        region: Where.
        fips: The host with validated cryptography; few regions have one.
        dual_stack: The host with IPv6 addresses.
    """
    suffix = region.dual_stack_suffix if dual_stack else region.suffix
    return f"{service}{'-fips' if fips else ''}.{region.name}.{suffix}"


@lru_cache(maxsize=256)
def model_path(model: str, operation: str) -> str:
    """The path of an operation on a model, as it goes on the wire and into ``signing.sign``.

    The id is encoded once, its slashes and colons too: AWS has no route for an ARN with slashes.

    Args:
        model: An id, an inference profile's id, or an ARN, as the caller wrote it.
        operation: The path's last segment: ``converse``, ``invoke`` …

    Raises:
        ApiError: 400 ``invalid_model``: no model can have that id.
    """
    if not _MODEL.fullmatch(model):
        raise ApiError(
            400,
            "invalid_model",
            "The model's id is not one of AWS: it has 1 to 2048 visible ASCII characters, without"
            " spaces, ? and #.",
            param="model",
        )
    return f"/model/{quote(model, safe='')}/{operation}"


@cache
def _partitions() -> tuple[tuple[re.Pattern[str], str, str, str], ...]:
    """For each partition the pattern of its regions, its name, and its two suffixes."""
    from botocore.loaders import Loader  # noqa: PLC0415 - only when AWS is used

    # Only what is installed with botocore: a model folder in somebody's home adds no hosts.
    loader = Loader([Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    return tuple(
        (
            re.compile(partition["regionRegex"], re.ASCII),
            partition["id"],
            partition["outputs"]["dnsSuffix"],
            partition["outputs"]["dualStackDnsSuffix"],
        )
        for partition in loader.load_data("partitions")["partitions"]
    )


def _not_asked(who: str, param: str) -> NoReturn:
    raise ApiError(
        400,
        "invalid_region",
        f"{who} does not name a region of AWS; write one like us-east-1.",
        param=param,
    )


def _not_configured() -> NoReturn:
    raise ApiError(
        500,
        "invalid_region",
        "The gateway's configuration does not name a region of AWS; write one like us-east-1.",
    )
