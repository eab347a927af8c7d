"""Settings as the parameters of a chat request."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from magicgateway.conversation.capabilities import EFFORTS, NONE, ONE, Capabilities
from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.limits import answer_limit
from magicgateway.conversation.marks import openai_lifetime
from magicgateway.conversation.parameters import (
    AUDIO_OUTPUT,
    AUTOMATIC_CACHE,
    CACHE_KEY,
    CACHE_OPTIONS,
    CACHE_RETENTION,
    FREQUENCY_PENALTY,
    LOGIT_BIAS,
    LOGPROBS,
    MAX_TOKENS,
    METADATA,
    MODALITIES,
    MODERATION,
    PREDICTION,
    PRESENCE_PENALTY,
    REASONING,
    SEED,
    SERVICE_TIER,
    STOP,
    STORE,
    TEMPERATURE,
    TOP_K,
    TOP_LOGPROBS,
    TOP_P,
    USER,
    VERBOSITY,
    WEB_SEARCH,
    N,
    Parameter,
    Parameters,
    Reasoning,
    Taking,
)
from magicgateway.conversation.reasons import Reason
from magicgateway.dialects.openai_chat.part_writer import BREAKPOINT

_AS_THEY_ARE: tuple[Parameter[Any], ...] = (
    FREQUENCY_PENALTY,
    PRESENCE_PENALTY,
    SEED,
    N,
    LOGPROBS,
    TOP_LOGPROBS,
    LOGIT_BIAS,
    VERBOSITY,
    METADATA,
    STORE,
    PREDICTION,
    AUDIO_OUTPUT,
    MODERATION,
    CACHE_KEY,
    CACHE_RETENTION,
    CACHE_OPTIONS,
)
_SAFE = re.compile(r"[A-Za-z0-9_-]*")
_BUDGETS = ((4096, "low"), (16384, "medium"), (32768, "high"))
"""Tokens of thinking below which an effort is meant."""
_THINKING = (None, "enabled", "adaptive")
"""Ways of thinking that an effort, or none, stands for."""
_TIERS = {"standard_only": "default"}
"""Anthropic's words for OpenAI's."""


class SettingsWriter:
    """Writes one request's settings. State: the body, and what is left of the settings.

    Args:
        parameters: As the caller gave them.
        body: Gets them.
        capabilities: The target's.
        ledger: Told of what does not arrive.
    """

    def __init__(
        self,
        parameters: Parameters,
        body: dict[str, Any],
        capabilities: Capabilities,
        ledger: Ledger,
    ) -> None:
        self._parameters = parameters
        self.taking = parameters.taking()
        self._body = body
        self._capabilities = capabilities
        self._chat = capabilities.chat
        self._ledger = ledger

    def take(self, parameter: Parameter[Any], name: str) -> Any:
        """A value, unless the target refuses the field: then it is dealt with as a loss."""
        return None if name in self._chat.drops else self.taking.take(parameter)

    def write(self) -> Taking:
        """Write all but what is about tools and formats, and give back what is left."""
        for parameter in _AS_THEY_ARE:
            value = self.take(parameter, parameter.name)
            if value is not None:
                self._body[parameter.name] = value
        modalities = self.take(MODALITIES, "modalities")
        if modalities is not None:
            self._body["modalities"] = list(modalities)
        if self._chat.web_search:
            search = self.take(WEB_SEARCH, WEB_SEARCH.name)
            if search is not None:
                self._body[WEB_SEARCH.name] = dict(search.raw)
        tier = self.take(SERVICE_TIER, "service_tier")
        if tier is not None:
            self._body["service_tier"] = _TIERS.get(tier, tier)
        self._limit()
        self._stops()
        self._user()
        self._effort()
        self._sampling()
        self._cache()
        return self.taking

    def _limit(self) -> None:
        limit = self.taking.take(MAX_TOKENS)
        if limit is None:
            return
        name = self._parameters.named(MAX_TOKENS)
        limit = answer_limit(limit, name, self._capabilities, self._ledger)
        self._body[self._chat.max_tokens_field] = limit

    def _stops(self) -> None:
        stops = self.take(STOP, "stop") or ()
        most = self._chat.most_stops
        if len(stops) > most:
            self._ledger.clamp(self._parameters.named(STOP), Reason.AT_MOST, most)
        if stops[:most]:
            self._body["stop"] = list(stops[:most])

    def _user(self) -> None:
        name = self._parameters.named(USER)
        target = "safety_identifier" if name == "safety_identifier" else "user"
        user = self.take(USER, target)
        if user is None:
            return
        longest = self._chat.longest_user
        if len(user) > longest or not _SAFE.fullmatch(user):
            user = hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()[:longest]
            self._ledger.rewrite(name, Reason.HASHED)
        self._body[target] = user

    def _effort(self) -> None:
        if "reasoning_effort" in self._chat.drops:
            self._drop_idle_reasoning()
            return
        reasoning = self._parameters.get(REASONING)
        if reasoning is None:
            return
        place = self._parameters.named(REASONING)
        effort, known = _effort_of(reasoning), self._capabilities.efforts
        if not known:
            self._drop_idle_reasoning()
            return
        self.taking.take(REASONING)
        self._say_unshown(reasoning, place)
        if effort is None:
            if reasoning.kind not in _THINKING:
                self._ledger.drop(joined(place, "type"))
            return
        place = reasoning.effort_field or place
        level = _nearest(effort, known)
        if level is None:
            self._ledger.drop(place)
            return
        if level != effort and reasoning.effort is not None:
            self._ledger.clamp(place, Reason.NEAREST_EFFORT, level)
        self._body["reasoning_effort"] = level

    def _drop_idle_reasoning(self) -> None:
        """A model that cannot think need not be told not to."""
        reasoning = self._parameters.get(REASONING)
        if reasoning is not None and _effort_of(reasoning) == "none":
            self.taking.take(REASONING)

    def _say_unshown(self, reasoning: Reasoning, place: str) -> None:
        """Chat answers show reasoning or do not; nobody is asked."""
        if reasoning.summary not in (None, "auto"):
            self._ledger.drop(joined(place.partition(".")[0], "summary"))
        if reasoning.display == "omitted":
            self._ledger.drop(joined(place, "display"))

    def _sampling(self) -> None:
        sampling = self._capabilities.sampling
        effort = self._body.get("reasoning_effort", self._capabilities.default_effort)
        if sampling == NONE and effort == "none":
            sampling = ""
        if sampling != NONE:
            temperature = self.take(TEMPERATURE, "temperature")
            if temperature is not None:
                self._body["temperature"] = temperature
            top_p = self.take(TOP_P, "top_p")
            if top_p is not None and (temperature is None or sampling != ONE):
                self._body["top_p"] = top_p
            elif top_p is not None and not TOP_P.idle(top_p):
                self._ledger.drop(self._parameters.named(TOP_P), Reason.BESIDE_TEMPERATURE)
        if self._chat.top_k and sampling != NONE:
            top_k = self.take(TOP_K, "top_k")
            if top_k is not None:
                self._body["top_k"] = top_k

    def _cache(self) -> None:
        """A mark for the whole prompt is what OpenAI's implicit caching does.

        Of the lifetimes of Responses and of parts, these options have only the shorter one.
        """
        if self._chat.cache_marks != BREAKPOINT:
            return
        mark = self.take(AUTOMATIC_CACHE, "prompt_cache_options")
        if mark is not None:
            place = self._parameters.named(AUTOMATIC_CACHE)
            ttl = openai_lifetime(mark, place, self._ledger, longest="30m")
            self._body["prompt_cache_options"] = {
                "mode": "implicit", **({} if ttl is None else {"ttl": ttl})
            }  # fmt: skip


def _effort_of(reasoning: Reasoning) -> str | None:
    """The effort that a caller asks for in whatever words; None: the model's own."""
    if reasoning.kind == "disabled":
        return "none"
    if reasoning.effort is not None:
        return reasoning.effort
    budget = reasoning.budget
    if budget is None:
        return None
    return next((level for most, level in _BUDGETS if budget < most), "xhigh")


def _nearest(effort: str, known: tuple[str, ...]) -> str | None:
    """The strongest level that is no stronger, the weakest there is, or none for ``none``."""
    if effort in known:
        return effort
    if effort == "none" or effort not in EFFORTS:
        return None
    rank = EFFORTS.index(effort)
    weaker = [level for level in known if level in EFFORTS and EFFORTS.index(level) <= rank]
    thinking = [level for level in weaker if level != "none"]
    if thinking:
        return thinking[-1]
    return next((level for level in known if level != "none"), None)
