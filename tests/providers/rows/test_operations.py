from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.row import OWN, Operation
from magicgateway.providers.rows import operations


class OperationsTests(SynchronousTestCase):
    def test_own(self) -> None:
        """A provider's own routes stand under the same path there and are never read."""
        self.assertEqual(
            {
                "files": Operation("/files", (OWN,)),
                "audio/speech": Operation("/audio/speech", (OWN,)),
            },
            operations.own("files", "audio/speech"),
        )
        self.assertEqual({}, operations.own())

    def test_sets(self) -> None:
        """The sets that rows are put together from hold what their names say."""
        for expected, given in [
            (["chat/completions", "models"], operations.CHAT_AND_MODELS),
            (["chat/completions", "completions", "models"], operations.TEXT),
            (
                ["chat/completions", "completions", "embeddings", "models"],
                operations.TEXT_AND_EMBEDDINGS,
            ),
            (["messages"], operations.MESSAGES),
            (["messages", "messages/count_tokens"], operations.COUNTED_MESSAGES),
        ]:
            self.assertEqual(expected, sorted(given))
