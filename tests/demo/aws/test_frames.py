from __future__ import annotations

from typing import Any

from botocore.eventstream import EventStreamBuffer
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws import frames
from magicgateway.demo.faults import Script, parse
from magicgateway.wire import jsontext

EMPTY = bytes.fromhex("000000100000000005c248eb7d98c8ff")
START = bytes.fromhex(
    "000000760000005296d5fade0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e7465"
    "6e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070005657665"
    "6e747b22726f6c65223a22617373697374616e74227d6fa8c599"
)
THROTTLED = bytes.fromhex(
    "0000008e00000061514180540f3a657863657074696f6e2d747970650700137468726f74746c696e674578636570"
    "74696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d657373616765"
    "2d74797065070009657863657074696f6e7b226d657373616765223a22546f6f206d616e7920746f6b656e73227d"
    "c81b1ec1"
)
BROKEN = bytes.fromhex(
    "0000005800000048154692c10d3a6d6573736167652d747970650700056572726f720b3a6572726f722d636f6465"
    "07000d496e7465726e616c4572726f720e3a6572726f722d6d657373616765070004626f6f6d961cb456"
)


def read(data: bytes) -> tuple[dict[str, Any], Any]:
    """One frame as botocore reads it, checksums included."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    [message] = list(buffer)
    return message.headers, jsontext.decode(message.payload) if message.payload else None


class FrameTests(SynchronousTestCase):
    def test_known_frames(self) -> None:
        """Frames are those that the real service and other writers send, byte for byte."""
        self.assertEqual(EMPTY, frames.frame({}, b""))
        headers = {
            ":event-type": "messageStart",
            ":content-type": "application/json",
            ":message-type": "event",
        }
        self.assertEqual(START, frames.frame(headers, b'{"role":"assistant"}'))
        value = {"message": "Too many tokens"}
        self.assertEqual(THROTTLED, frames.exception("ThrottlingException", value))
        self.assertEqual(BROKEN, frames.error("InternalError", "boom"))

    def test_events(self) -> None:
        """An event carries its name, its value, and padding of a length that varies."""
        lengths = set()
        for number in range(5):
            event = frames.event("metadata", {"a": number, "b": "Hé"}, 3, 1)
            headers, value = read(event.data)
            self.assertEqual("metadata", headers[":event-type"])
            lengths.add(len(value.pop("p")))
            self.assertEqual({"a": number, "b": "Hé"}, value)
            self.assertEqual((3, 1), (event.tokens, event.stage))
        self.assertGreater(len(lengths), 1)

    def test_told_to_fail(self) -> None:
        """The frame that breaks a stream is the exception that the script names, or an error."""
        headers, value = read(frames.error_of(Script()))
        self.assertEqual("modelStreamErrorException", headers[":exception-type"])
        self.assertEqual(500, value["originalStatusCode"])
        headers, value = read(
            frames.error_of(parse("error-event=0;kind=ValidationException;message=No."))
        )
        self.assertEqual("validationException", headers[":exception-type"])
        self.assertEqual({"message": "No."}, value)
        headers, value = read(frames.error_of(parse("error-event=0;kind=error")))
        self.assertEqual(("error", None), (headers[":message-type"], value))
