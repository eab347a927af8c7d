"""The same dialect on both sides: bytes in are bytes out, in both directions."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twisted.trial.unittest import TestCase

from tests.dialects.cassettes import body_of
from tests.gateway import RunningGateway, start_gateway
from tests.integration.replay import CUT, WHOLE, Recorded, Replay, ask, cuts

PROVIDERS = ("openai", "anthropic", "groq", "together")
CASSETTES = 49
PATHS = {"anthropic": "/v1/messages"}
EVENT_STREAM = (("content-type", "text/event-stream; charset=utf-8"),)
OCTETS = "application/octet-stream"

ODD_REQUESTS = {
    "white space": b'\r\n\t{ "model"\t:\r\n  "demo" ,\n\n"messages" : [ ]\r\n}\r\n \t\n',
    "numbers": b'{"model":"demo","seed":123456789012345678901234567890,"a":1e400,"b":-0.0,'
    b'"c":1.00000000000000000000001,"d":1E+2,"e":0.1e-7}',
    "nested keys twice": b'{"metadata":{"a":1,"a":2,"model":"x","model":"y"},"model":"demo"}',
    "escapes": rb'{"model":"demo","text":"\u0041\/\b\f\n\r\t\"\\ \ud83d\ude00 \u00DF \u0000"}',
    "no escapes": '{"model":"demo","text":"Straße 道 🚀 \u2028\u2029\x7f"}'.encode(),
    "escaped names": rb'{"m\u006fdel":"d\u0065mo","\u006Dessages":[],"str\u0065am":false}',
    "order": b'{"z":1,"model":"demo","a":2,"_":3,"":4}',
    "no model": b'{"messages":[]}',
    "unknown fields": b'{"model":"demo","frobnicate":{"deep":[[[[[[null]]]]]]},"x_y":[]}',
    "long": b'{"model":"demo","text":"' + b"\\u00e9x" * 200_000 + b'"}',
}
ODD_ANSWERS = {
    "white space": Recorded(200, b'\r\n { "a" :\t1 , "a" : 2 }\r\n\r\n'),
    "numbers": Recorded(200, b'{"n":123456789012345678901234567890,"e":1e400,"z":-0.0}'),
    "escapes": Recorded(200, rb'{"t":"\u0041\/\ud83d\ude00","u":"\ud800"}'),
    "not JSON at all": Recorded(200, b"<html>\x00\xff</html>"),
    "empty": Recorded(200, b""),
    "bytes": Recorded(200, bytes(range(256)) * 4000, (("content-type", OCTETS),)),
    "line ends": Recorded(
        200, b'event: x\r\ndata: {"a":1}\r\n\r\n: note\r\rdata: [DONE]\n\n', EVENT_STREAM
    ),
    "odd stream": Recorded(
        200,
        b'\xef\xbb\xbf: hello\n\nid: 7\nretry: 10\ndata:{"choices":[]}\ndata: \n\n'
        b"foo: bar\n\n\n\ndata: [DONE]\n\n",
        EVENT_STREAM,
    ),
    "no type": Recorded(200, b"something", ()),
    "gzip": Recorded(
        200,
        gzip.compress(b'{"usage":{"total_tokens":3}}', mtime=0),
        (("content-type", "application/json"), ("content-encoding", "gzip")),
    ),
    "stream in gzip": Recorded(
        200,
        gzip.compress(b"data: [DONE]\n\n", mtime=0),
        (*EVENT_STREAM, ("content-encoding", "gzip")),
    ),
}
BODIES: tuple[tuple[str, bytes], ...] = (
    ("application/json", b'{ "error" : {"message":"\\u00e4", "code":null, "code":7} }\n'),
    ("text/html; charset=iso-8859-1", b"<h1>\xdcberlastet</h1>"),
    ("text/plain", b"upstream connect error"),
    ("application/problem+json", b"{"),
)


def digest(data: bytes) -> str:
    """What is compared: short, and different for one changed bit."""
    return f"{hashlib.sha256(data).hexdigest()} of {len(data)} bytes"


def cassettes() -> list[dict[str, Any]]:
    """The recorded exchanges of the providers that bytes pass through to."""
    root = Path(os.environ.get("MAGICGATEWAY_REFERENCE") or "/nonexistent") / "cassettes"
    found = [
        json.loads(path.read_text())
        for provider in PROVIDERS
        for path in sorted(root.glob(f"{provider}/*.json"))
    ]
    if not found:
        print(f"recorded exchanges left out: {CASSETTES}")
    return found


class PassThroughCase(TestCase):
    """A gateway before a provider that says what the test wants."""

    gateway: RunningGateway

    async def start(self, more: str = "") -> None:
        """Start both."""
        self.provider = Replay()
        self.addCleanup(self.provider.server.stop)
        rows = (
            f'[providers.{name}]\nbase_url = "{self.provider.address}/at-{name}/v1"\n'
            for name in PROVIDERS
        )
        self.gateway = await start_gateway(self, "".join(rows) + more)


class RequestTests(PassThroughCase):
    """What the provider is sent."""

    async def test_bytes(self) -> None:
        """A request's body arrives with its hash unchanged, whatever it looks like."""
        await self.start()
        for name, body in ODD_REQUESTS.items():
            for target in ("/v1/chat/completions", "/groq/v1/chat/completions"):
                self.provider.put(Recorded(200, b"{}"))
                answer = await ask(self.gateway, target, body)
                self.assertEqual(200, answer.status, (name, answer.body))
                _, fields, received = self.provider.asked()
                self.assertEqual(digest(body), digest(received), name)
                self.assertEqual(str(len(body)), fields["content-length"])

    async def test_chunked_bodies(self) -> None:
        """A JSON body that came in chunks arrives with its hash unchanged."""
        await self.start()
        chance = random.Random(7)  # noqa: S311 - cuts
        for name, body in ODD_REQUESTS.items():
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(cut), cut) for cut in cuts(body, chance, 9000))
            self.provider.put(Recorded(200, b"{}"))
            fields = {"Transfer-Encoding": "chunked", "Content-Length": ""}
            framed = chunks + b"0\r\n\r\n"
            answer = await ask(self.gateway, "/v1/chat/completions", framed, fields=fields)
            self.assertEqual(200, answer.status, name)
            self.assertEqual(digest(body), digest(self.provider.asked()[2]), name)

    async def test_model_alone_is_rewritten(self) -> None:
        """A prefix or an alias changes the bytes of the model's value and no others."""
        await self.start('[models.fast]\ntargets = ["together/meta/llama-3"]\n')
        around = (
            (b'{"model":', b"}"),
            (b'\r\n{ "a":{"model":"groq/x","model":2},\t"model" \n:\t', b' ,"n":1e400}\r\n'),
            (rb'{"\u006dodel" : ', rb',"t":"groq\/x \ud83d\ude00 fast"}'),
        )
        values = {
            b'"groq/llama"': (b'"llama"', "groq"),
            rb'"gr\u006fq\/qwen\/qwen3"': (b'"qwen/qwen3"', "groq"),
            b'"GROQ/llama"': (b'"llama"', "groq"),
            b'"fast"': (b'"meta/llama-3"', "together"),
            rb'"f\u0061st"': (b'"meta/llama-3"', "together"),
        }
        for before, after in around:
            for value, (expected, provider) in values.items():
                self.provider.put(Recorded(200, b"{}"))
                body = before + value + after
                answer = await ask(self.gateway, "/v1/chat/completions", body)
                self.assertEqual(200, answer.status, answer.body)
                line, _, received = self.provider.asked()
                self.assertEqual(before + expected + after, received)
                self.assertEqual(f"POST /at-{provider}/v1/chat/completions HTTP/1.1", line)

    async def test_uploads(self) -> None:
        """What is no JSON of ours streams through: any bytes, any type, with length or chunked."""
        await self.start()
        body = random.Random(3).randbytes(700_000)  # noqa: S311 - any bytes
        kinds = ("multipart/form-data; boundary=x", OCTETS, "audio/mpeg", "application/json")
        for kind in kinds:
            self.provider.put(Recorded(200, b"{}"))
            fields = {"Content-Type": kind, "Content-Encoding": "gzip"}
            await ask(self.gateway, "/v1/files", body, fields=fields)
            _, received_fields, received = self.provider.asked()
            self.assertEqual(digest(body), digest(received), kind)
            self.assertEqual(kind, received_fields["content-type"])
            self.assertEqual("gzip", received_fields["content-encoding"])
        chunks = b"".join(
            b"%x\r\n%b\r\n" % (4096, body[at : at + 4096]) for at in range(0, 40960, 4096)
        )
        self.provider.put(Recorded(200, b"{}"))
        fields = {"Transfer-Encoding": "chunked", "Content-Length": ""}
        await ask(self.gateway, "/v1/files", chunks + b"0\r\n\r\n", fields=fields)
        self.assertEqual(digest(body[:40960]), digest(self.provider.asked()[2]))

    async def test_targets(self) -> None:
        """Paths below a route, queries and methods arrive as they were written."""
        await self.start()
        targets = {
            "GET": "/v1/files?limit=2&after=a%2Fb&x=%FF&y=a+b&&z&=",
            "DELETE": "/v1/files/a%2Fb%3Ac%20d",
            "POST": "/v1/fine_tuning/jobs/ft-1/cancel?x",
            "PUT": "/v1/files/~u'(n)!*;,:@&=+$",
            "PATCH": '/v1/evals/%e4%f6?q="<>[]{}|\\^`',
        }
        for method, target in targets.items():
            self.provider.put(Recorded(200, b"{}"))
            answer = await ask(self.gateway, target, method=method, fields={"Content-Length": ""})
            self.assertEqual(200, answer.status, answer.body)
            self.assertEqual(f"{method} /at-openai{target} HTTP/1.1", self.provider.asked()[0])


