from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.toml_file import read_file
from magicgateway.errors import ConfigError
from tests.config.sources import files


class ReadFileTests(SynchronousTestCase):
    def test_table(self) -> None:
        """A file becomes its table, with a byte order mark and any line ends."""
        self.assertEqual({"a": {"b": 1}}, read_file("f", files({"f": "\ufeff[a]\r\nb = 1\r\n"})))

    def test_syntax(self) -> None:
        """A syntax error is one sentence with line and column, wherever the parser noticed it."""
        cases = [
            ("line 1, column 5: invalid value", "a = "),
            ("line 2, column 6: cannot overwrite a value", "a = 1\na = 2"),
            ("line 2, column 10: invalid value", "[b]\nap_key = sk-canary"),
            ("line 2, column 12: unterminated string", '[b]\nk = "canary'),
            ("line 1, column 8: expected ']'", "[server\n"),
            ("a number in it cannot be read", "a = " + "9" * 5000),
        ]
        for expected, text in cases:
            with self.subTest(text=text[:40]):
                error = self.assertRaises(
                    ConfigError, read_file, "gw.toml", files({"gw.toml": text})
                )
                self.assertIn(expected, str(error))
                self.assertNotIn("canary", str(error))
                self.assertEqual("gw.toml", error.source)
                self.assertEqual(1, len(str(error).splitlines()))

    def test_depth(self) -> None:
        """A file that is nested absurdly deep is an error, not a crash."""
        text = "a = " + "[" * 20_000 + "]" * 20_000
        error = self.assertRaises(ConfigError, read_file, "f", files({"f": text}))
        self.assertIn("deep", str(error))

    def test_unreadable(self) -> None:
        """A file that is missing, forbidden or no text is named with the reason."""
        cases: list[tuple[str, dict[str, str | Exception]]] = [
            ("No such file", {}),
            ("Permission denied", {"f": PermissionError(13, "Permission denied")}),
            ("no text in UTF-8", {"f": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")}),
        ]
        for expected, contents in cases:
            error = self.assertRaises(ConfigError, read_file, "f", files(contents))
            self.assertIn(expected, str(error))
            self.assertTrue(str(error).startswith("f: "))
