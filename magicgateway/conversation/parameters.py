"""The settings of a request, by name, with the rule for those a target has no place for.

A reader *gives* a setting together with the field it was read from; a writer *takes* the ones its
dialect can say. What is left then is dealt with here, in one place: what would change the kind of
answer is refused, what is only a hint is dropped and reported, and a value that asks for what
happens anyway is no loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from magicgateway.conversation.ledger import Ledger

T = TypeVar("T")


def _never(_: Any) -> bool:
    return False


def among(*values: Any) -> Callable[[Any], bool]:
    """A test whether a value is one of these, True and 1 being different things."""
    return lambda given: any(type(given) is type(value) and given == value for value in values)


@frozen(eq=False)
class Parameter(Generic[T]):
    """One setting.

    Attributes:
        name: For people, and for tables.
        refused: What a target that lacks it makes of it: a refusal, or a loss that is reported.
        idle: Whether a value asks for nothing but what happens without it.
    """

    name: str
    refused: bool = False
    idle: Callable[[Any], bool] = _never


@frozen
class ResponseFormat:
    """The shape an answer has to have: ``kind`` is ``text``, ``json_object``, ``json_schema``."""

    kind: str
    name: str | None = None
    description: str | None = None
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None


@frozen
class Reasoning:
    """How much a model is to think.

    Attributes:
        kind: Anthropic's ``enabled``, ``disabled``, ``adaptive``, or another word of it; None
            where only an effort was named.
        effort: ``none`` to ``max``; None where only a budget was.
        budget: Tokens.
        display: What is to be shown of it: Anthropic's ``summarized`` or ``omitted``.
        summary: Responses' ``auto``, ``concise``, ``detailed``.
        explicit: The caller spoke of thinking itself; without it, it is derived from an effort.
        effort_alone: The effort is that of the whole answer and says nothing about whether to
            think: Anthropic's ``output_config.effort`` without ``thinking``.
        effort_field: Where the effort stands, if not where the rest does.
    """

    kind: str | None = None
    effort: str | None = None
    budget: int | None = None
    display: str | None = None
    summary: str | None = None
    explicit: bool = False
    effort_alone: bool = False
    effort_field: str = field(default="", eq=False)


@frozen
class ToolChoice:
    """Whether and which tool has to be called.

    Attributes:
        mode: ``auto``, ``none``, ``required``, ``tool`` (the one in ``name``).
        kind: The named tool's, as in ToolCall.
        allowed: Names of the only tools that may be called; None: all.
    """

    mode: str
    name: str | None = None
    kind: str = "function"
    allowed: tuple[str, ...] | None = None


@frozen
class WebSearch:
    """OpenAI's ``web_search_options``: ``raw`` as given."""

    raw: Mapping[str, Any]


MAX_TOKENS = Parameter[int]("max_tokens")
TEMPERATURE = Parameter[float]("temperature", idle=among(1, 1.0))
TOP_P = Parameter[float]("top_p", idle=among(1, 1.0))
TOP_K = Parameter[int]("top_k")
STOP = Parameter[tuple[str, ...]]("stop", idle=among(()))
SEED = Parameter[int]("seed")
FREQUENCY_PENALTY = Parameter[float]("frequency_penalty", idle=among(0, 0.0))
PRESENCE_PENALTY = Parameter[float]("presence_penalty", idle=among(0, 0.0))
LOGIT_BIAS = Parameter[Mapping[str, Any]]("logit_bias", idle=among({}))
N = Parameter[int]("n", refused=True, idle=among(1))
LOGPROBS = Parameter[bool]("logprobs", refused=True, idle=among(False))
TOP_LOGPROBS = Parameter[int]("top_logprobs", refused=True, idle=among(0))
TOOL_CHOICE = Parameter[ToolChoice]("tool_choice", refused=True)
PARALLEL_TOOL_CALLS = Parameter[bool]("parallel_tool_calls", idle=among(True))
RESPONSE_FORMAT = Parameter[ResponseFormat](
    "response_format", refused=True, idle=lambda given: given.kind == "text"
)
REASONING = Parameter[Reasoning]("reasoning")
VERBOSITY = Parameter[str]("verbosity", idle=among("medium"))
USER = Parameter[str]("user")
"""Who the end user is: ``safety_identifier`` before ``user``, or ``metadata.user_id``."""
METADATA = Parameter[Mapping[str, Any]]("metadata")
STORE = Parameter[bool]("store", idle=among(False))
SERVICE_TIER = Parameter[str]("service_tier", idle=among("auto"))
MODALITIES = Parameter[tuple[str, ...]]("modalities", refused=True, idle=among(("text",), ()))
AUDIO_OUTPUT = Parameter[Mapping[str, Any]]("audio")
PREDICTION = Parameter[Mapping[str, Any]]("prediction")
WEB_SEARCH = Parameter[WebSearch]("web_search_options", refused=True)
MODERATION = Parameter[Mapping[str, Any]]("moderation", refused=True)
"""Where something is to be blocked; scores alone are a hint, which stays where it stood."""
CACHE_KEY = Parameter[str]("prompt_cache_key", idle=lambda _: True)
CACHE_RETENTION = Parameter[str]("prompt_cache_retention", idle=lambda _: True)
AUTOMATIC_CACHE = Parameter[Any]("cache_control")
"""A CacheMark for the whole request: the end of the prompt is marked, wherever that is."""
CACHE_OPTIONS = Parameter[Mapping[str, Any]]("prompt_cache_options", idle=lambda _: True)
"""OpenAI's, where it asks for nothing but what explicit marks do."""
SPEED = Parameter[str]("speed", idle=among("standard"))
CONTEXT_MANAGEMENT = Parameter[Any]("context_management")
CONTAINER = Parameter[Any]("container", refused=True)
"""Anthropic's, by id or by its skills."""
MCP_SERVERS = Parameter[Any]("mcp_servers", refused=True, idle=lambda given: given == [])
"""Anthropic's, as given."""
INCLUDE = Parameter[tuple[str, ...]]("include", idle=among(()))
TRUNCATION = Parameter[str]("truncation", idle=among("disabled"))
PREVIOUS_RESPONSE = Parameter[str]("previous_response_id", refused=True)
BACKGROUND = Parameter[bool]("background", refused=True, idle=among(False))
CONVERSATION = Parameter[Any]("conversation", refused=True)
"""A Responses conversation that its provider keeps, by id or as an object with one."""
PROMPT = Parameter[Mapping[str, Any]]("prompt", refused=True)
"""A prompt that its provider keeps."""
STORE_RESPONSE = Parameter[bool]("store", idle=among(False))
"""A Responses answer is to be kept, so that later requests can name it; chat's ``store`` keeps
completions for other ends."""
STORED_ITEMS = Parameter[bool]("item_reference", refused=True)
"""An input item is named by an id that only its provider knows."""
MAX_TOOL_CALLS = Parameter[int]("max_tool_calls")
REASONING_MODE = Parameter[str]("reasoning.mode", idle=among("standard"))
REASONING_CONTEXT = Parameter[str]("reasoning.context", idle=among("auto"))
ACCESS_PROGRAMS = Parameter[Mapping[str, Any]]("access_programs")
BACKGROUND_OPTIONS = Parameter[Mapping[str, Any]]("background_options")
IMAGE_OPTIONS = Parameter[Mapping[str, Any]]("image")
OBFUSCATION = Parameter[bool]("stream_options.include_obfuscation", idle=lambda _: True)
"""Padding against listeners, which translated events have none of."""
ENCRYPTED_REASONING = Parameter[bool]("include", idle=lambda _: True)
"""A Responses caller wants what its next turn has to bring back of the reasoning; answered by the
writer of the reply, whatever the target is."""


