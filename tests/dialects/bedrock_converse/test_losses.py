from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.dialects.bedrock_converse.bodies import (
    CLAUDE_4_6,
    LLAMA,
    Json,
    from_chat,
    from_messages,
)

PLANTED = "planted_key"
PNG = "iVBORw0KGgo="
SKIPPED = ("schema", "parameters", "input_schema", "input", "metadata", "cache_control")
"""Objects that are the caller's own all the way down, and one that is for its reader to check."""

CHAT: Json = {
    "model": "m",
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "S"}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "U", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain,hi"}},
            ],
        },
        {
            "role": "assistant",
            "content": "A",
            "thinking_blocks": [{"type": "thinking", "thinking": "T", "signature": "S"}],
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "r"}]},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "r", "schema": {"type": "object"}},
    },
    "stream": True,
    "stream_options": {"include_usage": True},
}
MESSAGES: Json = {
    "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "U"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                },
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "hi"},
                    "title": "t",
                    "citations": {"enabled": True},
                },
                {
                    "type": "search_result",
                    "source": "s",
                    "title": "t",
                    "content": [{"type": "text", "text": "x"}],
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "T", "signature": "S"},
                {"type": "text", "text": "A"},
                {"type": "tool_use", "id": "a", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "a",
                    "content": [{"type": "text", "text": "r"}],
                }
            ],
        },
    ],
    "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "low"},
    "metadata": {"user_id": "u"},
}


def planted(body: Json) -> Iterator[tuple[str, Json]]:
    """A body with an unknown key, once in every object, and where that is."""
    for path in _objects(body):
        changed = copy.deepcopy(body)
        place: Any = changed
        for step in path:
            place = place[step]
        place[PLANTED] = 1
        yield ".".join(map(str, path)), changed


def _objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        yield path
        for name, inner in value.items():
            if name not in SKIPPED:
                yield from _objects(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _objects(inner, (*path, index))


class LossTests(SynchronousTestCase):
    """An unknown key at every level is reported: it is never lost in silence."""

    def check(self, body: Json, read: Any) -> None:
        """Fail unless the key is found again wherever it was planted."""
        lost = []
        for capabilities in (CLAUDE_4_6, LLAMA):
            for place, changed in planted(body):
                written, noted = read(changed, capabilities, served=False)
                if PLANTED not in str(noted) + str(written):
                    lost.append((place, noted))
        self.assertEqual([], lost)

    def test_chat(self) -> None:
        """Of a chat's body."""
        self.check(CHAT, from_chat)

    def test_messages(self) -> None:
        """Of a Messages body."""
        self.check(MESSAGES, from_messages)
