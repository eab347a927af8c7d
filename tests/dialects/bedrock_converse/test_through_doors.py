"""Whole ways through the doors: a caller's body to Converse, and Converse's answer back."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.events import Ended, Failed
from magicgateway.dialects.anthropic_messages import grammar as messages
from magicgateway.dialects.bedrock_converse import grammar as converse
from magicgateway.dialects.grammar import Sent
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE_4_6,
    LLAMA,
    NOVA,
    Json,
    function,
)
from tests.dialects.bedrock_converse.streams import (
    METADATA,
    START,
    Wire,
    call,
    delta,
    end,
    framed,
    stopped,
)
from tests.dialects.bedrock_converse.test_reply_reader import answer
from tests.dialects.bedrock_converse.ways import DONE, USER, Way, chunks, deltas, finishes


class ChatReplyTests(SynchronousTestCase):
    maxDiff = None

    def test_section_d(self) -> None:
        """The reference's example of section D, reasoning and call and counts."""
        body = answer(
            {"reasoningContent": {"reasoningText": {"text": "Look it up.", "signature": "EqQB"}}},
            {"text": "Checking."},
            {"toolUse": {"toolUseId": "tooluse_Ab", "name": "get_time", "input": {"zone": "UTC"}}},
            stop="tool_use",
            usage={
                "inputTokens": 20,
                "outputTokens": 30,
                "totalTokens": 1074,
                "cacheReadInputTokens": 1024,
                "cacheWriteInputTokens": 0,
            },
        )
        way = Way({"messages": [USER], "tools": [function("get_time")]})
        written = way.reply(body)
        (choice,) = written["choices"]
        message = choice["message"]
        self.assertEqual(
            ("tool_calls", "Checking.", "Look it up."),
            (choice["finish_reason"], message["content"], message["reasoning_content"]),
        )
        (called,) = message["tool_calls"]
        self.assertEqual(
            ("tooluse_Ab", {"name": "get_time", "arguments": '{"zone":"UTC"}'}),
            (called["id"], called["function"]),
        )
        usage = written["usage"]
        self.assertEqual(
            (1044, 30, 1074, 1024),
            (
                usage["prompt_tokens"],
                usage["completion_tokens"],
                usage["total_tokens"],
                usage["prompt_tokens_details"]["cached_tokens"],
            ),
        )

    def test_texts(self) -> None:
        """J48, J49, J51, J52: texts are joined, empty arguments an object, counts added up."""
        way = Way({"messages": [USER], "tools": [function()]})
        joined = way.reply(answer({"text": "a"}, {"text": "b"}))["choices"][0]
        self.assertEqual("ab", joined["message"]["content"])
        use = {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}
        called = way.reply(answer(use, stop="tool_use"))["choices"][0]
        self.assertEqual("{}", called["message"]["tool_calls"][0]["function"]["arguments"])
        usage = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 1039,
                 "cacheReadInputTokens": 1000, "cacheWriteInputTokens": 24}  # fmt: skip
        counted = way.reply(answer({"text": "a"}, usage=usage))["usage"]
        self.assertEqual(
            (1034, 5, 1039),
            tuple(counted[n] for n in ("prompt_tokens", "completion_tokens", "total_tokens")),
        )
        blocked = way.reply(answer(stop="guardrail_intervened"))["choices"][0]
        self.assertEqual("content_filter", blocked["finish_reason"])
        self.assertFalse(blocked["message"]["content"])

    def test_reasons(self) -> None:
        """J50: each reason for the end in a chat's words."""
        cases = {
            "end_turn": "stop",
            "max_tokens": "length",
            "stop_sequence": "stop",
            "guardrail_intervened": "content_filter",
            "content_filtered": "content_filter",
            "model_context_window_exceeded": "length",
            "malformed_model_output": "stop",
            "malformed_tool_use": "stop",
            "brand_new": "stop",
        }
        for raw, expected in cases.items():
            written = Way({"messages": [USER]}).reply(answer({"text": "a"}, stop=raw))
            self.assertEqual(expected, written["choices"][0]["finish_reason"], raw)

    def test_names(self) -> None:
        """J33: a tool has its own name again in the answer, streamed or not."""
        way = Way({"messages": [USER], "tools": [function("fs.read/file")]})
        use = {"toolUse": {"toolUseId": "a", "name": "fs_read_file", "input": {}}}
        (called,) = way.reply(answer(use, stop="tool_use"))["choices"][0]["message"]["tool_calls"]
        self.assertEqual("fs.read/file", called["function"]["name"])
        raw = framed(START, call(0, "a", "fs_read_file"), stopped(0), end("tool_use"))
        names = [
            d["tool_calls"][0]["function"].get("name")
            for d in deltas(way.stream(raw))
            if "tool_calls" in d
        ]
        self.assertEqual("fs.read/file", names[0])

    def test_json_tool(self) -> None:
        """J41: an answer by the tool that stood for a format is text, streamed or not."""
        schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
        form = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
        way = Way({"messages": [USER], "response_format": form}, capabilities=NOVA)
        use = {"toolUse": {"toolUseId": "a", "name": "reply", "input": {"x": 1}}}
        (choice,) = way.reply(answer(use, stop="tool_use"))["choices"]
        self.assertEqual('{"x":1}', choice["message"]["content"])
        self.assertEqual("stop", choice["finish_reason"])
        self.assertNotIn("tool_calls", choice["message"])
        raw = framed(
            START, call(0, "a", "reply"), delta(0, toolUse={"input": '{"x":'}),
            delta(0, toolUse={"input": "1}"}), stopped(0), end("tool_use"),
        )  # fmt: skip
        stream = way.stream(raw)
        self.assertEqual(['{"x":', "1}"], _words(stream))
        self.assertEqual(["stop"], finishes(stream))

    def test_hosted(self) -> None:
        """J54: what the service's own tools did is no call."""
        use = {"toolUse": {"toolUseId": "a", "name": "n", "input": {}, "type": "server_tool_use"}}
        result = {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}
        written = Way({"messages": [USER]}).reply(answer(use, result, {"text": "a"}))
        self.assertNotIn("tool_calls", written["choices"][0]["message"])
        self.assertEqual("a", written["choices"][0]["message"]["content"])


