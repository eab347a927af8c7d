from __future__ import annotations

from typing import Any

import openai
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Citation,
    Hosted,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    CitationDelta,
    Ended,
    Event,
    Failed,
    Finished,
    Ping,
    Started,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.parameters import SERVICE_TIER, Parameters
from magicgateway.conversation.reply import Failure, Finish, Usage
from magicgateway.conversation.sealed import LONGEST, unseal
from tests.dialects.openai_chat.sdk import accumulated, chunks
from tests.dialects.openai_chat.streams import (
    DONE,
    called,
    payloads,
    told,
    words,
    written,
)

F = ToolCall(id="c", name="f")
G = ToolCall(id="d", name="g")


def deltas(*events: Event, **fields: Any) -> list[Any]:
    """What each chunk's first choice adds."""
    return [
        chunk["choices"][0]["delta"]
        for chunk in payloads(written(*events, **fields))
        if isinstance(chunk, dict) and chunk["choices"]
    ]


def thinking(*parts: tuple[int, str], block: Thinking | None = None) -> list[Event]:
    return [
        BlockStarted(0, block or Thinking()),
        *(ThinkingDelta(0, text, 0, part) for part, text in parts),
    ]


class StreamTests(SynchronousTestCase):
    maxDiff = None

    def test_chunks(self) -> None:
        """I.58: a role once, words, one reason, one marker, in chunks that are alike."""
        found = payloads(written(*told(words(0, "a", "b"))))
        head = {
            "id": "r", "object": "chat.completion.chunk", "created": 9, "model": "asked",
            "system_fingerprint": None,
        }  # fmt: skip

        def chunk(delta: Any, finish: str | None = None) -> Any:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return {**head, "choices": [choice]}

        self.assertEqual(
            [
                chunk({"role": "assistant", "content": ""}),
                chunk({"content": "a"}),
                chunk({"content": "b"}),
                chunk({}, "stop"),
                DONE,
            ],
            found,
        )

    def test_usage(self) -> None:
        """I.59, I.60, I.61: usage comes last, once, added up, and only where it was asked for."""
        events = [
            Started("r"),
            UsageCounted(Usage(input=9, cache_read=1, output=0)),
            UsageCounted(Usage(output=16)),
            *words(0, "a"),
            Finished(Finish(reason="stop")),
            Ended(),
        ]
        *before, last, marker = payloads(written(*events, include_usage=True))
        self.assertEqual([None] * len(before), [chunk["usage"] for chunk in before])
        self.assertEqual(([], DONE), (last["choices"], marker))
        usage = last["usage"]
        self.assertEqual((10, 16, 26), (
            usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"],
        ))  # fmt: skip
        self.assertNotIn(b'"usage"', written(*events))

    def test_no_usage(self) -> None:
        """J62: counts that the provider did not give are not said to be 0, asked for or not."""
        for counted in ([], [UsageCounted(Usage(input=9))], [UsageCounted(Usage(output=9))]):
            chunks = payloads(written(*told([*counted, *words(0, "a")]), include_usage=True))
            *_, last, marker = chunks
            self.assertEqual(("stop", DONE), (last["choices"][0]["finish_reason"], marker))
            self.assertEqual([None] * (len(chunks) - 1), [c["usage"] for c in chunks[:-1]])

    def test_calls(self) -> None:
        """I.56, I.57, I.58: indexes are dense, ids and names come once, arguments are objects."""
        events = told([*words(0, "a"), *called(1, F, '{"l', '":1}'), *called(2, G)], "tool_calls")
        self.assertEqual(
            [
                {"tool_calls": [{"index": 0, "id": "c", "type": "function",
                                 "function": {"name": "f", "arguments": ""}}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": '{"l'}}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": '":1}'}}]},
                {"tool_calls": [{"index": 1, "id": "d", "type": "function",
                                 "function": {"name": "g", "arguments": ""}}]},
                {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
                {},
            ],
            deltas(*events)[2:],
        )  # fmt: skip
        (choice,) = accumulated(written(*events)).choices
        assert choice.message.tool_calls is not None
        self.assertEqual(
            [("c", "f", '{"l":1}'), ("d", "g", "{}")],
            [(t.id, t.function.name, t.function.arguments) for t in choice.message.tool_calls],
        )
        self.assertEqual(("a", "tool_calls"), (choice.message.content, choice.finish_reason))

    def test_calls_at_once(self) -> None:
        """Calls that are open side by side need not wait for each other."""
        events = told([
            BlockStarted(0, F), BlockStarted(1, G), ArgumentsDelta(1, "{}"),
            ArgumentsDelta(0, '{"x":1}'), BlockStopped(0), BlockStopped(1),
        ])  # fmt: skip
        (choice,) = accumulated(written(*events)).choices
        assert choice.message.tool_calls is not None
        self.assertEqual(
            ['{"x":1}', "{}"], [t.function.arguments for t in choice.message.tool_calls]
        )
        self.assertEqual("tool_calls", choice.finish_reason)

    def test_whole_calls(self) -> None:
        """Arguments that came with the start are not said twice."""
        whole = ToolCall(id="c", name="f", arguments='{"x":1}')
        (start,) = deltas(*told(called(0, whole)))[1:-1]
        self.assertEqual('{"x":1}', start["tool_calls"][0]["function"]["arguments"])

    def test_custom(self) -> None:
        """A custom tool's free text is streamed as its input, and may be empty."""
        custom = ToolCall(id="c", name="f", kind="custom")
        start, more = deltas(*told(called(0, custom, "go")))[1:-1]
        self.assertEqual({"name": "f", "input": ""}, start["tool_calls"][0]["custom"])
        self.assertEqual({"index": 0, "custom": {"input": "go"}}, more["tool_calls"][0])
        self.assertEqual(1, len(deltas(*told(called(0, custom)))[1:-1]))

    def test_legacy(self) -> None:
        """I.46: who knows of functions only gets the first call, in the old words."""
        events = told([*called(0, F, "{", "}"), *called(1, G, "{}")], "tool_calls")
        stream = written(*events, legacy_functions=True)
        message = accumulated(stream).choices[0]
        assert message.message.function_call is not None
        self.assertEqual(
            ("f", "{}", "function_call"),
            (
                message.message.function_call.name,
                message.message.function_call.arguments,
                message.finish_reason,
            ),
        )
        self.assertNotIn(b"tool_calls", stream)

    def test_refusals(self) -> None:
        """I.52: a refusal is told in its own words, or at the end in the model's or ours."""
        refused: list[Event] = [
            BlockStarted(0, Refusal(text="")),
            TextDelta(0, "no"),
            BlockStopped(0),
        ]
        (choice,) = accumulated(written(*told(refused, "refused"))).choices
        self.assertEqual(("no", "content_filter"), (choice.message.refusal, choice.finish_reason))
        end = Finished(Finish(reason="refused", explanation="E"))
        stream = written(Started("r"), *words(0, "a"), end, Ended())
        self.assertEqual("E", accumulated(stream).choices[0].message.refusal)

    def test_probabilities(self) -> None:
        """Probabilities stand beside their words."""
        odds: dict[str, Any] = {"content": [], "refusal": None}
        events = told([BlockStarted(0, Text(text="")), TextDelta(0, "a", 0, odds), BlockStopped(0)])
        chunk = payloads(written(*events))[1]
        self.assertEqual(odds, chunk["choices"][0]["logprobs"])

    def test_citations(self) -> None:
        """I.54: citations come once, at the end, with the span of their text."""
        events: list[Event] = [
            *words(0, "ab"),
            BlockStarted(1, Text(text="")),
            TextDelta(1, "cd"),
            CitationDelta(1, Citation(kind="url", url="u", title="T")),
            CitationDelta(1, Citation(kind="page_location")),
            CitationDelta(9, Citation(kind="url")),
            BlockStopped(1),
            *words(2, "e"),
        ]
        place = {"url": "u", "title": "T", "start_index": 2, "end_index": 4}
        expected = {"annotations": [{"type": "url_citation", "url_citation": place}]}
        self.assertEqual(expected, deltas(*told(events))[-1])
        accumulated(written(*told(events)))

    def test_hosted_tools(self) -> None:
        """I.62: steps of a provider's own tools are no calls of the caller's."""
        step = Hosted(family="anthropic", kind="server_tool_use", raw={})
        found = deltas(*told([BlockStarted(0, step), BlockStopped(0), *words(1, "a")]))
        self.assertEqual([{"role": "assistant", "content": ""}, {"content": "a"}, {}], found)

    def test_several_choices(self) -> None:
        """Each choice has its role, its words and its reason."""
        events = [
            Started("r"), *words(0, "a"), *words(0, "b", choice=1),
            Finished(Finish(reason="stop")), Finished(Finish(reason="length"), 1), Ended(),
        ]  # fmt: skip
        found = [
            (c.message.content, c.finish_reason) for c in accumulated(written(*events)).choices
        ]
        self.assertEqual([("a", "stop"), ("b", "length")], found)

    def test_tier(self) -> None:
        """The tier is told at the end to those who asked for one."""
        parameters = Parameters()
        parameters.give(SERVICE_TIER, "auto", "service_tier")
        events = told(words(0, "a"), service_tier="flex")
        last = payloads(written(*events, parameters=parameters))[-2]
        self.assertEqual("flex", last["service_tier"])
        self.assertNotIn(b"service_tier", written(*events))

    def test_names(self) -> None:
        """Who gives an answer no id and no time gets ours; hostile ids change nothing."""
        found = payloads(written(*told(words(0, "a"))[1:]))
        self.assertEqual(("chatcmpl-a1", 9), (found[0]["id"], found[0]["created"]))
        events = [Started("\0", created=5), Started("again"), *words(0, "a", "\u2028")]
        found = payloads(written(*events))
        self.assertEqual({("\0", 5)}, {(chunk["id"], chunk["created"]) for chunk in found})
        self.assertEqual("\u2028", found[-1]["choices"][0]["delta"]["content"])

    def test_nothing(self) -> None:
        """An answer without a word is one."""
        for events in (told([]), [Ended()]):
            (choice,) = accumulated(written(*events)).choices
            self.assertEqual(("", "stop"), (choice.message.content, choice.finish_reason))

    def test_stray_deltas(self) -> None:
        """Deltas of blocks that never began, or of another kind, say nothing."""
        stray: list[Event] = [
            TextDelta(5, "x"), ArgumentsDelta(5, "x"), ThinkingDelta(5, "x"), BlockStopped(5),
            TokenDelta(5, Token("o", "x")), ArgumentsDelta(0, "x"), TokenDelta(0, Token("o", "x")),
            TextDelta(0, "x", choice=3),
        ]  # fmt: skip
        events = [BlockStarted(0, Text(text="a")), *stray, BlockStopped(0)]
        self.assertEqual(
            [{"role": "assistant", "content": ""}, {"content": "a"}, {}], deltas(*told(events))
        )


class ReasoningTests(SynchronousTestCase):
    maxDiff = None

    def test_signed(self) -> None:
        """I.67: words and blocks side by side, which the SDK adds up to one signed block."""
        end: list[Event] = [TokenDelta(0, Token("anthropic", "S")), BlockStopped(0)]
        stream = written(*told([*thinking((0, "a"), (0, "b")), *end, *words(1, "x")]))
        message = accumulated(stream).choices[0].message
        assert message.model_extra is not None
        self.assertEqual("ab", message.model_extra["reasoning_content"])
        block = {"index": 0, "type": "thinking", "thinking": "ab", "signature": "S"}
        self.assertEqual([block], message.model_extra["thinking_blocks"])

    def test_several(self) -> None:
        """Blocks are counted, and their words set apart for people."""
        redacted = Thinking(redacted=True, token=Token("anthropic", "D"))
        events: list[Event] = [
            *thinking((0, "a")), BlockStopped(0),
            BlockStarted(1, redacted), BlockStopped(1),
            BlockStarted(2, Thinking()), ThinkingDelta(2, "b"), BlockStopped(2),
        ]  # fmt: skip
        message = accumulated(written(*told(events))).choices[0].message
        assert message.model_extra is not None
        self.assertEqual("a\n\nb", message.model_extra["reasoning_content"])
        self.assertEqual(
            [
                {"index": 0, "type": "thinking", "thinking": "a"},
                {"index": 1, "type": "redacted_thinking", "data": "D"},
                {"index": 2, "type": "thinking", "thinking": "b"},
            ],
            message.model_extra["thinking_blocks"],
        )

    def test_sealed(self) -> None:
        """Another family's reasoning goes out sealed, with all its parts."""
        summary = Thinking(summary=True, item_id="rs_1")
        end: list[Event] = [TokenDelta(0, Token("openai", "enc")), BlockStopped(0)]
        events = [*thinking((0, "a"), (0, "b"), (1, "c"), block=summary), *end]
        message = accumulated(written(*told(events))).choices[0].message
        assert message.model_extra is not None
        (block,) = message.model_extra["thinking_blocks"]
        self.assertEqual("ab\n\nc", block["thinking"])
        back = unseal(block["signature"])
        assert back is not None
        self.assertEqual(
            (("ab", "c"), True, "rs_1", Token("openai", "enc")),
            (back.parts, back.summary, back.item_id, back.token),
        )

    def test_signed_calls(self) -> None:
        """What a provider wants back with a call comes with its start, or late."""
        token = Token("gemini", '{"google":{"s":"S"}}')
        bare = ToolCall(id="c", name="f")
        signed = ToolCall(id="c", name="f", token=token)
        late: list[Event] = [BlockStarted(0, bare), TokenDelta(0, token), BlockStopped(0)]
        cases: tuple[list[Event], ...] = ([BlockStarted(0, signed), BlockStopped(0)], late)
        for events in cases:
            made = accumulated(written(*told(events))).choices[0].message.to_dict()
            calls: Any = made["tool_calls"]
            self.assertEqual([{"google": {"s": "S"}}], [call["extra_content"] for call in calls])
        odd: list[Event] = [BlockStarted(0, bare), TokenDelta(0, Token("x", "S"))]
        self.assertNotIn(b"extra_content", written(*told(odd)))

    def test_too_long_to_seal(self) -> None:
        """Words that cannot be sealed are not kept; Anthropic's signature needs none."""
        long = [(0, "x" * (LONGEST // 2))] * 3
        for origin, there in (("openai", False), ("anthropic", True)):
            end: list[Event] = [TokenDelta(0, Token(origin, "S")), BlockStopped(0)]
            wire = written(*told([*thinking(*long), *end]))
            self.assertEqual(there, b'"signature"' in wire, origin)

    def test_nobodys(self) -> None:
        """A token that says no more than whose it is does not go out."""
        events = [*thinking((0, "a")), TokenDelta(0, Token("o", "")), BlockStopped(0)]
        self.assertNotIn(b"signature", written(*told(events)))

    def test_whole(self) -> None:
        """Reasoning that is whole at its start is written whole."""
        block = Thinking(parts=("a", ""), token=Token("anthropic", "S"))
        message = (
            accumulated(written(*told([BlockStarted(0, block), BlockStopped(0)])))
            .choices[0]
            .message
        )
        assert message.model_extra is not None
        expected = {"index": 0, "type": "thinking", "thinking": "a", "signature": "S"}
        self.assertEqual([expected], message.model_extra["thinking_blocks"])


class EndTests(SynchronousTestCase):
    def test_failures(self) -> None:
        """I.63: a failure is an error that the SDK raises, and then there is nothing more."""
        failed = Failed(Failure(status=529, kind="overloaded", message="m"))
        tail = [*words(1, "b"), Finished(Finish(reason="stop")), Ended(), Ping(), failed]
        stream = written(Started("r"), *words(0, "a"), failed, *tail)
        *before, last = payloads(stream)
        self.assertEqual(2, len(before))
        self.assertEqual(
            ("m", "service_unavailable_error", "server_is_overloaded", "a1"),
            tuple(last["error"][k] for k in ("message", "type", "code", "request_id")),
        )
        error = self.assertRaises(openai.APIError, chunks, stream)
        self.assertEqual("m", error.message)

    def test_once(self) -> None:
        """I.65: nothing follows the end, and a stream that was cut has none."""
        events = told(words(0, "a"))
        self.assertEqual(written(*events), written(*events, *events, Ping()))
        self.assertNotIn(b'finish_reason":"', written(*events[:-1]))
        self.assertNotIn(b"DONE", written(*events[:-1]))

    def test_pings(self) -> None:
        """I.66: signs of life are comments, and begin nothing before the provider does."""
        self.assertEqual(b"", written(Ping()))
        self.assertEqual(
            [written(Started("r")), b""], written(Started("r"), Ping()).split(b": ping\n\n")
        )

    def test_choices_that_say_nothing(self) -> None:
        """Also a choice that has nothing but its end begins, whichever it is."""
        events = [*words(0, "a"), *(Finished(Finish(reason="stop"), at) for at in (0, 1)), Ended()]
        found = [c["choices"][0] for c in payloads(written(*events)) if c != DONE]
        begun = [choice["index"] for choice in found if "role" in choice["delta"]]
        self.assertEqual([0, 1], begun)
