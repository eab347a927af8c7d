from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Block,
    Citation,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.reply import Finish, Reply, Usage
from magicgateway.dialects.grammar import FailedReply, NoAnswer, Sent
from magicgateway.dialects.openai_chat.reply_reader import made_id, read_reply
from tests.dialects.openai_chat.bodies import call

Json = dict[str, Any]


def reply(*messages: Json, origin: str = "o", finish: Any = "stop", **fields: Any) -> Reply:
    choices = [
        {"index": i, "message": {"role": "assistant", **message}, "finish_reason": finish}
        for i, message in enumerate(messages)
    ]
    body = {"id": "r", "object": "chat.completion", "created": 5, "model": "m", "choices": choices}
    return read_reply({**body, **fields}, Sent(body={}, origin=origin))


def blocks(**message: Any) -> tuple[Block, ...]:
    return reply(message).choices[0].blocks


class ReplyTests(SynchronousTestCase):
    maxDiff = None

    def test_envelope(self) -> None:
        """What surrounds the choices is read, and what nobody knows is kept under its path."""
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 1,
                 "prompt_tokens_details": {"audio_tokens": 0}}  # fmt: skip
        found = reply(
            {"content": "a"}, usage=usage, service_tier="flex", system_fingerprint="fp", odd=1
        )
        self.assertEqual(
            ("r", "m", 5, "flex", "fp", Usage(input=3, output=2)),
            (
                found.id, found.model, found.created, found.service_tier, found.fingerprint,
                found.usage,
            ),
        )  # fmt: skip
        self.assertEqual(
            {"odd": 1, "usage.cost": 1, "usage.prompt_tokens_details.audio_tokens": 0},
            dict(found.extras.fields),
        )

    def test_choices(self) -> None:
        """Several choices, their probabilities and their extras."""
        choice = {"index": 1, "message": {"content": "b", "x": 1}, "finish_reason": "stop",
                  "logprobs": {"content": []}, "y": 2, "stop_reason": "END"}  # fmt: skip
        (found,) = reply(choices=[choice]).choices
        self.assertEqual((1, {"content": []}), (found.index, found.logprobs))
        self.assertEqual({"y": 2, "message.x": 1}, dict(found.extras.fields))
        self.assertEqual("END", found.finish.stop_sequence)
        self.assertEqual(2, len(reply({"content": "a"}, {"content": "b"}).choices))

    def test_blocks(self) -> None:
        """I.91 among others: reasoning, words, refusal and calls, and nothing of what is empty."""
        cases: list[tuple[Json, tuple[Block, ...]]] = [
            ({"content": "a"}, (Text(text="a"),)),
            ({"content": "", "tool_calls": [call("c")]},
             (ToolCall(id="c", name="f", arguments="{}"),)),
            ({"content": None, "refusal": "no"}, (Refusal(text="no"),)),
            ({"content": "a", "reasoning_content": "w"},
             (Thinking(parts=("w",), token=Token("o", "")), Text(text="a"))),
            ({"content": "a", "reasoning": "w", "reasoning_content": "w"},
             (Thinking(parts=("w",), token=Token("o", "")), Text(text="a"))),
            ({"content": "a", "thinking_blocks":
              [{"type": "thinking", "thinking": "w", "signature": "S"}]},
             (Thinking(parts=("w",), token=Token("anthropic", "S"),
                       field="choices[0].message.thinking_blocks[0]"), Text(text="a"))),
            ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "w"}]},
                          {"type": "text", "text": "a"}, 7, {"type": "odd"}]},
             (Thinking(parts=("w",), token=Token("o", "")), Text(text="a"))),
            ({"content": None, "function_call": {"name": "f", "arguments": "{}"}},
             (ToolCall(id=_made(0), name="f", arguments="{}"),)),
            ({"content": None, "tool_calls": [{"index": 0, "function":
              {"name": "f", "arguments": {"a": 1}}}]},
             (ToolCall(id=_made(0), name="f", arguments='{"a":1}'),)),
            ({"content": None, "tool_calls": [{"id": "c", "type": "custom",
              "custom": {"name": "f", "input": "go"}}]},
             (ToolCall(id="c", name="f", arguments="go", kind="custom"),)),
            ({"content": None, "tool_calls": [{"id": "c"}, 7]}, ()),
            ({"content": 7}, ()),
        ]  # fmt: skip
        for message, expected in cases:
            self.assertEqual(expected, blocks(**message), message)

    def test_details(self) -> None:
        """A list of details, with words or without, is something to be given back."""
        details = [{"type": "reasoning.encrypted", "data": "D"}]
        (found,) = blocks(reasoning_details=details)
        expected = Thinking(token=Token("o", '[{"type":"reasoning.encrypted","data":"D"}]'))
        self.assertEqual(expected, found)

    def test_unknown_origin(self) -> None:
        """Without a name for the provider nothing says whose reasoning it is."""
        (found,) = reply({"reasoning": "w", "reasoning_details": [{}]}, origin="").choices[0].blocks
        self.assertEqual(Thinking(parts=("w",)), found)

    def test_signatures(self) -> None:
        """What stands on a call for the provider is kept with the call."""
        extra = {"google": {"thought_signature": "S"}}
        (found,) = blocks(tool_calls=[{**call("c"), "extra_content": extra}])
        token = Token("o", '{"google":{"thought_signature":"S"}}')
        self.assertEqual(token, found.token)

    def test_citations(self) -> None:
        """Annotations are the text's citations, of other kinds as they came."""
        place = {"url": "u", "title": "T", "start_index": 0, "end_index": 1}
        annotations: list[Json] = [
            {"type": "url_citation", "url_citation": place},
            {"type": "odd", "x": 1},
        ]
        (found,) = blocks(content="a", annotations=annotations)
        assert isinstance(found, Text)
        url, odd = found.citations
        self.assertEqual(
            Citation(kind="url", url="u", title="T", start=0, end=1, family="openai",
                     raw=annotations[0]),
            url,
        )  # fmt: skip
        self.assertEqual(("odd", annotations[1]), (odd.kind, odd.raw))
        self.assertEqual((), blocks(annotations=annotations))

    def test_finish(self) -> None:
        """I.84, I.92: calls and refusals say why an answer ended."""
        found = reply({"content": None, "tool_calls": [call("c")]}).choices[0].finish
        self.assertEqual(Finish(reason="tool_calls", raw="stop"), found)
        found = reply({"content": None, "refusal": "no"}).choices[0].finish
        self.assertEqual(Finish(reason="refused", raw="stop"), found)

    def test_no_answers(self) -> None:
        """Errors under a status of success, no choices, and a broken end are failures."""
        cases: list[tuple[Json, int]] = [
            ({"error": {"message": "m", "code": 429}}, 429),
            ({"error": "m"}, 502),
            ({"choices": [{"message": {"content": "a"}, "finish_reason": "network_error"}]}, 502),
        ]
        for body, status in cases:
            failed = self.assertRaises(FailedReply, read_reply, body, Sent(body={}))
            self.assertEqual(status, failed.failure.status)
        nothing: list[Json] = [{"choices": []}, {}]
        for none in nothing:
            self.assertRaises(NoAnswer, read_reply, none, Sent(body={}))

    def test_hostile(self) -> None:
        """Values of wrong types are left aside."""
        choice = {"index": "x", "message": 7, "finish_reason": 9, "logprobs": 3}
        found = reply(choices=[choice, 7], usage=7, created="x", id=3, model=[])
        self.assertEqual(("", "", None), (found.id, found.model, found.created))
        self.assertEqual(((), "unknown"), (found.choices[0].blocks, found.choices[0].finish.reason))


def _made(count: int) -> str:
    return made_id("r/5/0", count)
