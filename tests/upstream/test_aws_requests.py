"""Who a request to AWS is from and where it goes, and that its signature is right."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from magicgateway.errors import ApiError
from magicgateway.providers import signing
from magicgateway.providers.aws_credentials import own_aws_credential
from magicgateway.providers.credentials import Admission, Keyring
from magicgateway.providers.registry import Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from magicgateway.providers.signing import LARGE_BODY
from magicgateway.upstream.aws_requests import AwsCall, AwsRequests
from tests.gateway import settings_of

OWN = {
    b"x-aws-access-key-id": b"AKIDEXAMPLE",
    b"x-aws-secret-access-key": b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAOPERATOR",
    "AWS_SECRET_ACCESS_KEY": "operator-secret",
    "AWS_REGION": "eu-west-1",
}


class PrepareTests(TestCase):
    def setUp(self) -> None:
        self.requests = AwsRequests(reactor, lambda: 1_700_000_000.0)
        self.addCleanup(self.requests.stop)

    def call(self, toml: str = "", environment: Any = None, **changes: Any) -> AwsCall:
        """A request of a caller on this machine."""
        settings = settings_of(toml, environment)
        provider = Registry(ROWS, GENERIC, settings).get("bedrock")
        assert provider is not None
        given = AwsCall(
            provider=provider,
            fields={},
            admission=Keyring(settings).admit({}),
            local=True,
            model="m",
            method="POST",
            path="/model/m/converse",
            service="",
            headers={"accept": "application/json"},
            body=b"{}",
        )
        return evolve(given, **changes)

    async def test_own(self) -> None:
        """The caller's keys, in the region it names."""
        fields = {**OWN, b"x-aws-region": b"ap-south-1", b"x-aws-session-token": b"undefined"}
        made = await self.requests.prepare(self.call(environment=ENVIRONMENT, fields=fields))
        self.assertEqual("https://bedrock-runtime.ap-south-1.amazonaws.com:443", str(made.origin))
        self.assertTrue(made.own)
        head = made.head.decode()
        self.assertIn("Credential=AKIDEXAMPLE/20231114/ap-south-1/bedrock/aws4_request", head)
        self.assertTrue(
            head.startswith("POST /model/m/converse HTTP/1.1\r\nHost: bedrock-runtime.")
        )
        self.assertIn("content-type: application/json\r\n", head)
        self.assertNotIn("wJalrX", head)
        self.assertNotIn("security-token", head)

    async def test_at_once(self) -> None:
        """What does not have to wait is the same request; what may have to is left alone."""
        signing.load()
        pair = own_aws_credential(OWN, Admission())
        bearer = own_aws_credential({b"authorization": b"Bearer ABSKkey"}, Admission())
        for own in (pair, bearer):
            call = self.call(own=own)
            made = await self.requests.prepare(call)
            self.assertEqual(made, self.requests.at_once(call))
        self.assertIsNone(self.requests.at_once(self.call(environment=ENVIRONMENT)))
        self.assertIsNone(self.requests.at_once(self.call(own=pair, body=bytes(LARGE_BODY + 1))))
        elsewhere = self.call(own=pair, fields={b"x-aws-region": b"nowhere"})
        refused = self.assertRaises(ApiError, self.requests.at_once, elsewhere)
        self.assertEqual("invalid_region", refused.code)

    async def test_again(self) -> None:
        """J15: the same request has another time and another signature when it is sent again."""
        now = [1_700_000_000.0]
        requests = AwsRequests(reactor, lambda: now[0])
        self.addCleanup(requests.stop)
        call = self.call(fields=OWN, body=b'{"messages":[]}')
        heads = []
        for later in (0, 2):
            now[0] += later
            made = await requests.prepare(call)
            heads.append(made.head.decode())
        dates, signatures = (
            [head.partition(mark)[2].partition("\r\n")[0] for head in heads]
            for mark in ("x-amz-date: ", "Signature=")
        )
        self.assertEqual(["20231114T221320Z", "20231114T221322Z"], dates)
        self.assertNotEqual(*signatures)

    async def test_operators(self) -> None:
        """The operator's keys and region, for callers who may use them."""
        made = await self.requests.prepare(self.call(environment=ENVIRONMENT))
        self.assertIn(b"AKIAOPERATOR/20231114/eu-west-1/", made.head)
        self.assertFalse(made.own)
        with self.assertRaises(ApiError) as caught:
            await self.requests.prepare(self.call(environment=ENVIRONMENT, local=False))
        self.assertEqual((401, "missing_credential"), _brief(caught.exception))

    async def test_bearer(self) -> None:
        """A Bedrock API key goes as it is, and nothing is signed."""
        fields = {b"authorization": b"Bearer ABSKkey"}
        made = await self.requests.prepare(self.call(fields=fields))
        self.assertIn(b"authorization: Bearer ABSKkey\r\n", made.head)
        self.assertNotIn(b"AWS4", made.head)

    async def test_regions(self) -> None:
        """The header's, then the ARN's, then the operator's, then AWS's first; never another."""
        arn = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/x"
        for region, changes in (
            ("us-west-2", {"model": arn}),
            ("eu-north-1", {"toml": '[providers.bedrock]\nregion = "eu-north-1"\n'}),
            ("us-east-1", {}),
        ):
            made = await self.requests.prepare(self.call(fields=OWN, **changes))
            self.assertIn(f"bedrock-runtime.{region}.", str(made.origin))
        for name in (b"x", b"evil.test/", b"us-east-1.evil.test"):
            with self.assertRaises(ApiError) as caught:
                await self.requests.prepare(self.call(fields={**OWN, b"x-aws-region": name}))
            self.assertEqual((400, "invalid_region"), _brief(caught.exception))

    async def test_places(self) -> None:
        """A base URL without a region's place is the only host; another service has its own."""
        toml = '[providers.bedrock]\nbase_url = "http://127.0.0.1:81/aws"\n'
        made = await self.requests.prepare(self.call(toml, fields=OWN))
        self.assertEqual("http://127.0.0.1:81", str(made.origin))
        self.assertIn(b"POST /aws/model/m/converse HTTP/1.1\r\nHost: 127.0.0.1:81\r\n", made.head)
        made = await self.requests.prepare(
            self.call(fields=OWN, service="bedrock", method="GET", body=b"")
        )
        self.assertIn("https://bedrock.us-east-1.", str(made.origin))
        self.assertNotIn(b"content-type", made.head)

    async def test_large(self) -> None:
        """A large body is hashed in a thread, to the same signature."""
        made = await self.requests.prepare(self.call(fields=OWN, body=b"x" * (LARGE_BODY + 1)))
        self.assertIn(b"Signature=", made.head)

    async def test_half(self) -> None:
        """Half a pair is never completed by anybody else's."""
        fields = {b"x-aws-access-key-id": b"AKIDEXAMPLE"}
        with self.assertRaises(ApiError) as caught:
            await self.requests.prepare(self.call(environment=ENVIRONMENT, fields=fields))
        self.assertEqual((400, "incomplete_credential"), _brief(caught.exception))


def _brief(error: ApiError) -> tuple[int, str]:
    return error.status, error.code
