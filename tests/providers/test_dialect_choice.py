from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.dialect_choice import choose_counting, choose_operation, choose_way
from magicgateway.providers.envelopes import (
    CONVERSE,
    CONVERSE_CLAUDE,
    COUNT_CLAUDE,
    COUNT_CONVERSE,
    INVOKE_CLAUDE,
    INVOKE_EMBEDDINGS,
    LIST_MODELS,
)
from magicgateway.providers.row import (
    ANTHROPIC_MESSAGES,
    ANTHROPIC_MODELS,
    BEDROCK_CONVERSE,
    BEDROCK_EMBEDDINGS,
    BEDROCK_MODELS,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_EMBEDDINGS,
    OPENAI_MODELS,
    OPENAI_RESPONSES,
)
from tests.providers.made import made

CLAUDE = "us.anthropic.claude-opus-4-8"
NOVA = "amazon.nova-pro-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2"
NAMING = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-8"
BASED = f"[providers.bedrock.base_model]\n'{ARN}' = 'anthropic.claude-opus-4-8'"
LOCAL = '[providers.local]\nbase_url = "http://h/v1"\n'


class ChooseWayTests(SynchronousTestCase):
    def test_dialects(self) -> None:
        """The door's own dialect where it is spoken, else the best in the row's order."""
        chat, responses, messages = OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES
        both = f"{LOCAL}dialect = ['responses', 'openai']"
        cases = [
            (chat, "openai", chat, "gpt-5", ""),
            (responses, "openai", responses, "gpt-5", ""),
            (responses, "openai", messages, "gpt-5", ""),
            (responses, "openai", chat, "gpt-5-pro", ""),
            (chat, "openai", messages, "gpt-5", "[providers.openai]\ndialect = 'openai'"),
            (chat, "openai", responses, "gpt-5", "[providers.openai]\ndialect = 'openai'"),
            (chat, "openai", chat, "gpt-5-pro", "[providers.openai]\ndialect = 'openai'"),
            (messages, "anthropic", chat, "claude-opus-4-8", ""),
            (messages, "anthropic", responses, "claude-opus-4-8", ""),
            (chat, "groq", messages, "llama", ""),
            (responses, "groq", responses, "llama", ""),
            (messages, "fireworks", messages, "llama", ""),
            (chat, "together", responses, "llama", ""),
            (responses, "perplexity", chat, "sonar", ""),
            (chat, "local", responses, "m", LOCAL),
            (responses, "local", messages, "m", both),
            (chat, "local", chat, "m", both),
            (responses, "openai", OPENAI_COMPLETIONS, "gpt-5", ""),
        ]
        for expected, name, door, model, toml in cases:
            way = choose_way(made(name, toml), door, model)
            assert way is not None
            self.assertEqual(expected, way.dialect, (name, door, model))
            self.assertTrue(way.direct)

    def test_bedrock(self) -> None:
        """Claude on the Messages door goes by InvokeModel; everything else by Converse."""
        cases = [
            (ANTHROPIC_MESSAGES, INVOKE_CLAUDE, ANTHROPIC_MESSAGES, CLAUDE, ""),
            (ANTHROPIC_MESSAGES, INVOKE_CLAUDE, ANTHROPIC_MESSAGES, ARN, BASED),
            (BEDROCK_CONVERSE, CONVERSE, ANTHROPIC_MESSAGES, ARN, ""),
            (BEDROCK_CONVERSE, CONVERSE_CLAUDE, ANTHROPIC_MESSAGES, NAMING, ""),
            (BEDROCK_CONVERSE, CONVERSE, ANTHROPIC_MESSAGES, NOVA, ""),
            (BEDROCK_CONVERSE, CONVERSE, OPENAI_CHAT, NOVA, ""),
            (BEDROCK_CONVERSE, CONVERSE_CLAUDE, OPENAI_CHAT, CLAUDE, ""),
            (BEDROCK_CONVERSE, CONVERSE_CLAUDE, OPENAI_RESPONSES, ARN, BASED),
            (
                BEDROCK_CONVERSE,
                CONVERSE_CLAUDE,
                ANTHROPIC_MESSAGES,
                CLAUDE,
                "[providers.bedrock]\ndialect = 'converse'",
            ),
        ]
        for dialect, envelope, door, model, toml in cases:
            way = choose_way(made("bedrock", toml), door, model)
            assert way is not None
            self.assertEqual((dialect, envelope), (way.dialect, way.envelope), (door, model))
            self.assertFalse(way.direct)

    def test_second_bedrock(self) -> None:
        """One that only the configuration knows keeps to what it is said to speak, too."""
        cases = [
            (CONVERSE_CLAUDE, "'converse'"),
            (INVOKE_CLAUDE, "['converse', 'anthropic']"),
            (INVOKE_CLAUDE, "['anthropic', 'converse']"),
        ]
        for envelope, named in cases:
            for name in ("bedrock", "second"):
                provider = made(name, f"[providers.{name}]\ndialect = {named}")
                way = choose_way(provider, ANTHROPIC_MESSAGES, CLAUDE)
                assert way is not None
                self.assertEqual(envelope, way.envelope, (name, named))

    def test_none(self) -> None:
        """A provider that no conversation can be had with."""
        provider = evolve(made("openai"), ways=())
        self.assertIsNone(choose_way(provider, OPENAI_CHAT, "gpt-5"))


class OtherOperationTests(SynchronousTestCase):
    def test_counting(self) -> None:
        """Who counts tokens, and of which bodies."""
        cases = [
            (ANTHROPIC_MESSAGES, COUNT_CLAUDE, CLAUDE),
            (BEDROCK_CONVERSE, COUNT_CONVERSE, NOVA),
        ]
        for dialect, envelope, model in cases:
            way = choose_counting(made("bedrock"), model)
            assert way is not None
            self.assertEqual((dialect, envelope), (way.dialect, way.envelope))
        way = choose_counting(made("anthropic"), "claude-opus-4-8")
        assert way is not None
        self.assertEqual("/messages/count_tokens", way.envelope.at("m"))
        self.assertTrue(way.direct)
        self.assertIsNone(choose_counting(made("openai"), "gpt-5"))
        self.assertIsNone(choose_counting(evolve(made("bedrock"), ways=()), CLAUDE))

    def test_operations(self) -> None:
        """The door's own dialect where an operation has it, else the operation's."""
        cases = [
            ((OPENAI_EMBEDDINGS, "/embeddings"), "openai", "embeddings", OPENAI_EMBEDDINGS),
            ((ANTHROPIC_MODELS, "/models"), "anthropic", "models", OPENAI_MODELS),
        ]
        for (dialect, path), name, route, door in cases:
            found = choose_operation(made(name), route, door)
            assert found is not None
            self.assertEqual((dialect, path), (found[0], found[1].at("m")))
        bedrock = made("bedrock")
        self.assertEqual(
            (BEDROCK_EMBEDDINGS, INVOKE_EMBEDDINGS),
            choose_operation(bedrock, "embeddings", OPENAI_EMBEDDINGS),
        )
        self.assertEqual(
            (BEDROCK_MODELS, LIST_MODELS), choose_operation(bedrock, "models", OPENAI_MODELS)
        )
        self.assertIsNone(choose_operation(made("anthropic"), "embeddings", OPENAI_EMBEDDINGS))
