"""What a writer may ask of the model it writes for.

``providers/`` computes one value per provider and model, from the row, the table of models and the
configuration; writers read it and never see a name. What is unknown has plain defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

ALL = "all"
ONE = "one"
NONE = "none"

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""All levels, weakest first."""

HOSTED_TOOLS = frozenset({"web_search", "web_fetch", "code_execution"})
"""Kinds of hosted tools that callers may use unless the operator says otherwise."""


@frozen(kw_only=True)
class ChatAbilities:
    """How an OpenAI-compatible chat provider differs from OpenAI.

    Attributes:
        max_tokens_field: ``max_completion_tokens`` or ``max_tokens``.
        reasoning_field: Where it takes and gives reasoning: ``reasoning_content``,
            ``reasoning``, ``reasoning_text``; empty where it takes none.
        reasoning_echo: It wants its own reasoning back in later turns.
        stream_options: It knows ``stream_options.include_usage``.
        renames: OpenAI's parameter to the provider's.
        drops: OpenAI's parameters that it refuses, and so are left out and reported.
        cache_marks: The field of a content part by which it is told to cache up to there:
            ``prompt_cache_breakpoint``, ``cache_control``; empty where it has none.
        allowed_tools: It knows ``tool_choice`` ``allowed_tools``.
        required_choice: Its word for OpenAI's ``tool_choice`` ``required``; empty: it has none.
        text_parts: A user's text may be several parts; else it is joined to one string.
        mid_system: System messages may stand anywhere.
    """

    max_tokens_field: str = "max_completion_tokens"
    reasoning_field: str = "reasoning_content"
    reasoning_echo: bool = False
    developer_role: bool = True
    stream_options: bool = True
    parallel_tool_calls: bool = True
    json_schema: bool = True
    json_object: bool = True
    custom_tools: bool = False
    tool_images: bool = False
    top_k: bool = False
    web_search: bool = False
    cache_marks: str = ""
    allowed_tools: bool = False
    required_choice: str = "required"
    text_parts: bool = True
    mid_system: bool = True
    most_stops: int = 4
    longest_user: int = 64
    renames: Mapping[str, str] = MappingProxyType({})
    drops: frozenset[str] = frozenset()


@frozen(kw_only=True)
class ClaudeAbilities:
    """What a Claude model takes, by whichever way it is reached.

    Attributes:
        thinking: The ``type`` values it accepts besides ``disabled``.
        can_disable: ``disabled`` is accepted.
        quiet_effort: The strongest effort that is accepted together with ``disabled``.
        forced_tools: ``tool_choice`` ``any`` and ``tool`` are accepted.
        prefill: The last message may be the assistant's.
        mid_system: Messages may have the role ``system``.
        hosted_tools: Kinds of hosted tools (HostedTool.kind) the operator lets callers use.
    """

    thinking: frozenset[str] = frozenset({"adaptive"})
    can_disable: bool = True
    quiet_effort: str = "max"
    forced_tools: bool = True
    prefill: bool = False
    mid_system: bool = False
    structured_outputs: bool = True
    hosted_tools: frozenset[str] = HOSTED_TOOLS


