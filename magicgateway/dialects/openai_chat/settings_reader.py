"""The settings of a chat request, and those that completions have too."""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.parameters import (
    AUDIO_OUTPUT,
    AUTOMATIC_CACHE,
    CACHE_KEY,
    CACHE_OPTIONS,
    CACHE_RETENTION,
    CONTAINER,
    CONTEXT_MANAGEMENT,
    FREQUENCY_PENALTY,
    LOGIT_BIAS,
    LOGPROBS,
    MAX_TOKENS,
    MCP_SERVERS,
    METADATA,
    MODALITIES,
    MODERATION,
    PARALLEL_TOOL_CALLS,
    PREDICTION,
    PRESENCE_PENALTY,
    REASONING,
    RESPONSE_FORMAT,
    SEED,
    SERVICE_TIER,
    SPEED,
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
    ResponseFormat,
    WebSearch,
    asks_to_block,
)
from magicgateway.conversation.reasons import Reason
from magicgateway.dialects.openai_chat.reasoning import read_cache

_NUMBERS = (TEMPERATURE, TOP_P, FREQUENCY_PENALTY, PRESENCE_PENALTY)
_WHOLE = (SEED, TOP_K)
_TEXTS: tuple[Parameter[Any], ...] = (VERBOSITY, SERVICE_TIER, CACHE_KEY, CACHE_RETENTION, SPEED)
_FLAGS: tuple[Parameter[Any], ...] = (LOGPROBS, STORE, PARALLEL_TOOL_CALLS)
_OBJECTS: tuple[Parameter[Any], ...] = (METADATA, PREDICTION, AUDIO_OUTPUT)
_ANYTHING: tuple[Parameter[Any], ...] = (CONTEXT_MANAGEMENT, CONTAINER, MCP_SERVERS)
_SAMPLING = frozenset(
    {parameter.name for parameter in (*_NUMBERS, *_WHOLE)}
    | {"logit_bias", "max_completion_tokens", "max_tokens", "n", "safety_identifier", "stop"}
    | {"user"}
)
_MORE = frozenset(
    {parameter.name for parameter in (*_TEXTS, *_FLAGS, *_OBJECTS, *_ANYTHING)}
    | {
        "cache_control",
        "modalities",
        "moderation",
        "output_config",
        "prompt_cache_breakpoint",
        "prompt_cache_options",
        "reasoning_effort",
        "response_format",
        "thinking",
        "top_logprobs",
        "web_search_options",
    }
)
"""What callers seldom set; it is read only where some of it is there."""


def read_sampling(body: Fields, parameters: Parameters, ledger: Ledger) -> None:
    """The settings that chat and legacy completions share."""
    given = body.given(_SAMPLING)
    if not given:
        return
    for number in _NUMBERS:
        if number.name in given:
            parameters.give(number, body.number(number.name), number.name)
    for whole in _WHOLE:
        if whole.name in given:
            parameters.give(whole, body.integer(whole.name), whole.name)
    choices = body.integer("n")
    if choices is not None and choices < 1:
        raise invalid("n", "must be at least 1")
    parameters.give(N, choices, "n")
    parameters.give(LOGIT_BIAS, body.object("logit_bias"), "logit_bias")
    _limit(body, parameters, ledger)
    _stop(body, parameters)
    name = "safety_identifier" if "safety_identifier" in body else "user"
    parameters.give(USER, body.text(name), name)


def _limit(body: Fields, parameters: Parameters, ledger: Ledger) -> None:
    limit, older = body.integer("max_completion_tokens"), body.integer("max_tokens")
    name = "max_tokens" if limit is None else "max_completion_tokens"
    if limit is not None and older is not None and limit != older:
        ledger.drop("max_tokens", Reason.SUPERSEDED)
    chosen = older if limit is None else limit
    if chosen is not None and chosen < 1:
        raise invalid(name, "must be at least 1")
    parameters.give(MAX_TOKENS, chosen, name)


def _stop(body: Fields, parameters: Parameters) -> None:
    if isinstance(body.peek("stop"), str):
        parameters.give(STOP, (body.needed("stop"),), "stop")
    else:
        parameters.give(STOP, body.strings("stop"), "stop")


