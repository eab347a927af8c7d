from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.reply import Failure
from magicgateway.dialects.anthropic_messages.errors import error_body
from magicgateway.dialects.failure_errors import as_error
from tests.dialects.anthropic_messages import sdk
from tests.dialects.anthropic_messages.translations import (
    cases,
    from_claude_caller,
    to_claude,
    translated,
)
from tests.dialects.openai_chat import sdk as chat_sdk


def sse(event: dict[str, Any], ends: str = "\n") -> str:
    text = json.dumps(event, ensure_ascii=False)
    return f"event: {event['type']}{ends}data: {text}{ends}{ends}"


class FromClaudeTests(SynchronousTestCase):
    """Answers of Claude as chat callers get them."""

    maxDiff = None

    def test_answers(self) -> None:
        """Cases I.48 to I.55: the message, why it ended, and what it cost."""
        seen = set()
        for case in cases("answers_to_chat"):
            body = json.loads(to_claude(case).reply(json.dumps(case["answer"]).encode()))
            chat_sdk.completion(body)
            (choice,) = body["choices"]
            self.assertEqual(case["message"], choice["message"], case["case"])
            self.assertEqual(case["finish_reason"], choice["finish_reason"], case["case"])
            if "usage" in case:
                self.assertEqual(case["usage"], body["usage"])
            seen.add(case["case"])
        self.assertEqual([], [n for n in range(48, 56) if f"I.{n}" not in seen])

    def test_streams(self) -> None:
        """Cases I.56 to I.68: chunk by chunk, however the stream is cut."""
        seen = set()
        for seed, case in enumerate(cases("streams_to_chat")):
            for ends in ("\n", "\r\n", "\r"):
                text = "".join(sse(event, ends) for event in case["events"])
                self._stream(case, text, seed)
                self._stream(case, text.replace("data: ", "data:"), seed)
            seen.add(case["case"])
        self.assertEqual([], [n for n in range(56, 69) if f"I.{n}" not in seen])

    def _stream(self, case: dict[str, Any], text: str, seed: int) -> None:
        translation = to_claude(case)
        out, stream = translated(translation, text.encode(), seed)
        lines = [line[6:] for line in out.split(b"\n") if line.startswith(b"data: ")]
        done = lines[-1:] == [b"[DONE]"]
        chunks = [json.loads(line) for line in (lines[:-1] if done else lines)]
        self._end(case, stream, chunks, done=done)
        found = [chunk for chunk in chunks if chunk.get("choices")]
        self.assertEqual(
            case["chunks"],
            [
                {name: chunk["choices"][0][name] for name in ("delta", "finish_reason")}
                for chunk in found
            ],
            case["case"],
        )
        wants_usage = case["request"].get("stream_options", {}).get("include_usage", False)
        usages = [chunk["usage"] for chunk in chunks if "usage" in chunk]
        expected = [None] * len(found) + [case["usage"]] if wants_usage else []
        self.assertEqual(expected, usages, case["case"])
        self.assertTrue(len({chunk["id"] for chunk in found}) <= 1)

    def _end(self, case: dict[str, Any], stream: Any, chunks: list[Any], *, done: bool) -> None:
        end = case["end"]
        self.assertEqual(end == "[DONE]", done, case["case"])
        self.assertEqual(end == "[DONE]", stream.finished, case["case"])
        if not isinstance(end, dict):
            self.assertIsNone(stream.failure)
            return
        error = as_error(stream.failure, "openai", own_credential=False)
        self.assertEqual((end["status"], end["code"]), (error.status, error.code))
        if end.get("first"):
            self.assertEqual((False, []), (stream.begun, chunks))
        else:
            self.assertEqual(end["code"], chunks.pop()["error"]["code"])


