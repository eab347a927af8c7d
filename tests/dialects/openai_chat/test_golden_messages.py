"""Cases I.80 to I.94: chat providers' answers as Messages callers get them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from anthropic.types import Message
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects import failure_errors
from magicgateway.dialects.anthropic_messages.errors import error_body
from tests.dialects.openai_chat.bodies import Json, call
from tests.dialects.openai_chat.streams import DONE, HEAD, delta, payloads, piece
from tests.dialects.openai_chat.translations import (
    accumulated_message,
    from_chat,
    poured,
    provider,
)

TOOLS = {"tools": [{"name": "f", "input_schema": {"type": "object"}},
                   {"name": "g", "input_schema": {"type": "object"}}]}  # fmt: skip


class ChatStreamTests(SynchronousTestCase):
    """I.5: chat providers' streams as Messages callers get them."""

    maxDiff = None

    def events(self, *given: Any, body: Json | None = None) -> list[Json]:
        """The events that the caller gets; cut into single bytes they are the same."""
        asking = {"stream": True, **TOOLS, **(body or {})}
        whole, _ = poured(from_chat(asking), provider(*given))
        bytewise, _ = poured(from_chat(asking), provider(*given), 1)
        self.assertEqual(whole, bytewise)
        self.out = whole
        return payloads(whole)

    def message(self, *given: Any) -> Message:
        """What the SDK makes of it."""
        self.events(*given)
        return accumulated_message(self.out)

    def test_order(self) -> None:
        """I.80: reasoning and words are blocks after each other, in the one legal order."""
        found = self.events(
            delta(role="assistant", content=""), delta(reasoning_content="r"), delta(content="a"),
            delta("stop"), DONE,
        )  # fmt: skip
        names = [_name(event) for event in found]
        expected = """message_start
            content_block_start 0 thinking
            content_block_delta 0 thinking_delta
            content_block_delta 0 signature_delta
            content_block_stop 0
            content_block_start 1 text
            content_block_delta 1 text_delta
            content_block_stop 1
            message_delta
            message_stop"""
        self.assertEqual([line.strip() for line in expected.splitlines()], names)

    def test_calls(self) -> None:
        """I.81, I.82, I.83, I.84, I.90: calls, alone, whole, interleaved, unnamed."""
        message = self.message(
            delta(role="assistant", content=""),
            piece(0, id="c", name="f", arguments='{"x":1}'), delta("stop"), DONE,
        )  # fmt: skip
        self.assertEqual([("tool_use", "c", {"x": 1})], _calls(message))
        self.assertEqual("tool_use", message.stop_reason)
        message = self.message(
            delta(content="a"), piece(0, id="c", name="f", arguments='{"x":1}'),
            delta("tool_calls"), DONE,
        )  # fmt: skip
        self.assertEqual([("text", "a", None), ("tool_use", "c", {"x": 1})], _calls(message))
        message = self.message(
            piece(0, id="c", name="f", arguments='{"x":'),
            piece(1, id="d", name="g", arguments='{"y":2}'),
            piece(0, arguments="1}"), delta("tool_calls"), DONE,
        )  # fmt: skip
        self.assertEqual(
            [("tool_use", "c", {"x": 1}), ("tool_use", "d", {"y": 2})], _calls(message)
        )
        message = self.message(piece(0, name="f", arguments="{}"), delta("tool_calls"), DONE)
        ((_, call_id, _),) = _calls(message)
        self.assertRegex(call_id, "^[a-zA-Z0-9_-]+$")

    def test_usage(self) -> None:
        """I.85, I.86: the counts at the end are the provider's; those at the start estimated."""
        counts = {"prompt_tokens": 100, "completion_tokens": 9,
                  "prompt_tokens_details": {"cached_tokens": 60}}  # fmt: skip
        found = self.events(
            delta(content="a"), delta("stop"), {**HEAD, "choices": [], "usage": counts}, DONE
        )
        starts = [event for event in found if event["type"] == "message_start"]
        self.assertEqual(1, len(starts))
        self.assertGreater(starts[0]["message"]["usage"]["input_tokens"], 0)
        usage = next(e for e in found if e["type"] == "message_delta")["usage"]
        self.assertEqual(
            (40, 60, 9),
            (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]),
        )

    def test_ends(self) -> None:
        """I.87, I.88, I.89: a reason and the body's end are enough; else there is no end."""
        found = self.events(delta(content="a"), delta("stop"))
        self.assertEqual(["message_delta", "message_stop"], [e["type"] for e in found[-2:]])
        found = self.events(delta(content="a"))
        self.assertNotIn("message_stop", [event["type"] for event in found])
        found = self.events(delta(content="a"), {"error": {"message": "m", "code": 429}})
        self.assertEqual(("error", "rate_limit_error"),
                         (found[-1]["type"], found[-1]["error"]["type"]))  # fmt: skip

    def test_whole_replies(self) -> None:
        """I.91, I.92: calls beside an empty text are alone; a refusal is text and a reason."""
        cases: Sequence[tuple[Json, list[Any], str]] = (
            ({"content": "", "tool_calls": [call("c")]}, [("tool_use", "c", {})], "tool_use"),
            ({"content": None, "refusal": "no"}, [("text", "no", None)], "refusal"),
        )
        for message, expected, stop in cases:
            choice = {"index": 0, "message": {"role": "assistant", **message},
                      "finish_reason": "stop"}  # fmt: skip
            body = {**HEAD, "object": "chat.completion", "choices": [choice]}
            written = from_chat(TOOLS).reply(json.dumps(body).encode())
            parsed = Message.model_validate_json(written)
            self.assertEqual((expected, stop), (_calls(parsed), parsed.stop_reason))

    def test_failures(self) -> None:
        """I.93, I.94: the status chooses the type, and markup is never passed on."""
        cases: Sequence[tuple[int, bytes, int, str]] = (
            (429, b'{"error":{"message":"m","type":"requests"}}', 429, "rate_limit_error"),
            (502, b"<html><body>bad gateway</body></html>", 500, "api_error"),
        )
        for status, body, answered, kind in cases:
            failure = from_chat().failure(status, body, {"retry-after": "7"})
            error = failure_errors.as_error(failure, "anthropic", own_credential=True)
            written = json.loads(error_body(error, "req_1"))
            self.assertEqual((answered, 7), (error.status, error.retry_after))
            self.assertEqual((kind, "req_1"), (written["error"]["type"], written["request_id"]))
            self.assertNotIn("html", written["error"]["message"])


def _name(event: Json) -> str:
    kind, index = event["type"], event.get("index", "")
    inner: Json = event.get("content_block") or event.get("delta") or {}
    return f"{kind} {index} {inner.get('type', '')}".strip().replace("  ", " ")


def _calls(message: Message) -> list[tuple[str, str, Any]]:
    return [
        (part.type, part.id, part.input) if part.type == "tool_use"
        else (part.type, getattr(part, "text", ""), None)
        for part in message.content
    ]  # fmt: skip
