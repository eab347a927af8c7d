"""What a conversation must look like before a model of AWS answers it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from magicgateway.demo.aws.refusals import AwsRefusal, invalid
from magicgateway.demo.limits import Limits
from magicgateway.demo.signing import is_ours

_MAX_IMAGES = 20
_MAX_DOCUMENTS = 5
_MAX_CACHE_POINTS = 4
_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")
_NAME = re.compile(r"[\w\-()\[\]]+( [\w\-()\[\]]+)*", re.ASCII)
_Blocks = list[Mapping[str, Any]]


def check_turns(fields: Mapping[str, Any], limits: Limits) -> None:
    """Check the messages of a request whose shape is right.

    Raises:
        AwsRefusal: The conversation breaks a rule.
    """
    turns = fields.get("messages") or []
    _check_roles(turns, limits)
    names: list[str] = []
    for number, turn in enumerate(turns):
        blocks: _Blocks = turn["content"]
        if not blocks:
            raise invalid(
                f"The content field in the Message object at messages.{number} is empty. Add a "
                "ContentBlock object to the content field and try again."
            )
        for index, block in enumerate(blocks):
            _check_block(block, turn["role"], f"messages.{number}.content.{index}", limits)
        _check_media(blocks, turn["role"], number, names)
        said = [block for block in blocks if "cachePoint" not in block]
        if not limits.mixed and len({"toolResult" in block for block in said}) > 1:
            message = "Conversation blocks and tool result blocks cannot be provided in the same"
            raise invalid(f"{message} turn.")
    _check_results(turns, limits)
    if any(_ids(turn["content"], "toolUse") or _results(turn["content"]) for turn in turns) and (
        not fields.get("toolConfig")
    ):
        raise invalid(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )
    _check_cache_points(fields, turns, limits)


def _check_roles(turns: list[Any], limits: Limits) -> None:
    if not turns or (turns[0]["role"] != "user" and not limits.leading):
        raise invalid(
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        )
    if any(turn["role"] == "system" for turn in turns) and not limits.system_turns:
        raise invalid("This model doesn't support the system role in messages.")
    if any(first["role"] == second["role"] for first, second in pairwise(turns)):
        raise invalid(
            "A conversation must alternate between user and assistant roles. Make sure the "
            "conversation alternates between user and assistant roles and try again."
        )
    last = turns[-1]
    if last["role"] != "assistant":
        return
    if not limits.prefill:
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message."
        )
    text = last["content"][-1].get("text") if last["content"] else None
    if limits.claude and isinstance(text, str) and text != text.rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")


def _check_block(block: Mapping[str, Any], role: str, path: str, limits: Limits) -> None:
    if "text" in block and not block["text"].strip():
        raise _blank(path)
    if use := block.get("toolUse"):
        if role != "assistant":
            raise invalid(f"The toolUse block at {path} must be in an assistant message.")
        if not isinstance(use["input"], dict):
            raise invalid(
                f"The format of the value at {path}.toolUse.input is invalid. Provide a json "
                "object for the field and try again."
            )
    if result := block.get("toolResult"):
        if role != "user":
            raise invalid(f"The toolResult block at {path} must be in a user message.")
        for index, part in enumerate(result["content"]):
            inner = f"{path}.toolResult.content.{index}"
            if "text" in part and not part["text"].strip():
                raise _blank(inner)
            if "json" in part and not isinstance(part["json"], dict):
                raise invalid(
                    f"The format of the value at {inner}.json is invalid. Provide a json object "
                    "for the field and try again."
                )
    if reasoning := block.get("reasoningContent"):
        _check_reasoning(reasoning, role, path, limits)


def _blank(path: str) -> AwsRefusal:
    return invalid(
        f"The text field in the ContentBlock object at {path} is blank. Add text to the text "
        "field, and try again."
    )


def _check_reasoning(value: Mapping[str, Any], role: str, path: str, limits: Limits) -> None:
    if role != "assistant":
        raise invalid(f"The reasoningContent block at {path} must be in an assistant message.")
    if "redactedContent" in value:
        if not limits.redacted:
            raise invalid(f"{path}: This model doesn't support redactedContent.")
        return
    text, signature = value["reasoningText"]["text"], value["reasoningText"].get("signature")
    if not limits.claude:
        if limits.extra is not None:
            raise invalid(f"{path}: This model doesn't support reasoningContent in messages.")
        return
    if not signature:
        raise invalid(f"{path}.thinking.signature: Field required")
    if not is_ours(text, signature):
        raise invalid(f"{path}: Invalid `signature` in `thinking` block")


def _check_media(blocks: _Blocks, role: str, number: int, names: list[str]) -> None:
    images = [block for block in blocks if "image" in block]
    documents = [block["document"] for block in blocks if "document" in block]
    if (images or documents) and role != "user":
        raise invalid("Images and documents are only supported in user messages.")
    if len(images) > _MAX_IMAGES:
        raise invalid(f"The request has more than {_MAX_IMAGES} images at messages.{number}.")
    if len(documents) > _MAX_DOCUMENTS:
        raise invalid(f"The request has more than {_MAX_DOCUMENTS} documents at messages.{number}.")
    if documents and not any("text" in block for block in blocks):
        raise invalid(
            "A text block must be included when using documents. Add a text block and try again."
        )
    for document in documents:
        if not _NAME.fullmatch(document["name"]):
            raise invalid(
                "The document file name can only contain alphanumeric characters, whitespace "
                "characters, hyphens, parentheses, and square brackets. The name can't contain "
                "more than one consecutive whitespace character."
            )
        if document["name"] in names:
            raise invalid("Messages can not contain duplicate document names.")
        names.append(document["name"])


def _ids(blocks: _Blocks, kind: str) -> list[str]:
    return [block[kind]["toolUseId"] for block in blocks if kind in block]


def _results(blocks: _Blocks) -> list[str]:
    return _ids(blocks, "toolResult")


def _check_results(turns: list[Any], limits: Limits) -> None:
    asked: list[str] = []
    for number, turn in enumerate(turns):
        blocks, path = turn["content"], f"messages.{number}.content"
        found = _results(blocks)
        if doubled := sorted({name for name in found if found.count(name) > 1}):
            raise invalid(f"The toolResult blocks at {path} contain duplicate Ids: {doubled[0]}")
        if surplus := [name for name in found if name not in asked]:
            raise invalid(
                f"The number of toolResult blocks at {path} exceeds the number of toolUse blocks "
                f"of previous turn. Unexpected: {', '.join(surplus)}"
            )
        if missing := [name for name in asked if name not in found]:
            raise invalid(
                f"Expected toolResult blocks at {path} for the following Ids: {', '.join(missing)}"
            )
        said = [block for block in blocks if "cachePoint" not in block]
        if limits.claude and found and not all("toolResult" in b for b in said[: len(found)]):
            raise invalid(
                f"{path}: `tool_use` ids were found without `tool_result` blocks immediately after"
            )
        if not limits.result_status and any(b.get("toolResult", {}).get("status") for b in blocks):
            raise invalid(f"{path}: This model doesn't support the status field of a toolResult.")
        asked = _ids(blocks, "toolUse")
        if limits.short_ids and not all(map(_SHORT_ID.fullmatch, asked)):
            raise invalid(
                f"{path}: Tool call id was {asked[0]} but must be a-z, A-Z, 0-9, with a length "
                "of 9."
            )
        if len(set(asked)) < len(asked):
            raise invalid(f"The toolUse blocks at {path} contain duplicate Ids.")
    if asked:
        raise invalid(
            f"Expected toolResult blocks at messages.{len(turns)}.content for the following Ids: "
            f"{', '.join(asked)}"
        )


def _points(fields: Mapping[str, Any], turns: list[Any]) -> Iterator[Mapping[str, Any]]:
    """Every cache point in the order in which the cache sees them."""
    tools = (fields.get("toolConfig") or {}).get("tools") or []
    places = [tools, fields.get("system") or [], *(turn["content"] for turn in turns)]
    for blocks in places:
        for block in blocks:
            if "cachePoint" in block:
                yield block["cachePoint"]


def _check_cache_points(fields: Mapping[str, Any], turns: list[Any], limits: Limits) -> None:
    points = list(_points(fields, turns))
    if points and not limits.cache:
        raise AwsRefusal(
            403,
            "AccessDeniedException",
            "You invoked an unsupported model or your request did not allow prompt caching. See "
            "the documentation for more information.",
        )
    if len(points) > _MAX_CACHE_POINTS:
        raise invalid(
            f"A maximum of {_MAX_CACHE_POINTS} blocks with cache_control may be provided. Found "
            f"{len(points)}."
        )
    lives = [point.get("ttl", "5m") for point in points]
    if "5m" in lives and "1h" in lives[lives.index("5m") :]:
        raise invalid("A ttl='1h' cache_control block must not come after a ttl='5m' one.")