@frozen(kw_only=True)
class ConverseAbilities:
    """What a family of models takes on Bedrock's Converse.

    Attributes:
        reasoning: How it is told to think: ``claude``, ``nova``, ``effort`` (a top-level
            ``reasoning_effort``), ``openai`` (``reasoning.effort``), ``qwen``; empty: not at all.
        always_thinks: It cannot be told not to; Claude's are told by ``claude.can_disable``.
        top_k: Where ``top_k`` goes: ``claude``, ``nova``; empty: nowhere.
        cache: It takes cache points, ``cache_ttl``: with a lifetime, ``cache_tools``: in tools.
        tool_choice: The forms of toolChoice it takes.
        tool_streaming: Tools work with ConverseStream.
        streaming: ConverseStream works.
        strict_tools: ``strict`` is accepted in a toolSpec.
        structured_outputs: ``outputConfig.textFormat`` is accepted.
        text_with_results: What may stand beside a tool's result in one turn: ``all``,
            ``images`` (text and images), ``none``.
        result_json: Tool results are given as ``json`` rather than as ``text``.
        result_status: ``status`` is accepted in a tool's result.
        nine_letter_ids: Tool calls must be named by nine letters or digits.
        first_user: The first turn must be the user's.
        replays_reasoning: It takes its signed reasoning back.
        blank_stops: White space alone may be a stop sequence.
        cache_after_files: A cache point may come straight after a document or a video.
        result_documents: Documents may stand in a tool's result.
        code_interpreter: It has a hosted one.
        tells_more: Asked by ``additionalModelResponseFieldPaths``, it tells the stop sequence that
            was met and how many tokens were thought.
    """

    reasoning: str = ""
    always_thinks: bool = False
    top_k: str = ""
    cache: bool = False
    cache_ttl: bool = False
    cache_tools: bool = False
    tool_choice: frozenset[str] = frozenset({"auto", "any", "tool"})
    tool_streaming: bool = True
    streaming: bool = True
    stops: bool = True
    system: bool = True
    strict_tools: bool = False
    structured_outputs: bool = False
    text_with_results: str = ALL
    result_images: bool = True
    result_json: bool = False
    result_status: bool = True
    nine_letter_ids: bool = False
    first_user: bool = True
    prefill: bool = True
    replays_reasoning: bool = False
    parallel_control: bool = False
    grounding: bool = False
    blank_stops: bool = True
    cache_after_files: bool = True
    result_documents: bool = True
    code_interpreter: bool = False
    tells_more: bool = False


@frozen(kw_only=True)
class EmbeddingAbilities:
    """How a family of embedding models is asked where it has no OpenAI door.

    Attributes:
        form: The shape of its bodies: ``titan`` (one text), ``titan_image``, ``cohere``
            (several texts), ``cohere_by_type`` (and lists by type), ``nova``; empty: none.
        dimensions: Lengths of vectors that may be asked for; empty: they cannot be chosen.
        most_inputs: Texts in one request.
    """

    form: str = ""
    dimensions: tuple[int, ...] = ()
    most_inputs: int = 1


@frozen(kw_only=True)
class Capabilities:
    """What a provider's model takes.

    Attributes:
        origin: Whose tokens (signatures, encrypted reasoning) it can read: ``anthropic``,
            ``openai``, or the provider's own name.
        sampling: Which of temperature, top_p and top_k: ``all``, ``one`` of the first two, or
            ``none``.
        efforts: Levels of reasoning effort, weakest first; empty: it knows none.
        default_effort: The level it has when none is asked for, where that is known. A model that
            thinks only when told to (``none``) takes sampling parameters until then.
        encrypted_reasoning: Responses can ask it for ``reasoning.encrypted_content``, and give it
            back. Models that do not reason refuse both.
        default_max_tokens: Sent where the dialect demands a limit and the caller gave none.
        max_output_tokens: The model's own limit, None where it is not known.
        images: It sees. ``image_urls``: it fetches them itself.
        documents: It reads files. ``document_urls``: it fetches them itself.
        audio: It hears.
        forms: Media types of images it takes.
        longest_tool_name: In characters.
        hosted_tools: Kinds of hosted tools (HostedTool.kind) the operator lets callers use,
            whatever runs them.
    """

    origin: str = ""
    sampling: str = ALL
    efforts: tuple[str, ...] = ()
    default_effort: str = ""
    encrypted_reasoning: bool = True
    default_max_tokens: int = 32000
    max_output_tokens: int | None = None
    images: bool = True
    image_urls: bool = True
    documents: bool = True
    document_urls: bool = False
    audio: bool = False
    tools: bool = True
    longest_tool_name: int = 64
    hosted_tools: frozenset[str] = HOSTED_TOOLS
    chat: ChatAbilities = ChatAbilities()
    claude: ClaudeAbilities = ClaudeAbilities()
    converse: ConverseAbilities = ConverseAbilities()
    embeddings: EmbeddingAbilities = EmbeddingAbilities()


PLAIN = Capabilities()
