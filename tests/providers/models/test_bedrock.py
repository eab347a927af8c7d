from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.providers.capabilities import capabilities
from tests.providers.made import made

BEDROCK = made("bedrock")


def able(model: str) -> Capabilities:
    return capabilities(BEDROCK, model)


# model: native formats, strict tools, forced tools, sampling, efforts, most tokens
TABLE = {
    "anthropic.claude-3-5-haiku-20241022-v1:0": (False, False, True, "all", "", 8192),
    "anthropic.claude-3-7-sonnet-20250219-v1:0": (False, False, True, "all", "", 64_000),
    "anthropic.claude-sonnet-4-20250514-v1:0": (False, False, True, "one", "", 64_000),
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": (True, True, True, "one", "", 64_000),
    "us.anthropic.claude-opus-4-5-20251101-v1:0": (
        True, True, True, "one", "low medium high", 64_000,
    ),
    "anthropic.claude-opus-4-6-v1": (
        True, True, True, "one", "low medium high max", 128_000,
    ),
    "anthropic.claude-sonnet-4-6": (True, True, True, "one", "low medium high max", 64_000),
    "anthropic.claude-opus-4-8": (
        False, False, True, "none", "low medium high xhigh", 128_000,
    ),
    "us.anthropic.claude-sonnet-5": (
        True, False, True, "none", "low medium high xhigh", 128_000,
    ),
    "anthropic.claude-opus-5-5": (
        False, False, False, "none", "low medium high xhigh", 128_000,
    ),
    "anthropic.claude-haiku-5-5": (
        False, False, True, "none", "low medium high xhigh", 128_000,
    ),
    "anthropic.claude-sonnet-5-5": (
        True, False, False, "none", "low medium high xhigh", 128_000,
    ),
    "anthropic.claude-fable-5-1": (
        False, True, False, "none", "low medium high xhigh", 128_000,
    ),
    "anthropic.claude-fable-5": (
        False, True, True, "none", "low medium high xhigh", 128_000,
    ),
    "anthropic.claude-mythos-5-1": (
        True, True, False, "none", "low medium high xhigh", 128_000,
    ),
    "anthropic.claude-mythos-5": (
        True, True, True, "none", "low medium high xhigh", 128_000,
    ),
}  # fmt: skip


class ClaudeTests(SynchronousTestCase):
    def test_table(self) -> None:
        """What each Claude takes there, by Converse and by InvokeModel alike."""
        for model, expected in TABLE.items():
            found = able(model)
            converse = found.converse
            given = (
                converse.structured_outputs,
                converse.strict_tools,
                "any" in converse.tool_choice,
                found.sampling,
                " ".join(found.efforts),
                found.max_output_tokens,
            )
            self.assertEqual(expected, given, model)
            self.assertEqual(expected[2], found.claude.forced_tools, model)
            self.assertEqual(expected[0], found.claude.structured_outputs, model)

    def test_in_common(self) -> None:
        """What all of them share: where top_k goes, what may stand beside results."""
        for model in TABLE:
            converse = able(model).converse
            self.assertEqual(
                ("claude", "images", False),
                (converse.top_k, converse.text_with_results, converse.first_user),
            )
            self.assertEqual("anthropic", able(model).origin)
            self.assertEqual((False, True), (converse.blank_stops, converse.tells_more))

    def test_thinking_and_caching(self) -> None:
        """Who thinks, who caches, for how long, and who may be told to call one tool at a time."""
        cases = {
            "anthropic.claude-v2:1": ("", False, False, False),
            "anthropic.claude-3-sonnet-20240229-v1:0": ("", False, False, False),
            "anthropic.claude-3-5-haiku-20241022-v1:0": ("", True, False, False),
            "anthropic.claude-3-7-sonnet-20250219-v1:0": ("claude", True, False, False),
            "anthropic.claude-haiku-4-5-20251001-v1:0": ("claude", True, True, True),
            "anthropic.claude-opus-9": ("claude", True, True, True),
        }
        for model, expected in cases.items():
            converse = able(model).converse
            given = (
                converse.reasoning,
                converse.cache,
                converse.cache_ttl,
                converse.parallel_control,
            )
            self.assertEqual(expected, given, model)
            self.assertEqual(bool(converse.reasoning), converse.replays_reasoning)

    def test_nothing_hosted(self) -> None:
        """None of Anthropic's own tools runs there, and nothing is fetched."""
        found = able("anthropic.claude-opus-4-8")
        self.assertEqual(frozenset(), found.claude.hosted_tools)
        self.assertFalse(found.image_urls or found.document_urls)


