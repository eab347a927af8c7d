from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import HOSTED_TOOLS, Capabilities
from magicgateway.providers.capabilities import capabilities, families, is_claude, unspoken
from magicgateway.providers.row import ANTHROPIC_MESSAGES, OPENAI_CHAT, OPENAI_RESPONSES
from magicgateway.providers.rows.compatible import OPENAI_ONLY
from tests.providers.made import made

LOCAL = '[providers.local]\nbase_url = "http://h/v1"\n'
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2"


def able(name: str, model: str = "m", toml: str = "", dialect: str = "") -> Capabilities:
    return capabilities(made(name, toml), model, dialect)


class RowTests(SynchronousTestCase):
    def test_limit_field(self) -> None:
        """What the limit of an answer is called."""
        for name, expected in [
            ("openai", "max_completion_tokens"),
            ("groq", "max_completion_tokens"),
            ("cerebras", "max_completion_tokens"),
            ("together", "max_tokens"),
            ("mistral", "max_tokens"),
            ("ollama", "max_tokens"),
        ]:
            self.assertEqual(expected, able(name).chat.max_tokens_field, name)

    def test_quirks(self) -> None:
        """A row's quirks become what its requests leave out and call otherwise."""
        chat = able("mistral").chat
        self.assertLessEqual({"logit_bias", "stream_options", "user"}, chat.drops)
        self.assertFalse(chat.stream_options)
        self.assertEqual("any", chat.required_choice)
        self.assertEqual("random_seed", chat.renames["seed"])
        self.assertNotIn("max_completion_tokens", chat.renames)
        self.assertNotIn("tool_choice=required", chat.renames)
        self.assertFalse(able("deepseek").chat.parallel_tool_calls)
        self.assertTrue(able("groq").chat.parallel_tool_calls)

    def test_openai_is_not_like_the_others(self) -> None:
        """OpenAI takes its own fields and roles; others do not."""
        own, other = able("openai").chat, able("groq").chat
        self.assertTrue(own.developer_role and own.custom_tools and own.allowed_tools)
        self.assertFalse(other.developer_role or other.custom_tools or other.allowed_tools)
        self.assertEqual(frozenset(), own.drops)
        self.assertLessEqual(OPENAI_ONLY, other.drops)
        self.assertEqual("user", other.renames["safety_identifier"])

    def test_files(self) -> None:
        """E.1: a server that nobody knows is sent files, unless its model is known to read none."""
        answers = LOCAL + 'dialect = "responses"\n'
        self.assertTrue(able("local", toml=LOCAL).documents)
        self.assertTrue(able("local", toml=answers, dialect=OPENAI_RESPONSES).documents)
        self.assertFalse(able("local", "gpt-3.5-turbo", LOCAL).documents)
        for name, expected in (("groq", False), ("deepseek", False), ("openrouter", True)):
            self.assertEqual(expected, able(name).documents, name)

    def test_flags(self) -> None:
        """Single flags of single rows."""
        self.assertEqual("reasoning", able("groq").chat.reasoning_field)
        self.assertTrue(able("deepseek").chat.reasoning_echo)
        self.assertTrue(able("together").chat.top_k and able("fireworks").chat.top_k)
        self.assertFalse(able("groq").chat.top_k or able("zai").chat.json_schema)
        self.assertFalse(able("ollama").image_urls)
        self.assertEqual("cache_control", able("openrouter").chat.cache_marks)

    def test_origins(self) -> None:
        """Whose tokens are read: the maker's where its own API is spoken, else the provider's."""
        anthropic = f"{LOCAL}dialect = 'anthropic'"
        for expected, found in [
            ("openai", able("openai", "gpt-5")),
            ("anthropic", able("anthropic", "claude-opus-4-8")),
            ("anthropic", able("anthropic", "unheard-of")),
            ("anthropic", able("bedrock", "us.anthropic.claude-opus-4-8")),
            ("bedrock", able("bedrock", "amazon.nova-pro-v1:0")),
            ("openrouter", able("openrouter", "anthropic/claude-opus-4.8")),
            ("groq", able("groq")),
            ("local", able("local", toml=LOCAL)),
            ("local", able("local", toml=anthropic)),
            ("anthropic", able("local", "claude-opus-4-8", anthropic)),
        ]:
            self.assertEqual(expected, found.origin)


