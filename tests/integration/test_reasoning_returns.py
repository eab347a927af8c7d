"""Reasoning and signatures of calls over two turns, where the caller's API has no field for them.

What the maker wants back it gets back, whichever official client carries it; nobody else gets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve
from twisted.internet.threads import deferToThread

from magicgateway.conversation.blocks import Thinking, Token
from magicgateway.conversation.sealed import seal
from tests.gateway import GatewayTestCase
from tests.integration.matrix.anthropic_calls import MessagesDoor
from tests.integration.matrix.cells import (
    ANTHROPIC,
    CHAT,
    CONVERSE,
    MESSAGES,
    OPENAI,
    PARALLEL,
    PYTHON,
    RESPONSES,
    THINKING,
    TOML,
    TOOLS,
    Cell,
    Client,
)
from tests.integration.matrix.judging import said
from tests.integration.matrix.openai_calls import ChatDoor, ResponsesDoor

MARK = seal(Thinking(token=Token("deepseek", ""))) or ""
GEMINI = "gemini-3-pro"
CLIENTS = {
    CHAT: Client(PYTHON, OPENAI),
    RESPONSES: Client(PYTHON, OPENAI),
    MESSAGES: Client(PYTHON, ANTHROPIC),
}


class Signing(Cell):
    """A cell at a provider of Gemini's, which signs its calls."""

    @property
    def provider(self) -> str:
        return "gemini"

    @property
    def model(self) -> str:
        return GEMINI


class Plain(Cell):
    """A cell at a model of Responses that does not reason."""

    @property
    def model(self) -> str:
        return "gpt-4o"


class ReturningTests(GatewayTestCase):
    toml = (
        TOML
        + """
[providers.gemini]
base_url = "{demo}/v1"
"""
    )

    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        await super().setUp()
        address = self.gateway.address
        self.doors: dict[str, Any] = {
            CHAT: ChatDoor(address),
            RESPONSES: ResponsesDoor(address),
            MESSAGES: MessagesDoor(address),
        }
        for door in self.doors.values():
            self.addCleanup(door.client.close)

    async def _called(self, first: Cell, second: Cell) -> tuple[dict[str, Any], str, list[str]]:
        """What the client saw, what the provider got in the second turn, and what was reported."""
        door = self.doors[first.door]
        seen = await deferToThread(door.called, first, second)
        return seen, self.gateway.demo.journal[-1].body.decode(), door.reported[-1]

    def _cell(self, kind: type[Cell], door: str, scenario: str, *, streamed: bool) -> Cell:
        return kind(CLIENTS[door], door, CHAT, scenario, streamed, 7)

    async def test_unsigned_reasoning(self) -> None:
        """What nobody signed goes back to its maker as it was, through Messages and Responses."""
        for door in (MESSAGES, RESPONSES):
            for streamed in (False, True):
                cell = self._cell(Cell, door, THINKING, streamed=streamed)
                seen, body, reported = await self._called(cell, cell)
                with self.subTest(door=door, streamed=streamed):
                    thought = "".join(said(cell).reasoning)
                    self.assertEqual(thought, seen["reasoning"])
                    self.assertIn(thought, body)
                    self.assertEqual(([], False), (reported, "mgw1." in body))

    async def test_unsigned_reasoning_elsewhere(self) -> None:
        """Nobody else is sent it, Claude in the caller's own dialect included, and that is told."""
        for door in (MESSAGES, RESPONSES):
            for dialect in (MESSAGES, CONVERSE, RESPONSES):
                cell = self._cell(Cell, door, THINKING, streamed=dialect == MESSAGES)
                _, body, reported = await self._called(cell, evolve(cell, dialect=dialect))
                with self.subTest(door=door, dialect=dialect):
                    self.assertNotIn("".join(said(cell).reasoning), body)
                    self.assertNotIn("mgw1.", body)
                    self.assertTrue([line for line in reported if "foreign-reasoning" in line])

    async def test_mark_of_unsigned_reasoning(self) -> None:
        """E.5: in Messages its signature is a string of the gateway's, streamed or not."""
        for streamed in (False, True):
            cell = self._cell(Cell, MESSAGES, THINKING, streamed=streamed)
            asked = [{"role": "user", "content": "Think"}]
            thinking = {"type": "enabled", "budget_tokens": 2048}
            message = await deferToThread(self.doors[MESSAGES]._ask, cell, asked, thinking=thinking)
            with self.subTest(streamed=streamed):
                self.assertEqual(("thinking", MARK), (message.content[0].type,
                                                      message.content[0].signature))  # fmt: skip

    async def test_signed_calls(self) -> None:
        """A signature on a call comes back through every door, or the provider would refuse."""
        for door in (MESSAGES, RESPONSES, CHAT):
            for scenario in (TOOLS, PARALLEL):
                for streamed in (False, True):
                    cell = self._cell(Signing, door, scenario, streamed=streamed)
                    seen, body, reported = await self._called(cell, cell)
                    with self.subTest(door=door, scenario=scenario, streamed=streamed):
                        self.assertTrue(seen["text"])
                        self.assertEqual(1, body.count('"thought_signature"'))
                        self.assertEqual(([], False), (reported, "mgw1." in body))

    async def test_signed_calls_elsewhere(self) -> None:
        """Nobody else is sent a call's signature, and that is told."""
        for door, dialect in _elsewhere():
            cell = self._cell(Signing, door, TOOLS, streamed=dialect == CONVERSE)
            other = Cell(CLIENTS[door], door, dialect, TOOLS, cell.streamed, 7)
            seen, body, reported = await self._called(cell, other)
            with self.subTest(door=door, dialect=dialect):
                self.assertTrue(seen["text"])
                self.assertNotIn("thought_signature", body)
                self.assertNotIn("mgw1.", body)
                self.assertTrue([line for line in reported if "foreign-reasoning" in line])

    async def test_models_that_do_not_reason(self) -> None:
        """They are asked for no encrypted reasoning, which they would refuse, nor given any."""
        for door in (CHAT, MESSAGES):
            plain = Plain(CLIENTS[door], door, RESPONSES, TOOLS, streamed=False, number=7)
            seen, body, reported = await self._called(plain, plain)
            self.assertTrue(seen["text"])
            self.assertEqual(([], False), (reported, "include" in body))
        thinker = Cell(CLIENTS[MESSAGES], MESSAGES, RESPONSES, THINKING, streamed=False, number=7)
        other = Plain(CLIENTS[MESSAGES], MESSAGES, RESPONSES, THINKING, streamed=False, number=7)
        seen, body, reported = await self._called(thinker, other)
        self.assertTrue(seen["text"])
        self.assertNotIn("encrypted_content", body)
        self.assertTrue([line for line in reported if "foreign-reasoning" in line])


def _elsewhere() -> Iterable[tuple[str, str]]:
    return ((door, to) for door in (MESSAGES, RESPONSES) for to in (MESSAGES, RESPONSES, CONVERSE))
