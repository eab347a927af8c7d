"""Embeddings by OpenAI's client, of providers that take them in other words."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
from typing import Any

import openai
from openai.types import CreateEmbeddingResponse
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from magicgateway.demo.embeddings import vector_of
from magicgateway.serving import embedding
from tests.gateway import GatewayTestCase, post, start_gateway, until
from tests.sockets import Peer, ScriptedServer

TOML = '[providers.bedrock]\nbase_url = "{demo}"\n'
AWS = {
    "x-provider": "bedrock",
    "x-aws-access-key-id": "AKIADEMOPROVIDER0001",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000001",
}
TITAN_1, TITAN_2 = "amazon.titan-embed-text-v1", "amazon.titan-embed-text-v2:0"
COHERE_3, COHERE_4 = "cohere.embed-english-v3", "us.cohere.embed-v4:0"


def numbers(text: str, size: int) -> list[float]:
    return list(struct.unpack(f"<{size}f", vector_of(text, size)))


class EmbeddingTestCase(GatewayTestCase):
    toml = TOML

    async def embed(self, model: str, given: Any, **more: Any) -> CreateEmbeddingResponse:
        """What OpenAI's client gets; it asks for base64 unless it is told otherwise."""
        client = openai.OpenAI(
            api_key="not-needed",
            base_url=f"{self.gateway.address}/v1",
            default_headers=AWS,
            max_retries=0,
        )
        answer: CreateEmbeddingResponse = await deferToThread(
            client.embeddings.create, model=model, input=given, **more
        )
        return answer

    def bodies(self) -> list[Any]:
        return [json.loads(received.body) for received in self.gateway.demo.journal]


class FamilyTests(EmbeddingTestCase):
    async def test_vectors(self) -> None:
        """Each family's vectors, of the length that was asked for, in the order of the texts."""
        for model, more, size in (
            (TITAN_1, {}, 1536),
            (TITAN_2, {}, 1024),
            (TITAN_2, {"dimensions": 256}, 256),
            (COHERE_3, {}, 1024),
            (COHERE_4, {}, 1536),
            (COHERE_4, {"dimensions": 512}, 512),
        ):
            texts = ["one", "two", "three"]
            for form in ({}, {"encoding_format": "float"}):
                answer = await self.embed(model, texts, **more, **form)
                with self.subTest(model=model, form=form):
                    self.assertEqual([0, 1, 2], [entry.index for entry in answer.data])
                    for text, entry in zip(texts, answer.data, strict=True):
                        wanted = numbers(text, size)
                        self.assertEqual(wanted, entry.embedding)
                    self.assertEqual(model, answer.model)
                    self.assertGreater(answer.usage.prompt_tokens, 2)
        fact = self.gateway.facts[-1]
        self.assertEqual(
            ("embeddings", "bedrock", 1), (fact.operation, fact.provider, fact.attempts)
        )
        assert fact.usage is not None
        self.assertEqual(answer.usage.prompt_tokens, fact.usage.input)

    async def test_calls(self) -> None:
        """Titan takes one text at a time, Cohere 96; tokens are added up."""
        one = (await self.embed(TITAN_2, "word " * 10)).usage.prompt_tokens
        self.gateway.demo.journal.clear()
        answer = await self.embed(TITAN_2, ["word " * 10] * 20)
        self.assertEqual(20, len(self.bodies()))
        self.assertEqual(20 * one, answer.usage.total_tokens)
        self.gateway.demo.journal.clear()
        texts = [f"text {number}" for number in range(200)]
        answer = await self.embed(COHERE_3, texts)
        self.assertEqual([8, 96, 96], sorted(len(body["texts"]) for body in self.bodies()))
        self.assertEqual(
            [numbers(text, 1024) for text in texts[95:98]],
            [entry.embedding for entry in answer.data[95:98]],
        )
        paths = {received.target for received in self.gateway.demo.journal}
        self.assertEqual({f"/model/{COHERE_3}/invoke"}, paths)

    async def test_base64(self) -> None:
        """Base64 is of floats of four bytes, least first."""
        body = {"model": TITAN_2, "input": "x", "encoding_format": "base64", "dimensions": 256}
        request = post("/v1/embeddings", json.dumps(body).encode(), headers=AWS)
        reply = await self.gateway.ask(request)
        content = json.loads(reply.partition(b"\r\n\r\n")[2])
        self.assertEqual(vector_of("x", 256), base64.b64decode(content["data"][0]["embedding"]))
        self.assertIn(b"x-amzn-requestid: ", reply)
        self.assertIn(b"x-magicgateway-model: amazon.titan-embed-text-v2:0\r\n", reply)
        self.assertIn(b"x-magicgateway-attempts: 1\r\n", reply)

    async def test_by_prefix(self) -> None:
        """The provider may stand before the model, whose echo is the caller's own word."""
        body = json.dumps({"model": f"bedrock/{TITAN_2}", "input": "x"}).encode()
        unnamed = {name: value for name, value in AWS.items() if name != "x-provider"}
        reply = await self.gateway.ask(post("/v1/embeddings", body, headers=unnamed))
        content = json.loads(reply.partition(b"\r\n\r\n")[2])
        self.assertEqual(f"bedrock/{TITAN_2}", content["model"])
        self.assertEqual(numbers("x", 1024), content["data"][0]["embedding"])


