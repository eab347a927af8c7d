"""Whether the golden cases show all that there is to show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire.jsontext import encode
from tests.golden.cases import EXPECTING, FOLDER, Case, all_cases, table

_GIVEN = (
    "case",
    "door",
    "target",
    "provider",
    "model",
    "toml",
    "framing",
    "abilities",
    "request",
    "answer",
    "events",
    "failing",
)


class CoverageTests(SynchronousTestCase):
    """Every row and every number has a case."""

    maxDiff = None

    def test_cases_expect_something(self) -> None:
        """No case is without an expectation."""
        idle = [case.title for case in all_cases() if not set(EXPECTING) & case.data.keys()]
        self.assertEqual([], idle)

    def test_no_doubles(self) -> None:
        """No two cases of a number or a row begin with the same."""
        seen = Counter(_beginning(case) for case in all_cases())
        self.assertEqual([], [beginning for beginning, times in seen.items() if times > 1])

    def test_rows(self) -> None:
        """The numbered cases and the rows of the mapping tables, but those shown elsewhere."""
        self.assertEqual("", "\n".join(_missing(all_cases())))
        unknown = sorted(set(table("elsewhere.json")) - set(_wanted()))
        self.assertEqual([], unknown, "shown elsewhere, but no row")

    def test_each_is_missed(self) -> None:
        """A row whose cases are taken away is missing, unless it is shown elsewhere, too."""
        rows_of_cases = [case.rows for case in all_cases()]
        elsewhere = set(table("elsewhere.json"))
        for row in _wanted():
            shown = elsewhere.union(*(rows for rows in rows_of_cases if row not in rows))
            self.assertEqual(row not in elsewhere, row not in shown, row)

    def test_elsewhere(self) -> None:
        """What is shown elsewhere names tests that there are, and that say so themselves."""
        told = cast("dict[str, list[str]]", table("elsewhere.json"))
        gone = []
        for row, places in told.items():
            for place in places:
                path, _, test = place.partition(": ")
                file = FOLDER.parents[1] / path
                text = file.read_text() if file.is_file() else ""
                found = re.search(rf'def {test}\(.*?"""(.*?)"""', text, re.DOTALL)
                said = " ".join(found[1].split()).partition(": ")[0] if found else ""
                if row not in re.split(r", | and ", said):
                    gone.append(f"{row}: {place}")
        self.assertEqual([], gone)


def _wanted() -> list[str]:
    """Every row of the tables, and every number."""
    listed = table("rows.json")
    wanted = [f"{section} {row}" for section, rows in listed["rows"].items() for row in rows]
    for prefix, most in listed["numbered"].items():
        wanted += [f"{prefix}{number}" for number in range(1, most + 1)]
    return wanted


def _missing(cases: Iterable[Case]) -> list[str]:
    """Rows that none of the cases shows, nor anything elsewhere."""
    shown = set(table("elsewhere.json")).union(*(case.rows for case in cases))
    return [row for row in _wanted() if row not in shown]


def _beginning(case: Case) -> bytes:
    """What a case is about, without what becomes of it."""
    return encode({key: case.get(key) for key in _GIVEN})
