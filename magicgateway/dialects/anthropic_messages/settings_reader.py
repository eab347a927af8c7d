"""The settings of a Messages request, and of a question how many tokens one has."""

from __future__ import annotations

from magicgateway.conversation.ledger import Fields, invalid
from magicgateway.conversation.parameters import (
    AUTOMATIC_CACHE,
    CONTAINER,
    CONTEXT_MANAGEMENT,
    MAX_TOKENS,
    MCP_SERVERS,
    REASONING,
    RESPONSE_FORMAT,
    SERVICE_TIER,
    SPEED,
    STOP,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    USER,
    Parameters,
    Reasoning,
    ResponseFormat,
)
from magicgateway.dialects.anthropic_messages.extras import take_mark

TIERS = {"auto": "auto", "standard_only": "default"}
"""Anthropic's service tiers in OpenAI's words."""

Nested = dict[str, Fields | None]
"""By their paths, the objects that settings were read from: there may be more in them."""


def read_settings(body: Fields, parameters: Parameters) -> Nested:
    """All settings but those of the tools."""
    nested: Nested = {}
    limit = body.integer("max_tokens")
    if limit is not None and limit < 0:
        raise invalid("max_tokens", "must not be less than 0")
    parameters.give(MAX_TOKENS, limit, "max_tokens")
    parameters.give(TEMPERATURE, body.number("temperature"), "temperature")
    parameters.give(TOP_P, body.number("top_p"), "top_p")
    parameters.give(TOP_K, body.integer("top_k"), "top_k")
    parameters.give(STOP, body.strings("stop_sequences"), "stop_sequences")
    tier = body.text("service_tier")
    parameters.give(SERVICE_TIER, TIERS.get(tier or "", tier), "service_tier")
    parameters.give(SPEED, body.text("speed"), "speed")
    for anything in (CONTEXT_MANAGEMENT, CONTAINER, MCP_SERVERS):
        parameters.give(anything, body.take(anything.name), anything.name)
    mark, nested["cache_control"] = take_mark(body)
    parameters.give(AUTOMATIC_CACHE, mark, "cache_control")
    metadata = nested["metadata"] = body.fields("metadata")
    if metadata is not None:
        parameters.give(USER, metadata.text("user_id"), "metadata.user_id")
    output = nested["output_config"] = body.fields("output_config")
    _reasoning(body, output, parameters, nested)
    _format(body, output, parameters, nested)
    return nested


def _reasoning(body: Fields, output: Fields | None, parameters: Parameters, nested: Nested) -> None:
    effort = None if output is None else output.text("effort")
    thinking = nested["thinking"] = body.fields("thinking")
    if thinking is not None:
        given = Reasoning(
            kind=thinking.needed("type"),
            effort=effort,
            budget=thinking.integer("budget_tokens"),
            display=thinking.text("display"),
            explicit=True,
            effort_field="" if effort is None else "output_config.effort",
        )
        parameters.give(REASONING, given, "thinking")
    elif effort is not None:
        given = Reasoning(effort=effort, effort_alone=True)
        parameters.give(REASONING, given, "output_config.effort")


def _format(body: Fields, output: Fields | None, parameters: Parameters, nested: Nested) -> None:
    if output is not None and "format" in output:
        given, place = output.fields("format"), "output_config.format"
    else:
        given, place = body.fields("output_format"), "output_format"
    if given is None:
        return
    nested[place] = given
    kind = given.needed("type")
    if kind != "json_schema":
        raise invalid(given.at("type"), "must be json_schema")
    schema = given.object("schema")
    if schema is None:
        raise invalid(given.at("schema"), "is required")
    parameters.give(RESPONSE_FORMAT, ResponseFormat(kind=kind, schema=schema, strict=True), place)
