"""Bedrock's numbered cases of signing, routing and credentials, from a socket to a socket.

The demo provider checks every signature with botocore, so an answer of 200 says that it agrees.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import EventLoggingObserver
from twisted.internet.threads import deferToThread
from twisted.logger import globalLogPublisher

from magicgateway.demo.aws.signatures import API_KEY, IDENTITIES, Identity
from tests.gateway import GatewayTestCase, RunningGateway, post, start_gateway, until
from tests.serving.test_channel import code_of, status_of
from tests.upstream.aws import AwsMachine, answer, expiry

CHAT = "/v1/chat/completions"
CLAUDE = "anthropic.claude-haiku-4-5-20251001-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
TOML = '[providers.bedrock]\nbase_url = "{demo}"\n[providers.demo]\n'
DENIED = "status=403;kind=AccessDeniedException"
FIRST, SECOND, _, EXAMPLE = IDENTITIES
SCOPE = re.compile(
    "AWS4-HMAC-SHA256 Credential=([^/]+)/[0-9]{8}/([^/]+)/bedrock/aws4_request, SignedHeaders="
)


def keys_of(identity: Identity) -> dict[str, str]:
    """The fields in which a caller shows its keys."""
    fields = {
        "x-aws-access-key-id": identity.access_key,
        "x-aws-secret-access-key": identity.secret_key,
    }
    return fields | ({"x-aws-session-token": identity.token} if identity.token else {})


def asking(model: Any = CLAUDE, headers: Any = None, words: str = "hello", **fields: Any) -> bytes:
    """A chat request to Bedrock, with the caller's own keys unless others are given."""
    given = keys_of(FIRST) if headers is None else headers
    messages = [{"role": "user", "content": words}]
    body = json.dumps({"model": model, "messages": messages, **fields}).encode()
    return post(CHAT, body, headers={"x-provider": "bedrock", **given})


class CasesTestCase(GatewayTestCase):
    toml = TOML

    async def sent(self, request: bytes, gateway: RunningGateway | None = None) -> Any:
        """What the provider gets of a request that it answers."""
        running = gateway or self.gateway
        before = len(running.demo.journal)
        reply = await running.ask(request)
        self.assertEqual(200, status_of(reply), reply)
        (received,) = list(running.demo.journal)[before:]
        return received

    def journal(self) -> list[Any]:
        """All that the provider got."""
        return list(self.gateway.demo.journal)

    async def refused(self, request: bytes, gateway: RunningGateway | None = None) -> str:
        """The code with which a request is refused of which nothing is sent."""
        running = gateway or self.gateway
        reply = await running.ask(request)
        self.assertEqual(400, status_of(reply), reply)
        self.assertEqual(0, len(running.demo.journal))
        return code_of(reply)


class RoutingTests(CasesTestCase):
    """Where a request goes."""

    async def test_encoded(self) -> None:
        """J3: a colon goes encoded once, as it was signed, in the scope of ``bedrock``."""
        received = await self.sent(asking("anthropic.claude-v2:1"))
        self.assertEqual("/model/anthropic.claude-v2%3A1/converse", received.target)
        match = SCOPE.match(received.header("authorization"))
        assert match is not None
        self.assertEqual((FIRST.access_key, "us-east-1"), match.groups())

    async def test_arn(self) -> None:
        """J4: the path of an ARN has three slashes on the wire, and all of the ARN."""
        received = await self.sent(asking(PROFILE))
        self.assertEqual(3, received.target.count("/"))
        encoded = PROFILE.replace(":", "%3A").replace("/", "%2F")
        self.assertEqual(f"/model/{encoded}/converse", received.target)

    async def test_names(self) -> None:
        """J5: dots and slashes are part of a name; what would change the path is no name."""
        for model in ("", "..", "a b", "a\r\nX: 1", "a?b"):
            self.assertTrue(await self.refused(asking(model)), model)
        reply = await self.gateway.ask(asking("a/../../x"))
        self.assertEqual("/model/a%2F..%2F..%2Fx/converse", self.gateway.demo.journal[-1].target)
        self.assertNotEqual(401, status_of(reply))

    async def test_regions(self) -> None:
        """J6: what is no region is refused, and no name of a host is looked up for it."""
        asked: list[str] = []
        real = socket.getaddrinfo

        def remembering(host: Any, *more: Any, **options: Any) -> Any:
            asked.append(str(host))
            return real(host, *more, **options)

        self.patch(socket, "getaddrinfo", remembering)
        gateway = await start_gateway(self, "[providers.bedrock]\n")
        for region in ("us-east-1.evil.com#", "x.y/", "US-EAST-1", "a" * 300, "us-east-1\tx"):
            fields = {**keys_of(FIRST), "x-aws-region": region}
            self.assertEqual("invalid_region", await self.refused(asking(headers=fields), gateway))
        self.assertEqual([], [host for host in asked if host != "127.0.0.1"])

    async def test_lists(self) -> None:
        """J79: a list is of who asks for it: what one may see, another does not get."""
        lists = []
        for identity, scripts in (
            (FIRST, ()),
            (SECOND, ("status=403;kind=AccessDeniedException",)),
        ):
            self.gateway.demo.scripts.extend(scripts)
            lines = "".join(f"{name}: {value}\r\n" for name, value in keys_of(identity).items())
            head = f"GET /v1/models HTTP/1.1\r\nHost: x\r\nx-provider: bedrock\r\n{lines}"
            reply = await self.gateway.ask(f"{head}Connection: close\r\n\r\n".encode())
            self.assertEqual(200, status_of(reply), reply)
            lists.append(b"application-inference-profile/demo1234profile" in reply)
        self.assertEqual([True, False], lists)
        signers = [SCOPE.match(seen.header("authorization") or "") for seen in self.journal()]
        self.assertEqual({FIRST.access_key, SECOND.access_key}, {m[1] for m in signers if m})

    async def test_operations(self) -> None:
        """J66: a whole answer is asked of Converse, a stream of ConverseStream."""
        for stream, operation in ((False, "converse"), (True, "converse-stream")):
            received = await self.sent(asking(stream=stream))
            self.assertEqual(f"/model/{CLAUDE.replace(':', '%3A')}/{operation}", received.target)

    async def test_no_stream_with_tools(self) -> None:
        """J67: a model that does not stream with tools is asked for a whole; its caller streams."""
        tool = {"type": "function", "function": {"name": "weather"}}
        request = asking("meta.llama3-3-70b-instruct-v1:0", stream=True, tools=[tool])
        reply = await self.gateway.ask(request)
        self.assertEqual(
            ["/model/meta.llama3-3-70b-instruct-v1%3A0/converse"],
            [received.target for received in self.gateway.demo.journal],
        )
        self.assertIn(b"text/event-stream", reply)
        self.assertIn(b"data: [DONE]\n\n", reply)


