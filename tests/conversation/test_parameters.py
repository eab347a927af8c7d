from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import parameters
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import (
    N,
    Parameter,
    Parameters,
    ResponseFormat,
    among,
)
from magicgateway.errors import ApiError

TEXT = ResponseFormat("text")
SCHEMA = ResponseFormat("json_schema")
RULES: list[tuple[Parameter[Any], list[Any], list[Any], bool]] = [
    (parameters.MAX_TOKENS, [], [1], False),
    (parameters.TEMPERATURE, [1, 1.0], [0, 0.9, True], False),
    (parameters.TOP_P, [1, 1.0], [0.9], False),
    (parameters.TOP_K, [], [5], False),
    (parameters.STOP, [()], [("x",)], False),
    (parameters.SEED, [], [0], False),
    (parameters.FREQUENCY_PENALTY, [0, 0.0], [0.1, False], False),
    (parameters.PRESENCE_PENALTY, [0, 0.0], [-1], False),
    (parameters.LOGIT_BIAS, [{}], [{"5": 1}], False),
    (parameters.N, [1], [2, 1.0, True], True),
    (parameters.LOGPROBS, [False], [True, 0], True),
    (parameters.TOP_LOGPROBS, [0], [1], True),
    (parameters.PARALLEL_TOOL_CALLS, [True], [False], False),
    (parameters.RESPONSE_FORMAT, [TEXT], [SCHEMA], True),
    (parameters.VERBOSITY, ["medium"], ["low"], False),
    (parameters.STORE, [False], [True], False),
    (parameters.SERVICE_TIER, ["auto"], ["flex"], False),
    (parameters.MODALITIES, [("text",)], [("text", "audio")], True),
    (parameters.PREDICTION, [], [{}], False),
    (parameters.CACHE_KEY, ["k", ""], [], False),
    (parameters.CACHE_RETENTION, ["24h"], [], False),
    (parameters.INCLUDE, [()], [("x",)], False),
    (parameters.TRUNCATION, ["disabled"], ["auto"], False),
    (parameters.PREVIOUS_RESPONSE, [], ["resp_1"], True),
    (parameters.BACKGROUND, [False], [True], True),
    (parameters.SPEED, ["standard"], ["fast"], False),
    (parameters.MCP_SERVERS, [[]], [[{}]], True),
    (parameters.CACHE_OPTIONS, [{}], [], False),
    (parameters.OBFUSCATION, [True, False], [], False),
    (parameters.ENCRYPTED_REASONING, [True], [], False),
]
"""A setting, values that ask for nothing, values that ask for something, and whether these are
refused by a target that has no such setting."""


class SettlingTests(SynchronousTestCase):
    """What a target makes of settings that it lacks."""

    def settled(self, parameter: Parameter[Any], value: Any) -> list[str]:
        """What is reported of a setting that nobody took."""
        given = Parameters()
        given.give(parameter, value, "the.field")
        ledger = Ledger()
        given.taking().settle(ledger, "Anthropic messages")
        return [note.line() for note in ledger.notes]

    def test_idle(self) -> None:
        """A value that asks for what happens anyway is no loss."""
        for parameter, idle, _, _ in RULES:
            for value in idle:
                with self.subTest(parameter.name, value=value):
                    self.assertEqual([], self.settled(parameter, value))

    def test_lost(self) -> None:
        """Any other value of a hint is reported, and of what makes another answer is a 400."""
        for parameter, _, values, refused in RULES:
            for value in values:
                with self.subTest(parameter.name, value=value):
                    if refused:
                        error = self.assertRaises(ApiError, self.settled, parameter, value)
                        self.assertEqual((400, "the.field"), (error.status, error.param))
                        self.assertIn("Anthropic messages", error.message)
                    else:
                        self.assertEqual(
                            ["the.field;dropped;unsupported-by-target"],
                            self.settled(parameter, value),
                        )

    def test_taken(self) -> None:
        """What a writer took is dealt with, and the request still has it for another."""
        given = Parameters()
        given.give(N, 2, "n")
        for _ in range(2):
            taking = given.taking()
            first, second = taking.take(N), taking.take(N)
            self.assertEqual((2, None), (first, second))
            taking.settle(Ledger(), "anybody")
        count = given.get(N)
        self.assertEqual(2, count)

    def test_settled_once(self) -> None:
        """What was dealt with is not dealt with again."""
        given = Parameters()
        given.give(parameters.SEED, 1, "seed")
        taking = given.taking()
        taking.settle(Ledger(), "anybody")
        ledger = Ledger()
        taking.settle(ledger, "anybody")
        self.assertEqual((), ledger.notes)


class ParametersTests(SynchronousTestCase):
    """What a request sets."""

    def test_given(self) -> None:
        """A setting has its value and its field; one that was not given has its own name."""
        given = Parameters()
        given.give(parameters.MAX_TOKENS, 5, "max_completion_tokens")
        given.give(parameters.SEED, None, "seed")
        most, seed = given.get(parameters.MAX_TOKENS), given.get(parameters.SEED)
        self.assertEqual((5, None), (most, seed))
        self.assertEqual("max_completion_tokens", given.named(parameters.MAX_TOKENS))
        self.assertEqual("seed", given.named(parameters.SEED))

    def test_replacing(self) -> None:
        """Another value leaves the settings it was made from as they are, and keeps the field."""
        given = Parameters()
        given.give(parameters.MAX_TOKENS, 5, "max_completion_tokens")
        other = given.replacing(parameters.MAX_TOKENS, 7).replacing(parameters.SEED, 1)
        self.assertEqual(
            (5, 7), (given.get(parameters.MAX_TOKENS), other.get(parameters.MAX_TOKENS))
        )
        self.assertEqual("max_completion_tokens", other.named(parameters.MAX_TOKENS))
        self.assertEqual((1, "seed"), (other.get(parameters.SEED), other.named(parameters.SEED)))

    def test_equality(self) -> None:
        """Settings are equal when what was given, and where, is; they cannot be keys."""
        one, same, elsewhere = Parameters(), Parameters(), Parameters()
        one.give(N, 2, "n")
        same.give(N, 2, "n")
        elsewhere.give(N, 2, "candidates")
        self.assertEqual(one, same)
        self.assertNotEqual(one, elsewhere)
        self.assertNotEqual(one, {N: 2})
        self.assertRaises(TypeError, hash, one)

    def test_among(self) -> None:
        """True and 1, and 1 and 1.0, are different values."""
        test = among(1, "x", ())
        values: list[Any] = [1, "x", (), True, 1.0, []]
        self.assertEqual([True] * 3 + [False] * 3, [test(value) for value in values])
