from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.references import (
    Reference,
    credential,
    is_sendable,
    reference,
    virtual_keys,
)
from magicgateway.config.unfit import Unfit
from tests.config.sources import files

LONG = "0123456789abcdef"


class ReferenceTests(SynchronousTestCase):
    def test_forms(self) -> None:
        """A reference names a variable or a path; white space around is nothing."""
        cases = [
            (Reference("env", "KEY"), "env:KEY"),
            (Reference("env", "key_2"), " env: key_2 "),
            (Reference("file", "/run/a b"), "file:/run/a b"),
            (Reference("file", "C:/x"), "file:C:/x"),
        ]
        for expected, text in cases:
            self.assertEqual(expected, reference(text))

    def test_anything_else_is_refused(self) -> None:
        """What is no reference is refused, and not repeated."""
        for text in (
            "",
            "sk-canary",
            "env:",
            "file:",
            "env:sk-canary",
            "ENV:canary",
            "http://canary",
        ):
            with self.subTest(text=text):
                error = self.assertRaises(Unfit, reference, text)
                self.assertNotIn("canary", str(error))


class CredentialTests(SynchronousTestCase):
    def test_places(self) -> None:
        """A credential is read from a variable or a file, stripped, and knows its origin."""
        cases = [("env:KEY", {"KEY": " s3 \n"}, {}), ("file:k", {}, {"k": "\ufeffs3\r\n"})]
        for text, environment, contents in cases:
            secret = credential(reference(text), environment, files(contents))
            self.assertEqual("s3", secret.reveal())
            self.assertEqual(text, secret.origin)

    def test_missing(self) -> None:
        """A missing, blank, unreadable or unsendable credential is refused with its place."""
        cases: list[tuple[str, str, dict[str, str], dict[str, str | Exception]]] = [
            ("variable KEY is not set", "env:KEY", {}, {}),
            ("variable KEY is not set", "env:KEY", {"KEY": "  "}, {}),
            ("file /k cannot be read (No such file", "file:/k", {}, {}),
            (
                "cannot be read (Permission denied)",
                "file:/k",
                {},
                {"/k": PermissionError(13, "Permission denied")},
            ),
            (
                "no text in UTF-8",
                "file:/k",
                {},
                {"/k": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x")},
            ),
            ("file /k is empty", "file:/k", {}, {"/k": " \n"}),
            ("visible ASCII", "file:/k", {}, {"/k": "canary\ncanary"}),
            ("visible ASCII", "env:KEY", {"KEY": "canäry"}, {}),
        ]
        for expected, text, environment, contents in cases:
            with self.subTest(text=text, contents=contents):
                error = self.assertRaises(
                    Unfit, credential, reference(text), environment, files(contents)
                )
                self.assertIn(expected, str(error))
                self.assertNotIn("canary", str(error))

    def test_a_secret_in_place_of_a_name_is_not_repeated(self) -> None:
        """What may be a secret behind env: or file: is not repeated by the error."""
        for text in ("env:gsk_canary", "file:sk-canary"):
            error = self.assertRaises(Unfit, credential, reference(text), {}, files({}))
            self.assertNotIn("canary", str(error))


class VirtualKeysTests(SynchronousTestCase):
    def test_one_a_line(self) -> None:
        """Each line is a key; blank lines and comments are none."""
        text = f"# team a\n{LONG}1\n\n  {LONG}2  \r\n#{LONG}3\n"
        keys = virtual_keys(reference("file:k"), {}, files({"k": text}))
        self.assertEqual([f"{LONG}1", f"{LONG}2"], [key.reveal() for key in keys])

    def test_length(self) -> None:
        """A key of 16 characters is long enough, one of 15 is not."""
        keys = virtual_keys(reference("env:K"), {"K": LONG}, files({}))
        self.assertEqual([LONG], [key.reveal() for key in keys])
        error = self.assertRaises(
            Unfit, virtual_keys, reference("env:K"), {"K": f"{LONG}\n{LONG[1:]}"}, files({})
        )
        self.assertIn("line 2", str(error))
        self.assertNotIn(LONG[1:], str(error))

    def test_no_key(self) -> None:
        """A place without a key is refused, lest the gateway be open by mistake."""
        for text in ("", " \n", "# only\n\n# comments"):
            self.assertRaises(Unfit, virtual_keys, reference("file:k"), {}, files({"k": text}))

    def test_unsendable(self) -> None:
        """A key that no header field can hold is refused."""
        for text in (f"{LONG} {LONG}", LONG + "ä"):
            self.assertRaises(Unfit, virtual_keys, reference("file:k"), {}, files({"k": text}))


class SendableTests(SynchronousTestCase):
    def test_characters(self) -> None:
        """Visible ASCII can be sent; nothing, blanks, line ends and other letters cannot."""
        for expected, text in [
            (True, "sk-A~!"),
            (False, ""),
            (False, "a b"),
            (False, "a\n"),
            (False, "ä"),
        ]:
            self.assertEqual(expected, is_sendable(text))
