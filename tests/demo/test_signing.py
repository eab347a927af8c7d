from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.signing import is_ours, sealed, signature_of, unsealed


class SignatureTests(SynchronousTestCase):
    def test_own(self) -> None:
        """A signature belongs to one text; a hidden one to none."""
        signature = signature_of("hm")
        self.assertTrue(is_ours("hm", signature))
        self.assertFalse(is_ours("hm.", signature))
        hidden = signature_of("hm", shown=False)
        self.assertTrue(is_ours("", hidden))
        self.assertFalse(is_ours("hm", hidden))

    def test_foreign(self) -> None:
        """What others signed is not ours."""
        for text, signature in (("hm", "AAAA"), ("", "AAAA"), ("", "?"), ("", "é")):
            self.assertFalse(is_ours(text, signature))


class SealTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """What was sealed can be opened, and cannot be changed."""
        value = sealed("hm é")
        self.assertEqual("hm é", unsealed(value))
        for other in (value[:-4], value + "AAAA", "AAAA", "?", "é", "mgw1." + value):
            self.assertIsNone(unsealed(other))
