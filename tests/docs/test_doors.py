"""The pages of the doors say what becomes of each field; the tables are made by translating."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import ModuleType
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.docs import chat_fields, messages_fields, responses_fields
from tests.docs.answers import efforts_table, finishes_table, usage_table
from tests.docs.mappings import Field, table
from tests.house import ROOT

PAGES = ROOT / "docs"


class TablesTestCase(SynchronousTestCase):
    """Compares a table between two marks with the right one, which it prints."""

    maxDiff = None

    def expect(self, page: str, name: str, expected: str) -> None:
        """The page has the table."""
        marked = rf"<!-- {name}: .*?-->\n\n(.*?)\n\n<!-- end of {name} -->"
        found = re.search(marked, (PAGES / page).read_text(), re.DOTALL)
        shown = found[1] if found else ""
        if shown != expected:
            print(f"\ndocs/{page} should have this table between its {name} marks:\n\n{expected}")
        self.assertEqual(expected.splitlines(), shown.splitlines())


class DoorPagesTests(TablesTestCase):
    """``docs/doors/`` for the doors of conversations."""

    doors: ClassVar[Mapping[str, tuple[str, ModuleType]]] = {
        "doors/chat.md": ("openai_chat", chat_fields),
        "doors/responses.md": ("openai_responses", responses_fields),
        "doors/messages.md": ("anthropic_messages", messages_fields),
    }

    def test_settings(self) -> None:
        """Each page has a line for each field of the body, with what becomes of it."""
        for page, (door, fields) in self.doors.items():
            self.expect(page, "settings", table(door, fields.SETTINGS))

    def test_content(self) -> None:
        """Each page has a line for each thing in messages and tools."""
        for page, (door, fields) in self.doors.items():
            self.expect(page, "content", table(door, fields.CONTENT))

    def test_every_parameter(self) -> None:
        """No field that the official SDK has is left out."""
        for page, (_, fields) in self.doors.items():
            params = fields.PARAMS.__required_keys__ | fields.PARAMS.__optional_keys__
            listed = {_name(field) for field in fields.SETTINGS}
            self.assertEqual(set(), params - listed - fields.ELSEWHERE, page)

    def test_cells(self) -> None:
        """Nothing in a table breaks it."""
        tables = [
            table(door, fields)
            for door, module in self.doors.values()
            for fields in (module.SETTINGS, module.CONTENT)
        ]
        for text in (*tables, finishes_table(), usage_table()):
            heads = text.splitlines()[0].count("|")
            self.assertEqual([], [line for line in text.splitlines() if line.count("|") != heads])


class AnswersTests(TablesTestCase):
    """``docs/translation.md``."""

    def test_finishes(self) -> None:
        """It says in which words each door tells why an answer ended."""
        self.expect("translation.md", "finishes", finishes_table())

    def test_usage(self) -> None:
        """It says what each door's counts hold."""
        self.expect("translation.md", "usage", usage_table())

    def test_efforts(self) -> None:
        """It says which budget an effort is, and the other way round."""
        self.expect("translation.md", "efforts", efforts_table())


def _name(field: Field) -> str:
    return field.label.strip("`")
