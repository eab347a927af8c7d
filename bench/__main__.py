"""``python -m bench``: measure the gateway beside nginx and a plain proxy, print one table."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import msgspec

from bench import machine, paces
from bench.contenders import GATEWAY_COMMAND
from bench.figures import DIRECT, GATEWAY, IMPORT, KLEIN_TREQ, MEASURED, NGINX
from bench.report import all_hold, as_data, report
from bench.rounds import Wish, measure

_CONTENDERS = (GATEWAY, NGINX, KLEIN_TREQ, DIRECT)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the gateway, nginx and a Klein + treq proxy in turn; print one table. "
        "The exit status is 0 if every bar holds.",
    )
    parser.add_argument("--rounds", type=_positive, help="default: 5, with --quick 1")
    parser.add_argument(
        "--only", nargs="+", choices=MEASURED, metavar="FIGURE", help=f"of: {', '.join(MEASURED)}"
    )
    parser.add_argument("--quick", action="store_true", help="one round of short periods: a look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome there")
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=_CONTENDERS,
        default=_CONTENDERS,
        metavar="NAME",
        help=f"leave the others out; of: {', '.join(_CONTENDERS)}",
    )
    parser.add_argument(
        "--gateway-command",
        default=GATEWAY_COMMAND,
        metavar="COMMAND",
        help="what starts the gateway, up to the port (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the bench; the exit status."""
    options = parse(arguments)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _leave)
    most = machine.raise_descriptor_limit()
    if most < paces.DESCRIPTORS:
        _tell(f"only {most} descriptors are allowed: idle-streams needs {paces.DESCRIPTORS}")
    wish = Wish(
        rounds=options.rounds or (1 if options.quick else 5),
        measurements=[name for name in MEASURED if name in (options.only or MEASURED)],
        contenders=(*options.contenders, IMPORT),
        pace=paces.QUICK if options.quick else paces.FULL,
        gateway_command=options.gateway_command,
    )
    try:
        findings = measure(wish, _tell)
    except KeyboardInterrupt:
        return 130
    told = machine.describe(findings.nginx)
    print(report(findings.rounds, told, findings.absent), flush=True)
    if options.json:
        data = as_data(findings.rounds, told, findings.absent)
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(data)))
    return 0 if all_hold(findings.rounds) else 1


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _leave(signum: int, _: FrameType | None) -> None:
    """Unwind, so that every process ends."""
    sys.exit(128 + signum)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
