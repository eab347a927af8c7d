from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Block,
    Citation,
    Extras,
    Foreign,
    Hosted,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import SERVICE_TIER, Parameters
from magicgateway.conversation.reply import Choice, Finish, Reply, Usage
from magicgateway.conversation.request import Request
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_chat.reply_writer import write_reply
from tests.dialects.openai_chat.bodies import call, lines
from tests.dialects.openai_chat.sdk import completion

Json = dict[str, Any]
STOP = Finish(reason="stop")


def asked(**fields: Any) -> Asked:
    request = Request(model="up", **fields)
    return Asked(request=request, model="asked", answer_id="a1", now=9)


def body(*blocks: Block, finish: Finish = STOP, of: Asked | None = None, **fields: Any) -> Json:
    written, _ = both(*blocks, finish=finish, of=of, **fields)
    return written


def both(
    *blocks: Block, finish: Finish = STOP, of: Asked | None = None, **fields: Any
) -> tuple[Json, list[str]]:
    choice = Choice(blocks=blocks, finish=finish)
    ledger = Ledger()
    given: Json = {"id": "msg_1", "model": "served", "choices": (choice,), **fields}
    written = write_reply(Reply(**given), of or asked(), ledger)
    completion(written)
    return written, lines(ledger)


def message(*blocks: Block, finish: Finish = STOP) -> tuple[Json, str]:
    (choice,) = body(*blocks, finish=finish)["choices"]
    return choice["message"], choice["finish_reason"]


