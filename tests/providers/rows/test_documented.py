"""docs/providers.md says what the rows say, so its tables cannot rot."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from attrs import fields_dict, has
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.row import OWN, ProviderRow, Quirk
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.compatible import COMPATIBLE
from tests.house import ROOT

PAGE = ROOT / "docs" / "providers.md"


def table(heads: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    heads = list(heads)
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *map(list, lines)]
    )


def code(words: Iterable[str]) -> str:
    """Words as code, in one cell."""
    return ", ".join(f"`{word}`" for word in words)


def dialects_of(row: ProviderRow) -> list[str]:
    """What a row speaks, without lists of models, in alphabetical order."""
    spoken = {dialect for operation in row.operations.values() for dialect in operation.dialects}
    return sorted(dialect for dialect in spoken - {OWN} if not dialect.endswith("_models"))


def providers_table() -> str:
    """One line for each provider."""
    return table(
        ["Name", "Also", "Provider", "Base URL", "Dialects", "Key"],
        [
            [
                f"[`{row.name}`](providers/{row.name}.md)",
                code(row.aliases),
                f"[{row.title}]({row.source})",
                code([row.base_url]),
                code(dialects_of(row)),
                code(row.environment) or "none",
            ]
            for row in ROWS
        ],
    )


def _told(quirk: Quirk) -> str:
    renamed = f"to `{quirk.replacement}`: " if quirk.replacement else ""
    return f"{renamed}{quirk.reason}"


def quirks_table(row: ProviderRow) -> str:
    """One line for each kind, reason and source; subjects share it."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for quirk in row.quirks:
        key = (quirk.kind, _told(quirk), quirk.source, quirk.checked)
        lines.setdefault(key, []).append(quirk.subject)
    return table(
        ["Kind", "What", "Why", "Checked"],
        [
            [kind, code(subjects), told, f"[{checked}]({source})"]
            for (kind, told, source, checked), subjects in lines.items()
        ],
    )


def differing(value: Any, usual: Any) -> list[str]:
    """The attributes of a value that are not as usual, as ``name: what``."""
    found = []
    for name in fields_dict(type(value)):
        mine, theirs = getattr(value, name), getattr(usual, name)
        if mine == theirs or name == "origin":
            continue
        if has(type(mine)):
            found += differing(mine, theirs)
        elif isinstance(mine, frozenset):
            found += [f"no {one}" for one in sorted(mine - theirs)]
            found += sorted(theirs - mine)
        elif isinstance(mine, tuple):
            found.append(f"{name}: {' '.join(mine)}")
        else:
            shown = {True: "yes", False: "no", "": "none"}.get(mine, mine)
            found.append(f"{name}: {shown}")
    return found


def abilities_table() -> str:
    """One line for each provider with OpenAI's chat that differs from the usual."""
    return table(
        ["Provider", "What differs", "Checked"],
        [
            [code([row.name]), code(found), f"[{row.checked}]({row.source})"]
            for row in ROWS
            if row.dialect == "openai"
            and row.name != "openai"
            and (found := differing(row.abilities, COMPATIBLE))
        ],
    )


class DocumentedTests(SynchronousTestCase):
    maxDiff = None

    def _expect(self, name: str, expected: str) -> None:
        marked = rf"<!-- {name}: .*?-->\n\n(.*?)\n\n<!-- end of {name} -->"
        found = re.search(marked, PAGE.read_text(), re.DOTALL)
        shown = found[1] if found else ""
        if shown != expected:
            print(f"\ndocs/providers.md should have this table between its {name} marks:\n")
            print(expected)
        self.assertEqual(expected.splitlines(), shown.splitlines())

    def test_providers(self) -> None:
        """The page lists every provider with its base URL, dialects and key variables."""
        self._expect("providers", providers_table())

    def test_abilities(self) -> None:
        """The page lists what translated requests to each provider may hold."""
        self._expect("abilities", abilities_table())

    def test_cells(self) -> None:
        """No name, title or reason contains what would break a table."""
        quirks = (quirks_table(row) for row in ROWS if row.quirks)
        for text in (providers_table(), abilities_table(), *quirks):
            heads = text.splitlines()[0].count("|")
            self.assertEqual([], [line for line in text.splitlines() if line.count("|") != heads])
