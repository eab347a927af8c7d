"""The official Node clients against the running daemon: each script prints what it saw."""

from __future__ import annotations

import functools
import json
import subprocess
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.daemon import clean_environment
from tests.house import ROOT
from tests.integration.running import KEY, running

NODE = ROOT / "tests" / "integration" / "node"
NODE_SECONDS = 60


@functools.cache
def seen_by(script: str, base_path: str) -> dict[str, Any]:
    """What a script printed; it runs once for all tests."""
    ran = subprocess.run(
        ["node", script, running().address + base_path, KEY],
        cwd=NODE,
        env=clean_environment(),
        capture_output=True,
        check=False,
        timeout=NODE_SECONDS,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    seen: dict[str, Any] = json.loads(ran.stdout)
    return seen


class OpenAITests(SynchronousTestCase):
    """OpenAI's Node client."""

    def setUp(self) -> None:
        self.seen = seen_by("openai.mjs", "/v1")

    def test_chat(self) -> None:
        """A chat arrives whole, and streamed with the same text in many pieces."""
        whole, streamed = self.seen["whole"], self.seen["streamed"]
        self.assertEqual(("stop", "openai"), (whole["finish"], whole["provider"]))
        self.assertTrue(whole["requestID"].startswith("req_"))
        self.assertEqual(whole["text"], streamed["text"])
        self.assertGreater(streamed["pieces"], 10)
        self.assertGreater(streamed["output"], 10)

    def test_broken_stream(self) -> None:
        """A stream that breaks off throws after what came before."""
        broken = self.seen["brokenOff"]
        self.assertGreater(broken["chunks"], 1)
        self.assertIn("broke off", broken["error"]["message"])

    def test_abort(self) -> None:
        """Aborting a stream ends it at the provider, as the log says."""
        self.assertEqual(3, self.seen["aborted"]["chunks"])
        record = running().logged(self.seen["aborted"]["identity"])
        self.assertEqual(("caller_left", 499), (record["outcome"], record["status"]))

    def test_other_operations(self) -> None:
        """Files go up and sound comes down; embeddings and models arrive."""
        self.assertIn(self.seen["uploaded"]["sha256"], self.seen["uploaded"]["text"])
        self.assertEqual(300_000, self.seen["downloaded"])
        self.assertEqual(8, self.seen["embedded"])
        self.assertIn("demo-slow", self.seen["listed"])

    def test_errors(self) -> None:
        """Every error is of the class that the client's users catch."""
        expected = [
            ("BadRequestError", 400),
            ("AuthenticationError", 401),
            ("NotFoundError", 404),
            ("RateLimitError", 429),
            ("InternalServerError", 500),
        ]
        refused = self.seen["refused"]
        self.assertEqual(expected, [(error["kind"], error["status"]) for error in refused])
        self.assertEqual(["7"] * 5, [error["retryAfter"] for error in refused])
        self.assertTrue(all(error["requestID"].startswith("req_") for error in refused))
        self.assertEqual("unknown_provider", self.seen["unknown"]["code"])
        self.assertEqual("BadRequestError", self.seen["unknown"]["kind"])


class AnthropicTests(SynchronousTestCase):
    """Anthropic's Node client."""

    def setUp(self) -> None:
        self.seen = seen_by("anthropic.mjs", "")

    def test_messages(self) -> None:
        """A message arrives whole, and streamed with thinking; tokens are counted."""
        self.assertEqual("end_turn", self.seen["whole"]["stop"])
        self.assertTrue(self.seen["whole"]["text"])
        self.assertTrue(self.seen["whole"]["requestID"].startswith("req_"))
        self.assertEqual("message_start", self.seen["streamed"]["first"])
        self.assertEqual("message_stop", self.seen["streamed"]["last"])
        self.assertEqual(["thinking", "text"], self.seen["streamed"]["blocks"])
        self.assertGreater(self.seen["counted"], 0)

    def test_error_event(self) -> None:
        """The provider's error event throws after what came before."""
        broken = self.seen["brokenOff"]
        self.assertGreater(broken["events"], 1)
        self.assertEqual("overloaded_error", broken["error"]["type"])

    def test_abort(self) -> None:
        """Aborting a stream ends it at the provider, as the log says."""
        record = running().logged(self.seen["aborted"]["identity"])
        self.assertEqual(("caller_left", 499), (record["outcome"], record["status"]))

    def test_errors(self) -> None:
        """Every error is of the class that the client's users catch."""
        expected = [
            ("BadRequestError", 400, "invalid_request_error"),
            ("AuthenticationError", 401, "authentication_error"),
            ("NotFoundError", 404, "not_found_error"),
            ("RateLimitError", 429, "rate_limit_error"),
            ("OverloadedError", 529, "overloaded_error"),
        ]
        refused = [(one["kind"], one["status"], one["type"]) for one in self.seen["refused"]]
        self.assertEqual(expected, refused)
