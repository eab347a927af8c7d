from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Block,
    Foreign,
    Hosted,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.sealed import seal
from tests.dialects.openai_responses.judge import Json, body, call, output, read


def block_of(item: Json) -> Block:
    request, _ = read(body(item))
    return request.turns[0].blocks[0]


SUMMARY = [{"type": "summary_text", "text": "s"}]
CONTENT = [{"type": "reasoning_text", "text": "t"}]


class ReasoningTests(SynchronousTestCase):
    def test_own(self) -> None:
        """Encrypted reasoning is OpenAI's, under the id that it belongs to."""
        block = block_of({"type": "reasoning", "id": "rs", "summary": SUMMARY,
                          "encrypted_content": "gAAA"})  # fmt: skip
        assert isinstance(block, Thinking)
        self.assertEqual(
            (("s",), True, Token("openai", "gAAA"), "rs"),
            (block.parts, block.summary, block.token, block.item_id),
        )

    def test_words(self) -> None:
        """Reasoning itself comes before a summary of it, which is kept."""
        block = block_of({"type": "reasoning", "id": "rs", "summary": SUMMARY, "content": CONTENT})
        assert isinstance(block, Thinking)
        self.assertEqual((("t",), False), (block.parts, block.summary))
        self.assertEqual({"summary": SUMMARY}, dict(block.extras.fields))

    def test_sealed(self) -> None:
        """What another family's model made comes out of its seal as it went in."""
        original = Thinking(parts=("w",), token=Token("anthropic", "sig"), item_id=None)
        block = block_of({"type": "reasoning", "id": "rs_ours", "summary": SUMMARY,
                          "encrypted_content": seal(original)})  # fmt: skip
        assert isinstance(block, Thinking)
        self.assertEqual((("w",), Token("anthropic", "sig"), None),
                         (block.parts, block.token, block.item_id))  # fmt: skip

    def test_not_sealed_by_us(self) -> None:
        """A string that only claims to be sealed is no token, and that is reported."""
        request, notes = read(body({"type": "reasoning", "id": "rs", "summary": SUMMARY,
                                    "encrypted_content": "mgw1.$$"}))  # fmt: skip
        (block,) = request.turns[0].blocks
        self.assertIsNone(block.token)
        self.assertEqual(["input[0].encrypted_content;dropped;unreadable"], notes)

    def test_unknown_inside(self) -> None:
        """What nobody knows of a part of it is reported."""
        _, notes = read(body({"type": "reasoning", "id": "rs",
                              "summary": [{**SUMMARY[0], "odd": 1}]}))  # fmt: skip
        self.assertEqual(["input[0].summary[0].odd;dropped;unsupported-by-target"], notes)


class CallTests(SynchronousTestCase):
    def test_calls(self) -> None:
        """Each kind of call is known by its kind, and its arguments are text."""
        cases: list[tuple[Json, tuple[str, str, str, str | None]]] = [
            (call("c", "f", '{"a":1}', namespace="n"), ("function", "f", '{"a":1}', "n")),
            ({**call("c"), "arguments": {"a": 1}}, ("function", "f", '{"a":1}', None)),
            ({"type": "custom_tool_call", "call_id": "c", "name": "p", "input": "x y"},
             ("custom", "p", "x y", None)),
            ({"type": "local_shell_call", "id": "l", "call_id": "c", "status": "completed",
              "action": {"type": "exec", "command": ["ls"], "env": {}}},
             ("local_shell", "local_shell", '{"command":["ls"]}', None)),
            ({"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
             ("shell", "shell", '{"commands":["ls"]}', None)),
            ({"type": "apply_patch_call", "call_id": "c", "status": "completed",
              "operation": {"type": "delete_file", "path": "a"}},
             ("apply_patch", "apply_patch", '{"type":"delete_file","path":"a"}', None)),
            ({"type": "tool_search_call", "call_id": "c", "execution": "client",
              "arguments": {"query": "q"}},
             ("tool_search", "tool_search", '{"query":"q"}', None)),
        ]  # fmt: skip
        for item, expected in cases:
            block = block_of(item)
            assert isinstance(block, ToolCall), item
            self.assertEqual("c", block.id)
            self.assertEqual(expected, (block.kind, block.name, block.arguments, block.namespace))

    def test_results(self) -> None:
        """Each kind of output is text, and says which call it answers."""
        found: list[Json] = [{"type": "function", "name": "g", "parameters": {}, "strict": None}]
        cases: list[tuple[Json, tuple[str, str, bool | None]]] = [
            (output("c", "r"), ("function", "r", None)),
            (output("c", ""), ("function", "", None)),
            ({"type": "custom_tool_call_output", "call_id": "c", "output": "r"},
             ("custom", "r", None)),
            ({"type": "local_shell_call_output", "id": "c", "output": "r"},
             ("local_shell", "r", None)),
            ({"type": "local_shell_call_output", "call_id": "c", "id": "x", "output": "r"},
             ("local_shell", "r", None)),
            ({"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "r"}]},
             ("shell", '[{"stdout":"r"}]', None)),
            ({"type": "apply_patch_call_output", "call_id": "c", "status": "failed"},
             ("apply_patch", "", True)),
            ({"type": "apply_patch_call_output", "call_id": "c", "status": "completed",
              "output": "r"}, ("apply_patch", "r", None)),
            ({"type": "tool_search_output", "call_id": "c", "execution": "client",
              "tools": found, "odd": 1},
             ("tool_search", '[{"type":"function","name":"g","parameters":{},"strict":null}]',
              None)),
        ]  # fmt: skip
        for item, expected in cases:
            block = block_of(item)
            assert isinstance(block, ToolResult), item
            self.assertEqual("c", block.call_id)
            words = "".join(one.text for one in block.content if isinstance(one, Text))
            self.assertEqual(expected, (block.kind, words, block.is_error))

    def test_run_by_provider(self) -> None:
        """Items of tools that the provider runs are kept whole."""
        cases: list[tuple[Json, type[Block]]] = [
            ({"type": "tool_search_call", "arguments": {}, "execution": "server"}, Hosted),
            ({"type": "shell_call", "call_id": "c", "action": {},
              "environment": {"type": "container_reference", "container_id": "x"}}, Hosted),
            ({"type": "compaction", "id": "cmp", "encrypted_content": "x"}, Hosted),
            ({"type": "wonder", "id": 3}, Foreign),
        ]  # fmt: skip
        for item, kind in cases:
            block = block_of(item)
            assert isinstance(block, kind), item
            self.assertEqual(item, dict(block.raw))  # type: ignore[attr-defined]

    def test_ledger(self) -> None:
        """Reading these reports nothing."""
        self.assertEqual((), Ledger().notes)
        self.assertEqual([], read(body(call("c", status="completed", id="fc")))[1])