def asks_to_block(moderation: Any) -> bool:
    """Whether OpenAI's ``moderation`` is to keep something from being asked or answered."""
    policy = moderation.get("policy") if isinstance(moderation, dict) else None
    rules = policy.values() if isinstance(policy, dict) else ()
    return any(isinstance(rule, dict) and rule.get("mode") == "block" for rule in rules)


@frozen
class Given(Generic[T]):
    """A setting's value, and the caller's field it was read from."""

    value: T
    field: str


@frozen(eq=False)
class Parameters:
    """What a request sets. A reader fills it, and it is then never changed."""

    _given: dict[Parameter[Any], Given[Any]] = field(factory=dict)

    def give(self, parameter: Parameter[T], value: T | None, name: str) -> None:
        """Set a parameter that was read from the field ``name``; None is as if it was absent."""
        if value is not None:
            self._given[parameter] = Given(value, name)

    def get(self, parameter: Parameter[T]) -> T | None:
        """A value, without taking it."""
        given = self._given.get(parameter)
        return None if given is None else given.value

    def named(self, parameter: Parameter[Any]) -> str:
        """The field that a parameter was read from, its own name where it was not."""
        given = self._given.get(parameter)
        return parameter.name if given is None else given.field

    def taking(self) -> Taking:
        """What one writer takes."""
        return Taking(dict(self._given))

    def replacing(self, parameter: Parameter[T], value: T) -> Parameters:
        """The same settings with another value for one, which keeps its field."""
        given = {**self._given, parameter: Given(value, self.named(parameter))}
        return Parameters(given)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parameters) and self._given == other._given

    __hash__ = None  # type: ignore[assignment]


class Taking:
    """A request's settings as a writer works through them. State: what it has not taken."""

    def __init__(self, given: dict[Parameter[Any], Given[Any]]) -> None:
        self._given = given

    def has_any(self, parameters: frozenset[Parameter[Any]]) -> bool:
        """Whether one of these was given and is not dealt with."""
        return not parameters.isdisjoint(self._given)

    def take(self, parameter: Parameter[T]) -> T | None:
        """A value, which is thereby dealt with; None where it was not given."""
        given = self._given.pop(parameter, None)
        return None if given is None else given.value

    def settle(self, ledger: Ledger, target: str) -> None:
        """Deal with what is left.

        Args:
            ledger: Where losses are reported.
            target: Who lacks it, for people: ``Anthropic messages``.

        Raises:
            ApiError: 400 ``unsupported_parameter``: it would change the kind of answer.
        """
        for parameter, given in self._given.items():
            if parameter.idle(given.value):
                continue
            if parameter.refused:
                raise ledger.unsupported(given.field, target)
            ledger.drop(given.field)
            if parameter is REASONING and given.value.effort_field:
                ledger.drop(given.value.effort_field)
        self._given.clear()
