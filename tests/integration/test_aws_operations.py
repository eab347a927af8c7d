"""Every operation of AWS's runtime that is passed on, as AWS's own SDK asks for it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
from botocore.auth import S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.certificates import Authority
from tests.daemon import Daemon, free_port
from tests.gateway import post, start_gateway
from tests.integration.test_aws_sdk import client
from tests.serving.test_channel import status_of
from tests.sockets import Peer, ScriptedServer

KEY = "sk-gateway-key-0123456789"
OWN = {"x-aws-access-key-id": "AKIAEXAMPLE", "x-aws-secret-access-key": "example"}
MODEL = "us.amazon.nova-lite-v1:0"
AT = "us.amazon.nova-lite-v1%3A0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdefghijkl"
GUARD = "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123"
HELLO: Any = [{"role": "user", "content": [{"text": "hello"}]}]
STORED = {"s3OutputDataConfig": {"s3Uri": "s3://bucket/key"}}
Asked = Mapping[str, Any]
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\w+)/\d{8}/([\w-]+)/(\w+)/aws4_request,"
    r" SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
OPERATIONS: list[tuple[str, Asked, str, Asked]] = [
    ("converse", {"modelId": MODEL, "messages": HELLO}, f"POST /model/{AT}/converse", {}),
    ("invoke_model", {"modelId": MODEL, "body": b"{}", "trace": "ENABLED"},
     f"POST /model/{AT}/invoke", {"x-amzn-bedrock-trace": "ENABLED"}),
    ("count_tokens", {"modelId": MODEL, "input": {"converse": {"messages": HELLO}}},
     f"POST /model/{AT}/count-tokens", {}),
    ("apply_guardrail", {"guardrailIdentifier": GUARD, "guardrailVersion": "DRAFT",
                         "source": "INPUT", "content": [{"text": {"text": "x"}}]},
     f"POST /guardrail/{GUARD.replace(':', '%3A').replace('/', '%2F')}/version/DRAFT/apply", {}),
    ("invoke_guardrail_checks", {"messages": HELLO, "checks": {}},
     "POST /guardrail-checks/invoke", {}),
    ("start_async_invoke", {"modelId": MODEL, "modelInput": {}, "outputDataConfig": STORED},
     "POST /async-invoke", {}),
    ("list_async_invokes", {"maxResults": 5, "nextToken": "a /+=&"},
     "GET /async-invoke?maxResults=5&nextToken=a%20%2F%2B%3D%26", {}),
    ("get_async_invoke", {"invocationArn": ARN},
     f"GET /async-invoke/{ARN.replace(':', '%3A').replace('/', '%2F')}", {}),
]  # fmt: skip


def taken_apart(request: bytes) -> tuple[str, dict[str, str], bytes]:
    """Method and target, header fields and body of what the provider got."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return first.rpartition(" ")[0], dict(line.lower().split(": ", 1) for line in lines), body


def signer(request: bytes) -> tuple[str, str, str]:
    """Whose signature a request has, for which region and service.

    Raises:
        AssertionError: It is not that of the request.
    """
    _, _, body = taken_apart(request)
    lines = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    found = _SIGNED.fullmatch(fields["authorization"])
    assert found is not None, fields["authorization"]
    method, target, _ = lines[0].split(" ")
    signed = {name: fields[name] for name in found[4].split(";") if name != "host"}
    made = AWSRequest(method, f"http://{fields['host']}{target}", data=body, headers=signed)
    made.context["timestamp"] = fields["x-amz-date"]
    auth: Any = SigV4Auth(ReadOnlyCredentials("AKIAEXAMPLE", "example", None), found[3], found[2])
    to_sign = auth.string_to_sign(made, auth.canonical_request(made))
    assert auth.signature(to_sign, made) == found[5], lines[0]
    return found[1], found[2], found[3]


class OperationTests(TestCase):
    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        def serve(peer: Peer) -> None:
            while True:
                peer.read_request()
                peer.send(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                    b"X-Amzn-Requestid: of-aws\r\n\r\n{}"
                )

        self.server = ScriptedServer(serve)
        self.addCleanup(self.server.stop)
        address = f"http://127.0.0.1:{self.server.port}"
        toml = f'[providers.bedrock]\nbase_url = "{address}"\n'
        self.gateway = await start_gateway(self, toml)

    async def test_every_operation(self) -> None:
        """Target, signed fields and body arrive as the SDK made them, signed with other keys."""
        made = client(f"{self.gateway.address}/bedrock", **OWN)
        for operation, asked, target, fields in OPERATIONS:
            answer = await deferToThread(getattr(made, operation), **asked)
            self.assertEqual("of-aws", answer["ResponseMetadata"]["RequestId"], operation)
            request = self.server.requests()[-1]
            found, got, body = taken_apart(request)
            self.assertEqual(target, found)
            self.assertEqual(("AKIAEXAMPLE", "us-east-1", "bedrock"), signer(request))
            self.assertLessEqual({k: v.lower() for k, v in fields.items()}.items(), got.items())
            self.assertNotIn(b"AKIAPLACEHOLDER", request)
            if "messages" in asked:
                self.assertEqual(HELLO, json.loads(body)["messages"])

    async def test_presigned(self) -> None:
        """A signature in the query is thrown away like one in the header, and its token with it."""
        query = AWSRequest("POST", f"{self.gateway.address}/bedrock/model/m/converse?a=%20")
        keys = ReadOnlyCredentials("AKIAPLACEHOLDER", "placeholder", "token-of-the-caller")
        auth: Any = S3SigV4QueryAuth(keys, "bedrock", "us-east-1", 60)
        auth.add_auth(query)
        path = query.url.removeprefix(self.gateway.address)
        self.assertIn("X-Amz-Security-Token=token-of-the-caller", path)
        self.assertEqual(200, status_of(await self.gateway.ask(post(path, b"{}", headers=OWN))))
        (request,) = self.server.requests()
        self.assertEqual("POST /model/m/converse?a=%20", taken_apart(request)[0])
        self.assertEqual("AKIAEXAMPLE", signer(request)[0])


class BearerTests(SynchronousTestCase):
    def test_key_of_the_gateway(self) -> None:
        """AWS's SDK shows the gateway's key as its own bearer, which it sends over TLS only."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        authority = Authority(folder)
        certificate = authority.server("localhost")
        port = free_port()
        listen = f"ssl:{port}:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}"
        server = ScriptedServer(
            [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"]
        )
        self.addCleanup(server.stop)
        toml = (
            '[server]\nkeys = ["env:GATEWAY_KEY"]\n'
            f'[providers.bedrock]\nbase_url = "http://127.0.0.1:{server.port}"\n'
        )
        environment = {
            "GATEWAY_KEY": KEY,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example",
        }
        self.patch(os, "environ", {**os.environ, "AWS_BEARER_TOKEN_BEDROCK": KEY})

        with Daemon("--listen", listen, toml=toml, environment=environment):
            made = botocore.session.Session().create_client(
                "bedrock-runtime",
                region_name="us-east-1",
                endpoint_url=f"https://localhost:{port}/bedrock",
                verify=str(authority.ca_file),
                config=Config(retries={"total_max_attempts": 1}),
            )
            made.converse(modelId=MODEL, messages=HELLO)
        (request,) = server.requests()
        self.assertEqual("AKIAEXAMPLE", signer(request)[0])
        self.assertNotIn(KEY.encode(), request)