class ChatStreamTests(SynchronousTestCase):
    maxDiff = None

    def test_plain(self) -> None:
        """J56, J57: the role, the words, the end, the counts if asked, and the mark on its own."""
        raw = framed(START, delta(0, text="Hé"), end(), METADATA)
        body = {"messages": [USER], "stream": True}
        bare = Way(body).stream(raw)
        self.assertEqual(["Hé"], _words(bare))
        self.assertEqual(["stop"], finishes(bare))
        self.assertTrue(bare.endswith(b"}\n\ndata: [DONE]\n\n"))
        way = Way({**body, "stream_options": {"include_usage": True}})
        *_, counted, done = chunks(way.stream(raw))
        self.assertEqual((3, 1, 4), _counts(counted))
        self.assertEqual(DONE, done)
        whole = Way(body).stream(raw)
        for size in (1, 7, 100):
            self.assertEqual(whole, Way(body).stream(raw, size))

    def test_failures(self) -> None:
        """J58 to J60: an exception or a cut is no success, whatever came before."""
        throttled: Wire = ("exception:throttlingException", {"message": "Too many tokens"})
        way = Way({"messages": [USER], "stream": True})
        stream = way.stream(framed(START, delta(0, text="a"), throttled))
        self.assertEqual(["a"], _words(stream))
        self.assertEqual("Too many tokens", chunks(stream)[-1]["error"]["message"])
        self.assertEqual([], finishes(stream))
        self.assertNotIn(b"[DONE]", stream)
        cut = Way({"messages": [USER], "stream": True}).stream(framed(START, delta(0, text="a")))
        self.assertEqual([], finishes(cut))
        self.assertNotIn(b"[DONE]", cut)

    def test_no_usage(self) -> None:
        """J62: a stream that ends without counts ends well."""
        way = Way({"messages": [USER], "stream": True})
        stream = way.stream(framed(START, delta(0, text="a"), end()))
        self.assertEqual(["stop"], finishes(stream))
        self.assertEqual(DONE, chunks(stream)[-1])

    def test_calls(self) -> None:
        """J63, J64: calls are counted from 0, and one without arguments has an object's."""
        way = Way({"messages": [USER], "stream": True, "tools": [function("f"), function("g")]})
        raw = framed(START, delta(0, text="a"), stopped(0), call(1, "a", "f"), stopped(1),
                     call(2, "b", "g"), delta(2, toolUse={"input": '{"x":1}'}), stopped(2),
                     end("tool_use"))  # fmt: skip
        stream = way.stream(raw)
        found: dict[int, str] = {}
        for chunk in deltas(stream):
            for entry in chunk.get("tool_calls", ()):
                words = entry["function"].get("arguments", "")
                found[entry["index"]] = found.get(entry["index"], "") + words
        self.assertEqual({0: "{}", 1: '{"x":1}'}, found)
        self.assertEqual(["tool_calls"], finishes(stream))
        places = {c["choices"][0]["index"] for c in chunks(stream) if c != DONE}
        self.assertEqual({0}, places)

    def test_cut_arguments(self) -> None:
        """J64: arguments that were cut go out as they came."""
        way = Way({"messages": [USER], "stream": True, "tools": [function()]})
        raw = framed(START, call(0), delta(0, toolUse={"input": '{"a":'}), end("max_tokens"))
        stream = way.stream(raw)
        words = [
            d["tool_calls"][0]["function"].get("arguments")
            for d in deltas(stream)
            if "tool_calls" in d
        ]
        self.assertEqual('{"a":', "".join(word for word in words if word))
        self.assertEqual(["length"], finishes(stream))

    def test_unary(self) -> None:
        """J67: a model that does not stream with tools is asked for all, and told in chunks."""
        body = {"messages": [USER], "stream": True, "tools": [function()]}
        way = Way(body, capabilities=LLAMA)
        self.assertFalse(way.sent.stream)
        use = {"toolUse": {"toolUseId": "a", "name": "f", "input": {"x": 1}}}
        stream = way.one_shot(answer({"text": "a"}, use, stop="tool_use"))
        self.assertEqual(["a"], _words(stream))
        self.assertEqual(["tool_calls"], finishes(stream))
        self.assertEqual(DONE, chunks(stream)[-1])


