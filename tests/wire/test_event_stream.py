"""AWS event streams, judged by botocore's reader."""

from __future__ import annotations

import itertools
import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire.event_stream import (
    MAX_HEADERS,
    MAX_PAYLOAD,
    Frame,
    FrameCut,
    FrameError,
    FrameReader,
    HeaderType,
    HeaderValue,
    TypedValue,
    encode_frame,
)
from tests.wire.frames import (
    ALL_TYPES,
    BROKEN_OFF,
    DELTA,
    EMPTY,
    ENCODED,
    NO_HEADERS,
    START,
    STREAM,
    THROTTLED,
    cut,
    judged,
    read,
    sized,
    with_headers,
    with_lengths,
)

INTEGERS = {
    HeaderType.INT8: 7,
    HeaderType.INT16: 15,
    HeaderType.INT32: 31,
    HeaderType.INT64: 63,
    HeaderType.TIMESTAMP: 63,
}


def typed_integers(kind: HeaderType, bits: int) -> st.SearchStrategy[TypedValue]:
    whole = st.integers(-(2**bits), 2**bits - 1)
    return whole.map(lambda number: TypedValue(kind, number))


VALUES: st.SearchStrategy[HeaderValue | TypedValue] = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=40),
    st.text(max_size=40),
    st.binary(min_size=16, max_size=16).map(lambda raw: TypedValue(HeaderType.UUID, raw)),
    *[typed_integers(kind, bits) for kind, bits in INTEGERS.items()],
)
FRAMES = st.lists(
    st.tuples(st.dictionaries(st.text(max_size=20), VALUES, max_size=6), st.binary(max_size=200)),
    max_size=5,
)


def plain(value: HeaderValue | TypedValue) -> HeaderValue:
    return value.value if isinstance(value, TypedValue) else value


