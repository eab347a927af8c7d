"""Conversations with reasoning that go on at another provider than the one they began at.

Reasoning goes back to the family that made it, and is dropped and reported elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anthropic
import openai
from attrs import evolve
from twisted.internet.threads import deferToThread

from tests.gateway import GatewayTestCase
from tests.integration.matrix.anthropic_calls import MessagesDoor
from tests.integration.matrix.cells import (
    CHAT,
    CLIENTS,
    CONVERSE,
    DIALECTS,
    DOORS,
    INVOKE,
    MESSAGES,
    RESPONSES,
    THINKING,
    TOML,
    Cell,
)
from tests.integration.matrix.judging import said, token
from tests.integration.matrix.openai_calls import ChatDoor, ResponsesDoor

CLAUDE = (MESSAGES, CONVERSE, INVOKE)
"""Where the same family signs."""
UNTOUCHED = "a body in the provider's own dialect goes on untouched, whatever it brings along"


def journeys() -> Iterable[tuple[Cell, Cell]]:
    """Every conversation: its first turn, and its second one."""
    number = 0
    for door in DOORS:
        dialects = (*DIALECTS, INVOKE) if door == MESSAGES else DIALECTS
        for first in dialects:
            client = next(client for client in CLIENTS if door in client.doors)
            for second in dialects:
                number += 1
                streamed = number % 2 == 0
                cell = Cell(client, door, first, THINKING, streamed, number)
                yield cell, evolve(cell, dialect=second)


def is_kin(first: Cell, second: Cell) -> bool:
    """Whether the second provider can read the first one's reasoning."""
    return first.dialect == second.dialect or {first.dialect, second.dialect} <= set(CLAUDE)


class WanderingTests(GatewayTestCase):
    toml = TOML

    async def test_every_journey(self) -> None:
        """Kin gets the reasoning back as it was; others do not get it, and the caller is told."""
        wrong, untouched = await deferToThread(self._travel)
        print(f"\n{UNTOUCHED}:\n  " + "\n  ".join(untouched))
        self.assertEqual([], wrong, "\n".join(wrong))

    def _travel(self) -> tuple[list[str], list[str]]:
        address, wrong, untouched = self.gateway.address, [], []
        doors: dict[str, Any] = {
            CHAT: ChatDoor(address),
            RESPONSES: ResponsesDoor(address),
            MESSAGES: MessagesDoor(address),
        }
        for first, second in journeys():
            name = f"{first.door}: {first.dialect}, then {second.dialect}"
            door = doors[first.door]
            try:
                seen = door.called(first, second)
            except (openai.BadRequestError, anthropic.BadRequestError) as error:
                seen = {"refused": str(error)}
            if first.door == second.dialect and not is_kin(first, second):
                untouched.append(f"{name}: {seen.get('refused', 'taken')}")
                continue
            wrong += [
                f"{name}: {what}"
                for what in self._complaints(first, second, seen, door.reported[-1])
            ]
        for door in doors.values():
            door.client.close()
        return wrong, untouched

    def _complaints(
        self, first: Cell, second: Cell, seen: dict[str, Any], reported: list[str]
    ) -> Iterable[str]:
        if not seen.get("text"):
            yield f"no text but {seen}"
            return
        last = self.gateway.demo.journal[-1].body.decode()
        if is_kin(first, second):
            if token(first) not in last:
                yield f"the reasoning did not come back: {last}"
            if reported:
                yield f"{reported} was reported"
            return
        if token(first) in last or "".join(said(first).reasoning) in last or "mgw1." in last:
            yield f"foreign reasoning went along: {last}"
        if not any(";dropped;" in line for line in reported):
            yield "nothing was reported"
