"""Every door to every dialect, by official clients of two languages, the newest and the oldest.

One table without holes. Each cell is judged by what the client's own types say, and by what the
provider received.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from magicgateway.demo.journal import Received
from tests.daemon import clean_environment
from tests.gateway import GatewayTestCase
from tests.house import ROOT
from tests.integration.matrix.cells import (
    CLIENTS,
    NEWEST,
    NOTES,
    OLDEST,
    PYTHON,
    SCENARIOS,
    TOML,
    WEAK,
    WEAK_SCENARIOS,
    Cell,
    Client,
    cells,
    shared,
)
from tests.integration.matrix.judging import complaints
from tests.judging import unjudged

SCRIPTS = ROOT / "tests" / "integration" / "node"
OLDEST_SDKS = Path(sys.prefix) / "oldest-sdks"
"""Where ``make test`` installs ``tests/integration/oldest-sdks.txt``."""
SECONDS = 200
"""How long one client may take over all of its cells, on a busy machine."""
Seen = Mapping[int, Mapping[str, Any]]


def see(address: str, client: Client, asked: Iterable[Cell]) -> tuple[str, Seen]:
    """A client's version, and what it sees of its cells, by their numbers."""
    if client.language == PYTHON:
        assert OLDEST_SDKS.is_dir(), f"`make test` installs {OLDEST_SDKS}"
        folder, package = ROOT, client.package
        command = [sys.executable, "-m", "tests.integration.matrix.python_clients"]
        path = f"{OLDEST_SDKS}:{ROOT}" if client.age == OLDEST else str(ROOT)
    else:
        folder, path = SCRIPTS, ""
        package = client.package if client.age == NEWEST else f"{client.package}-oldest"
        command = ["node", f"matrix_{client.package}.mjs"]
    # A client runs nothing whose coverage is measured.
    environment = {
        name: value
        for name, value in clean_environment({"PYTHONPATH": path}).items()
        if not name.startswith("COVERAGE_")
    }
    told = {"shared": shared(), "cells": [cell.told() for cell in asked]}
    ran = subprocess.run(
        [*command, address, package],
        cwd=folder,
        env=environment,
        input=json.dumps(told).encode(),
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    answer = json.loads(ran.stdout)
    return answer["version"], {int(number): seen for number, seen in answer["seen"].items()}


def table(
    verdicts: Mapping[Cell, list[str]], names: Mapping[Client, str], scenarios: Iterable[str]
) -> str:
    """Cells as text: a line for each door, dialect and client, a column for each scenario.

    A cell has two marks, plain and streamed. ``+`` is right, ``-`` is not, ``r`` is refused by a
    rule that is told below.
    """
    marks: dict[tuple[str, str, str], dict[str, str]] = {}
    for cell, wrong in verdicts.items():
        key = (cell.door, cell.dialect, names[cell.client])
        line = marks.setdefault(key, dict.fromkeys(scenarios, ""))
        line[cell.scenario] += "-" if wrong else "r" if cell.rule else "+"
    lines = [_line("door", "dialect", "client", scenarios)]
    lines += [_line(*key, line.values()) for key, line in marks.items()]
    rules = [f"r: {cell.dialect}, {cell.scenario}: {cell.rule}" for cell in verdicts if cell.rule]
    return "\n".join((*lines, *dict.fromkeys(rules)))


def _line(door: str, dialect: str, client: str, columns: Iterable[str]) -> str:
    shown = "".join(f"{column:11}" for column in columns)
    return f"{door:10}{dialect:12}{client:27}{shown}".rstrip()


class MatrixTests(GatewayTestCase):
    toml = TOML
    timeout = SECONDS + 20

    async def test_every_cell(self) -> None:
        """What any client asks at any door comes back right from a provider of any dialect."""
        address, asked = self.gateway.address, list(cells())
        shares = {client: [cell for cell in asked if cell.client == client] for client in CLIENTS}
        with unjudged("the clients themselves read every answer", answers_only=True):
            found: list[tuple[str, Seen]] = await gatherResults(
                [deferToThread(see, address, client, share) for client, share in shares.items()],
                consumeErrors=True,
            )
        versions = dict(zip(CLIENTS, (version for version, _ in found), strict=True))
        seen = {number: what for _, part in found for number, what in part.items()}
        verdicts = {
            cell: complaints(cell, seen[cell.number], self._received(cell)) for cell in asked
        }
        names = {
            client: f"{client.package} {version}, {client.language}"
            for client, version in versions.items()
        }
        weak = {cell: wrong for cell, wrong in verdicts.items() if cell.dialect in WEAK}
        strong = {cell: wrong for cell, wrong in verdicts.items() if cell.dialect not in WEAK}
        print(f"\n{table(strong, names, SCENARIOS)}\n\n{table(weak, names, WEAK_SCENARIOS)}")
        print("\n".join(NOTES))
        wrong = [f"{cell.name}: {what}" for cell, all_ in verdicts.items() for what in all_]
        self.assertEqual([], wrong, "\n".join(wrong))
        for client in (client for client in CLIENTS if client.age == OLDEST):
            newest, oldest = versions[evolve(client, age=NEWEST)], versions[client]
            self.assertLess(int(oldest.split(".")[0]), int(newest.split(".")[0]), client.name)

    def _received(self, cell: Cell) -> list[Received]:
        tag = cell.tag.encode()
        return [received for received in self.gateway.demo.journal if tag in received.body]
