"""Reading and then writing is the identity, but for what ``docs/design/dialects.md`` lists."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Refusal, Text, Thinking, ToolCall
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    Event,
    TextDelta,
    ThinkingDelta,
    UsageCounted,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import Usage
from magicgateway.conversation.request import Request
from magicgateway.dialects.grammar import Asked, Sent
from magicgateway.dialects.openai_chat.reply_reader import read_reply
from magicgateway.dialects.openai_chat.reply_writer import write_reply
from tests.dialects.openai_chat.bodies import (
    ABLE,
    Json,
    answers,
    call,
    chat,
    function,
    read,
    rewritten,
    says,
    write,
)
from tests.dialects.openai_chat.sdk import accumulated, completion
from tests.dialects.openai_chat.streams import payloads, told, written
from tests.dialects.openai_chat.streams import read as read_stream

EXAMPLES = settings(max_examples=60, deadline=None)

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: bool(text.strip())
)
names = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
odd = st.dictionaries(st.sampled_from(("x_one", "x_two")), st.integers(), max_size=2)
"""Fields that nobody knows."""

marks: st.SearchStrategy[Json] = st.sampled_from(
    ({}, {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}})
)
texts = st.builds(lambda t, m, x: {"type": "text", "text": t, **m, **x}, words, marks, odd)
images = st.builds(
    lambda url, detail, x, y: {
        "type": "image_url", "image_url": {"url": url, "detail": detail, **x}, **y,
    },
    st.sampled_from(("https://x.test/a.png", "data:image/png;base64,iVBORw0KGgo=")),
    st.sampled_from(("auto", "low", "high")), odd, odd,
)  # fmt: skip
others = st.sampled_from((
    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
    {"type": "file", "file": {"file_id": "file-1"}},
    {"type": "file", "file": {"filename": "a.pdf", "file_data":
                              "data:application/pdf;base64,JVBERi0x"}},
))  # fmt: skip
users = st.builds(
    lambda content, x, name: {"role": "user", "content": content, **x, **name},
    st.one_of(words, st.lists(st.one_of(texts, images, others), min_size=2, max_size=4)),
    odd,
    st.sampled_from(({}, {"name": "ann"})),
)
systems = st.builds(says, st.sampled_from(("system", "developer")), words)
arguments = st.sampled_from(("{}", '{"a": 1}', "{bad", "[1]"))


@st.composite
def rounds(draw: st.DrawFn) -> list[Json]:
    """What a user says, what the assistant answers, and what its tools do."""
    made = draw(st.integers(0, 2))
    calls: list[Json] = []
    for number in range(made):
        inner = {"name": draw(names), "arguments": draw(arguments), **draw(odd)}
        calls.append({"id": f"c{number}", "type": "function", "function": inner, **draw(odd)})
    answer = says("assistant", draw(words if not made else st.none() | words), **draw(odd))
    if made:
        answer["tool_calls"] = calls
    if draw(st.booleans()):
        answer["reasoning_content"] = draw(words)
    results = [answers(f"c{number}", draw(st.just("") | words)) for number in range(made)]
    return [draw(users), answer, *results]


parameters: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {},
    optional={
        "max_completion_tokens": st.integers(1, 9),
        "temperature": st.sampled_from((0, 0.5, 2)),
        "top_p": st.sampled_from((0.1, 1)),
        "top_k": st.integers(1, 9),
        "n": st.integers(1, 3),
        "stop": st.lists(words, min_size=1, max_size=4),
        "seed": st.integers(),
        "logprobs": st.booleans(),
        "top_logprobs": st.integers(0, 3),
        "logit_bias": st.just({"1": 2}),
        "frequency_penalty": st.sampled_from((0, -0.5)),
        "presence_penalty": st.sampled_from((0, -0.5)),
        "user": names,
        "safety_identifier": names,
        "metadata": st.just({"k": "v"}),
        "store": st.booleans(),
        "service_tier": st.sampled_from(("auto", "default", "flex")),
        "modalities": st.just(["text", "audio"]),
        "audio": st.just({"voice": "v", "format": "wav"}),
        "prediction": st.just({"type": "content", "content": "x"}),
        "verbosity": st.sampled_from(("low", "high")),
        "reasoning_effort": st.sampled_from(("none", "low", "xhigh")),
        "prompt_cache_key": names,
        "prompt_cache_retention": st.just("24h"),
        "prompt_cache_options": st.sampled_from((
            {"mode": "explicit"}, {"mode": "implicit", "ttl": "30m"}, {"mode": "implicit"},
        )),
        "moderation": st.just({"model": "m", "policy": {"input": {"mode": "block"}}}),
        "web_search_options": st.just({"search_context_size": "low"}),
        "response_format": st.sampled_from((
            {"type": "json_object"},
            {"type": "json_schema", "json_schema":
             {"name": "n", "schema": {"type": "object"}, "x_deep": 1}, "x_one": 1},
        )),
        "x_odd": st.integers(),
    },
)  # fmt: skip
strict = {
    "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
    "additionalProperties": False,
}  # fmt: skip
tool_lists: st.SearchStrategy[Json] = st.sampled_from((
    {},
    {"tools": [function("f"), function("g", strict, strict=True, description="d")],
     "tool_choice": "required", "parallel_tool_calls": False},
    {"tools": [{**function("f", x_one=1), "x_two": 2},
               {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}],
     "tool_choice": {"type": "custom", "custom": {"name": "c"}}},
    {"tools": [function("f")], "tool_choice": {"type": "allowed_tools", "allowed_tools":
     {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}}},
))  # fmt: skip
streaming: st.SearchStrategy[Json] = st.sampled_from(
    ({}, {"stream": True, "stream_options": {"include_usage": True}})
)


@st.composite
def bodies(draw: st.DrawFn) -> Json:
    """A request in the usual form."""
    lead = draw(st.lists(systems, max_size=2))
    middle = draw(st.lists(rounds(), min_size=1, max_size=3))
    flat = [message for turn in middle for message in turn]
    body = chat(*lead, *flat, draw(users))
    return body | draw(parameters) | draw(tool_lists) | draw(streaming)


class RequestTests(SynchronousTestCase):
    maxDiff = None

    @given(bodies())
    @EXAMPLES
    def test_identity(self, body: Json) -> None:
        """A request in the usual form is written as it was read, and nothing is reported."""
        request, notes = read(body)
        sent, reported = write(request, ABLE)
        self.assertEqual((body, [], []), (sent.body, notes, reported))

    def test_equivalences(self) -> None:
        """The other forms are written in the usual one; docs/design/dialects.md lists them."""
        text = {"type": "text", "text": "a"}
        mark = {"type": "ephemeral"}
        marked = {**text, "prompt_cache_breakpoint": {"mode": "explicit"}}
        messages: list[tuple[Json, Json]] = [
            (says("user", [text]), says("user", "a")),
            (says("user", [text, {"type": "text", "text": " "}]), says("user", "a")),
            (says("system", [text, text]), says("system", "a\n\na")),
            (says("user", "a", cache_control=mark), says("user", [marked])),
            (says("user", "a", name=None), says("user", "a")),
            (says("assistant", [text, text]), says("assistant", "aa")),
            (says("assistant", [{"type": "refusal", "refusal": "n"}]),
             says("assistant", refusal="n")),
            (says("assistant", "a", reasoning="w"), says("assistant", "a", reasoning_content="w")),
            (says("user", [{"type": "image_url", "image_url": "https://x.test/a"}, text]),
             says("user", [{"type": "image_url", "image_url": {"url": "https://x.test/a"}}, text])),
        ]  # fmt: skip
        for given_message, usual in messages:
            body = rewritten(chat(says("user", "q"), given_message, says("user", "z")))
            self.assertEqual(usual, body["messages"][1])
        empty = {"id": "c", "function": {"name": "f", "arguments": ""}}
        made = rewritten(
            chat(says("assistant", "", tool_calls=[empty]), answers("c", [text, text]))
        )
        self.assertEqual(
            [says("assistant", tool_calls=[call("c")]), answers("c", "a\na")], made["messages"]
        )
        old = {"functions": [{"name": "f"}], "function_call": {"name": "f"}}
        f = {"type": "function", "function": {"name": "f"}}
        fields: list[tuple[Json, Json]] = [
            ({"max_tokens": 5}, {"max_completion_tokens": 5}),
            ({"stop": "a"}, {"stop": ["a"]}),
            ({"stop": []}, {}),
            ({"tools": []}, {}),
            ({"stream": False, "seed": None}, {}),
            ({"response_format": {"type": "text"}}, {}),
            ({"output_config": {"effort": "low"}}, {"reasoning_effort": "low"}),
            ({"tools": [{"type": "function", "function": {"name": "f", "strict": False}}],
              "parallel_tool_calls": True}, {"tools": [function()]}),
            (old, {"tools": [function()], "tool_choice": f, "parallel_tool_calls": False}),
        ]  # fmt: skip
        for given_fields, usual in fields:
            self.assertEqual(chat(**usual), rewritten(chat(**given_fields)))


class PlantedTests(SynchronousTestCase):
    def test_found_again(self) -> None:
        """An unknown key at any level arrives, or is reported where nobody can be told it."""
        tools = [function("f"), {"type": "custom", "custom": {"name": "c"}}]
        body = chat(
            says("system", "S"),
            says("user", [{"type": "text", "text": "t"},
                          {"type": "image_url", "image_url": {"url": "https://x.test/a"}},
                          {"type": "input_audio", "input_audio": {"data": "AAAA"}},
                          {"type": "file", "file": {"file_id": "file-1"}}]),
            says("assistant", "a", tool_calls=[call("c")], audio={"id": "u"},
                 thinking_blocks=[{"type": "thinking", "thinking": "w"}]),
            answers("c", [{"type": "text", "text": "r"}]),
            says("user", "z"),
            tools=tools,
            response_format={"type": "json_schema", "json_schema": {"name": "n"}},
            thinking={"type": "adaptive"},
            output_config={"effort": "low"},
            stream=True,
            stream_options={"include_usage": True},
        )  # fmt: skip
        places = list(_objects(body))
        self.assertGreater(len(places), 20)
        for place in places:
            place["planted"] = 7
            request, notes = read(body)
            sent, reported = write(request, ABLE, judged=False)
            arrived = any("planted" in found for found in _objects(sent.body))
            told_of = any("planted" in line for line in (*notes, *reported))
            self.assertTrue(arrived or told_of, place)
            del place["planted"]


def _objects(value: Any) -> list[Json]:
    """All objects in a value but schemas and what is opaque."""
    if isinstance(value, list):
        return [found for item in value for found in _objects(item)]
    if not isinstance(value, dict):
        return []
    return [value, *(f for k, v in value.items() if k != "parameters" for f in _objects(v))]


messages = st.builds(
    lambda content, refusal, calls, thought, x: {
        "role": "assistant", "content": content, "refusal": refusal,
        **({"tool_calls": calls} if calls else {}),
        **({"reasoning_content": thought} if thought else {}), **x,
    },
    words, st.none(),
    st.lists(st.builds(lambda n, a: call(n, "f", a), names, arguments), max_size=2),
    st.none() | words, odd,
)  # fmt: skip


class ReplyTests(SynchronousTestCase):
    maxDiff = None

    @given(st.lists(messages, min_size=1, max_size=3), odd, st.integers(0, 9))
    @EXAMPLES
    def test_identity(self, given_messages: list[Json], more: Json, count: int) -> None:
        """An answer is written as it was read, and the SDK can read it."""
        choices = [
            {"index": index, "message": message, "logprobs": None,
             "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}
            for index, message in enumerate(given_messages)
        ]  # fmt: skip
        details = {"cached_tokens": count, "cache_write_tokens": 1, "audio_tokens": 2}
        body = {
            "id": "r", "object": "chat.completion", "created": 5, "model": "m",
            "choices": choices, "system_fingerprint": "fp",
            "usage": {"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27,
                      "prompt_tokens_details": details,
                      "completion_tokens_details": {"reasoning_tokens": 3}, **more},
            **more,
        }  # fmt: skip
        asked = Asked(request=Request(model="m"), model="m", answer_id="a", now=1)
        ledger = Ledger()
        again = write_reply(read_reply(body, Sent(body={})), asked, ledger)
        self.assertEqual((body, ()), (again, ledger.notes))
        completion(again)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Blocks of all kinds, calls side by side among them."""
    events: list[Event] = []
    index = 0
    for kind in draw(st.lists(st.sampled_from("wtrcc"), max_size=5)):
        pieces = draw(st.lists(words, max_size=3))
        if kind == "c":
            both = (index, index + 1)
            events += [BlockStarted(at, ToolCall(id=f"c{at}", name="f")) for at in both]
            events += [ArgumentsDelta(draw(st.sampled_from(both)), piece) for piece in pieces]
            events += [BlockStopped(at) for at in both]
            index += 2
            continue
        block = {"w": Thinking(), "t": Text(text=""), "r": Refusal(text="")}[kind]
        events.append(BlockStarted(index, block))
        delta = ThinkingDelta if kind == "w" else TextDelta
        events += [delta(index, piece) for piece in pieces]
        events.append(BlockStopped(index))
        index += 1
    return [*events, UsageCounted(Usage(input=draw(st.integers(0, 9)), output=3))]


