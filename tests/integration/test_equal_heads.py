"""What a connection remembers of its requests cannot be told from outside."""

from __future__ import annotations

import random
import socket
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.gateway import start_gateway
from tests.serving.test_exchange import fields_of

SEEDS = range(10)
REQUESTS = 80
CHANGING = {"date", "server-timing", "x-request-id", "request-id", "x-magicgateway-request-id"}
FIELDS: dict[str, tuple[str | None, ...]] = {
    "Authorization": ("Bearer sk-1", "Bearer sk-2", "Bearer dummy", None),
    "x-provider": (None, None, None, None, "openai", "GROQ", "anthropic", "nobody"),
    "x-api-key": (None, None, "sk-3"),
    "Origin": (None, None, "https://a.example", "https://b.example", "http://localhost:1"),
    "anthropic-version": (None, None, "2023-06-01"),
    "x-request-id": (None, None, "mine-1", "not mine"),
    "openai-organization": (None, None, "org-1"),
    "x-forwarded-for": (None, None, None, "10.1.1.1"),
    "Content-Type": ("application/json", "application/octet-stream", None),
    "Connection": (None, None, "openai-organization"),
    "idempotency-key": (None, None, "7"),
}
PATHS = (
    *("/v1/chat/completions",) * 4,
    "/v1/messages",
    "/groq/v1/chat/completions",
    "/v1/embeddings?x=1",
    "/v1/files",
    "/v1/models/openai%2Fgpt",
    "/v1/nothing/here",
    "/health",
)
MODELS = ("demo", "fast", "groq/llama", "openai/gpt-x", "other", "a" * 60)


def request(chance: random.Random, before: dict[str, str | None]) -> tuple[bytes, bool]:
    """A request that is mostly like the last one, and whether it is HEAD.

    Args:
        chance: Decides.
        before: What the last one was made of; changed to what this one is made of.
    """
    changing = chance.choices([*["model"] * 8, "method", "path", "framing", *FIELDS], k=2)
    for name in changing[: chance.choice((0, 1, 1, 2))]:
        if name == "method":
            before[name] = chance.choice(("POST", "POST", "POST", "GET", "HEAD", "OPTIONS"))
        elif name == "path":
            before[name] = chance.choice(PATHS)
        elif name == "model":
            before[name] = chance.choice(MODELS)
        elif name == "framing":
            before[name] = chance.choice(("Content-Length", "content-length", "chunked"))
        else:
            before[name] = chance.choice(FIELDS[name])
    method = before["method"] or "POST"
    lines = [f"{method} {before['path']} HTTP/1.1", "Host: localhost", "X-Count: 60"]
    lines += [f"{name}: {before[name]}" for name in FIELDS if before.get(name) is not None]
    body = b""
    if method == "POST":
        body = (
            b'{"model":"%b","messages":[{"role":"user","content":"Hi"}],"input":"x"}'
            % (before["model"] or "").encode()
        )
        if before["framing"] == "chunked":
            lines.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        else:
            lines.insert(chance.randint(1, len(lines)), f"{before['framing']}: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body, method == "HEAD"


def comparable(answer: bytes) -> tuple[bytes, dict[str, str]]:
    """An answer's first line and fields, without what differs each time."""
    fields = fields_of(answer)
    given = fields.get("x-magicgateway-request-id", "")
    kept = {name: value for name, value in fields.items() if name not in CHANGING}
    kept["given"] = given if given == "mine-1" else ""
    return answer.split(b"\r\n", 1)[0], kept


def read_answer(client: socket.socket, *, is_head: bool) -> bytes:
    """One answer: head and body."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = client.recv(65536)
        if not data:
            raise EOFError(answer)
        answer += data
    size = 0 if is_head else int(fields_of(answer).get("content-length", "0"))
    while len(answer.partition(b"\r\n\r\n")[2]) < size:
        answer += client.recv(65536)
    return answer


class EqualHeadTests(TestCase):
    """The same requests on one connection and on one each."""

    toml = (
        '[server]\ncors = { origins = ["https://a.example", "http://localhost:1"] }\n'
        + "".join(
            f'[providers.{name}]\nbase_url = "{{demo}}/v1"\napi_key = "env:K{n}"\n'
            for n, name in enumerate(("openai", "groq", "anthropic"))
        )
        + '[models.fast]\ntargets = ["groq/llama"]\n'
    )

    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        self.gateway = await start_gateway(
            self, self.toml, {f"K{n}": f"sk-operator-{n}" for n in range(3)}
        )

    async def test_one_connection(self) -> None:
        """Each is answered and forwarded as on a connection of its own."""
        statuses: set[bytes] = set()
        for seed in SEEDS:
            chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
            made: dict[str, str | None] = {
                "method": "POST",
                "path": PATHS[0],
                "model": "demo",
                "framing": "Content-Length",
                "Authorization": "Bearer sk-1" if seed % 2 else None,
            }
            requests = [request(chance, made) for _ in range(REQUESTS)]
            together = await deferToThread(self.results, requests, persist=True)
            apart = await deferToThread(self.results, requests, persist=False)
            for place, (one, other) in enumerate(zip(together, apart, strict=True)):
                self.assertEqual(other, one, (seed, place, requests[place]))
            statuses |= {answer[0][0].split(b" ")[1] for answer in together}
        self.assertLessEqual({b"200", b"400", b"401", b"404", b"405"}, statuses)

    def results(
        self, requests: list[tuple[bytes, bool]], *, persist: bool
    ) -> list[tuple[Any, Any]]:
        """Each request's answer, and what the provider saw of it; blocks.

        Args:
            requests: To be asked one after the other.
            persist: On one connection, for as long as the gateway keeps it open.
        """
        found = []
        journal = self.gateway.demo.journal
        client: socket.socket | None = None
        for wire, is_head in requests:
            if client is None:
                client = socket.create_connection(("127.0.0.1", self.gateway.port), 10)
            journal.clear()
            client.sendall(wire)
            answer = read_answer(client, is_head=is_head)
            forwarded = [(one.method, one.target, one.headers, one.body) for one in journal]
            found.append((comparable(answer), forwarded))
            if not persist or b"\r\nconnection: close\r\n" in answer.lower():
                client.close()
                client = None
        if client is not None:
            client.close()
        return found
