from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.errors import ApiError
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE_4_5,
    CLAUDE_5,
    LLAMA,
    NOVA,
    NOVA_2,
    PLAIN,
    QWEN,
    Json,
    chat,
    from_chat,
    from_messages,
)


class SettingsTests(SynchronousTestCase):
    maxDiff = None

    def check(
        self, fields: Json, expected: Json, noted: list[str], capabilities: Capabilities
    ) -> None:
        """Compare what a chat's settings are sent as, messages left out."""
        body, said = from_chat(chat(**fields), capabilities)
        del body["messages"]
        self.assertEqual((expected, noted), (body, said), fields)

    def test_limits(self) -> None:
        """J17: the newer limit wins; a model's own is not passed."""
        limited = evolve(PLAIN, max_output_tokens=100)
        cases: list[tuple[Json, Json, list[str], Capabilities]] = [
            (
                {"max_tokens": 5, "max_completion_tokens": 9, "stop": "END"},
                {"inferenceConfig": {"maxTokens": 9, "stopSequences": ["END"]}},
                ["max_tokens;dropped;superseded"],
                PLAIN,
            ),
            (
                {"max_tokens": 500},
                {"inferenceConfig": {"maxTokens": 100}},
                ["max_tokens;clamped;at-most-100"],
                limited,
            ),
            ({"max_tokens": 50}, {"inferenceConfig": {"maxTokens": 50}}, [], limited),
        ]
        for case in cases:
            self.check(*case)

    def test_no_tokens(self) -> None:
        """Anthropic's request that only warms the cache is refused."""
        body = {"max_tokens": 0, "messages": [{"role": "user", "content": "U"}]}
        with self.assertRaises(ApiError) as caught:
            from_messages(body)
        self.assertEqual("max_tokens", caught.exception.param)

    def test_stops(self) -> None:
        """J18: stops are a list without blanks, and reported where a model has none."""
        cases: list[tuple[Json, Json, list[str], Capabilities]] = [
            ({"stop": ["", " "]}, {}, ["stop;dropped;blank"], CLAUDE_4_5),
            ({"stop": ["\n", ""]}, {"stopSequences": ["\n"]}, ["stop;dropped;blank"], LLAMA),
            ({"stop": ["x"]}, {}, ["stop;dropped"], QWEN),
            ({"stop": []}, {}, [], QWEN),
            ({"stop": ["a", "b"]}, {"stopSequences": ["a", "b"]}, [], CLAUDE_4_5),
            (
                {"stop": ["a"] * 2501},
                {"stopSequences": ["a"] * 2500},
                ["stop;clamped;at-most-2500"],
                LLAMA,
            ),
        ]
        for fields, expected, noted, capabilities in cases:
            config = {"inferenceConfig": expected} if expected else {}
            self.check(fields, config, noted, capabilities)

    def test_sampling(self) -> None:
        """J19, J20: sampling is clamped to 1, and to what a model takes of it."""
        cases: list[tuple[Json, Json, list[str], Capabilities]] = [
            ({"temperature": 1.7}, {"temperature": 1}, ["temperature;clamped;at-most-1"], NOVA),
            (
                {"temperature": 0.2, "top_p": 0.9},
                {"temperature": 0.2},
                ["top_p;dropped;beside-temperature"],
                CLAUDE_4_5,
            ),
            ({"temperature": 0.2, "top_p": 1}, {"temperature": 0.2}, [], CLAUDE_4_5),
            ({"top_p": 0.9}, {"topP": 0.9}, [], CLAUDE_4_5),
            ({"temperature": 1, "top_p": 0.9}, {"topP": 0.9}, [], CLAUDE_4_5),
            ({"temperature": 1.0, "top_p": 1}, {"temperature": 1.0}, [], CLAUDE_4_5),
            ({"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2, "topP": 0.9}, [], NOVA),
            ({"temperature": 0.2}, {}, ["temperature;dropped"], CLAUDE_5),
            ({"temperature": 1, "top_p": 1.0}, {}, [], CLAUDE_5),
            ({}, {}, [], CLAUDE_4_5),
        ]
        for fields, expected, noted, capabilities in cases:
            config = {"inferenceConfig": expected} if expected else {}
            self.check(fields, config, noted, capabilities)

    def test_negative(self) -> None:
        """A negative number is refused."""
        with self.assertRaises(ApiError) as caught:
            from_chat(chat(top_p=-1))
        self.assertEqual("top_p", caught.exception.param)

    def test_top_k(self) -> None:
        """J21: top_k goes where the family has it, and is reported elsewhere."""
        nested = {"inferenceConfig": {"topK": 20}}
        cases: list[tuple[Json, list[str], Capabilities]] = [
            ({"additionalModelRequestFields": nested}, [], NOVA),
            ({"additionalModelRequestFields": {"top_k": 20}}, [], CLAUDE_4_5),
            ({}, ["top_k;dropped"], LLAMA),
            ({}, ["top_k;dropped"], CLAUDE_5),
        ]
        for expected, noted, capabilities in cases:
            self.check({"top_k": 20}, expected, noted, capabilities)

    def test_while_thinking(self) -> None:
        """What does not go together with thinking gives way, and is reported."""
        fields = {"temperature": 0.5, "top_k": 3, "max_tokens": 5000, "reasoning_effort": "low"}
        body, noted = from_chat(chat(**fields))
        self.assertEqual({"maxTokens": 5000}, body["inferenceConfig"])
        reason = "not-while-thinking"
        self.assertEqual([f"temperature;dropped;{reason}", f"top_k;dropped;{reason}"], noted)
        for top_p, expected in (
            (0.95, {"maxTokens": 5000, "topP": 0.95}),
            (0.5, {"maxTokens": 5000}),
        ):
            body, noted = from_chat(chat(top_p=top_p, max_tokens=5000, reasoning_effort="low"))
            self.assertEqual(expected, body["inferenceConfig"])
            self.assertEqual(1 - len(expected) // 2, len(noted))
        body, noted = from_chat(chat(temperature=1, reasoning_effort="low"))
        self.assertEqual(1, body["inferenceConfig"]["temperature"])
        self.assertEqual([], noted)
        both = chat(temperature=0.3, top_p=0.96, reasoning_effort="low", max_tokens=5000)
        body, noted = from_chat(both)
        self.assertEqual({"maxTokens": 5000, "topP": 0.96}, body["inferenceConfig"])
        self.assertEqual([f"temperature;dropped;{reason}"], noted)

    def test_bare(self) -> None:
        """A model that thinks as hard as it can is given neither limit nor sampling."""
        fields: dict[str, Any] = {"max_tokens": 5, "temperature": 0.5, "reasoning_effort": "high"}
        expected = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}
        self.check(
            fields,
            {"additionalModelRequestFields": expected},
            ["max_tokens;dropped;thinks-without-limit", "temperature;dropped"],
            NOVA_2,
        )

    def test_tiers(self) -> None:
        """Service tiers pass where AWS has them; others are reported."""
        cases: list[tuple[str, Json, list[str]]] = [
            ("auto", {}, []),
            ("flex", {"serviceTier": {"type": "flex"}}, []),
            ("priority", {"serviceTier": {"type": "priority"}}, []),
            ("scale", {}, ["service_tier;dropped"]),
        ]
        for tier, expected, noted in cases:
            self.check({"service_tier": tier}, expected, noted, PLAIN)
