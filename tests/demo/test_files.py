from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import Refusal
from magicgateway.demo.faults import parse
from magicgateway.demo.files import content, delete_file, list_files, one_file, upload
from magicgateway.demo.multipart import Form, Part
from magicgateway.wire import jsontext
from tests.demo.calls import body_of, call_of, json_of

FILE = Part("file", "batch.jsonl", "application/json", 12, "ab" * 32, "")
PURPOSE = Part("purpose", None, "text/plain", 5, "", "batch")
NAME = "file-" + "ab" * 12


class FileTests(SynchronousTestCase):
    def test_upload(self) -> None:
        """The id follows from the content; name, size and purpose are told."""
        value = json_of(upload(call_of(form=Form((FILE, PURPOSE), True))))
        self.assertEqual(
            (NAME, 12, "batch.jsonl", "batch"),
            tuple(value[key] for key in ("id", "bytes", "filename", "purpose")),
        )

    def test_upload_without_purpose(self) -> None:
        """A purpose must be given."""
        refusal = self.assertRaises(Refusal, upload, call_of(form=Form((FILE,), True)))
        self.assertEqual("purpose", refusal.param)

    def test_content(self) -> None:
        """A file's content has the size that is told, and is JSON lines in order."""
        call = call_of()
        data = body_of(content(call, NAME))
        lines = [jsontext.decode(line)["line"] for line in data.splitlines()]
        self.assertEqual(json_of(one_file(call, NAME))["bytes"], len(data))
        self.assertEqual(list(range(len(lines))), lines)

    def test_bytes(self) -> None:
        """The script's size is exact."""
        for size in (1, 80, 1_000_000):
            with self.subTest(size=size):
                answer = content(call_of(script=parse(f"bytes={size}")), NAME)
                self.assertEqual((size, size), (answer.length, len(body_of(answer))))

    def test_list_and_delete(self) -> None:
        """The list is empty, because nothing is stored; any file can be deleted."""
        self.assertEqual([], json_of(list_files(call_of()))["data"])
        self.assertIs(True, json_of(delete_file(call_of(), NAME))["deleted"])

    def test_unknown(self) -> None:
        """What has no file's id is no file."""
        for make in (one_file, delete_file, content):
            for name in ("x", "file-demo-missing"):
                with self.subTest(name=name):
                    self.assertEqual(404, self.assertRaises(Refusal, make, call_of(), name).status)
