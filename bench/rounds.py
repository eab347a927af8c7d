"""Runs the rounds: the mock provider, each contender in its turn, and the load against it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic

import msgspec
from attrs import field, frozen

from bench import nginx, paces
from bench.certificates import make_certificates
from bench.contenders import (
    GATEWAY_COMMAND,
    ROOT,
    Contender,
    ContenderFailed,
    Cores,
    Venue,
    leash,
    on_core,
    running,
    started,
)
from bench.doors import TRANSLATED
from bench.figures import DIRECT, GATEWAY, IMPORT, MEASURED, NGINX, Round
from bench.jobs import Job, Outcome, joined
from bench.paces import FULL, Pace

_LOAD_SECONDS = 180.0
_BASELINE = (sys.executable, "-c", "import twisted.web.server")
_TRIED = (GATEWAY, NGINX)
"""Whose costs decide about the load of ``first-event``: the first of these that takes part."""


@frozen
class Wish:
    """What a run is asked to do."""

    rounds: int = 5
    measurements: Sequence[str] = tuple(MEASURED)
    contenders: Sequence[str] = tuple(dict.fromkeys(sum(MEASURED.values(), ())))
    pace: Pace = FULL
    gateway_command: str = GATEWAY_COMMAND


@frozen
class Findings:
    """What a run found.

    Args:
        rounds: The outcomes.
        absent: Who could not run, and why.
        nginx: Its path, if there is one.
    """

    rounds: list[Round]
    absent: dict[str, str]
    nginx: str | None


@contextlib.contextmanager
def mock_provider(certificate: Path, core: int) -> Iterator[tuple[int, int, int]]:
    """The mock provider's process: its id, its plain port and its TLS port."""
    with on_core(core):
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.mock_upstream", str(certificate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            process_group=0,
        )
    with process:
        try:
            assert process.stdout is not None
            port, tls_port = process.stdout.readline().split()
            yield process.pid, int(port), int(tls_port)
        finally:
            process.kill()


def measure(wish: Wish, tell: Callable[[str], None]) -> Findings:
    """Do all rounds; every process has ended when this returns or raises.

    Args:
        wish: What to do.
        tell: Called with a line about each step, for whoever waits.
    """
    cores = Cores.of_machine()
    with contextlib.ExitStack() as stack:
        stack.enter_context(on_core(cores.load))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        program = None
        if NGINX in wish.contenders:
            tell("looking for nginx, installing nginx-light if there is none")
            program = nginx.find_nginx(folder / "nginx-install.log")
        certificates = make_certificates(folder)
        mock, port, tls_port = stack.enter_context(mock_provider(certificates.server, cores.load))
        venue = Venue(folder, cores, port, tls_port, certificates, wish.gateway_command, program)
        run = _Run(wish, venue, mock, tell)
        run.check_in()
        rounds = [run.round(number) for number in range(wish.rounds)]
        return Findings(rounds, run.absent, program)


