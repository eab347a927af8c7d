from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.logprobs import token_logprobs


class LogprobTests(SynchronousTestCase):
    def test_entries(self) -> None:
        """Each token has its bytes and a probability, and as many rivals as were asked for."""
        for tops in (0, 1, 3, 20):
            with self.subTest(tops=tops):
                first, second = token_logprobs([" Hé", "the"], tops)
                self.assertEqual((" Hé", list(" Hé".encode())), (first["token"], first["bytes"]))
                self.assertLess(first["logprob"], 0)
                for entry in (first, second):
                    self.assertEqual(tops, len(entry["top_logprobs"]))
                    numbers = [top["logprob"] for top in entry["top_logprobs"]]
                    self.assertEqual(sorted(numbers, reverse=True), numbers)