class SideBySideTests(EmbeddingTestCase):
    async def test_bounded(self) -> None:
        """Eight are under way at a time, and no more, whoever asks for however many."""
        for _ in range(64):
            self.gateway.demo.scripts.append("latency=0.05")
        await self.embed(TITAN_1, [f"{number}" for number in range(40)])
        self.assertEqual(40, len(self.gateway.demo.journal))
        self.assertEqual(embedding.SIDE_BY_SIDE, self.gateway.demo.accepted)


class FailureTests(EmbeddingTestCase):
    async def test_refused(self) -> None:
        """Fields that a model has not, and questions that are none, are refused before AWS is."""
        for model, given, more, words in (
            (TITAN_1, "x", {"dimensions": 256}, "dimensions"),
            (TITAN_2, "x", {"dimensions": 300}, "dimensions"),
            (TITAN_2, "", {}, "empty"),
            (TITAN_2, [[1, 2]], {}, "tokens"),
            (TITAN_2, ["x"] * 2049, {}, "2048"),
            ("amazon.nova-lite-v1:0", "x", {}, "no embeddings"),
        ):
            with self.subTest(model=model, more=more):
                try:
                    await self.embed(model, given, **more)
                except openai.BadRequestError as error:
                    self.assertIn(words, str(error))
                else:
                    self.fail("it was taken")
        self.assertEqual(0, len(self.gateway.demo.journal))

    async def test_reported(self) -> None:
        """What AWS has not is dropped and reported, or refused where the caller is strict."""
        body = json.dumps({"model": TITAN_2, "input": "x", "user": "somebody"}).encode()
        reply = await self.gateway.ask(post("/v1/embeddings", body, headers=AWS))
        self.assertIn(b"x-magicgateway-warning: user;dropped;unsupported-by-target\r\n", reply)
        strict = {**AWS, "x-magicgateway-strict": "true"}
        reply = await self.gateway.ask(post("/v1/embeddings", body, headers=strict))
        self.assertIn(b" 422 ", reply.partition(b"\r\n")[0])

    async def test_no_question(self) -> None:
        """What is no JSON object, or names no model."""
        begun = b'{"model":"amazon.titan-embed-text-v1","input":['
        for body, code in (
            (b'{"input":"x"}', b"missing_model"),
            (begun + b'"x"', b"invalid_json"),
            (begun + b"1," * 99_000 + b"1]}", b"input"),
        ):
            reply = await self.gateway.ask(post("/v1/embeddings", body, headers=AWS))
            self.assertIn(b" 400 ", reply.partition(b"\r\n")[0])
            self.assertIn(code, reply)

    async def test_first_failure(self) -> None:
        """One that fails ends all of it, in OpenAI's words; nothing else is asked."""
        self.gateway.demo.scripts.extend(["", "status=429;kind=ThrottlingException"])
        with self.assertRaises(openai.RateLimitError):
            await self.embed(TITAN_1, [f"{number}" for number in range(50)])
        self.assertLess(len(self.gateway.demo.journal), 20)
        self.gateway.demo.scripts.append("status=503;html")
        with self.assertRaises(openai.InternalServerError):
            await self.embed(TITAN_1, "x")
        self.gateway.demo.scripts.append("status=403;kind=AccessDeniedException")
        with self.assertRaises(openai.PermissionDeniedError):
            await self.embed(TITAN_1, "x")

    async def test_broken(self) -> None:
        """An answer that breaks off, or is none, is the provider's fault."""
        for script in ("reset=1", "cut=100", "reset=head", "wrong-length=-9"):
            self.gateway.demo.scripts.append(script)
            with self.assertRaises(openai.InternalServerError):
                await self.embed(TITAN_2, "x")
            self.assertIn(self.gateway.facts[-1].status, (502,))
        self.gateway.demo.journal.clear()

    async def test_no_answer(self) -> None:
        """An answer that is none, or has other vectors than were asked for."""
        body = json.dumps({"model": TITAN_1, "input": "x"}).encode()
        for said, status in (
            (b"no json", 502),
            (b'{"Output":{"__type":"UnknownOperationException"}}', 502),
            (b'{"embedding":[1.0]}', 200),
        ):
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said)
            server = ScriptedServer([head + said])
            self.addCleanup(server.stop)
            toml = TOML.replace("{demo}", f"http://127.0.0.1:{server.port}")
            gateway = await start_gateway(self, toml)
            reply = await gateway.ask(post("/v1/embeddings", body, headers=AWS))
            self.assertEqual(b"%d" % status, reply.split(b" ", 2)[1], said)
        self.assertNotIn(b"x-amzn-requestid", reply)

    async def test_too_much(self) -> None:
        """Answers that nobody could hold are not collected."""
        self.patch(embedding, "LARGEST_SUM", 100_000)
        with self.assertRaises(openai.InternalServerError):
            await self.embed(TITAN_1, ["x"] * 20)

    async def test_bad_credentials(self) -> None:
        """Half of a pair of keys is refused once, before anything is asked."""
        half = {name: value for name, value in AWS.items() if "secret" not in name}
        body = json.dumps({"model": TITAN_1, "input": ["x"] * 20}).encode()
        reply = await self.gateway.ask(post("/v1/embeddings", body, headers=half))
        self.assertIn(b" 400 ", reply.partition(b"\r\n")[0])
        self.assertEqual(1, len(self.gateway.facts))
        self.assertEqual(0, len(self.gateway.demo.journal))

    async def test_fault_inside(self) -> None:
        """Whatever goes wrong, the caller gets an answer."""
        self.patch(embedding, "join_answers", lambda *_: 1 // 0)
        with self.assertRaises(openai.InternalServerError):
            await self.embed(TITAN_1, "x")
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))


