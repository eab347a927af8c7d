"""What of a head passes to the other side: allow-lists, and nothing else."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway import __version__
from magicgateway.config.settings import ProviderSettings, Settings
from magicgateway.providers.credentials import Credential
from magicgateway.providers.registry import Provider, Registry
from magicgateway.providers.row import ProviderRow
from magicgateway.upstream.forwarding import Forwarder, framing, in_pieces
from magicgateway.upstream.pool import Origin
from magicgateway.wire.heads import HeadLimits, RequestHead, read_request_head

ROW = ProviderRow(
    name="sample",
    title="Sample",
    base_url="https://api.sample.test/v1",
    operations={},
    request_headers=("sample-version", "sample-beta"),
    response_headers=("sample-organization", "x-sample-*"),
    headers={"sample-version": "2024-01-01"},
)
CREDENTIAL = Credential(b"Authorization", b"Bearer sk-canary", own=True)
ALLOWED = (
    b"Accept: application/json",
    b"accept-language: de",
    b"Content-Type: application/json",
    b"Content-Encoding: gzip",
    b"Idempotency-Key: k-1",
    b"Range: bytes=0-1",
    b"Sample-Beta: tools",
)
NEVER = (
    b"Authorization: Bearer sk-caller",
    b"x-api-key: sk-caller",
    b"api-key: sk-caller",
    b"x-goog-api-key: sk-caller",
    b"x-magicapi-api-key: sk-caller",
    b"x-magicgateway-key: mg-1",
    b"x-magicgateway-strict: true",
    b"x-provider: sample",
    b"x-aws-access-key-id: AKIA",
    b"x-aws-secret-access-key: s",
    b"x-aws-session-token: t",
    b"x-aws-region: eu-central-1",
    b"x-amz-security-token: t",
    b"Cookie: session=1",
    b"Forwarded: for=192.0.2.1",
    b"X-Forwarded-For: 192.0.2.1",
    b"X-Forwarded-Host: internal",
    b"X-Real-IP: 192.0.2.1",
    b"Via: 1.1 x",
    b"Proxy-Authorization: Basic eA==",
    b"Proxy-Connection: keep-alive",
    b"Keep-Alive: timeout=5",
    b"Upgrade: h2c",
    b"HTTP2-Settings: AAMAAABk",
    b"TE: trailers",
    b"Trailer: X-Sum",
    b"Expect: 100-continue",
    b"Accept-Encoding: gzip, br",
    b"User-Agent: caller/1",
    b"traceparent: 00-1-1-00",
    b"Origin: https://page.test",
    b"Referer: https://page.test/secret",
    b"X-Request-Id: r-1",
    b"X-Anything: else",
)


def provider(**changes: Any) -> Provider:
    """The sample provider, with other settings."""
    settings = Settings(providers={"sample": ProviderSettings(**changes)})
    found = Registry([ROW], {}, settings).get("sample")
    assert found is not None
    return found


def head(*lines: bytes, method: bytes = b"POST") -> RequestHead:
    """A caller's head."""
    text = b"%b /v1/x HTTP/1.1\r\nHost: gateway.test\r\n" % method
    text += b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    return read_request_head(text, HeadLimits())


