"""What a request's target asks for: a door, or another path of a provider's own API.

A *door* is a path whose bodies the gateway can read, with the dialect that is spoken there. Doors
answer below ``/v1/`` and without it, and so does what they keep (``responses/{id}``); every other
path only below ``/v1/``. Either may stand behind a provider's name: ``/groq/v1/chat/completions``.
Behind the name of one of AWS there are AWS's own paths as well (``passages``).

Targets are kept as bytes: a provider gets what the caller wrote, percent-encoding and all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from attrs import frozen

from magicgateway.errors import ApiError
from magicgateway.providers import row
from magicgateway.routing.passages import Passage, read_passage, unsigned_query

_READ = (b"GET", b"HEAD")
_POST = (b"POST",)
_STRANGE = re.compile(rb"%(?![0-9A-Fa-f]{2})|[^\x21-\x7e]|[#\\]")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_DOTS = re.compile(rb"[/\\]\.\.?(?![^/\\;])")
"""A segment . or .., also before a parameter (``..;x``), which some servers cut off first."""
_MODEL_PREFIX = "models/"
_BELOW_DOORS = (_MODEL_PREFIX, "responses/", "chat/completions/")
"""Where doors keep what they made or list: paths that answer wherever their doors do."""
_MODEL_ROUTES = frozenset(
    {"audio/speech", "images/generations", "moderations", "ocr", "rerank", "videos"}
)
"""Not doors, but JSON with a ``model`` that may name the provider."""


@frozen
class Door:
    """A path whose bodies are understood."""

    name: str
    """Its route below ``/v1/``."""
    dialect: str
    family: str
    """Whose words errors are said in: ``openai``, ``responses`` or ``anthropic``."""
    methods: tuple[bytes, ...] = _POST


DOORS = {
    door.name: door
    for door in (
        Door("chat/completions", row.OPENAI_CHAT, "openai", (b"POST", b"GET")),
        Door("completions", row.OPENAI_COMPLETIONS, "openai"),
        Door("embeddings", row.OPENAI_EMBEDDINGS, "openai"),
        Door("responses", row.OPENAI_RESPONSES, "responses"),
        Door("messages", row.ANTHROPIC_MESSAGES, "anthropic"),
        Door("messages/count_tokens", row.ANTHROPIC_MESSAGES, "anthropic"),
        Door("models", row.OPENAI_MODELS, "", _READ),
    )
}
COMPLETIONS = "completions"
COUNTING = "messages/count_tokens"
EMBEDDINGS = "embeddings"
MODELS = "models"
_NO_PROVIDERS = (b"v1", b"chat", b"models")


@frozen
class Target:
    """A request's target, taken apart."""

    route: str
    """The path below ``/v1/`` as the caller wrote it."""
    query: bytes = b""
    """With its question mark; empty without one."""
    door: Door | None = None
    provider: str | None = None
    """Named by the path, as it stands there."""
    model_id: str | None = None
    """Of ``models/{id}``, percent-decoded."""
    passage: Passage | None = None
    """The operation of an API that is passed on as it is, which is no path below ``/v1/``."""

    @property
    def operation(self) -> str:
        """What the request is called in logs; a model's id is left out."""
        if self.passage is not None:
            return self.passage.operation
        return MODELS if self.model_id is not None else self.route[:128]

    def family(self, anthropic: bool) -> str:
        """Whose words errors are said in.

        Args:
            anthropic: The request has an ``anthropic-version``, which decides outside the doors.
        """
        if self.door is not None and self.door.family:
            return self.door.family
        if self.passage is not None:
            return "aws"
        return "anthropic" if anthropic else "openai"


def read_target(raw: bytes, is_provider: Callable[[str], bool]) -> Target | None:
    """Take a target apart; None if it belongs to no API.

    Args:
        raw: The target in origin form.
        is_provider: Whether a name is a provider's.

    Raises:
        ApiError: 400 ``bad_path``: it has dot segments, empty ones, or is no valid path.
    """
    if raw[:1] != b"/":
        return None
    path, mark, query = raw.partition(b"?")
    segments = path.split(b"/")[1:]
    provider = None
    if len(segments) > 1 and segments[1] == b"v1" and segments[0] != b"v1":
        provider = segments[0].decode("latin-1")
        if not is_provider(provider):
            return None
        del segments[0]
    elif len(segments) > 1 and segments[0] not in _NO_PROVIDERS:
        passage = read_passage(path[len(segments[0]) + 1 :])
        if passage is not None and is_provider(segments[0].decode("latin-1")):
            _check(path, segments)
            provider, route = segments[0].decode("latin-1"), passage.operation
            query = unsigned_query(mark + query)
            return Target(route, query, provider=provider, passage=passage)
    below_v1 = segments[:1] == [b"v1"]
    segments = _route_segments(segments)
    route = b"/".join(segments).decode("latin-1")
    if not route or not (below_v1 or route in DOORS or route.startswith(_BELOW_DOORS)):
        return None
    _check(path, segments)
    return Target(
        route=route,
        query=mark + query,
        door=DOORS.get(route),
        provider=provider,
        model_id=_model_id(route) if route.startswith(_MODEL_PREFIX) else None,
    )


def _route_segments(segments: list[bytes]) -> list[bytes]:
    """The path without ``/v1``, which SDKs and base URLs may both have put in front of it.

    The empty segments of a base URL that ended in a slash go too, and that of a final slash.
    """
    start = 0
    while start < len(segments) and segments[start] == b"v1":
        start += 1
        while start < len(segments) - 1 and not segments[start]:
            start += 1
    end = len(segments)
    if end - start > 1 and not segments[-1]:
        end -= 1
    return segments[start:end]


def _check(path: bytes, segments: list[bytes]) -> None:
    """Refuse what a provider could understand differently.

    Raises:
        ApiError: 400 ``bad_path``.
    """
    if _STRANGE.search(path):
        raise _bad_path("It has characters or escapes that no URL has.")
    if b"" in segments:
        raise _bad_path("It has an empty segment (//) in it.")
    plain = unquote_to_bytes(path) if b"%" in path else path
    if _CONTROL.search(plain):
        raise _bad_path("It has an escaped control character in it.")
    if _DOTS.search(plain):
        raise _bad_path("It has a segment . or .. in it.")


def _model_id(route: str) -> str:
    try:
        return unquote_to_bytes(route[len(_MODEL_PREFIX) :]).decode("utf-8")
    except UnicodeDecodeError:
        raise _bad_path("The model's id is not UTF-8.") from None


def _bad_path(reason: str) -> ApiError:
    return ApiError(400, "bad_path", f"The request's path is not taken. {reason}")


def needs_peek(target: Target, method: bytes, content_type: bytes) -> bool:
    """Whether a request's body has to be read before it is known where it goes.

    Args:
        target: What it asks for.
        method: Its method.
        content_type: The field's value, empty if there is none.
    """
    if target.passage is not None:
        return True
    if method != b"POST":
        return False
    if target.door is not None:
        return True
    return target.route in _MODEL_ROUTES and content_type[:16].lower() == b"application/json"
