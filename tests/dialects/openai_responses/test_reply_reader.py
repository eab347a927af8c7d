from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Hosted, Refusal, Text, Thinking, Token, ToolCall
from magicgateway.conversation.reply import (
    LENGTH,
    NO_USAGE,
    REFUSED,
    STOP,
    TOOL_CALLS,
    UNKNOWN,
    Usage,
)
from magicgateway.dialects.grammar import FailedReply, NoAnswer, Sent
from magicgateway.dialects.openai_responses.grammar import read_reply
from tests.dialects.openai_responses.judge import Json, answer, asked, call

SENT = Sent(body={}, origin="openai")
OUTPUT: list[Json] = [
    {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", "status": "completed",
     "summary": [{"type": "summary_text", "text": "s"}]},
    {"type": "web_search_call", "id": "ws_1", "status": "completed",
     "action": {"type": "search", "query": "q"}},
    {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
     "phase": "final_answer", "content": [
         {"type": "output_text", "text": "abc", "annotations": [], "logprobs": []},
         {"type": "output_text", "text": "d", "logprobs": [], "annotations": [
             {"type": "url_citation", "url": "u", "title": "t", "start_index": 0,
              "end_index": 1}]}]},
    call("c1", "f", '{"a":1}', id="fc_1", status="completed"),
    {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "p", "input": "x"},
    {"type": "local_shell_call", "id": "lsh_1", "call_id": "c3", "status": "completed",
     "action": {"type": "exec", "command": ["ls"], "env": {}}},
]  # fmt: skip


def response(*output: Json, **fields: Any) -> Json:
    return {"id": "resp_1", "object": "response", "created_at": 5, "model": "m",
            "status": "completed", "output": list(output), **fields}  # fmt: skip


class ReadReplyTests(SynchronousTestCase):
    maxDiff = None

    def test_blocks(self) -> None:
        """Every kind of item is a block, with the id it had."""
        reply = read_reply(response(*OUTPUT), SENT)
        (choice,) = reply.choices
        kinds = [Thinking, Hosted, Text, Text, ToolCall, ToolCall, ToolCall]
        self.assertEqual(kinds, [type(block) for block in choice.blocks])
        self.assertEqual(TOOL_CALLS, choice.finish.reason)
        self.assertEqual(Token("openai", "gAAA"), choice.blocks[0].token)
        cited = choice.blocks[3]
        assert isinstance(cited, Text)
        self.assertEqual((3, 4), (cited.citations[0].start, cited.citations[0].end))
        self.assertEqual(("resp_1", "m", 5), (reply.id, reply.model, reply.created))

    def test_there_and_back(self) -> None:
        """An answer that was read is written as it was, in this same API."""
        given = response(
            *OUTPUT, incomplete_details=None, error=None, usage={
                "input_tokens": 9, "input_tokens_details": {
                    "cached_tokens": 4, "cache_write_tokens": 1},
                "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 2},
                "total_tokens": 12},
            temperature=1.0, tool_choice="auto", service_tier="default",
        )  # fmt: skip
        question = asked(include=["reasoning.encrypted_content"])
        written, notes = answer(read_reply(given, SENT), question)
        self.assertEqual([], notes)
        self.assertEqual({**given, "model": "alias"}, {k: written[k] for k in given})

    def test_origin(self) -> None:
        """Encrypted reasoning is that of the provider that was asked."""
        reply = read_reply(response(OUTPUT[0]), Sent(body={}, origin="acme"))
        self.assertEqual(Token("acme", "gAAA"), reply.choices[0].blocks[0].token)
        unknown = read_reply(response(OUTPUT[0]), Sent(body={}))
        self.assertEqual(Token("openai", "gAAA"), unknown.choices[0].blocks[0].token)

    def test_finishes(self) -> None:
        """Why an answer ended."""
        cases: list[tuple[Json, tuple[str, str]]] = [
            ({}, (STOP, "completed")),
            ({"status": None}, (STOP, "completed")),
            ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
             (LENGTH, "max_output_tokens")),
            ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
             (REFUSED, "content_filter")),
            ({"status": "incomplete", "incomplete_details": {"reason": "steered"}},
             (UNKNOWN, "steered")),
            ({"status": "incomplete"}, (UNKNOWN, "incomplete")),
            ({"status": "queued"}, (UNKNOWN, "queued")),
        ]  # fmt: skip
        for fields, expected in cases:
            finish = read_reply(response(**fields), SENT).choices[0].finish
            self.assertEqual(expected, (finish.reason, finish.raw))

    def test_usage(self) -> None:
        """What was read from a cache or written to one is part of the input; unknown is None."""
        cases: list[tuple[Any, Usage]] = [
            (None, NO_USAGE),
            ({"input_tokens": "x"}, NO_USAGE),
            ({"input_tokens": 5, "output_tokens": 2}, Usage(input=5, output=2)),
            ({"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {
                "cached_tokens": 4, "cache_write_tokens": 2,
                "cache_write_tokens_details": {"ttl_30m_tokens": 2, "ttl_12h_tokens": 0}}},
             Usage(input=3, cache_read=4, cache_write=2, output=2,
                   cache_write_by_ttl={"30m": 2, "12h": 0})),
        ]  # fmt: skip
        for counts, expected in cases:
            self.assertEqual(expected, read_reply(response(usage=counts), SENT).usage)

    def test_words(self) -> None:
        """Refusals and logprobs."""
        listed = [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}]
        item = {**OUTPUT[2], "content": [
            {"type": "output_text", "text": "a", "annotations": [], "logprobs": listed},
            {"type": "refusal", "refusal": "no"}, {"type": "hologram"}]}  # fmt: skip
        choice = read_reply(response(item), SENT).choices[0]
        self.assertEqual([Text, Refusal], [type(block) for block in choice.blocks])
        self.assertEqual({"content": listed}, choice.logprobs)

    def test_failed(self) -> None:
        """What is no answer is an error of the provider's."""
        cases: list[tuple[Json, int]] = [
            (response(status="failed", error={"code": "rate_limit_exceeded", "message": "m"}), 429),
            ({"error": {"message": "m"}}, 502),
        ]
        for given, status in cases:
            failed = self.assertRaises(FailedReply, read_reply, given, SENT)
            self.assertEqual(status, failed.failure.status)
        nothing: list[Json] = [{"id": "resp_1"}, {"output": {}}]
        for given in nothing:
            self.assertRaises(NoAnswer, read_reply, given, SENT)

    def test_hostile(self) -> None:
        """Values of other types than they should be do no harm."""
        odd: list[Any] = [
            None, 7, {}, {"type": 3}, {"type": "message", "content": 5},
            {"type": "message", "content": [None, {"type": "output_text", "text": 4,
                                                   "annotations": [3]}]},
            {"type": "function_call", "call_id": 3, "name": None, "arguments": [1]},
            {"type": "reasoning", "summary": "x", "encrypted_content": 5},
            {"type": "local_shell_call", "action": 3}, {"type": ["x"]},
        ]  # fmt: skip
        reply = read_reply({**response(), "output": odd, "created_at": "x", "id": 4}, SENT)
        self.assertEqual(("", None), (reply.id, reply.created))
        answer(reply)
