"""The gateway as one service: parts, draining, stopping, figures."""

from __future__ import annotations

import functools
import threading
import time
from types import SimpleNamespace

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from magicgateway.errors import ConfigError
from magicgateway.observe.metric_names import WATCHED
from magicgateway.providers.registry import Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from magicgateway.serving.drain import UNREADY
from magicgateway.serving.gateway import Gateway
from tests.config.sources import loaded
from tests.gateway import RunningGateway, exchange_bytes, post, start_gateway, until

GET = b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
CHAT = {"x-provider": "demo"}
REGION = "x-aws-region"


def chat(model: str, *, stream: bool = False) -> bytes:
    """A chat with the demo provider."""
    body = b'{"model":"%b","stream":%b,"messages":[{"role":"user","content":"hi"}]}' % (
        model.encode(),
        b"true" if stream else b"false",
    )
    return post("/v1/chat/completions", body, headers=CHAT)


def unstarted(toml: str) -> Gateway:
    """A gateway that listens nowhere yet."""
    settings = loaded(toml)
    return Gateway(
        reactor,
        settings,
        Registry(ROWS, GENERIC, settings),
        finished=lambda _: None,
        render_metrics=bytes,
        request_prefix="test",
        wall_clock=time.time,
    )


class MetricsListenerTests(TestCase):
    """``metrics.listen``."""

    async def test_own_listener(self) -> None:
        """Metrics have an address of their own, where nothing else is; elsewhere they are not."""
        running = await start_gateway(self, '[metrics]\nlisten = "tcp:0:interface=127.0.0.1"')
        port = running.gateway.metrics_listeners.ports()[0]
        answers = [
            await deferToThread(exchange_bytes, where, GET % path)
            for where, path in (
                (port, b"/metrics"),
                (port, b"/health"),
                (running.port, b"/metrics"),
            )
        ]
        self.assertEqual([b"200", b"404", b"404"], [answer.split(b" ")[1] for answer in answers])
        self.assertTrue(answers[0].endswith(b"# metrics\n"))

    async def test_probe(self) -> None:
        """Before anything is bound, a taken address is told, that of metrics too."""
        taken = f"tcp:{(await start_gateway(self)).port}:interface=127.0.0.1"
        unstarted('[metrics]\nlisten = "tcp:0"').probe()
        for toml, key in (
            (f'[metrics]\nlisten = "{taken}"', "metrics.listen"),
            (f'[server]\nlisten = ["{taken}"]', "server.listen"),
        ):
            error = self.assertRaises(ConfigError, unstarted(toml).probe)
            self.assertTrue(str(error).startswith(f"{key}: cannot listen on {taken}: "), str(error))


class DrainTests(TestCase):
    """Draining a running gateway."""

    async def begin(self, toml: str = "") -> RunningGateway:
        """A gateway whose drain does not end this process."""
        running = await start_gateway(self, toml)
        self.stopped: list[bool] = []
        running.gateway.drain._stop = lambda: self.stopped.append(True)
        return running

    async def test_unready(self) -> None:
        """While listeners stay open ``/health/ready`` is 503, and answers end their connections."""
        running = await self.begin("[server]\nunready_seconds = 60")
        running.gateway.drain.begin()
        self.assertEqual(UNREADY, running.gateway.drain.state)
        for path, status in ((b"/health/ready", b"503"), (b"/health", b"200"), (b"/none", b"404")):
            answer = await running.ask(GET.replace(b"Connection: close\r\n", b"") % path)
            head = answer.partition(b"\r\n\r\n")[0].lower()
            self.assertEqual((path, status), (path, head.split(b" ")[1]))
            self.assertIn(b"\r\nconnection: close", head)
        answer = await running.ask(chat("demo").replace(b"Connection: close\r\n", b""))
        head = answer.partition(b"\r\n\r\n")[0].lower()
        self.assertEqual(b"200", head.split(b" ")[1])
        self.assertIn(b"\r\nconnection: close", head)

    async def test_waiting_request(self) -> None:
        """A request that is still waiting when the time is over gets a 503 of ours."""
        running = await self.begin("[server]\ndrain_seconds = 0.1")
        asked = deferToThread(exchange_bytes, running.port, chat("demo-fault:silence"))
        await until(lambda: len(running.gateway.plane.running) == 1)
        running.gateway.drain.begin()
        answer = await asked
        self.assertTrue(answer.startswith(b"HTTP/1.1 503 "), answer)
        self.assertIn(b'"gateway_stopping"', answer)
        await until(lambda: self.stopped == [True])

    async def test_long_stream(self) -> None:
        """A stream that outlasts the time ends in an error event, without a success marker."""
        running = await self.begin("[server]\ndrain_seconds = 0.1")
        asked = deferToThread(
            exchange_bytes, running.port, chat("demo-fault:rate=20;tokens=400", stream=True)
        )
        plane = running.gateway.plane
        await until(lambda: any(e.relay is not None and e.relay.committed for e in plane.running))
        running.gateway.drain.begin()
        answer = await asked
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        self.assertIn(b'"gateway_stopping"', answer)
        self.assertNotIn(b"[DONE]", answer)
        self.assertTrue(answer.endswith(b"0\r\n\r\n"), answer[-80:])
        await until(lambda: self.stopped == [True])


