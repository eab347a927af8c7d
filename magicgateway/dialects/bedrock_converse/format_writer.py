"""The shape of an answer: as the model's own setting, as a tool that has to be called, in words."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from magicgateway.conversation.ledger import Ledger, invalid
from magicgateway.conversation.names import free_name, shortened
from magicgateway.conversation.parameters import (
    RESPONSE_FORMAT,
    Parameters,
    ResponseFormat,
    Taking,
)
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.schema import (
    Inexpressible,
    is_wrapped,
    object_schema,
    restricted,
)
from magicgateway.dialects.bedrock_converse.tool_writer import ToolWriter
from magicgateway.wire.jsontext import encode

JSON_ONLY = "Answer with one JSON object and nothing else."
JSON_SCHEMA = "Answer with one JSON value that fits this JSON schema, and nothing else:\n"
CALL_TOOL = "Give your answer by calling the tool {name}, and say nothing else."
TOOL_NAME = "json_response"
_ABOUT = "The answer to the user, in the form that was asked for."


@define
class FormatWriter:
    """Writes one request's response format. State: what came of it.

    Attributes:
        tools: Where a tool is added.
        budgeted: The model thinks in a budget, and so cannot be forced to call.
        output: ``outputConfig``.
        instructions: What the system has to say besides.
        json_tool: The name of the tool that stands for the format.
    """

    parameters: Parameters
    tools: ToolWriter
    ledger: Ledger
    budgeted: bool
    output: dict[str, Any] | None = None
    instructions: list[str] = field(factory=list)
    json_tool: str | None = None

    def write(self, taking: Taking) -> None:
        """Ask for the format in the best way that the target has.

        Raises:
            ApiError: 400: there is no such format.
        """
        form = taking.take(RESPONSE_FORMAT)
        if form is None or form.kind == "text":
            return
        place = self.parameters.named(RESPONSE_FORMAT)
        if form.kind not in ("json_object", "json_schema"):
            raise invalid(place, "must be text, json_object or json_schema")
        if form.kind == "json_schema" and form.schema is not None:
            self._schema(form, place)
        else:
            self.ledger.emulate(place, Reason.BY_PROMPT)
            self.instructions.append(JSON_ONLY)

    def _schema(self, form: ResponseFormat, place: str) -> None:
        abilities = self.tools.capabilities
        if abilities.converse.structured_outputs and abilities.claude.structured_outputs:
            try:
                narrow = restricted(form.schema)
            except Inexpressible:
                pass
            else:
                if narrow.changed:
                    self.ledger.rewrite(place, Reason.RESTRICTED_SCHEMA)
                self.output = {"textFormat": _text_format(form, narrow.schema)}
                return
        self._emulate(form, place)

    def _emulate(self, form: ResponseFormat, place: str) -> None:
        if self.tools.forced:
            # Whatever the answer is, it is a call.
            self.ledger.drop(place, Reason.TOOL_IS_FORCED)
        elif not self.tools.capabilities.tools:
            self.ledger.emulate(place, Reason.BY_PROMPT)
            self.instructions.append(JSON_SCHEMA + encode(form.schema).decode())
        else:
            self.ledger.emulate(place, Reason.BY_TOOL)
            self._tool(form)

    def _tool(self, form: ResponseFormat) -> None:
        others = self.tools.names
        wanted = shortened(form.name) if form.name else TOOL_NAME
        name = self.json_tool = free_name(wanted, others)
        self.tools.add(name, form.description or _ABOUT, object_schema(form.schema))
        if is_wrapped(form.schema):
            self.tools.wrapped.add(name)
        if not self.budgeted and not others and self.tools.can_force("tool"):
            self.tools.choice = {"tool": {"name": name}}
        elif not self.budgeted and self.tools.can_force("any"):
            self.tools.choice = {"any": {}}
        else:
            self.instructions.append(CALL_TOOL.format(name=name))


def _text_format(form: ResponseFormat, schema: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = {"schema": encode(schema).decode()}
    if form.name is not None:
        inner["name"] = form.name
    if form.description is not None:
        inner["description"] = form.description
    return {"type": "json_schema", "structure": {"jsonSchema": inner}}