class FrameReaderTests(SynchronousTestCase):
    """Bytes to frames."""

    def wrong(self, stream: bytes, reader: FrameReader | None = None) -> FrameError:
        """The error that a stream ends with, after its good frames."""
        reader = reader or FrameReader()
        error = self.assertRaises(FrameError, list, reader.feed(stream))
        assert isinstance(error, FrameError)
        return error

    def test_known_frames(self) -> None:
        """Frames made elsewhere are read as their makers meant them."""
        (empty,) = read([EMPTY])
        self.assertEqual(({}, b""), (empty.headers, empty.payload))
        (throttled,) = read([THROTTLED])
        self.assertEqual("throttlingException", throttled.text(":exception-type"))
        self.assertEqual("exception", throttled.text(":message-type"))
        self.assertEqual(b'{"message":"Too many tokens"}', throttled.payload)
        (broken,) = read([BROKEN_OFF])
        self.assertEqual("InternalError", broken.text(":error-code"))
        self.assertEqual("boom", broken.text(":error-message"))
        (bare,) = read([NO_HEADERS])
        self.assertEqual(({}, b"{'foo':'bar'}"), (bare.headers, bare.payload))

    def test_every_type(self) -> None:
        """Every type of header is read."""
        (frame,) = read([ALL_TYPES])
        self.assertEqual(
            {
                "a": True, "b": False, "c": -1, "d": -2, "e": -3, "f": -4, "g": b"hi",
                "h": "é", "i": 1234, "j": bytes(range(16)),
            },
            dict(frame.headers),
        )  # fmt: skip
        self.assertEqual("é", frame.text("h"))
        self.assertEqual("", frame.text("g"))
        self.assertEqual("", frame.text("none"))

    def test_judge_agrees(self) -> None:
        """The same bytes are the same frames for botocore."""
        self.assertEqual(judged(STREAM), read([STREAM]))
        self.assertEqual(8, len(judged(STREAM)))

    def test_every_cut(self) -> None:
        """Wherever a read ends, each frame comes out with its last byte and not before."""
        whole = read([STREAM])
        ends = list(itertools.accumulate(len(encoded) for encoded in ENCODED))
        for place in range(len(STREAM) + 1):
            reader = FrameReader()
            first = list(reader.feed(STREAM[:place]))
            self.assertEqual(sum(end <= place for end in ends), len(first))
            self.assertEqual(place - max([0, *(end for end in ends if end <= place)]), reader.held)
            self.assertEqual(whole, first + list(reader.feed(STREAM[place:])))
            reader.finish()
        self.assertEqual(whole, read(sized(STREAM, 1)))
        self.assertEqual(whole, read(sized(STREAM, 7)))

    @given(FRAMES, st.lists(st.integers(0, 2**16), max_size=12))
    @settings(deadline=None, max_examples=150)
    def test_any_frames_in_any_pieces(self, frames: list[Any], places: list[int]) -> None:
        """What is written is read again, however it is cut, by us and by botocore."""
        meant = [
            Frame({name: plain(value) for name, value in headers.items()}, payload)
            for headers, payload in frames
        ]
        stream = b"".join(encode_frame(headers, payload) for headers, payload in frames)
        self.assertEqual(meant, read(cut(stream, places)))
        self.assertEqual(meant, judged(stream))

    def test_data_are_taken_at_once(self) -> None:
        """Frames that nobody asked for yet are not lost."""
        reader = FrameReader()
        reader.feed(START)
        frames = reader.feed(DELTA)
        self.assertEqual(len(START) + len(DELTA), reader.held)
        self.assertEqual(read([START, DELTA]), list(frames))

    def test_shared_headers_cannot_change(self) -> None:
        """No reader of one frame can change the headers of the next."""
        first, second = read([DELTA, DELTA])
        self.assertIs(first.headers, second.headers)
        with self.assertRaises(TypeError):
            first.headers["x"] = "y"  # type: ignore[index] # that is the point

    def test_memory_of_headers_is_bounded(self) -> None:
        """A stream whose headers are always new is read all the same."""
        blocks = [{"n": str(number)} for number in range(200)]
        frames = read([b"".join(encode_frame(block) for block in [*blocks, *blocks])])
        self.assertEqual([*blocks, *blocks], [dict(frame.headers) for frame in frames])

    def test_end_inside_a_frame(self) -> None:
        """The end of the stream is good between frames and nowhere else."""
        ends = {0, *itertools.accumulate(len(encoded) for encoded in ENCODED)}
        for place in range(len(STREAM) + 1):
            reader = FrameReader()
            list(reader.feed(STREAM[:place]))
            self.assertEqual(place in ends, reader.held == 0)
            if place in ends:
                reader.finish()
                continue
            cut = self.assertRaises(FrameCut, reader.finish)
            self.assertEqual(("end", place), (cut.field, cut.offset))
            self.assertIs(cut, self.assertRaises(FrameCut, list, reader.feed(STREAM[place:])))

    def test_what_is_wrong_is_named(self) -> None:
        """An error names the part at fault and its place in the stream, after the good frames."""
        good = len(START)
        for field, offset, bad in (
            ("total length", 0, bytes.fromhex("ffffffff00000000ffffffff")),
            ("total length", 0, bytes.fromhex("000000040000000090a279a9")),
            ("prelude checksum", 8, DELTA[:8] + b"!!!!"),
            ("total length", 0, with_lengths(115, 100)),
            ("total length", 0, with_lengths(0xFFFFFFFF, 0)),
            ("total length", 0, with_lengths(MAX_PAYLOAD + 17, 0)),
            ("headers length", 4, with_lengths(MAX_HEADERS + 17, MAX_HEADERS + 1)),
            ("frame checksum", len(DELTA) - 4, DELTA[:-1] + b"!"),
            ("frame checksum", len(DELTA) - 4, DELTA[:40] + b"!" + DELTA[41:]),
            ("header", 12, with_headers(b"\x01a\x0a")),
            ("header", 12, with_headers(b"\x02a")),
            ("header", 12, with_headers(b"\x01a")),
            ("header", 12, with_headers(b"\x01\xff\x00")),
            ("header", 15, with_headers(b"\x01b\x00\x01a\x07\x00\x01\xff")),
            ("header", 15, with_headers(b"\x01b\x00\x01a\x07\x00\x02x")),
            ("header", 15, with_headers(b"\x01b\x00\x01a\x07\x00")),
            ("header", 15, with_headers(b"\x01b\x00\x01a\x05\x00")),
            ("header", 15, with_headers(b"\x01b\x00\x01a\x09" + bytes(15))),
            ("header", 15, with_headers(b"\x01a\x00\x01a\x01")),
        ):
            with self.subTest(field=field, bad=bad[:40]):
                reader = FrameReader()
                got: list[Frame] = []
                with self.assertRaises(FrameError) as caught:
                    got.extend(reader.feed(START))
                    got.extend(reader.feed(bad))
                self.assertEqual(read([START]), got)
                self.assertEqual(
                    (field, good + offset), (caught.exception.field, caught.exception.offset)
                )
                self.assertIn(f"byte {good + offset} of the stream", str(caught.exception))
                self.assertEqual(1, str(caught.exception).count("of the stream"))
                self.assertEqual(0, reader.held)

    def test_good_frames_come_first(self) -> None:
        """Frames before a wrong one are given, though both came in the same read."""
        frames = FrameReader().feed(START + DELTA + b"\xff" * 20)
        self.assertEqual(read([START]), [next(frames)])
        self.assertEqual(read([DELTA]), [next(frames)])
        self.assertRaises(FrameError, next, frames)

    def test_error_is_final(self) -> None:
        """After an error nothing is read any more, and the end is no good end."""
        reader = FrameReader()
        error = self.wrong(b"\xff" * 12, reader)
        self.assertIs(error, self.wrong(START, reader))
        self.assertIs(error, self.assertRaises(FrameError, reader.finish))

    def test_own_limit(self) -> None:
        """A payload may be as long as the reader was told, and no longer."""
        self.assertEqual(b"12345", next(FrameReader(5).feed(encode_frame({}, b"12345"))).payload)
        self.assertEqual(
            "total length", self.wrong(encode_frame({}, b"12345"), FrameReader(4)).field
        )

    def test_limits_of_the_format(self) -> None:
        """The longest headers are read."""
        headers: dict[str, HeaderValue] = {f"{number}": bytes(65_000) for number in range(2)}
        (frame,) = read([encode_frame(headers)])
        self.assertEqual(headers, dict(frame.headers))

    def test_large_frames_take_linear_time(self) -> None:
        """Eight times the bytes of one frame take about eight times as long."""
        small, large = (encode_frame({}, bytes(size << 20)) for size in (2, 16))

        def seconds(stream: bytes) -> float:
            begun = time.process_time()
            self.assertEqual(1, len(read(sized(stream, 1460))))
            return time.process_time() - begun

        least = min(seconds(small) for _ in range(3))
        self.assertLess(min(seconds(large) for _ in range(3)), 24 * least)


