"""Which values make sense: a rule for each key that has one, beyond its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any

from magicgateway.config.log_level import LEVELS
from magicgateway.config.schema import pattern
from magicgateway.config.settings import CorsSettings
from magicgateway.config.unfit import Unfit

MAY_BE_ZERO = frozenset(
    {
        "server.drain_seconds",
        "server.unready_seconds",
        "server.cors.max_age_seconds",
        "timeouts.total",
        "providers.*.timeouts.total",
        "upstream.wait_seconds",
        "upstream.max_idle",
        "upstream.keep_alive_comment_seconds",
    }
)
"""Numbers for which zero means something: at once, never, none or no limit."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[!-~]+")
_METHOD = re.compile(r"[A-Z]{1,32}")
_PROVIDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_BASE_URL = re.compile(r"(?i:https?)://[^@?#\s]+")
_CREDENTIAL_FIELD = re.compile(r"auth|cookie|credential|key|password|secret|token", re.IGNORECASE)
_CREDENTIAL_VALUE = re.compile(r"(?i:bearer|basic) |sk-|gsk_|xai-|hf_|AKIA|ABSK")
_PARAMETER = re.compile(r"[a-z][a-z_]{0,63}")
_RENAMED = re.compile(r"[A-Za-z][A-Za-z_]{0,63}")
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]{2,12}){1,2}-[0-9]{1,2}")
FORMATS = ("auto", "json", "human")
HOSTED_TOOLS = ("web_search", "web_fetch", "code_execution")


def check(path: tuple[str, ...], value: Any) -> None:
    """Check one key's value, once it has its type.

    Raises:
        Unfit: It makes no sense.
    """
    name = pattern(path)
    if isinstance(value, int | float) and not isinstance(value, bool):
        _number(value, zero=name in MAY_BE_ZERO)
    rule = _RULES.get(name)
    if rule is not None:
        rule(value)


def _number(value: float, *, zero: bool) -> None:
    if value < 0:
        raise Unfit("it is negative; write a positive number" + (" or 0" if zero else ""))
    if value == 0 and not zero:
        raise Unfit("it is 0; write a positive number")


def _listen(value: tuple[str, ...]) -> None:
    if not value:
        raise Unfit('it is empty, so nobody could call; write for example ["tcp:3000"]')


def _networks(value: tuple[str, ...]) -> None:
    for number, text in enumerate(value, 1):
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise Unfit(
                f"entry {number} is neither an address nor a network; write for example"
                ' "10.0.0.0/8"'
            ) from None


def _origins(value: tuple[str, ...]) -> None:
    for number, text in enumerate(value, 1):
        if text not in ("*", "null") and (
            not _ORIGIN.fullmatch(text) or re.search(r"[/?#@,*]", text.partition("://")[2])
        ):
            raise Unfit(
                f"entry {number} is no origin; write scheme, host and port without a path, for"
                ' example "https://app.example.com", or "*"'
            )


def _methods(value: tuple[str, ...]) -> None:
    for number, text in enumerate(value, 1):
        if text != "*" and not _METHOD.fullmatch(text):
            raise Unfit(f'entry {number} is no method; write names in capitals like GET, or "*"')


def _fields(value: tuple[str, ...]) -> None:
    for number, text in enumerate(value, 1):
        if not _TOKEN.fullmatch(text):
            raise Unfit(f'entry {number} is no name of a header field; write names or "*"')


def _level(value: str) -> None:
    if value not in LEVELS:
        raise Unfit(f"there is no such level; write one of {', '.join(LEVELS)}")


def _format(value: str) -> None:
    if value not in FORMATS:
        raise Unfit(f"there is no such format; write one of {', '.join(FORMATS)}")


def _base_url(value: str) -> None:
    # The address may be shown; providers.registry checks the rest of it.
    if not _BASE_URL.fullmatch(value):
        raise Unfit(
            "a base URL begins with https:// or http:// and has neither user, password, query nor"
            " blanks; a secret belongs in api_key"
        )


def _headers(value: Mapping[str, str]) -> None:
    for name, text in value.items():
        if not _TOKEN.fullmatch(name):
            raise Unfit("one of its names is no name of a header field; correct it")
        if _CREDENTIAL_FIELD.search(name) or _CREDENTIAL_VALUE.match(text):
            raise Unfit(
                f"the field {name} looks like a credential; set api_key, which is kept secret"
            )


def _hosted_tools(value: tuple[str, ...]) -> None:
    if not set(value) <= set(HOSTED_TOOLS):
        raise Unfit(f"an entry is no such tool; write any of {', '.join(HOSTED_TOOLS)}")


def _drop(value: tuple[str, ...]) -> None:
    for number, text in enumerate(value, 1):
        if not _PARAMETER.fullmatch(text):
            raise Unfit(f"entry {number} is no field of OpenAI's chat; write names like logit_bias")


def _rename(value: Mapping[str, str]) -> None:
    for name, text in value.items():
        if not _PARAMETER.fullmatch(name) or not _RENAMED.fullmatch(text):
            raise Unfit(
                "one of its names is no field of a request; write for example"
                ' { max_completion_tokens = "max_tokens" }'
            )


def _region(value: str) -> None:
    if not _REGION.fullmatch(value):
        raise Unfit("it does not name a region of AWS; write one like us-east-1")


def _targets(value: tuple[str, ...]) -> None:
    if not value:
        raise Unfit('it is empty; write one target, for example ["openai/gpt-4o-mini"]')
    if len(value) > 1:
        raise Unfit(
            "it has several targets, and choosing between them comes with routing in a later"
            " release; write exactly one"
        )
    provider, _, model = value[0].partition("/")
    if not _PROVIDER.fullmatch(provider) or not model:
        raise Unfit('its target has no provider or no model; write "provider/model"')


_RULES: Mapping[str, Callable[[Any], None]] = {
    "server.listen": _listen,
    "server.trusted_proxies": _networks,
    "server.cors.origins": _origins,
    "server.cors.methods": _methods,
    "server.cors.headers": _fields,
    "log.level": _level,
    "log.format": _format,
    "providers.*.base_url": _base_url,
    "providers.*.headers": _headers,
    "providers.*.hosted_tools": _hosted_tools,
    "providers.*.drop": _drop,
    "providers.*.rename": _rename,
    "providers.*.region": _region,
    "models.*.targets": _targets,
}


def check_cors(cors: CorsSettings) -> None:
    """Check what no single key of the table can tell.

    Raises:
        Unfit: Every page of the web could call with the caller's cookies.
    """
    if cors.credentials and "*" in cors.origins:
        raise Unfit(
            'it is true while origins holds "*", which lets every web page call in a visitor\'s'
            " name; name the origins, or set it to false"
        )
