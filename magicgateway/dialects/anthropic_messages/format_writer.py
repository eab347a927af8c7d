"""The shape that an answer has to have: by the model itself, by a tool, or by asking for it."""

from __future__ import annotations

from attrs import evolve, frozen

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, invalid
from magicgateway.conversation.parameters import ResponseFormat
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.schema import (
    Inexpressible,
    Restricted,
    is_wrapped,
    object_schema,
    restricted,
)
from magicgateway.dialects.anthropic_messages.block_writer import Json, text_block
from magicgateway.dialects.anthropic_messages.extras import SAID
from magicgateway.dialects.anthropic_messages.tool_writer import Strictness
from magicgateway.wire.jsontext import encode

JSON_TOOL = "json_answer"
"""The name of the tool that stands for a format, where no other tool has it."""
_ANY_OBJECT = "Answer with one JSON object and nothing else."
_THIS_SCHEMA = "Answer with one JSON value and nothing else. It has to fit this JSON schema:\n"
_ABOUT_TOOL = "Give the answer in its final form."


@frozen(kw_only=True)
class Form:
    """What a request says of the answer's shape.

    Attributes:
        native: Its ``output_config.format``.
        tool: The schema of a tool that stands for it.
        wrapped: That schema is not the caller's but holds it as ``input``.
        asked: A block at the end of the system prompt.
    """

    native: Json | None = None
    tool: Json | None = None
    wrapped: bool = False
    asked: Json | None = None


def write_form(
    given: ResponseFormat | None,
    place: str,
    *,
    forced: bool,
    can_force: bool,
    strictness: Strictness,
    capabilities: Capabilities,
    ledger: Ledger,
) -> Form:
    """The best way to a format.

    Args:
        given: As it was asked for.
        place: The field it was asked by.
        forced: A tool of the caller's has to be called, so there will be no such answer.
        can_force: A tool can be forced, which would stand for it.
        strictness: The limits of the request, of which a schema takes its part.
        capabilities: The target's.
        ledger: Told of what is emulated.

    Raises:
        ApiError: 400: nothing would make sure of it, and the caller wants that.
    """
    if given is None or given.kind == "text":
        return Form()
    if given.kind not in ("json_object", "json_schema"):
        raise invalid(place, "must be text, json_object or json_schema")
    if given.kind == "json_object" or given.schema is None:
        ledger.emulate(place, Reason.BY_PROMPT)
        return Form(asked=text_block(_ANY_OBJECT))
    native = _native(given, strictness) if capabilities.claude.structured_outputs else None
    if native is not None:
        if native.changed:
            ledger.rewrite(place, Reason.RESTRICTED_SCHEMA)
        return Form(native={"type": "json_schema", "schema": native.schema})
    if forced:
        ledger.drop(place, Reason.TOOL_IS_FORCED)
        return Form()
    if can_force:
        ledger.emulate(place, Reason.BY_TOOL)
        return Form(tool=object_schema(given.schema), wrapped=is_wrapped(given.schema))
    if given.strict:
        raise ledger.unsupported(place, SAID, "the model cannot be bound to this schema")
    ledger.emulate(place, Reason.BY_PROMPT)
    return Form(asked=text_block(_THIS_SCHEMA + encode(dict(given.schema)).decode()))


def _native(given: ResponseFormat, strictness: Strictness) -> Restricted | None:
    """The schema as the model itself can be bound to it; None where it cannot."""
    try:
        made = restricted(given.schema)
    except Inexpressible:
        return None
    if not strictness.admits(made, tool=False):
        return None
    if given.description and not made.schema.get("description"):
        return evolve(made, schema={**made.schema, "description": given.description})
    return made


def json_tool(form: Form, given: ResponseFormat, name: str) -> Json:
    """The declaration of the tool that stands for a format."""
    about = given.description or _ABOUT_TOOL
    return {"name": name, "description": about, "input_schema": form.tool}
