from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from bench.large_bodies import image_body, json_body, turns_body
from bench.mock_dialects import said

SIZE = 300_000


class BodyTests(SynchronousTestCase):
    """The large bodies, made small."""

    def test_chats(self) -> None:
        """Each is a chat of about the size that was asked for, with its model at the end."""
        for make in (json_body, image_body, turns_body):
            body = make(SIZE)
            self.assertTrue(0.98 * SIZE < len(body) <= 1.02 * SIZE, (make, len(body)))
            asked = json.loads(body)
            self.assertEqual("bench", asked["model"])
            self.assertEqual("user", asked["messages"][0]["role"])

    def test_image(self) -> None:
        """One picture is nearly all of it, and begins as a PNG does."""
        parts = json.loads(image_body(SIZE))["messages"][0]["content"]
        url = parts[0]["image_url"]["url"]
        self.assertTrue(url.startswith("data:image/png;base64,iVBORw0KGg"))
        self.assertGreater(len(url), 0.98 * SIZE)

    def test_turns(self) -> None:
        """Caller and model take turns of about a thousand bytes, and the caller has the last."""
        turns = json.loads(turns_body(SIZE))["messages"]
        self.assertTrue(SIZE / 1200 < len(turns) < SIZE / 900, len(turns))
        roles = [turn["role"] for turn in turns]
        self.assertEqual(["user", "assistant"] * (len(turns) // 2) + ["user"], roles)
        self.assertEqual(len(turns) * len(turns[0]["content"]), len(said(turns_body(SIZE))))
