from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects import catalogue
from magicgateway.errors import ApiError
from magicgateway.observe.facts import Usage
from magicgateway.providers import row

ERROR = ApiError(400, "c", "m")


class CatalogueTests(SynchronousTestCase):
    def test_names_are_those_of_the_rows(self) -> None:
        """A provider's row and the catalogue call every dialect by the same name."""
        for name in (
            "OPENAI_CHAT",
            "OPENAI_COMPLETIONS",
            "OPENAI_EMBEDDINGS",
            "OPENAI_RESPONSES",
            "ANTHROPIC_MESSAGES",
        ):
            self.assertEqual(getattr(row, name), getattr(catalogue, name))

    def test_errors_by_family(self) -> None:
        """Each family, and each dialect, says errors in its own words; others get OpenAI's."""
        cases = [
            ("openai", ["error"], b"data: "),
            ("responses", ["error"], b"event: error\n"),
            ("openai_responses", ["error"], b"event: error\n"),
            ("anthropic", ["type", "error", "request_id"], b"event: error\n"),
            ("anthropic_messages", ["type", "error", "request_id"], b"event: error\n"),
            ("openai_chat", ["error"], b"data: "),
            ("own", ["error"], b"data: "),
            ("aws", ["__type", "message", "error", "request_id"], b"\x00\x00"),
        ]
        for family, keys, beginning in cases:
            with self.subTest(family=family):
                self.assertEqual(keys, list(json.loads(catalogue.error_body(family, ERROR, "r"))))
                event = catalogue.error_event(family, ERROR, "r")
                self.assertEqual(beginning, event[: len(beginning)])

    def test_taps(self) -> None:
        """Dialects that stream have a tap, a new one each time; others have none."""
        for dialect, terminal in [
            ("openai_chat", b"data: [DONE]\n\n"),
            ("openai_completions", b"data: [DONE]\n\n"),
            ("openai_responses", b'data: {"type":"response.completed"}\n\n'),
            ("anthropic_messages", b'data: {"type":"message_stop"}\n\n'),
        ]:
            tap = catalogue.open_tap(dialect)
            assert tap
            tap.feed(terminal)
            self.assertTrue(tap.finished)
            fresh = catalogue.open_tap(dialect)
            assert fresh
            self.assertFalse(fresh.finished)
        for dialect in ("openai_embeddings", "own", ""):
            self.assertEqual(None, catalogue.open_tap(dialect))

    def test_usage(self) -> None:
        """A whole answer's usage is read in the dialect's own words."""
        openai = b'{"usage":{"prompt_tokens":3}}'
        other = b'{"usage":{"input_tokens":3}}'
        for dialect, body in [
            ("openai_chat", openai),
            ("openai_completions", openai),
            ("openai_embeddings", openai),
            ("openai_responses", other),
            ("anthropic_messages", other),
        ]:
            self.assertEqual(Usage(input=3), catalogue.read_usage(dialect, body))
        self.assertEqual(None, catalogue.read_usage("own", openai))