class ReplyTests(SynchronousTestCase):
    maxDiff = None

    def test_envelope(self) -> None:
        """The caller's name for the model, the provider's id, and a time."""
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        expected = {
            "id": "msg_1", "object": "chat.completion", "created": 9, "model": "asked",
            "choices": [{"index": 0, "logprobs": None, "finish_reason": "stop", "message":
                         {"role": "assistant", "content": "a", "refusal": None}}],
            "system_fingerprint": None, "usage": usage,
        }  # fmt: skip
        self.assertEqual(expected, body(Text(text="a"), usage=Usage(input=1, output=2)))
        bare = body(Text(text="a"), id="", created=5)
        self.assertEqual(("chatcmpl-a1", 5), (bare["id"], bare["created"]))
        self.assertNotIn("usage", bare)

    def test_tier(self) -> None:
        """The tier is said to those who asked for one."""
        parameters = Parameters()
        parameters.give(SERVICE_TIER, "auto", "service_tier")
        self.assertNotIn("service_tier", body(Text(text="a"), service_tier="default"))
        told = body(Text(text="a"), service_tier="default", of=asked(parameters=parameters))
        self.assertEqual("default", told["service_tier"])

    def test_words(self) -> None:
        """I.48, I.49: texts are one; where there is nothing at all there is an empty one."""
        self.assertEqual("ab", message(Text(text="a"), Text(text="b"))[0]["content"])
        self.assertEqual("", message()[0]["content"])

    def test_calls(self) -> None:
        """I.50: calls wait for the caller; without arguments they have an empty object."""
        said, finish = message(ToolCall(id="c", name="f"))
        self.assertEqual(
            (None, [call("c")], "tool_calls"), (said["content"], said["tool_calls"], finish)
        )
        said, _ = message(ToolCall(id="c", name="f", arguments="go", kind="custom"))
        custom = {"id": "c", "type": "custom", "custom": {"name": "f", "input": "go"}}
        self.assertEqual([custom], said["tool_calls"])
        self.assertNotIn("tool_calls", message(Text(text="a"))[0])

    def test_signed_calls(self) -> None:
        """What a provider wants back with a call stands where such providers have it."""
        signed = ToolCall(id="c", name="f", token=Token("gemini", '{"google":{"s":"S"}}'))
        odd = ToolCall(id="d", name="f", kind="custom", token=Token("x", "S"))
        first, second = body(signed, odd)["choices"][0]["message"]["tool_calls"]
        self.assertEqual({"google": {"s": "S"}}, first["extra_content"])
        self.assertNotIn("extra_content", second)

    def test_legacy(self) -> None:
        """I.46: who knows of functions only gets one call, and others are reported."""
        calls = (ToolCall(id="c", name="f"), ToolCall(id="d", name="g"))
        written, notes = both(*calls, of=asked(legacy_functions=True))
        (choice,) = written["choices"]
        self.assertEqual({"name": "f", "arguments": "{}"}, choice["message"]["function_call"])
        self.assertNotIn("tool_calls", choice["message"])
        self.assertEqual("function_call", choice["finish_reason"])
        self.assertEqual(["tool_calls[1];dropped;one-function-call"], notes)

    def test_refusals(self) -> None:
        """I.52: a refusal is told in its own words, or in ours."""
        refused = Finish(reason="refused", explanation="E")
        said, finish = message(finish=refused)
        self.assertEqual((None, "E", "content_filter"), (said["content"], said["refusal"], finish))
        silent = message(finish=Finish(reason="refused"))[0]
        self.assertEqual(("", True), (silent["content"], bool(silent["refusal"])))
        self.assertEqual("no", message(Refusal(text="no"), finish=refused)[0]["refusal"])

    def test_reasoning(self) -> None:
        """Words for people, and blocks that can come back."""
        said, _ = message(
            Thinking(parts=("w",), token=Token("anthropic", "S")),
            Thinking(redacted=True, token=Token("anthropic", "D")),
            Thinking(parts=("v",)),
            Text(text="a"),
        )
        self.assertEqual("w\n\nv", said["reasoning_content"])
        self.assertEqual(
            [{"type": "thinking", "thinking": "w", "signature": "S"},
             {"type": "redacted_thinking", "data": "D"}],
            said["thinking_blocks"],
        )  # fmt: skip
        said, _ = message(Thinking(token=Token("anthropic", "S")), Text(text="a"))
        self.assertNotIn("reasoning_content", said)

    def test_hosted_tools(self) -> None:
        """I.54: steps of hosted tools are no calls; what they found is cited and kept."""
        steps: list[Json] = [
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "odd"},
        ]
        cited = Text(
            text="x",
            citations=(
                Citation(kind="url", url="u", title="T"),
                Citation(kind="page_location", raw={"type": "page_location"}),
            ),
        )
        said, finish = message(
            Hosted(family="anthropic", kind="server_tool_use", raw=steps[0]),
            Foreign(family="anthropic", kind="odd", raw=steps[1]),
            Text(text="ab"),
            cited,
        )
        place = {"url": "u", "title": "T", "start_index": 2, "end_index": 3}
        self.assertEqual("stop", finish)
        self.assertEqual([{"type": "url_citation", "url_citation": place}], said["annotations"])
        kept = {"content_blocks": steps, "citations": [{"type": "page_location"}]}
        self.assertEqual(kept, said["provider_fields"])

    def test_finishes(self) -> None:
        """I.53: each end has a word; what OpenAI has none for is reported or shown."""
        window = Finish(reason="context_window")
        self.assertEqual("length", message(Text(text="a"), finish=window)[1])
        paused = Finish(reason="paused", raw="pause_turn")
        written, notes = both(Text(text="a"), finish=paused)
        self.assertEqual("stop", written["choices"][0]["finish_reason"])
        self.assertEqual(["finish_reason;rewritten;paused"], notes)
        met = Finish(reason="stop_sequence", stop_sequence="END")
        self.assertEqual("END", body(Text(text="a"), finish=met)["choices"][0]["stop_sequence"])

    def test_extras(self) -> None:
        """What OpenAI's family said besides returns; what others said is reported."""
        called = ToolCall(id="c", name="f", extras=Extras("openai_chat", "c", {"x": 1}))
        written, notes = both(
            called,
            Text(text="a", extras=Extras("anthropic", "t", {"y": 2})),
            extras=Extras("openai", "", {"odd": 3}),
        )
        self.assertEqual(3, written["odd"])
        self.assertEqual(1, written["choices"][0]["message"]["tool_calls"][0]["x"])
        self.assertEqual(["t.y;dropped"], notes)

    def test_several(self) -> None:
        """Several choices keep their places and their probabilities."""
        choices = tuple(
            Choice(blocks=(Text(text=t),), finish=STOP, index=i, logprobs={"content": None})
            for i, t in enumerate("ab")
        )
        reply = Reply(id="r", model="m", choices=choices)
        read = completion(write_reply(reply, asked(), Ledger()))
        self.assertEqual([(0, "a"), (1, "b")], [(c.index, c.message.content) for c in read.choices])
        self.assertIsNotNone(read.choices[0].logprobs)
