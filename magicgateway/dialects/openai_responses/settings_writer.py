"""The settings of a request as Responses has them."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from attrs import evolve, frozen

from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.capabilities import ALL, EFFORTS, NONE, Capabilities
from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.limits import answer_limit
from magicgateway.conversation.marks import openai_lifetime
from magicgateway.conversation.parameters import (
    AUTOMATIC_CACHE,
    CACHE_OPTIONS,
    CONTEXT_MANAGEMENT,
    ENCRYPTED_REASONING,
    INCLUDE,
    LOGPROBS,
    MAX_TOKENS,
    OBFUSCATION,
    PARALLEL_TOOL_CALLS,
    REASONING,
    REASONING_CONTEXT,
    REASONING_MODE,
    RESPONSE_FORMAT,
    SERVICE_TIER,
    STORE,
    STORE_RESPONSE,
    TEMPERATURE,
    TOP_LOGPROBS,
    TOP_P,
    USER,
    VERBOSITY,
    Parameter,
    Parameters,
    Reasoning,
    ResponseFormat,
    Taking,
)
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.schema import is_strict
from magicgateway.dialects.openai_responses.extras import SAID
from magicgateway.dialects.openai_responses.settings_reader import (
    ANYTHING,
    ENCRYPTED,
    FLAGS,
    LOGPROBS_INCLUDED,
    OBJECTS,
    TEXTS,
    WHOLE,
)

FEWEST_TOKENS = 16
"""Below it OpenAI refuses ``max_output_tokens``."""
LONGEST_USER = 64
_FORMAT_NAME = "structured_output"
_PLAIN_USER = re.compile(r"[A-Za-z0-9_-]+")
_BUDGETS = ((4096, "low"), (16384, "medium"), (32768, "high"))
"""Anthropic's budgets below a number of tokens, to the level that is closest."""
_THINKING = (None, "enabled", "adaptive")
"""Ways of thinking that an effort, or none, stands for."""
_ALL: tuple[Parameter[Any], ...] = (*WHOLE, *TEXTS, *FLAGS, *OBJECTS, *ANYTHING)
_OWN_RULE = (SERVICE_TIER, CONTEXT_MANAGEMENT, PARALLEL_TOOL_CALLS)
_SAME = tuple(parameter for parameter in _ALL if parameter not in _OWN_RULE)


