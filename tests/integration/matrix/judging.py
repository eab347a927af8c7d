"""What every cell must have seen, from what the demo model is known to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from magicgateway.demo.example import instance
from magicgateway.demo.journal import Received
from magicgateway.demo.reply import Ask, Reply, Tool, reply_to
from magicgateway.demo.signing import sealed, signature_of
from magicgateway.demo.wording import digest
from tests.integration.matrix.cells import (
    CHAT,
    CITY,
    CONVERSE,
    ERROR,
    FAULTS,
    FUNCTIONS,
    IMAGE,
    INVOKE,
    MESSAGES,
    PARALLEL,
    PYTHON,
    RESPONSES,
    RESULTS,
    STRUCTURED,
    TEXT,
    THINKING,
    TOLD,
    UNSTREAMED,
    WEAK,
    Cell,
    image_hash,
)

_ENDS = {CHAT: "stop", RESPONSES: "completed", MESSAGES: "end_turn"}
_CALLED = {CHAT: "tool_calls", RESPONSES: "completed", MESSAGES: "tool_use"}
_TARGETS = {
    CHAT: ("/completions", "/completions"),
    RESPONSES: ("/responses", "/responses"),
    MESSAGES: ("/messages", "/messages"),
    CONVERSE: ("/converse", "/converse-stream"),
    INVOKE: ("/invoke", "/invoke-with-response-stream"),
}
"""How the provider's paths end, plain and streamed."""
_SPOKEN = {**dict.fromkeys(WEAK, CONVERSE), "old Claude": MESSAGES}
"""The dialects of weak models."""
_KINDS = {
    "refused": ("BadRequestError", 400),
    "busy": ("RateLimitError", 429),
    "broken": ("InternalServerError", 500),
}


def complaints(cell: Cell, seen: Mapping[str, Any], journal: Iterable[Received]) -> list[str]:
    """What is wrong with a cell; empty if it is as it should be.

    Args:
        cell: The cell.
        seen: By its client.
        journal: What the provider received of it.
    """
    if cell.rule:
        refused = str(seen.get("raised")).startswith("BadRequestError") and not list(journal)
        return [] if refused else [f"it was not refused by the gateway, but saw {seen}"]
    if "raised" in seen:
        return [f"raised {seen['raised']}"]
    expected, requests = _expected(cell), list(journal)
    wrong = _ways(cell, requests)
    wrong += [
        f"{name} is {seen.get(name)!r} and not {value!r}"
        for name, value in expected.items()
        if seen.get(name) != value
    ]
    if cell.client.language == PYTHON and cell.scenario != ERROR:
        wrong += _reports(cell, seen["reported"])
    if cell.scenario not in (ERROR, STRUCTURED) and min(seen["usage"]) < 1:
        wrong.append(f"usage is {seen['usage']}")
    if cell.scenario in (TEXT, IMAGE):
        wrong += _text(cell, seen.get("text"))
    elif cell.scenario == ERROR:
        wrong += _errors(cell, seen)
    elif cell.scenario != STRUCTURED:
        wrong += _second(cell, seen, requests)
    return wrong


def _ways(cell: Cell, requests: list[Received]) -> list[str]:
    """Whether every request went to the provider in the dialect that the cell is about."""
    plain, streamed = _TARGETS[_SPOKEN.get(cell.dialect, cell.dialect)]
    whole = cell.dialect in UNSTREAMED and cell.scenario != TEXT
    expected = streamed if cell.streamed and not whole else plain
    targets = {f"/{received.target.rpartition('/')[2]}" for received in requests}
    return [] if targets == {expected} else [f"the provider was asked at {sorted(targets)}"]


def _reports(cell: Cell, reported: list[str]) -> list[str]:
    """Nothing is lost, so nothing is reported, but for a form that was asked for in another way."""
    emulates = cell.scenario == STRUCTURED and cell.dialect in WEAK
    if emulates and _SPOKEN[cell.dialect] != cell.door:
        return [] if any(";emulated;" in line for line in reported) else ["nothing was reported"]
    return [f"{reported} was reported"] if reported else []


