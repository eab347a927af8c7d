"""Cases I.48 to I.68: Claude's answers as chat callers get them."""

from __future__ import annotations

import json
from typing import Any

import openai
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects import failure_errors
from magicgateway.providers.envelopes import SSE
from tests.dialects.openai_chat.bodies import Json, call, chat, function
from tests.dialects.openai_chat.sdk import accumulated, chunks, completion
from tests.dialects.openai_chat.streams import payloads
from tests.dialects.openai_chat.translations import (
    SYNTHETIC,
    begun,
    block,
    called,
    claude,
    ended,
    framed,
    from_claude,
    poured,
    said,
    text,
    uses,
)


def as_chat(answer: Json, body: Json | None = None) -> tuple[Json, str, Json]:
    """The message, the finish reason and the whole body that a chat caller gets."""
    written = json.loads(from_claude(body).reply(json.dumps(answer).encode()))
    completion(written)
    (choice,) = written["choices"]
    return choice["message"], choice["finish_reason"], written


class ClaudeReplyTests(SynchronousTestCase):
    """I.2: whole answers."""

    maxDiff = None

    def test_words(self) -> None:
        """I.48, I.49: texts are joined, and nothing is an empty text."""
        self.assertEqual("ab", as_chat(claude(text("a"), text("b")))[0]["content"])
        message, finish, _ = as_chat(claude())
        self.assertEqual(("", "stop"), (message["content"], finish))

    def test_calls(self) -> None:
        """I.50: a call without arguments has an empty object's."""
        message, finish, _ = as_chat(
            claude(uses("t", "f", {}), stop="tool_use"), chat(tools=[function("f")])
        )
        self.assertEqual(([call("t")], "tool_calls"), (message["tool_calls"], finish))

    def test_usage(self) -> None:
        """I.51: the prompt counts what was cached."""
        usage = {"input_tokens": 10, "cache_creation_input_tokens": 5,
                 "cache_read_input_tokens": 100, "output_tokens": 7}  # fmt: skip
        _, _, written = as_chat(claude(text("a"), usage=usage))
        self.assertEqual(
            {"prompt_tokens": 115, "completion_tokens": 7, "total_tokens": 122,
             "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 5}},
            written["usage"],
        )  # fmt: skip

    def test_ends(self) -> None:
        """I.52, I.53: refusals and full windows have their words."""
        details = {"type": "refusal", "category": None, "explanation": "E"}
        message, finish, _ = as_chat(claude(stop="refusal", stop_details=details))
        self.assertEqual(
            (None, "E", "content_filter"), (message["content"], message["refusal"], finish)
        )
        window = claude(text("a"), stop="model_context_window_exceeded")
        self.assertEqual("length", as_chat(window)[1])

    def test_hosted_tools(self) -> None:
        """I.54: a search is no call, and what it found is cited."""
        found = {"type": "web_search_result_location", "url": "https://x.test", "title": "X",
                 "cited_text": "x", "encrypted_index": "e"}  # fmt: skip
        step = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
        result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
        message, _, _ = as_chat(claude(step, result, text("x", citations=[found])))
        self.assertNotIn("tool_calls", message)
        place = {"url": "https://x.test", "title": "X", "start_index": 0, "end_index": 1}
        self.assertEqual("x", message["content"])
        self.assertEqual([{"type": "url_citation", "url_citation": place}], message["annotations"])

    def test_format_by_tool(self) -> None:
        """I.55: the tool that stands for a format is the answer's text, beside real calls."""
        body = chat(response_format=SYNTHETIC, tools=[function("f")])
        translation = from_claude(body)
        assert translation.sent is not None
        name = translation.sent.json_tool
        assert name is not None, "an open object cannot be said otherwise"
        only = claude(uses("t", name, {"a": 1}), stop="tool_use")
        message, finish, _ = as_chat(only, body)
        self.assertEqual(('{"a":1}', "stop"), (message["content"], finish))
        self.assertNotIn("tool_calls", message)
        both = claude(uses("t", name, {"a": 1}), uses("u", "f", {}), stop="tool_use")
        message, finish, _ = as_chat(both, body)
        self.assertEqual(
            ('{"a":1}', [call("u")], "tool_calls"),
            (message["content"], message["tool_calls"], finish),
        )


class ClaudeStreamTests(SynchronousTestCase):
    """I.3: streams."""

    maxDiff = None

    def stream(self, *events: Json, body: Json | None = None) -> bytes:
        """A chat caller's stream; cut into single bytes it is the same."""
        wire = framed(*events)
        whole, _ = poured(from_claude(body or chat(stream=True)), wire)
        bytewise, _ = poured(from_claude(body or chat(stream=True)), wire, 1)
        self.assertEqual(whole, bytewise)
        return whole

    def test_arguments(self) -> None:
        """I.56, I.57, I.58: pieces add up, silence is an empty object, indexes are dense."""
        out = self.stream(
            begun(), *said(0, "a"), *called(1, "t", "f", "", '{"l', '":1}'),
            *called(2, "u", "g"), *ended("tool_use"),
            body=chat(stream=True, tools=[function("f"), function("g")]),
        )  # fmt: skip
        message = accumulated(out).choices[0].message
        assert message.tool_calls is not None
        self.assertEqual(
            [("t", "f", '{"l":1}'), ("u", "g", "{}")],
            [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls],
        )
        self.assertEqual("assistant", message.role)

    def test_usage(self) -> None:
        """I.59, I.60, I.61: counts replace each other, and are told where they were asked for."""
        asking = chat(stream=True, stream_options={"include_usage": True})
        events = [begun(input_tokens=9, cache_read_input_tokens=1), *said(0, "a")]
        late: list[dict[str, Any]] = [
            {"input_tokens": 9, "cache_read_input_tokens": 1, "output_tokens": 16},
            {"output_tokens": 16},
        ]
        for counts in late:
            out = self.stream(*events, *ended(**counts), body=asking)
            usage = payloads(out)[-2]["usage"]
            self.assertEqual((10, 16), (usage["prompt_tokens"], usage["completion_tokens"]))
            self.assertEqual({None}, {chunk["usage"] for chunk in payloads(out)[:-2]})
        self.assertNotIn(b'"usage"', self.stream(*events, *ended()))

    def test_hosted_tools(self) -> None:
        """I.62: steps of a provider's own tools are no calls."""
        step = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
        result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
        asked = {"type": "input_json_delta", "partial_json": '{"query":"q"}'}
        out = self.stream(
            begun(), *block(0, step, asked), *block(1, result), *said(2, "x"), *ended()
        )
        self.assertNotIn(b"tool_calls", out)

    def test_failures(self) -> None:
        """I.63, I.64, I.65: what breaks ends in an error, or in nothing that looks whole."""
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        out = self.stream(begun(), *said(0, "a"), error)
        last = payloads(out)[-1]["error"]
        self.assertEqual(
            ("service_unavailable_error", "server_is_overloaded"), (last["type"], last["code"])
        )
        self.assertRaises(openai.APIError, chunks, out)
        work = from_claude(chat(stream=True)).open_stream(SSE)
        self.assertEqual(b"", work.feed(framed(error)))
        assert work.failure is not None
        answer = failure_errors.as_error(work.failure, "openai", own_credential=True)
        self.assertEqual((503, "server_is_overloaded"), (answer.status, answer.code))
        out, well = poured(from_claude(chat(stream=True)), framed(begun(), *said(0, "a")))
        self.assertFalse(well)
        self.assertNotIn(b"stop", out)

    def test_pings(self) -> None:
        """I.66: signs of life are comments."""
        out = self.stream(begun(), {"type": "ping"}, *said(0, "a"), *ended())
        self.assertIn(b"\n\n: ping\n\n", out)

    def test_reasoning(self) -> None:
        """I.67: the SDK adds reasoning up to one signed block."""
        start = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": "Let "},
                  {"type": "thinking_delta", "thinking": "me"},
                  {"type": "signature_delta", "signature": "S"}]  # fmt: skip
        out = self.stream(begun(), *block(0, start, *deltas), *said(1, "x"), *ended())
        extra = accumulated(out).choices[0].message.model_extra
        assert extra is not None
        self.assertEqual("Let me", extra["reasoning_content"])
        signed = {"index": 0, "type": "thinking", "thinking": "Let me", "signature": "S"}
        self.assertEqual([signed], extra["thinking_blocks"])

    def test_wire(self) -> None:
        """I.68: cuts within characters and line ends, and odd line ends, change nothing."""
        words = "北\u2028京"
        wire = framed(begun(), *said(0, words), *ended())
        crlf = wire.replace(b"\n", b"\r\n").replace(b"data: ", b"data:")
        raw = wire.decode().encode().replace(b"\\u5317", "北".encode())
        for stream in (wire, crlf, raw):
            for cut in (0, 1, 7):
                out, well = poured(from_claude(chat(stream=True)), stream, cut)
                self.assertTrue(well)
                self.assertEqual(words, accumulated(out).choices[0].message.content)
