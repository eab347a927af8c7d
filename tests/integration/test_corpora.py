"""Hard inputs that nobody here wrote, and some of the same kinds of our own.

Whatever comes, the gateway answers once, never with a fault of its own, and lives on. The corpora
are read where ``MAGICGATEWAY_REFERENCE`` names the folder with the reference data.
"""

from __future__ import annotations

import contextlib  # trial takes a module's own name "suppress" for a list of warnings
import json
import os
import random
import re
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.gateway import RunningGateway, start_gateway
from tests.integration.replay import Answer, Recorded, Replay, ask, cuts
from tests.wire.test_head_corpus import LOOSER, STRICTER, unescape, with_hosts

DOORS = ("/v1/chat/completions", "/v1/messages")
BEFORE_HEADS = re.compile(rb"(?:\A|[\n}])HTTP/1\.1 ([0-9]{3}) ")
LAST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LIMITS = "[limits]\nhead_seconds = 1\nbody_gap_seconds = 1\n"

OWN_JSON = {
    "y_object_nested": b'{"a":[{"b":[null,true,-0.0e+1]}]}',
    "y_array": b"[1,2]",
    "y_string": b'"model"',
    "y_number_with_space": b" 12 ",
    "n_open_object": b'{"model":"demo"',
    "n_comma_after": b'{"model":"demo",}',
    "n_two_values": b'{"model":"demo"}{"model":"demo"}',
    "n_single_quotes": b"{'model':'demo'}",
    "n_bare_name": b'{model:"demo"}',
    "n_raw_control": b'{"model":"de\nmo"}',
    "n_bad_escape": rb'{"model":"\x64emo"}',
    "n_invalid_utf8": b'{"model":"\xff\xfe"}',
    "n_leading_zero": b'{"model":"demo","n":012}',
    "n_nan": b'{"model":"demo","n":NaN}',
    "n_deep": b'{"a":' * 100_000,
    "n_deep_array": b"[" * 100_000,
    "n_nothing": b"",
    "n_zero_byte": b'{"model":"demo"}\x00',
    "i_lone_surrogate": rb'{"model":"\ud800"}',
    "i_byte_order_mark": b'\xef\xbb\xbf{"model":"demo"}',
    "i_huge_exponent": b'{"model":"demo","n":1e99999999999}',
    "i_utf_16": '{"model":"demo"}'.encode("utf-16"),
}
OWN_STRINGS = [
    "",
    " ",
    "undefined",
    "null",
    "true",
    "-1E+02",
    "\t\r\n\x0b\x0c\x1b\x00\x7f",
    "\u200b\u202e\ufeff\u2028",
    "Ω≈ç√∫µ≤",
    "田中さん 🏳0🌈️",
    "../../../etc/passwd",
    "/groq/x",
    "groq/",
    "groq//..//x",
    "a\r\nx-provider: groq\r\n\r\nGET /metrics HTTP/1.1",
    "<script>alert(1)</script>",
    "%00%0d%0a%2e%2e%2f",
    "${jndi:ldap://127.0.0.1/a}",
    "'; DROP TABLE models; --",
    "{{7*7}} {0} %s%n",
    "x" * 5000,
]
OWN_REQUESTS = {
    "two lengths": b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\nab",
    "length and chunked": b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, twice": b"POST /v1/files HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "signed length": b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\nab",
    "negative length": b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "hexadecimal prefix": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n",
    "bare line feeds": b"GET /health HTTP/1.1\nHost: x\n\n",
    "folded": b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "zero byte": b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "space before colon": b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n",
    "no name": b"GET /health HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "no method": b" /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n",
}


def folder(name: str, cases: int) -> Path | None:
    """A corpus, if it is there; says aloud what is left out if not."""
    root = Path(os.environ.get("MAGICGATEWAY_REFERENCE") or "/nonexistent") / "corpora" / name
    if root.is_dir():
        return root
    print(f"{name} cases left out: {cases}")
    return None


