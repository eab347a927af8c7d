"""Frames of AWS event streams, made here and elsewhere, and botocore as their judge."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator

from botocore.eventstream import EventStreamBuffer

from magicgateway.wire.event_stream import Frame, FrameReader, encode_frame

EVENT = {":content-type": "application/json", ":message-type": "event"}
START = encode_frame({":event-type": "messageStart", **EVENT}, b'{"role":"assistant"}')
DELTA = encode_frame(
    {":event-type": "contentBlockDelta", **EVENT},
    '{"contentBlockIndex":0,"delta":{"text":"Hé"}}'.encode(),
)
STOP = encode_frame({":event-type": "messageStop", **EVENT}, b'{"stopReason":"end_turn"}')
EMPTY = bytes.fromhex("000000100000000005c248eb7d98c8ff")
THROTTLED = bytes.fromhex(
    "0000008e00000061514180540f3a657863657074696f6e2d747970650700137468726f74746c696e6745786365"
    "7074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d65737361"
    "67652d74797065070009657863657074696f6e7b226d657373616765223a22546f6f206d616e7920746f6b656e"
    "73227dc81b1ec1"
)
BROKEN_OFF = bytes.fromhex(
    "0000005800000048154692c10d3a6d6573736167652d747970650700056572726f720b3a6572726f722d636f64"
    "6507000d496e7465726e616c4572726f720e3a6572726f722d6d657373616765070004626f6f6d961cb456"
)
ALL_TYPES = bytes.fromhex(
    "0000005d0000004dadcce93e016100016201016302ff016403fffe016504fffffffd016605fffffffffffffffc"
    "016706000268690168070002c3a901690800000000000004d2016a09000102030405060708090a0b0c0d0e0f42"
    "37c85f"
)
NO_HEADERS = bytes.fromhex("0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936")
ENCODED = (START, DELTA, EMPTY, STOP, THROTTLED, BROKEN_OFF, ALL_TYPES, NO_HEADERS)
STREAM = b"".join(ENCODED)


def read(pieces: Iterable[bytes]) -> list[Frame]:
    reader = FrameReader()
    frames = [frame for piece in pieces for frame in reader.feed(piece)]
    reader.finish()
    return frames


def judged(stream: bytes) -> list[Frame]:
    """What botocore reads."""
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return [Frame(message.headers, message.payload) for message in buffer]


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


def sized(stream: bytes, size: int) -> Iterator[bytes]:
    return (stream[start : start + size] for start in range(0, len(stream), size))


def with_lengths(total: int, headers: int, rest: bytes = b"") -> bytes:
    """A prelude whose checksum fits, and what follows."""
    lengths = struct.pack("!II", total, headers)
    return lengths + struct.pack("!I", zlib.crc32(lengths)) + rest


def with_headers(block: bytes) -> bytes:
    """A frame whose checksums fit, around any bytes in the place of headers."""
    body = with_lengths(16 + len(block), len(block), block)
    return body + struct.pack("!I", zlib.crc32(body))
