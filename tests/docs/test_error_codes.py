"""The page of errors says what the source does."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from pathlib import Path

import attrs
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.settings import Settings
from tests.docs.error_codes import codes_in, find_codes
from tests.house import ROOT, Source

PAGE = ROOT / "docs" / "errors.md"
_ROW = re.compile(r"^\| (\d{3}) \| `([a-z_]+)` \| (.+) \| (.+) \|$", re.MULTILINE)


class ParsedAnywhere(Source):
    """A module outside the project, which has no name in it."""

    @property
    def name(self) -> str:
        return self.path.name


class ErrorsPageTests(SynchronousTestCase):
    """``docs/errors.md``."""

    maxDiff = None

    def setUp(self) -> None:
        self.text = PAGE.read_text()
        self.rows = _ROW.findall(self.text)

    def test_codes(self) -> None:
        """Every code that is raised is listed with its statuses, and none that is not."""
        listed: dict[str, set[int]] = defaultdict(set)
        for status, code, _, _ in self.rows:
            listed[code].add(int(status))
        self.assertEqual(find_codes(), dict(listed))

    def test_rows(self) -> None:
        """Every line of a table is such a row, and none stands twice."""
        lines = [line for line in self.text.splitlines() if re.match(r"\| \d", line)]
        self.assertEqual(len(lines), len(self.rows))
        self.assertEqual(len(lines), len(set(lines)))

    def test_settings(self) -> None:
        """Every setting that the page names exists."""
        tables = attrs.asdict(Settings(), recurse=True)
        named = set(re.findall(r"`((?:server|limits|timeouts|upstream)\.([a-z_]+))`", self.text))
        self.assertTrue(named)
        strange = [full for full, key in named if key not in tables[full.partition(".")[0]]]
        self.assertEqual([], strange)


class FindCodesTests(SynchronousTestCase):
    """Codes are found however they are written."""

    def codes(self, text: str) -> dict[str, set[int]]:
        """What is found in a module with this text."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "module.py"
            path.write_text(text)
            return codes_in([ParsedAnywhere(path)])

    def test_spellings(self) -> None:
        """A constant, a variable with two values, a parameter, and a part of a longer code."""
        for expected, text in (
            ({"a": {400}}, "ApiError(400, 'a', 'm')"),
            ({"a": {502}, "b": {502}}, "def f(x):\n c='a' if x else 'b'\n UpstreamError(502,c,'')"),
            ({"a": {504}}, "def f(c, n):\n BadHead(504, c, n)\nf('a', 'm')"),
            ({"a_timeout": {504}}, "def f(n):\n ApiError(504, f'{n}_timeout', '')\nf('a')"),
        ):
            self.assertEqual(expected, self.codes(text), text)

    def test_same_code_again(self) -> None:
        """A code that is taken over from another error counts where it was first raised."""
        self.assertEqual({}, self.codes("ApiError(fault.status, fault.code, fault.message)"))

    def test_unclear(self) -> None:
        """A code or a status that cannot be told from the source is an error, not a gap."""
        for text in ("ApiError(400, make(), '')", "ApiError(n, 'a', '')"):
            with self.assertRaises(ValueError, msg=text):
                self.codes(text)
