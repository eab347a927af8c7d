"""Every field of a Messages request, each in an example."""

from __future__ import annotations

from typing import Any

from anthropic.types.beta.message_create_params import MessageCreateParamsNonStreaming

from tests.docs.mappings import PDF, PNG, SCHEMA, Field, Json, added

PARAMS = MessageCreateParamsNonStreaming
ELSEWHERE = {"model", "messages", "betas"}
"""``betas`` is the SDK's word for the header ``anthropic-beta``."""
TEXT = {"type": "text", "text": "Hello."}
ASK: Json = {"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": [TEXT]}]}
TOOL: Json = {"name": "f", "input_schema": SCHEMA}
WITH_TOOL: Json = {**ASK, "tools": [TOOL]}
PICTURE: Json = {"type": "image", "source": {
    "type": "base64", "media_type": "image/png", "data": PNG}}  # fmt: skip
FILE: Json = {"type": "document", "source": {
    "type": "base64", "media_type": "application/pdf", "data": PDF}}  # fmt: skip
CALL: Json = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
RESULT: Json = {"type": "tool_result", "tool_use_id": "c1", "content": [TEXT]}
ASKED = {"role": "user", "content": [TEXT]}
ANSWERED = {"role": "assistant", "content": [TEXT]}
CALLED = {"role": "assistant", "content": [TEXT, CALL]}
RETURNED = {"role": "user", "content": [RESULT]}
SEARCH: Json = {"type": "web_search_20250305", "name": "web_search"}


def block(label: str, what: Json) -> Field:
    """A block of a user's message."""
    return talk(label, {"role": "user", "content": [TEXT, what]}, without=(ASKED,))


def talk(label: str, *messages: Any, without: tuple[Any, ...]) -> Field:
    """Some messages."""
    return Field(label, {**WITH_TOOL, "messages": messages}, {**WITH_TOOL, "messages": without})


SETTINGS = [
    *added({"model": "m", "messages": ASK["messages"], "max_tokens": 1}, max_tokens=500),
    *added(
        ASK,
        system=[TEXT],
        temperature=0.5,
        top_p=0.5,
        top_k=5,
        stop_sequences=["END"],
        thinking={"type": "enabled", "budget_tokens": 2000},
    ),
    *added(ASK, output_config={"effort": "low"}),
    Field("`output_config.format`", {**ASK, "output_config": {
        "format": {"type": "json_schema", "schema": SCHEMA}}}, ASK),
    *added(ASK, tools=[TOOL]),
    *added(WITH_TOOL, tool_choice={"type": "any"}),
    Field("its `disable_parallel_tool_use`", {**WITH_TOOL, "tool_choice": {
        "type": "any", "disable_parallel_tool_use": True}},
        {**WITH_TOOL, "tool_choice": {"type": "any"}}),
    *added(
        ASK,
        metadata={"user_id": "u-1"},
        service_tier="standard_only",
        speed="fast",
        cache_control={"type": "ephemeral"},
        context_management={"edits": []},
        container="c",
        mcp_servers=[{"type": "url", "url": "https://example.com", "name": "s"}],
        inference_geo="us",
        billing_policy="p",
        compaction={"type": "auto"},
        diagnostics={},
        fallback_credit_token="t",
        fallbacks=["n"],
        thread="t",
        user_profile_id="p",
        workspace_id="w",
        stream=True,
    ),
    Field("any other", {**ASK, "some_field": 1}, ASK),
]  # fmt: skip
"""At the top of the body."""

CONTENT = [
    talk("role `system`, after an answer", ASKED, ANSWERED, {"role": "system", "content": "S."},
         without=(ASKED, ANSWERED)),
    talk("an answer's beginning", ASKED, ANSWERED, without=(ASKED,)),
    block("`image`, data", PICTURE),
    block("`image`, address", {"type": "image", "source": {
        "type": "url", "url": "https://example.com/a.png"}}),
    block("`document`, data", FILE),
    block("`document`, text", {"type": "document", "source": {
        "type": "text", "media_type": "text/plain", "data": "Words."}}),
    block("`document`, address", {"type": "document", "source": {
        "type": "url", "url": "https://example.com/a.pdf"}}),
    block("`image` or `document`, `file_id`", {"type": "document", "source": {
        "type": "file", "file_id": "file_1"}}),
    talk("`title` of a document", {"role": "user", "content": [TEXT, {**FILE, "title": "T"}]},
         without=({"role": "user", "content": [TEXT, FILE]},)),
    talk("`context` of a document", {"role": "user", "content": [TEXT, {**FILE, "context": "C"}]},
         without=({"role": "user", "content": [TEXT, FILE]},)),
    talk("`citations` of a document", {"role": "user", "content": [
        TEXT, {**FILE, "citations": {"enabled": True}}]},
        without=({"role": "user", "content": [TEXT, FILE]},)),
    block("`search_result`", {"type": "search_result", "source": "s", "title": "T",
                              "content": [TEXT]}),
    talk("`tool_use` and `tool_result`", ASKED, CALLED, RETURNED, without=(ASKED, ANSWERED)),
    talk("picture in a `tool_result`", ASKED, CALLED,
         {"role": "user", "content": [{**RESULT, "content": [TEXT, PICTURE]}]},
         without=(ASKED, CALLED, RETURNED)),
    talk("`is_error`", ASKED, CALLED, {"role": "user", "content": [{**RESULT, "is_error": True}]},
         without=(ASKED, CALLED, RETURNED)),
    talk("`thinking`, of the target's maker", ASKED, {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, TEXT, CALL]}, RETURNED,
        without=(ASKED, CALLED, RETURNED)),
    talk("steps of Anthropic's own tools", ASKED, {"role": "assistant", "content": [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}, TEXT]}, ASKED,
        without=(ASKED, ANSWERED, ASKED)),
    block("block of another type", {"type": "some_block"}),
    talk("`cache_control`", {
        "role": "user", "content": [{**TEXT, "cache_control": {"type": "ephemeral"}}]},
        without=(ASKED,)),
    Field("tool `bash_…`, `text_editor_…`, `memory_…`", {**WITH_TOOL, "tools": [
        TOOL, {"type": "bash_20250124", "name": "bash"}]}, WITH_TOOL),
    Field("tool `web_search_…`", {**WITH_TOOL, "tools": [TOOL, SEARCH]}, WITH_TOOL),
    Field("tool `code_execution_…`", {**WITH_TOOL, "tools": [
        TOOL, {"type": "code_execution_20250825", "name": "code_execution"}]}, WITH_TOOL),
    Field("tool `web_fetch_…`", {**WITH_TOOL, "tools": [
        TOOL, {"type": "web_fetch_20250910", "name": "web_fetch"}]}, WITH_TOOL),
    Field("such a tool alone", {**ASK, "tools": [
        {"type": "web_fetch_20250910", "name": "web_fetch"}]}, ASK),
    Field("`strict` of a tool", {**ASK, "tools": [{**TOOL, "strict": True}]}, WITH_TOOL),
]  # fmt: skip
"""In messages and tools."""
