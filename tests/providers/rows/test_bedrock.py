from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.aws_settings import REGION
from magicgateway.providers.row import ANTHROPIC_MESSAGES, AWS, BEDROCK_CONVERSE
from magicgateway.providers.rows.bedrock import BEDROCK


class BedrockRowTests(SynchronousTestCase):
    def test_row(self) -> None:
        """Where it is depends on the region, and its requests are signed."""
        self.assertIn(REGION, BEDROCK.base_url)
        self.assertEqual((AWS, "converse"), (BEDROCK.auth, BEDROCK.dialect))
        self.assertIn("AWS_BEARER_TOKEN_BEDROCK", BEDROCK.environment)

    def test_operations(self) -> None:
        """Each operation has an envelope of its own, so that none is passed through."""
        self.assertEqual(
            ["chat/completions", "embeddings", "messages", "messages/count_tokens", "models",
             "responses"],
            sorted(BEDROCK.operations),
        )  # fmt: skip
        for route, operation in BEDROCK.operations.items():
            assert operation.envelope is not None, route
            self.assertEqual(operation.envelope.path, operation.path)
        self.assertEqual((BEDROCK_CONVERSE,), BEDROCK.operations["responses"].dialects)
        self.assertEqual((ANTHROPIC_MESSAGES,), BEDROCK.operations["messages"].dialects)
