"""What Anthropic's API refuses of a conversation, wherever its models are served."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from magicgateway.demo.call import Refusal
from magicgateway.demo.limits import Limits
from magicgateway.demo.reading import text_of
from magicgateway.demo.signing import is_ours

_MAX_MARKS = 4
_MAX_TURNS = 100_000
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_THINKING = ("thinking", "redacted_thinking")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_Blocks = list[Any]


def check_messages(fields: Mapping[str, Any], limits: Limits) -> None:
    """Check the conversation, and the few parameters that some models refuse.

    Raises:
        Refusal: A rule is broken.
    """
    given = fields.get("messages") or []
    if len(given) > _MAX_TURNS:
        raise Refusal(400, f"messages: at most {_MAX_TURNS} messages are allowed")
    turns = _merged(given)
    _check_systems(given, limits)
    for place, block in _all_blocks(fields, turns):
        _check_block(place, block)
    _check_results(turns)
    _check_thinking(fields, turns)
    _check_marks(fields, turns)
    _check_end(turns, limits)
    for name in ("temperature", "top_p"):
        if not limits.sampling and fields.get(name) not in (None, 1):
            raise Refusal(400, f"{name}: is not supported by this model")
    if not limits.both and None not in (fields.get("temperature"), fields.get("top_p")):
        raise Refusal(400, "`temperature` and `top_p` cannot both be specified for this model.")


def _merged(turns: list[Any]) -> list[tuple[str, _Blocks]]:
    """The turns as the API sees them: neighbours of one role are one."""
    merged: list[tuple[str, _Blocks]] = []
    for turn in turns:
        if not isinstance(turn, dict):
            raise Refusal(400, "messages: Input should be an object")
        role = text_of(turn.get("role"))
        if role not in ("user", "assistant", "system"):
            raise Refusal(400, "messages.role: Input should be 'user' or 'assistant'")
        blocks = _blocks(turn.get("content"))
        if merged and merged[-1][0] == role:
            merged[-1][1].extend(blocks)
        else:
            merged.append((role, blocks))
    return merged


def _check_systems(turns: list[Any], limits: Limits) -> None:
    """Instructions in the middle have their places, and not every model takes them."""
    roles = [turn["role"] for turn in turns]
    for number, role in enumerate(roles):
        if role != "system":
            continue
        place = f"messages.{number}"
        if not limits.system_turns:
            raise Refusal(400, f"{place}.role: Input should be 'user' or 'assistant'")
        before = roles[number - 1] if number else ""
        hosted = before == "assistant" and _ends_hosted(turns[number - 1])
        if before != "user" and not hosted:
            raise Refusal(400, f"{place}: a system message must directly follow a user message")
        if roles[number + 1 : number + 2] not in ([], ["assistant"]):
            raise Refusal(400, f"{place}: a system message must precede an assistant message")


def _ends_hosted(turn: Mapping[str, Any]) -> bool:
    blocks = _blocks(turn.get("content"))
    last = blocks[-1] if blocks else None
    kind = text_of(last.get("type")) if isinstance(last, dict) else ""
    return kind == "server_tool_use" or kind.endswith("_tool_result")


def _check_thinking(fields: Mapping[str, Any], turns: list[tuple[str, _Blocks]]) -> None:
    """Who thinks by a budget has begun the turn of the calls that are answered with it."""
    thinking = fields.get("thinking")
    if not isinstance(thinking, dict) or thinking.get("type") != "enabled" or len(turns) < 2:
        return
    (_, said), (role, answers) = turns[-2:]
    if role != "user" or not _ids(answers, "tool_result", "tool_use_id") or not said:
        return
    if said[0].get("type") not in _THINKING:
        raise Refusal(
            400,
            f"messages.{len(turns) - 2}.content.0.type: Expected `thinking` or "
            f"`redacted_thinking`, but found `{text_of(said[0].get('type'))}`.",
        )


def _blocks(content: Any) -> _Blocks:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content) if isinstance(content, list) else []


def _all_blocks(
    fields: Mapping[str, Any], turns: list[tuple[str, _Blocks]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    places = [("system", _blocks(fields.get("system")))]
    places += [(f"messages.{index}", blocks) for index, (_, blocks) in enumerate(turns)]
    for place, blocks in places:
        for index, block in enumerate(blocks):
            if not isinstance(block, dict):
                raise Refusal(400, f"{place}.content.{index}: Input should be an object")
            yield f"{place}.content.{index}", block
            if block.get("type") == "tool_result":
                for inner in _blocks(block.get("content") or None):
                    if isinstance(inner, dict):
                        yield f"{place}.content.{index}.tool_result.content", inner


def _check_block(place: str, block: Mapping[str, Any]) -> None:
    kind = block.get("type")
    if kind == "text":
        text = text_of(block.get("text"))
        if not text:
            raise Refusal(400, f"{place}: text content blocks must be non-empty")
        if not text.strip():
            raise Refusal(400, f"{place}: text content blocks must contain non-whitespace text")
    elif kind == "thinking":
        if not block.get("signature"):
            raise Refusal(400, f"{place}.thinking.signature: Field required")
        if not is_ours(text_of(block.get("thinking")), text_of(block.get("signature"))):
            raise Refusal(400, f"{place}: Invalid `signature` in `thinking` block")
    elif kind == "image":
        source = block.get("source")
        form = source.get("media_type") if isinstance(source, dict) else None
        if form is not None and form not in _IMAGES:
            known = ", ".join(_IMAGES)
            raise Refusal(400, f"{place}.image.source.media_type: Input should be one of {known}")
    elif kind == "tool_use":
        if not _ID.fullmatch(text_of(block.get("id"))):
            raise Refusal(400, f"{place}.tool_use.id: String should match pattern '{_ID.pattern}'")
        if not isinstance(block.get("input"), dict):
            raise Refusal(400, f"{place}.tool_use.input: Input should be a valid dictionary")


def _ids(blocks: _Blocks, kind: str, key: str) -> list[str]:
    return [text_of(block.get(key)) for block in blocks if block.get("type") == kind]


def _check_results(turns: list[tuple[str, _Blocks]]) -> None:
    asked: list[str] = []
    for number, (_, blocks) in enumerate(turns):
        place = f"messages.{number}"
        found = _ids(blocks, "tool_result", "tool_use_id")
        if len(set(found)) < len(found):
            raise Refusal(400, f"{place}: each tool_use must have a single result")
        if surplus := [name for name in found if name not in asked]:
            raise Refusal(
                400,
                f"{place}: unexpected `tool_use_id` found in `tool_result` blocks: {surplus[0]}. "
                "Each `tool_result` block must have a corresponding `tool_use` block in the "
                "previous message.",
            )
        first = blocks[: len(found)]
        missing = [name for name in asked if name not in found]
        if missing or any(block.get("type") != "tool_result" for block in first):
            raise _unanswered(place, missing or found)
        asked = _ids(blocks, "tool_use", "id")
        if len(set(asked)) < len(asked):
            raise Refusal(400, f"{place}: `tool_use` ids must be unique")
    if asked:
        raise _unanswered(f"messages.{len(turns)}", asked)


def _unanswered(place: str, ids: list[str]) -> Refusal:
    return Refusal(
        400,
        f"{place}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(ids)}. Each `tool_use` block must have a corresponding `tool_result` block in "
        "the next message.",
    )


def _check_marks(fields: Mapping[str, Any], turns: list[tuple[str, _Blocks]]) -> None:
    marked = [block for _, block in _all_blocks(fields, turns)]
    marked += [tool for tool in fields.get("tools") or () if isinstance(tool, dict)]
    marked.append(fields)
    count = 0
    for block in marked:
        if not block.get("cache_control"):
            continue
        count += 1
        if block.get("type") in ("thinking", "redacted_thinking"):
            raise Refusal(400, "cache_control cannot be set for thinking blocks")
    if count > _MAX_MARKS:
        message = f"A maximum of {_MAX_MARKS} blocks with cache_control may be provided."
        raise Refusal(400, f"{message} Found {count}.")


def _check_end(turns: list[tuple[str, _Blocks]], limits: Limits) -> None:
    role, blocks = turns[-1]
    if role != "assistant":
        return
    if not limits.prefill:
        message = "This model does not support assistant message prefill."
        raise Refusal(400, f"{message} The conversation must end with a user message.")
    text = text_of(blocks[-1].get("text")) if blocks else ""
    if text != text.rstrip():
        message = "final assistant content cannot end with trailing whitespace"
        raise Refusal(400, f"messages: {message}")
