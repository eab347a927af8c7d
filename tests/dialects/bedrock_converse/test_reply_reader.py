from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CONVERSE, Extras, Text, Thinking, Token, ToolCall
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import (
    CONTEXT_WINDOW,
    LENGTH,
    NO_USAGE,
    REFUSED,
    STOP,
    STOP_SEQUENCE,
    TOOL_CALLS,
    Finish,
    Reply,
    Usage,
)
from magicgateway.conversation.undo import undo_reply
from magicgateway.dialects.bedrock_converse.reply_reader import (
    read_finish,
    read_reply,
    read_usage,
    routed_model,
    unusable,
)
from magicgateway.dialects.grammar import NoAnswer, Sent
from tests.dialects.bedrock_converse.bodies import Json

SENT = Sent(body={}, origin="anthropic")


def answer(*content: Json, stop: str = "end_turn", **fields: Any) -> Json:
    """A whole answer."""
    message = {"role": "assistant", "content": list(content)}
    usage = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}
    return {
        "output": {"message": message},
        "stopReason": stop,
        "usage": usage,
        "metrics": {"latencyMs": 7},
        **fields,
    }


def read(*content: Json, stop: str = "end_turn", **fields: Any) -> Reply:
    """What an answer is read as."""
    return read_reply(answer(*content, stop=stop, **fields), SENT)


