"""Every field of a Responses request, each in an example."""

from __future__ import annotations

from typing import Any

from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

from tests.docs.mappings import PDF, PNG, SCHEMA, Field, Json, added

PARAMS = ResponseCreateParamsNonStreaming
ELSEWHERE = {"model", "input"}
TEXT = {"type": "input_text", "text": "Hello."}
ASKED: Json = {"type": "message", "role": "user", "content": [TEXT]}
ASK: Json = {"model": "m", "store": False, "input": [ASKED]}
FUNCTION: Json = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
WITH_TOOL: Json = {**ASK, "tools": [FUNCTION]}
FORMAT: Json = {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}
CALL: Json = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
RESULT: Json = {"type": "function_call_output", "call_id": "c1", "output": [TEXT]}
PICTURE: Json = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
SEARCHED: Json = {"type": "web_search_call", "id": "ws_1", "status": "completed",
                  "action": {"type": "search", "query": "q"}}  # fmt: skip


def part(label: str, what: Json) -> Field:
    """A part of a user's message."""
    return talk(label, {**ASKED, "content": [TEXT, what]}, without=(ASKED,))


def talk(label: str, *items: Any, without: tuple[Any, ...]) -> Field:
    """Some items."""
    return Field(label, {**WITH_TOOL, "input": items}, {**WITH_TOOL, "input": without})


def tool(label: str, **what: Any) -> Field:
    """A tool beside a function."""
    return Field(label, {**ASK, "tools": [FUNCTION, what]}, WITH_TOOL)


SETTINGS = [
    *added(
        ASK,
        instructions="S.",
        max_output_tokens=500,
        temperature=0.5,
        top_p=0.5,
        top_logprobs=2,
        reasoning={"effort": "low"},
    ),
    Field("`reasoning.summary`", {**ASK, "reasoning": {"effort": "low", "summary": "detailed"}},
          {**ASK, "reasoning": {"effort": "low"}}),
    *added(ASK, text={"format": FORMAT}),
    Field("`text.format` `json_object`", {**ASK, "text": {"format": {"type": "json_object"}}}, ASK),
    Field("`text.verbosity`", {**ASK, "text": {"verbosity": "low"}}, ASK),
    *added(ASK, tools=[FUNCTION]),
    *added(WITH_TOOL, tool_choice="required", parallel_tool_calls=False),
    *added(ASK, max_tool_calls=3, store=True),
    *added(
        ASK,
        previous_response_id="resp_1",
        conversation="conv_1",
        prompt={"id": "pmpt_1"},
        background=True,
        background_options={"webhook": "https://example.com"},
        truncation="auto",
        context_management=[{"type": "compaction", "compact_threshold": 1000}],
        include=["file_search_call.results"],
        image={"size": "auto"},
        metadata={"team": "a"},
        user="u-1",
        safety_identifier="u-1",
        service_tier="flex",
        moderation={"policy": {"input": {"mode": "block"}}},
        access_programs={"a": "b"},
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        prompt_cache_options={"mode": "implicit", "ttl": "30m"},
        stream=True,
    ),
    *added({**ASK, "stream": True}, stream_options={"include_obfuscation": False}),
    Field("any other", {**ASK, "some_field": 1}, ASK),
]  # fmt: skip
"""At the top of the body."""

CONTENT = [
    talk("message `system` or `developer`, later", ASKED,
         {"type": "message", "role": "developer", "content": "S."}, ASKED, without=(ASKED, ASKED)),
    part("part `input_image`, data", PICTURE),
    part("part `input_image`, address", {
        "type": "input_image", "image_url": "https://example.com/a.png"}),
    part("part `input_file`, `file_data`", {
        "type": "input_file", "filename": "a.pdf",
        "file_data": f"data:application/pdf;base64,{PDF}"}),
    part("part `input_file`, `file_url`", {
        "type": "input_file", "file_url": "https://example.com/a.pdf"}),
    part("part with a `file_id`", {"type": "input_file", "file_id": "file-1"}),
    talk("`function_call` and its output", ASKED, CALL, RESULT, without=(ASKED,)),
    talk("picture in an output", ASKED, CALL, {**RESULT, "output": [TEXT, PICTURE]},
         without=(ASKED, CALL, RESULT)),
    talk("`reasoning` of another maker", ASKED, {
        "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}, CALL, RESULT,
        without=(ASKED, CALL, RESULT)),
    talk("steps of OpenAI's own tools", ASKED, SEARCHED, ASKED, without=(ASKED, ASKED)),
    talk("`item_reference`", ASKED, {"type": "item_reference", "id": "msg_1"}, without=(ASKED,)),
    tool("tool `custom`", type="custom", name="g"),
    tool("tools `local_shell`, `shell`, `apply_patch`", type="local_shell"),
    tool("tool `tool_search` of the client", type="tool_search", execution="client"),
    tool("tool `namespace`", type="namespace", name="n", description="N.",
         tools=[{**FUNCTION, "name": "g"}]),
    tool("tool `web_search`", type="web_search"),
    tool("tool `code_interpreter`", type="code_interpreter", container={"type": "auto"}),
    tool("tool `file_search`, `mcp`, `image_generation`, `computer`", type="file_search",
         vector_store_ids=["v"]),
    Field("such a tool alone", {**ASK, "tools": [{
        "type": "file_search", "vector_store_ids": ["v"]}]}, ASK),
    Field("`strict` of a function", {**ASK, "tools": [{**FUNCTION, "strict": True}]}, WITH_TOOL),
    Field("`tool_choice` `allowed_tools`", {**WITH_TOOL, "tool_choice": {
        "type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}},
        WITH_TOOL),
]  # fmt: skip
"""In items and tools."""
