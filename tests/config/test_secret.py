from __future__ import annotations

import copy
import hashlib
import pickle

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.secret import Secret

CANARY = "canary-5f1d0c"


class SecretTests(SynchronousTestCase):
    def test_is_never_shown(self) -> None:
        """No way of making text of a secret shows it; its origin is shown instead."""
        secret = Secret(CANARY, "env:KEY")
        for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", str([secret])):
            self.assertIn("<secret from env:KEY>", text)
            self.assertNotIn(CANARY, text)
        self.assertEqual("<secret>", repr(Secret(CANARY)))

    def test_is_revealed_when_asked(self) -> None:
        """Only ``reveal`` gives the text."""
        self.assertEqual(CANARY, Secret(CANARY, "env:KEY").reveal())

    def test_is_not_pickled_or_copied(self) -> None:
        """Neither pickle nor copy gets at the text."""
        self.assertRaises(TypeError, pickle.dumps, Secret(CANARY))
        self.assertRaises(TypeError, copy.deepcopy, Secret(CANARY))

    def test_matches_its_digest(self) -> None:
        """A secret matches the SHA-256 digest of its own text only."""
        secret = Secret(CANARY)
        self.assertTrue(secret.matches(hashlib.sha256(CANARY.encode()).digest()))
        self.assertFalse(secret.matches(hashlib.sha256(b"other").digest()))
        self.assertFalse(secret.matches(b""))

    def test_equality_is_of_the_text(self) -> None:
        """Secrets are equal when their texts are, wherever they came from; never to a string."""
        self.assertEqual(Secret(CANARY, "env:A"), Secret(CANARY, "file:b"))
        self.assertEqual(1, len({Secret(CANARY, "env:A"), Secret(CANARY, "file:b")}))
        self.assertNotEqual(Secret(CANARY), Secret("other"))
        self.assertNotEqual(Secret(CANARY), CANARY)