class AnswerTests(CasesTestCase):
    """What becomes of an answer, or of who waits for it."""

    async def test_leaving(self) -> None:
        """J68: a caller that leaves after the first chunk ends the provider's work at once."""
        gate = self.gateway.demo.hold()
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as caller:
            caller.sendall(asking(stream=True))
            await gate.arrival()
            gate.release(2)
            await deferToThread(caller.recv, 65536)
        await until(lambda: self.journal()[0].left_at is not None, 1)
        await until(lambda: bool(self.gateway.facts))
        self.assertEqual([499], [fact.status for fact in self.gateway.facts])

    async def test_quoted_token(self) -> None:
        """J69: a refusal that quotes what was signed is told without the token."""
        log = EventLoggingObserver.createWithCleanup(self, globalLogPublisher)
        quoted = f"The Canonical String should have been x-amz-security-token:{SECOND.token}"
        script = f"status=403;kind=InvalidSignatureException;message={quoted}"
        self.gateway.demo.scripts.append(script)
        reply = await self.gateway.ask(asking(headers=keys_of(SECOND)))
        self.assertEqual((401, "invalid_api_key"), (status_of(reply), code_of(reply)))
        self.assertNotIn(SECOND.token.encode(), reply)
        self.assertNotIn(SECOND.token, "".join(repr(event) for event in log))

    async def test_request_id(self) -> None:
        """J73: whatever refuses and however, the caller gets its envelope and AWS's request id."""
        for script, status in (
            ("status=503;html", 503),
            ("status=500;empty-body", 502),
            ("status=400;kind=ValidationException;message=x", 400),
        ):
            self.gateway.demo.scripts.append(script)
            reply = await self.gateway.ask(asking())
            self.assertEqual(status, status_of(reply), reply)
            error = json.loads(reply.partition(b"\r\n\r\n")[2])["error"]
            self.assertLessEqual({"message", "type", "param", "code"}, set(error))
            self.assertNotIn("<html", error["message"])
            self.assertIn(b"\r\nx-request-id: ", reply)


