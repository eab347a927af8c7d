from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Block,
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
    Started,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import LENGTH, STOP, TOOL_CALLS, Finish, Usage
from magicgateway.dialects.grammar import Sent
from magicgateway.dialects.openai_responses.grammar import open_reader, read_reply
from magicgateway.dialects.openai_responses.stream_reader import MOST_ITEMS
from tests.dialects.openai_responses.judge import Json, asked, pour, stream, streamed

SENT = Sent(body={}, stream=True, origin="openai")
CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "m", "created_at": 5}}


def item(kind: str, place: int, **fields: Any) -> Json:
    return {"type": f"response.output_item.{kind}", "output_index": place, "item": fields}


def about(kind: str, place: int = 0, **fields: Any) -> Json:
    return {"type": f"response.{kind}", "output_index": place, "item_id": "x", **fields}


def end(kind: str = "completed", **fields: Any) -> Json:
    return {"type": f"response.{kind}", "response": {"id": "resp_1", "status": kind, **fields}}


def blocks_of(events: list[Event]) -> list[tuple[type[Block], str]]:
    """The kinds of blocks, and what came of each."""
    found: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, BlockStarted):
            found[event.index] = [type(event.block), ""]
        elif isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta):
            found[event.index][1] += event.text
    return [(kind, text) for kind, text in found.values()]


MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
PART = {"type": "output_text", "text": "ab", "annotations": []}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f"}