class StreamTests(SynchronousTestCase):
    @given(streams(), st.booleans())
    @EXAMPLES
    def test_accepted(self, events: list[Event], include_usage: bool) -> None:
        """Any stream is added up by the SDK to what was said, and usage adds up."""
        stream = written(*told(events), include_usage=include_usage)
        answer = accumulated(stream)
        message = answer.choices[0].message
        self.assertEqual(_said(events, Text), message.content or "")
        self.assertEqual(_said(events, Refusal), message.refusal or "")
        arguments_of: dict[int, str] = {}
        for event in events:
            if isinstance(event, BlockStarted) and isinstance(event.block, ToolCall):
                arguments_of[event.index] = ""
            elif isinstance(event, ArgumentsDelta):
                arguments_of[event.index] += event.text
        self.assertEqual(
            [text or "{}" for text in arguments_of.values()],
            [called.function.arguments for called in message.tool_calls or ()],
        )
        if include_usage:
            assert answer.usage is not None
            self.assertEqual(
                answer.usage.total_tokens,
                answer.usage.prompt_tokens + answer.usage.completion_tokens,
            )

    @given(streams())
    @EXAMPLES
    def test_read_again(self, events: list[Event]) -> None:
        """What was written is read as the same words, in the same order."""
        again = read_stream(*payloads(written(*told(events), include_usage=True)))
        for kind in (Text, Refusal):
            self.assertEqual(_said(events, kind), _said(again, kind))


def _said(events: list[Event], kind: type) -> str:
    of_kind = {e.index for e in events if isinstance(e, BlockStarted) and isinstance(e.block, kind)}
    return "".join(e.text for e in events if isinstance(e, TextDelta) and e.index in of_kind)
