"""A pair of grammars at work, without any I/O."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import PLAIN
from magicgateway.dialects.catalogue import ANTHROPIC_MESSAGES, OPENAI_CHAT, grammar
from magicgateway.dialects.framing import SSE
from magicgateway.dialects.grammar import FailedReply, NoAnswer
from magicgateway.dialects.translation import TranslatedStream, Translation
from magicgateway.errors import ApiError
from magicgateway.observe import facts
from magicgateway.wire.jsontext import decode, encode

HELLO = [{"role": "user", "content": "hi"}]
ASKED = {"model": "m", "messages": HELLO, "max_tokens": 9}
STREAM = (
    b'data: {"id":"c","model":"served","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}\n\n'
    b"data: [DONE]\n\n"
)
REPLY = {
    "id": "c",
    "model": "served",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
}


class TranslationTests(SynchronousTestCase):
    """Messages callers of a chat provider."""

    def translation(self, **more: Any) -> Translation:
        """One whose request has been written."""
        made = Translation(
            grammar(ANTHROPIC_MESSAGES), grammar(OPENAI_CHAT), model="asked", answer_id="x", now=7
        )
        made.write(made.read(encode({**ASKED, **more}), "up"), PLAIN)
        return made

    def stream(self, **more: Any) -> tuple[Translation, TranslatedStream]:
        made = self.translation(stream=True, **more)
        return made, made.open_stream(SSE)

    def test_request(self) -> None:
        """The provider is asked for its own name of the model."""
        sent = self.translation().sent
        assert sent is not None
        self.assertEqual("up", sent.body["model"])
        self.assertEqual([{"role": "user", "content": "hi"}], sent.body["messages"])

    def test_no_request(self) -> None:
        """What is no JSON object is refused."""
        made = self.translation()
        for body in (b"", b"[]", b"7", b'{"a"', b"\xff"):
            error = self.assertRaises(ApiError, made.read, body, "up")
            self.assertEqual((400, "invalid_json"), (error.status, error.code))

    def test_differences(self) -> None:
        """They are told in header lines, sixteen at most, or refused if none may be."""
        made = self.translation(top_k=3)
        self.assertEqual(
            b"x-magicgateway-warning: top_k;dropped;unsupported-by-target\r\n", made.warnings()
        )
        made.check(strict=False)
        error = self.assertRaises(ApiError, made.check, strict=True)
        self.assertEqual((422, "strict_refusal", "top_k"), (error.status, error.code, error.param))
        self.translation().check(strict=True)
        for number in range(40):
            made.ledger.drop(f"field{number}")
        self.assertEqual(16, made.warnings().count(b"\r\n"))
        self.assertTrue(made.warnings().endswith(b": *;dropped;others-26\r\n"))

    def test_made_up_id(self) -> None:
        """I.90: the id that a call was given without one finds its result in the next turn."""
        call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
        choice = {"index": 0, "message": {"role": "assistant", "content": None,
                  "tool_calls": [call]}, "finish_reason": "tool_calls"}  # fmt: skip
        made = self.translation(tools=[{"name": "f", "input_schema": {"type": "object"}}])
        (block,) = decode(made.reply(encode({**REPLY, "choices": [choice]})))["content"]
        result = {"type": "tool_result", "tool_use_id": block["id"], "content": "r"}
        turns = [
            *HELLO,
            {"role": "assistant", "content": [block]},
            {"role": "user", "content": [result]},
        ]
        sent = self.translation(messages=turns).sent
        assert sent is not None
        _, asked, answered = sent.body["messages"]
        self.assertEqual(asked["tool_calls"][0]["id"], answered["tool_call_id"])

    def test_reply(self) -> None:
        """It echoes the caller's name of the model, and knows who served and what it cost."""
        made = self.translation()
        said = decode(made.reply(encode(REPLY)))
        self.assertEqual(("asked", "end_turn"), (said["model"], said["stop_reason"]))
        self.assertEqual([{"type": "text", "text": "a"}], [_brief(b) for b in said["content"]])
        self.assertEqual("served", made.served_model)
        self.assertEqual(facts.Usage(input=5, output=1), _known(made.counted()))
        self.assertEqual(b"", made.warnings(), "another envelope is no loss")

    def test_no_reply(self) -> None:
        """What is none, and what says that there is none."""
        made = self.translation()
        for body in (b"", b"[]", b"x", b"{}"):
            self.assertRaises(NoAnswer, made.reply, body)
        failed = self.assertRaises(FailedReply, made.reply, b'{"error":{"message":"m"}}')
        self.assertEqual("m", failed.failure.message)

    def test_nobody_counted(self) -> None:
        """Without counts of the provider's there are none in the log."""
        made = self.translation()
        made.reply(encode({**REPLY, "usage": None}))
        self.assertIsNone(made.counted())

    def test_stream(self) -> None:
        """However the bytes are cut, the caller gets the same, to the end."""
        made, stream = self.stream()
        whole = stream.feed(STREAM)
        self.assertTrue(stream.finished)
        self.assertTrue(whole.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n'))
        self.assertEqual("served", made.served_model)
        self.assertEqual(facts.Usage(input=5, output=1), _known(made.counted()))
        _, stream = self.stream()
        pieces = [stream.feed(STREAM[i : i + 1]) for i in range(len(STREAM))]
        self.assertEqual(whole, b"".join(pieces))
        self.assertEqual(b"", stream.end())

    def test_delta_by_delta(self) -> None:
        """What can be said is said at once."""
        _, stream = self.stream()
        first = STREAM.index(b"\n\n") + 2
        self.assertIn(b'"text":"a"', stream.feed(STREAM[:first]))

    def test_cut(self) -> None:
        """Before the finish reason every cut is one; then an error can be said, once."""
        end = STREAM.index(b"data: ", STREAM.index(b"finish_reason"))
        for cut in range(end - 2):
            _, stream = self.stream()
            out = stream.feed(STREAM[:cut]) + stream.end()
            self.assertFalse(stream.finished, cut)
            self.assertNotIn(b"message_stop", out)

    def test_first_fails(self) -> None:
        """A failure before anything was said is not written: it can still be a status."""
        _, stream = self.stream()
        out = stream.feed(b'data: {"error":{"message":"m","code":429}}\n\n')
        self.assertEqual(b"", out)
        assert stream.failure is not None
        self.assertEqual("rate_limit", stream.failure.kind)
        self.assertIn(b"event: error", stream.fail(stream.failure))

    def test_fails_later(self) -> None:
        """Then it is an error event, and what follows is not heard."""
        _, stream = self.stream()
        first = STREAM.index(b"\n\n") + 2
        out = stream.feed(STREAM[:first] + b'data: {"error":{"message":"m"}}\n\n' + STREAM[first:])
        self.assertTrue(out.rstrip().endswith(b"}"))
        self.assertIn(b"event: error", out)
        self.assertNotIn(b"message_stop", out)
        self.assertEqual(b"", stream.feed(STREAM))
        self.assertEqual(b"", stream.end())

    def test_broken(self) -> None:
        """After what cannot be read nothing more is."""
        _, stream = self.stream()
        first = STREAM.index(b"\n\n") + 2
        out = stream.feed(STREAM[:first]) + stream.feed(b"x" * (9 << 20))
        self.assertIn(b'"text":"a"', out)
        self.assertTrue(stream.broken)
        self.assertEqual(b"", stream.feed(STREAM) + stream.end())

    def test_one_shot(self) -> None:
        """A whole reply is told as a stream where one was asked for."""
        out = self.translation(stream=True).one_shot(encode(REPLY))
        self.assertEqual(1, out.count(b"event: message_stop"))
        self.assertIn(b'"text":"a"', out)

    def test_failures(self) -> None:
        """An error answer is read, JSON or not."""
        made = self.translation()
        for body, message in ((b'{"error":{"message":"m"}}', "m"), (b"<html>", "<html>")):
            failure = made.failure(503, body, {})
            self.assertEqual(503, failure.status)
            if message == "m":
                self.assertEqual("m", failure.message)


def _brief(block: dict[str, Any]) -> dict[str, Any]:
    return {name: block[name] for name in ("type", "text")}


def _known(usage: facts.Usage | None) -> facts.Usage | None:
    """Input and output alone."""
    return None if usage is None else facts.Usage(input=usage.input, output=usage.output)
