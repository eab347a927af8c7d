"""What a family of models refuses of a request's parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from magicgateway.demo.aws.refusals import invalid
from magicgateway.demo.limits import Limits
from magicgateway.wire import jsontext

_LEAST_BUDGET = 1024
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_PROMPT = re.compile(r"arn:[\w-]+:bedrock:[\w-]*:\d*:prompt/.+")
_OF_PROMPTS = ("additionalModelRequestFields", "inferenceConfig", "system", "toolConfig")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")
_FROM_MODEL = "The model returned the following errors: "
_UNFIT = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "maxItems")


def check_parameters(fields: Mapping[str, Any], limits: Limits, *, streamed: bool) -> None:
    """Check everything beside the messages of a request whose shape is right.

    Raises:
        AwsRefusal: The model does not know a field, or not this value of it.
    """
    config = fields.get("inferenceConfig") or {}
    extra = fields.get("additionalModelRequestFields") or {}
    if not isinstance(extra, dict):
        raise invalid("The value at additionalModelRequestFields must be a json object.")
    if fields.get("system") and not limits.system:
        raise invalid("This model doesn't support system prompts.")
    if limits.extra is not None:
        for name in extra.keys() - limits.extra:
            raise invalid(f"{_FROM_MODEL}{name}: Extra inputs are not permitted")
    for path in fields.get("additionalModelResponseFieldPaths") or ():
        if not _POINTER.fullmatch(path):
            raise invalid("The additionalModelResponseFieldPaths must be JSON pointers.")
    effort = (fields.get("outputConfig") or {}).get("effort")
    if effort is not None and effort not in _EFFORTS:
        raise invalid(f"The outputConfig.effort must be one of {', '.join(_EFFORTS)}.")
    _check_sampling(config, limits)
    _check_tools(fields.get("toolConfig") or {}, extra, limits, streamed=streamed)
    if limits.claude:
        _check_thinking(config, extra, fields.get("toolConfig") or {})
    form = ((fields.get("outputConfig") or {}).get("textFormat") or {}).get("structure")
    if form:
        _check_schema(form["jsonSchema"]["schema"], limits)


def check_prompt(fields: Mapping[str, Any], model: str) -> None:
    """Check what goes with a prompt of Bedrock's own, which has most of a request in it.

    Raises:
        AwsRefusal: A field is the prompt's to say.
    """
    if _PROMPT.fullmatch(model) is None:
        return
    for name in _OF_PROMPTS:
        if fields.get(name) is not None:
            raise invalid(f"The {name} field is not supported with a prompt. Remove it.")


def _check_sampling(config: Mapping[str, Any], limits: Limits) -> None:
    given = [name for name in ("temperature", "topP") if config.get(name) is not None]
    if given and not limits.sampling:
        raise invalid(f"{_FROM_MODEL}`{given[0]}` is not supported by this model.")
    if len(given) > 1 and not limits.both:
        raise invalid(
            f"{_FROM_MODEL}`temperature` and `top_p` cannot both be specified for this model. "
            "Please use only one."
        )
    stops = config.get("stopSequences") or []
    if stops and not limits.stops:
        raise invalid(
            "This model doesn't support the stopSequences field. Remove it and try again."
        )
    if limits.claude and not all(stop.strip() for stop in stops):
        raise invalid(
            f"{_FROM_MODEL}stop_sequences: each stop sequence must contain non-whitespace"
        )


def _check_tools(
    config: Mapping[str, Any], extra: Mapping[str, Any], limits: Limits, *, streamed: bool
) -> None:
    tools = config.get("tools")
    if not tools:
        return
    if not limits.tools:
        raise invalid("This model doesn't support tool use.")
    if streamed and not limits.tool_stream:
        raise invalid("This model doesn't support tool use in streaming mode.")
    names = [tool["toolSpec"]["name"] for tool in tools if "toolSpec" in tool]
    if len(set(names)) < len(names):
        raise invalid("The toolConfig contains duplicate tool names.")
    for tool in tools:
        schema = tool.get("toolSpec", {}).get("inputSchema", {}).get("json", {"type": "object"})
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise invalid("The toolConfig.tools.inputSchema.json must have the type object.")
    choice = config.get("toolChoice") or {}
    if choice and not limits.choice:
        raise invalid("This model doesn't support the toolConfig.toolChoice field.")
    if "auto" not in choice and choice and not limits.forced:
        raise invalid(f"{_FROM_MODEL}tool_choice: forced tool use is not supported by this model")
    if "tool" in choice and choice["tool"]["name"] not in names:
        raise invalid(f"{_FROM_MODEL}Tool '{choice['tool']['name']}' not found in provided tools")
    inner = extra.get("tool_choice")
    if choice and isinstance(inner, dict) and "type" in inner:
        raise invalid("toolChoice and additionalModelRequestFields.tool_choice exclude each other.")


def _check_thinking(
    config: Mapping[str, Any], extra: Mapping[str, Any], tools: Mapping[str, Any]
) -> None:
    thinking = extra.get("thinking")
    if not isinstance(thinking, dict) or thinking.get("type") not in ("enabled", "adaptive"):
        return
    budget, limit = thinking.get("budget_tokens"), config.get("maxTokens")
    if thinking["type"] == "enabled":
        if not isinstance(budget, int) or budget < _LEAST_BUDGET:
            message = f"Input should be greater than or equal to {_LEAST_BUDGET}"
            raise invalid(f"{_FROM_MODEL}thinking.enabled.budget_tokens: {message}")
        if limit is not None and limit <= budget:
            raise invalid(
                f"{_FROM_MODEL}`max_tokens` must be greater than `thinking.budget_tokens`."
            )
        if {"any", "tool"} & (tools.get("toolChoice") or {}).keys():
            raise invalid(
                f"{_FROM_MODEL}Thinking may not be enabled when tool_choice forces tool use."
            )
    if config.get("temperature") not in (None, 1):
        raise invalid(f"{_FROM_MODEL}`temperature` may only be set to 1 when thinking is enabled.")
    if extra.get("top_k") is not None:
        raise invalid(f"{_FROM_MODEL}`top_k` must be unset when thinking is enabled.")


def _check_schema(text: str, limits: Limits) -> None:
    if not limits.schema:
        raise invalid(f"{_FROM_MODEL}output_config.format: Extra inputs are not permitted")
    try:
        schema = jsontext.decode(text.encode())
    except jsontext.BadJson:
        raise invalid("The jsonSchema.schema must be a JSON text.") from None
    for inner in _schemas(schema) if limits.claude else ():
        if inner.get("type") == "object" and inner.get("additionalProperties") is not False:
            message = "For 'object' type, 'additionalProperties' must be explicitly set to false"
            raise invalid(f"{_FROM_MODEL}output_config.format.schema: {message}")
        for name in _UNFIT:
            if name in inner:
                kind = inner.get("type")
                message = f"For '{kind}' type, property '{name}' is not supported"
                raise invalid(f"{_FROM_MODEL}output_config.format.schema: {message}")


def _schemas(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every schema inside a schema; names of properties are no keywords."""
    if isinstance(value, list):
        for item in value:
            yield from _schemas(item)
    elif isinstance(value, dict):
        yield value
        for key, item in value.items():
            if key in ("properties", "$defs", "definitions") and isinstance(item, dict):
                for inner in item.values():
                    yield from _schemas(inner)
            elif key not in ("const", "enum", "default", "examples"):
                yield from _schemas(item)
