"""The frames of AWS's event streams, written down from their description alone.

The gateway has a reader of its own for these; so that the two can be wrong only independently,
nothing of it is used here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

from magicgateway.demo.call import CONTENT, FAILED, Event
from magicgateway.demo.faults import Script
from magicgateway.wire import jsontext

_STRING = 7
_JSON = "application/json"
_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
ERROR_FRAME = "error"
"""The ``kind`` of a script that asks for a frame of that message type."""


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message: prelude, headers, payload, and both checksums."""
    block = b"".join(map(_header, headers, headers.values()))
    prelude = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + block + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    key, data = name.encode(), value.encode()
    return struct.pack(f"!B{len(key)}sBH", len(key), key, _STRING, len(data)) + data


def event(name: str, value: Mapping[str, Any], tokens: int = 0, stage: int = CONTENT) -> Event:
    """An event as the service sends it, with the padding that hides its length."""
    padded = {**value, "p": _PADDING[: 1 + zlib.crc32(repr(value).encode()) % len(_PADDING)]}
    headers = {":event-type": name, ":content-type": _JSON, ":message-type": "event"}
    return Event(frame(headers, jsontext.encode(padded)), tokens, stage)


def exception(name: str, value: Mapping[str, Any]) -> bytes:
    """An exception inside a stream; its name begins with a small letter there."""
    name = name[:1].lower() + name[1:]
    headers = {":exception-type": name, ":content-type": _JSON, ":message-type": "exception"}
    return frame(headers, jsontext.encode(value))


def error(code: str, message: str) -> bytes:
    """An error that is no exception of the service's model: headers alone."""
    return frame({":message-type": "error", ":error-code": code, ":error-message": message}, b"")


def error_of(script: Script) -> bytes:
    """The frame that ends a stream which a script tells to fail."""
    message = script.message or FAILED
    if script.kind == ERROR_FRAME:
        return error("InternalError", message)
    value: dict[str, Any] = {"message": message}
    kind = script.kind or "modelStreamErrorException"
    if kind.lower() == "modelstreamerrorexception":
        value |= {"originalStatusCode": 500, "originalMessage": message}
    return exception(kind, value)
