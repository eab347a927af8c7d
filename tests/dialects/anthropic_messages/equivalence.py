"""What two Messages bodies may differ in and say the same: ``docs/design/dialects.md`` lists it."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_NOTHING: tuple[Any, ...] = (None, [], "")
_IDLE = ("system", "tools", "stop_sequences", "citations", "description")
"""Fields whose empty value is their absence."""


def bare(value: Any) -> Any:
    """A value without the fields that are null, at any depth."""
    if isinstance(value, dict):
        return {name: bare(inner) for name, inner in value.items() if inner is not None}
    return [bare(item) for item in value] if isinstance(value, list) else value


def canonical(body: Json) -> Json:
    """A request in the one form that all equal ones share."""
    made: Json = bare(body)
    if made.get("stream") is False:
        del made["stream"]
    older = made.pop("output_format", None)
    if older is not None:
        made["output_config"] = {**made.get("output_config", {}), "format": older}
    if "system" in made:
        made["system"] = _blocks(made["system"])
    made["messages"] = [
        {**message, "content": _blocks(message["content"])} for message in made["messages"]
    ]
    made["tools"] = [_without_idle(_tool(tool)) for tool in made.get("tools", [])]
    choice = made.get("tool_choice", {})
    if choice.get("disable_parallel_tool_use") is False:
        del choice["disable_parallel_tool_use"]
    return _without_idle(made)


def _tool(tool: Json) -> Json:
    return {name: value for name, value in tool.items() if (name, value) != ("type", "custom")}


def _without_idle(value: Json) -> Json:
    return {
        name: inner
        for name, inner in value.items()
        if not (name in _IDLE and any(inner == nothing for nothing in _NOTHING))
    }


def _blocks(content: Any) -> list[Json]:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    return [_block(block) for block in content]


def _block(block: Json) -> Json:
    made = _without_idle(block)
    if made.get("type") == "tool_use":
        made.setdefault("input", {})
    if made.get("type") in ("tool_result", "search_result") and "content" in made:
        made["content"] = _blocks(made["content"]) if made["content"] else []
        if not made["content"] and made["type"] == "tool_result":
            del made["content"]
    source = made.get("source")
    if isinstance(source, dict) and "content" in source:
        made["source"] = {**source, "content": _blocks(source["content"])}
    elif isinstance(source, dict) and source.get("type") == "text":
        made["source"] = {"media_type": "text/plain", **source}
    return made
