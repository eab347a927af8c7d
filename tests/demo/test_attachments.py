from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.attachments import attachments

DATA = "data:image/png;base64,AAAA"
HASH = "709e80c8"


class AttachmentTests(SynchronousTestCase):
    def test_every_dialect(self) -> None:
        """What a message carries is told in the same words, whatever its dialect."""
        for part, expected in (
            ({"type": "image_url", "image_url": {"url": DATA}}, f"image image/png 3 bytes {HASH}"),
            ({"type": "input_image", "image_url": DATA}, f"image image/png 3 bytes {HASH}"),
            ({"type": "image_url", "image_url": "https://x/y"}, "image at https://x/y"),
            ({"type": "input_image", "file_id": "file-1"}, "image at file-1"),
            (
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}},
                f"document application/pdf 3 bytes {HASH}",
            ),
            ({"type": "input_file", "file_url": "https://x/y"}, "document at https://x/y"),
            (
                {"type": "input_audio", "input_audio": {"format": "wav", "data": "AAAA"}},
                f"audio wav 3 bytes {HASH}",
            ),
            (
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                },
                f"image image/png 3 bytes {HASH}",
            ),
            (
                {"type": "document", "source": {"type": "text", "data": "four"}},
                "document text 4 characters",
            ),
            (
                {"type": "image", "source": {"type": "url", "url": "https://x"}},
                "image at https://x",
            ),
            (
                {"document": {"format": "pdf", "source": {"bytes": "AAAA"}}},
                f"document pdf 3 bytes {HASH}",
            ),
            (
                {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/k"}}}},
                "video at s3://b/k",
            ),
            ({"document": {"format": "txt", "source": {"text": "a"}}}, "document txt"),
            ({"image": {"format": "png", "source": {"bytes": "?"}}}, "image png that is no base64"),
        ):
            with self.subTest(part=part):
                self.assertEqual((expected,), attachments([part]))

    def test_nested(self) -> None:
        """What a tool's result carries counts as well."""
        image = {"image": {"format": "png", "source": {"bytes": "AAAA"}}}
        content = [
            {"type": "text", "text": "a"},
            {"toolResult": {"toolUseId": "t", "content": [image]}},
            {"type": "tool_result", "content": [{"type": "image", "source": {"url": "u"}}]},
        ]
        self.assertEqual((f"image png 3 bytes {HASH}", "image at u"), attachments(content))

    def test_nothing(self) -> None:
        """Text, and what is no message, carry nothing."""
        for content in ("text", None, [5, {"type": "text"}, {"type": "file", "file": 1}]):
            self.assertEqual((), attachments(content))
