"""The settings of a Responses request, and the names they have in the hub."""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.ledger import Fields, invalid
from magicgateway.conversation.parameters import (
    ACCESS_PROGRAMS,
    AUTOMATIC_CACHE,
    BACKGROUND,
    BACKGROUND_OPTIONS,
    CACHE_KEY,
    CACHE_OPTIONS,
    CACHE_RETENTION,
    CONTEXT_MANAGEMENT,
    CONVERSATION,
    ENCRYPTED_REASONING,
    IMAGE_OPTIONS,
    INCLUDE,
    LOGPROBS,
    MAX_TOKENS,
    MAX_TOOL_CALLS,
    METADATA,
    MODERATION,
    OBFUSCATION,
    PARALLEL_TOOL_CALLS,
    PREVIOUS_RESPONSE,
    PROMPT,
    REASONING,
    REASONING_CONTEXT,
    REASONING_MODE,
    RESPONSE_FORMAT,
    SERVICE_TIER,
    STORE_RESPONSE,
    TEMPERATURE,
    TOP_LOGPROBS,
    TOP_P,
    TRUNCATION,
    USER,
    VERBOSITY,
    Parameter,
    Parameters,
    Reasoning,
    ResponseFormat,
    asks_to_block,
)

ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS_INCLUDED = "message.output_text.logprobs"

NUMBERS = (TEMPERATURE, TOP_P)
WHOLE = (TOP_LOGPROBS, MAX_TOOL_CALLS)
TEXTS = (SERVICE_TIER, CACHE_KEY, CACHE_RETENTION, TRUNCATION, PREVIOUS_RESPONSE)
FLAGS = (PARALLEL_TOOL_CALLS, BACKGROUND)
OBJECTS = (METADATA, MODERATION, PROMPT, ACCESS_PROGRAMS, BACKGROUND_OPTIONS, IMAGE_OPTIONS)
ANYTHING: tuple[Parameter[Any], ...] = (CONVERSATION, CONTEXT_MANAGEMENT)


def read_settings(body: Fields, parameters: Parameters) -> dict[str, Fields | None]:
    """All the settings of a request but those of its tools.

    Returns:
        By their paths, the objects that settings were read from: there may be more in them.
    """
    for number in NUMBERS:
        parameters.give(number, body.number(number.name), number.name)
    for whole in WHOLE:
        parameters.give(whole, body.integer(whole.name), whole.name)
    for text in TEXTS:
        parameters.give(text, body.text(text.name), text.name)
    for flag in FLAGS:
        parameters.give(flag, body.flag(flag.name), flag.name)
    for mapping in OBJECTS:
        if mapping is MODERATION and not asks_to_block(body.peek("moderation")):
            continue
        parameters.give(mapping, body.object(mapping.name), mapping.name)
    for anything in ANYTHING:
        parameters.give(anything, body.take(anything.name), anything.name)
    limit = body.integer("max_output_tokens")
    if limit is not None and limit < 1:
        raise invalid("max_output_tokens", "must be at least 1")
    parameters.give(MAX_TOKENS, limit, "max_output_tokens")
    name = "safety_identifier" if "safety_identifier" in body else "user"
    parameters.give(USER, body.text(name), name)
    stored = body.flag("store")
    parameters.give(STORE_RESPONSE, stored is not False, "store")
    if parameters.get(TOP_LOGPROBS):  # of what is not given there are none
        parameters.give(LOGPROBS, True, TOP_LOGPROBS.name)
    _include(body, parameters)
    _caching(body, parameters)
    inner: dict[str, Fields | None] = {}
    _reasoning(body, parameters, inner)
    _text(body, parameters, inner)
    options = inner["stream_options"] = body.fields("stream_options")
    if options is not None:
        parameters.give(OBFUSCATION, options.flag("include_obfuscation"), OBFUSCATION.name)
    return inner


def _include(body: Fields, parameters: Parameters) -> None:
    asked = body.strings("include") or ()
    if ENCRYPTED in asked:
        parameters.give(ENCRYPTED_REASONING, True, "include")
    if LOGPROBS_INCLUDED in asked:
        parameters.give(LOGPROBS, True, "include")
    others = tuple(name for name in asked if name not in (ENCRYPTED, LOGPROBS_INCLUDED))
    parameters.give(INCLUDE, others or None, "include")


def _caching(body: Fields, parameters: Parameters) -> None:
    options = body.object("prompt_cache_options")
    if options is None:
        return
    if options.get("mode") == "implicit" and not options.keys() - {"mode", "ttl"}:
        ttl = options.get("ttl")
        mark = CacheMark(ttl if isinstance(ttl, str) else None)
        parameters.give(AUTOMATIC_CACHE, mark, "prompt_cache_options")
    else:
        parameters.give(CACHE_OPTIONS, options, "prompt_cache_options")


def _reasoning(body: Fields, parameters: Parameters, inner: dict[str, Fields | None]) -> None:
    given = inner["reasoning"] = body.fields("reasoning")
    if given is None:
        return
    effort = given.text("effort")
    older, summary = given.text("generate_summary"), given.text("summary")
    if effort is not None or summary is not None or older is not None:
        value = Reasoning(effort=effort, summary=summary or older)
        parameters.give(REASONING, value, "reasoning")
    parameters.give(REASONING_MODE, given.text("mode"), REASONING_MODE.name)
    parameters.give(REASONING_CONTEXT, given.text("context"), REASONING_CONTEXT.name)


def _text(body: Fields, parameters: Parameters, inner: dict[str, Fields | None]) -> None:
    given = inner["text"] = body.fields("text")
    if given is None:
        return
    parameters.give(VERBOSITY, given.text("verbosity"), "text.verbosity")
    shape = inner["text.format"] = given.fields("format")
    if shape is None:
        return
    kind = shape.needed("type")
    if kind == "json_schema":
        schema = shape.object("schema")
        if schema is None:
            raise invalid("text.format.schema", "is required")
        value = ResponseFormat(
            kind=kind,
            name=shape.needed("name"),
            description=shape.text("description"),
            schema=schema,
            strict=shape.flag("strict"),
        )
    elif kind in ("text", "json_object"):
        value = ResponseFormat(kind=kind)
    else:
        raise invalid("text.format.type", "must be text, json_object or json_schema")
    parameters.give(RESPONSE_FORMAT, value, "text.format")