class OtherFamilyTests(SynchronousTestCase):
    def test_converse(self) -> None:
        """The particular of each family."""
        cases: dict[str, dict[str, object]] = {
            "us.amazon.nova-pro-v1:0": {
                "top_k": "nova",
                "cache": True,
                "cache_tools": False,
                "cache_after_files": False,
                "result_documents": False,
            },
            "amazon.nova-2-lite-v1:0": {
                "reasoning": "nova",
                "grounding": True,
                "code_interpreter": True,
            },
            "us.meta.llama3-3-70b-instruct-v1:0": {
                "tool_choice": frozenset(),
                "tool_streaming": False,
                "text_with_results": "none",
            },
            "mistral.mistral-large-2407-v1:0": {
                "nine_letter_ids": True,
                "result_json": True,
                "text_with_results": "none",
            },
            "mistral.mistral-7b-instruct-v0:2": {"system": False},
            "mistral.mistral-large-3-675b-instruct": {"structured_outputs": True},
            "us.mistral.pixtral-large-2502-v1:0": {"result_images": False},
            "deepseek.v3-v1:0": {"reasoning": "effort", "structured_outputs": True},
            "us.deepseek.r1-v1:0": {"reasoning": ""},
            "openai.gpt-oss-120b-1:0": {"reasoning": "effort", "cache": False},
            "global.openai.gpt-6-sol": {"reasoning": "openai", "stops": False},
            "openai.gpt-5.4": {"reasoning": "openai", "stops": True},
            "openai.gpt-5.6": {"stops": False, "result_images": False},
            "qwen.qwen3-32b-v1:0": {"reasoning": "qwen", "stops": False, "first_user": False},
            "moonshot.kimi-k2-thinking": {"structured_outputs": True},
            "moonshotai.kimi-k3": {"cache": False, "result_images": False},
            "xai.grok-4.3": {"stops": False},
            "zai.glm-5": {"structured_outputs": True, "first_user": False},
            "minimax.minimax-m2": {"structured_outputs": True},
            "writer.palmyra-x5-v1:0": {"result_status": False, "tool_streaming": False},
            "cohere.command-text-v14": {"system": False},
            "amazon.titan-text-express-v1": {"system": False},
        }
        for model, expected in cases.items():
            converse = able(model).converse
            given = {name: getattr(converse, name) for name in expected}
            self.assertEqual(expected, given, model)

    def test_capabilities(self) -> None:
        """What they see and call, their levels of effort, and their limits."""
        cases = {
            "amazon.nova-micro-v1:0": (False, True, "", 10_000),
            "amazon.nova-pro-v1:0": (True, True, "", 10_000),
            "amazon.nova-2-lite-v1:0": (True, True, "low medium high", 64_000),
            "us.deepseek.r1-v1:0": (False, False, "", None),
            "mistral.mixtral-8x7b-instruct-v0:1": (False, False, "", None),
            "openai.gpt-oss-20b-1:0": (False, True, "low medium high", 16_384),
            "openai.gpt-6-astra": (True, True, "low medium high xhigh", 128_000),
            "openai.gpt-6-luna": (True, True, "none low medium high xhigh", 128_000),
            "qwen.qwen3-vl-235b": (True, True, "low high", None),
            "meta.llama4-scout-17b-instruct-v1:0": (True, True, "", None),
            "meta.llama3-1-8b-instruct-v1:0": (False, True, "", None),
        }
        for model, expected in cases.items():
            found = able(model)
            given = (found.images, found.tools, " ".join(found.efforts), found.max_output_tokens)
            self.assertEqual(expected, given, model)
        self.assertEqual("none", able("openai.gpt-5.4").sampling)
        self.assertTrue(able("mistral.voxtral-small-24b").audio)

    def test_unknown(self) -> None:
        """An unknown model, and an ARN that does not say which it is, get plain Converse.

        What was thought there may go back there: nobody else signs it.
        """
        arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2"
        for model in ("acme.wonder-1", arn, ""):
            plain = evolve(BEDROCK.row.abilities.converse, replays_reasoning=True)
            self.assertEqual(plain, able(model).converse)
            self.assertEqual("bedrock", able(model).origin)
