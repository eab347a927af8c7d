"""One word for each reason: in the source, in the golden cases and on the pages."""

from __future__ import annotations

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.reasons import Reason
from tests.docs.reasons import is_known, strange_reasons, table, used, words_in
from tests.docs.test_doors import TablesTestCase
from tests.docs.test_error_codes import ParsedAnywhere
from tests.house import ROOT, python_files


class VocabularyTests(TablesTestCase):
    """``x-magicgateway-warning`` has a closed set of reasons."""

    def test_page(self) -> None:
        """``docs/translation.md`` lists every word with its meaning."""
        self.expect("translation.md", "reasons", table())

    def test_source(self) -> None:
        """Nothing tells of a difference for a reason that is not in the vocabulary."""
        self.assertEqual([], strange_reasons(python_files("magicgateway")))

    def test_no_idle_words(self) -> None:
        """Every word is used."""
        others = [one for one in python_files("magicgateway") if one.path.name != "reasons.py"]
        self.assertEqual(set(Reason.__members__), set(used(others)))

    def test_quoted(self) -> None:
        """Golden cases, tests and pages quote no other words."""
        files = [
            path
            for folder, ending in (("tests/golden", "json"), ("docs", "md"), ("tests", "py"))
            for path in (ROOT / folder).rglob(f"*.{ending}")
            if "node_modules" not in path.parts and path.name not in _OWN_WORDS
        ]
        quoted = {(word, path.name) for path in files for word in words_in(path.read_text())}
        self.assertGreater(len(quoted), len(Reason))
        self.assertEqual([], sorted(one for one in quoted if not is_known(one[0])))


_OWN_WORDS = {"test_reasons.py"}
"""Files that make up words on purpose."""


class StrangeReasonTests(SynchronousTestCase):
    """Words that are not in the vocabulary are found however they are written."""

    def test_found(self) -> None:
        """Texts, made-up texts and keywords are strange; members and variables are not."""
        for text, strange in (
            ("ledger.drop(f, 'odd')", True),
            ("self._ledger.clamp(f, f'to-{level}')", True),
            ("ledger.emulate(f, reason='odd')", True),
            ("Note(f, DROPPED, 'a-' + b)", True),
            ("ledger.rewrite(f, Reason.AS_TEXT)", False),
            ("ledger.drop(f)", False),
            ("ledger.drop(f, said)", False),
            ("channel.drop()", False),
        ):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "module.py"
                path.write_text(text)
                self.assertEqual(strange, bool(strange_reasons([ParsedAnywhere(path)])), text)

    def test_known(self) -> None:
        """A word stands alone, and before what follows it where something does."""
        for word, expected in (
            ("told-as-text", True),
            ("at-most-4", True),
            ("nearest-effort-high", True),
            ("at-most", False),
            ("told-as-text-4", False),
            ("odd", False),
        ):
            self.assertEqual(expected, is_known(word), word)

    def test_words(self) -> None:
        """Header lines are found in any text."""
        text = 'x "a[0].b;dropped;blank", `c;clamped;at-most-4` d;kept;odd'
        self.assertEqual(["blank", "at-most-4"], list(words_in(text)))