class StreamReaderTests(SynchronousTestCase):
    maxDiff = None

    def test_our_own(self) -> None:
        """What the writer of this dialect says is read as it was meant."""
        given = (
            Thinking(parts=("ab", "c"), summary=True, token=Token("openai", "gAAA"),
                     item_id="rs_1"),
            Text(text="Hello", phase="commentary", item_id="msg_1"),
            ToolCall(id="c", name="f", arguments='{"a":1}', item_id="fc_1", namespace="n"),
            ToolCall(id="d", name="p", kind="custom", arguments="x", item_id="ctc_1"),
        )  # fmt: skip
        question = asked(include=["reasoning.encrypted_content"])
        wire, _ = stream(*streamed(*given, finish=Finish(reason=TOOL_CALLS)), question=question)
        events = pour(*wire)

        begun = [event.block for event in events if isinstance(event, BlockStarted)]
        self.assertEqual([0, 1, 2, 3], [e.index for e in events if isinstance(e, BlockStarted)])
        self.assertEqual(["rs_1", "msg_1", "fc_1", "ctc_1"], [block.item_id for block in begun])
        self.assertEqual(
            [(Thinking, "abc"), (Text, "Hello"), (ToolCall, '{"a":1}'), (ToolCall, "x")],
            blocks_of(events),
        )
        tokens = [event.token for event in events if isinstance(event, TokenDelta)]
        self.assertEqual([Token("openai", "gAAA")], tokens)
        self.assertEqual([0, 1], [e.part for e in events if isinstance(e, ThinkingDelta)])
        self.assertIsInstance(events[0], Started)
        self.assertIsInstance(events[-1], Ended)
        self.assertEqual(4, sum(isinstance(event, BlockStopped) for event in events))

    def test_each_delta_at_once(self) -> None:
        """Every delta is an event as soon as it comes."""
        reader = open_reader(SENT)
        made = [
            list(reader.feed("", json.dumps(content).encode()))
            for content in (
                CREATED,
                item("added", 0, **MESSAGE, content=[]),
                about("content_part.added", content_index=0, part={**PART, "text": ""}),
                about("output_text.delta", content_index=0, delta="a"),
                about("output_text.delta", content_index=0, delta="b"),
            )
        ]
        self.assertEqual([TextDelta(0, "a")], made[3])
        self.assertEqual([TextDelta(0, "b")], made[4])

    def test_leniency(self) -> None:
        """What a provider leaves out of its events is taken from those that have it whole."""
        whole = {**MESSAGE, "content": [PART]}
        call = {**CALL, "arguments": '{"a":1}'}
        cases: list[tuple[list[Json], list[tuple[type[Block], str]]]] = [
            ([end(output=[whole, call])], [(Text, "ab"), (ToolCall, '{"a":1}')]),
            ([item("done", 0, **whole)], [(Text, "ab")]),
            ([about("output_text.delta", content_index=0, delta="a"), item("done", 0, **whole)],
             [(Text, "ab")]),
            ([item("added", 0, **MESSAGE, content=[]),
              about("content_part.added", content_index=0, part=PART)], [(Text, "ab")]),
            ([item("added", 0, **MESSAGE, content=[]),
              about("content_part.done", content_index=0, part=PART)], [(Text, "ab")]),
            ([item("added", 0, **CALL, arguments='{"a"'), item("done", 0, **call)],
             [(ToolCall, '{"a":1}')]),
            ([item("added", 0, **CALL), end(output=[call])], [(ToolCall, '{"a":1}')]),
            ([about("function_call_arguments.delta", delta="{"), item("done", 0, **call)],
             [(ToolCall, '{"a":1}')]),
            ([item("done", 1, **call), end(output=[whole])], [(ToolCall, '{"a":1}')]),
            ([item("done", 0, **whole), item("done", 0, **whole),
              about("output_text.delta", delta="x")], [(Text, "ab")]),
            ([item("added", 0, **MESSAGE), item("added", 0, **MESSAGE),
              about("refusal.delta", delta="no")], [(Refusal, "no")]),
            ([item("done", 0, type="reasoning", summary=[{"text": "s"}])], [(Thinking, "s")]),
            ([about("reasoning_text.delta", content_index=0, delta="t"),
              about("reasoning_summary_text.delta", summary_index=0, delta="s"),
              item("done", 0, type="reasoning", content=[{"text": "tu"}],
                   summary=[{"text": "s"}])], [(Thinking, "tu")]),
        ]  # fmt: skip
        for given, expected in cases:
            last = [] if given[-1]["type"] == "response.completed" else [end()]
            events = pour(CREATED, *given, *last)
            self.assertEqual(expected, blocks_of(events), given)
            started = sum(isinstance(event, BlockStarted) for event in events)
            self.assertEqual(started, sum(isinstance(event, BlockStopped) for event in events))
            self.assertIsInstance(events[-1], Ended)

    def test_whole_items(self) -> None:
        """Items without deltas come whole; those of client-run tools as their calls."""
        shell = {"type": "local_shell_call", "id": "l", "call_id": "c",
                 "action": {"type": "exec", "command": ["ls"], "env": {}}}  # fmt: skip
        search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
        events = pour(
            CREATED, item("added", 0, **search), about("web_search_call.searching"),
            item("done", 0, **search), item("added", 1, **shell), item("done", 1, **shell), end(),
        )  # fmt: skip
        self.assertEqual([(Hosted, ""), (ToolCall, '{"command":["ls"]}')], blocks_of(events))
        finish = next(event.finish for event in events if isinstance(event, Finished))
        self.assertEqual(TOOL_CALLS, finish.reason)

    def test_annotations(self) -> None:
        """Citations count in the whole answer, each once."""
        note = {"type": "url_citation", "url": "u", "start_index": 0, "end_index": 1}
        parts = [PART, {**PART, "annotations": [note, note]}]
        events = pour(
            CREATED, item("added", 0, **MESSAGE, content=[]),
            about("output_text.delta", content_index=0, delta="ab"),
            about("output_text.delta", content_index=1, delta="ab"),
            about("output_text.annotation.added", content_index=1, annotation=note),
            item("done", 0, **MESSAGE, content=parts), end(),
        )  # fmt: skip
        cited = [event.citation for event in events if isinstance(event, CitationDelta)]
        self.assertEqual([2, 2], [citation.start for citation in cited])

    def test_end(self) -> None:
        """The last event says why it ended, what it cost and what was asked for."""
        usage = {"input_tokens": 5, "output_tokens": 2}
        events = pour(CREATED, end("incomplete", usage=usage, service_tier="flex", store=True,
                                   incomplete_details={"reason": "max_output_tokens"}))  # fmt: skip
        self.assertEqual(Started("resp_1", "m", 5), events[0])
        self.assertEqual(UsageCounted(Usage(input=5, output=2)), events[1])
        self.assertEqual(Finished(Finish(reason=LENGTH, raw="max_output_tokens")), events[2])
        ended = events[3]
        assert isinstance(ended, Ended)
        self.assertEqual(("flex", {"store": True}),
                         (ended.service_tier, dict(ended.extras.fields)))  # fmt: skip
        self.assertEqual(Finished(Finish(reason=STOP, raw="completed")), pour(CREATED, end())[1])

    def test_failures(self) -> None:
        """A failed response and an event of type error end a stream; nothing follows."""
        cases: list[tuple[Json, tuple[int, str]]] = [
            (end("failed", error={"code": "rate_limit_exceeded", "message": "m"}),
             (429, "rate_limit")),
            ({"type": "error", "code": "server_error", "message": "m"}, (500, "server")),
            ({"type": "error", "error": {"code": "server_is_overloaded", "message": "m"}},
             (503, "overloaded")),
            ({"type": "", "error": {"message": "m"}}, (502, "server")),
        ]  # fmt: skip
        for content, expected in cases:
            events = pour(CREATED, content, end())
            failed = events[-1]
            assert isinstance(failed, Failed)
            self.assertEqual(expected, (failed.failure.status, failed.failure.kind))
            self.assertEqual(2, len(events))
            self.assertEqual([failed], pour(content))  # where it is the first event, the only one

    def test_cut(self) -> None:
        """I.65: a stream without its last event has no end; ``[DONE]`` is none."""
        reader = open_reader(SENT)
        made = list(reader.feed("", json.dumps(CREATED).encode()))
        made += [*reader.feed("", b"[DONE]"), *reader.close()]
        self.assertEqual([Started("resp_1", "m", 5)], made)

    def test_too_much(self) -> None:
        """Items are not without end, and neither are the parts of one."""
        for made in (
            [item("added", place, type="reasoning") for place in range(MOST_ITEMS + 1)],
            [
                about("output_text.delta", content_index=number, delta="a")
                for number in range(MOST_ITEMS + 1)
            ],
        ):
            self.assertNotIsInstance(pour(CREATED, *made[:-1])[-1], Failed)
            self.assertIsInstance(pour(CREATED, *made)[-1], Failed)
        long = [item("added", place, type="odd", data="x" * (1 << 23)) for place in range(8)]
        self.assertIsInstance(pour(CREATED, *long)[-1], Failed)

    def test_no_json(self) -> None:
        """Data that is no object is a failure."""
        for data in (b"{", b"[]", b"\xff"):
            (failed,) = open_reader(SENT).feed("response.created", data)
            self.assertIsInstance(failed, Failed)
        self.assertEqual([], list(open_reader(SENT).feed("", b"")))  # only a sign of life

    def test_hostile(self) -> None:
        """Events with values of any type, in any order, do no harm and look no more complete."""
        seed = random.randrange(2**32)  # noqa: S311 - it only chooses test cases
        chance = random.Random(seed)  # noqa: S311 - it only chooses test cases
        wire, _ = stream(*streamed(
            Thinking(parts=("ab",)), Text(text="Hello"), ToolCall(id="c", name="f", arguments="{}")
        ))  # fmt: skip
        odd: list[Any] = [None, 7, -1, "x", [], {}, [None], {"type": "message"}, True, 1e9]
        for _ in range(2000):
            events = [json.loads(json.dumps(event)) for event in wire]
            for _ in range(chance.randrange(1, 4)):
                target = chance.choice(events)
                while isinstance(target, dict) and target:
                    key = chance.choice(list(target))
                    if not isinstance(target[key], dict) or chance.random() < 0.5:
                        target[key] = deepcopy(chance.choice(odd))  # or it could hold itself
                        break
                    target = target[key]
            chance.shuffle(events) if chance.random() < 0.3 else None
            reader = open_reader(SENT)
            made: list[Event] = []
            for event in events:
                made += reader.feed("", json.dumps(event).encode())
            kinds = [event.get("type") for event in events]
            complete = "response.completed" in kinds or "response.incomplete" in kinds
            ended = sum(isinstance(event, Ended | Failed) for event in made)
            self.assertLessEqual(ended, 1, f"seed {seed}")
            self.assertTrue(complete or not any(isinstance(e, Ended) for e in made), seed)

    def test_same_as_whole(self) -> None:
        """A stream says what the whole answer at its end does."""
        wire, _ = stream(*streamed(Text(text="Hello"), ToolCall(id="c", name="f", arguments="{}")))
        whole = read_reply(wire[-1]["response"], SENT).choices[0]
        begun = [type(block) for block in whole.blocks]
        self.assertEqual(begun, [kind for kind, _ in blocks_of(pour(*wire))])
