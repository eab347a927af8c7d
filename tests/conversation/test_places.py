from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.places import spelled

CHAT: dict[str, Any] = {
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {}}},
        {"type": "custom", "custom": {"name": "c", "format": {}}},
    ],
    "messages": [
        {"role": "user", "content": "hi", "cache_control": {"ttl": "1h"}},
        {
            "role": "user",
            "content": [
                {"type": "file", "file": {"filename": "a.pdf"}},
                {"type": "image_url", "image_url": {"url": "u", "detail": "low"}},
                {"type": "text", "text": "t", "prompt_cache_breakpoint": {"ttl": "12h"}},
            ],
        },
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "["}}]},
    ],
}
MESSAGES: dict[str, Any] = {
    "tools": [{"name": "f", "input_schema": {}}],
    "messages": [{"role": "user", "content": [{"type": "document", "title": "a"}]}],
}
RESPONSES: dict[str, Any] = {
    "tools": [{"type": "function", "name": "f", "parameters": {}}],
    "text": {"format": {"type": "json_schema", "strict": True}},
    "prompt_cache_options": {"mode": "implicit"},
    "input": [{"role": "user", "content": [{"type": "input_file", "filename": "a"}]}],
}


class PlaceTests(SynchronousTestCase):
    """Names of fields, as callers know them."""

    def test_words(self) -> None:
        """The hub's word becomes the one that stands in the body."""
        for body, place, expected in (
            (CHAT, "tools[0].parameters", "tools[0].function.parameters"),
            (CHAT, "tools[1].format", "tools[1].custom.format"),
            (CHAT, "messages[1].content[0].name", "messages[1].content[0].file.filename"),
            (CHAT, "messages[1].content[1].detail", "messages[1].content[1].image_url.detail"),
            (
                CHAT,
                "messages[1].content[2].cache_control.ttl",
                "messages[1].content[2].prompt_cache_breakpoint.ttl",
            ),
            (
                CHAT,
                "messages[2].tool_calls[0].arguments",
                "messages[2].tool_calls[0].function.arguments",
            ),
            (MESSAGES, "tools[0].parameters", "tools[0].input_schema"),
            (MESSAGES, "messages[0].content[0].filename", "messages[0].content[0].title"),
            (RESPONSES, "tools[0].parameters", "tools[0].parameters"),
            (RESPONSES, "text.format.json_schema.strict", "text.format.strict"),
            (RESPONSES, "cache_control", "prompt_cache_options"),
            (RESPONSES, "input[0].content[0].name", "input[0].content[0].filename"),
        ):
            self.assertEqual(expected, spelled(place, body))

    def test_beside_a_text(self) -> None:
        """What is said of a text that is no list stands beside it."""
        place = "messages[0].content.cache_control.ttl"
        self.assertEqual("messages[0].cache_control.ttl", spelled(place, CHAT))

    def test_absent(self) -> None:
        """What was not said is named where it would stand."""
        self.assertEqual("tools[0].function.strict", spelled("tools[0].strict", CHAT))
        self.assertEqual("tools[0].strict", spelled("tools[0].strict", MESSAGES))
        self.assertEqual("input", spelled("messages", {"model": "m"}))

    def test_own_words(self) -> None:
        """Names that are the caller's, or nobody's, stay."""
        for place in (
            "tools", "tools[0]", "tools[7].strict", "messages[0].content.odd", "store", "a.b[0]",
            "messages[0].role.x", "tools.strict", "", "a b.c;d", "messages[0]x", "tools[0][1]",
        ):  # fmt: skip
            self.assertEqual(place, spelled(place, CHAT), place)

    def test_hostile(self) -> None:
        """Names of fields are the caller's, and may look like places."""
        for place in ("x[" + "9" * 5000 + "]", "x[-1]", "x[0].y", "x[1_0]", "x[\u0661]", "x.[0]"):
            self.assertEqual(place, spelled(place, {"x": [], place: 1}))
