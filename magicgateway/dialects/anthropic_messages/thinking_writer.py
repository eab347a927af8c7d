"""How much a model is to think, in the words that this model has for it.

See: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking; 2026-09.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve, frozen

from magicgateway.conversation.capabilities import EFFORTS, Capabilities
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.limits import thought_and_forced
from magicgateway.conversation.parameters import Reasoning
from magicgateway.conversation.reasons import Reason

BUDGETS = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 32768,
    "max": 65536,
}
"""Tokens to think with, by effort, for models that are told a number."""
SMALLEST_BUDGET = 1024
_LEVELS = ((4096, "low"), (16384, "medium"), (32768, "high"))
"""Efforts by the budget that they end below; above all of them it is ``xhigh``."""
_USUAL = "high"
"""What a model does that is told to think as it sees fit."""
ADAPTIVE = "adaptive"
ENABLED = "enabled"


@frozen(kw_only=True)
class Thought:
    """What a request says of thinking.

    Attributes:
        thinking: Its ``thinking``.
        effort: Its ``output_config.effort``.
        max_tokens: Its limit, thinking included.
    """

    thinking: dict[str, Any] | None = None
    effort: str | None = None
    max_tokens: int

    @property
    def manual(self) -> bool:
        """By a budget, which goes with fewer other settings."""
        return self.thinking is not None and self.thinking["type"] == ENABLED


def budget_level(budget: int) -> str:
    """The effort that a budget is about."""
    return next((level for most, level in _LEVELS if budget < most), "xhigh")


def default_limit(capabilities: Capabilities, more: int = 0) -> int:
    """The ``max_tokens`` of a caller who gave none, with so many besides."""
    limit = capabilities.default_max_tokens + more
    most = capabilities.max_output_tokens
    return limit if most is None else min(limit, most)


class Thinker:
    """Works out one request's thinking. State: where its effort stands.

    Args:
        place: The field that was asked by.
        limit: The caller's ``max_tokens``, None where there is none.
        capabilities: The target's.
        ledger: Told of differences.
    """

    def __init__(
        self, place: str, limit: int | None, capabilities: Capabilities, ledger: Ledger
    ) -> None:
        self._place = place
        self._limit = limit
        self._capabilities = capabilities
        self._claude = capabilities.claude
        self._ledger = ledger
        self._effort_place = place

    def think(self, reasoning: Reasoning | None) -> Thought:
        """What is said where nothing else forbids it.

        Raises:
            ApiError: 400: there is no such effort.
        """
        limit = default_limit(self._capabilities) if self._limit is None else self._limit
        plain = Thought(max_tokens=limit)
        if reasoning is None:
            return plain
        if reasoning.summary not in (None, "auto"):
            self._ledger.drop(joined(self._place.partition(".")[0], "summary"))
        if reasoning.effort is not None and reasoning.effort not in EFFORTS:
            place = reasoning.effort_field or self._place
            raise invalid(place, f"must be one of {', '.join(EFFORTS)}")
        self._effort_place = reasoning.effort_field or self._place
        if reasoning.kind is not None:
            return self._explicit(reasoning, plain)
        if reasoning.effort is None:
            return plain
        if reasoning.effort_alone:
            return evolve(plain, effort=self._effort(reasoning.effort))
        return self._derived(reasoning.effort, plain)

    def _explicit(self, reasoning: Reasoning, plain: Thought) -> Thought:
        kind, effort = reasoning.kind, reasoning.effort
        if kind == "disabled":
            return self._disabled(effort, plain)
        if kind in self._claude.thinking:
            return self._as_asked(reasoning, plain)
        shown = {} if reasoning.display is None else {"display": reasoning.display}
        if kind == ENABLED and ADAPTIVE in self._claude.thinking:
            self._ledger.rewrite(self._place, Reason.BUDGET_AS_EFFORT)
            level = self._effort(effort or budget_level(reasoning.budget or 0))
            return evolve(plain, thinking={"type": ADAPTIVE, **shown}, effort=level)
        if kind == ADAPTIVE and ENABLED in self._claude.thinking:
            self._ledger.rewrite(self._place, Reason.EFFORT_AS_BUDGET)
            thought = self._by_budget(effort or _USUAL, plain)
            if thought.thinking is not None:
                thought.thinking.update(shown)
            return thought
        self._ledger.drop(self._place)
        return evolve(plain, effort=self._effort(effort))

    def _as_asked(self, reasoning: Reasoning, plain: Thought) -> Thought:
        thinking: dict[str, Any] = {"type": reasoning.kind}
        if reasoning.budget is not None:
            thinking["budget_tokens"] = reasoning.budget
            if self._limit is None:
                limit = default_limit(self._capabilities, reasoning.budget)
                plain = evolve(plain, max_tokens=limit)
        if reasoning.display is not None:
            thinking["display"] = reasoning.display
        return evolve(plain, thinking=thinking, effort=self._effort(reasoning.effort))

    def _disabled(self, effort: str | None, plain: Thought) -> Thought:
        if not self._claude.can_disable:
            self._ledger.rewrite(self._place, Reason.ALWAYS_THINKS)
            low = self._effort("low") if self._capabilities.efforts else None
            return evolve(plain, effort=low)
        level = self._effort(effort)
        most = self._claude.quiet_effort
        if level is not None and EFFORTS.index(level) > EFFORTS.index(most):
            self._ledger.clamp(self._effort_place, Reason.NEAREST_EFFORT, most)
            level = most
        return evolve(plain, thinking={"type": "disabled"}, effort=level)

    def _derived(self, effort: str, plain: Thought) -> Thought:
        """What an effort alone comes to."""
        if effort == "none":
            manual = self._claude.thinking <= {ENABLED}
            return plain if manual else self._disabled(None, plain)
        if ADAPTIVE in self._claude.thinking:
            # New models hide their reasoning unless they are told to sum it up.
            thinking = {"type": ADAPTIVE, "display": "summarized"}
            return evolve(plain, thinking=thinking, effort=self._effort(effort))
        if ENABLED in self._claude.thinking:
            return self._by_budget(effort, plain)
        self._ledger.drop(self._place)
        return plain

    def _by_budget(self, effort: str, plain: Thought) -> Thought:
        budget = BUDGETS.get(effort, SMALLEST_BUDGET)
        limit = self._limit
        if limit is None:
            limit = default_limit(self._capabilities, budget)
        if limit <= SMALLEST_BUDGET:
            self._ledger.drop(self._place, Reason.NO_ROOM_TO_THINK)
            return plain
        if budget >= limit:
            budget = limit - 1
            self._ledger.clamp(self._place, Reason.BUDGET_IN_BOUNDS)
        level = self._nearest(effort) if effort in self._capabilities.efforts else None
        thinking = {"type": ENABLED, "budget_tokens": budget}
        return evolve(plain, thinking=thinking, effort=level, max_tokens=limit)

    def _effort(self, effort: str | None) -> str | None:
        """The strongest level the model has that is not above the one asked for."""
        if effort in (None, "none"):
            return None
        level = self._nearest(effort or "")
        if level is None:
            self._ledger.drop(self._effort_place)
        elif effort not in {level, "minimal"}:
            self._ledger.clamp(self._effort_place, Reason.NEAREST_EFFORT, level)
        return level

    def _nearest(self, effort: str) -> str | None:
        levels: Sequence[str] = self._capabilities.efforts
        rank = EFFORTS.index(effort)
        below = [level for level in levels if EFFORTS.index(level) <= rank]
        return below[-1] if below else next(iter(levels), None)


def unforced(
    thought: Thought, reasoning: Reasoning | None, plain: Thought, place: str, ledger: Ledger
) -> Thought:
    """Thinking beside a tool that has to be called, which goes only without a budget.

    Args:
        thought: As it was worked out.
        reasoning: As it was asked for.
        plain: Without it.
        place: The field that was asked by.
        ledger: Told that thinking gives way.

    Raises:
        ApiError: 400: the caller asked for both.
    """
    if not thought.manual:
        return thought
    if reasoning is not None and reasoning.explicit and reasoning.kind == ENABLED:
        raise thought_and_forced(place)
    ledger.drop(place, Reason.TOOL_IS_FORCED)
    return plain