class ForClaudeCallersTests(SynchronousTestCase):
    """Answers of a chat provider as Messages callers get them."""

    maxDiff = None

    def test_streams(self) -> None:
        """Cases I.80 to I.89 and I.92: the message that the SDK adds up, however it is cut."""
        for seed, case in enumerate(cases("streams_from_chat")):
            data = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in case["chunks"])
            data += "data: [DONE]\n\n" if case["done"] else ""
            out, stream = translated(from_claude_caller(case), data.encode(), seed)
            self.assertEqual(1, out.count(b"event: message_start\n"), case["case"])
            frames = sdk.frames(out)
            self.assertTrue(frames[0]["message"]["usage"]["input_tokens"] > 0)
            if case["end"] != "message_stop":
                self.assertFalse(stream.finished)
                self.assertNotIn(b"message_stop", out)
                if case["end"] == "cut":
                    failure = Failure(status=502, kind="server", message="cut")
                    (error,) = sdk.frames(stream.fail(failure))
                    self.assertEqual("error", error["type"])
                else:
                    self.assertEqual(case["end"], frames[-1]["error"]["type"])
                continue
            self.assertEqual("message_stop", frames[-1]["type"])
            self._message(case, sdk.streamed(out), frames)

    def _message(self, case: dict[str, Any], message: Any, frames: list[Any]) -> None:
        said = [part.model_dump(exclude_unset=True) for part in message.content]
        self.assertEqual(case["content"], [_bare(part) for part in said], case["case"])
        self.assertEqual(case["stop_reason"], message.stop_reason, case["case"])
        self.assertEqual("asked", message.model)
        if "usage" in case:
            self.assertEqual(case["usage"], frames[-2]["usage"])
        if "types" in case:
            self.assertEqual(case["types"], [frame["type"] for frame in frames])

    def test_answers(self) -> None:
        """Cases I.90 to I.92 and E.5: whole answers."""
        for case in cases("answers_from_chat"):
            raw = from_claude_caller(case).reply(json.dumps(case["answer"]).encode())
            body = json.loads(raw)
            sdk.message(body)
            self.assertEqual(case["stop_reason"], body["stop_reason"], case["case"])
            if isinstance(case["content"], str):
                self.assertRegex(body["content"][0]["id"], "^[a-zA-Z0-9_-]+$")
            else:
                self.assertEqual(case["content"], body["content"], case["case"])
            if "usage" in case:
                self.assertEqual(case["usage"], body["usage"])

    def test_made_up_id(self) -> None:
        """Case I.90: the id that a call was given finds its result in the next turn."""
        case = next(c for c in cases("answers_from_chat") if c["case"] == "I.90")
        raw = from_claude_caller(case).reply(json.dumps(case["answer"]).encode())
        answer = json.loads(raw)
        result = {"type": "tool_result", "tool_use_id": answer["content"][0]["id"], "content": "r"}
        asked = case["request"]["messages"]
        again = [
            *asked,
            {"role": "assistant", "content": answer["content"]},
            {"role": "user", "content": [result]},
        ]
        sent = from_claude_caller({"request": {**case["request"], "messages": again}}).sent
        assert sent is not None
        _, call, tool = sent.body["messages"]
        self.assertEqual(call["tool_calls"][0]["id"], tool["tool_call_id"])

    def test_failures(self) -> None:
        """Cases I.93 and I.94: errors by their status, and never a provider's page."""
        request = cases("streams_from_chat")[0]
        for case in cases("failures_from_chat"):
            answer = case["answer"]
            raw = answer if isinstance(answer, str) else json.dumps(answer)
            translation = from_claude_caller(request)
            failure = translation.failure(case["status"], raw.encode(), case["headers"])
            error = as_error(failure, "anthropic", own_credential=True)
            body = json.loads(error_body(error, "r1"))
            self.assertEqual(
                (case["door_status"], case["type"], case.get("retry_after"), "r1"),
                (error.status, body["error"]["type"], error.retry_after, body["request_id"]),
            )
            self.assertNotIn("<html", body["error"]["message"])


def _bare(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if value is not None}
