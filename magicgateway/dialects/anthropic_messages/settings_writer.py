"""The settings of a Messages request that stand alone."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.capabilities import ALL, NONE, Capabilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import (
    AUTOMATIC_CACHE,
    CACHE_KEY,
    CACHE_OPTIONS,
    CACHE_RETENTION,
    CONTAINER,
    CONTEXT_MANAGEMENT,
    MCP_SERVERS,
    SERVICE_TIER,
    SPEED,
    STOP,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    USER,
    Parameter,
    Parameters,
    Taking,
)
from magicgateway.conversation.reasons import Reason
from magicgateway.dialects.anthropic_messages.block_writer import Json, mark_of

_TIERS = {"auto": "auto", "default": "standard_only"}
"""OpenAI's service tiers in Anthropic's words."""
_SAME: tuple[Parameter[Any], ...] = (SPEED, CONTAINER, MCP_SERVERS)
_IDLE: tuple[Parameter[Any], ...] = (CACHE_KEY, CACHE_RETENTION, CACHE_OPTIONS)
"""The caller's own labels, and OpenAI's hints to its cache: they ask nothing of the model."""
_TAKEN: frozenset[Parameter[Any]] = frozenset(
    {
        TEMPERATURE, TOP_P, TOP_K, STOP, USER, SERVICE_TIER, AUTOMATIC_CACHE, CONTEXT_MANAGEMENT,
        *_SAME, *_IDLE,
    }
)  # fmt: skip
_PERSONAL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?[\d\s().-]{7,}")
"""Looks like an address or a telephone number, which Anthropic refuses as a user's id."""
_LONGEST_USER = 256
_LEAST_TOP_P = 0.95
"""Beside thinking by a budget."""


def write_settings(
    parameters: Parameters,
    taking: Taking,
    capabilities: Capabilities,
    ledger: Ledger,
    *,
    manual: bool,
) -> Json:
    """Sampling, stops, user, tier and what else Anthropic calls by the same name.

    Args:
        parameters: For the fields they were read from.
        taking: Of the same; what is not taken is for the caller to settle.
        capabilities: The target's.
        ledger: Told of differences.
        manual: The model thinks by a budget.
    """
    body: Json = {}
    if not taking.has_any(_TAKEN):
        return body
    _sample(body, parameters, taking, capabilities, ledger, manual=manual)
    _stop(body, parameters, taking, ledger)
    user = taking.take(USER)
    if user is not None:
        if len(user) > _LONGEST_USER or _PERSONAL.fullmatch(user):
            user = hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
            ledger.rewrite(parameters.named(USER), Reason.HASHED)
        body["metadata"] = {"user_id": user}
    tier = taking.take(SERVICE_TIER)
    if tier in _TIERS:
        body["service_tier"] = _TIERS[tier]
    elif tier is not None:
        ledger.drop(parameters.named(SERVICE_TIER))
    mark = taking.take(AUTOMATIC_CACHE)
    if isinstance(mark, CacheMark):
        body["cache_control"] = mark_of(mark, "", ledger)
    for same in _SAME:
        value = taking.take(same)
        if value is not None:
            body[same.name] = value
    if isinstance(parameters.get(CONTEXT_MANAGEMENT), dict):  # OpenAI's is an array
        body["context_management"] = taking.take(CONTEXT_MANAGEMENT)
    for idle in _IDLE:
        taking.take(idle)
    return body


def _sample(
    body: Json,
    parameters: Parameters,
    taking: Taking,
    capabilities: Capabilities,
    ledger: Ledger,
    *,
    manual: bool,
) -> None:
    if capabilities.sampling == NONE:
        return  # what is not taken is settled: 1 is what happens anyway, all else is reported
    temperature, top_p, top_k = taking.take(TEMPERATURE), taking.take(TOP_P), taking.take(TOP_K)
    if temperature is not None and temperature > 1:
        ledger.clamp(parameters.named(TEMPERATURE), Reason.AT_MOST, 1)
        temperature = 1
    if manual:
        if temperature not in (None, 1):
            ledger.drop(parameters.named(TEMPERATURE), Reason.NOT_WHILE_THINKING)
            temperature = None
        if top_k is not None:
            ledger.drop(parameters.named(TOP_K), Reason.NOT_WHILE_THINKING)
            top_k = None
        if top_p is not None and top_p < _LEAST_TOP_P:
            ledger.drop(parameters.named(TOP_P), Reason.NOT_WHILE_THINKING)
            top_p = None
    if capabilities.sampling != ALL and temperature is not None and top_p is not None:
        if temperature == 1 and top_p != 1:
            temperature = None
        else:
            if top_p != 1:
                ledger.drop(parameters.named(TOP_P), Reason.BESIDE_TEMPERATURE)
            top_p = None
    sampled = {"temperature": temperature, "top_p": top_p, "top_k": top_k}
    body.update((name, value) for name, value in sampled.items() if value is not None)


def _stop(body: Json, parameters: Parameters, taking: Taking, ledger: Ledger) -> None:
    stops = taking.take(STOP)
    if not stops:
        return
    kept = [stop for stop in stops if stop and not stop.isspace()]
    if len(kept) < len(stops):
        ledger.drop(parameters.named(STOP), Reason.BLANK)
    if kept:
        body["stop_sequences"] = kept
