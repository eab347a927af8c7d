"""Which of a provider's header fields go on with an answer that was translated, by which names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from magicgateway.dialects.rate_limits import translated_limits
from magicgateway.errors import ApiError
from magicgateway.providers.headers import is_rate_limit

_OF_THE_BODY = frozenset(
    {
        b"accept-ranges",
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-range",
        b"content-type",
        b"etag",
        b"last-modified",
    }
)
"""Fields that speak of a body which nobody gets."""
_IDENTITIES = (b"request-id", b"x-request-id", b"x-amzn-requestid")
"""What providers call the id that they gave a request."""


def door_fields(
    lines: Iterable[bytes],
    fields: dict[bytes, bytes],
    *,
    identity_name: bytes,
    to_anthropic: bool,
    now: float,
) -> tuple[list[bytes], dict[bytes, bytes]]:
    """The lines that go on, and all the fields by lower-case name.

    Args:
        lines: Those that pass (``Forwarder.response_fields``).
        fields: The same by lower-case name.
        identity_name: What the door calls the id of a request.
        to_anthropic: The door is one of Anthropic's: it has other names for limits.
        now: Seconds since the epoch.
    """
    if not fields:
        return [], {}
    limits = {name: value for name, value in fields.items() if is_rate_limit(name)}
    kept = [
        line
        for line in lines
        if (name := _name(line)) not in _OF_THE_BODY
        and name not in _IDENTITIES
        and name not in limits
    ]
    taken = {name: value for name, value in fields.items() if name not in _IDENTITIES}
    if limits:
        said = translated_limits(
            {name.decode("latin-1"): value.decode("latin-1") for name, value in limits.items()},
            now,
            to_anthropic=to_anthropic,
        )
        kept += (f"{name}: {value}\r\n".encode("latin-1") for name, value in said.items())
    given = next((fields[name] for name in _IDENTITIES if name in fields), None)
    if given is not None:
        kept.append(b"%b: %b\r\n" % (identity_name, given))
        taken[identity_name] = given
    return kept, taken


def error_fields(lines: Iterable[bytes], error: ApiError) -> Iterator[bytes]:
    """Of these lines those that go with an error, which says some things itself."""
    said = set()
    if error.retry_after is not None:
        said.add(b"retry-after")
    if error.should_retry is not None:
        said.add(b"x-should-retry")
    return (line for line in lines if _name(line) not in said)


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0].lower()
