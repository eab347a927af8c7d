from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.capabilities import Capabilities, ChatAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import (
    AUTOMATIC_CACHE,
    CONTAINER,
    FREQUENCY_PENALTY,
    LOGPROBS,
    MAX_TOKENS,
    MCP_SERVERS,
    MODALITIES,
    REASONING,
    SEED,
    SERVICE_TIER,
    STOP,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    USER,
    WEB_SEARCH,
    N,
    Parameter,
    Parameters,
    Reasoning,
    WebSearch,
)
from magicgateway.dialects.openai_chat.settings_writer import SettingsWriter
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import PLAIN, lines

Given = dict[Parameter[Any], Any]
EFFORTS = ("low", "medium", "high")


def written(
    given: Given, able: Capabilities = PLAIN, **names: str
) -> tuple[dict[str, Any], list[str]]:
    body: dict[str, Any] = {}
    parameters, ledger = Parameters(), Ledger()
    for parameter, value in given.items():
        parameters.give(parameter, value, names.get(parameter.name, parameter.name))
    SettingsWriter(parameters, body, able, ledger).write().settle(ledger, "it")
    return body, lines(ledger)


class SettingTests(SynchronousTestCase):
    maxDiff = None

    def check(self, given: Given, body: dict[str, Any], *notes: str, **able: Any) -> None:
        """That so much is written and so much reported."""
        chat = able.pop("chat", {})
        capabilities = Capabilities(chat=ChatAbilities(**chat), **able)
        self.assertEqual((body, list(notes)), written(given, capabilities))

    def test_limit(self) -> None:
        """The limit goes by the target's name, and not beyond what its model can."""
        self.check({MAX_TOKENS: 9}, {"max_completion_tokens": 9})
        self.check({MAX_TOKENS: 9}, {"max_tokens": 9}, chat={"max_tokens_field": "max_tokens"})
        self.check({MAX_TOKENS: 9}, {"max_completion_tokens": 5},
                   "max_tokens;clamped;at-most-5", max_output_tokens=5)  # fmt: skip
        refused = self.assertRaises(ApiError, written, {MAX_TOKENS: 0})
        self.assertEqual((400, "max_tokens"), (refused.status, refused.param))

    def test_stops(self) -> None:
        """I.77: of too many stops the first stay."""
        self.check({STOP: ("a", "b")}, {"stop": ["a", "b"]})
        self.check({STOP: ()}, {})
        self.check({STOP: tuple("abcde")}, {"stop": list("abcd")}, "stop;clamped;at-most-4")
        self.check({STOP: ("a",)}, {}, "stop;clamped;at-most-0", chat={"most_stops": 0})

    def test_user(self) -> None:
        """I.74: an id that is too long or says too much goes as its digest."""
        self.check({USER: "user-1"}, {"user": "user-1"})
        for long in ("x" * 180, "a@b.c"):
            body, notes = written({USER: long})
            self.assertRegex(body["user"], "^[0-9a-f]{64}$")
            self.assertEqual(["user;rewritten;hashed"], notes)
        body, _ = written({USER: "s"}, user="safety_identifier")
        self.assertEqual({"safety_identifier": "s"}, body)

    def test_sampling(self) -> None:
        """Sampling goes as far as the model takes it."""
        both: Given = {TEMPERATURE: 0.5, TOP_P: 0.9}
        self.check(both, {"temperature": 0.5, "top_p": 0.9})
        self.check(both, {"temperature": 0.5}, "top_p;dropped;beside-temperature", sampling="one")
        self.check({TOP_P: 0.9}, {"top_p": 0.9}, sampling="one")
        self.check(both, {}, "temperature;dropped", "top_p;dropped", sampling="none")
        self.check({TEMPERATURE: 1}, {}, sampling="none")
        awake: Given = {**both, REASONING: Reasoning(effort="none")}
        self.check(awake, {"reasoning_effort": "none", "temperature": 0.5, "top_p": 0.9},
                   sampling="none", efforts=("none", "low"))  # fmt: skip
        idle = {"sampling": "none", "efforts": ("none", "low"), "default_effort": "none"}
        self.check(both, {"temperature": 0.5, "top_p": 0.9}, **idle)
        told: Given = {TEMPERATURE: 0.5, REASONING: Reasoning(effort="low")}
        self.check(told, {"reasoning_effort": "low"}, "temperature;dropped", **idle)
        self.check({TOP_K: 4}, {}, "top_k;dropped")
        self.check({TOP_K: 4}, {"top_k": 4}, chat={"top_k": True})

    def test_effort(self) -> None:
        """E.4: effort is the level that the target has, by whatever words it was asked for."""
        cases: list[tuple[Reasoning, tuple[str, ...], str | None, list[str]]] = [
            (Reasoning(effort="low"), EFFORTS, "low", []),
            (Reasoning(effort="xhigh"), EFFORTS, "high",
             ["reasoning;clamped;nearest-effort-high"]),
            (Reasoning(effort="minimal"), EFFORTS, "low", ["reasoning;clamped;nearest-effort-low"]),
            (Reasoning(effort="low"), ("none", "high"), "high",
             ["reasoning;clamped;nearest-effort-high"]),
            (Reasoning(effort="low"), ("none",), None, ["reasoning;dropped"]),
            (Reasoning(effort="none"), EFFORTS, None, ["reasoning;dropped"]),
            (Reasoning(effort="none"), ("none", *EFFORTS), "none", []),
            (Reasoning(effort="odd"), EFFORTS, None, ["reasoning;dropped"]),
            (Reasoning(effort="low"), (), None, ["reasoning;dropped"]),
            (Reasoning(effort="none"), (), None, []),
            (Reasoning(kind="disabled"), ("none", "low"), "none", []),
            (Reasoning(kind="disabled"), EFFORTS, None, ["reasoning;dropped"]),
            (Reasoning(kind="disabled"), (), None, []),
            (Reasoning(kind="adaptive"), EFFORTS, None, []),
            (Reasoning(kind="adaptive"), (), None, ["reasoning;dropped"]),
            (Reasoning(kind="adaptive", effort="medium"), EFFORTS, "medium", []),
            (Reasoning(kind="enabled", budget=2048), EFFORTS, "low", []),
            (Reasoning(kind="enabled", budget=4096), EFFORTS, "medium", []),
            (Reasoning(kind="enabled", budget=16384), EFFORTS, "high", []),
            (Reasoning(kind="enabled", budget=32768), EFFORTS, "high", []),
            (Reasoning(kind="enabled", budget=32768), (*EFFORTS, "xhigh"), "xhigh", []),
            (Reasoning(kind="deep"), EFFORTS, None, ["reasoning.type;dropped"]),
            (Reasoning(kind="adaptive", effort="max", effort_field="e"), EFFORTS, "high",
             ["e;clamped;nearest-effort-high"]),
            (Reasoning(kind="adaptive", effort="max", effort_field="e"), (), None,
             ["reasoning;dropped", "e;dropped"]),
            (Reasoning(effort="low", summary="auto"), EFFORTS, "low", []),
            (Reasoning(effort="low", summary="detailed"), EFFORTS, "low",
             ["reasoning.summary;dropped"]),
            (Reasoning(kind="adaptive", display="omitted"), EFFORTS, None,
             ["reasoning.display;dropped"]),
        ]  # fmt: skip
        for reasoning, efforts, level, notes in cases:
            body, reported = written({REASONING: reasoning}, Capabilities(efforts=efforts))
            self.assertEqual((level, notes), (body.get("reasoning_effort"), reported), reasoning)
        refusing = {"drops": frozenset({"reasoning_effort"})}
        self.check({REASONING: Reasoning(effort="low")}, {}, "reasoning;dropped", chat=refusing,
                   efforts=EFFORTS)  # fmt: skip

    def test_refused_fields(self) -> None:
        """What a provider refuses is left out and reported, but a refusal stays a refusal."""
        chat: dict[str, Any] = {"drops": frozenset({"seed", "n", "logprobs", "frequency_penalty"})}
        self.check({SEED: 1, N: 1, FREQUENCY_PENALTY: 0}, {}, "seed;dropped", chat=chat)
        for given in ({N: 2}, {LOGPROBS: True}):
            refused = self.assertRaises(
                ApiError, written, given, Capabilities(chat=ChatAbilities(**chat))
            )
            self.assertEqual(400, refused.status)

    def test_others(self) -> None:
        """Lists, tiers, searches and caching are written in OpenAI's words."""
        self.check({MODALITIES: ("text", "audio")}, {"modalities": ["text", "audio"]})
        self.check({SERVICE_TIER: "standard_only"}, {"service_tier": "default"})
        search: Given = {WEB_SEARCH: WebSearch({"x": 1})}
        self.check(search, {"web_search_options": {"x": 1}}, chat={"web_search": True})
        self.assertRaises(ApiError, written, search)
        mark: Given = {AUTOMATIC_CACHE: CacheMark("1h")}
        self.check(mark, {}, "cache_control;dropped")
        options = {"mode": "implicit", "ttl": "30m"}
        self.check(mark, {"prompt_cache_options": options},
                   "cache_control.ttl;rewritten;nearest-lifetime",
                   chat={"cache_marks": "prompt_cache_breakpoint"})  # fmt: skip

    def test_answers_that_would_be_wrong(self) -> None:
        """What only Claude can be given, and changes the answer, is refused."""
        for parameter in (CONTAINER, MCP_SERVERS):
            refused = self.assertRaises(ApiError, written, {parameter: [{}]})
            self.assertEqual((400, parameter.name), (refused.status, refused.param))