class LeavingTests(EmbeddingTestCase):
    async def test_caller_left(self) -> None:
        """Everything that is under way is closed when the caller leaves."""
        self.gateway.demo.scripts.extend(["silence"] * 8)
        body = json.dumps({"model": TITAN_1, "input": [f"{n}" for n in range(50)]}).encode()
        peer = Peer(socket.create_connection(("127.0.0.1", self.gateway.port), 5))
        peer.send(post("/v1/embeddings", body, headers=AWS))
        await until(lambda: len(self.gateway.demo.journal) == embedding.SIDE_BY_SIDE)
        peer.shutdown()
        await until(lambda: not self.gateway.demo.connections)
        self.assertEqual([499], [fact.status for fact in self.gateway.facts])

    async def test_left_unsigned(self) -> None:
        """Nothing is asked for a caller who leaves before its request is signed."""
        plane, gate = self.gateway.gateway.plane, threading.Event()
        self.addCleanup(gate.set)
        waiting = [plane.aws._threads.run(gate.wait, 5) for _ in range(2)]
        body = json.dumps({"model": TITAN_1, "input": "x" * (5 << 20)}).encode()
        peer = Peer(socket.create_connection(("127.0.0.1", self.gateway.port), 5))
        await deferToThread(peer.send, post("/v1/embeddings", body, headers=AWS))
        await until(lambda: any(one._stop for one in plane.running))
        await plane.threads.run(len, "")
        peer.shutdown()
        await until(lambda: bool(self.gateway.facts))
        gate.set()
        await gatherResults(waiting)
        await plane.aws._threads.run(len, "")
        self.assertEqual(0, len(self.gateway.demo.journal))

    async def test_left_early(self) -> None:
        """Nothing is asked for a caller who leaves while its question is read."""
        plane, gate = self.gateway.gateway.plane, threading.Event()
        self.addCleanup(gate.set)
        waiting = [plane.threads.run(gate.wait, 5) for _ in range(2)]
        body = json.dumps({"model": TITAN_1, "input": ["x" * 1000] * 300}).encode()
        peer = Peer(socket.create_connection(("127.0.0.1", self.gateway.port), 5))
        await deferToThread(peer.send, post("/v1/embeddings", body, headers=AWS))
        await until(lambda: any(one._stop for one in plane.running))
        peer.shutdown()
        await until(lambda: bool(self.gateway.facts))
        gate.set()
        await gatherResults(waiting)
        await plane.threads.run(len, "")
        self.assertEqual(0, len(self.gateway.demo.journal))
