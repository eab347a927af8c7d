from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import PLAIN, Capabilities
from magicgateway.providers.models.claude import CLAUDE
from magicgateway.providers.models.family import find

ALWAYS = {"adaptive"}
BOTH = {"adaptive", "enabled"}
MANUAL = {"enabled"}
UP_TO_MAX = "low medium high xhigh max"

# name: thinking, can be disabled, sampling, forced tools, prefill, mid system, efforts
TABLE = {
    "fable-5-1": (ALWAYS, False, "none", False, False, True, UP_TO_MAX),
    "mythos-5-1": (ALWAYS, False, "none", False, False, True, UP_TO_MAX),
    "opus-5-5": (ALWAYS, False, "none", False, False, True, UP_TO_MAX),
    "fable-5": (ALWAYS, False, "none", True, False, True, UP_TO_MAX),
    "mythos-5": (ALWAYS, False, "none", True, False, True, UP_TO_MAX),
    "opus-5": (ALWAYS, True, "none", True, False, True, UP_TO_MAX),
    "opus-4-8": (ALWAYS, True, "none", True, False, True, UP_TO_MAX),
    "opus-4-7": (ALWAYS, True, "none", True, False, False, UP_TO_MAX),
    "sonnet-5": (ALWAYS, True, "none", True, False, False, UP_TO_MAX),
    "opus-4-6": (BOTH, True, "one", True, False, False, "low medium high max"),
    "sonnet-4-6": (BOTH, True, "one", True, False, False, "low medium high max"),
    "opus-4-5": (MANUAL, True, "one", True, True, False, "low medium high"),
    "sonnet-4-5": (MANUAL, True, "one", True, True, False, ""),
    "haiku-4-5": (MANUAL, True, "one", True, True, False, ""),
    "sonnet-5-5": (ALWAYS, False, "none", False, False, False, UP_TO_MAX),
    "haiku-5-5": (ALWAYS, True, "none", True, False, False, UP_TO_MAX),
    "opus-4-1": (MANUAL, True, "one", True, True, False, ""),
    "opus-4": (MANUAL, True, "one", True, True, False, ""),
    "3-7-sonnet": (MANUAL, True, "all", True, True, False, ""),
    "3-5-haiku": (set(), True, "all", True, True, False, ""),
    "3-opus": (set(), True, "all", True, True, False, ""),
    "v2": (set(), True, "all", True, True, False, ""),
}


def able(name: str) -> Capabilities:
    family = find(CLAUDE, f"claude-{name}")
    assert family is not None, name
    return family.applied(PLAIN)


class ClaudeTests(SynchronousTestCase):
    def test_table(self) -> None:
        """What each family takes, as the capability table says."""
        for name, expected in TABLE.items():
            found, claude = able(name), able(name).claude
            given = (
                set(claude.thinking),
                claude.can_disable,
                found.sampling,
                claude.forced_tools,
                claude.prefill,
                claude.mid_system,
                " ".join(found.efforts),
            )
            self.assertEqual(expected, given, name)

    def test_limits(self) -> None:
        """The most tokens of an answer."""
        for name, most in [
            ("opus-5-5", 128_000),
            ("sonnet-4-6", 128_000),
            ("haiku-4-5", 64_000),
            ("opus-4-1", 32_000),
            ("sonnet-4", 64_000),
            ("3-5-sonnet", 8192),
            ("3-haiku", 4096),
            ("instant", 4096),
        ]:
            self.assertEqual(most, able(name).max_output_tokens, name)

    def test_old_ones_read_only(self) -> None:
        """Claude 2 neither sees nor calls tools; Opus 5.5's own effort is known."""
        for name in ("v2", "2-1", "2", "instant"):
            self.assertFalse(able(name).images or able(name).tools, name)
        self.assertEqual("medium", able("opus-5-5").default_effort)

    def test_unknown(self) -> None:
        """A model that nobody has heard of is in no family."""
        for name in ("claude-opus-6", "claude-opus-4-9", "claude-sonnet-4-55", "claude-x"):
            self.assertIsNone(find(CLAUDE, name), name)
