from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.anthropic_messages.grammar import (
    open_reader,
    open_writer,
    read_reply,
    read_request,
    write_reply,
    write_request,
)
from magicgateway.dialects.grammar import Asked, Sent
from magicgateway.wire.sse import events
from tests.dialects.anthropic_messages import sdk
from tests.dialects.anthropic_messages.bodies import ABLE, judge, lines, rewritten, uses
from tests.dialects.anthropic_messages.equivalence import bare, canonical
from tests.dialects.cassettes import body_of, recorded
from tests.judging import unjudged

Json = dict[str, Any]

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(str.strip)
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from((0.5, 1e-7)) | WORDS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
MARKS = st.sampled_from(({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}))


def either(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Objects with any of these fields."""
    return st.fixed_dictionaries({}, optional=optional)


def kind(name: str, needed: dict[str, Any], **optional: Any) -> st.SearchStrategy[Json]:
    """Blocks of one kind."""
    return st.fixed_dictionaries({"type": st.just(name), **needed}, optional=optional)


PNG = st.just({"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="})
URL = st.just({"type": "url", "url": "https://x.test/a"})
FILE = st.just({"type": "file", "file_id": "file_1"})
PDF = st.just({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="})
TEXT = kind("text", {"text": WORDS})
PLAIN = kind("text", {"data": WORDS}, media_type=st.just("text/plain"))
BLOCKS = st.just("words") | st.lists(TEXT, min_size=1, max_size=2)
MADE = kind("content", {"content": BLOCKS})
CITED = st.just({"enabled": True})
IMAGE = kind("image", {"source": PNG | URL | FILE})
DOCUMENT = kind(
    "document",
    {"source": PDF | URL | FILE | PLAIN | MADE},
    title=WORDS,
    context=WORDS,
    citations=CITED,
)
HIT = kind(
    "search_result", {"source": WORDS, "title": WORDS, "content": st.lists(TEXT, max_size=2)}
)
USER = st.lists(TEXT | IMAGE | DOCUMENT | HIT, min_size=1, max_size=3)
THOUGHT = kind("thinking", {"thinking": st.just("") | WORDS, "signature": WORDS})
HIDDEN = kind("redacted_thinking", {"data": WORDS})
SEARCH = st.just(
    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
)
ASSISTANT = st.lists(TEXT | THOUGHT | HIDDEN | SEARCH, min_size=1, max_size=3)
INPUT = st.dictionaries(WORDS, VALUES, max_size=2)
RESULT = st.lists(TEXT | IMAGE, max_size=2) | WORDS
TOOL = st.fixed_dictionaries(
    {"name": st.just("f"), "input_schema": st.just({"type": "object", "properties": {}})},
    optional={"description": WORDS, "type": st.just("custom"), "defer_loading": st.booleans()},
)


@st.composite
def bodies(draw: st.DrawFn) -> Json:
    """Requests that Anthropic takes, without what its own rules make of several forms."""
    turns: list[Json] = [{"role": "user", "content": draw(WORDS | USER)}]
    for number in range(draw(st.integers(0, 2))):
        call = draw(st.booleans())
        said = draw(ASSISTANT)
        answer = draw(USER)
        if call:
            said = [*said, uses(f"c{number}", given=draw(INPUT))]
            result = {"type": "tool_result", "tool_use_id": f"c{number}", "content": draw(RESULT)}
            answer = [result, *answer]
        turns += [{"role": "assistant", "content": said}, {"role": "user", "content": answer}]
    if draw(st.booleans()) and isinstance(turns[-1]["content"], list):
        turns[-1]["content"][-1]["cache_control"] = draw(MARKS)
    settings_ = draw(
        either(
            system=WORDS | st.lists(TEXT, min_size=1, max_size=2),
            temperature=st.sampled_from((0, 0.5, 1)),
            top_p=st.sampled_from((0.5, 1)),
            top_k=st.integers(0, 9),
            stop_sequences=st.lists(WORDS, max_size=2),
            stream=st.booleans(),
            metadata=st.just({"user_id": "u-1"}),
            service_tier=st.sampled_from(("auto", "standard_only")),
            thinking=st.sampled_from(({"type": "adaptive"}, {"type": "disabled"})),
            output_config=st.just({"effort": "low"}),
            cache_control=MARKS,
            inference_geo=WORDS,
            container=WORDS,
        )
    )
    tools = {"tools": [draw(TOOL)], "tool_choice": draw(st.sampled_from((
        {"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": "f"},
        {"type": "auto", "disable_parallel_tool_use": True},
    )))}  # fmt: skip
    return {
        "model": "m",
        "max_tokens": draw(st.integers(1, 99)),
        "messages": turns,
        **settings_,
        **tools,
    }


def places(value: Any) -> Iterator[Callable[[Any], Json]]:
    """Ways to every object in a value in which a caller can put a field of its own."""
    if isinstance(value, dict):
        yield lambda whole: whole
        for name, inner in value.items():
            if name in ("input", "input_schema", "schema"):
                continue  # the caller's own JSON, in which everything is known
            for way in places(inner):
                yield lambda whole, name=name, way=way: way(whole[name])  # type: ignore[misc]
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            for way in places(inner):
                yield lambda whole, index=index, way=way: way(whole[index])  # type: ignore[misc]


FULL: Json = {
    "model": "m",
    "max_tokens": 9,
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "url", "url": "https://x.test"}},
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "d"},
                    "citations": {"enabled": True},
                },
                {
                    "type": "search_result",
                    "source": "s",
                    "title": "t",
                    "content": [{"type": "text", "text": "c"}],
                    "citations": {"enabled": True},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "t", "signature": "S"},
                {"type": "redacted_thinking", "data": "D"},
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                {"type": "tool_use", "id": "c", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c",
                    "content": [
                        {"type": "text", "text": "r"},
                        {"type": "tool_reference", "tool_name": "f"},
                    ],
                }
            ],
        },
        {"role": "system", "content": [{"type": "text", "text": "s"}]},
    ],
    "tools": [
        {"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "web_search_20250305", "name": "web_search", "user_location": {}},
    ],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {
        "type": "object", "properties": {}, "additionalProperties": False,
    }}},
    "metadata": {"user_id": "u"},
    "cache_control": {"type": "ephemeral"},
}  # fmt: skip


class RequestTests(SynchronousTestCase):
    maxDiff = None

    @settings(max_examples=80, deadline=None, derandomize=True)
    @given(bodies())
    def test_identity(self, body: Json) -> None:
        """Reading a request and writing it again says the same, and loses nothing."""
        ledger = Ledger()
        sent = write_request(read_request(body, ledger), ABLE, ledger)
        judge(sent.body)
        self.assertEqual(canonical(body), canonical(sent.body))
        self.assertEqual([], lines(ledger))

    @unjudged("fields that nobody knows are planted in it")
    def test_planted(self) -> None:
        """A field that nobody knows arrives where it was, at every level of a request."""
        count = 0
        for way in places(FULL):
            planted = copy.deepcopy(FULL)
            way(planted)["planted"] = {"a": [1]}
            self.assertEqual(canonical(planted), canonical(rewritten(planted)))
            count += 1
        self.assertEqual(34, count)

    def test_recorded(self) -> None:
        """Recorded requests are sent as they were recorded."""
        for stream in (False, True):
            for name, cassette in recorded("messages", stream=stream).items():
                body = cassette["request"]["body"]
                self.assertEqual(canonical(body), canonical(rewritten(body)), name)


def asked(cassette: Json) -> Asked:
    body = cassette["request"]["body"]
    request = read_request(body, Ledger())
    return Asked(request=request, model=body["model"], answer_id="a1", now=1)


class AnswerTests(SynchronousTestCase):
    maxDiff = None
    sent = Sent(body={}, origin="anthropic")

    def test_recorded_answers(self) -> None:
        """Recorded answers are written as they were recorded."""
        for name, cassette in recorded("messages", stream=False).items():
            body = json.loads(body_of(cassette))
            ledger = Ledger()
            asking = asked(cassette)
            written = write_reply(read_reply(body, self.sent), asking, ledger)
            self.assertEqual(bare({**body, "model": asking.model}), bare(written), name)
            self.assertEqual([], lines(ledger))

    def test_recorded_streams(self) -> None:
        """The SDK makes the same of a recorded stream and of what is written of it."""
        for name, cassette in recorded("messages", stream=True).items():
            raw = body_of(cassette)
            reader, writer = open_reader(self.sent), open_writer(asked(cassette))
            out = b"".join(
                writer.write(event)
                for kind_, data in events(raw)
                for event in reader.feed(kind_, data)
            )
            expected = sdk.streamed(raw, strict=False).model_dump()
            found = sdk.streamed(out, strict=False).model_dump()
            self.assertEqual({**expected, "model": found["model"]}, found, name)

    @unjudged("fields that nobody knows are planted in it")
    def test_planted(self) -> None:
        """A field that nobody knows arrives at every level of an answer."""
        cited = {"type": "page_location", "cited_text": "x"}
        full: Json = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [
                {"type": "text", "text": "a", "citations": [cited]},
                {"type": "thinking", "thinking": "t", "signature": "S"},
                {"type": "redacted_thinking", "data": "D"},
                {"type": "server_tool_use", "id": "s", "name": "n", "input": {}},
                {"type": "tool_use", "id": "c", "name": "f", "input": {}},
                {"type": "compaction", "content": "c"},
            ],
            "stop_reason": "refusal",
            "stop_sequence": None,
            "stop_details": {"type": "refusal", "category": "bio", "explanation": "E"},
            "usage": {
                "input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0,
                },
                "output_tokens_details": {"thinking_tokens": 0},
                "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
            },
        }  # fmt: skip
        request = read_request({"model": "m", "max_tokens": 1, "messages": [
            {"role": "user", "content": "x"}
        ]}, Ledger())  # fmt: skip
        asking = Asked(request=request, model="m", answer_id="a1", now=1)
        for way in places(full):
            planted = copy.deepcopy(full)
            way(planted)["planted"] = {"a": [1]}
            written = write_reply(read_reply(planted, self.sent), asking, Ledger())
            self.assertEqual(planted, written)
