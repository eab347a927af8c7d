from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Block,
    Citation,
    Extras,
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
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import (
    LENGTH,
    REFUSED,
    STOP,
    TOOL_CALLS,
    Failure,
    Finish,
    Usage,
)
from magicgateway.conversation.sealed import unseal
from magicgateway.dialects.openai_responses.extras import ITEMS
from magicgateway.dialects.openai_responses.grammar import open_writer
from tests.dialects.openai_responses.judge import (
    Json,
    answer,
    asked,
    frames,
    function,
    reply,
    stream,
    streamed,
)
from tests.judging import unjudged

HELLO = Text(text="Hello")
TOOLS = [function("f"), {"type": "custom", "name": "p"}, {"type": "local_shell"}]
WANTED = {"include": ["reasoning.encrypted_content"], "reasoning": {"summary": "auto"}}
MESSAGE = [
    "response.output_item.added", "response.content_part.added", "response.output_text.delta",
    "response.output_text.done", "response.content_part.done", "response.output_item.done",
]  # fmt: skip
BEGIN = ["response.created", "response.in_progress"]


def kinds(events: list[Json]) -> list[str]:
    """The types of events, those of repeated deltas once."""
    names = [event["type"] for event in events]
    return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]


class StreamWriterTests(SynchronousTestCase):
    maxDiff = None

    def test_text(self) -> None:
        """I.95: the nine steps of a message, numbered without gaps."""
        events, final = stream(*streamed(HELLO))

        self.assertEqual([*BEGIN, *MESSAGE, "response.completed"], kinds(events))
        self.assertEqual(list(range(len(events))), [event["sequence_number"] for event in events])
        deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
        self.assertEqual(["He", "ll", "o"], deltas)
        assert final is not None
        self.assertEqual("Hello", final["output"][0]["content"][0]["text"])

    def test_one_item_at_a_time(self) -> None:
        """G.4: an item is done before the next is added, and all agree about ids and places."""
        blocks = (
            Thinking(parts=("t", "u")), HELLO, ToolCall(id="c", name="f", arguments='{"a":1}'),
            ToolCall(id="d", name="p", kind="custom", arguments="x"),
            ToolCall(id="e", name="local_shell", arguments='{"command":["ls"]}'), Text(text="!"),
        )  # fmt: skip
        events, _ = stream(*streamed(*blocks), question=asked(tools=TOOLS))
        added: list[tuple[int, str]] = []
        done = 0
        for event in events:
            kind = event["type"].removeprefix("response.")
            if kind == "output_item.added":
                self.assertEqual(done, len(added))
                added.append((event["output_index"], event["item"]["id"]))
            elif kind == "output_item.done":
                self.assertEqual(added[-1], (event["output_index"], event["item"]["id"]))
                done += 1
            elif "item_id" in event:
                self.assertEqual(added[-1], (event["output_index"], event["item_id"]))
        self.assertEqual(list(range(6)), [index for index, _ in added])
        self.assertEqual(6, done)

    def test_same_as_whole(self) -> None:
        """A streamed answer is, item by item, what the whole one is."""
        sealed = Thinking(parts=("t",), token=Token("anthropic", "sig"))
        raw = {"type": "web_search_call", "id": "ws_9", "status": "completed",
               "action": {"type": "search", "query": "q"}}  # fmt: skip
        cases: list[tuple[tuple[Block, ...], Finish]] = [
            ((HELLO,), Finish(reason=STOP)),
            ((HELLO,), Finish(reason=LENGTH)),
            ((HELLO,), Finish(reason=REFUSED, explanation="E")),
            ((sealed, HELLO, ToolCall(id="c", name="f", arguments="{}")),
             Finish(reason=TOOL_CALLS)),
            ((ToolCall(id="c", name="f", arguments=""), ToolCall(id="d", name="p", arguments="x")),
             Finish(reason=TOOL_CALLS)),
            ((ToolCall(id="c", name="f", arguments='{"a'),), Finish(reason=LENGTH)),
            ((ToolCall(id="c", name="local_shell", arguments='{"command":["ls"]}'),),
             Finish(reason=TOOL_CALLS)),
            ((ToolCall(id="c", name="local_shell", arguments="{"),), Finish(reason=TOOL_CALLS)),
            ((Hosted(family=ITEMS, kind="web_search_call", raw=raw), HELLO), Finish(reason=STOP)),
            ((Text(text=""),), Finish(reason=STOP)),
            ((), Finish(reason=STOP)),
        ]  # fmt: skip
        for blocks, finish in cases:
            question = asked(tools=TOOLS, **WANTED)
            whole, _ = answer(reply(*blocks, finish=finish), question)
            events, _ = stream(*streamed(*blocks, finish=finish), question=question)
            self.assertEqual(whole, events[-1]["response"])
            done = [e["item"] for e in events if e["type"] == "response.output_item.done"]
            self.assertEqual(whole["output"], done)

    def test_incomplete(self) -> None:
        """I.97: an answer that met its limit ends as incomplete."""
        events, _ = stream(*streamed(HELLO, finish=Finish(reason=LENGTH)))
        self.assertEqual("response.incomplete", events[-1]["type"])
        self.assertEqual({"reason": "max_output_tokens"},
                         events[-1]["response"]["incomplete_details"])  # fmt: skip

    def test_reasoning(self) -> None:
        """G.4: each part of a summary is added, told, done; reasoning itself likewise."""
        for fields, stem, part in (
            (WANTED, "reasoning_summary_text", "reasoning_summary_part"),
            ({}, "reasoning_text", "content_part"),
        ):
            events, _ = stream(*streamed(Thinking(parts=("ab", "c"))), question=asked(**fields))
            one = [f"response.{part}.added", f"response.{stem}.delta", f"response.{stem}.done",
                   f"response.{part}.done"]  # fmt: skip
            expected = ["response.output_item.added", *one, *one, "response.output_item.done"]
            self.assertEqual([*BEGIN, *expected, "response.completed"], kinds(events))

    def test_calls(self) -> None:
        """G.4: a call's arguments are told and done; a custom tool's input likewise."""
        for call, stem, name in (
            (ToolCall(id="c", name="f", arguments="{}"), "function_call_arguments", "arguments"),
            (ToolCall(id="c", name="p", arguments="{}"), "custom_tool_call_input", "input"),
        ):
            events, _ = stream(*streamed(call), question=asked(tools=TOOLS))
            self.assertEqual(
                ["response.output_item.added", f"response.{stem}.delta", f"response.{stem}.done",
                 "response.output_item.done"], kinds(events)[2:-1],
            )  # fmt: skip
            self.assertEqual("", events[2]["item"][name])
            self.assertEqual("{}", events[-3][name])

    def test_interleaved(self) -> None:
        """I.83: calls that come in turns are told one after the other."""
        first, second = (ToolCall(id=i, name="f") for i in "cd")
        events, _ = stream(
            Started("u", "m"), BlockStarted(0, first), ArgumentsDelta(0, '{"x":'),
            BlockStarted(1, second), ArgumentsDelta(1, '{"y":2}'), ArgumentsDelta(0, "1}"),
            BlockStopped(0), BlockStopped(1), Finished(Finish(reason=TOOL_CALLS)), Ended(),
        )  # fmt: skip
        output = events[-1]["response"]["output"]
        self.assertEqual(['{"x":1}', '{"y":2}'], [item["arguments"] for item in output])

    def test_refusal(self) -> None:
        """G.4: a refusal has events of its own."""
        events, _ = stream(
            Started(), BlockStarted(0, Refusal(text="")), TextDelta(0, "no"), BlockStopped(0),
            Finished(Finish(reason=STOP)), Ended(),
        )  # fmt: skip
        self.assertIn("response.refusal.delta", kinds(events))
        self.assertIn("response.refusal.done", kinds(events))

    def test_annotations(self) -> None:
        """G.4: citations are told before their text is done, with the logprobs of its tokens."""
        listed = [{"token": "ab", "logprob": -1.0, "bytes": [1], "top_logprobs": []}]
        events, _ = stream(
            Started(), BlockStarted(0, Text(text="")),
            TextDelta(0, "ab", logprobs={"content": listed}),
            CitationDelta(0, Citation(kind="url", url="u")), BlockStopped(0),
            Finished(Finish(reason=STOP)), Ended(),
        )  # fmt: skip
        names = kinds(events)
        self.assertLess(
            names.index("response.output_text.annotation.added"),
            names.index("response.output_text.done"),
        )
        self.assertEqual(listed, events[4]["logprobs"])

    def test_usage(self) -> None:
        """Counts come with the last event, later ones over earlier ones."""
        events, _ = stream(
            Started(), UsageCounted(Usage(input=9, output=1)), UsageCounted(Usage(output=5)),
            Finished(Finish(reason=STOP)), Ended("flex"),
        )  # fmt: skip
        response = events[-1]["response"]
        self.assertEqual((9, 5, 14, "flex"), (
            response["usage"]["input_tokens"], response["usage"]["output_tokens"],
            response["usage"]["total_tokens"], response["service_tier"]))  # fmt: skip

    @unjudged("codes that clients know, and the SDK does not list")
    def test_failed(self) -> None:
        """G.4: a failure ends the stream, and nothing comes after it."""
        codes = [
            ("rate_limit", "rate_limit_exceeded"), ("quota", "insufficient_quota"),
            ("context_length", "context_length_exceeded"), ("invalid_request", "invalid_prompt"),
            ("overloaded", "server_error"),
        ]  # fmt: skip
        for kind, code in codes:
            writer = open_writer(asked())
            failed = Failed(Failure(status=500, kind=kind, message="m"))
            given: list[Event] = [
                Started("resp_9"),
                BlockStarted(0, HELLO),
                TextDelta(0, "x"),
                failed,
            ]
            events = frames(b"".join(writer.write(event) for event in given))
            self.assertEqual("response.failed", events[-1]["type"])
            response = events[-1]["response"]
            self.assertEqual(("failed", {"code": code, "message": "m"}, "resp_9"),
                             (response["status"], response["error"], response["id"]))  # fmt: skip
            after: list[Event] = [TextDelta(0, "x"), BlockStopped(0), Ended(), Ping(), failed]
            self.assertEqual(b"", b"".join(writer.write(event) for event in after))

    def test_failed_at_once(self) -> None:
        """Also a stream that fails at once begins as one."""
        events, _ = stream(Failed(Failure(status=500, kind="server", message="m")))
        self.assertEqual([*BEGIN, "response.failed"], kinds(events))

    def test_ping(self) -> None:
        """I.66: a sign of life is a comment, and begins nothing before the provider does."""
        writer = open_writer(asked())
        self.assertEqual(b"", writer.write(Ping()))
        self.assertEqual(BEGIN, kinds(frames(writer.write(Started("u")))))
        self.assertEqual(b": ping\n\n", writer.write(Ping()))

    def test_too_long(self) -> None:
        """The last event has all of the answer, so there is a limit to that."""
        writer = open_writer(asked())
        begun: list[Event] = [Started("u"), BlockStarted(0, HELLO)]
        begun += [TextDelta(0, "x" * (1 << 23))] * 9
        events = frames(b"".join(writer.write(event) for event in begun))
        self.assertEqual("response.failed", events[-1]["type"])
        self.assertEqual(7, sum(e["type"] == "response.output_text.delta" for e in events))
        self.assertEqual(b"", writer.write(TextDelta(0, "x")))

    def test_left_open(self) -> None:
        """What a provider leaves open is closed at its end."""
        events, final = stream(Started(), BlockStarted(0, HELLO), TextDelta(0, "x"), Ended())
        self.assertEqual("response.completed", events[-1]["type"])
        self.assertIsNotNone(final)

    def test_other_choices(self) -> None:
        """There is one answer: what comes of others is nothing."""
        writer = open_writer(asked())
        self.assertEqual(b"", writer.write(BlockStarted(0, HELLO, choice=1)))

    def test_stray(self) -> None:
        """Deltas without a block to go with do no harm."""
        events, _ = stream(
            Started(), TextDelta(0, "x"), TokenDelta(0, Token("a", "b")), BlockStopped(3),
            BlockStarted(0, ToolCall(id="c", name="f")), TokenDelta(0, Token("a", "b")),
            BlockStopped(0), Finished(Finish(reason=STOP)), Ended(),
        )  # fmt: skip
        kinds = [item["type"] for item in events[-1]["response"]["output"]]
        self.assertEqual(["function_call", "reasoning"], kinds)

    def test_tokens_of_calls(self) -> None:
        """What is wanted back with a call is an item of its own, before or after its call."""
        token = Token("gemini", "S")
        begun, known = ToolCall(id="c", name="f"), ToolCall(id="c", name="f", token=token)
        end = (BlockStopped(0), Finished(Finish(reason=STOP)), Ended())
        for given, place in (
            ((BlockStarted(0, known), *end), 0),
            ((BlockStarted(0, begun), TokenDelta(0, token), *end), 1),
        ):
            events, final = stream(Started(), *given)
            assert final is not None
            output = events[-1]["response"]["output"]
            self.assertEqual(("reasoning", []), (output[place]["type"], output[place]["summary"]))
            self.assertEqual(
                Thinking(token=token, call_id="c"), unseal(output[place]["encrypted_content"])
            )
            self.assertEqual("function_call", output[1 - place]["type"])

    def test_own_provider(self) -> None:
        """What a provider of this API says of itself is said on."""
        own = Extras(ITEMS, "", {"temperature": 1.0, "id": "odd"})
        events, _ = stream(Started("resp_9"), Finished(Finish(reason=STOP)), Ended(None, own))
        response = events[-1]["response"]
        self.assertEqual(("resp_9", 1.0), (response["id"], response["temperature"]))
