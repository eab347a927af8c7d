"""How streams go wrong: changes of what their events say, and of their bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

from attrs import frozen

Json = dict[str, Any]

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 7, 2**63, 10**30, 1.5, -0.0, 1e308, "", " ", "x", "\x00",
    "ü\u2028",
    "0", "[DONE]", "null", "{", '{"a":', "tool_use", "text", "function", "x" * 3000, [], [None],
    [[]], {}, {"type": "text"}, {"": None}, {"index": 10**9}, [{"text": 1}, "x", 2],
)  # fmt: skip


@frozen
class Said:
    """One event: its name, empty where its dialect gives none, and its JSON or its text."""

    name: str
    content: Any


def changed(events: list[Said], chance: Random) -> tuple[list[Said], int]:
    """The events with some of them changed, and how many were."""
    count = chance.randint(2, 6)
    for _ in range(count):
        at = chance.randrange(len(events))
        chance.choice(_CHANGES)(events, at, chance)
        if not events:
            break
    return events, count


def _spoiled(events: list[Said], at: int, chance: Random) -> None:
    said = events[at]
    if isinstance(said.content, dict):
        content = deepcopy(said.content)
        for _ in range(chance.randint(1, 2)):
            spoil(content, chance)
        events[at] = Said(said.name, content)
    else:
        events[at] = Said(said.name, chance.choice(ODD))


def spoil(value: Json, chance: Random) -> None:
    """Change one thing somewhere in an object."""
    holder: Any = value
    while True:
        keys: list[Any] = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.7:
            holder = holder[key]
            continue
        what = chance.random()
        if what < 0.25:
            del holder[key]
        elif what < 0.35 and isinstance(holder, dict):
            holder[f"{key}_"] = holder.pop(key)
        else:
            holder[key] = deepcopy(chance.choice(ODD))
        return


def _twice(events: list[Said], at: int, chance: Random) -> None:
    events.insert(chance.randint(0, len(events)), events[at])


def _gone(events: list[Said], at: int, _: Random) -> None:
    del events[at]


def _elsewhere(events: list[Said], at: int, chance: Random) -> None:
    said = events.pop(at)
    events.insert(chance.randint(0, len(events)), said)


def _renamed(events: list[Said], at: int, chance: Random) -> None:
    said = events[at]
    name = chance.choice([*(event.name for event in events), "", "x", "error", ":exception"])
    content = said.content
    if isinstance(content, dict) and "type" in content:
        content = {**content, "type": name}
    events[at] = Said(name, content)


def _cut(events: list[Said], at: int, _: Random) -> None:
    del events[at:]


_CHANGES: tuple[Callable[[list[Said], int, Random], None], ...] = (
    _spoiled, _spoiled, _spoiled, _twice, _gone, _elsewhere, _renamed, _cut,
)  # fmt: skip


def damaged(stream: bytes, chance: Random) -> tuple[bytes, int]:
    """Bytes with some of them changed in one place, and which."""
    at = chance.randrange(1, len(stream))
    length = chance.choice((1, 2, 5, 40))
    what = chance.randrange(6)
    if what == 0:
        return stream[:at], at
    if what == 1:
        return stream[:at] + stream[at + length :], at
    if what == 2:
        return stream[:at] + chance.randbytes(length) + stream[at:], at
    if what == 3:
        return stream[:at] + stream[max(at - length, 0) :], at
    flipped = bytearray(stream)
    flipped[at] ^= 1 << chance.randrange(8)
    return bytes(flipped), at


def pieces(stream: bytes, chance: Random) -> Iterator[bytes]:
    """The bytes as reads from a socket may bring them."""
    if chance.random() < 0.5:
        yield stream
        return
    at = 0
    while at < len(stream):
        size = chance.choice((1, 3, 17, 90, 400))
        yield stream[at : at + size]
        at += size
