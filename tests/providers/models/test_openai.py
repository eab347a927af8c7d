from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import PLAIN
from magicgateway.providers.models.family import find
from magicgateway.providers.models.openai import OPENAI

THREE = "low medium high"

# model: efforts, its own effort, most tokens, only by Responses
TABLE = {
    "gpt-6-astra": (f"{THREE} xhigh max", "", 128_000, False),
    "gpt-6.1-sol": (f"{THREE} xhigh max", "", 128_000, False),
    "gpt-6-sol": (f"none {THREE} xhigh max", "", 128_000, False),
    "gpt-6.1-terra": (f"none {THREE} xhigh max", "", 128_000, False),
    "gpt-6-luna": (f"none {THREE} xhigh max", "", 128_000, False),
    "gpt-5.6": (f"none {THREE} xhigh", "", 128_000, False),
    "gpt-5.5": (f"none {THREE} xhigh", "", 128_000, False),
    "gpt-5.4": (f"none {THREE} xhigh", "none", 128_000, False),
    "gpt-5.4-mini": (f"none {THREE} xhigh", "none", 128_000, False),
    "gpt-5.1": (f"none {THREE}", "none", 128_000, False),
    "gpt-5.1-2025-11-13": (f"none {THREE}", "none", 128_000, False),
    "gpt-5": (f"minimal {THREE}", "", 128_000, False),
    "gpt-5-mini-2025-08-07": (f"minimal {THREE}", "", 128_000, False),
    "gpt-5-chat-latest": ("", "", 16_384, False),
    "gpt-5-codex": (THREE, "", 128_000, True),
    "gpt-5.1-codex-max": (f"{THREE} xhigh", "", 128_000, True),
    "gpt-5.2-pro": ("medium high xhigh", "", 128_000, True),
    "gpt-5-pro": ("high", "", None, True),
    "o3": (THREE, "", 100_000, False),
    "o3-2025-04-16": (THREE, "", 100_000, False),
    "o4-mini": (THREE, "", 100_000, False),
    "o3-pro": (THREE, "", 100_000, True),
    "gpt-4.1": ("", "", 32_768, False),
    "gpt-4o": ("", "", 16_384, False),
    "gpt-4o-mini-2024-07-18": ("", "", 16_384, False),
    "ft:gpt-4o-2024-08-06:org::id": ("", "", 16_384, False),
    "gpt-3.5-turbo-0125": ("", "", None, False),
}


class OpenAiTests(SynchronousTestCase):
    def test_table(self) -> None:
        """Levels of effort, limits, and who answers by Responses alone."""
        for model, expected in TABLE.items():
            family = find(OPENAI, model)
            assert family is not None, model
            able = family.applied(PLAIN)
            given = (
                " ".join(able.efforts),
                able.default_effort,
                able.max_output_tokens,
                bool(family.not_in),
            )
            self.assertEqual(expected, given, model)
            self.assertEqual("none" if able.efforts else "all", able.sampling, model)
            self.assertEqual(bool(able.efforts), able.encrypted_reasoning, model)

    def test_media(self) -> None:
        """Which hear, which search, and which only read."""
        cases = {
            "gpt-audio": (True, False, False),
            "gpt-4o-audio-preview": (True, False, False),
            "gpt-4o-search-preview": (False, True, True),
            "gpt-4o": (False, False, True),
            "gpt-4": (False, False, False),
        }
        for model, expected in cases.items():
            family = find(OPENAI, model)
            assert family is not None, model
            able = family.applied(PLAIN)
            self.assertEqual(expected, (able.audio, able.chat.web_search, able.images), model)

    def test_unknown(self) -> None:
        """Other ids are in no family."""
        for model in ("gpt-7", "gpt-5x", "o9", "llama-4", "gpt-oss-120b", ""):
            self.assertIsNone(find(OPENAI, model), model)
