"""Requests as Anthropic's Messages API takes them, by what the model is known to take.

See: https://docs.anthropic.com/en/api/messages; 2026-11.
"""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.limits import answer_limit
from magicgateway.conversation.names import free_name
from magicgateway.conversation.parameters import (
    MAX_TOKENS,
    PARALLEL_TOOL_CALLS,
    REASONING,
    RESPONSE_FORMAT,
    TOOL_CHOICE,
    WEB_SEARCH,
    Parameter,
    Reasoning,
)
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import Request
from magicgateway.dialects.anthropic_messages.block_writer import BlockWriter, Json
from magicgateway.dialects.anthropic_messages.extras import SAID, put_back
from magicgateway.dialects.anthropic_messages.fitting import fitted
from magicgateway.dialects.anthropic_messages.format_writer import (
    JSON_TOOL,
    Form,
    json_tool,
    write_form,
)
from magicgateway.dialects.anthropic_messages.settings_writer import write_settings
from magicgateway.dialects.anthropic_messages.thinking_writer import (
    ENABLED,
    Thinker,
    Thought,
    unforced,
)
from magicgateway.dialects.anthropic_messages.tool_choosing import SEARCH, chosen_tools, permitted
from magicgateway.dialects.anthropic_messages.tool_writer import (
    Strictness,
    WrittenTools,
    stubs,
    write_choice,
    write_tools,
)
from magicgateway.dialects.anthropic_messages.turn_writer import lacks_thinking, write_turns
from magicgateway.dialects.grammar import Sent

_OF_TOOLS: frozenset[Parameter[Any]] = frozenset(
    {TOOL_CHOICE, PARALLEL_TOOL_CALLS, RESPONSE_FORMAT, WEB_SEARCH}
)


def write_request(request: Request, capabilities: Capabilities, ledger: Ledger) -> Sent:
    """The JSON object of an upstream request, with losses reported in the ledger.

    Raises:
        ApiError: 400: the request cannot be had from this target; ``param`` is the field.
    """
    return _RequestWriting(request, capabilities, ledger).sent()


