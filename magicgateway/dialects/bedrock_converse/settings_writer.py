"""Settings as ``inferenceConfig`` and as fields of the model's own."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from magicgateway.conversation.capabilities import NONE, ONE, Capabilities
from magicgateway.conversation.ledger import Ledger, invalid
from magicgateway.conversation.limits import answer_limit
from magicgateway.conversation.parameters import (
    MAX_TOKENS,
    SERVICE_TIER,
    STOP,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    Parameter,
    Parameters,
    Taking,
)
from magicgateway.conversation.reasons import Reason
from magicgateway.dialects.bedrock_converse.reasoning_writer import Thought

MOST_STOPS = 2500
_LEAST_TOP_P = 0.95
"""What thinking leaves of ``top_p``."""
_TAKEN: frozenset[Parameter[Any]] = frozenset({TEMPERATURE, TOP_P, TOP_K, STOP, SERVICE_TIER})
_TIERS = ("priority", "default", "flex", "reserved")


@define
class SettingsWriter:
    """Writes one request's settings. State: what is written.

    Attributes:
        inference: ``inferenceConfig``.
        model: Fields of ``additionalModelRequestFields``.
        tier: ``serviceTier``.
    """

    parameters: Parameters
    taking: Taking
    capabilities: Capabilities
    ledger: Ledger
    inference: dict[str, Any] = field(factory=dict)
    model: dict[str, Any] = field(factory=dict)
    tier: dict[str, Any] | None = None

    def limit(self) -> int | None:
        """``maxTokens`` as the caller set it and the model allows it."""
        limit = self.taking.take(MAX_TOKENS)
        if limit is None:
            return None
        place = self.parameters.named(MAX_TOKENS)
        limit = answer_limit(limit, place, self.capabilities, self.ledger)
        self.inference["maxTokens"] = limit
        return limit

    def write(self, thought: Thought) -> None:
        """All others, as far as they go together with what is thought."""
        self.model.update(thought.fields)
        if thought.budget is not None and "maxTokens" not in self.inference:
            most = self.capabilities.max_output_tokens
            limit = thought.budget + self.capabilities.default_max_tokens
            self.inference["maxTokens"] = limit if most is None else min(limit, most)
        if not self.taking.has_any(_TAKEN):
            if thought.bare:
                self._bare()
            return
        if thought.bare:
            self._bare()
        elif self.capabilities.sampling != NONE:
            self._sampling(thought)
        self._stops()
        tier = self.parameters.get(SERVICE_TIER)
        if tier in _TIERS:
            self.taking.take(SERVICE_TIER)
            self.tier = {"type": tier}

    def _bare(self) -> None:
        """Thinking as hard as it can, a model takes neither a limit nor sampling."""
        if self.inference.pop("maxTokens", None) is not None:
            self.ledger.drop(self.parameters.named(MAX_TOKENS), Reason.THINKS_WITHOUT_LIMIT)

    def _sampling(self, thought: Thought) -> None:
        temperature = self._share(TEMPERATURE, "temperature")
        if temperature not in (None, 1) and thought.thinking:
            self.ledger.drop(self.parameters.named(TEMPERATURE), Reason.NOT_WHILE_THINKING)
            temperature = None
        top_p = self._share(TOP_P, "top_p")
        if top_p is not None and thought.thinking and top_p < _LEAST_TOP_P:
            self.ledger.drop(self.parameters.named(TOP_P), Reason.NOT_WHILE_THINKING)
            top_p = None
        if self.capabilities.sampling == ONE and temperature is not None and top_p is not None:
            if temperature == 1 and top_p != 1:
                temperature = None  # it is what happens anyway
            else:
                if top_p != 1:
                    self.ledger.drop(self.parameters.named(TOP_P), Reason.BESIDE_TEMPERATURE)
                top_p = None
        if temperature is not None:
            self.inference["temperature"] = temperature
        if top_p is not None:
            self.inference["topP"] = top_p
        self._top_k(thought)

    def _share(self, parameter: Parameter[float], name: str) -> float | None:
        """A number from 0 to 1."""
        value = self.taking.take(parameter)
        if value is None:
            return None
        place = self.parameters.named(parameter)
        if value < 0:
            raise invalid(place, f"must not be less than 0: it is the {name}")
        if value > 1:
            self.ledger.clamp(place, Reason.AT_MOST, 1)
            return 1
        return value

    def _top_k(self, thought: Thought) -> None:
        form = self.capabilities.converse.top_k
        top_k = self.parameters.get(TOP_K)
        if top_k is None or not form:
            return
        self.taking.take(TOP_K)
        if thought.thinking:
            self.ledger.drop(self.parameters.named(TOP_K), Reason.NOT_WHILE_THINKING)
        elif form == "nova":
            self.model["inferenceConfig"] = {"topK": top_k}
        else:
            self.model["top_k"] = top_k

    def _stops(self) -> None:
        abilities = self.capabilities.converse
        if not abilities.stops:
            return
        given = self.taking.take(STOP) or ()
        place = self.parameters.named(STOP)
        kept = [stop for stop in given if stop and (abilities.blank_stops or stop.strip())]
        if len(kept) < len(given):
            self.ledger.drop(place, Reason.BLANK)
        if len(kept) > MOST_STOPS:
            self.ledger.clamp(place, Reason.AT_MOST, MOST_STOPS)
        if kept:
            self.inference["stopSequences"] = kept[:MOST_STOPS]
