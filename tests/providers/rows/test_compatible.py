from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.rows.compatible import COMPATIBLE, OPENAI_ONLY, compatible


class CompatibleTests(SynchronousTestCase):
    def test_plain(self) -> None:
        """Without a word it is what such servers have in common."""
        self.assertEqual(COMPATIBLE, compatible())

    def test_changes(self) -> None:
        """Fields may be taken all the same, or be refused beside; other attributes are set."""
        able = compatible(
            efforts=("low",),
            audio=True,
            takes=frozenset({"store"}),
            refuses=frozenset({"n"}),
            top_k=True,
        )
        self.assertEqual((OPENAI_ONLY - {"store"}) | {"n"}, able.chat.drops)
        self.assertTrue(able.audio and able.chat.top_k)
        self.assertEqual(("low",), able.efforts)
        self.assertRaises(TypeError, compatible, unheard_of=True)