class _RequestWriting:
    """One request being written. State: which of its settings are dealt with."""

    def __init__(self, request: Request, capabilities: Capabilities, ledger: Ledger) -> None:
        self._asked = request
        self._capabilities = capabilities
        self._ledger = ledger
        self._parameters = request.parameters
        self._taking = request.parameters.taking()
        self._json_tool: str | None = None

    def sent(self) -> Sent:
        """All of it."""
        capabilities, ledger = self._capabilities, self._ledger
        request = chosen_tools(self._asked, capabilities, ledger)
        request, names = fitted(
            request, capabilities.origin, capabilities.longest_tool_name, ledger
        )
        reasoning = self._taking.take(REASONING)
        tools, form = self._tools(request, reasoning)
        blocks = BlockWriter(capabilities, tools.wrapped, ledger)
        system, messages = write_turns(request.turns, blocks, capabilities, ledger)
        if form.asked is not None:
            system.append(form.asked)
        thought = self._thought(reasoning, tools, messages)
        body: Json = {"model": request.model, "max_tokens": thought.max_tokens}
        if system:
            body["system"] = system
        body["messages"] = messages
        self._declare(body, tools, request)
        if request.stream:
            body["stream"] = True
        body |= write_settings(
            self._parameters, self._taking, capabilities, ledger, manual=thought.manual
        )
        _configure(body, thought, form)
        self._taking.settle(ledger, SAID)
        put_back(body, request.extras, ledger)
        wrapped = frozenset(names.get(name, name) for name in tools.wrapped)
        return Sent(
            body=body,
            names=names,
            json_tool=self._json_tool,
            wrapped=wrapped,
            stream=request.stream,
            origin=capabilities.origin,
        )

    def _tools(self, request: Request, reasoning: Reasoning | None) -> tuple[WrittenTools, Form]:
        """The tools, with one for the response format where nothing else makes sure of it."""
        parameters, taking = self._parameters, self._taking
        if not request.tools and not taking.has_any(_OF_TOOLS):
            return WrittenTools(), Form()
        capabilities, ledger = self._capabilities, self._ledger
        if SEARCH in permitted(capabilities):
            taking.take(WEB_SEARCH)  # a tool by now
        strictness = Strictness()
        choice, parallel = request.parameters.get(TOOL_CHOICE), taking.take(PARALLEL_TOOL_CALLS)
        taking.take(TOOL_CHOICE)
        given = taking.take(RESPONSE_FORMAT)
        form = write_form(
            given,
            parameters.named(RESPONSE_FORMAT),
            forced=choice is not None and choice.mode == "tool",
            can_force=capabilities.claude.forced_tools and not self._has_budget(reasoning),
            strictness=strictness,
            capabilities=capabilities,
            ledger=ledger,
        )
        tools = write_tools(request, capabilities, strictness, ledger)
        write_choice(
            choice,
            parameters.named(TOOL_CHOICE),
            parallel=parallel,
            written=tools,
            capabilities=capabilities,
            ledger=ledger,
        )
        if form.tool is not None and given is not None:
            self._json_tool = free_name(JSON_TOOL, {str(tool.get("name")) for tool in tools.tools})
            self._stand_in(tools, form, json_tool(form, given, self._json_tool), parallel)
        return tools, form

    def _has_budget(self, reasoning: Reasoning | None) -> bool:
        """Whether the caller wants thinking by a budget, beside which nothing can be forced."""
        own = ENABLED in self._capabilities.claude.thinking
        return own and reasoning is not None and reasoning.kind == ENABLED

    def _stand_in(
        self, tools: WrittenTools, form: Form, declared: Json, parallel: bool | None
    ) -> None:
        """Declare the tool that stands for a format, and force it, or any beside others."""
        others = bool(tools.tools) and (tools.choice is None or tools.choice["type"] != "none")
        tools.tools.append(declared)
        if form.wrapped:
            tools.wrapped.add(declared["name"])
        tools.choice = {"type": "any"} if others else {
            "type": "tool", "name": declared["name"]
        }  # fmt: skip
        if parallel is False or not others:
            tools.choice["disable_parallel_tool_use"] = True

    def _thought(
        self, reasoning: Reasoning | None, tools: WrittenTools, messages: list[Json]
    ) -> Thought:
        limit = self._taking.take(MAX_TOKENS)
        if limit:  # 0 is what Anthropic's own callers keep a cache warm with
            named = self._parameters.named(MAX_TOKENS)
            limit = answer_limit(limit, named, self._capabilities, self._ledger)
        place = self._parameters.named(REASONING)
        told = Ledger()  # of thinking that may have to give way, and then has no other fate
        thinker = Thinker(place, limit, self._capabilities, told)
        thought = thinker.think(reasoning)
        if not thought.manual:
            self._ledger.extend(told.notes)
            return thought
        plain = thinker.think(None)
        if tools.forced:
            thought = unforced(thought, reasoning, plain, place, self._ledger)
        if thought.manual and lacks_thinking(messages):
            self._ledger.drop(place, Reason.HISTORY_WITHOUT_THINKING)
            return plain
        if thought.manual:
            self._ledger.extend(told.notes)
        return thought

    def _declare(self, body: Json, tools: WrittenTools, request: Request) -> None:
        if tools.tools:
            body["tools"] = tools.tools
            if tools.choice is not None:
                body["tool_choice"] = tools.choice
        elif declared := stubs(request):
            # Without any tool, a history of calls may be refused.
            body["tools"] = declared
            body["tool_choice"] = {"type": "none"}


def _configure(body: Json, thought: Thought, form: Form) -> None:
    output: Json = {}
    if thought.thinking is not None:
        body["thinking"] = thought.thinking
    if thought.effort is not None:
        output["effort"] = thought.effort
    if form.native is not None:
        output["format"] = form.native
    if output:
        body["output_config"] = output