class RequestTests(SynchronousTestCase):
    """The way to the provider."""

    def setUp(self) -> None:
        self.forwarder = Forwarder(provider())

    def sent(self, *lines: bytes, length: int = 2, **options: Any) -> list[bytes]:
        """The lines that leave for a caller's."""
        credential = options.pop("credential", CREDENTIAL)
        asked = head(*lines, **options)
        opening = self.forwarder.request_fields(asked, b"/v1/chat?a=b", credential)
        sent = opening + framing(asked.method, length)
        self.assertTrue(sent.endswith(b"\r\n\r\n"))
        return sent[:-4].split(b"\r\n")

    def test_own_lines(self) -> None:
        """Host, User-Agent, credential and framing are the gateway's; bodies are asked plain."""
        self.assertEqual(
            [
                b"POST /v1/chat?a=b HTTP/1.1",
                b"Host: api.sample.test",
                b"User-Agent: MagicGateway/" + __version__.encode(),
                b"Accept-Encoding: identity",
                b"sample-version: 2024-01-01",
                b"Authorization: Bearer sk-canary",
                b"Content-Length: 2",
            ],
            self.sent(),
        )
        self.assertEqual(Origin("https", "api.sample.test", 443), self.forwarder.origin)

    def test_allowed(self) -> None:
        """What is allowed passes as it came: order, spelling, value."""
        sent = self.sent(*ALLOWED)
        self.assertEqual(list(ALLOWED), [line for line in sent if line in ALLOWED])

    def test_never(self) -> None:
        """Credentials, cookies, forwarding, tracing, our own and hop fields never leave."""
        plain = self.sent()
        for line in NEVER:
            for spelling in (line, line.swapcase()):
                if spelling.lower().startswith(b"expect"):
                    continue
                self.assertEqual(plain, self.sent(spelling), spelling)
        self.assertEqual(plain, self.sent(b"Expect: 100-continue"))
        self.assertEqual(plain, self.sent(*NEVER))

    def test_repeated(self) -> None:
        """A field in several lines stays in several lines."""
        lines = [b"Sample-Beta: a", b"Accept: x", b"sample-beta: b", b"Sample-Beta: c"]
        self.assertEqual(lines, [line for line in self.sent(*lines) if line in lines])

    def test_nominated(self) -> None:
        """What Connection names is for this hop only, however it is written and split."""
        for connection in (
            [b"Connection: Accept,  SAMPLE-BETA"],
            [b"Connection: accept", b"connection: close, sample-beta"],
        ):
            sent = self.sent(*connection, b"Accept: x", b"Sample-Beta: y", b"Range: bytes=0-1")
            self.assertIn(b"Range: bytes=0-1", sent)
            for gone in (b"accept: ", b"sample-beta: ", b"connection: "):
                self.assertFalse([line for line in sent if line.lower().startswith(gone)], gone)

    def test_nominating_disarms_nothing(self) -> None:
        """A caller cannot have our own lines left out by naming them in Connection."""
        names = b"host, authorization, content-length, user-agent, sample-version, accept-encoding"
        self.assertEqual(self.sent(), self.sent(b"Connection: " + names))
        self.assertEqual(
            self.sent(), self.sent(b"Connection: sample-version", b"Sample-Version: old")
        )

    def test_persistence_is_ours(self) -> None:
        """Whether the caller's connection persists is no matter of the provider's."""
        for value in (b"close", b"Close", b"keep-alive", b"Keep-Alive", b"CLOSE"):
            self.assertEqual(self.sent(), self.sent(b"Connection: " + value))

    def test_default_field(self) -> None:
        """A field that the provider wants has a default, which the caller's own value replaces."""
        sent = self.sent(b"Sample-Version: 2023")
        self.assertIn(b"Sample-Version: 2023", sent)
        self.assertNotIn(b"sample-version: 2024-01-01", sent)

    def test_configured_field(self) -> None:
        """A field that the operator sets goes out, and callers cannot set it unless allowed."""
        self.forwarder = Forwarder(provider(headers={"sample-organization": "ours"}))
        sent = self.sent(b"Sample-Organization: theirs")
        self.assertEqual(
            [b"sample-organization: ours"],
            [line for line in sent if line.lower().startswith(b"sample-org")],
        )

    def test_framing(self) -> None:
        """Exactly one framing line, for the body that is sent, and none where there is none."""
        for method, length, line in (
            (b"POST", 5, b"Content-Length: 5"),
            (b"POST", 0, b"Content-Length: 0"),
            (b"PUT", 0, b"Content-Length: 0"),
            (b"PATCH", 0, b"Content-Length: 0"),
            (b"POST", -1, b"Transfer-Encoding: chunked"),
            (b"GET", 0, None),
            (b"HEAD", 0, None),
            (b"DELETE", 0, None),
            (b"GET", 3, b"Content-Length: 3"),
        ):
            for asked in ((), (b"Content-Length: 77",), (b"Transfer-Encoding: chunked",)):
                sent = self.sent(*asked, method=method, length=length)
                framing = [
                    each
                    for each in sent
                    if each.lower().startswith((b"content-length", b"transfer-encoding"))
                ]
                self.assertEqual([line] if line else [], framing, (method, length, asked))

    def test_pieces(self) -> None:
        """A large body goes out in pieces of 256 KiB, with nothing lost, a small one as it is."""
        small, large = b"s" * 131_072, bytes(range(251)) * 4000
        self.assertEqual([b"head", small], in_pieces(b"head", small))
        head, *pieces = in_pieces(b"head", large)
        self.assertEqual((b"head", large), (head, b"".join(pieces)))
        self.assertEqual([262_144, 262_144, 262_144, 217_568], list(map(len, pieces)))

    def test_no_credential(self) -> None:
        """A provider that asks for none gets none."""
        sent = self.sent(b"Authorization: Bearer sk-caller", credential=None)
        self.assertEqual([], [line for line in sent if b"sk-" in line])

    def test_other_credentials(self) -> None:
        """The credential goes where the provider reads it."""
        for name in (b"x-api-key", b"api-key"):
            sent = self.sent(credential=evolve(CREDENTIAL, name=name, value=b"sk-1"))
            self.assertIn(name + b": sk-1", sent)
            self.assertFalse([line for line in sent if line.startswith(b"Authorization")])

    def test_port(self) -> None:
        """A port that is not the scheme's own stands in Host, an IPv6 address in brackets."""
        for base_url, host in (
            ("http://127.0.0.1:8000/v1", b"127.0.0.1:8000"),
            ("http://[::1]:8000/v1", b"[::1]:8000"),
            ("http://[::1]/v1", b"[::1]"),
            ("https://api.sample.test:443/v1", b"api.sample.test"),
        ):
            self.forwarder = Forwarder(provider(base_url=base_url))
            self.assertEqual(b"Host: " + host, self.sent()[1])

    def test_spellings_bounded(self) -> None:
        """Names are the caller's to choose, so only so many of them are remembered."""
        for number in range(3000):
            self.sent(b"X-%d: y" % number)
        self.assertLessEqual(len(self.forwarder._request), 1024)
        self.assertIn(b"Accept: x", self.sent(b"Accept: x"))