class AnswerTests(PassThroughCase):
    """What the caller gets."""

    async def test_bytes(self) -> None:
        """An answer's body comes with its hash unchanged, in one piece and in random cuts."""
        await self.start()
        for name, recorded in ODD_ANSWERS.items():
            for how, seed in ((WHOLE, 0), (CUT, 1), (CUT, 2)):
                self.provider.put(recorded, how, seed)
                answer = await ask(self.gateway, "/v1/chat/completions", b'{"model":"demo"}')
                self.assertEqual(digest(recorded.body), digest(answer.body), (name, how))
                for field, value in recorded.fields:
                    self.assertEqual(value, answer.fields[field], name)

    async def test_errors(self) -> None:
        """A provider's error has its status and its body, whatever that is."""
        await self.start()
        statuses = (400, 401, 402, 403, 404, 409, 413, 418, 422, 429, 498, 500, 502, 503, 529)
        for status in statuses:
            for kind, body in BODIES:
                for provider in ("openai", "anthropic"):
                    fields = (("content-type", kind), ("retry-after", "3"))
                    self.provider.put(Recorded(status, body, fields))
                    path = PATHS.get(provider, "/v1/chat/completions")
                    answer = await ask(self.gateway, path, b'{"model":"demo","stream":true}')
                    self.assertEqual((status, body), (answer.status, answer.body))
                    self.assertEqual(kind, answer.fields["content-type"])
                    self.assertEqual("3", answer.fields["retry-after"])

    async def test_recorded(self) -> None:
        """Recorded exchanges go through with both bodies unchanged, whole and in random cuts."""
        await self.start()
        for number, cassette in enumerate([*cassettes(), *OWN_CASSETTES]):
            parts = urlsplit(cassette["request"]["url"])
            route = parts.path[parts.path.index("/v1/") :]
            query = f"?{parts.query}" if parts.query else ""
            provider = cassette["provider"]
            asked = json.dumps(cassette["request"]["body"]).encode()
            response = cassette["response"]
            kind = response["headers"]["content-type"]
            recorded = Recorded(response["status"], body_of(cassette), (("content-type", kind),))
            for how in (WHOLE, CUT):
                self.provider.put(recorded, how, number)
                target = f"/{provider}{route}{query}"
                answer = await ask(self.gateway, target, asked)
                line, _, received = self.provider.asked()
                self.assertEqual(f"POST /at-{provider}{route}{query} HTTP/1.1", line)
                self.assertEqual(digest(asked), digest(received), cassette["id"])
                self.assertEqual(recorded.status, answer.status, cassette["id"])
                self.assertEqual(digest(recorded.body), digest(answer.body), cassette["id"])
                self.assertEqual(kind, answer.fields["content-type"])


