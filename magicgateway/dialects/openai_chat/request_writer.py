"""Requests for OpenAI-compatible providers, as their capabilities say that they want them.

See: https://platform.openai.com/docs/api-reference/chat/create; openai 3.57 (Python), 2026-10.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field

from magicgateway.conversation.blocks import OPENAI, ToolResult
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.names import free_name, rename_tools
from magicgateway.conversation.parameters import (
    PARALLEL_TOOL_CALLS,
    RESPONSE_FORMAT,
    TOOL_CHOICE,
    ResponseFormat,
)
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import ASSISTANT, SYSTEM, Request, Turn
from magicgateway.conversation.schema import is_strict, is_wrapped, object_schema
from magicgateway.conversation.turns import (
    checked_results,
    leading,
    placed_systems,
    results_first,
)
from magicgateway.dialects.grammar import Sent
from magicgateway.dialects.openai_chat.extras import put_back
from magicgateway.dialects.openai_chat.message_writer import MessageWriter
from magicgateway.dialects.openai_chat.part_writer import SAID
from magicgateway.dialects.openai_chat.settings_writer import SettingsWriter
from magicgateway.dialects.openai_chat.tool_writer import (
    WrittenTools,
    write_choice,
    write_tools,
)
from magicgateway.wire.jsontext import encode

_JSON_ONLY = "Answer with one JSON object and nothing else."
_JSON_SCHEMA = "Answer with one JSON value that fits this JSON schema, and nothing else:\n"
_FORMAT_NAME = "structured_output"


def write_request(request: Request, capabilities: Capabilities, ledger: Ledger) -> Sent:
    """The JSON object of an upstream request.

    Raises:
        ApiError: 400: the request cannot be had from this target; ``param`` is the field.
    """
    return _Writing(request, capabilities, ledger).write()


@define
class _Writing:
    """One request on its way out. State: what is written of it."""

    request: Request
    capabilities: Capabilities
    ledger: Ledger
    body: dict[str, Any] = field(factory=dict)
    instructions: list[str] = field(factory=list)
    json_tool: str | None = None

    def write(self) -> Sent:
        request, names = rename_tools(self.request, self.capabilities.longest_tool_name)
        settings = SettingsWriter(request.parameters, self.body, self.capabilities, self.ledger)
        choice = request.parameters.get(TOOL_CHOICE)
        written = write_tools(request.tools, choice, self.capabilities, self.ledger)
        left = settings.write()
        if choice is not None:
            left.take(TOOL_CHOICE)
            place = request.parameters.named(TOOL_CHOICE)
            said = write_choice(choice, place, written, self.capabilities, self.ledger)
            if said is not None:
                self.body["tool_choice"] = said
        self._format(settings, written)
        self._tools(settings, written)
        writer = MessageWriter(self.capabilities, written.wrapped, self.ledger)
        messages = writer.write(self._turns(request))
        if messages and messages[-1]["role"] == ASSISTANT:
            self.ledger.emulate(writer.last_field, Reason.MAY_BEGIN_ANEW)
        if written.search is not None:
            self.body.setdefault("web_search_options", dict(written.search.raw))
        left.settle(self.ledger, SAID)
        if not messages:
            place = request.turns[0].field.partition("[")[0] if request.turns else ""
            raise invalid(place or "messages", "must hold a message that says something")
        self._instruct(messages)
        self.body = {"model": request.model, "messages": messages, **self.body}
        self._stream(request)
        self._extras(request)
        wrapped = frozenset(names.get(name, name) for name in written.wrapped)
        return Sent(
            body=self._renamed(),
            names=names,
            json_tool=self.json_tool,
            wrapped=wrapped,
            stream=request.stream,
            origin=self.capabilities.origin,
        )

    def _tools(self, settings: SettingsWriter, written: WrittenTools) -> None:
        parallel = settings.taking
        if not written.tools:
            parallel.take(PARALLEL_TOOL_CALLS)
            return
        self.body["tools"] = written.tools
        if not self.capabilities.chat.parallel_tool_calls:
            return
        if settings.take(PARALLEL_TOOL_CALLS, PARALLEL_TOOL_CALLS.name) is False:
            self.body["parallel_tool_calls"] = False

    def _turns(self, request: Request) -> tuple[Turn, ...]:
        turns = request.turns
        if _is_mixed(turns):
            turns = results_first(turns)
        turns = checked_results(turns, self.ledger)
        if not self.capabilities.chat.mid_system:
            first, rest = leading(turns)
            turns = (*first, *placed_systems(rest, mid_system=False, ledger=self.ledger))
        return turns

    def _instruct(self, messages: list[dict[str, Any]]) -> None:
        """Put what stands for a format after the leading system messages."""
        if not self.instructions:
            return
        at = 0
        while at < len(messages) and messages[at]["role"] in (SYSTEM, "developer"):
            at += 1
        messages.insert(at, {"role": SYSTEM, "content": "\n\n".join(self.instructions)})

    def _format(self, settings: SettingsWriter, written: WrittenTools) -> None:
        form = self.request.parameters.get(RESPONSE_FORMAT)
        if form is None or "response_format" in self.capabilities.chat.drops:
            return
        settings.taking.take(RESPONSE_FORMAT)
        place = self.request.parameters.named(RESPONSE_FORMAT)
        if form.kind == "json_object":
            self._json_object(place)
        elif form.kind == "json_schema":
            self._json_schema(form, place, written)
        elif form.kind != "text":
            self.body["response_format"] = {"type": form.kind}

    def _json_object(self, place: str) -> None:
        chat = self.capabilities.chat
        if chat.json_object:
            self.body["response_format"] = {"type": "json_object"}
            return
        self.ledger.emulate(place, Reason.BY_PROMPT)
        self.instructions.append(_JSON_ONLY)

    def _json_schema(self, form: ResponseFormat, place: str, written: WrittenTools) -> None:
        chat = self.capabilities.chat
        if chat.json_schema:
            self.body["response_format"] = {
                "type": "json_schema",
                "json_schema": self._schema(form, place),
            }
            return
        if not chat.json_object and self.capabilities.tools and "tool_choice" not in chat.drops:
            self._force_tool(form, place, written)
            return
        if chat.json_object:
            self.body["response_format"] = {"type": "json_object"}
        self.ledger.emulate(place, Reason.BY_PROMPT)
        self.instructions.append(_JSON_SCHEMA + encode(form.schema or {}).decode())

    def _schema(self, form: ResponseFormat, place: str) -> dict[str, Any]:
        inner: dict[str, Any] = {"name": form.name or _FORMAT_NAME}
        if form.description is not None:
            inner["description"] = form.description
        if form.schema is not None:
            inner["schema"] = form.schema
        if is_strict(form.schema):
            # Anthropic's formats have no name, and bind as OpenAI's strict ones do.
            if form.strict or (form.strict is None and form.name is None):
                inner["strict"] = True
        elif form.strict and form.name is not None:
            self.ledger.drop(joined(place, "json_schema.strict"), Reason.SCHEMA_NOT_STRICT)
        return inner

    def _force_tool(self, form: ResponseFormat, place: str, written: WrittenTools) -> None:
        """Ask for the answer as the arguments of a tool that has to be called."""
        self.ledger.emulate(place, Reason.BY_TOOL)
        taken = {tool[tool["type"]]["name"] for tool in written.tools}
        name = self.json_tool = free_name(form.name or _FORMAT_NAME, taken)
        about = form.description or "The answer to the user, in the form that was asked for."
        function = {
            "name": name,
            "description": about,
            "parameters": object_schema(form.schema),
        }
        if is_wrapped(form.schema):
            written.wrapped.add(name)
        alone = not written.tools
        written.tools.append({"type": "function", "function": function})
        word = self.capabilities.chat.required_choice
        if alone or not word:
            self.body["tool_choice"] = {"type": "function", "function": {"name": name}}
        else:
            self.body["tool_choice"] = word

    def _stream(self, request: Request) -> None:
        if not request.stream:
            return
        self.body["stream"] = True
        chat = self.capabilities.chat
        if chat.stream_options and "stream_options" not in chat.drops:
            self.body["stream_options"] = {"include_usage": True}

    def _extras(self, request: Request) -> None:
        put_back(self.body, request.extras, self.ledger)
        if request.extras.family != OPENAI:
            return
        for name in request.extras.fields.keys() & self.capabilities.chat.drops:
            self.body.pop(name, None)
            self.ledger.drop(name)

    def _renamed(self) -> dict[str, Any]:
        names = self.capabilities.chat.renames
        return {names.get(name, name): value for name, value in self.body.items()}


def _is_mixed(turns: tuple[Turn, ...]) -> bool:
    """Whether something stands between a call and its result."""
    others = False
    for turn in turns:
        if turn.role == ASSISTANT:
            others = False
            continue
        results = any(isinstance(block, ToolResult) for block in turn.blocks)
        if results and others:
            return True
        others = others or any(not isinstance(block, ToolResult) for block in turn.blocks)
    return False
