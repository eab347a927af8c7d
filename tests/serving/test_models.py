"""``GET /v1/models``: one provider's own list, or everybody's side by side."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

from twisted.internet.task import Clock

from magicgateway.serving import models
from tests.gateway import GatewayTestCase, RunningGateway, start_gateway, until
from tests.serving.test_channel import code_of, status_of
from tests.sockets import Peer, ScriptedServer

JSON = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n%b"


def answer(body: bytes, status: int = 200, fields: bytes = b"") -> bytes:
    return JSON % (status, len(body), fields, body)


def asking(*fields: str, path: str = "/v1/models", method: str = "GET") -> bytes:
    lines = "".join(f"{field}\r\n" for field in ("Host: localhost", "Connection: close", *fields))
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


def content(reply: bytes) -> Any:
    assert status_of(reply) == 200, reply
    return json.loads(reply.partition(b"\r\n\r\n")[2])


def ids(reply: bytes) -> list[str]:
    return [model["id"] for model in content(reply)["data"]]


def warnings(reply: bytes) -> list[str]:
    """What the answer says is missing."""
    head = reply.partition(b"\r\n\r\n")[0].decode()
    return re.findall(r"^x-magicgateway-warning: (.*)\r$", head + "\r", re.MULTILINE)


class ModelsTestCase(GatewayTestCase):
    """Providers that follow scripts."""

    def serve(self, *scripts: Any) -> ScriptedServer:
        server = ScriptedServer(*scripts)
        self.addCleanup(server.stop)
        return server

    async def before(self, toml: str = "", **servers: ScriptedServer) -> RunningGateway:
        """A gateway whose providers of these names are these servers."""
        tables = "".join(
            f'[providers.{name}]\nbase_url = "http://127.0.0.1:{server.port}/v1"\n'
            f'api_key = "env:K"\n'
            for name, server in servers.items()
        )
        return await start_gateway(self, toml + tables, {"K": "sk-operator"})


class NamedTests(ModelsTestCase):
    """A provider is named, by header or path."""

    async def test_own_list(self) -> None:
        """Its own answer, byte by byte, with the caller's credential, where the shape fits."""
        body = b'{"object": "list",  "data": [{"id":"a"}]}'
        server = self.serve([answer(body), answer(body)])
        gateway = await self.before(openai=server)
        for request in (
            asking("x-provider: openai", "Authorization: Bearer sk-mine"),
            asking("Authorization: Bearer sk-mine", path="/openai/v1/models?x=1"),
        ):
            self.assertTrue((await gateway.ask(request)).endswith(b"\r\n\r\n" + body))
        self.assertIn(b"GET /v1/models HTTP/1.1", server.requests()[0])
        self.assertIn(b"GET /v1/models?x=1 HTTP/1.1", server.requests()[1])
        self.assertTrue(all(b"Bearer sk-mine" in request for request in server.requests()))

    async def test_bare_list(self) -> None:
        """Together's bare array is written as a list that OpenAI's clients read."""
        server = self.serve([answer(b'[{"id":"a/b","created":5,"organization":"x"}]')])
        gateway = await self.before(together=server)
        reply = await gateway.ask(asking("x-provider: together"))
        self.assertEqual("list", content(reply)["object"])
        self.assertEqual(["a/b"], ids(reply))
        self.assertEqual("together", gateway.facts[0].provider)

    async def test_other_shape(self) -> None:
        """Anthropic's list in OpenAI's shape without anthropic-version, as it is with one."""
        body = b'{"data":[{"type":"model","id":"claude","created_at":"2026-01-01T00:00:00Z"}]}'
        server = self.serve([answer(body), answer(body)])
        gateway = await self.before(anthropic=server)
        reply = await gateway.ask(asking("x-provider: anthropic"))
        model = {"id": "claude", "object": "model", "created": 1767225600, "owned_by": ""}
        self.assertEqual([model], content(reply)["data"])
        self.assertIn(b"limit=1000", server.requests()[0])
        self.assertIn(b"anthropic-version: 2023-06-01", server.requests()[0].lower())
        version = "anthropic-version: 2023-06-01"
        reply = await gateway.ask(asking("x-provider: anthropic", version))
        self.assertTrue(reply.endswith(body))

    async def test_refused(self) -> None:
        """A refusal is the caller's to see; anything else that goes wrong is 502."""
        cases = [
            (answer(b"{}", 401), 401, "models_refused"),
            (answer(b"{}", 403), 403, "models_refused"),
            (answer(b"{}", 429), 429, "models_refused"),
            (answer(b"{}", 500), 502, "models_unavailable"),
            (answer(b"no json"), 502, "models_unavailable"),
            (answer(b'"text"'), 502, "models_unavailable"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", 502, "models_unavailable"),
            (b"nonsense\r\n\r\n", 502, "upstream_malformed"),
        ]
        for wire, status, code in cases:
            gateway = await self.before(together=self.serve([wire, "close"]))
            reply = await gateway.ask(asking("x-provider: together"))
            self.assertEqual((status, code), (status_of(reply), code_of(reply)), wire)

    async def test_too_large(self) -> None:
        """A list that nobody could need is not read to its end."""
        self.patch(models, "LIST_BYTES", 100)
        gateway = await self.before(together=self.serve([answer(b"[%b]" % (b" " * 200))]))
        reply = await gateway.ask(asking("x-provider: together"))
        self.assertEqual((502, "models_unavailable"), (status_of(reply), code_of(reply)))

    async def test_caller_leaves(self) -> None:
        """A caller that leaves meanwhile takes the request to the provider with it."""
        server = self.serve(lambda peer: peer.read_to_end())
        gateway = await self.before(together=server)
        client = socket.create_connection(("127.0.0.1", gateway.port))
        client.sendall(asking("x-provider: together"))
        await until(lambda: bool(server.peers) and b"GET" in server.peers[0].received)
        client.close()
        await until(lambda: bool(server.peers[0].end), 1.0)
        self.assertEqual("caller_left", gateway.facts[0].outcome)


class MergedTests(ModelsTestCase):
    """Nobody is named."""

    aliases = '[models.fast]\ntargets = ["groq/llama"]\n'

    async def test_everybody(self) -> None:
        """Aliases first, then every configured provider's, with its key and our own name."""
        one = self.serve([answer(b'{"data":[{"id":"gpt","created":7}]}')])
        two = self.serve([answer(b'{"data":[{"id":"a/b"}]}')])
        gateway = await self.before(self.aliases, openai=one, groq=two)
        request = asking("Authorization: Bearer sk-mine")
        self.assertEqual(["fast", "openai/gpt", "groq/a/b"], ids(await gateway.ask(request)))
        for server in (one, two):
            self.assertIn(b"Bearer sk-operator", server.requests()[0])
            self.assertIn(b"User-Agent: MagicGateway/", server.requests()[0])
            self.assertNotIn(b"sk-mine", server.requests()[0])
        reply = await gateway.ask(asking("anthropic-version: 2023-06-01"))
        self.assertEqual("fast", content(reply)["first_id"])
        self.assertEqual((1, 1), (len(one.requests()), len(two.requests())))
        head = await gateway.ask(asking(method="HEAD"))
        self.assertTrue(head.endswith(b"\r\n\r\n"))

    async def test_partial(self) -> None:
        """A provider that fails, or is too slow, is missing, and a warning says which and why."""
        self.patch(models, "FETCH_SECONDS", 0.3)
        self.patch(models, "LIST_BYTES", 100)
        servers = {
            "openai": self.serve([answer(b'{"data":[{"id":"a"}]}')]),
            "groq": self.serve([answer(b"{}", 500)]),
            "mistral": self.serve(lambda peer: peer.read_to_end()),
            "xai": self.serve([answer(b'{"none":[]}')]),
            "cerebras": self.serve([answer(b"[%b]" % (b" " * 200))]),
            "nvidia": self.serve([answer(b"[]", fields=b"Content-Encoding: gzip\r\n")]),
            "deepseek": self.serve([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[", "close"]),
        }
        gateway = await self.before("", **servers)
        reply = await gateway.ask(asking())
        self.assertEqual(["openai/a"], ids(reply))
        self.assertEqual(
            [
                "models.cerebras;dropped;too-large",
                "models.deepseek;dropped;broken-off",
                "models.groq;dropped;status-500",
                "models.mistral;dropped;timeout",
                "models.nvidia;dropped;failed-upstream-encoded",
                "models.xai;dropped;not-a-list",
            ],
            sorted(warnings(reply)),
        )

    async def test_failures_are_kept(self) -> None:
        """Whoever failed is not asked again for a quarter of a minute; until then it is said."""
        good = self.serve([answer(b'{"data":[{"id":"a"}]}')] * 2)
        broken = self.serve([answer(b"{}", 500)], [answer(b'{"data":[{"id":"b"}]}')])
        gateway = await self.before(openai=good, groq=broken)
        clock = Clock()
        gateway.gateway.plane.now = clock.seconds
        lost = ["models.groq;dropped;status-500"]
        for seconds, listed, missing in (
            (0, ["openai/a"], lost),
            (14, ["openai/a"], lost),
            (1, ["openai/a", "groq/b"], []),
            (59, ["openai/a", "groq/b"], []),
        ):
            clock.advance(seconds)
            reply = await gateway.ask(asking())
            self.assertEqual((set(listed), missing), (set(ids(reply)), warnings(reply)))

    async def test_strange_hosts(self) -> None:
        """Hosts that many do not take for any: an IPv6 address, a name with an underscore."""
        body = answer(b'{"data":[{"id":"a"}]}')
        one = self.serve([body])
        six = ScriptedServer([body], host="::1")
        self.addCleanup(six.stop)
        gateway = await start_gateway(
            self,
            f'[providers.names]\nbase_url = "http://llm_server:{one.port}/v1"\n'
            f'[providers.six]\nbase_url = "http://[::1]:{six.port}/v1"\n',
        )
        resolver = gateway.gateway._connector._resolver
        found = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
        self.patch(resolver, "_lookup", lambda *_: [found])
        reply = await gateway.ask(asking())
        self.assertEqual((["names/a", "six/a"], []), (ids(reply), warnings(reply)))
        self.assertIn(b"Host: llm_server:%d\r\n" % one.port, one.requests()[0])
        self.assertIn(b"Host: [::1]:%d\r\n" % six.port, six.requests()[0])

    async def test_asked_once(self) -> None:
        """Callers that ask at the same time share one request to each provider."""

        def slowly(peer: Peer) -> None:
            peer.read_request()
            peer.finished.wait(0.2)
            peer.send(answer(b'{"data":[{"id":"a"}]}'))

        server = self.serve(slowly)
        gateway = await self.before(openai=server)
        replies = [gateway.ask(asking()) for _ in range(3)]
        for reply in replies:
            self.assertEqual(["openai/a"], ids(await reply))
        self.assertEqual(1, len(server.requests()))

    async def test_nobody(self) -> None:
        """Without anybody to ask, it is the default provider's list with the caller's own key."""
        reply = await self.gateway.ask(asking())
        self.assertEqual((401, "missing_credential"), (status_of(reply), code_of(reply)))

    async def test_only_aliases(self) -> None:
        """Aliases alone are a list, too."""
        gateway = await self.before(self.aliases)
        self.assertEqual(["fast"], ids(await gateway.ask(asking())))

    async def test_from_elsewhere(self) -> None:
        """The operator's keys list nothing for a page from elsewhere."""
        server = self.serve([answer(b'{"data":[{"id":"a"}]}')])
        gateway = await self.before(openai=server)
        reply = await gateway.ask(asking("Origin: https://evil.example"))
        self.assertEqual(401, status_of(reply))
        self.assertEqual([], server.requests())

    async def test_fresh(self) -> None:
        """A list is fetched again after a minute."""
        body = answer(b'{"data":[{"id":"a"}]}')
        server = self.serve([body, body])
        gateway = await self.before(openai=server)
        clock = Clock()
        gateway.gateway.plane.now = clock.seconds
        for seconds, expected in ((0, 1), (59, 1), (2, 2)):
            clock.advance(seconds)
            await gateway.ask(asking())
            self.assertEqual(expected, len(server.requests()))
