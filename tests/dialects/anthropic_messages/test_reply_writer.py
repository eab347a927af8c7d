from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Block,
    Extras,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import STOP, TOOL_CALLS, Choice, Finish, Reply, Usage
from magicgateway.dialects.anthropic_messages.reply_reader import read_reply
from magicgateway.dialects.anthropic_messages.reply_writer import write_reply
from magicgateway.dialects.grammar import Asked
from tests.dialects.anthropic_messages import sdk
from tests.dialects.anthropic_messages.bodies import lines, messages, read, text, uses
from tests.dialects.anthropic_messages.test_citations import PAGE
from tests.dialects.anthropic_messages.test_reply_reader import SENT, answer

ASKED = Asked(request=read(messages())[0], model="asked", answer_id="a1", now=0)
KNOWN = Usage(input=1, output=2)


def write(
    *blocks: Block, reason: str = STOP, usage: Usage = KNOWN, **fields: Any
) -> tuple[dict[str, Any], list[str]]:
    ledger = Ledger()
    choice = Choice(blocks=blocks, finish=Finish(reason=reason))
    reply = Reply(id="1", model="served", choices=(choice,), usage=usage, **fields)
    body = write_reply(reply, ASKED, ledger)
    sdk.message(body)
    return body, lines(ledger)


class ReplyWriterTests(SynchronousTestCase):
    maxDiff = None

    def test_there_and_back(self) -> None:
        """An answer of Anthropic's is written as it was, but for the model's name."""
        body = answer(
            {"type": "thinking", "thinking": "t", "signature": "S"},
            {"type": "redacted_thinking", "data": "D"},
            text("a", citations=[PAGE]),
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
            uses("i", "f", {"a": 1}, caller={"type": "direct"}),
            stop_reason="tool_use",
            container={"id": "c", "expires_at": "2026-11-25T00:00:00Z"},
            usage={
                "input_tokens": 1,
                "cache_creation_input_tokens": 3,
                "cache_read_input_tokens": 4,
                "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
                "output_tokens": 2,
                "output_tokens_details": {"thinking_tokens": 1},
                "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 2},
                "service_tier": "standard",
                "inference_geo": "eu",
            },
        )
        ledger = Ledger()
        written = write_reply(read_reply(body, SENT), ASKED, ledger)
        self.assertEqual({**body, "model": "asked"}, written)
        self.assertEqual([], lines(ledger))
        sdk.message(written)

    def test_order(self) -> None:
        """Blocks stay in order, empty text is none, calls are waited for (cases I.91, I.92)."""
        body, _ = write(
            Thinking(parts=("r",), token=Token("openai", "E")),
            Text(text=""),
            ToolCall(id="", name="f", arguments='{"a":1}'),
            ToolCall(id="c.1", name="g"),
        )
        self.assertEqual(["thinking", "tool_use", "tool_use"], [b["type"] for b in body["content"]])
        self.assertEqual(["toolu_a1_0", "c_1"], [b["id"] for b in body["content"][1:]])
        self.assertTrue(body["content"][0]["signature"].startswith("mgw1."))
        self.assertEqual(
            ("msg_1", "asked", "tool_use"), (body["id"], body["model"], body["stop_reason"])
        )
        body, _ = write(Refusal(text="no"))
        self.assertEqual(([text("no")], "refusal"), (body["content"], body["stop_reason"]))

    def test_usage(self) -> None:
        """What nobody counted is estimated, and that is reported (case I.85)."""
        body, notes = write(
            Text(text="x"), usage=Usage(input=40, cache_read=60, output=9), service_tier="default"
        )
        self.assertEqual(
            {
                "input_tokens": 40,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 60,
                "output_tokens": 9,
                "service_tier": "standard",
            },
            body["usage"],
        )
        self.assertEqual([], notes)
        body, notes = write(Text(text="four words of text"), usage=Usage())
        self.assertEqual(["usage;emulated;estimated"], notes)
        self.assertTrue(body["usage"]["input_tokens"] > 0)
        self.assertTrue(body["usage"]["output_tokens"] > 0)

    def test_losses(self) -> None:
        """Other choices, probabilities and other families' fields are reported."""
        ledger = Ledger()
        finish = Finish(reason=TOOL_CALLS)
        reply = Reply(
            id="",
            model="",
            usage=KNOWN,
            choices=(
                Choice(
                    blocks=(Text(text="", extras=Extras("openai", "content[0]", {"odd": 1})),),
                    finish=finish,
                    logprobs={},
                ),
                Choice(blocks=(), finish=finish, index=1),
            ),
            extras=Extras("openai", "", {"fingerprint": "f"}),
        )
        body = write_reply(reply, ASKED, ledger)
        self.assertEqual("msg_a1", body["id"])
        self.assertEqual(
            ["choices[1];dropped", "content[0].odd;dropped", "logprobs;dropped",
             "fingerprint;dropped"],
            lines(ledger),
        )  # fmt: skip

    def test_nothing(self) -> None:
        """An answer without anything is a message without content."""
        body, _ = write()
        self.assertEqual(([], "end_turn"), (body["content"], body["stop_reason"]))
        bare = write_reply(Reply(id="", model="", choices=()), ASKED, Ledger())
        self.assertEqual([], bare["content"])