@frozen
class _Run:
    wish: Wish
    venue: Venue
    mock: int
    tell: Callable[[str], None]
    absent: dict[str, str] = field(factory=dict)

    def check_in(self) -> None:
        """Start everybody once: who cannot run is told at once, and files get cached."""
        for name in self.wish.contenders:
            if name == IMPORT:
                continue
            try:
                with running(name, self.venue):
                    pass
            except (ContenderFailed, OSError) as error:
                self.absent[name] = str(error)
                self.tell(f"{name} cannot run: {error}")

    def round(self, number: int) -> Round:
        """Every measurement; who comes first in one changes from round to round."""
        outcomes: dict[str, dict[str, Outcome]] = {}
        for measurement in self.wish.measurements:
            names = [name for name in MEASURED[measurement] if self._takes_part(name)]
            turn = number % len(names) if names else 0
            rate = self._half_load() if measurement == "first-event" else 0.0
            order = names[turn:] + names[:turn]
            began = monotonic()
            if self.wish.pace.parts(measurement) > 1:
                outcomes[measurement] = self._in_slices(measurement, order, rate)
            else:
                outcomes[measurement] = {n: self._outcome(measurement, n, rate) for n in order}
            took = monotonic() - began
            self.tell(f"round {number + 1}, {measurement}: {took:.1f} s")
            for name, outcome in outcomes[measurement].items():
                if outcome.failure:
                    self.tell(f"  {name} failed: {outcome.failure}")
        return outcomes

    def _in_slices(self, measurement: str, names: list[str], rate: float) -> dict[str, Outcome]:
        """All contenders' outcomes, of which each had a slice in turn, there and back again.

        All of them run meanwhile; those whose turn it is not have nothing to do.
        """
        parts: dict[str, list[Outcome]] = {name: [] for name in names}
        with contextlib.ExitStack() as stack:
            contenders: dict[str, Contender] = {}
            for name in names:
                try:
                    contenders[name] = stack.enter_context(running(name, self.venue))
                except (ContenderFailed, OSError) as error:
                    parts[name].append(_failed(error))
            for number in range(self.wish.pace.parts(measurement)):
                for name in list(contenders)[:: -1 if number % 2 else 1]:
                    part = self._slice(measurement, contenders[name], rate, again=number > 0)
                    parts[name].append(part)
                    if part.failure:
                        del contenders[name]
        return {name: joined(found) for name, found in parts.items()}

    def _slice(
        self, measurement: str, contender: Contender, rate: float, *, again: bool
    ) -> Outcome:
        try:
            return self._load(measurement, contender, rate, again=again)
        except (ContenderFailed, OSError, subprocess.SubprocessError) as error:
            return _failed(error)

    def _takes_part(self, name: str) -> bool:
        return name in self.wish.contenders and name not in self.absent

    def _outcome(self, measurement: str, name: str, rate: float) -> Outcome:
        try:
            if measurement == "start-up":
                return self._start_up(name)
            with running(name, self.venue) as contender:
                return self._load(measurement, contender, rate)
        except (ContenderFailed, OSError, subprocess.SubprocessError) as error:
            return _failed(error)

    def _half_load(self) -> float:
        name = next((name for name in _TRIED if self._takes_part(name)), DIRECT)
        outcome = self._outcome("trial", name, paces.TRIAL_RATE)
        if outcome.failure:
            self.tell(f"what a stream costs {name} is unknown: {outcome.failure}")
            return paces.TRIAL_RATE / 10
        return paces.half_load(outcome)

    def _load(
        self, measurement: str, contender: Contender, rate: float, *, again: bool = False
    ) -> Outcome:
        tls = measurement == "tls-requests"
        headers = contender.tls_headers if tls else contender.headers
        translated = TRANSLATED.get(measurement) if contender.name == GATEWAY else None
        job = self.wish.pace.job(
            measurement,
            port=contender.tls_port if tls else contender.port,
            headers=headers if translated is None else translated.headers,
            door="" if translated is None else translated.door,
            watch=[contender.pid or self.mock],
            load=[self.mock],
            rate=rate,
            again=again,
        )
        return run_job(job, self.venue.cores.load)

    def _start_up(self, name: str) -> Outcome:
        began = monotonic()
        if name == IMPORT:
            with started(name, self.venue, list(_BASELINE), {}) as process:
                process.wait()  # with a time limit it would look only every 50 ms
            return Outcome(units=1, seconds=monotonic() - began)
        with running(name, self.venue, settled=False):
            return Outcome(units=1, seconds=monotonic() - began)


def _failed(error: Exception) -> Outcome:
    return Outcome(failure=f"{type(error).__name__}: {error}")


def run_job(job: Job, core: int) -> Outcome:
    """Have the load process do one job.

    Raises:
        ContenderFailed: when it ends without an outcome.
    """
    with on_core(core):
        process = subprocess.Popen(
            [*leash(), sys.executable, "-m", "bench.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
    with process:
        try:
            told, _ = process.communicate(msgspec.json.encode(job), _LOAD_SECONDS)
        finally:
            process.terminate()
    if process.returncode:
        raise ContenderFailed(f"the load process ended with status {process.returncode}")
    return msgspec.json.decode(told, type=Outcome)
