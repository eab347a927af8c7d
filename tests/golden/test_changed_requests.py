"""Requests that are nearly right: whatever a caller sends is translated, or refused by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random, SystemRandom
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from magicgateway.wire.jsontext import decode, encode
from tests.golden.cases import Case, all_cases, at_other_targets
from tests.judging import unjudged

REQUESTS = 3000
SEED = os.environ.get("GOLDEN_SEED") or str(SystemRandom().randrange(2**32))
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, 10**30, "", "x", " ", "a" * 200, "{}", "[1]", [], {},
    [[]], [None], {"a": 1}, [{}], [1], {"type": "text"}, [{"type": "text", "text": "t"}],
    [{"type": "odd"}],
)  # fmt: skip
NAMES = (
    "a.b", "arguments", "cache_control", "content", "custom", "data", "format", "function", "id",
    "input", "name", "namespace", "role", "schema", "signature", "source", "strict", "text",
    "thinking", "tool_calls", "ttl", "type", "url", "x[0]", "x[99999999999999999999]",
)  # fmt: skip


def containers(value: Any) -> Iterator[Any]:
    """Every object and array in a body that holds something."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from containers(inner)


def change(chance: Random, at: Any) -> None:
    """One change in an object or an array."""
    way, value = chance.random(), decode(encode(chance.choice(VALUES)))
    if isinstance(at, list):
        place = chance.randrange(len(at))
        if way < 0.5:
            at[place] = value
        elif way < 0.7:
            at.append(at[place])
        elif way < 0.85:
            at.insert(0, value)
        else:
            del at[place]
        return
    name = chance.choice(list(at))
    if way < 0.5:
        at[name] = value
    elif way < 0.7:
        at[chance.choice(NAMES)] = value
    elif way < 0.85:
        at[chance.choice(NAMES)] = at.pop(name)
    else:
        del at[name]


def changed(chance: Random, cases: tuple[Case, ...]) -> Case:
    """A golden request with a few changes, to its own target or to another one."""
    case = chance.choice(cases)
    others = (case, *at_other_targets(case, chance.randrange(len(cases))))
    request = decode(encode(case.get("request")))
    for _ in range(chance.randrange(1, 4)):
        change(chance, chance.choice(tuple(containers(request)) or (request | {"x": 1},)))
    other = chance.choice(others)
    return Case(file=other.file, data={**other.data, "request": request})


def complaint(case: Case) -> str:
    """What is wrong with what becomes of a request; empty if nothing is."""
    translation = case.translation()
    try:
        request = translation.read(encode(case.get("request")), case.model)
        with unjudged("it may hold words of a caller's own"):
            encode(translation.write(request, case.capabilities()).body)
        translation.warnings()
    except ApiError as refusal:
        named = refusal.status == 400 and bool(refusal.param)
        return "" if named else f"{refusal.status} {refusal.code}, {refusal.param}: {refusal}"
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is shown
        return f"{type(fault).__name__}: {str(fault)[:200]}"
    return ""


class ChangedRequestTests(SynchronousTestCase):
    def test_changed(self) -> None:
        """Nothing is raised but refusals, each with the name of a field."""
        print(f"GOLDEN_SEED={SEED}")
        cases = tuple(case for case in all_cases() if "request" in case.data)
        wrong = []
        for number in range(REQUESTS):
            case = changed(Random(f"{SEED}-{number}"), cases)  # noqa: S311 - no secrets
            said = complaint(case)
            if said:
                wrong.append(f"{number}: {case.door} to {case.target}, {case.model}: {said}")
        self.assertEqual("", "\n".join(wrong[:20]))
