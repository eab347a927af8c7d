"""A finished exchange as one line: JSON for programs, plain text for a terminal. Pure.

``docs/observability.md`` explains each key; the order and the names are a promise to people who
parse them. A value that is not known is absent, never 0, null or an empty text.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from magicgateway.observe.escaping import ascii_json, encodable, printable, word
from magicgateway.observe.facts import Finished, Usage
from magicgateway.observe.timestamps import rfc3339
from magicgateway.wire.jsontext import BadJson, encode


class RequestLine(msgspec.Struct, omit_defaults=True, gc=False):
    """The keys of a JSON line, in order.

    A field that equals its default is left out. Those that every line has get a default which
    cannot occur, since positional construction is a third faster than keywords.
    """

    time: str = ""
    request_id: str = ""
    client: str = ""
    method: str = ""
    path: str = ""
    operation: str = ""
    provider: str = ""
    model: str = ""
    upstream_model: str = ""
    status: int = -1
    outcome: str = ""
    stream: bool | None = None
    request_bytes: int = -1
    response_bytes: int = -1
    duration_ms: float | None = None
    first_byte_ms: float | None = None
    upstream_ms: float | None = None
    overhead_ms: float | None = None
    attempts: int = -1
    usage: Usage | None = None
    error: str = ""
    detail: str = ""


_NO_USAGE = Usage()
_REMEMBERED = 1024


def json_line(fact: Finished) -> bytes:
    """One JSON object and a newline, printable ASCII only, whatever the caller sent."""
    line = _request_line(fact)
    try:
        encoded = encode(line)
    except BadJson:
        encoded = encode(_without_surrogates(line))
    return ascii_json(encoded) + b"\n"


def _request_line(fact: Finished) -> RequestLine:
    first_byte, upstream, overhead = fact.first_byte_ms, fact.upstream_ms, fact.overhead_ms
    usage = fact.usage
    return RequestLine(
        rfc3339(fact.time),
        fact.request_id,
        fact.client,
        fact.method,
        fact.path,
        fact.operation,
        fact.provider,
        fact.model,
        fact.upstream_model,
        fact.status,
        fact.outcome,
        fact.stream,
        fact.request_bytes,
        fact.response_bytes,
        round(fact.duration_ms, 3),
        None if first_byte is None else round(first_byte, 3),
        None if upstream is None else round(upstream, 3),
        None if overhead is None else round(overhead, 3),
        fact.attempts,
        None if usage is None or usage == _NO_USAGE else usage,
        fact.error,
        fact.detail,
    )


def _without_surrogates(line: RequestLine) -> RequestLine:
    texts = {
        name: encodable(value)
        for name in line.__struct_fields__
        if isinstance(value := getattr(line, name), str)
    }
    return msgspec.structs.replace(line, **texts)


_COMMON = (
    b'{"time":"%b","request_id":"%b",%b"status":%d,"outcome":"%b","stream":%b,'
    b'"request_bytes":%d,"response_bytes":%d,"duration_ms":%.3f'
)
_COUNTER = 8
"""What follows the beginning of an id of our own; behind more, a caller could hide something."""
_TIMES = b',"first_byte_ms":%.3f,"upstream_ms":%.3f,"overhead_ms":%.3f'


class JsonLines:
    """Spells lines like ``json_line``, remembering what most of them have in common.

    What callers choose of a line (path, model and the like) and what follows from it is spelled,
    and filtered, once for equal texts; counts and times are put around it.

    Args:
        clean: ``Redactor.clean``.
        own_ids: How request ids of our own begin; a line with another id is spelled in full.
    """

    def __init__(self, clean: Callable[[bytes], bytes], own_ids: str) -> None:
        self._clean = clean
        self._own_ids = own_ids
        self._own_length = len(own_ids) + _COUNTER
        self._known: dict[tuple[str, ...], bytes] = {}
        self._second = -1
        self._date = b""

    def __call__(self, fact: Finished) -> bytes:
        """One JSON object and a newline, without credentials."""
        identity = fact.request_id
        own = identity.startswith(self._own_ids) and len(identity) <= self._own_length
        if fact.error or fact.detail or not own:
            return self._clean(json_line(fact))
        texts = (
            fact.client,
            fact.method,
            fact.path,
            fact.operation,
            fact.provider,
            fact.model,
            fact.upstream_model,
        )
        middle = self._known.get(texts)
        if middle is None:
            middle = self._remember(texts, fact)
        if not middle:
            return self._clean(json_line(fact))
        line = _COMMON % (
            self._time(fact.time),
            fact.request_id.encode(),
            middle,
            fact.status,
            fact.outcome.encode(),
            b"true" if fact.stream else b"false",
            fact.request_bytes,
            fact.response_bytes,
            fact.duration_ms,
        )
        first, upstream, overhead = fact.first_byte_ms, fact.upstream_ms, fact.overhead_ms
        if first is not None and upstream is not None and overhead is not None:
            line += _TIMES % (first, upstream, overhead)
        else:
            if first is not None:
                line += b',"first_byte_ms":%.3f' % first
            if upstream is not None:
                line += b',"upstream_ms":%.3f' % upstream
            if overhead is not None:
                line += b',"overhead_ms":%.3f' % overhead
        usage = fact.usage
        if usage is None or usage == _NO_USAGE:
            return line + b',"attempts":%d}\n' % fact.attempts
        return line + b',"attempts":%d,"usage":%b}\n' % (fact.attempts, encode(usage))

    def _time(self, seconds: float) -> bytes:
        """As ``rfc3339``, which is asked once a second."""
        milliseconds = round(seconds * 1000)
        second = milliseconds // 1000
        if second != self._second:
            self._second = second
            self._date = rfc3339(second)[:-4].encode()
        return b"%b%03dZ" % (self._date, milliseconds - second * 1000)

    def _remember(self, texts: tuple[str, ...], fact: Finished) -> bytes:
        """The line's middle, what callers choose; empty if it has to be cleaned each time.

        It is cut out of a whole line, so that both ways spell the same.
        """
        line = json_line(fact)
        middle = b""
        if self._clean(line) == line:
            start = line.index(b'"request_id":"') + len(fact.request_id) + 16
            middle = line[start : line.rindex(b'"status":')]
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[texts] = middle
        return middle


def human_line(fact: Finished) -> bytes:
    """One line for a person's eyes and a newline: no colours, no control characters."""
    parts = [
        rfc3339(fact.time),
        str(fact.status),
        word(fact.method),
        word(fact.path),
        *_destination(fact),
        *_timings(fact),
        f"{fact.request_bytes}>{fact.response_bytes}B",
        *_tokens(fact.usage),
        word(fact.client),
        word(fact.request_id),
    ]
    if fact.outcome != "completed":
        parts.append(word(fact.outcome))
    if fact.attempts > 1:
        parts.append(f"attempts={fact.attempts}")
    if fact.error or fact.detail:
        parts.append("-")
        parts.extend(printable(text) for text in (fact.error, fact.detail) if text)
    return " ".join(parts).encode() + b"\n"


def _destination(fact: Finished) -> list[str]:
    names = [word(name) for name in (fact.provider, fact.upstream_model or fact.model) if name]
    return ["/".join(names)] if names else []


def _timings(fact: Finished) -> list[str]:
    timings = [f"{fact.duration_ms:.1f}ms"]
    if fact.stream and fact.first_byte_ms is not None:
        timings.append(f"first={fact.first_byte_ms:.1f}ms")
    if fact.overhead_ms is not None:
        timings.append(f"overhead={fact.overhead_ms:.2f}ms")
    return timings


def _tokens(usage: Usage | None) -> list[str]:
    if usage is None or usage == _NO_USAGE:
        return []
    counts = ("?" if count is None else str(count) for count in (usage.input, usage.output))
    return ["+".join(counts) + "tok"]
