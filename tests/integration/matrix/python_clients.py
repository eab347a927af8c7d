"""The Python clients in the table's cells: ``python -m … GATEWAY PACKAGE``.

Cells come in on standard input as JSON, and what was seen of each goes out as JSON, with the
package's version. Which version that is, ``PYTHONPATH`` decides.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

from tests.integration.matrix.cells import Cell


def main(address: str, package: str) -> None:
    """Ask what standard input says."""
    # The other package is not needed, and takes a second or two.
    calls = import_module(f"tests.integration.matrix.{package}_calls")
    doors = {name: door(address) for name, door in calls.DOORS.items()}
    seen: dict[int, dict[str, Any]] = {}
    for told in json.load(sys.stdin)["cells"]:
        cell = Cell.of(told)
        try:
            seen[cell.number] = doors[cell.door].see(cell)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this cell's
            seen[cell.number] = {"raised": f"{type(error).__name__}: {error}"}
    print(json.dumps({"version": sys.modules[package].__version__, "seen": seen}))


if __name__ == "__main__":
    main(*sys.argv[1:])
