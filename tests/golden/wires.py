"""The bytes of the streams that providers send, put together of the cases' events."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from magicgateway.dialects.bedrock_converse.frames import ERROR, EXCEPTION
from magicgateway.dialects.framing import AWS_CHUNKS, AWS_EVENT_STREAM, SSE
from magicgateway.wire.event_stream import encode_frame
from magicgateway.wire.jsontext import encode
from tests.golden.cases import Case

_JSON = "application/json"
_LAST = ("response.completed", "response.incomplete", "response.failed")


def framing_of(case: Case) -> str:
    """How the provider cuts it."""
    usual = AWS_EVENT_STREAM if case.target == "bedrock_converse" else SSE
    framing: str = case.get("framing", usual)
    return framing


def pieces_of(case: Case) -> list[bytes]:
    """The events of a stream, each as its bytes."""
    framing = framing_of(case)
    return [_piece(case.target, framing, event) for event in case.data["events"]]


def other_line_ends(case: Case) -> list[bytes]:
    """The same stream with lines that end in another way, and without a space after the colons.

    Only of streams that are not about their very bytes.
    """
    raw = any(isinstance(event, str) and event.startswith("raw:") for event in case.data["events"])
    if framing_of(case) != SSE or raw:
        return []
    wire = b"".join(pieces_of(case))
    tight = wire.replace(b"\ndata: ", b"\ndata:").removeprefix(b"data: ")
    tight = b"data:" + tight if wire.startswith(b"data: ") else tight
    return [wire.replace(b"\n", b"\r\n"), wire.replace(b"\n", b"\r"), tight]


def _piece(target: str, framing: str, event: Any) -> bytes:
    if isinstance(event, str) and event.startswith("hex:"):
        return bytes.fromhex(event[4:])
    if isinstance(event, str) and event.startswith("raw:"):
        return event[4:].encode()
    if isinstance(event, list):
        return _frame(*event)
    if framing == AWS_CHUNKS:
        return _frame("chunk", {"bytes": b64encode(encode(event)).decode(), "p": "abc"})
    if isinstance(event, str):
        return b"data: %b\n\n" % event.encode()
    data = encode(event)
    if target == "openai_chat":
        return b"data: %b\n\n" % data
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), data)


def _frame(name: str, payload: Any) -> bytes:
    if name.startswith(EXCEPTION):
        headers = {":exception-type": name.removeprefix(EXCEPTION), ":message-type": "exception"}
        return encode_frame({":content-type": _JSON, **headers}, encode(payload))
    if name.startswith(ERROR):
        headers = {":error-code": name.removeprefix(ERROR), ":error-message": payload["message"]}
        return encode_frame({":message-type": "error", **headers}, b"")
    headers = {":event-type": name, ":content-type": _JSON, ":message-type": "event"}
    return encode_frame(headers, encode(payload))


def earliest_end(case: Case) -> int | None:
    """Bytes before which no stream is at its end, None for one that never is.

    An answer is whole as soon as it was said why it ended.
    """
    sent = 0
    for event, piece in zip(case.data["events"], pieces_of(case), strict=True):
        if _says_why(case.target, event):
            # The empty line after an event's data may be missing at the end of a body.
            return sent + len(piece.rstrip(b"\r\n") if framing_of(case) == SSE else piece)
        sent += len(piece)
    return None


def _says_why(target: str, event: Any) -> bool:
    if isinstance(event, str):
        return _hints(event, ('finish_reason":"', 'stop_reason":"', "6d65737361676553746f70"))
    if isinstance(event, list):
        return bool(event[0] == "messageStop")
    if target == "openai_chat":
        return any(choice.get("finish_reason") for choice in event.get("choices") or ())
    if target == "anthropic_messages":
        reason = event.get("delta", {}).get("stop_reason")
        return bool(event["type"] == "message_stop" or reason)
    return event["type"] in _LAST


def _hints(raw: str, words: Iterable[str]) -> bool:
    return any(word in raw for word in words)
