"""How much a model is to think, in the words of its family."""

from __future__ import annotations

from typing import Any

from attrs import define, field, frozen

from magicgateway.conversation.capabilities import EFFORTS, Capabilities
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.limits import thought_and_forced
from magicgateway.conversation.parameters import REASONING, Parameters, Reasoning, Taking
from magicgateway.conversation.reasons import Reason

LEAST_BUDGET = 1024
_BUDGETS = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 32768,
    "max": 65536,
}
_EFFORT_BELOW = ((4096, "low"), (16384, "medium"), (32768, "high"))
"""Tokens of thinking below which an effort is meant."""
_DEFAULT_EFFORT = "high"
_OFF = ("none",)
_THINKING = ("enabled", "adaptive")


@frozen
class Thought:
    """What is asked of a model.

    Attributes:
        fields: Of ``additionalModelRequestFields``.
        budget: Tokens that the limit has to be above of; None where there is no such.
        thinking: Sampling and forced calls are bound by it.
        bare: Limits and sampling are not to be sent at all.
    """

    fields: dict[str, Any] = field(factory=dict)
    budget: int | None = None
    thinking: bool = False
    bare: bool = False


NOTHING = Thought()


@define
class ReasoningWriter:
    """Decides for one request. It has no state.

    Args:
        parameters: As the caller gave them.
        capabilities: The target's.
        ledger: Told of what is not as asked.
        limit: ``maxTokens``; None where there is none.
        forced: A call is demanded, which does not go together with thinking in a budget.
    """

    parameters: Parameters
    capabilities: Capabilities
    ledger: Ledger
    limit: int | None
    forced: bool

    def write(self, taking: Taking) -> Thought:
        """What to send, and take the setting.

        Raises:
            ApiError: 400: a call is demanded, and thinking asked for by name; or there is no such
                effort.
        """
        given = self.parameters.get(REASONING)
        if given is None:
            return NOTHING
        form = self.capabilities.converse.reasoning
        if not form:
            if _effort_of(given) == "none":
                taking.take(REASONING)
                self._report_thinking()
            return NOTHING
        taking.take(REASONING)
        if given.summary not in (None, "auto"):
            self.ledger.drop(joined(self._place.partition(".")[0], "summary"))
        if form == "claude":
            return self._claude(given)
        if given.display is not None:
            self.ledger.drop(joined(self._place, "display"))
        return self._by_effort(form, given)

    @property
    def _place(self) -> str:
        return self.parameters.named(REASONING)

    @property
    def _effort_place(self) -> str:
        given = self.parameters.get(REASONING)
        return (given and given.effort_field) or self._place

    def _by_effort(self, form: str, given: Reasoning) -> Thought:
        asked = _effort_of(given)
        if asked is None:
            if given.kind not in (None, *_THINKING):
                self.ledger.drop(joined(self._place, "type"))
            return NOTHING
        effort = self._nearest(asked, _KNOWN.get(form, ()))
        if effort is None:
            if asked not in _OFF:
                self.ledger.drop(self._place)
            else:
                self._report_thinking()
            return NOTHING
        match form:
            case "nova":
                config = {"type": "enabled", "maxReasoningEffort": effort}
                return Thought({"reasoningConfig": config}, bare=effort == "high")
            case "qwen":
                return Thought({"reasoning_config": effort})
            case "openai":
                return Thought({"reasoning": {"effort": effort}})
            case _:
                return Thought({"reasoning_effort": effort})

    def _report_thinking(self) -> None:
        """Say of a model that is asked not to think that it does."""
        if self.capabilities.converse.always_thinks:
            self.ledger.drop(self._place, Reason.ALWAYS_THINKS)

    def _nearest(self, asked: str, usual: tuple[str, ...]) -> str | None:
        """The strongest level the model has that is no stronger, else its weakest."""
        known = self.capabilities.efforts or usual
        if asked in known:
            return asked
        if asked in _OFF or asked not in EFFORTS:
            return None
        levels = [level for level in EFFORTS if level in known and level != "none"]
        rank = EFFORTS.index(asked)
        weaker = [level for level in levels if EFFORTS.index(level) <= rank]
        level = weaker[-1] if weaker else next(iter(levels), None)
        if level is not None:
            self.ledger.clamp(self._effort_place, Reason.NEAREST_EFFORT, level)
        return level

    def _claude(self, given: Reasoning) -> Thought:
        abilities = self.capabilities.claude
        if given.effort not in (None, *EFFORTS):
            raise invalid(self._effort_place, f"must be one of {', '.join(EFFORTS)}")
        if given.kind == "disabled" or (given.kind is None and given.effort == "none"):
            return self._off(given)
        if given.kind is None and given.effort is None:
            return NOTHING  # a summary alone is of what is thought anyway
        if given.effort_alone:
            return Thought(self._output(given.effort))
        kind = given.kind
        if kind not in (None, *_THINKING):
            self.ledger.drop(joined(self._place, "type"))
            return NOTHING
        if kind is None or kind not in abilities.thinking:
            kind = next((k for k in reversed(_THINKING) if k in abilities.thinking), None)
        if kind is None:
            self.ledger.drop(self._place)
            return NOTHING
        if given.kind is not None and kind != given.kind:
            said = Reason.EFFORT_AS_BUDGET if kind == "enabled" else Reason.BUDGET_AS_EFFORT
            self.ledger.rewrite(self._place, said)
        if kind == "adaptive":
            return self._adaptive(given)
        if not self.forced:
            return self._enabled(given)
        if given.explicit:
            raise thought_and_forced(self._place)
        self.ledger.drop(self._place, Reason.TOOL_IS_FORCED)
        return NOTHING

    def _off(self, given: Reasoning) -> Thought:
        """No thinking, where the model can do without."""
        abilities = self.capabilities.claude
        if "adaptive" not in abilities.thinking:
            return NOTHING
        if not abilities.can_disable:
            self.ledger.rewrite(self._place, Reason.ALWAYS_THINKS)
            return Thought(self._output("low"), thinking=True)
        effort = given.effort if given.explicit else None
        most = abilities.quiet_effort
        if effort in EFFORTS and EFFORTS.index(effort) > EFFORTS.index(most):
            self.ledger.clamp(self._effort_place, Reason.NEAREST_EFFORT, most)
            effort = most
        return Thought({"thinking": {"type": "disabled"}, **self._output(effort)})

    def _output(self, effort: str | None) -> dict[str, Any]:
        """The effort, for models that know any."""
        if effort is None or effort in _OFF:
            return {}
        level = self._nearest("low" if effort == "minimal" else effort, ())
        if level is None:
            self.ledger.drop(self._effort_place)
            return {}
        return {"output_config": {"effort": level}}

    def _adaptive(self, given: Reasoning) -> Thought:
        thinking: dict[str, Any] = {"type": "adaptive"}
        # Who speaks of an effort only expects to see what was thought, as far as it can be shown.
        display = given.display if given.explicit else "summarized"
        if display is not None:
            thinking["display"] = display
        effort = _effort_of(given)
        return Thought({"thinking": thinking, **self._output(effort)}, thinking=True)

    def _enabled(self, given: Reasoning) -> Thought:
        wanted = given.budget
        if wanted is None:
            wanted = _BUDGETS.get(given.effort or _DEFAULT_EFFORT, _BUDGETS[_DEFAULT_EFFORT])
        most = self.limit or self.capabilities.max_output_tokens
        budget = max(LEAST_BUDGET, wanted)
        if most is not None:
            if most <= LEAST_BUDGET:
                self.ledger.drop(self._place, Reason.NO_ROOM_TO_THINK)
                return NOTHING
            budget = min(budget, most - 1)
        if budget != wanted:
            self.ledger.clamp(self._place, Reason.BUDGET_IN_BOUNDS)
        thinking: dict[str, Any] = {"type": "enabled", "budget_tokens": budget}
        if given.display is not None:
            thinking["display"] = given.display
        spoken = given.explicit or given.effort in self.capabilities.efforts
        output = self._output(given.effort if spoken else None)
        return Thought({"thinking": thinking, **output}, budget=budget, thinking=True)


_KNOWN = {
    "nova": ("low", "medium", "high"),
    "qwen": ("low", "high"),
    "effort": ("low", "medium", "high"),
    "openai": ("none", "minimal", "low", "medium", "high", "xhigh"),
}
"""Levels of a form where the model's own are not known."""


def _effort_of(given: Reasoning) -> str | None:
    """The effort that a caller asks for in whatever words; None: the model's own."""
    if given.kind == "disabled":
        return "none"
    if given.effort is not None:
        return given.effort
    if given.budget is None:
        return None
    return next((level for most, level in _EFFORT_BELOW if given.budget < most), "xhigh")
