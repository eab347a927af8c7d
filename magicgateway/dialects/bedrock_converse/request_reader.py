"""Requests as callers of Converse write them, with the model and ``stream`` in the body.

See: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html; the service
model of botocore 1.44.5, 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import CONVERSE, CacheMark
from magicgateway.conversation.call_tokens import with_call_tokens
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.parameters import (
    MAX_TOKENS,
    RESPONSE_FORMAT,
    SERVICE_TIER,
    STOP,
    TEMPERATURE,
    TOOL_CHOICE,
    TOP_P,
    Parameters,
    ResponseFormat,
    ToolChoice,
)
from magicgateway.conversation.request import (
    ASSISTANT,
    SYSTEM,
    USER,
    HostedTool,
    Request,
    Tool,
    Turn,
)
from magicgateway.dialects.bedrock_converse.content_reader import ContentReader
from magicgateway.dialects.bedrock_converse.extras import rest_of
from magicgateway.dialects.bedrock_converse.tool_writer import HOSTED_KINDS
from magicgateway.wire.jsontext import BadJson, decode

_ROLES = (USER, ASSISTANT, SYSTEM)
_MODES = {"auto": "auto", "any": "required", "tool": "tool"}
AnyTool = Tool | HostedTool
Nested = dict[str, Fields | None]


def read_request(body: Mapping[str, Any], ledger: Ledger) -> Request:
    """The request that a caller's JSON object is.

    Raises:
        ApiError: 400: Converse would not take it either, or it names no model.
    """
    fields = Fields(body)
    parameters = Parameters()
    nested: Nested = {}
    model = fields.text("model") or fields.text("modelId")
    if not model:
        raise invalid("model", "is required")
    if not fields.peek("messages"):
        raise invalid("messages", "must hold at least one message")
    turns = with_call_tokens(tuple(_turns(fields, ContentReader(CONVERSE, ledger))), ledger)
    tools = _tools(fields, parameters, nested)
    _inference(fields, parameters, nested)
    _format(fields, parameters, nested)
    tier = nested["serviceTier"] = fields.fields("serviceTier")
    if tier is not None:
        parameters.give(SERVICE_TIER, tier.text("type"), "serviceTier.type")
    stream = bool(fields.flag("stream"))
    return Request(
        model=model,
        turns=turns,
        tools=tools,
        parameters=parameters,
        stream=stream,
        extras=rest_of(fields, nested),
    )


def _turns(body: Fields, reader: ContentReader) -> Iterator[Turn]:
    if "system" in body:
        blocks, whole = reader.content(body, "system")
        yield Turn(role=SYSTEM, blocks=blocks, lead=True, whole=whole, field="system")
    for message in body.each("messages"):
        role = message.needed("role")
        if role not in _ROLES:
            raise invalid(message.at("role"), f"must be one of {', '.join(_ROLES)}")
        if "content" not in message:
            raise invalid(message.at("content"), "is required")
        blocks, whole = reader.content(message)
        yield Turn(
            role=role, blocks=blocks, whole=whole, field=message.place, extras=rest_of(message)
        )


def _inference(body: Fields, parameters: Parameters, nested: Nested) -> None:
    config = nested["inferenceConfig"] = body.fields("inferenceConfig")
    if config is None:
        return
    limit = config.integer("maxTokens")
    if limit is not None and limit < 1:
        raise invalid(config.at("maxTokens"), "must be at least 1")
    parameters.give(MAX_TOKENS, limit, config.at("maxTokens"))
    parameters.give(TEMPERATURE, config.number("temperature"), config.at("temperature"))
    parameters.give(TOP_P, config.number("topP"), config.at("topP"))
    parameters.give(STOP, config.strings("stopSequences"), config.at("stopSequences"))


def _tools(body: Fields, parameters: Parameters, nested: Nested) -> tuple[AnyTool, ...]:
    config = nested["toolConfig"] = body.fields("toolConfig")
    if config is None:
        return ()
    tools: list[AnyTool] = []
    for entry in config.each("tools"):
        point = entry.fields("cachePoint")
        if point is None:
            tools.append(_tool(entry))
        elif tools:
            tools[-1] = evolve(tools[-1], cache=CacheMark(point.text("ttl")))
    choice = nested["toolConfig.toolChoice"] = config.fields("toolChoice")
    if choice is not None:
        parameters.give(TOOL_CHOICE, _choice(choice, nested), choice.place)
    return tuple(tools)


def _tool(entry: Fields) -> AnyTool:
    spec = entry.fields("toolSpec")
    if spec is None:
        raw = dict(entry.rest(CONVERSE).fields)
        system = raw.get("systemTool")
        name = system.get("name") if isinstance(system, dict) else None
        if not isinstance(name, str):
            raise invalid(entry.place, "must be a toolSpec, a systemTool or a cachePoint")
        kind = HOSTED_KINDS.get(name, name)
        return HostedTool(kind=kind, raw=raw, family=CONVERSE, name=name, field=entry.place)
    schema = spec.fields("inputSchema")
    return Tool(
        name=spec.needed("name"),
        description=spec.text("description"),
        schema=None if schema is None else schema.object("json"),
        strict=spec.flag("strict"),
        field=spec.place,
        extras=rest_of(entry, {"toolSpec": spec, "toolSpec.inputSchema": schema}),
    )


def _choice(choice: Fields, nested: Nested) -> ToolChoice:
    for kind, mode in _MODES.items():
        inner = choice.fields(kind)
        if inner is not None:
            nested[f"toolConfig.toolChoice.{kind}"] = inner
            return ToolChoice(mode, inner.needed("name") if kind == "tool" else None)
    raise invalid(choice.place, "must be auto, any or tool")


def _format(body: Fields, parameters: Parameters, nested: Nested) -> None:
    output = nested["outputConfig"] = body.fields("outputConfig")
    form = None if output is None else output.fields("textFormat")
    if form is None:
        return
    nested["outputConfig.textFormat"] = form
    structure = form.fields("structure")
    inner = None if structure is None else structure.fields("jsonSchema")
    nested["outputConfig.textFormat.structure"] = structure
    if form.needed("type") != "json_schema" or inner is None:
        raise invalid(form.place, "must be a json_schema")
    nested["outputConfig.textFormat.structure.jsonSchema"] = inner
    given = ResponseFormat(
        kind="json_schema",
        name=inner.text("name"),
        description=inner.text("description"),
        schema=_schema(inner),
        strict=True,
    )
    parameters.give(RESPONSE_FORMAT, given, form.place)


def _schema(inner: Fields) -> dict[str, Any]:
    """The schema, which Converse has as text."""
    text = inner.needed("schema")
    try:
        schema = decode(text.encode())
    except (BadJson, UnicodeEncodeError):
        schema = None
    if not isinstance(schema, dict):
        raise invalid(inner.at("schema"), "must be the JSON text of a schema")
    return schema
