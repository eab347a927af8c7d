"""What a caller asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import Factory, frozen

from magicgateway.conversation.blocks import NO_EXTRAS, Block, CacheMark, Extras
from magicgateway.conversation.parameters import Parameters

SYSTEM = "system"
DEVELOPER = "developer"
USER = "user"
ASSISTANT = "assistant"
TOOL = "tool"


@frozen(kw_only=True)
class Turn:
    """One message, as its dialect cut it: passes in this room merge and split.

    Attributes:
        role: One of the five above. Results of tools stand in turns of ``tool`` (OpenAI) or
            ``user`` (Anthropic, Converse).
        lead: It stands outside the messages: ``system``, ``instructions``.
        name: OpenAI's name of the participant.
        whole: Its content was one string.
    """

    role: str
    blocks: tuple[Block, ...]
    lead: bool = False
    name: str | None = None
    whole: bool = False
    field: str = ""
    item_id: str | None = None
    extras: Extras = NO_EXTRAS


@frozen(kw_only=True)
class Tool:
    """A tool that the caller runs.

    Attributes:
        kind: ``function``, ``custom``, or a client-run kind of a family's own (``local_shell``,
            ``apply_patch``, ``bash_20250124``), which is declared in ``raw``.
        schema: JSON schema of a function's arguments, as given; None where nothing was.
        strict: None where nothing was said.
        strict_by_default: Its dialect then means ``true``, as Responses does.
        grammar: A custom tool's ``format``.
        namespace: Responses' group that it stands in.
        namespace_about: What the group is for.
        raw: The whole declaration of a kind that a family defines.
        family: Who can read ``raw``.
    """

    name: str
    kind: str = "function"
    description: str | None = None
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    strict_by_default: bool = False
    grammar: Mapping[str, Any] | None = None
    namespace: str | None = None
    namespace_about: str | None = None
    cache: CacheMark | None = None
    raw: Mapping[str, Any] | None = None
    family: str = ""
    field: str = ""
    extras: Extras = NO_EXTRAS


@frozen(kw_only=True)
class HostedTool:
    """A tool that the provider runs.

    Attributes:
        kind: What it does, across families: ``web_search``, ``web_fetch``, ``code_execution``,
            ``file_search``, ``image_generation``, ``computer``, ``mcp``, ``tool_search``, …
        raw: Its declaration, for its own family.
        family: Whose words ``raw`` is in.
    """

    kind: str
    raw: Mapping[str, Any]
    family: str
    name: str = ""
    field: str = ""
    cache: CacheMark | None = None


@frozen(kw_only=True)
class Request:
    """One request for a completion.

    Attributes:
        model: As the provider is asked for it.
        turns: In order, leading ones first.
        tools: In order, of both sorts.
        stream: The answer is to come in events.
        include_usage: An OpenAI chat caller wants the chunk with the usage.
        legacy_functions: A chat caller speaks of ``functions``, and is answered so.
    """

    model: str
    turns: tuple[Turn, ...] = ()
    tools: tuple[Tool | HostedTool, ...] = ()
    parameters: Parameters = Factory(Parameters)
    stream: bool = False
    include_usage: bool = False
    legacy_functions: bool = False
    extras: Extras = NO_EXTRAS
