"""Every field of a chat request, each in an example."""

from __future__ import annotations

from typing import Any

from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from tests.docs.mappings import PDF, PNG, SCHEMA, Field, Json, added

PARAMS = CompletionCreateParamsNonStreaming
ELSEWHERE = {"model", "messages"}
TEXT = {"type": "text", "text": "Hello."}
CHAT: Json = {"model": "m", "messages": [{"role": "user", "content": [TEXT]}]}
FUNCTION: Json = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
FORMAT: Json = {
    "type": "json_schema",
    "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
}
WITH_TOOL: Json = {**CHAT, "tools": [FUNCTION]}
CALL: Json = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ASKED = {"role": "user", "content": [TEXT]}
ANSWERED = {"role": "assistant", "content": [TEXT]}
CALLED = {**ANSWERED, "tool_calls": [CALL]}
RETURNED: Json = {"role": "tool", "tool_call_id": "c1", "content": [TEXT]}
PICTURE: Json = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
MARK = {"cache_control": {"type": "ephemeral"}}


def part(label: str, what: Json, role: str = "user") -> Field:
    """A part of a message."""
    message = {"role": role, "content": [TEXT, what]}
    return talk(label, message, without=({"role": role, "content": [TEXT]},))


def talk(label: str, *messages: Any, without: tuple[Any, ...]) -> Field:
    """Some messages."""
    return Field(label, {**WITH_TOOL, "messages": messages}, {**WITH_TOOL, "messages": without})


SETTINGS = [
    *added(
        CHAT,
        max_completion_tokens=500,
        max_tokens=500,
        temperature=0.5,
        top_p=0.5,
        top_k=5,
        stop=["END"],
        n=2,
        seed=1,
        frequency_penalty=1,
        presence_penalty=1,
        logit_bias={"50256": -100},
        logprobs=True,
        top_logprobs=2,
        reasoning_effort="low",
        thinking={"type": "enabled", "budget_tokens": 2000},
        verbosity="low",
        response_format=FORMAT,
    ),
    Field("`response_format` `json_object`", {**CHAT, "response_format": {"type": "json_object"}},
          CHAT),
    *added(CHAT, tools=[FUNCTION], functions=[FUNCTION["function"]]),
    *added(WITH_TOOL, tool_choice="required", parallel_tool_calls=False),
    *added({**CHAT, "functions": [FUNCTION["function"]]}, function_call={"name": "f"}),
    *added(
        CHAT,
        web_search_options={},
        modalities=["text", "audio"],
        audio={"voice": "ash", "format": "mp3"},
        prediction={"type": "content", "content": "Hello."},
        user="u-1",
        safety_identifier="u-1",
        metadata={"team": "a"},
        store=True,
        service_tier="flex",
        moderation={"policy": {"input": {"mode": "block"}}},
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        prompt_cache_options={"mode": "implicit", "ttl": "30m"},
        cache_control={"type": "ephemeral"},
        stream=True,
    ),
    *added({**CHAT, "stream": True}, stream_options={"include_usage": True}),
    Field("any other", {**CHAT, "some_field": 1}, CHAT),
]  # fmt: skip
"""At the top of the body."""

CONTENT = [
    talk("role `system`, first", {"role": "system", "content": "S."}, ASKED, without=(ASKED,)),
    talk("role `developer`, first", {"role": "developer", "content": "S."}, ASKED,
         without=(ASKED,)),
    talk("role `system`, after an answer", ASKED, ANSWERED, {"role": "system", "content": "S."},
         without=(ASKED, ANSWERED)),
    talk("`name`", {**ASKED, "name": "eve"}, without=(ASKED,)),
    part("part `image_url`, data", PICTURE),
    part("part `image_url`, address", {"type": "image_url",
                                       "image_url": {"url": "https://example.com/a.png"}}),
    talk("its `detail`",
         {"role": "user", "content": [{"type": "image_url",
                                       "image_url": {**PICTURE["image_url"], "detail": "high"}}]},
         without=({"role": "user", "content": [PICTURE]},)),
    part("part `file`, `file_data`", {"type": "file", "file": {
        "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}),
    part("part `file`, `file_id`", {"type": "file", "file": {"file_id": "file-1"}}),
    part("part `input_audio`", {"type": "input_audio",
                                "input_audio": {"data": "AAAA", "format": "wav"}}),
    part("part `refusal`", {"type": "refusal", "refusal": "No."}, role="assistant"),
    part("part of another type", {"type": "some_part"}),
    talk("`tool_calls` and the `tool` message", ASKED, CALLED, RETURNED,
         without=(ASKED, ANSWERED)),
    talk("picture in a `tool` message", ASKED, CALLED, {**RETURNED, "content": [TEXT, PICTURE]},
         without=(ASKED, CALLED, RETURNED)),
    talk("`is_error` of a `tool` message", ASKED, CALLED, {**RETURNED, "is_error": True},
         without=(ASKED, CALLED, RETURNED)),
    talk("`reasoning_content`", ASKED, {**CALLED, "reasoning_content": "Hm."}, RETURNED,
         without=(ASKED, CALLED, RETURNED)),
    talk("`thinking_blocks`, of the target's maker", ASKED,
         {**CALLED, "thinking_blocks": [{"type": "thinking", "thinking": "Hm.",
                                         "signature": "c2ln"}]}, RETURNED,
         without=(ASKED, CALLED, RETURNED)),
    talk("`cache_control`", {**ASKED, "content": [{**TEXT, **MARK}]}, without=(ASKED,)),
    Field("tool of `type` `custom`", {**WITH_TOOL, "tools": [FUNCTION, {
        "type": "custom", "custom": {"name": "g"}}]}, WITH_TOOL),
    Field("`strict` of a tool", {**CHAT, "tools": [{
        "type": "function", "function": {**FUNCTION["function"], "strict": True}}]}, WITH_TOOL),
    Field("`tool_choice` `allowed_tools`", {**WITH_TOOL, "tool_choice": {
        "type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
            {"type": "function", "function": {"name": "f"}}]}}}, WITH_TOOL),
]  # fmt: skip
"""In messages and tools."""
