from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import Reasoning
from magicgateway.dialects.anthropic_messages.thinking_writer import (
    BUDGETS,
    Thinker,
    Thought,
    budget_level,
    default_limit,
    unforced,
)
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import ABLE, MODELS, lines

SUMMED = {"type": "adaptive", "display": "summarized"}
OFF = {"type": "disabled"}


def think(
    model: str, limit: int | None = 50000, **fields: Any
) -> tuple[dict[str, Any] | None, str | None, list[str]]:
    """What is said of thinking, the effort, and what is reported."""
    ledger = Ledger()
    thinker = Thinker("r", limit, MODELS[model], ledger)
    thought = thinker.think(Reasoning(**fields) if fields else None)
    return thought.thinking, thought.effort, lines(ledger)


def explicit(model: str, kind: str, **fields: Any) -> Any:
    return think(model, kind=kind, explicit=True, **fields)


def budget(tokens: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": tokens}


class DerivedTests(SynchronousTestCase):
    def test_adaptive(self) -> None:
        """An effort becomes adaptive thinking that is summed up, at a level the model has."""
        cases: list[tuple[str, str, Any]] = [
            ("opus-4.8", "minimal", (SUMMED, "low", [])),
            ("opus-4.8", "low", (SUMMED, "low", [])),
            ("opus-4.8", "max", (SUMMED, "max", [])),
            ("sonnet-4.6", "xhigh", (SUMMED, "high", ["r;clamped;nearest-effort-high"])),
            ("plain", "high", (SUMMED, None, ["r;dropped"])),
            ("opus-4.8", "none", (OFF, None, [])),
            ("opus-5.5", "none", (None, "low", ["r;rewritten;always-thinks"])),
        ]
        for model, effort, expected in cases:
            self.assertEqual(expected, think(model, effort=effort), (model, effort))

    def test_always_thinking(self) -> None:
        """A model that always thinks and knows no efforts cannot be told less."""
        capabilities = evolve(MODELS["opus-5.5"], efforts=())
        ledger = Ledger()
        thought = Thinker("r", 100, capabilities, ledger).think(Reasoning(effort="none"))
        self.assertEqual((None, None), (thought.thinking, thought.effort))
        self.assertEqual(["r;rewritten;always-thinks"], lines(ledger))

    def test_budgets(self) -> None:
        """Models that are told a number get the one of the effort, below the caller's limit."""
        for effort, tokens in BUDGETS.items():
            thinking, _, notes = think("sonnet-4.5", 100000, effort=effort)
            self.assertEqual((budget(tokens), []), (thinking, notes))
        self.assertEqual((None, None, []), think("sonnet-4.5", effort="none"))
        self.assertEqual(
            (budget(3999), None, ["r;clamped;budget-in-bounds"]),
            think("sonnet-4.5", 4000, effort="high"),
        )
        self.assertEqual(
            (None, None, ["r;dropped;no-room-to-think"]),
            think("sonnet-4.5", 1024, effort="low"),
        )

    def test_limits(self) -> None:
        """A default limit grows by the budget, up to what the model can do."""
        model = MODELS["sonnet-4.5"]
        thought = Thinker("r", None, model, Ledger()).think(Reasoning(effort="high"))
        self.assertEqual(32000 + 16384, thought.max_tokens)
        small = evolve(model, max_output_tokens=8192)
        thought = Thinker("r", None, small, Ledger()).think(Reasoning(effort="high"))
        self.assertEqual((8192, budget(8191)), (thought.max_tokens, thought.thinking))
        self.assertEqual(8192, default_limit(small))
        self.assertEqual(0, Thinker("r", 0, model, Ledger()).think(None).max_tokens)

    def test_never(self) -> None:
        """A model that does not think is not told to; without words there is nothing to say."""
        self.assertEqual((None, None, ["r;dropped"]), think("old", effort="low"))
        self.assertEqual((None, None, []), think("old"))
        self.assertEqual((None, None, []), think("opus-4.8", summary="auto"))

    def test_unknown(self) -> None:
        """An effort that is none is refused."""
        refused = self.assertRaises(ApiError, think, "opus-4.8", effort="odd")
        self.assertEqual((400, "r"), (refused.status, refused.param))

    def test_summaries(self) -> None:
        """G.1: how reasoning is to be summed up cannot be said, and is reported."""
        for model in ("opus-4.8", "sonnet-4.5"):
            self.assertEqual(
                ["r.summary;dropped"], think(model, effort="low", summary="detailed")[2]
            )
            self.assertEqual([], think(model, effort="low", summary="auto")[2])

    def test_effort_of_its_own_field(self) -> None:
        """An effort that stands elsewhere than the thinking is reported by where it stands."""
        asked: dict[str, Any] = {"kind": "enabled", "budget": 2000, "effort_field": "e"}
        _, _, reported = explicit("sonnet-4.5", effort="low", **asked)
        self.assertEqual(["e;dropped"], reported)
        refused = self.assertRaises(ApiError, explicit, "sonnet-4.5", effort="odd", **asked)
        self.assertEqual("e", refused.param)

    def test_effort_with_budget(self) -> None:
        """A model with both gets an effort beside the budget."""
        both = evolve(MODELS["sonnet-4.5"], efforts=("low", "medium", "high"))
        thought = Thinker("r", 50000, both, Ledger()).think(Reasoning(effort="high"))
        self.assertEqual((budget(16384), "high"), (thought.thinking, thought.effort))


class ExplicitTests(SynchronousTestCase):
    def test_as_asked(self) -> None:
        """What the model takes goes as it came."""
        cases: list[tuple[str, str, dict[str, Any], Any]] = [
            ("able", "adaptive", {}, ({"type": "adaptive"}, None, [])),
            ("able", "between_tools", {"effort": "low"}, ({"type": "between_tools"}, "low", [])),
            (
                "able",
                "enabled",
                {"budget": 99999, "display": "omitted"},
                ({**budget(99999), "display": "omitted"}, None, []),
            ),
            ("able", "disabled", {"effort": "max"}, (OFF, "max", [])),
            ("sonnet-4.5", "disabled", {}, (OFF, None, [])),
            (
                "opus-5",
                "disabled",
                {"effort": "max"},
                (OFF, "high", ["r;clamped;nearest-effort-high"]),
            ),
            ("opus-5", "disabled", {"effort": "low"}, (OFF, "low", [])),
        ]
        for model, kind, fields, expected in cases:
            self.assertEqual(expected, explicit(model, kind, **fields), (model, kind))

    def test_in_other_words(self) -> None:
        """A budget becomes an effort, and the other way, where the model has only the other."""
        shown = {"type": "adaptive", "display": "omitted"}
        note = ["r;rewritten;budget-as-effort"]
        cases: list[tuple[str, str, dict[str, Any], Any]] = [
            ("opus-4.8", "enabled", {"budget": 5000, "display": "omitted"},
             (shown, "medium", note)),
            ("opus-4.8", "enabled", {"budget": 5000, "effort": "max"},
             ({"type": "adaptive"}, "max", note)),
            ("sonnet-4.5", "adaptive", {"display": "omitted"},
             ({**budget(16384), "display": "omitted"}, None, ["r;rewritten;effort-as-budget"])),
            ("sonnet-4.5", "adaptive", {"effort": "low"},
             (budget(2048), None, ["r;rewritten;effort-as-budget"])),
            ("old", "adaptive", {}, (None, None, ["r;dropped"])),
            ("opus-4.8", "odd", {"effort": "low"}, (None, "low", ["r;dropped"])),
        ]  # fmt: skip
        for model, kind, fields, expected in cases:
            self.assertEqual(expected, explicit(model, kind, **fields), (model, kind))
        self.assertEqual(
            (None, None, ["r;rewritten;effort-as-budget", "r;dropped;no-room-to-think"]),
            think("sonnet-4.5", 10, kind="adaptive", explicit=True),
        )

    def test_default_limit(self) -> None:
        """An explicit budget raises a limit that the caller did not set."""
        asked = Reasoning(kind="enabled", budget=5000, explicit=True)
        self.assertEqual(37000, Thinker("r", None, ABLE, Ledger()).think(asked).max_tokens)
        self.assertEqual(9, Thinker("r", 9, ABLE, Ledger()).think(asked).max_tokens)

    def test_effort_alone(self) -> None:
        """The whole answer's effort says nothing of thinking."""
        self.assertEqual((None, "low", []), think("able", effort="low", effort_alone=True))
        self.assertEqual(
            (None, None, ["r;dropped"]), think("sonnet-4.5", effort="low", effort_alone=True)
        )

    def test_levels(self) -> None:
        """The effort that a budget is about."""
        for tokens, level in (
            (4095, "low"),
            (4096, "medium"),
            (16384, "high"),
            (32767, "high"),
            (32768, "xhigh"),
        ):
            self.assertEqual(level, budget_level(tokens))


class ForcedTests(SynchronousTestCase):
    def test_derived(self) -> None:
        """Beside a forced tool, derived thinking by a budget gives way; other thinking stays."""
        plain, manual = Thought(max_tokens=1), Thought(max_tokens=9, thinking=budget(2048))
        adaptive = Thought(max_tokens=9, thinking=SUMMED)
        ledger = Ledger()
        effort = Reasoning(effort="low")
        self.assertIs(adaptive, unforced(adaptive, effort, plain, "r", ledger))
        self.assertEqual([], lines(ledger))
        self.assertIs(plain, unforced(manual, effort, plain, "r", ledger))
        self.assertEqual(["r;dropped;tool-is-forced"], lines(ledger))

    def test_explicit(self) -> None:
        """A caller who asked for both is refused."""
        asked = Reasoning(kind="enabled", budget=2048, explicit=True)
        manual = Thought(max_tokens=9, thinking=budget(2048))
        refused = self.assertRaises(ApiError, unforced, manual, asked, manual, "r", Ledger())
        self.assertEqual((400, "tool_choice"), (refused.status, refused.param))
