from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.bedrock_converse.frames import (
    event_frame,
    exception_frame,
    named,
)
from magicgateway.wire.event_stream import Frame, FrameReader

V6 = bytes.fromhex(
    "0000008e00000061514180540f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074"
    "696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74"
    "797065070009657863657074696f6e7b226d657373616765223a22546f6f206d616e7920746f6b656e73227dc81b1e"
    "c1"
)
V7 = bytes.fromhex(
    "0000005800000048154692c10d3a6d6573736167652d747970650700056572726f720b3a6572726f722d636f646507"
    "000d496e7465726e616c4572726f720e3a6572726f722d6d657373616765070004626f6f6d961cb456"
)


class FrameTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Events have their types' names; exceptions and errors say that they are."""
        cases: list[tuple[dict[str, str], bytes, tuple[str, bytes]]] = [
            ({":message-type": "event", ":event-type": "metadata"}, b"{}", ("metadata", b"{}")),
            ({":event-type": "metadata"}, b"{}", ("metadata", b"{}")),
            ({}, b"", ("", b"")),
            (
                {":message-type": "exception", ":exception-type": "brandNew"},
                b"{}",
                ("exception:brandNew", b"{}"),
            ),
            (
                {":message-type": "error", ":error-code": "E", ":error-message": "m"},
                b"",
                ("error:E", b'{"message":"m"}'),
            ),
            ({":message-type": "error"}, b"x", ("error:", b"x")),
        ]
        for headers, payload, expected in cases:
            self.assertEqual(expected, named(Frame(headers, payload)))

    def test_vectors(self) -> None:
        """V6 and V7 are an exception and an error."""
        first, second = FrameReader().feed(V6 + V7)
        data = b'{"message":"Too many tokens"}'
        self.assertEqual(("exception:throttlingException", data), named(first))
        self.assertEqual(("error:InternalError", b'{"message":"boom"}'), named(second))

    def test_written(self) -> None:
        """What is written is read as what it was."""
        event = event_frame("metadata", {"a": "é"})
        exception = exception_frame("throttlingException", {"message": "m"})
        read = [named(frame) for frame in FrameReader().feed(event + exception)]
        self.assertEqual(
            [
                ("metadata", '{"a":"é"}'.encode()),
                ("exception:throttlingException", b'{"message":"m"}'),
            ],
            read,
        )