class ReplyTests(SynchronousTestCase):
    maxDiff = None

    def test_content(self) -> None:
        """J48, J49: texts stay apart, calls' arguments are text, reasoning is signed."""
        thought = {"reasoningContent": {"reasoningText": {"text": "T", "signature": "S"}}}
        use = {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}
        reply = read(thought, {"text": "a"}, {"text": "b"}, use, stop="tool_use")
        (choice,) = reply.choices
        place = "output.message.content"
        self.assertEqual(
            (
                Thinking(parts=("T",), token=Token("anthropic", "S"), field=f"{place}[0]"),
                Text(text="a", field=f"{place}[1]"),
                Text(text="b", field=f"{place}[2]"),
                ToolCall(id="a", name="f", arguments="{}", field=f"{place}[3]"),
            ),
            choice.blocks,
        )
        self.assertEqual(Finish(reason=TOOL_CALLS, raw="tool_use"), choice.finish)
        self.assertEqual(Usage(input=1, output=2), reply.usage)
        self.assertEqual(("", "", {}), (reply.id, reply.model, reply.extras.fields))

    def test_unknown_origin(self) -> None:
        """Reasoning of a model that nobody knows is some model's of Converse."""
        thought = {"reasoningContent": {"reasoningText": {"text": "T", "signature": "S"}}}
        reply = read_reply(answer(thought), Sent(body={}))
        self.assertEqual(Token(CONVERSE, "S"), reply.choices[0].blocks[0].token)

    def test_reasons(self) -> None:
        """J50: each reason has its meaning, and one that nobody knows is an end."""
        cases = {
            "end_turn": STOP,
            "tool_use": TOOL_CALLS,
            "max_tokens": LENGTH,
            "stop_sequence": STOP_SEQUENCE,
            "guardrail_intervened": REFUSED,
            "content_filtered": REFUSED,
            "model_context_window_exceeded": CONTEXT_WINDOW,
            "malformed_model_output": STOP,
            "malformed_tool_use": STOP,
            "brand_new": STOP,
        }
        for raw, reason in cases.items():
            finish = read({"text": "a"}, stop=raw).choices[0].finish
            self.assertEqual(Finish(reason=reason, raw=raw), finish)
        use = {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}
        self.assertEqual(TOOL_CALLS, read(use).choices[0].finish.reason)
        self.assertEqual(LENGTH, read(use, stop="max_tokens").choices[0].finish.reason)

    def test_malformed(self) -> None:
        """A model that broke down and left nothing is a failure; what it left is an answer."""
        self.assertRaises(NoAnswer, read, stop="malformed_model_output")
        self.assertRaises(NoAnswer, read, {"text": ""}, stop="malformed_tool_use")
        self.assertEqual(1, len(read({"text": "a"}, stop="malformed_tool_use").choices))

    def test_usage(self) -> None:
        """J51: what was cached comes beside the input, and the sum is everything."""
        given = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 1039,
                 "cacheReadInputTokens": 1000, "cacheWriteInputTokens": 24}  # fmt: skip
        usage = read({"text": "a"}, usage=given).usage
        self.assertEqual(Usage(input=10, cache_read=1000, cache_write=24, output=5), usage)
        self.assertEqual((1034, 1039), (usage.prompt, usage.total))

    def test_usage_spellings(self) -> None:
        """Undocumented names are read as well, and what is no count is unknown."""
        given = {"inputTokens": True, "outputTokens": -1, "cacheReadInputTokenCount": 3,
                 "cacheWriteInputTokenCount": 4, "serverToolUsage": {},
                 "cacheDetails": [{"ttl": "1h", "inputTokens": 4}, {"ttl": 1}, 7]}  # fmt: skip
        self.assertEqual(
            Usage(cache_read=3, cache_write=4, cache_write_by_ttl={"1h": 4}), read_usage(given)
        )
        self.assertEqual(NO_USAGE, read_usage(None))

    def test_more_fields(self) -> None:
        """What a model of Anthropic's tells besides is read, and the rest kept."""
        thought = {"usage": {"output_tokens_details": {"thinking_tokens": 9}}}
        reply = read(
            {"text": "a"},
            stop="stop_sequence",
            additionalModelResponseFields={"stop_sequence": "END", "x": 1, **thought},
        )
        self.assertEqual("END", reply.choices[0].finish.stop_sequence)
        self.assertEqual(9, reply.usage.reasoning)
        self.assertEqual({"additionalModelResponseFields.x": 1}, reply.extras.fields)
        fields = Fields({"usage": {"other": 1}})
        self.assertEqual(NO_USAGE, read_usage(None, fields))
        self.assertEqual({"usage": {"other": 1}}, fields.rest(CONVERSE).fields)

    def test_streamed_stop(self) -> None:
        """A stream tells the stop in a ``delta``."""
        for delta, left in (({"stop_sequence": "END"}, {}), ({"stop_sequence": "END", "x": 1}, 1)):
            more = {"additionalModelResponseFields": {"delta": delta}}
            finish, fields = read_finish(Fields(more, lenient=True), calls=False)
            self.assertEqual("END", finish.stop_sequence)
            assert fields is not None
            self.assertEqual(bool(left), "delta" in fields)

    def test_guardrail(self) -> None:
        """J52: an answer without content is one."""
        for output in ({"message": {"role": "assistant", "content": []}}, {}):
            body = {**answer(stop="guardrail_intervened"), "output": output}
            (choice,) = read_reply(body, SENT).choices
            self.assertEqual(((), REFUSED), (choice.blocks, choice.finish.reason))

    def test_no_answer(self) -> None:
        """J53: a success without an answer is a failure of the provider's."""
        body = {
            "Output": {"__type": "com.amazon.coral.service#UnknownOperationException"},
            "Version": "1.0",
        }
        self.assertRaises(NoAnswer, read_reply, body, SENT)

    def test_besides(self) -> None:
        """Tier and routed model are known; traces are kept for those who asked."""
        trace = {"promptRouter": {"invokedModelId": "m1"}}
        reply = read({"text": "a"}, serviceTier={"type": "flex", "z": 1}, trace=trace, other=2)
        self.assertEqual(("flex", "m1"), (reply.service_tier, reply.model))
        fields = {"trace": trace, "other": 2, "serviceTier.z": 1}
        self.assertEqual(Extras(CONVERSE, "", fields), reply.extras)
        for odd in (None, {}, {"promptRouter": {"invokedModelId": 1}}):
            self.assertEqual("", routed_model(odd))

    def test_lenient(self) -> None:
        """Whatever else a provider sends is read."""
        body: Json = {"output": {"message": {"content": "s"}}, "stopReason": 1, "usage": []}
        (choice,) = read_reply(body, SENT).choices
        self.assertEqual(Finish(reason=STOP), choice.finish)
        self.assertEqual("s", choice.blocks[0].text)  # type: ignore[attr-defined]

    def test_json_tool(self) -> None:
        """J41: the call of the tool that stood for a format is the answer's text."""
        use = {"toolUse": {"toolUseId": "a", "name": "reply", "input": {"x": 1}}}
        sent = Sent(body={}, json_tool="reply")
        (choice,) = undo_reply(read_reply(answer(use, stop="tool_use"), sent), sent).choices
        self.assertEqual(STOP, choice.finish.reason)
        self.assertEqual(['{"x":1}'], [b.text for b in choice.blocks if isinstance(b, Text)])

    def test_unusable(self) -> None:
        """Only what the provider calls malformed is unusable."""
        for raw in (None, "end_turn"):
            self.assertFalse(unusable(Finish(reason=STOP, raw=raw), usable=False))
        malformed = Finish(reason=STOP, raw="malformed_tool_use")
        self.assertTrue(unusable(malformed, usable=False))