def json_texts() -> dict[str, bytes]:
    """JSON texts by name: ``y_`` is JSON, ``n_`` is not, ``i_`` may be."""
    root = folder("json-test-suite", 318)
    found = sorted(root.glob("*.json")) if root else []
    return {**OWN_JSON, **{path.stem: path.read_bytes() for path in found}}


def strings() -> list[str]:
    """Strings that have broken programs."""
    root = folder("naughty-strings", 515)
    found: list[str] = json.loads((root / "blns.json").read_text()) if root else []
    return [*OWN_STRINGS, *found]


def raw_requests() -> dict[str, tuple[bytes, bool]]:
    """Bytes of requests, and whether they have to be refused."""
    root = folder("gunicorn-requests", 89)
    found = {name: (request, True) for name, request in OWN_REQUESTS.items()}
    for path in sorted(root.glob("*/*.http")) if root else []:
        name = f"{path.parent.name}/{path.name}"
        invalid = name in STRICTER if path.parent.name == "valid" else name not in LOOSER
        found[name] = (with_hosts(unescape(path.read_bytes())), invalid)
    return found


def is_object(text: bytes) -> bool:
    """Whether Python reads a JSON object."""
    return isinstance(json.loads(text), dict)


class CorpusCase(TestCase):
    """A gateway before a provider that says yes to everything."""

    gateway: RunningGateway

    async def start(self, more: str = "") -> None:
        """Start both."""
        self.provider = Replay()
        self.addCleanup(self.provider.server.stop)
        rows = (
            f'[providers.{name}]\nbase_url = "{self.provider.address}/v1"\n'
            for name in ("openai", "anthropic", "groq")
        )
        self.gateway = await start_gateway(self, "".join(rows) + more)

    async def assert_alive(self) -> None:
        """Check that the gateway still answers, with nothing left running."""
        answer = await ask(self.gateway, "/health", method="GET")
        self.assertEqual(200, answer.status)
        self.assertEqual([], list(self.gateway.gateway.plane.running))

    def assert_refused_or_same(self, answer: Answer, body: bytes, name: str) -> None:
        """Check for a 4xx, or for a body that reached the provider byte for byte."""
        if answer.status != 200:
            self.assertIn(answer.status, range(400, 500), (name, answer.body))
            return
        self.assertEqual(body, self.provider.asked()[2], name)


class JsonTests(CorpusCase):
    """JSON and what only looks like it."""

    async def test_as_requests(self) -> None:
        """An object passes byte for byte; everything else is a 400 in the door's own words."""
        await self.start()
        for name, body in json_texts().items():
            for door in DOORS:
                answer = await ask(self.gateway, door, body)
                if name.startswith("y_") and is_object(body):
                    self.assertEqual(200, answer.status, (name, answer.body))
                elif not name.startswith("i_"):
                    self.assertEqual(400, answer.status, (name, answer.body))
                self.assert_refused_or_same(answer, body, name)
                if answer.status == 400:
                    error = json.loads(answer.body)["error"]
                    code = error["details"]["error_code"] if "details" in error else error["code"]
                    allowed = (
                        {"invalid_json"} if name[0] != "i" else {"invalid_json", "invalid_model"}
                    )
                    self.assertIn(code, allowed, name)
        await self.assert_alive()

    async def test_as_answers(self) -> None:
        """A provider may answer with anything: it passes byte for byte."""
        await self.start()
        for name, body in json_texts().items():
            self.provider.put(Recorded(200, body))
            answer = await ask(self.gateway, DOORS[0], b'{"model":"demo"}')
            self.assertEqual((200, body), (answer.status, answer.body), name)
        await self.assert_alive()