def _own(
    provider: str, url: str, answer: object, *, status: int = 200, kind: str = "application/json"
) -> dict[str, Any]:
    body = {"model": "m-1", "messages": [{"role": "user", "content": "Grüße"}], "temperature": 0.7}
    return {
        "id": f"own-{provider}-{status}",
        "provider": provider,
        "request": {"url": url, "body": body},
        "response": {"status": status, "headers": {"content-type": kind}, "body": answer},
    }


_CHAT = "https://api.example/v1/chat/completions"
_MESSAGES = "https://api.example/v1/messages?beta=true"
OWN_CASSETTES = (
    _own("openai", _CHAT, {"id": "c-1", "choices": [{"message": {"content": "Grüße 🚀"}}]}),
    _own("openai", _CHAT, {"error": {"message": "no", "code": None}}, status=400),
    _own(
        "groq",
        "https://api.example/openai/v1/chat/completions",
        'data: {"choices":[{"delta":{"content":"Gr\u00fc\u00dfe"}}]}\n\n'
        'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"r"}}\n\n'
        "data: [DONE]\n\n",
        kind="text/event-stream",
    ),
    _own(
        "anthropic",
        _MESSAGES,
        "event: message_start\n"
        'data: {"type":"message_start","message":{"usage":{"input_tokens":3}}}\n\n'
        'event: ping\ndata: {"type": "ping"}\n\n'
        'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
        '"usage":{"output_tokens":5}}\n\n'
        'event: message_stop\ndata: {"type":"message_stop"     }\n\n',
        kind="text/event-stream; charset=utf-8",
    ),
    _own("anthropic", _MESSAGES, {"type": "error", "error": {"type": "x"}}, status=529),
    _own("together", "https://api.example/v1/completions", {"choices": [{"text": "a"}]}),
)
"""Exchanges as providers have them, for where no recorded ones are."""