class ModelTests(SynchronousTestCase):
    def test_efforts(self) -> None:
        """A model's own levels; at who serves many makers' models, the provider's."""
        cases = [
            ("none low medium high xhigh", "openai", "gpt-5.4"),
            ("low medium high", "openai", "unheard-of"),
            ("", "openai", "gpt-4o"),
            ("low medium high", "groq", "openai/gpt-oss-120b"),
            ("", "groq", "llama-3.3-70b-versatile"),
            ("none", "groq", "qwen/qwen3-32b"),
            ("none low medium high", "groq", "qwen/qwen3.8-27b"),
            ("high max", "together", "deepseek-ai/DeepSeek-V4-Pro"),
            ("low medium high", "together", "zai-org/GLM-5.3"),
            ("low high max", "zai", "glm-5.3"),
            ("none low medium high", "xai", "grok-4.3"),
            ("low medium high", "xai", "grok-4.7"),
            ("", "xai", "grok-4-0709"),
            ("none high", "mistral", "magistral-medium-latest"),
            ("none minimal low medium high xhigh", "openrouter", "anthropic/claude-opus-4.8"),
            ("none minimal low medium high xhigh", "openrouter", "openai/gpt-5"),
        ]
        for expected, name, model in cases:
            self.assertEqual(expected, " ".join(able(name, model).efforts), model)
        self.assertEqual("minimal low medium high", " ".join(able("local", "gpt-5", LOCAL).efforts))

    def test_refusals(self) -> None:
        """What a model refuses is added to what its provider refuses."""
        drops = able("xai", "grok-4.7").chat.drops
        self.assertLessEqual({"stop", "presence_penalty", "search_parameters"}, drops)
        self.assertNotIn("stop", able("xai", "grok-3").chat.drops)
        self.assertEqual("none", able("openrouter", "openai/gpt-5").sampling)

    def test_dialects(self) -> None:
        """OpenAI's chat takes neither the highest level nor links to files."""
        chat = able("openai", "gpt-6-sol", dialect=OPENAI_CHAT)
        responses = able("openai", "gpt-6-sol", dialect=OPENAI_RESPONSES)
        self.assertNotIn("max", chat.efforts)
        self.assertIn("max", responses.efforts)
        self.assertEqual((False, True), (chat.document_urls, responses.document_urls))
        claude = able("anthropic", "claude-opus-4-8", dialect=ANTHROPIC_MESSAGES)
        self.assertIn("max", claude.efforts)

    def test_unspoken(self) -> None:
        """Models that their maker offers in one dialect only; elsewhere that need not hold."""
        self.assertEqual({OPENAI_CHAT}, set(unspoken(made("openai"), "gpt-5-pro")))
        self.assertEqual(set(), set(unspoken(made("openai"), "gpt-5")))
        self.assertEqual(set(), set(unspoken(made("openrouter"), "openai/gpt-5-pro")))
        self.assertEqual({ANTHROPIC_MESSAGES}, set(unspoken(made("bedrock"), "amazon.nova-pro")))
        self.assertEqual(set(), set(unspoken(made("bedrock"), "anthropic.claude-opus-4-8")))


class ConfiguredTests(SynchronousTestCase):
    def test_base_model(self) -> None:
        """An id that does not say which model it is gets what the model behind it takes."""
        toml = f"[providers.bedrock.base_model]\n'{ARN}' = 'anthropic.claude-opus-4-8'"
        bedrock = made("bedrock", toml)
        self.assertEqual("none", capabilities(bedrock, ARN).sampling)
        self.assertTrue(is_claude(bedrock, ARN))
        self.assertEqual(2, len(families(bedrock, ARN)))
        self.assertFalse(is_claude(made("bedrock"), ARN))
        self.assertEqual("all", able("bedrock", ARN).sampling)
        toml = f"{LOCAL}base_model = {{ mine = 'gpt-5' }}"
        self.assertEqual("none", able("local", "mine", toml).sampling)

    def test_default_max_tokens(self) -> None:
        """The configured limit, else 32000, and never more than the model can."""
        table = "[providers.anthropic]\ndefault_max_tokens = 50_000"
        for expected, model, toml in [
            (32_000, "claude-opus-5-5", ""),
            (50_000, "claude-opus-5-5", table),
            (4096, "claude-3-haiku-20240307", table),
            (4096, "claude-3-haiku-20240307", ""),
            (32_000, "unheard-of", ""),
            (50_000, "unheard-of", table),
        ]:
            self.assertEqual(expected, able("anthropic", model, toml).default_max_tokens)

    def test_fields(self) -> None:
        """The operator's own fields to leave out and to rename come on top of the row's."""
        toml = (
            f"{LOCAL}drop = ['seed', 'parallel_tool_calls']\n"
            "rename = { max_completion_tokens = 'max_tokens', stop = 'stop_words' }"
        )
        chat = able("local", toml=toml).chat
        self.assertLessEqual({"seed", *OPENAI_ONLY}, chat.drops)
        self.assertFalse(chat.parallel_tool_calls)
        self.assertEqual(
            ("max_tokens", "stop_words"), (chat.max_tokens_field, chat.renames["stop"])
        )

    def test_hosted_tools(self) -> None:
        """Tools run by the provider are all permitted, or those that the operator names."""
        self.assertEqual(HOSTED_TOOLS, able("anthropic", "claude-opus-4-8").claude.hosted_tools)
        toml = "[providers.{}]\nhosted_tools = {}"
        some = able("anthropic", "claude-opus-4-8", toml.format("anthropic", "['web_fetch']"))
        self.assertEqual({"web_fetch"}, set(some.claude.hosted_tools))
        self.assertEqual({"web_fetch"}, set(some.hosted_tools))
        nova = "amazon.nova-2-lite-v1:0"
        self.assertTrue(able("bedrock", nova).converse.grounding)
        self.assertFalse(able("bedrock", nova, toml.format("bedrock", "[]")).converse.grounding)
        search = "gpt-4o-search-preview"
        self.assertTrue(able("openai", search).chat.web_search)
        self.assertFalse(able("openai", search, toml.format("openai", "[]")).chat.web_search)


class KeptTests(SynchronousTestCase):
    def test_once(self) -> None:
        """A model's capabilities are computed once for each provider."""
        openai, groq = made("openai"), made("groq")
        self.assertIs(capabilities(openai, "gpt-5"), capabilities(openai, "gpt-5"))
        self.assertNotEqual(capabilities(openai, "gpt-5"), capabilities(groq, "gpt-5"))

    def test_endless_names(self) -> None:
        """A name of absurd length is not kept, and is no known model."""
        openai = made("openai")
        endless = "gpt-5:" + "x" * 5000
        self.assertEqual(capabilities(openai, ""), capabilities(openai, endless))
        self.assertIsNot(capabilities(openai, endless), capabilities(openai, endless))
