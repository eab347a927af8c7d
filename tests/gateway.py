"""A gateway in the test's own process, in front of a demo provider: both on real sockets."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from magicgateway.config.listening import Flags
from magicgateway.config.load import load
from magicgateway.config.settings import Settings
from magicgateway.demo.server import DemoProvider
from magicgateway.observe.facts import Finished
from magicgateway.providers.registry import Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.demo import demo_row
from magicgateway.providers.rows.generic import GENERIC
from magicgateway.serving.gateway import Gateway

LISTEN = "tcp:0:interface=127.0.0.1"


def settings_of(toml: str = "", environment: Mapping[str, str] | None = None) -> Settings:
    """Settings as an operator writes them; they listen on a free port of loopback."""

    def read_text(path: str) -> str:
        if path == "test.toml":
            return toml
        raise FileNotFoundError(2, "no such file", path)

    return load(Flags(config="test.toml", listen=(LISTEN,)), environment or {}, read_text)


@define
class RunningGateway:
    """A gateway that serves, its demo provider, and what it said of finished exchanges.

    ``{demo}`` in the TOML text stands for the demo provider's address, for example
    ``[providers.openai]`` with ``base_url = "{demo}/v1"``.
    """

    gateway: Gateway
    demo: DemoProvider
    settings: Settings
    facts: list[Finished] = field(factory=list)

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self.gateway.listeners.ports()[0]

    @property
    def address(self) -> str:
        """As a URL without a path."""
        return f"http://127.0.0.1:{self.port}"

    async def ask(self, request: bytes, seconds: float = 10.0) -> bytes:
        """Send bytes on a connection of their own and read until the gateway closes it."""
        answer: bytes = await deferToThread(exchange_bytes, self.port, request, seconds)
        return answer


async def start_gateway(
    test: TestCase,
    toml: str = "",
    environment: Mapping[str, str] | None = None,
    *,
    fast_lane: bool = True,
) -> RunningGateway:
    """Start both for one test; they are stopped when it ends."""
    demo = DemoProvider(reactor)
    demo.startService()
    test.addCleanup(demo.stopService)
    settings = settings_of(toml.replace("{demo}", demo.base_url), environment)
    registry = Registry((*ROWS, demo_row(f"{demo.base_url}/v1")), GENERIC, settings)
    facts: list[Finished] = []
    gateway = Gateway(
        reactor,
        settings,
        registry,
        finished=facts.append,
        render_metrics=lambda: b"# metrics\n",
        request_prefix="test",
        wall_clock=time.time,
        fast_lane=fast_lane,
    )
    gateway.privilegedStartService()
    gateway.startService()
    test.addCleanup(_stop, gateway)
    return RunningGateway(gateway, demo, settings, facts)


async def _stop(gateway: Gateway) -> None:
    await gateway.stopService()
    await until(lambda: not gateway.site.channels)


class GatewayTestCase(TestCase):
    """Each test has a gateway of its own, configured by ``toml``."""

    toml = ""

    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        self.gateway = await start_gateway(self, self.toml)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait, turn by turn of the reactor, until something holds.

    Raises:
        AssertionError: It does not in time.
    """
    clock: Any = reactor
    end = clock.seconds() + seconds
    while not condition():
        if clock.seconds() > end:
            raise AssertionError(f"it did not happen within {seconds:g} s")
        turn: Deferred[None] = Deferred()
        clock.callLater(0.005, turn.callback, None)
        await turn


def exchange_bytes(port: int, request: bytes, timeout: float = 10.0) -> bytes:
    """Send bytes and read to the end, blocking; a reset ends the answer too."""
    pieces = []
    with socket.create_connection(("127.0.0.1", port), timeout) as client:
        client.sendall(request)
        while True:
            try:
                piece = client.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            pieces.append(piece)
    return b"".join(pieces)


def post(
    path: str, body: bytes, *, headers: Mapping[str, str] | None = None, close: bool = True
) -> bytes:
    """A JSON POST as it goes on the wire."""
    fields = {"Host": "127.0.0.1", "Content-Type": "application/json"}
    if close:
        fields["Connection"] = "close"
    fields |= dict(headers or {}) | {"Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body