def read_settings(body: Fields, parameters: Parameters, ledger: Ledger) -> dict[str, Fields]:
    """All the settings of a chat request but those of its tools.

    Returns:
        By their paths, the objects that settings were read from: there may be more in them.
    """
    inner: dict[str, Fields] = {}
    read_sampling(body, parameters, ledger)
    if body.has_any(_MORE):
        _read_more(body, parameters, inner, ledger)
    return inner


def _read_more(
    body: Fields, parameters: Parameters, inner: dict[str, Fields], ledger: Ledger
) -> None:
    parameters.give(TOP_LOGPROBS, body.integer("top_logprobs"), "top_logprobs")
    for text in _TEXTS:
        parameters.give(text, body.text(text.name), text.name)
    for flag in _FLAGS:
        parameters.give(flag, body.flag(flag.name), flag.name)
    for mapping in _OBJECTS:
        parameters.give(mapping, body.object(mapping.name), mapping.name)
    for anything in _ANYTHING:
        parameters.give(anything, body.take(anything.name), anything.name)
    parameters.give(MODALITIES, body.strings("modalities"), "modalities")
    search = body.object("web_search_options")
    parameters.give(WEB_SEARCH, None if search is None else WebSearch(search), WEB_SEARCH.name)
    _moderation(body, parameters)
    _caching(body, parameters)
    output = body.fields("output_config")
    if output is not None:
        inner["output_config"] = output
    _reasoning(body, output, parameters, inner, ledger)
    _format(body, output, parameters, inner)


def _moderation(body: Fields, parameters: Parameters) -> None:
    """Scores alone are a hint; what is to be blocked is asked for."""
    if asks_to_block(body.peek("moderation")):
        parameters.give(MODERATION, body.object("moderation"), "moderation")


def _caching(body: Fields, parameters: Parameters) -> None:
    options = body.object("prompt_cache_options")
    if options is not None:
        if options.get("mode") == "implicit" and not options.keys() - {"mode", "ttl"}:
            ttl = options.get("ttl")
            mark = CacheMark(ttl if isinstance(ttl, str) else None)
            parameters.give(AUTOMATIC_CACHE, mark, "prompt_cache_options")
        else:
            parameters.give(CACHE_OPTIONS, options, "prompt_cache_options")
    parameters.give(AUTOMATIC_CACHE, read_cache(body), "cache_control")


def _reasoning(
    body: Fields,
    output: Fields | None,
    parameters: Parameters,
    inner: dict[str, Fields],
    ledger: Ledger,
) -> None:
    """An effort, or what callers of Claude send as ``thinking`` and ``output_config``."""
    given_effort = body.text("reasoning_effort")
    effort, name = given_effort, "reasoning_effort"
    stronger = output.text("effort") if output is not None else None
    if stronger is not None:
        if given_effort not in (None, stronger):
            ledger.drop(name, Reason.SUPERSEDED)
        effort, name = stronger, "output_config.effort"
    thinking = body.fields("thinking")
    if thinking is None:
        if effort is not None:
            given = Reasoning(effort=effort, effort_alone=given_effort is None)
            parameters.give(REASONING, given, name)
        return
    inner["thinking"] = thinking
    value = Reasoning(
        kind=thinking.needed("type"),
        effort=effort,
        budget=thinking.integer("budget_tokens"),
        display=thinking.text("display"),
        explicit=True,
        effort_field="" if effort is None else name,
    )
    parameters.give(REASONING, value, "thinking")


def _format(
    body: Fields, output: Fields | None, parameters: Parameters, inner: dict[str, Fields]
) -> None:
    given, name = body.fields("response_format"), "response_format"
    if given is None and output is not None:
        given, name = output.fields("format"), "output_config.format"
    if given is None:
        return
    inner[name] = given
    kind = given.needed("type")
    if kind != "json_schema":
        form = ResponseFormat(kind=kind)
    elif name != "response_format":
        form = ResponseFormat(kind=kind, schema=given.object("schema"))
    else:
        schema = given.fields("json_schema")
        if schema is None:
            raise invalid("response_format.json_schema", "is required")
        inner["response_format.json_schema"] = schema
        form = ResponseFormat(
            kind=kind,
            name=schema.needed("name"),
            description=schema.text("description"),
            schema=schema.object("schema"),
            strict=schema.flag("strict"),
        )
    parameters.give(RESPONSE_FORMAT, form, name)
