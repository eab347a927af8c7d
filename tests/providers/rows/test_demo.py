from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.row import ANTHROPIC_MESSAGES, NO_AUTH, OPENAI_CHAT, OPENAI_MODELS, OWN
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.demo import demo_row


class DemoRowTests(SynchronousTestCase):
    def test_row(self) -> None:
        """The demo provider needs no credential, takes faults, and stands where it is told."""
        row = demo_row("http://127.0.0.1:4567/v1")
        self.assertEqual(("demo", NO_AUTH), (row.name, row.auth))
        self.assertEqual("http://127.0.0.1:4567/v1", row.base_url)
        self.assertIn("x-demo-fault", row.request_headers)
        self.assertEqual((), row.environment)

    def test_operations(self) -> None:
        """It speaks both families natively, and streams audio either way."""
        operations = demo_row("http://127.0.0.1:1/v1").operations
        for route, dialect in [
            ("chat/completions", OPENAI_CHAT),
            ("completions", "openai_completions"),
            ("embeddings", "openai_embeddings"),
            ("models", OPENAI_MODELS),
            ("messages", ANTHROPIC_MESSAGES),
            ("messages/count_tokens", ANTHROPIC_MESSAGES),
            ("audio/speech", OWN),
            ("audio/transcriptions", OWN),
            ("audio/translations", OWN),
            ("files", OWN),
        ]:
            operation = operations[route]
            self.assertEqual((f"/{route}", (dialect,)), (operation.path, operation.dialects))

    def test_name_is_free(self) -> None:
        """No built-in provider is called like it."""
        taken = {name for row in ROWS for name in (row.name, *row.aliases)}
        self.assertNotIn("demo", taken)
