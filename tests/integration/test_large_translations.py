"""Whole answers that are large are translated beside everybody else's, and end as honestly."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from magicgateway.dialects.translation import Translation
from magicgateway.serving.translated_relay import LARGE
from tests.gateway import RunningGateway, post, start_gateway, until
from tests.serving.test_channel import code_of, status_of
from tests.serving.test_relay import body_of
from tests.sockets import Peer, ScriptedServer

TOML = '[providers.claude]\ndialect = "anthropic"\nbase_url = "{demo}/v1"\n'
ASKED = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
WORDS = 'hé \n"' * LARGE


class LargeAnswerTests(TestCase):
    async def start(self, text: bytes, status: str = "200 OK") -> RunningGateway:
        """A gateway before a provider that always gives the same answer."""
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        reply = f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text

        def serve(peer: Peer) -> None:
            while True:
                peer.read_request()
                peer.send(reply)

        server = ScriptedServer(serve)
        self.addCleanup(server.stop)
        return await start_gateway(self, TOML.replace("{demo}", f"http://127.0.0.1:{server.port}"))

    async def test_whole(self) -> None:
        """Every word arrives, in a stream too where one was asked for."""
        gateway = await self.start(message())
        reply = await gateway.ask(asked())
        choice = json.loads(reply.partition(b"\r\n\r\n")[2])["choices"][0]
        self.assertEqual(WORDS, choice["message"]["content"])
        reply = await gateway.ask(asked(stream=True))
        lines = (line for line in body_of(reply).split(b"\n") if line.startswith(b"data: {"))
        deltas = [json.loads(line[6:])["choices"][0]["delta"] for line in lines]
        self.assertEqual(WORDS, "".join(delta.get("content") or "" for delta in deltas))
        self.assertEqual(1, body_of(reply).count(b"[DONE]"))
        self.assertEqual([200, 200], [fact.status for fact in gateway.facts])

    async def test_not_answers(self) -> None:
        """What is no answer is told as that, whatever its size."""
        failed = {"type": "error", "error": {"type": "overloaded_error", "message": WORDS}}
        for text, status, code in (
            (b"x" * 2 * LARGE, 502, "upstream_malformed"),
            (json.dumps([WORDS]).encode(), 502, "upstream_malformed"),
            (json.dumps(failed).encode(), 503, "server_is_overloaded"),
        ):
            gateway = await self.start(text)
            reply = await gateway.ask(asked())
            self.assertEqual((status, code), (status_of(reply), code_of(reply)), reply[:500])

    async def test_fault_of_ours(self) -> None:
        """A mistake of ours in the thread is an honest 500, and the log has it."""

        def fault(*_: Any) -> bytes:
            raise RuntimeError("a mistake")

        self.patch(Translation, "reply", fault)
        gateway = await self.start(message())
        reply = await gateway.ask(asked())
        self.assertEqual((500, "internal_error"), (status_of(reply), code_of(reply)))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    async def test_caller_leaves(self) -> None:
        """Whoever leaves meanwhile is not answered, be it a success or a failure that comes."""
        for failing in (False, True):
            gate, entered = threading.Event(), threading.Event()
            self.addCleanup(gate.set)

            def wait(
                *_: Any, failing: bool = failing, gate: Any = gate, at: Any = entered
            ) -> bytes:
                at.set()
                gate.wait(10)
                if failing:
                    raise RuntimeError("too late to matter")
                return b"{}"

            self.patch(Translation, "reply", wait)
            gateway = await self.start(message())
            with socket.create_connection(("127.0.0.1", gateway.port)) as caller:
                caller.sendall(asked())
                await deferToThread(entered.wait, 10)
                self.assertTrue(entered.is_set())
                await until(lambda g=gateway: _relay_of(g)._working)  # type: ignore[misc]
            await until(lambda g=gateway: bool(g.facts))  # type: ignore[misc]
            self.assertEqual([499], [fact.status for fact in gateway.facts])
            gate.set()
            await until(lambda g=gateway: not g.gateway.plane.running)  # type: ignore[misc]
            self.assertEqual(1, len(gateway.facts))

    async def test_slow_body(self) -> None:
        """An answer that comes slowly commits to nothing: its failure still has a status."""
        begun, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)

        def serve(peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            peer.send(b"Content-Length: 100\r\n\r\n{")
            begun.set()
            go_on.wait(10)
            peer.reset()

        server = ScriptedServer(serve)
        self.addCleanup(server.stop)
        gateway = await start_gateway(
            self, TOML.replace("{demo}", f"http://127.0.0.1:{server.port}")
        )
        waiting = ensureDeferred(gateway.ask(asked()))
        await deferToThread(begun.wait, 10)
        await until(lambda: bool(_relay_of(gateway)._collected))
        clock: Any = reactor
        relay = _relay_of(gateway)
        relay.tick(clock.seconds() + 100)
        self.assertFalse(relay.committed)
        go_on.set()
        reply = await waiting
        self.assertEqual((502, "upstream_truncated"), (status_of(reply), code_of(reply)))

    async def test_silence(self) -> None:
        """A body that stops, or never begins, or takes too long, is given up in time."""
        for sent, after, total, code in (
            (b"{", 301, "", "idle_timeout"),
            (b"", 601, "", "first_event_timeout"),
            (b"{", 8, "total = 7\n", "total_timeout"),
        ):
            with self.subTest(code=code):

                def serve(peer: Peer, sent: bytes = sent) -> None:
                    peer.read_request()
                    peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                    peer.send(b"Content-Length: 100\r\n\r\n" + sent)
                    peer.read_to_end()

                server = ScriptedServer(serve)
                self.addCleanup(server.stop)
                toml = TOML.replace("{demo}", f"http://127.0.0.1:{server.port}")
                gateway = await start_gateway(self, f"{toml}[timeouts]\n{total}")
                waiting = ensureDeferred(gateway.ask(asked()))
                await until(lambda g=gateway: _has_head(g))  # type: ignore[misc]
                relay = _relay_of(gateway)
                if sent:
                    await until(lambda r=relay: bool(r._collected))  # type: ignore[misc]
                clock: Any = reactor
                relay.tick(clock.seconds() + after - 2)
                self.assertFalse(relay._ended)
                relay.tick(clock.seconds() + after)
                reply = await waiting
                self.assertEqual((504, code), (status_of(reply), code_of(reply)))


def message() -> bytes:
    """A large answer of Anthropic's."""
    return json.dumps(
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": WORDS}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    ).encode()


def asked(*, stream: bool = False) -> bytes:
    """A small question in the chat dialect."""
    body = json.dumps({**ASKED, "stream": stream}).encode()
    headers = {"x-provider": "claude", "authorization": "Bearer sk-1"}
    return post("/v1/chat/completions", body, headers=headers)


def _relay_of(gateway: RunningGateway) -> Any:
    (exchange,) = gateway.gateway.plane.running
    return exchange.relay


def _has_head(gateway: RunningGateway) -> bool:
    running = gateway.gateway.plane.running
    return any(exchange.relay is not None and exchange.relay.head_at for exchange in running)