class StringTests(CorpusCase):
    """Strings in every place that takes one."""

    async def test_in_bodies(self) -> None:
        """As model, name and text of a message: the bytes arrive, or a 4xx comes back."""
        await self.start()
        named = {"x-provider": "openai"}  # so that no string is split into provider and model
        for text in strings():
            for escaped in (True, False):
                asked = {"model": text, "messages": [{"role": "user", text: text}]}
                body = json.dumps(asked, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
                answer = await ask(self.gateway, DOORS[0], body, fields=named)
                self.assert_refused_or_same(answer, body, repr(text))
        await self.assert_alive()

    async def test_in_targets(self) -> None:
        """In a query, and as a model's id in a path: the same target arrives, or a 4xx comes."""
        await self.start()
        templates: tuple[Callable[[str], str], ...] = (
            lambda text: f"/v1/files?q={quote(text, errors='surrogatepass')}",
            lambda text: f"/v1/files?{quote(text, safe='=&?/', errors='surrogatepass')}=1",
            lambda text: f"/v1/models/x{quote(text, safe='', errors='surrogatepass')}",
        )
        for text in strings():
            for template in templates:
                target = template(text)
                answer = await ask(
                    self.gateway, target, method="GET", fields={"Content-Length": ""}
                )
                if answer.status == 200:
                    line = self.provider.asked()[0]
                    self.assertEqual(f"GET {target} HTTP/1.1", line)
                else:
                    self.assertIn(answer.status, range(400, 500), (target, answer.body))
        await self.assert_alive()

    async def test_in_fields(self) -> None:
        """As a header's value: it arrives as it is, or a 4xx comes; one answer in any case."""
        await self.start()
        for text in strings():
            value = text.encode("utf-8", "surrogatepass").decode("latin-1")
            for name in ("OpenAI-Organization", "x-provider", "x-request-id", "Authorization"):
                answer = await ask(
                    self.gateway, DOORS[0], b'{"model":"demo"}', fields={name: value}
                )
                self.assertIn(answer.status, (200, *range(400, 500)), (name, text, answer.body))
                if answer.status == 200 and name == "OpenAI-Organization" and value.strip(" \t"):
                    received = self.provider.asked()[1]["openai-organization"]
                    self.assertEqual(value.strip(" \t"), received)
        await self.assert_alive()


def send_in_cuts(port: int, request: bytes, seed: int) -> bytes:
    """Send bytes in random pieces and read to the end, blocking.

    The gateway may refuse before everything is sent; its answer is there to be read all the same.
    """
    pieces = cuts(request, random.Random(seed), 40)  # noqa: S311 - cuts
    answer = []
    with socket.create_connection(("127.0.0.1", port), 20.0) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                client.sendall(piece)
        with contextlib.suppress(ConnectionError):
            while data := client.recv(65536):
                answer.append(data)
    return b"".join(answer)


class RequestTests(CorpusCase):
    """Requests as raw bytes."""

    async def test_cuts(self) -> None:
        """How a request is cut into packets changes nothing about its answers."""
        await self.start(LIMITS)
        port = self.gateway.port
        for seed, (name, (request, refused)) in enumerate(raw_requests().items()):
            if not refused:
                continue
            whole = await self.gateway.ask(request + LAST, 20.0)
            cut = await deferToThread(send_in_cuts, port, request + LAST, seed)
            self.assertEqual(BEFORE_HEADS.findall(whole), BEFORE_HEADS.findall(cut), name)
        await self.assert_alive()

    async def test_raw(self) -> None:
        """What is ambiguous gets one 4xx and the end of the connection, and no second reading."""
        await self.start(LIMITS)
        cases = raw_requests()
        answers = await gatherResults(
            [
                Deferred.fromCoroutine(self.gateway.ask(request + LAST, 20.0))
                for request, _ in cases.values()
            ]
        )
        for (name, (_, refused)), data in zip(cases.items(), answers, strict=True):
            statuses = [int(status) for status in BEFORE_HEADS.findall(data)]
            # 505 is no fault of ours but the name of one: another version of HTTP.
            faults = [status for status in statuses if status >= 500 and status != 505]
            self.assertEqual([], faults, (name, data))
            if refused:
                self.assertEqual(1, len(statuses), (name, data))
                self.assertIn(b"Connection: close\r\n", data, name)
                self.assertNotIn(b'"healthy"', data, name)
        await self.assert_alive()
