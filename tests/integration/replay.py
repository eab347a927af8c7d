"""A provider that answers from a list, and an answer as a client reads it."""

from __future__ import annotations

import http.client
import io
import random
from collections import deque
from collections.abc import Mapping
from typing import Any, cast

from attrs import frozen

from tests.gateway import RunningGateway
from tests.sockets import Peer, ScriptedServer

WHOLE, CUT = "whole", "cut"
"""How a body is sent: with its length in one piece, or chunked in random pieces."""
AUTHORIZED = {"Authorization": "Bearer sk-of-the-caller-0123456789"}


@frozen
class Recorded:
    """One answer of a provider."""

    status: int
    body: bytes
    fields: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)

    def pieces(self, chance: random.Random, how: str) -> list[bytes]:
        """What goes on the wire, one item for each write."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in self.fields)
        head = f"HTTP/1.1 {self.status} Recorded\r\n{fields}".encode("latin-1")
        if how == WHOLE:
            return [head + b"content-length: %d\r\n\r\n" % len(self.body) + self.body]
        out = head + b"transfer-encoding: chunked\r\n\r\n"
        for chunk in cuts(self.body, chance):
            out += b"%x\r\n%b\r\n" % (len(chunk), chunk)
        return list(cuts(out + b"0\r\n\r\n", chance))


def cuts(data: bytes, chance: random.Random, most: int = 400) -> list[bytes]:
    """The same bytes in pieces of random size."""
    found, at = [], 0
    while at < len(data):
        size = chance.randint(1, most)
        found.append(data[at : at + size])
        at += size
    return found


class Replay:
    """Answers requests with what was put in, in that order, and all others with ``{}``."""

    def __init__(self) -> None:
        self.server = ScriptedServer(self._serve)
        self._next: deque[list[bytes]] = deque()

    @property
    def address(self) -> str:
        """As a URL without a path."""
        return f"http://127.0.0.1:{self.server.port}"

    def put(self, answer: Recorded, how: str = WHOLE, seed: int = 0) -> None:
        """Answer the next request with this."""
        self._next.append(answer.pieces(random.Random(seed), how))  # noqa: S311 - cuts

    def clear(self) -> None:
        """Forget what nobody came for."""
        self._next.clear()

    def asked(self) -> tuple[str, Mapping[str, str], bytes]:
        """The request line, fields and body of the latest request; a chunked body is joined."""
        request = max(self.server.peers, key=lambda peer: len(peer.requests)).requests[-1]
        return read_request(request)

    def _serve(self, peer: Peer) -> None:
        while True:
            peer.read_request()
            for piece in self._next.popleft() if self._next else _NOTHING:
                peer.send(piece)


_NOTHING = [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"]


class _Bytes(io.BytesIO):
    """Bytes that look like a socket to ``http.client``."""

    def makefile(self, *_: object) -> _Bytes:
        return self


@frozen
class Answer:
    """What a client got."""

    status: int
    fields: Mapping[str, str]
    """Names in lower case."""
    body: bytes


def read_answer(data: bytes, method: str = "POST") -> Answer:
    """An answer as Python's own client reads it."""
    response = http.client.HTTPResponse(cast("Any", _Bytes(data)), method=method)
    response.begin()
    fields = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, fields, response.read())


def read_request(data: bytes) -> tuple[str, Mapping[str, str], bytes]:
    """A request's first line, fields with lower-case names, and body."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {
        name.lower(): value.strip(" \t")
        for name, _, value in (line.partition(":") for line in lines)
    }
    if fields.get("transfer-encoding") == "chunked":
        body = read_answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + body).body
    return first, fields, body


async def ask(
    gateway: RunningGateway,
    target: str,
    body: bytes = b"",
    *,
    method: str = "POST",
    fields: Mapping[str, str] | None = None,
) -> Answer:
    """Ask the gateway on a connection of its own."""
    given = {
        "Host": "127.0.0.1",
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **AUTHORIZED,
        **(fields or {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    head = f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
    return read_answer(await gateway.ask(head + body), method)