class CredentialTests(CasesTestCase):
    """Whose request it is."""

    async def test_token(self) -> None:
        """J8: the session token goes up, and is signed."""
        received = await self.sent(asking(headers=keys_of(SECOND)))
        self.assertEqual(SECOND.token, received.header("x-amz-security-token"))
        signed = received.header("authorization").partition("SignedHeaders=")[2].partition(",")[0]
        self.assertIn("x-amz-security-token", signed.split(";"))

    async def test_foreign_token(self) -> None:
        """J9: a token of the environment is not that of a caller's keys."""
        environment = {
            "AWS_ACCESS_KEY_ID": SECOND.access_key,
            "AWS_SECRET_ACCESS_KEY": SECOND.secret_key,
            "AWS_SESSION_TOKEN": SECOND.token,
        }
        machine = AwsMachine(self)
        machine.set(environment)
        gateway = await start_gateway(self, TOML, environment)
        received = await self.sent(asking(headers=keys_of(FIRST)), gateway)
        self.assertIsNone(received.header("x-amz-security-token"))
        self.assertIn(FIRST.access_key, received.header("authorization"))

    async def test_half_a_pair(self) -> None:
        """J10: one of the two keys is refused, and nothing is sent, signed or not."""
        for name in ("x-aws-access-key-id", "x-aws-secret-access-key"):
            fields = {name: keys_of(FIRST)[name]}
            code = await self.refused(asking(headers=fields))
            self.assertEqual("incomplete_credential", code)

    async def test_no_other_fields(self) -> None:
        """J11: of the caller's own fields none goes up, and the only authorization is ours."""
        fields = {"authorization": "Bearer gw-1", "cookie": "a=b", **keys_of(FIRST)}
        received = await self.sent(asking(headers={**fields, "x-aws-region": "eu-west-1"}))
        names = sorted(name.lower() for name, _ in received.headers)
        self.assertNotIn("cookie", names)
        self.assertEqual([], [name for name in names if name.startswith("x-aws-")])
        self.assertEqual(1, names.count("authorization"))
        self.assertIsNotNone(SCOPE.match(received.header("authorization")))
        sent = repr(received.headers) + received.body.decode()
        for canary in ("gw-1", "a=b", FIRST.secret_key):
            self.assertNotIn(canary, sent)

    async def test_api_key(self) -> None:
        """J12: the environment's API key goes as it is; the chain is not asked for another."""
        service = AwsMachine(self).ecs(b"")
        gateway = await start_gateway(self, TOML, {"AWS_BEARER_TOKEN_BEDROCK": API_KEY})
        received = await self.sent(asking(headers={}), gateway)
        self.assertEqual(f"Bearer {API_KEY}", received.header("authorization"))
        names = [name.lower() for name, _ in received.headers]
        self.assertEqual([], [name for name in names if name.startswith("x-amz-")])
        self.assertEqual(0, service.asked)

    async def test_slow_chain(self) -> None:
        """J13: while somebody waits for a credential, another provider's request is quick."""
        given = {
            "AccessKeyId": SECOND.access_key, "SecretAccessKey": SECOND.secret_key,
            "Token": SECOND.token, "Expiration": expiry(3600),
        }  # fmt: skip
        service = AwsMachine(self).ecs(answer(json.dumps(given)))
        service.gate.clear()
        body = b'{"model":"demo","messages":[{"role":"user","content":"hi"}]}'
        other = post(CHAT, body, headers={"x-provider": "demo"})
        self.assertEqual(200, status_of(await self.gateway.ask(other)))
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as waiting:
            waiting.sendall(asking(headers={}))
            await until(lambda: service.asked == 1)
            quickest = min([await self._seconds(other) for _ in range(5)])
            self.assertLess(quickest, 0.05)
            self.assertEqual(1, service.asked)
        service.gate.set()
        reply = await self.gateway.ask(asking(headers={}))
        self.assertEqual(200, status_of(reply), reply)

    async def _seconds(self, request: bytes) -> float:
        started = time.monotonic()
        self.assertEqual(200, status_of(await self.gateway.ask(request)))
        return time.monotonic() - started

    async def test_side_by_side(self) -> None:
        """J14: requests that are on their way at once have each their own keys, region, model."""
        gate = self.gateway.demo.hold()
        asked = {
            (FIRST.access_key, "us-west-2", "amazon.nova-lite-v1%3A0"): FIRST,
            (SECOND.access_key, "eu-west-1", "amazon.nova-micro-v1%3A0"): SECOND,
            (EXAMPLE.access_key, "ap-south-1", "amazon.nova-pro-v1%3A0"): EXAMPLE,
        }
        asking_all = []
        for (_, region, model), identity in asked.items():
            fields = {**keys_of(identity), "x-aws-region": region}
            request = asking(model.replace("%3A", ":"), fields, words=region, stream=True)
            asking_all.append(Deferred.fromCoroutine(self.gateway.ask(request)))
        await until(lambda: gate.standing == len(asked))
        gate.open()
        for reply in asking_all:
            self.assertEqual(200, status_of(await reply))
        found = set()
        for received in self.journal():
            match = SCOPE.match(received.header("authorization"))
            assert match is not None
            found.add((*match.groups(), received.target.split("/")[2]))
            words = received.json()["messages"][0]["content"][0]["text"]
            self.assertEqual(match[2], words)
        self.assertEqual(set(asked), found)

    async def test_nothing_is_logged(self) -> None:
        """J80: with botocore's debug log on, no line has a secret, a token or a body."""
        lines: list[str] = []
        listener = logging.Handler()
        listener.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
        for name in ("", "botocore", "botocore.auth"):
            logger = logging.getLogger(name)
            self.addCleanup(logger.setLevel, logger.level)
            logger.setLevel(logging.DEBUG)
        logging.getLogger().addHandler(listener)
        self.addCleanup(logging.getLogger().removeHandler, listener)
        await self.sent(asking(headers=keys_of(SECOND), words="a canary of words"))
        told = "\n".join(lines)
        for canary in (SECOND.secret_key, SECOND.token, "a canary of words"):
            self.assertNotIn(canary, told)