def said(cell: Cell, prompt: str = "") -> Reply:
    """What the demo model says to a cell's first words, or to others."""
    names = list(FUNCTIONS)
    tools = {PARALLEL: names, THINKING: names[:1], "tools": names[:1]}.get(cell.scenario, [])
    return reply_to(
        Ask(
            model=cell.model,
            prompt=prompt or cell.prompt,
            tools=tuple(Tool(name, CITY) for name in tools),
            reasoning=cell.scenario == THINKING,
        )
    )


def _expected(cell: Cell) -> dict[str, Any]:
    if cell.scenario == ERROR:
        return {}
    finish = {"finish": _ENDS[cell.door]}
    if cell.scenario == STRUCTURED:
        return {"parsed": instance(CITY, digest(cell.model, cell.prompt, "0")), **finish}
    if cell.scenario in (TEXT, IMAGE):
        return finish
    reply = said(cell)
    expected = {
        "calls": [[call.name, call.value] for call in reply.tools],
        "called": _CALLED[cell.door],
        **finish,
    }
    if cell.scenario == THINKING:
        expected["reasoning"] = "".join(reply.reasoning)
    return expected


def _text(cell: Cell, text: Any) -> list[str]:
    if cell.scenario == TEXT:
        spoken = said(cell).content
        return [] if text == spoken else [f"text is {text!r} and not {spoken!r}"]
    told = text if isinstance(text, str) else ""
    # A line for each part, whichever is first.
    ends = tuple(said(cell, prompt).content for prompt in (f"\n{cell.prompt}", f"{cell.prompt}\n"))
    if told.startswith("I see image") and image_hash() in told and told.endswith(ends):
        return []
    return [f"the image is not mentioned in {text!r}"]


def _second(cell: Cell, seen: Mapping[str, Any], journal: list[Received]) -> list[str]:
    """The turn after the tool's result. Some dialects have results instead of words at its end."""
    known = [
        reply_to(Ask(model=cell.model, prompt=prompt)).content
        for prompt in (cell.prompt, "\n" if cell.scenario == PARALLEL else "")
    ]
    wrong = [] if seen.get("text") in known else [f"the second text is {seen.get('text')!r}"]
    if len(journal) != 2:
        return [*wrong, f"the provider got {len(journal)} requests and not 2"]
    body = journal[1].body.decode()
    wrong += [f"{result!r} did not arrive" for result in _results(cell) if result not in body]
    if cell.scenario == THINKING and token(cell) not in body:
        wrong.append(f"the provider did not get its reasoning back: {body}")
    return wrong


def token(cell: Cell) -> str:
    """What the demo provider wants back of its reasoning, in a cell's dialect."""
    thought = "".join(said(cell).reasoning)
    return {CHAT: thought, RESPONSES: sealed(thought)}.get(cell.dialect, signature_of(thought))


def _results(cell: Cell) -> tuple[str, ...]:
    return RESULTS if cell.scenario == PARALLEL else RESULTS[:1]


def _errors(cell: Cell, seen: Mapping[str, Any]) -> list[str]:
    wrong = []
    for name, fault in FAULTS.items():
        error = seen[name]
        kind, status = _KINDS[name]
        if name == "broken" and cell.door not in (cell.dialect, MESSAGES):
            expected = (kind, 502)  # what is wrong with the provider is not the gateway's fault
        else:
            expected = (kind, status)
        if (error["kind"], error.get("status")) != expected:
            wrong.append(f"{fault} is {error}")
        elif TOLD not in error["message"].replace("-", " "):
            wrong.append(f"{fault} says {error['message']!r}")
        elif "retry-after" in fault and error["retry_after"] != "7":
            wrong.append(f"{fault} lost its retry-after")
    if cell.streamed:
        late = seen["late"]
        if (
            late["kind"] is None
            or late["pieces"] < 1
            or TOLD not in late["message"].replace("-", " ")
        ):
            wrong.append(f"an error in the stream is {late}")
    return wrong
