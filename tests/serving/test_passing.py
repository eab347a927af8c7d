"""What is passed on to be signed anew; ``tests.integration.test_aws_sdk`` has the whole way."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, fail

from magicgateway.dialects.bedrock_converse.frames import named
from magicgateway.errors import ApiError
from magicgateway.wire.event_stream import FrameReader
from tests.gateway import GatewayTestCase, post, start_gateway, until
from tests.serving.test_relay import body_of
from tests.sockets import Peer

BODY = b'{"messages":[{"role":"user","content":[{"text":"hello"}]}]}'
TOML = '[providers.bedrock]\nbase_url = "{demo}"\n'
OWN = {
    "x-aws-access-key-id": "AKIADEMOPROVIDER0001",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000001",
}
PATH = "/bedrock/model/demo/converse"


class PassingTests(GatewayTestCase):
    toml = TOML

    async def test_fields(self) -> None:
        """Fields of the body and of InvokeModel go along, signed; everything else stays here."""
        given = {
            **OWN,
            "Content-Type": "application/json;charset=utf-8",
            "Accept": "application/vnd.amazon.eventstream",
            "X-Amzn-Bedrock-Trace": "ENABLED",
            "Cookie": "a=b",
            "Authorization": "AWS4-HMAC-SHA256 Credential=X/20250102/r/bedrock/aws4_request",
            "X-Amz-Date": "20250102T030405Z",
            "X-Amz-Security-Token": "of-somebody",
            "X-Amz-Content-Sha256": "0",
        }
        reply = await self.gateway.ask(post(PATH, BODY, headers=given))
        self.assertIn(b" 200 ", reply.partition(b"\r\n")[0])
        received = self.gateway.demo.journal[-1].headers
        headers = {name.lower(): value for name, value in received}
        self.assertEqual(
            {
                "accept", "accept-encoding", "authorization", "content-length", "content-type",
                "host", "user-agent", "x-amz-date", "x-amzn-bedrock-trace",
            },
            set(headers),
        )  # fmt: skip
        self.assertEqual(given["Content-Type"], headers["content-type"])
        self.assertIn(
            "SignedHeaders=accept;content-type;host;x-amz-date;x-amzn-bedrock-trace,",
            headers["authorization"],
        )

    async def test_any_body(self) -> None:
        """A body that is no JSON is passed on as well, and its type with it."""
        body = b"\x00\xff{"
        request = post(PATH, body, headers={**OWN, "Content-Type": "image/png"})
        await self.gateway.ask(request)
        received = self.gateway.demo.journal[-1]
        self.assertEqual(body, received.body)
        self.assertEqual("image/png", dict(received.headers)["content-type"])

    async def test_usage(self) -> None:
        """Whole answers and streams of both operations are logged as such, with their counts."""
        invoked = (
            b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":50,'
            b'"messages":[{"role":"user","content":"hello"}]}'
        )
        logged = []
        for operation, body in (
            ("converse", BODY),
            ("converse-stream", BODY),
            ("invoke", invoked),
            ("invoke-with-response-stream", invoked),
        ):
            await self.gateway.ask(post(f"/bedrock/model/demo/{operation}", body, headers=OWN))
            await until(lambda: bool(self.gateway.facts))
            fact = self.gateway.facts.pop()
            self.assertEqual((operation, "completed"), (fact.operation, fact.outcome))
            assert fact.usage
            self.assertTrue(fact.usage.input)
            self.assertTrue(fact.usage.output)
            logged.append((fact.stream, fact.usage))
        self.assertEqual([False, True, False, True], [stream for stream, _ in logged])
        self.assertEqual(logged[0][1], logged[1][1])
        self.assertEqual(logged[2][1], logged[3][1])

    async def test_stream_unchanged(self) -> None:
        """Of a stream every byte is passed on, and one that fails in the middle is logged so."""
        path = "/bedrock/model/demo/converse-stream"
        reply = await self.gateway.ask(post(path, BODY, headers=OWN))
        frames = FrameReader()
        names = [named(frame)[0] for frame in frames.feed(body_of(reply))]
        frames.finish()
        self.assertEqual(("messageStart", "metadata"), (names[0], names[-1]))
        self.gateway.demo.scripts.append("error-event=2;kind=throttlingException")
        reply = await self.gateway.ask(post(path, BODY, headers=OWN))
        self.assertTrue(reply.endswith(b"0\r\n\r\n"))
        await until(lambda: len(self.gateway.facts) == 2)
        fact = self.gateway.facts[1]
        self.assertEqual(("failed", True), (fact.outcome, fact.stream))

    async def test_no_comments(self) -> None:
        """A silent stream of frames is not kept alive by comments, which are no frames."""
        quick = f"[upstream]\nkeep_alive_comment_seconds = 0.1\n{TOML}"
        gateway = await start_gateway(self, quick)
        gateway.demo.scripts.append("latency=0;rate=3;tokens=2")
        path = "/bedrock/model/demo/converse-stream"
        reply = await gateway.ask(post(path, BODY, headers=OWN))
        self.assertNotIn(b": keep-alive", reply)
        self.assertTrue(list(FrameReader().feed(body_of(reply))))

    async def test_large(self) -> None:
        """A body over the limit is refused in AWS's words, whether its length is said or not."""
        gateway = await start_gateway(self, f"[server]\nmax_body_bytes = 2000\n{TOML}")
        chunks = b"".join(b"3e8\r\n%b\r\n" % (b" " * 1000) for _ in range(3))
        fields = "".join(f"{name}: {value}\r\n" for name, value in OWN.items())
        chunked = (
            f"POST {PATH} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}"
            "Transfer-Encoding: chunked\r\n\r\n"
        ).encode() + chunks
        for request in (post(PATH, b" " * 2001, headers=OWN), chunked):
            reply = await gateway.ask(request)
            self.assertIn(b" 413 ", reply.partition(b"\r\n")[0])
            self.assertIn(b'"__type":"ValidationException"', reply)

    async def test_slow_lane(self) -> None:
        """The tree leads to the same."""
        gateway = await start_gateway(self, TOML, fast_lane=False)
        path = "/bedrock/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ax%2Fy/converse"
        for asked in (path, "/aws/guardrail-checks/invoke", "/bedrock/async-invoke"):
            await gateway.ask(post(asked, BODY, headers=OWN))
            self.assertEqual("/" + asked.split("/", 2)[2], gateway.demo.journal[-1].target)

    async def test_fault_inside(self) -> None:
        """Whatever goes wrong before it is sent, the caller gets an answer."""

        class Broken:
            """Signs nothing."""

            def __init__(self, outcome: Deferred[Any]) -> None:
                self._outcome = outcome

            def prepare(self, *_: object) -> Deferred[Any]:
                return self._outcome

            def stop(self) -> None:
                """There is nothing to be stopped."""

        plane: Any = self.gateway.gateway.plane
        before = plane.aws
        self.addCleanup(before.stop)
        for fault, status in ((ZeroDivisionError(), b"500"), (ApiError(401, "no", "No."), b"401")):
            plane.aws = Broken(fail(fault))
            reply = await self.gateway.ask(post(PATH, BODY, headers=OWN))
            self.assertEqual(status, reply.split(b" ", 2)[1])
        waiting: Deferred[Any] = Deferred()
        plane.aws = Broken(waiting)
        peer = Peer(socket.create_connection(("127.0.0.1", self.gateway.port), 5))
        peer.send(post(PATH, BODY, headers=OWN))
        await until(lambda: any(one._stop for one in plane.running))
        peer.shutdown()
        await until(lambda: len(self.gateway.facts) == 3)
        waiting.errback(ZeroDivisionError())  # nobody is left to be told
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
