from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.toml_text import dotted, toml_string

TEXTS = st.text(st.characters(codec="utf-8"))


class TomlTextTests(SynchronousTestCase):
    @given(TEXTS)
    def test_every_string_is_read_back(self, text: str) -> None:
        """A string comes back from a TOML parser as it went in, and stands on one line."""
        written = toml_string(text)
        self.assertEqual({"x": text}, tomllib.loads(f"x = {written}"))
        self.assertEqual(1, len(written.splitlines()))

    def test_what_unicode_lacks_is_replaced(self) -> None:
        """A lone surrogate, as undecodable environment bytes become, does not break the text."""
        self.assertEqual(
            {"x": "a\ufffdb"}, tomllib.loads(f"x = {toml_string('a' + chr(0xDC80) + 'b')}")
        )

    @given(st.lists(TEXTS, min_size=1, max_size=3))
    def test_every_dotted_key_is_read_back(self, parts: list[str]) -> None:
        """A dotted key leads a TOML parser to the path that it was made of."""
        found = tomllib.loads(f"{dotted(tuple(parts))} = 1")
        for part in parts:
            found = found[part]
        self.assertEqual(1, found)