class ResponseTests(SynchronousTestCase):
    """The way back."""

    def setUp(self) -> None:
        self.forwarder = Forwarder(provider())

    def passed(self, *lines: bytes, own: bool = True) -> list[bytes]:
        """The lines that the caller gets."""
        raw = []
        for line in lines:
            name, _, value = line.partition(b": ")
            raw.append((name, value))
        passed, fields = self.forwarder.response_fields(raw, own_credential=own)
        self.assertEqual({line.partition(b": ")[0].lower() for line in passed}, set(fields))
        return [line.removesuffix(b"\r\n") for line in passed]

    def test_allowed(self) -> None:
        """What is allowed passes as it came, prefixes of the row included."""
        lines = [
            b"Content-Type: text/event-stream",
            b"CACHE-CONTROL: no-cache",
            b"retry-after: 7",
            b"retry-after-ms: 6900",
            b"x-should-retry: true",
            b"Content-Disposition: attachment",
            b"x-request-id: req_1",
            b"Sample-Organization: org",
            b"X-Sample-Anything: 1",
        ]
        self.assertEqual(lines, self.passed(*lines))

    def test_never(self) -> None:
        """Cookies, servers, policies, framing and everything of the hop stay behind."""
        for line in (
            b"Set-Cookie: a=b",
            b"Server: cloud",
            b"Alt-Svc: h3",
            b"Strict-Transport-Security: max-age=1",
            b"Report-To: x",
            b"NEL: x",
            b"Access-Control-Allow-Origin: *",
            b"access-control-expose-headers: x",
            b"Content-Length: 5",
            b"Transfer-Encoding: chunked",
            b"Connection: close",
            b"Keep-Alive: timeout=5",
            b"Proxy-Authenticate: Basic",
            b"Trailer: x",
            b"Upgrade: h2",
            b"X-MagicGateway-Provider: forged",
            b"x-magicgateway-request-id: forged",
            b"Date: now",
            b"X-Anything: else",
        ):
            self.assertEqual([], self.passed(line), line)
            self.assertEqual([], self.passed(line.upper()), line)

    def test_rate_limits(self) -> None:
        """Rate limits concern whoever's credential it was, so they pass with the caller's own."""
        lines = [
            b"x-ratelimit-remaining-tokens: 5",
            b"X-RateLimit-Reset-Requests: 1s",
            b"anthropic-ratelimit-requests-limit: 50",
            b"RateLimit: limit=10",
        ]
        self.assertEqual(lines, self.passed(*lines))
        self.assertEqual([], self.passed(*lines, own=False))

    def test_repeated(self) -> None:
        """A field in several lines stays in several lines."""
        lines = [b"X-Sample-A: 1", b"x-sample-a: 2"]
        self.assertEqual(lines, self.passed(*lines))

    def test_nominated(self) -> None:
        """What the provider's Connection names stays behind; the rest is as it would be."""
        kept = [b"X-Sample-A: 1", b"x-sample-a: 2", b"Content-Type: text/plain"]
        for connection in (
            [b"Connection: keep-alive, X-Sample-B"],
            [b"connection: x-sample-b", b"Connection: other"],
        ):
            passed = self.passed(kept[0], b"X-Sample-B: 3", *connection, *kept[1:])
            self.assertEqual(kept, passed)

    def test_spellings_bounded(self) -> None:
        """Names are the provider's to choose, so only so many of them are remembered."""
        for number in range(3000):
            self.passed(b"X-%d: y" % number)
        self.assertLessEqual(len(self.forwarder._response), 1024)
        self.assertEqual([b"ETag: x"], self.passed(b"ETag: x"))
