"""What becomes of each field of a request at each other dialect, found by translating it.

For every field there is a body with it and the same body without it. Where the two differ after
translation is where the field went; what the ledger says beside that is what was reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from magicgateway.conversation.blocks import Inline
from magicgateway.conversation.capabilities import EFFORTS, HOSTED_TOOLS, Capabilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.media import remote_sources, with_fetched
from magicgateway.dialects.catalogue import grammar
from magicgateway.errors import ApiError
from magicgateway.providers.rows import ROWS
from tests.judging import unjudged

Json = dict[str, Any]

REPORTED = "reported"
REFUSED = "refused"
NOTHING = "not needed"
"""The target does the same without being told, or the field asks nothing of it."""
FETCHED = "fetched by the gateway"
_FEW = 2
_NAME = re.compile(r"[a-zA-Z_]+")
PNG = "iVBORw0KGgo="
PDF = "JVBERi0x"
SCHEMA: Json = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
"""One that every dialect takes as a strict one."""


def _abilities(name: str) -> Capabilities:
    (row,) = (row for row in ROWS if row.name == name)
    return row.abilities


_CLAUDE = evolve(
    _abilities("anthropic").claude,
    thinking=frozenset({"adaptive", "enabled"}),
    prefill=True,
    mid_system=True,
    hosted_tools=HOSTED_TOOLS,
)

_OPENAI = evolve(_abilities("openai"), efforts=EFFORTS, audio=True)
ABLE: Mapping[str, Capabilities] = {
    "openai_chat": evolve(_OPENAI, document_urls=False, chat=evolve(_OPENAI.chat, web_search=True)),
    "openai_responses": _OPENAI,
    "anthropic_messages": evolve(
        _abilities("anthropic"), origin="anthropic", efforts=EFFORTS[2:], claude=_CLAUDE
    ),
    "bedrock_converse": evolve(
        _abilities("bedrock"),
        origin="anthropic",
        efforts=EFFORTS[2:],
        claude=_CLAUDE,
        converse=evolve(
            _abilities("bedrock").converse,
            reasoning="claude",
            top_k="claude",
            cache=True,
            cache_ttl=True,
            cache_tools=True,
            strict_tools=True,
            structured_outputs=True,
            replays_reasoning=True,
            parallel_control=True,
        ),
    ),
}
"""Of each dialect a model that takes whatever the dialect can say; on Bedrock, a Claude."""
HEADS = {
    "openai_chat": "Chat completions",
    "openai_responses": "Responses",
    "anthropic_messages": "Anthropic messages",
    "bedrock_converse": "Converse",
}


@frozen
class Field:
    """A field of a door's requests.

    Attributes:
        label: As the page calls it.
        body: A request that has it.
        without: The same request without it.
    """

    label: str
    body: Json
    without: Json


def added(without: Json, **values: Any) -> list[Field]:
    """One field for each value, at the top of a body."""
    return [Field(f"`{name}`", {**without, name: value}, without) for name, value in values.items()]


def table(door: str, fields: Iterable[Field]) -> str:
    """A Markdown table: one line for a field, one column for each other dialect."""
    targets = [name for name in HEADS if name != door]
    lines = [["Field", *(HEADS[name] for name in targets)], ["---"] * (1 + len(targets))]
    lines += [[f.label, *(arrived(door, name, f) for name in targets)] for f in fields]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def arrived(door: str, target: str, field: Field) -> str:
    """One cell."""
    before, known = _sent(door, target, field.without)
    try:
        after, notes = _sent(door, target, field.body)
    except ApiError as refusal:
        assert refusal.status == 400, refusal
        return REFUSED
    said = [_told(note) for note in notes if note not in known]
    places = [f"`{place}`" for place in _differences(before, after)]
    return ", ".join(dict.fromkeys([*places, *said])) or NOTHING


def _sent(door: str, target: str, body: Json) -> tuple[Json, list[str]]:
    ledger = Ledger()
    request = grammar(door).read_request(json.loads(json.dumps(body)), ledger)
    wanted = remote_sources(request, ABLE[target])
    fetched = {
        one.url: Inline("image/png", PNG) if one.image else Inline("application/pdf", PDF)
        for one in wanted
    }
    with unjudged("a field alone, some of which only have a meaning beside others"):
        sent = grammar(target).write_request(with_fetched(request, fetched), ABLE[target], ledger)
    notes = [note.line() for note in ledger.notes]
    return sent.body, [*notes, *(f"{one.field};{FETCHED};" for one in wanted)]


def _told(line: str) -> str:
    _, action, reason = line.split(";")
    if action == "dropped":
        return REPORTED
    return f"{action} ({reason})" if reason else action


def _differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Where two values differ, as paths, each with the kind of what is there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in after:
            inner = f"{place}.{name}" if place else name
            if name not in before:
                yield from _new(after[name], inner)
            else:
                yield from _differences(before[name], after[name], inner)
    elif isinstance(before, list) and isinstance(after, list):
        left = list(before)
        for new in after:
            if left and new not in left and left[0] not in after:
                yield from _differences(left.pop(0), new, f"{place}[]")
            elif new in left:
                left.remove(new)
            else:
                yield from _new(new, f"{place}[]")
    elif before != after:
        yield place


def _new(value: Any, place: str) -> Iterator[str]:
    """What is there now, by its type, or as far in as the only names that tell what it is."""
    if isinstance(value, list) and value:
        yield from _new(value[0], f"{place}[]")
        return
    named = value.get("type", value.get("role")) if isinstance(value, dict) else None
    if isinstance(named, str):
        yield f"{place} {named}"
    elif isinstance(value, dict) and 0 < len(value) <= _FEW and all(map(_NAME.fullmatch, value)):
        yield from (f"{place}.{name}" for name in value)
    else:
        yield place