@frozen
class SettingsWriter:
    """Writes the settings of one request.

    Attributes:
        given: The settings, and where they stood.
        taking: What of them is not yet written.
        capabilities: What the model takes.
        ledger: Is told of losses.
    """

    given: Parameters
    taking: Taking
    capabilities: Capabilities
    ledger: Ledger

    def write(self, body: dict[str, Any], *, stream: bool) -> None:
        """Add all settings but those of tools to a body."""
        asked = (self.taking.take(STORE), self.taking.take(STORE_RESPONSE))
        body["store"] = True in asked
        self._include(body)
        for parameter in _SAME:
            value = self.taking.take(parameter)
            if value is not None:
                body[parameter.name] = dict(value) if parameter in OBJECTS else value
        self._limit(body)
        self._reasoning(body)
        self._sampling(body)
        self._text(body)
        self._user(body)
        self._caching(body)
        tier = self.taking.take(SERVICE_TIER)
        if tier is not None:
            body["service_tier"] = "default" if tier == "standard_only" else tier
        managed = self.given.get(CONTEXT_MANAGEMENT)
        if isinstance(managed, list):  # Anthropic's is an object
            body["context_management"] = self.taking.take(CONTEXT_MANAGEMENT)
        padded = self.taking.take(OBFUSCATION)
        if padded is not None and stream:
            body["stream_options"] = {"include_obfuscation": padded}

    def _include(self, body: dict[str, Any]) -> None:
        self.taking.take(ENCRYPTED_REASONING)
        include = [ENCRYPTED] if self.capabilities.encrypted_reasoning else []
        if self.taking.take(LOGPROBS) and self.given.named(LOGPROBS) != TOP_LOGPROBS.name:
            include.append(LOGPROBS_INCLUDED)
        include = [*include, *(self.taking.take(INCLUDE) or ())]
        if include:
            body["include"] = include

    def _limit(self, body: dict[str, Any]) -> None:
        limit = self.taking.take(MAX_TOKENS)
        if limit is None:
            return
        field = self.given.named(MAX_TOKENS)
        limit = answer_limit(limit, field, self.capabilities, self.ledger)
        if limit < FEWEST_TOKENS:
            self.ledger.clamp(field, Reason.AT_LEAST, FEWEST_TOKENS)
        body["max_output_tokens"] = max(limit, FEWEST_TOKENS)

    def _sampling(self, body: dict[str, Any]) -> None:
        able = self.capabilities
        effort = body.get("reasoning", {}).get("effort", able.default_effort)
        sampling = ALL if able.sampling == NONE and effort == "none" else able.sampling
        if sampling == NONE:
            return  # what settles the rest reports them
        temperature = self.taking.take(TEMPERATURE)
        if temperature is not None:
            body["temperature"] = temperature
        top_p = self.taking.take(TOP_P)
        if top_p is not None and (temperature is None or sampling == ALL):
            body["top_p"] = top_p
        elif top_p is not None and not TOP_P.idle(top_p):
            self.ledger.drop(self.given.named(TOP_P), Reason.BESIDE_TEMPERATURE)

    def _reasoning(self, body: dict[str, Any]) -> None:
        written: dict[str, Any] = {}
        given = self.taking.take(REASONING)
        if given is not None:
            field = self.given.named(REASONING)
            effort = self._effort(given, given.effort_field or field)
            if effort is not None:
                written["effort"] = effort
            shown = given.display == "summarized" or given.kind == "enabled"
            summary = given.summary or ("auto" if shown else None)
            if summary is not None and self.capabilities.efforts:
                written["summary"] = summary
            elif given.summary is not None:
                self.ledger.drop(joined(field, "summary"))
        for parameter in (REASONING_MODE, REASONING_CONTEXT):
            value = self.taking.take(parameter)
            if value is not None:
                written[parameter.name.partition(".")[2]] = value
        if written:
            body["reasoning"] = written

    def _effort(self, given: Reasoning, field: str) -> str | None:
        """A level that the model knows."""
        wanted = given.effort
        if wanted is None:
            if given.kind == "disabled":
                wanted = "none"
            elif given.budget is not None:
                budget = given.budget
                wanted = next((level for most, level in _BUDGETS if budget < most), "xhigh")
            else:
                if given.kind not in _THINKING:
                    self.ledger.drop(joined(field, "type"))
                return None
        levels = self.capabilities.efforts
        if wanted in levels:
            return wanted
        if wanted not in EFFORTS or not levels:
            self.ledger.drop(field)
            return None
        rank = EFFORTS.index(wanted)
        known = [level for level in EFFORTS if level in levels and level != "none"]
        if wanted == "none" or not known:
            self.ledger.drop(field)
            return None
        lower = [level for level in known if EFFORTS.index(level) < rank]
        level = lower[-1] if lower else known[0]
        if given.effort is not None:
            self.ledger.clamp(field, Reason.NEAREST_EFFORT, level)
        return level

    def _text(self, body: dict[str, Any]) -> None:
        written: dict[str, Any] = {}
        shape = self.taking.take(RESPONSE_FORMAT)
        if shape is not None:
            if shape.kind not in ("text", "json_object", "json_schema"):
                raise self.ledger.unsupported(self.given.named(RESPONSE_FORMAT), SAID)
            if shape.strict and shape.schema is None:
                place = joined(self.given.named(RESPONSE_FORMAT), "json_schema.strict")
                self.ledger.drop(place, Reason.SCHEMA_NOT_STRICT)
                shape = evolve(shape, strict=None)
            written["format"] = format_of(shape)
        verbosity = self.taking.take(VERBOSITY)
        if verbosity is not None:
            written["verbosity"] = verbosity
        if written:
            body["text"] = written

    def _user(self, body: dict[str, Any]) -> None:
        user = self.taking.take(USER)
        if user is None:
            return
        field = self.given.named(USER)
        if field in ("user", "safety_identifier"):
            body[field] = user
            return
        if len(user) > LONGEST_USER or not _PLAIN_USER.fullmatch(user):
            self.ledger.rewrite(field, Reason.HASHED)
            user = hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
        body["safety_identifier"] = user

    def _caching(self, body: dict[str, Any]) -> None:
        options = self.taking.take(CACHE_OPTIONS)
        if options is not None:
            body["prompt_cache_options"] = dict(options)
            return
        mark = self.taking.take(AUTOMATIC_CACHE)
        if not isinstance(mark, CacheMark):
            return
        if self.given.named(AUTOMATIC_CACHE) != "prompt_cache_options":
            return  # what OpenAI does by itself
        written = {"mode": "implicit"}
        ttl = openai_lifetime(mark, "prompt_cache_options", self.ledger)
        if ttl is not None:
            written["ttl"] = ttl
        body["prompt_cache_options"] = written


def format_of(shape: ResponseFormat) -> dict[str, Any]:
    """A ``text.format``."""
    if shape.kind != "json_schema":
        return {"type": shape.kind}
    schema = dict(shape.schema or {"type": "object"})
    written: dict[str, Any] = {
        "type": "json_schema", "name": shape.name or _FORMAT_NAME, "schema": schema,
    }  # fmt: skip
    if shape.description is not None:
        written["description"] = shape.description
    strict = shape.strict
    if shape.name is None:  # of a family that always holds to the schema
        strict = True if is_strict(schema) else None
    if strict is not None:
        written["strict"] = strict
    return written
