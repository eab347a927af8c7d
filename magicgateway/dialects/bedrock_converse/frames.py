"""What a frame of an event stream is called: events, exceptions and errors in one set of names.

A frame says in its headers what it is: an event of a type, an exception of a type, or an error of a
code. The reader of a stream is told all in one word, in which exceptions and errors have a prefix,
so that one that nobody knows is still no event that may be passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.wire.event_stream import Frame, encode_frame
from magicgateway.wire.jsontext import encode

EXCEPTION = "exception:"
ERROR = "error:"
_JSON = "application/json"


def named(frame: Frame) -> tuple[str, bytes]:
    """A frame's name and data as ``StreamReader.feed`` takes them; no name where it has none."""
    kind = frame.text(":message-type") or "event"
    if kind == "exception":
        return EXCEPTION + frame.text(":exception-type"), frame.payload
    if kind == "error":
        words = {"message": frame.text(":error-message")}
        return ERROR + frame.text(":error-code"), frame.payload or encode(words)
    return frame.text(":event-type"), frame.payload


def event_frame(name: str, payload: Mapping[str, Any]) -> bytes:
    """One event as AWS frames it."""
    headers = {":event-type": name, ":content-type": _JSON, ":message-type": "event"}
    return encode_frame(headers, encode(dict(payload)))


def exception_frame(name: str, payload: Mapping[str, Any]) -> bytes:
    """One exception as AWS frames it."""
    headers = {":exception-type": name, ":content-type": _JSON, ":message-type": "exception"}
    return encode_frame(headers, encode(dict(payload)))
