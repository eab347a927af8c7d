from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Block,
    Foreign,
    Hosted,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.reply import REFUSED, TOOL_CALLS, Reply, Usage
from magicgateway.dialects.anthropic_messages.reply_reader import read_reply
from magicgateway.dialects.grammar import FailedReply, NoAnswer, Sent
from tests.dialects.anthropic_messages.bodies import text, uses
from tests.dialects.anthropic_messages.test_citations import PAGE, WEB

SENT = Sent(body={}, origin="anthropic")


def answer(*content: Any, **fields: Any) -> dict[str, Any]:
    """An answer with these blocks, in which strings are texts."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [text(part) if isinstance(part, str) else part for part in content],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
        **fields,
    }


def read(*content: Any, **fields: Any) -> Reply:
    return read_reply(answer(*content, **fields), SENT)


def blocks(*content: Any) -> tuple[Block, ...]:
    return read(*content).choices[0].blocks


class ReplyReaderTests(SynchronousTestCase):
    def test_reply(self) -> None:
        """Id, model, counts, tier, and the reason of the end."""
        reply = read(
            "x",
            usage={"input_tokens": 1, "output_tokens": 2, "service_tier": "standard"},
            stop_reason="refusal",
            stop_details={"type": "refusal", "explanation": "E"},
            container={"id": "c"},
        )
        self.assertEqual(
            ("msg_1", "claude-x", Usage(input=1, output=2), "default"),
            (reply.id, reply.model, reply.usage, reply.service_tier),
        )
        finish = reply.choices[0].finish
        self.assertEqual((REFUSED, "E"), (finish.reason, finish.explanation))
        self.assertEqual({"container": {"id": "c"}}, dict(reply.extras.fields))

    def test_thinking(self) -> None:
        """Signatures are those of the family that answered; unsigned words have none."""
        read_blocks = blocks(
            {"type": "thinking", "thinking": "t", "signature": "S"},
            {"type": "thinking", "thinking": "", "signature": "S"},
            {"type": "thinking", "thinking": "t", "signature": ""},
            {"type": "redacted_thinking", "data": "D"},
        )
        said = [(b.parts, b.token, b.redacted) for b in read_blocks if isinstance(b, Thinking)]
        own = Token("anthropic", "S")
        self.assertEqual(
            [
                (("t",), own, False),
                ((), own, False),
                (("t",), None, False),
                ((), Token("anthropic", "D"), True),
            ],
            said,
        )

    def test_calls(self) -> None:
        """A call's input is compact text, and it waits whatever the reason says (I.50)."""
        choice = read(uses("i", "f", {"b": 1, "a": "é"}), uses("j")).choices[0]
        said = [(b.id, b.name, b.arguments) for b in choice.blocks if isinstance(b, ToolCall)]
        self.assertEqual([("i", "f", '{"b":1,"a":"é"}'), ("j", "f", "{}")], said)
        self.assertEqual(TOOL_CALLS, choice.finish.reason)

    def test_citations(self) -> None:
        """Citations know the span of their text in all of the text (case I.54)."""
        call = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
        _, step, cited = blocks("ab", call, text("cde", citations=[WEB, PAGE, "odd"]))
        self.assertIsInstance(step, Hosted)
        assert isinstance(cited, Text)
        self.assertEqual([(2, 5), (2, 5)], [(c.start, c.end) for c in cited.citations])

    def test_others(self) -> None:
        """Steps of hosted tools and kinds nobody knows are whole, and no calls."""
        step, other = blocks(
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
            {"type": "compaction", "content": "c"},
        )
        assert isinstance(step, Hosted)
        assert isinstance(other, Foreign)
        self.assertEqual({"type": "compaction", "content": "c"}, dict(other.raw))

    def test_lenient(self) -> None:
        """Whatever is missing or odd is as if it was not there."""
        reply = read_reply({"content": [1, {}, {"type": "text"}, {"type": "tool_use"}]}, SENT)
        self.assertEqual(3, len(reply.choices[0].blocks))
        self.assertEqual(("", "", Usage()), (reply.id, reply.model, reply.usage))

    def test_no_answer(self) -> None:
        """An error under a status of success is a failure; what has no content no answer."""
        for body in ({}, {"content": None}, {"content": "x"}):
            self.assertRaises(NoAnswer, read_reply, body, SENT)
        failed = {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}
        raised = self.assertRaises(FailedReply, read_reply, failed, SENT)
        self.assertEqual("overloaded", raised.failure.kind)