class MessagesTests(SynchronousTestCase):
    maxDiff = None

    def test_thinking_over_turns(self) -> None:
        """J44, J55: reasoning of both sorts comes to the caller and goes back unchanged."""
        words = {"reasoningContent": {"reasoningText": {"text": "T", "signature": "S"}}}
        redacted = {"reasoningContent": {"redactedContent": "UlhV"}}
        use = {"toolUse": {"toolUseId": "a", "name": "f", "input": {"x": 1}}}
        tools = [{"name": "f", "input_schema": {"type": "object"}}]
        first = {
            "max_tokens": 5000,
            "messages": [USER],
            "tools": tools,
            "thinking": {"type": "adaptive"},
        }
        way = Way(first, messages, CLAUDE_4_6)
        reply = way.reply(answer(words, redacted, {"text": "a"}, use, stop="tool_use"))
        self.assertEqual("tool_use", reply["stop_reason"])
        thought, hidden, *_ = reply["content"]
        self.assertEqual(("T", "S"), (thought["thinking"], thought["signature"]))
        self.assertEqual({"type": "redacted_thinking", "data": "RXU"}, hidden)
        result = {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "a", "content": "r"}],
        }
        turns = [USER, {"role": "assistant", "content": reply["content"]}, result]
        second = Way({**first, "messages": turns}, messages, CLAUDE_4_6)
        self.assertEqual(
            [words, redacted, {"text": "a"}, use], second.sent.body["messages"][1]["content"]
        )
        self.assertEqual((), second.ledger.notes)

    def test_thinking_over_chat_turns(self) -> None:
        """J44: the same is so for callers of chat that send back what they got."""
        words = {"reasoningContent": {"reasoningText": {"text": "T", "signature": "S"}}}
        use = {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}
        body = {"messages": [USER], "tools": [function()], "reasoning_effort": "low"}
        way = Way(body, capabilities=CLAUDE_4_6)
        message = way.reply(answer(words, use, stop="tool_use"))["choices"][0]["message"]
        turns = [USER, message, {"role": "tool", "tool_call_id": "a", "content": "r"}]
        second = Way({**body, "messages": turns}, capabilities=CLAUDE_4_6)
        self.assertEqual([words, use], second.sent.body["messages"][1]["content"])

    def test_stream(self) -> None:
        """A stream is one of Anthropic's, thinking and call and end."""
        raw = framed(
            START, delta(0, reasoningContent={"text": "T"}),
            delta(0, reasoningContent={"signature": "S"}), stopped(0), delta(1, text="a"),
            stopped(1), call(2), stopped(2), end("tool_use"), METADATA,
        )  # fmt: skip
        body = {
            "max_tokens": 5000,
            "messages": [USER],
            "stream": True,
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        }
        events = chunks(Way(body, messages, CLAUDE_4_6).stream(raw))
        self.assertEqual("message_start", events[0]["type"])
        kinds = [e["content_block"]["type"] for e in events if e["type"] == "content_block_start"]
        self.assertEqual(["thinking", "text", "tool_use"], kinds)
        self.assertEqual("message_stop", events[-1]["type"])
        self.assertEqual("tool_use", events[-2]["delta"]["stop_reason"])

    def test_failure(self) -> None:
        """An exception is an error event, and nothing follows."""
        body = {"max_tokens": 5, "messages": [USER], "stream": True}
        wire: Wire = ("exception:throttlingException", {"message": "m"})
        *_, last = chunks(Way(body, messages).stream(framed(START, delta(0, text="a"), wire)))
        self.assertEqual(("error", "rate_limit_error"), (last["type"], last["error"]["type"]))


class CompletenessTests(SynchronousTestCase):
    def test_terminal(self) -> None:
        """Of a stream's events exactly one is the last, and it is the only one of its kind."""
        reader = converse.open_reader(Sent(body={}))
        events = [*reader.feed("messageStart", b"{}"), *reader.feed("messageStop", b"{}")]
        events += reader.close()
        events += reader.close()
        self.assertEqual(1, sum(isinstance(event, Ended | Failed) for event in events))


def _words(stream: bytes) -> list[str]:
    return [d["content"] for d in deltas(stream) if d.get("content")]


def _counts(chunk: Json) -> tuple[int, ...]:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return tuple(chunk["usage"][name] for name in names)