class StopTests(TestCase):
    """Stopping without draining."""

    async def test_cuts(self) -> None:
        """What runs is cut off and recorded, and the provider is left."""
        running = await start_gateway(self)
        asked = deferToThread(exchange_bytes, running.port, chat("demo-fault:silence"))
        await until(lambda: bool(running.demo.connections))
        await running.gateway.stopService()
        self.assertEqual(b"", await asked)
        self.assertEqual([499], [fact.status for fact in running.facts])
        await until(lambda: not running.demo.connections)

    async def test_reactor(self) -> None:
        """The end of a drain stops the reactor, if that is running at all."""
        for runs in (True, False):
            stopped: list[bool] = []
            gateway = unstarted("")
            gateway._reactor = SimpleNamespace(
                running=runs, stop=functools.partial(stopped.append, True)
            )
            gateway.drain.begin()
            self.assertEqual([True] * runs, stopped)


class FigureTests(TestCase):
    """What metrics see of the state that the gateway keeps."""

    async def test_names(self) -> None:
        """Every figure is one that metrics know."""
        running = await start_gateway(self)
        self.assertEqual(set(), set(running.gateway.figures()) - set(WATCHED))

    async def test_connections(self) -> None:
        """Upstream connections are told per origin, in use and idle."""
        running = await start_gateway(self)
        figures = running.gateway.figures()
        origin = running.demo.base_url
        asked = deferToThread(exchange_bytes, running.port, chat("demo-fault:latency=0.2"))
        await until(lambda: figures["in_flight"]() == 1)
        await until(lambda: figures["upstream_connections"]().get((origin, "in_use")) == 1)
        self.assertEqual(1, figures["downstream_connections"]())
        await asked
        await until(lambda: figures["in_flight"]() == 0)
        self.assertEqual(
            {(origin, "idle"): 1, (origin, "in_use"): 0}, figures["upstream_connections"]()
        )

    async def test_callers_regions(self) -> None:
        """AWS's regions, which callers choose, are told as one origin."""
        running = await start_gateway(self)
        looked_up, answered = [], threading.Event()
        self.addCleanup(answered.set)

        def lookup(name: str, *_: object) -> list[object]:
            looked_up.append(name)
            answered.wait(5)
            return []

        self.patch(running.gateway._connector._resolver, "_lookup", lookup)
        body = b'{"model":"amazon.nova-lite-v1:0","messages":[{"role":"user","content":"hi"}]}'
        fields = {"x-provider": "bedrock", "authorization": "Bearer of-the-caller"}
        asked = [
            running.ask(post("/v1/chat/completions", body, headers={**fields, REGION: region}))
            for region in ("eu-west-71", "eu-west-72")
        ]
        asking = [ensureDeferred(one) for one in asked]
        await until(lambda: len(looked_up) == 2)
        origin = "https://bedrock-runtime.{region}.amazonaws.com:443"
        self.assertEqual(
            {(origin, "idle"): 0, (origin, "in_use"): 2},
            running.gateway.figures()["upstream_connections"](),
        )
        answered.set()
        for one in asking:
            self.assertTrue((await one).startswith(b"HTTP/1.1 502 "))
