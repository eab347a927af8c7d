"""What surrounds a body on its way to a provider: path, headers, version fields, framing.

A dialect is the grammar of bodies; the same grammar may be sent in different envelopes. Anthropic's
own address wants the model in the body and the version in a header; Bedrock wants the model in the
path and the version in the body, and frames its streams otherwise. Each operation of a provider's
row names its envelope.

See: Amazon Bedrock API reference, InvokeModel, Converse, CountTokens
(https://docs.aws.amazon.com/bedrock/latest/APIReference/), botocore 1.44.5; 2026-11-22.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from magicgateway.providers.aws_endpoints import CONTROL, RUNTIME, model_path
from magicgateway.providers.models.names import without_geography
from magicgateway.wire import jsontext

if TYPE_CHECKING:
    from magicgateway.conversation.ledger import Ledger

SSE = "sse"
AWS_EVENT_STREAM = "aws-event-stream"
"""``application/vnd.amazon.eventstream``: binary frames with checksums."""

BETA_FIELD = "anthropic-beta"
_HEADER = "header"
_BODY = "body"
_MORE_FIELDS = "additionalModelRequestFields"
_NOTHING: Mapping[str, str] = MappingProxyType({})
_MODEL = "{model}"
_RENAMED_BETAS = {"advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19"}
"""What the same thing is called on Bedrock."""
_INVOKE_BETAS = (
    "compact-2026-01-12",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "mid-conversation-*",
    "tool-search-tool-2025-10-19",
)
_CONVERSE_BETAS = (
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-1m-2025-08-07",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "structured-outputs-2025-11-13",
)


@frozen(kw_only=True)
class Envelope:
    """One way to send bodies of a dialect.

    Attributes:
        name: For people and for tests.
        path: Below the base URL; ``{model}`` stands for the model's id, encoded once.
        stream_path: Where an answer in events is asked for; empty: at ``path``.
        framing: Of an answer in events.
        chunked: Its frames are all of one kind, and hold the dialect's own events as base64.
        headers: Always sent, unless the caller's of the same name passes.
        version: Fields that are put into the body.
        outside: Fields of the body that stand elsewhere, and so are taken out of it.
        ignored: Fields that are refused here and mean nothing to the answer: reported.
        refused: Fields that are refused here and without which the answer would be another.
        betas: Where the values of ``anthropic-beta`` go: ``header``, ``body`` (as
            ``anthropic_beta``), a field of the body that holds it; empty: nowhere.
        known_betas: Those that may go into a body, a final ``*`` standing for the rest.
        packed: The body goes as this kind of another operation's input.
        service: Of AWS, whose host is asked; empty: the provider's only one.
        unprofiled: The path takes the id of the model behind an inference profile only.
    """

    name: str
    method: str = "POST"
    path: str = ""
    stream_path: str = ""
    framing: str = SSE
    chunked: bool = False
    headers: Mapping[str, str] = _NOTHING
    version: Mapping[str, str] = _NOTHING
    outside: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    betas: str = ""
    known_betas: tuple[str, ...] = ()
    packed: str = ""
    service: str = ""
    unprofiled: bool = False

    @property
    def direct(self) -> bool:
        """It changes nothing in a body that names the right model."""
        return not (self.service or self.outside or self.version or self.packed)

    def at(self, model: str, *, stream: bool = False) -> str:
        """The path of a request, as it goes on the wire and is signed.

        Args:
            model: As the provider is asked for it.
            stream: The answer is wanted in events.

        Raises:
            ApiError: 400 ``invalid_model``: the path would hold an id that is none.
        """
        path = self.stream_path if stream and self.stream_path else self.path
        before, found, after = path.partition(f"/model/{_MODEL}/")
        if self.unprofiled:
            model = without_geography(model)
        return before + model_path(model, after) if found else path


@frozen
class Letter:
    """A request as it is sent, but for the host and the credential."""

    method: str
    path: str
    headers: Mapping[str, str]
    """With lower-case names."""
    body: dict[str, Any] | None
    """None where there is none to be sent."""


DIRECT_OPENAI = Envelope(name="openai")
DIRECT_ANTHROPIC = Envelope(
    name="anthropic", headers={"anthropic-version": "2023-06-01"}, betas=_HEADER
)
CONVERSE = Envelope(
    name="converse",
    path="/model/{model}/converse",
    stream_path="/model/{model}/converse-stream",
    framing=AWS_EVENT_STREAM,
    outside=frozenset({"model", "modelId", "stream"}),
    service=RUNTIME,
)
CONVERSE_CLAUDE = evolve(
    CONVERSE, name="converse for Claude", betas=_MORE_FIELDS, known_betas=_CONVERSE_BETAS
)
INVOKE_CLAUDE = Envelope(
    name="invoke for Claude",
    path="/model/{model}/invoke",
    stream_path="/model/{model}/invoke-with-response-stream",
    framing=AWS_EVENT_STREAM,
    chunked=True,
    version={"anthropic_version": "bedrock-2023-05-31"},
    outside=frozenset({"model", "stream"}),
    ignored=("service_tier",),
    refused=("container", "mcp_servers"),
    betas=_BODY,
    known_betas=_INVOKE_BETAS,
    service=RUNTIME,
)
INVOKE_EMBEDDINGS = Envelope(
    name="invoke for embeddings",
    path="/model/{model}/invoke",
    headers={"accept": "application/json"},
    outside=frozenset({"model"}),
    service=RUNTIME,
)
COUNT_CLAUDE = evolve(
    INVOKE_CLAUDE,
    name="count tokens for Claude",
    path="/model/{model}/count-tokens",
    stream_path="",
    framing=SSE,
    chunked=False,
    packed="invokeModel",
    unprofiled=True,
)
COUNT_CONVERSE = Envelope(
    name="count tokens",
    path="/model/{model}/count-tokens",
    outside=CONVERSE.outside,
    packed="converse",
    service=RUNTIME,
    unprofiled=True,
)
PASSED_ON = Envelope(name="as the caller wrote it", method="", service=RUNTIME)
LIST_MODELS = Envelope(name="list models", method="GET", path="/foundation-models", service=CONTROL)
LIST_PROFILES = Envelope(
    name="list inference profiles",
    method="GET",
    path="/inference-profiles?maxResults=1000",
    service=CONTROL,
)

_COUNTED = ("messages", "system", "toolConfig", _MORE_FIELDS)
"""What of a Converse request CountTokens takes."""


def enclose(
    envelope: Envelope,
    body: Mapping[str, Any],
    ledger: Ledger,
    *,
    model: str,
    stream: bool = False,
    betas: Iterable[str] = (),
) -> Letter:
    """Put a dialect's body into its envelope.

    Args:
        envelope: Of the way that was chosen.
        body: As the dialect's writer, or the caller, wrote it; it is not changed.
        ledger: Told of what does not arrive.
        model: As the provider is asked for it.
        stream: The answer is wanted in events.
        betas: The values of the caller's ``anthropic-beta`` fields, each perhaps a list.

    Raises:
        ApiError: 400: a field cannot be had here, or the model's id is none.
    """
    path = envelope.at(model, stream=stream)
    if envelope.method == "GET":
        return Letter(envelope.method, path, envelope.headers, None)
    for name in envelope.refused:
        if body.get(name):
            raise ledger.unsupported(name, "Amazon Bedrock")
    inside = dict(body)
    for name in envelope.outside:
        inside.pop(name, None)
    for name in envelope.ignored:
        if inside.pop(name, None) is not None:
            ledger.drop(name)
    if envelope.ignored:
        inside = _unscoped(inside, ledger)
    if "model" not in envelope.outside:
        inside["model"] = model
    inside.update(envelope.version)
    headers = envelope.headers
    named = _split(betas)
    if named:
        headers = dict(headers)
        _put_betas(envelope, named, inside, headers, ledger)
    return Letter(envelope.method, path, headers, _packed(envelope, inside))


def _split(values: Iterable[str]) -> tuple[str, ...]:
    """Each value once, in order."""
    parts = (part.strip() for value in values for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _put_betas(
    envelope: Envelope,
    betas: tuple[str, ...],
    body: dict[str, Any],
    headers: dict[str, str],
    ledger: Ledger,
) -> None:
    if envelope.betas == _HEADER:
        headers[BETA_FIELD] = ",".join(betas)
        return
    named = dict.fromkeys(_RENAMED_BETAS.get(beta, beta) for beta in betas)
    kept = [beta for beta in named if _is_known(beta, envelope.known_betas)]
    if len(kept) < len(named):
        ledger.drop(BETA_FIELD)
    if not kept:
        return
    if envelope.betas == _BODY:
        body["anthropic_beta"] = [*kept, *_others(body.get("anthropic_beta"), kept)]
        return
    given = body.get(envelope.betas)
    more = dict(given) if isinstance(given, Mapping) else {}
    more["anthropic_beta"] = [*kept, *_others(more.get("anthropic_beta"), kept)]
    body[envelope.betas] = more


def _others(given: Any, kept: list[str]) -> list[Any]:
    return [beta for beta in given if beta not in kept] if isinstance(given, list) else []


def _is_known(beta: str, known: tuple[str, ...]) -> bool:
    return any(beta.startswith(name[:-1]) if name.endswith("*") else beta == name for name in known)


def _unscoped(body: dict[str, Any], ledger: Ledger) -> dict[str, Any]:
    """A Messages body without ``scope`` in its cache marks, which Bedrock refuses."""
    found: list[str] = []

    def block(value: Any, place: str) -> Any:
        if not isinstance(value, Mapping):
            return value
        mark = value.get("cache_control")
        if isinstance(mark, Mapping) and "scope" in mark:
            found.append(f"{place}.cache_control.scope")
            mark = {name: part for name, part in mark.items() if name != "scope"}
            return {**value, "cache_control": mark}
        return value

    def blocks(value: Any, place: str) -> Any:
        if not isinstance(value, list):
            return value
        return [block(part, f"{place}.{number}") for number, part in enumerate(value)]

    def message(value: Any, place: str) -> Any:
        if not isinstance(value, Mapping) or not isinstance(value.get("content"), list):
            return value
        content = [
            {**part, "content": blocks(part["content"], f"{place}.content.{number}.content")}
            if isinstance(part, Mapping) and isinstance(part.get("content"), list)
            else part
            for number, part in enumerate(blocks(value["content"], f"{place}.content"))
        ]
        return {**value, "content": content}

    changed = dict(body)
    for name in ("system", "tools"):
        if name in changed:
            changed[name] = blocks(changed[name], name)
    if isinstance(changed.get("messages"), list):
        changed["messages"] = [
            message(value, f"messages.{number}") for number, value in enumerate(changed["messages"])
        ]
    for place in found[:1]:
        ledger.drop(place)
    return changed if found else body


def _packed(envelope: Envelope, body: dict[str, Any]) -> dict[str, Any]:
    if envelope.packed == "invokeModel":
        # AWS counts what InvokeModel would be sent, which has to name a limit.
        counted = {"max_tokens": 1, **body}
        return {
            "input": {"invokeModel": {"body": b64encode(jsontext.encode(counted)).decode("ascii")}}
        }
    if envelope.packed:
        return {"input": {envelope.packed: {n: body[n] for n in _COUNTED if n in body}}}
    return body
