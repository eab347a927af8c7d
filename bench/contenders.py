"""Those who are measured, as running processes pinned to a core of their own."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

from attrs import evolve, field, frozen

from bench import nginx
from bench.certificates import Certificates
from bench.figures import DIRECT, GATEWAY, NGINX
from bench.usage import family, rss_kib

ROOT = Path(__file__).resolve().parent.parent
GATEWAY_COMMAND = f"{Path(sys.executable).parent / 'twistd'} -n --pidfile= magicgateway --port"
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_LAST_WORDS = 400
_POLL_SECONDS = 0.002
_BENCH_HEADERS = {"Authorization": "Bearer sk-bench"}


class ContenderFailed(Exception):
    """A contender did not start, stop or answer as it must; the message says which and how."""


@frozen
class Cores:
    """Which core the contender has, and which the load and the mock provider share."""

    contender: int
    load: int

    @classmethod
    def of_machine(cls) -> Cores:
        """The first two that this process may use; one and the same if there is only one."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[1 % len(usable)])


@frozen
class Venue:
    """What one run gives every contender."""

    folder: Path
    cores: Cores
    upstream: int
    tls_upstream: int
    certificates: Certificates
    gateway_command: str = GATEWAY_COMMAND
    nginx: str | None = None


@frozen
class Contender:
    """One that runs. ``pid`` is 0 for *direct*, which is the mock provider itself."""

    name: str
    pid: int
    port: int
    tls_port: int = 0
    headers: dict[str, str] = field(factory=lambda: dict(_BENCH_HEADERS))
    tls_headers: dict[str, str] = field(factory=lambda: dict(_BENCH_HEADERS))


@contextlib.contextmanager
def running(name: str, venue: Venue, *, settled: bool = True) -> Iterator[Contender]:
    """Start a contender, wait until it answers, and end it afterwards.

    Args:
        name: Which.
        venue: Where.
        settled: Wait until it loads no more, too.

    Raises:
        ContenderFailed: when it does not answer within 20 s.
    """
    if name == DIRECT:
        yield Contender(name, 0, venue.upstream)
        return
    port = free_port()
    if name == GATEWAY:
        command, environment = gateway_start(venue, port)
        headers = {"x-provider": "bench"} | _BENCH_HEADERS
        tls_headers = {"x-provider": "benchtls"} | _BENCH_HEADERS
        contender = Contender(name, 0, port, port, headers, tls_headers)
    elif name == NGINX:
        tls_port = free_port()
        command, environment = _nginx_start(venue, port, tls_port), {}
        contender = Contender(name, 0, port, tls_port)
    else:
        script = [sys.executable, "-m", "bench.klein_treq_proxy"]
        command, environment = [*script, str(port), str(venue.upstream)], {}
        contender = Contender(name, 0, port)
    with started(name, venue, command, environment) as process:
        try:
            wait_healthy(port, process)
        except ContenderFailed as error:
            raise ContenderFailed(f"{error}{_last_words(name, venue)}") from None
        if settled:
            wait_settled(process.pid)
        yield evolve(contender, pid=process.pid)


def wait_settled(pid: int) -> None:
    """Wait until a contender loads no more: its memory has not grown for a second (10 s at most).

    The gateway loads its translators after it has begun to answer; they belong to what it takes
    from the start, not to what a measurement adds.
    """
    end = monotonic() + 10
    size, since = -1, monotonic()
    while monotonic() < min(end, since + 1):
        grown = rss_kib(family([pid]))
        if grown > size:
            size, since = grown, monotonic()
        sleep(0.1)


def gateway_start(venue: Venue, port: int) -> tuple[list[str], dict[str, str]]:
    """The gateway's command and what its environment says: everything else is its default."""
    environment = {
        "MAGICGATEWAY__PROVIDERS__BENCH__BASE_URL": f"http://127.0.0.1:{venue.upstream}/v1",
        "MAGICGATEWAY__PROVIDERS__BENCH__DIALECT": "openai",
        "MAGICGATEWAY__PROVIDERS__BENCHANTHROPIC__BASE_URL": f"http://127.0.0.1:{venue.upstream}/v1",
        "MAGICGATEWAY__PROVIDERS__BENCHANTHROPIC__DIALECT": "anthropic",
        "MAGICGATEWAY__PROVIDERS__BEDROCK__BASE_URL": f"http://127.0.0.1:{venue.upstream}",
        "MAGICGATEWAY__PROVIDERS__BENCHTLS__BASE_URL": f"https://127.0.0.1:{venue.tls_upstream}/v1",
        "MAGICGATEWAY__PROVIDERS__BENCHTLS__DIALECT": "openai",
        "MAGICGATEWAY__UPSTREAM__CA_FILE": str(venue.certificates.authority),
        "MAGICGATEWAY__UPSTREAM__MAX_IN_FLIGHT": "8192",
        "MAGICGATEWAY__LOG__FILE": str(venue.folder / "gateway-access.log"),
    }
    return [*shlex.split(venue.gateway_command), str(port)], environment


def _nginx_start(venue: Venue, port: int, tls_port: int) -> list[str]:
    if venue.nginx is None:
        raise ContenderFailed("it is not installed, and apt-get install nginx-light did not help")
    file = venue.folder / f"nginx-{port}.conf"
    text = nginx.config(
        folder=venue.folder,
        port=port,
        tls_port=tls_port,
        upstream=venue.upstream,
        tls_upstream=venue.tls_upstream,
        authority=venue.certificates.authority,
    )
    file.write_text(text)
    return [venue.nginx, "-c", str(file), "-p", str(venue.folder)]


@contextlib.contextmanager
def started(
    name: str, venue: Venue, command: list[str], environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on the contenders' core, in a clean environment; it cannot outlive the bench."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | environment
    with (venue.folder / f"{name}.out").open("ab") as output, on_core(venue.cores.contender):
        process = subprocess.Popen(
            [*leash(), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=variables,
            cwd=venue.folder,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def leash() -> list[str]:
    """What stands before a command that must end with the bench, however that ends.

    ``timeout`` leads a process group, passes SIGTERM on to all of it and kills it 5 s later;
    ``setpriv`` has the kernel send that SIGTERM when the bench itself is gone.
    """
    setpriv = shutil.which("setpriv")
    tied = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
    return [*tied, "timeout", "--kill-after=5", "1800"]


def _last_words(name: str, venue: Venue) -> str:
    said = (venue.folder / f"{name}.out").read_text(errors="replace").strip()
    return f"; it said: {' | '.join(said[-_LAST_WORDS:].splitlines())}" if said else ""


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Everything started meanwhile inherits the core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A port of loopback that nobody had a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def wait_healthy(port: int, process: subprocess.Popen[bytes]) -> None:
    """Ask ``GET /health`` until it is answered with 200.

    Raises:
        ContenderFailed: when the process ends first, or after 20 s.
    """
    end = monotonic() + _START_SECONDS
    while monotonic() < end:
        if process.poll() is not None:
            raise ContenderFailed(f"it ended with status {process.returncode}")
        if _healthy(port):
            return
        sleep(_POLL_SECONDS)
    raise ContenderFailed("GET /health was not answered within 20 s")


def _healthy(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return sock.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False
