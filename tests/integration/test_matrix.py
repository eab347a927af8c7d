"""Every door to every dialect, by the official clients of two languages: one table without holes.

Each cell is judged by what the client's own types say, and by what the provider received.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from magicgateway.demo.journal import Received
from tests.daemon import clean_environment
from tests.gateway import GatewayTestCase
from tests.house import ROOT
from tests.integration.matrix.anthropic_calls import MessagesDoor
from tests.integration.matrix.cells import (
    CHAT,
    MESSAGES,
    NODE,
    PYTHON,
    RESPONSES,
    SCENARIOS,
    TOML,
    WEAK,
    WEAK_SCENARIOS,
    Cell,
    cells,
    shared,
)
from tests.integration.matrix.judging import complaints
from tests.integration.matrix.openai_calls import ChatDoor, ResponsesDoor

SCRIPTS = ROOT / "tests" / "integration" / "node"
NODE_SECONDS = 60
Seen = Mapping[int, Mapping[str, Any]]


def seen_by_python(address: str, asked: Iterable[Cell]) -> Seen:
    """What the Python clients see, by the cell's number."""
    doors: dict[str, Any] = {
        CHAT: ChatDoor(address),
        RESPONSES: ResponsesDoor(address),
        MESSAGES: MessagesDoor(address),
    }
    seen: dict[int, Mapping[str, Any]] = {}
    for cell in asked:
        try:
            seen[cell.number] = doors[cell.door].see(cell)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this cell's
            seen[cell.number] = {"raised": f"{type(error).__name__}: {error}"}
    for door in doors.values():
        door.client.close()
    return seen


def seen_by_node(address: str, script: str, asked: Iterable[Cell]) -> Seen:
    """What one of the Node clients sees, by the cell's number."""
    told = {"shared": shared(), "cells": [cell.told() for cell in asked]}
    ran = subprocess.run(
        ["node", script, address],
        cwd=SCRIPTS,
        env=clean_environment(),
        input=json.dumps(told).encode(),
        capture_output=True,
        check=False,
        timeout=NODE_SECONDS,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return {int(number): seen for number, seen in json.loads(ran.stdout).items()}


def table(verdicts: Mapping[Cell, list[str]], scenarios: Iterable[str]) -> str:
    """Cells as text: a line for each door and dialect, a column for each scenario.

    A cell has four marks: Python plain and streamed, then Node plain and streamed. ``+`` is right,
    ``-`` is not, ``r`` is refused by a rule that is told below.
    """
    marks: dict[tuple[str, str], dict[str, str]] = {}
    for cell, wrong in verdicts.items():
        line = marks.setdefault((cell.door, cell.dialect), dict.fromkeys(scenarios, ""))
        line[cell.scenario] += "-" if wrong else "r" if cell.rule else "+"
    lines = [f"{'door':10}{'dialect':13}" + "".join(f"{name:12}" for name in scenarios)]
    for (door, dialect), line in marks.items():
        shown = "".join(f"{line[name]:12}" for name in scenarios)
        lines.append(f"{door:10}{dialect:13}{shown}")
    rules = [f"r: {cell.dialect}, {cell.scenario}: {cell.rule}" for cell in verdicts if cell.rule]
    return "\n".join(line.rstrip() for line in (*lines, *dict.fromkeys(rules)))


class MatrixTests(GatewayTestCase):
    toml = TOML

    async def test_every_cell(self) -> None:
        """What is asked at any door comes back right from a provider of any dialect."""
        address, asked = self.gateway.address, list(cells())
        by_python = [cell for cell in asked if cell.client == PYTHON]
        by_node = [cell for cell in asked if cell.client == NODE]
        found: list[Seen] = await gatherResults(
            [
                deferToThread(seen_by_python, address, by_python),
                deferToThread(
                    seen_by_node,
                    address,
                    "matrix_openai.mjs",
                    [cell for cell in by_node if cell.door != MESSAGES],
                ),
                deferToThread(
                    seen_by_node,
                    address,
                    "matrix_anthropic.mjs",
                    [cell for cell in by_node if cell.door == MESSAGES],
                ),
            ],
            consumeErrors=True,
        )
        seen = {number: what for part in found for number, what in part.items()}
        verdicts = {
            cell: complaints(cell, seen[cell.number], self._received(cell)) for cell in asked
        }
        weak = {cell: wrong for cell, wrong in verdicts.items() if cell.dialect in WEAK}
        strong = {cell: wrong for cell, wrong in verdicts.items() if cell.dialect not in WEAK}
        print(f"\n{table(strong, SCENARIOS)}\n\n{table(weak, WEAK_SCENARIOS)}")
        wrong = [f"{cell.name}: {what}" for cell, all_ in verdicts.items() for what in all_]
        self.assertEqual([], wrong, "\n".join(wrong))

    def _received(self, cell: Cell) -> list[Received]:
        tag = cell.tag.encode()
        return [received for received in self.gateway.demo.journal if tag in received.body]