class EncodeFrameTests(SynchronousTestCase):
    """Frames to bytes."""

    def test_known_frames(self) -> None:
        """What is written equals, byte for byte, frames made elsewhere."""
        self.assertEqual(EMPTY, encode_frame())
        self.assertEqual(NO_HEADERS, encode_frame(payload=b"{'foo':'bar'}"))
        self.assertEqual(
            THROTTLED,
            encode_frame(
                {
                    ":exception-type": "throttlingException",
                    ":content-type": "application/json",
                    ":message-type": "exception",
                },
                b'{"message":"Too many tokens"}',
            ),
        )
        self.assertEqual(
            ALL_TYPES,
            encode_frame(
                {
                    "a": True,
                    "b": False,
                    "c": TypedValue(HeaderType.INT8, -1),
                    "d": TypedValue(HeaderType.INT16, -2),
                    "e": TypedValue(HeaderType.INT32, -3),
                    "f": -4,
                    "g": b"hi",
                    "h": "é",
                    "i": TypedValue(HeaderType.TIMESTAMP, 1234),
                    "j": TypedValue(HeaderType.UUID, bytes(range(16))),
                }
            ),
        )

    def test_what_does_not_fit(self) -> None:
        """Values that a frame cannot carry are refused by name."""
        for headers in (
            {"x": TypedValue(HeaderType.INT8, 128)},
            {"x": TypedValue(HeaderType.INT32, b"1")},
            {"x": TypedValue(HeaderType.UUID, b"short")},
            {"x": TypedValue(HeaderType.STRING, 5)},
            {"x": 2**63},
            {"x": bytes(65_536)},
            {"x" * 256: True},
        ):
            error = self.assertRaises(FrameError, encode_frame, headers)
            self.assertEqual(("header", None), (error.field, error.offset))
            self.assertIn("'x", str(error))
        many = {str(number): bytes(65_000) for number in range(3)}
        self.assertEqual("headers length", self.assertRaises(FrameError, encode_frame, many).field)
        long = bytes(MAX_PAYLOAD + 1)
        self.assertEqual("payload", self.assertRaises(FrameError, encode_frame, {}, long).field)
