"""What the mock provider answers, read from the model's name: pure decisions."""

from __future__ import annotations

import re
import zlib

from attrs import frozen

from bench import events

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"
REPLY_SIZE = 500
LARGE = 1_048_576
"""A body that is longer, in bytes, is not kept but hashed while it arrives."""
FIREHOSE_CHUNK = 80
"""Events in one chunk of a firehose."""

_MODEL = re.compile(rb'"model" *: *"([^"]*)"')
_STREAM = re.compile(r"bench-stream-(\d+)-(\d+)ms")
_FIREHOSE = re.compile(r"bench-firehose-(\d+)mb")


@frozen
class Paced:
    """A stream of ``count`` events, ``gap_seconds`` apart; without an end if ``count`` is 0."""

    count: int
    gap_seconds: float


@frozen
class Firehose:
    """A stream of ``chunks`` large chunks, as fast as the reader takes them."""

    chunks: int


Plan = Paced | Firehose | None
"""None: one JSON reply."""


def model_of(target: bytes, body: bytes) -> str:
    """The model that a request names: in its body, or in its path as Bedrock has it."""
    if target.startswith(b"/model/"):
        return target.split(b"/")[2].decode("ascii", "replace")
    found = _MODEL.search(body)
    return found[1].decode("ascii", "replace") if found else ""


def plan_of(model: str) -> Plan:
    """What a request asks for by its model.

    ``bench-stream-200-20ms`` is 200 events 20 ms apart, ``bench-firehose-200mb`` 200 MB at once,
    ``bench-idle`` one event and then silence; every other model gets 500 bytes of JSON.
    """
    if paced := _STREAM.fullmatch(model):
        return Paced(int(paced[1]), int(paced[2]) / 1000)
    if firehose := _FIREHOSE.fullmatch(model):
        return Firehose(int(firehose[1]) * 1_000_000 // len(firehose_body()))
    return Paced(0, 0) if model == "bench-idle" else None


def reply(body: bytes) -> bytes:
    """The JSON for a small request: 500 bytes with the checksum of what arrived."""
    start = b'{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,'
    start += b'"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"'
    start += b"%08x " % zlib.crc32(body)
    end = b'"},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":60,'
    end += b'"total_tokens":180}}'
    return start + b"." * (REPLY_SIZE - len(start) - len(end)) + end


def large_reply(length: int, digest: str) -> bytes:
    """The JSON for a large request: what arrived, in bytes and as SHA-256."""
    arrived = b'"bytes":%d,"sha256":"%b"' % (length, digest.encode("ascii"))
    return b'{"id":"file-bench","object":"file",%b}' % arrived


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def firehose_body() -> bytes:
    """The content of each chunk of a firehose: 16,000 bytes of whole events."""
    return b"".join(events.event(number, 0) for number in range(FIREHOSE_CHUNK))
