"""Cutting a provider's bytes into events, whatever it frames them with."""

from __future__ import annotations

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.framing import AWS_CHUNKS, AWS_EVENT_STREAM, SSE, open_framing
from magicgateway.dialects.grammar import FailedReply, NoAnswer
from magicgateway.wire import sse
from magicgateway.wire.event_stream import encode_frame
from magicgateway.wire.jsontext import encode

Events = list[tuple[str, bytes]]


def event(name: str, payload: bytes, kind: str = "event") -> bytes:
    return encode_frame({":message-type": kind, f":{kind}-type": name}, payload)


def chunk(data: bytes) -> bytes:
    return event("chunk", encode({"bytes": b64encode(data).decode()}))


class FramingTests(SynchronousTestCase):
    def _cut(self, framing: str, *pieces: bytes) -> tuple[Events, bool]:
        """Every event, and whether the end fell into one."""
        cutter = open_framing(framing)
        found = [found for piece in pieces for found in cutter.feed(piece)]
        found += cutter.rest()
        return found, cutter.cut

    def test_events(self) -> None:
        """Server-sent events, whole whatever the pieces are."""
        stream = b': x\n\ndata: {"a":1}\n\nevent: e\r\ndata: b\r\n\r\n'
        expected = [("message", b'{"a":1}'), ("e", b"b")]
        self.assertEqual((expected, False), self._cut(SSE, stream))
        single = [stream[i : i + 1] for i in range(len(stream))]
        self.assertEqual((expected, False), self._cut(SSE, *single))

    def test_unfinished_events(self) -> None:
        """A last one without its empty line counts if it is whole in itself."""
        for rest, expected in (
            (b'data: {"a":1}', ([("message", b'{"a":1}')], False)),
            (b"data: [DONE]", ([("message", b"[DONE]")], False)),
            (b'data: {"a":', ([], True)),
            (b"\n \n", ([], False)),
            (b": comment", ([], False)),
        ):
            self.assertEqual(expected, self._cut(SSE, rest), rest)

    def test_endless_events(self) -> None:
        """One that nobody could hold is no answer."""
        cutter = open_framing(SSE)
        with self.assertRaises(NoAnswer):
            list(cutter.feed(b"data: " + b"x" * sse.LIMIT))

    def test_frames(self) -> None:
        """Frames by the names of their events, exceptions and errors."""
        error = encode_frame({":message-type": "error", ":error-code": "Oops"}, b"")
        nameless = encode_frame({":message-type": "error"}, b"")
        stream = event("a", b"1") + event("bException", b"2", "exception") + error + nameless
        expected = [
            ("a", b"1"),
            ("exception:bException", b"2"),
            ("error:Oops", b'{"message":""}'),
            ("error:", b'{"message":""}'),
        ]
        self.assertEqual((expected, False), self._cut(AWS_EVENT_STREAM, stream))
        self.assertEqual((expected[:3], True), self._cut(AWS_EVENT_STREAM, stream[:-1]))

    def test_broken_frames(self) -> None:
        """What came before a frame that cannot be trusted is there, then it is no answer."""
        broken = bytearray(event("a", b"1") + event("b", b"2"))
        broken[-1] ^= 1
        found: Events = []
        with self.assertRaises(NoAnswer):
            for one in open_framing(AWS_EVENT_STREAM).feed(bytes(broken)):
                found.append(one)
        self.assertEqual([("a", b"1")], found)

    def test_chunks(self) -> None:
        """Events inside of frames; what is no chunk keeps its name."""
        stream = chunk(b'{"type":"ping"}') + event("foo", b"{}")
        expected = [("", b'{"type":"ping"}'), ("foo", b"{}")]
        self.assertEqual((expected, False), self._cut(AWS_CHUNKS, stream))

    def test_failed_chunks(self) -> None:
        """An exception among chunks is said as the failure it is, whichever way it is framed."""
        for payload, message in ((b'{"message":"slow"}', "slow"), (b"", None), (b"[]", None)):
            for kind in ("exception", "event"):
                frame = event("throttlingException", payload, kind)
                with self.assertRaises(FailedReply) as raised:
                    list(open_framing(AWS_CHUNKS).feed(frame))
                failure = raised.exception.failure
                self.assertEqual("rate_limit", failure.kind)
                self.assertEqual(message or failure.message, failure.message)

    def test_empty_chunks(self) -> None:
        """A chunk without an event is no answer."""
        for payload in (b"", b"[]", b"{}", b'{"bytes":7}', b'{"bytes":"*"}', b'{"bytes":"a"}'):
            with self.assertRaises(NoAnswer):
                list(open_framing(AWS_CHUNKS).feed(event("chunk", payload)))
