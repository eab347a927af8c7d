"""Requests from another server's parser tests, and some of the same kind of our own.

The corpus is read where ``MAGICGATEWAY_REFERENCE`` names the folder with the reference data.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire.chunked import BadChunk, ChunkedDecoder
from magicgateway.wire.heads import (
    CHUNKED,
    BadHead,
    HeadLimits,
    RequestHead,
    find_fault,
    read_request_head,
)

CASES = 89
LIMITS = HeadLimits()
ESCAPE = re.compile(rb"\\(?:r|n|t|0|x[0-9A-Fa-f]{2})")
ESCAPES = {b"\\r": b"\r", b"\\n": b"\n", b"\\t": b"\t", b"\\0": b"\0"}

Message = tuple[bytes, bytes, bytes]
"""Method, target and body of one request."""
Reading = tuple[list[Message], str]
"""The requests that were understood, and ``""``, ``"refused"`` or ``"unfinished"``."""

STRICTER = {
    "valid/009.http": "Transfer-Encoding other than chunked, here with a length as well",
    "valid/005.http": "a fragment in the target",
    "valid/025.http": "gzip as a transfer coding",
    "valid/025_line.http": "gzip as a transfer coding",
    "valid/027.http": "a target with bytes outside ASCII",
    "valid/028.http": "white space before the colon",
    "valid/029.http": "identity as a transfer coding",
    "valid/030.http": "identity as a transfer coding",
    "valid/031.http": "a method that is not known",
    "valid/031compat.http": "a method that is not known",
    "valid/031compat2.http": "a method that is not known",
    "valid/099.http": "not refused, but never complete: it declares more bytes than it has",
    "valid/compat_obs_fold.http": "a folded line",
    "valid/compat_obs_fold_huge.http": "a folded line",
}
"""Taken by the other server, refused by us."""
LOOSER = {
    "invalid/006.http": "a target of 4 KiB: our limit is twice as high",
    "invalid/007.http": "a line of 8 KiB: our limit is twice as high",
    "invalid/008.http": "a line of 8 KiB: our limit is twice as high",
    "invalid/010.http": "the other server's limit on fields was set to 1",
    "invalid/011.http": "the other server's limit on fields was set to 2",
    "invalid/012.http": "the other server's limit on line length was set to 98",
    "invalid/017.http": "a line of 8 KiB: our limit is twice as high",
    "invalid/019.http": "the scheme is no business of ours: no field but the connection says it",
    "invalid/040.http": "names with underscores are names like any other, and never forwarded",
    "invalid/chunked_07.http": "names with underscores are names like any other, never forwarded",
    "invalid/limit_header_default_01.http": "a line of 8 KiB: our limit is twice as high",
}
"""Refused by the other server, taken by us."""


def unescape(text: bytes) -> bytes:
    """The request that a corpus file spells: line feeds count only where they are written out."""
    return ESCAPE.sub(
        lambda match: ESCAPES.get(match[0]) or bytes.fromhex(match[0][2:].decode()),
        text.replace(b"\n", b""),
    )


def with_hosts(stream: bytes) -> bytes:
    """The same with a Host in each head that lacks one: else that alone would decide."""
    return re.sub(
        rb"(?m)^([^ \r\n]+ [^\r\n]+ [A-Z]+/[0-9.]+\r\n)(?![\s\S]*?^Host:)",
        rb"\1Host: x\r\n",
        stream,
    )


class Reader:
    """Reads requests one after the other, as the channel does: a state between reads."""

    def __init__(self) -> None:
        self.seen: list[Message] = []
        self.ended = False
        self.buffer = b""
        self._head: RequestHead | None = None
        self._decoder = ChunkedDecoder()
        self._body = b""

    def feed(self, part: bytes) -> None:
        """Take bytes; raises BadHead or BadChunk."""
        self.buffer += part
        while not self.ended and self._step():
            pass

    @property
    def unfinished(self) -> bool:
        return not self.ended and bool(self._head or self.buffer)

    def _step(self) -> bool:
        return self._read_head() if self._head is None else self._read_body(self._head)

    def _read_head(self) -> bool:
        self.buffer = self.buffer.removeprefix(b"\r\n")
        end = self.buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            if fault := find_fault(self.buffer, LIMITS):
                raise fault
            return False
        self._head = read_request_head(self.buffer[:end], LIMITS)
        self.buffer, self._body, self._decoder = self.buffer[end:], b"", ChunkedDecoder()
        return True

    def _read_body(self, head: RequestHead) -> bool:
        if head.length == CHUNKED:
            self._body += b"".join(self._decoder.feed(self.buffer))
            self.buffer = self._decoder.rest
            complete = self._decoder.done
        else:
            missing = head.length - len(self._body)
            self._body, self.buffer = self._body + self.buffer[:missing], self.buffer[missing:]
            complete = len(self._body) == head.length
        if complete:
            self.seen.append((head.method, head.target, self._body))
            self.ended = not head.keep_alive
            self._head = None
        return complete


def read_all(parts: list[bytes]) -> Reading:
    """What is understood of a stream that comes in these parts."""
    reader = Reader()
    try:
        for part in parts:
            reader.feed(part)
    except (BadHead, BadChunk):
        return reader.seen, "refused"
    return reader.seen, "unfinished" if reader.unfinished else ""


def cuts(stream: bytes) -> list[list[bytes]]:
    """Whole, byte by byte, and in random pieces."""
    chance = random.Random(len(stream))  # noqa: S311 - cuts, not secrets
    ways = [[stream], [stream[at : at + 1] for at in range(len(stream))]]
    for _ in range(8):
        edges = sorted(chance.choices(range(len(stream) + 1), k=5))
        ways.append([stream[a:b] for a, b in itertools.pairwise([0, *edges, len(stream)])])
    return ways


class OwnCasesTests(SynchronousTestCase):
    def test_taken(self) -> None:
        """Requests one after the other are told apart exactly, however they are cut."""
        get = b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
        second = (b"GET", b"/second", b"")
        cases: list[tuple[list[Message], bytes]] = [
            ([(b"GET", b"///x", b"")], b"GET ///x HTTP/1.1\r\nHost: x\r\n\r\n"),
            (
                [(b"PUT", b"/x", b"hello"), second],
                b"PUT /x HTTP/1.1\r\nHost: x\r\nconTENT-length: 5\r\n\r\nhello" + get,
            ),
            (
                [(b"POST", b"/x", b"hello world"), second],
                b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"5; some; p=stuff\r\nhello\r\n6\r\n world\r\n000\r\nVary: *\r\n\r\n" + get,
            ),
            (
                [(b"PUT", b"/x", b"GET /x HTTP/1.1\r\n\r\n"), second],
                b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\n"
                b"GET /x HTTP/1.1\r\n\r\n" + get,
            ),
            ([second], b"\r\n" + get),
            ([second, second], get + b"\r\n" + get),
            (
                [(b"GET", b"/x", b"")],
                b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n" + get,
            ),
            ([(b"GET", b"/x", b"")], b"GET /x HTTP/1.0\r\nHost: x\r\n\r\n" + get),
            (
                [(b"GET", b"/x", b""), second],
                b"GET /x HTTP/1.0\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n" + get,
            ),
        ]
        for expected, stream in cases:
            for parts in cuts(stream):
                with self.subTest(stream=stream, parts=parts):
                    self.assertEqual((expected, ""), read_all(parts))

    def test_refused(self) -> None:
        """Streams that two readers could tell apart differently are refused at any cut."""
        for field, body in (
            (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n6_0\r\n world\r\n0\r\n\r\n"),
            (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0 \r\n\r\n"),
            (b"Transfer-Encoding: chunked\r\nContent-Length: 12", b"5\r\nhello\r\n0\r\n\r\n"),
            (b"Transfer-Encoding: identity, chunked, identity, chunked", b"0\r\n\r\n"),
            (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip", b"0\r\n\r\n"),
            (b"Content-Length: 3 1", b"xyz"),
            (b"Content-Length : 3", b"xyz"),
            (b"Content-Length: 3\r\nContent-Length: 2", b"xyz"),
            (b"Newline: a\nContent-Length: 26", b"GET / HTTP/1.1\nHost: x\r\n\r\n"),
            (b"Long: one\r\n two", b""),
            (b"Content-Type: a/b\r\nContent-Type: text/html", b""),
        ):
            stream = b"POST /x HTTP/1.1\r\nHost: x\r\n" + field + b"\r\n\r\n" + body
            for parts in cuts(stream):
                with self.subTest(stream=stream, parts=parts):
                    self.assertEqual(([], "refused"), read_all(parts))

    def test_the_reading_of_corpus_files(self) -> None:
        """Written-out escapes become bytes, line feeds go."""
        self.assertEqual(b"GET\0/ HTTP\r\n\x0b", unescape(b"GET\\0/ HTTP\\r\\n\n\\x0b\n"))
        bare = b"GET / HTTP/1.1\r\n\r\n"
        self.assertEqual(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", with_hosts(bare))
        named = b"GET / HTTP/1.1\r\nA: b\r\nHost: y\r\n\r\n"
        self.assertEqual(named, with_hosts(named))


class CorpusTests(SynchronousTestCase):
    def setUp(self) -> None:
        root = Path(os.environ.get("MAGICGATEWAY_REFERENCE") or "/nonexistent")
        self.folder = root / "corpora" / "gunicorn-requests"
        verdicts = self.folder / "verdicts.json"
        self.verdicts: dict[str, dict[str, str]] = (
            json.loads(verdicts.read_text()) if verdicts.exists() else {}
        )
        if not self.verdicts:
            print(f"requests of the corpus left out: {CASES}")

    def _stream(self, name: str) -> bytes:
        return unescape((self.folder / name).read_bytes())

    def test_verdicts(self) -> None:
        """Ours are the other server's verdicts, save for what is listed here with its reason."""
        wrong = []
        for name, known in self.verdicts.items():
            seen, end = read_all([with_hosts(self._stream(name))])
            taken = bool(seen) and end != "refused"
            expected = (known["gunicorn"] == "valid") != (name in STRICTER or name in LOOSER)
            if taken != expected:
                wrong.append(f"{name}: {'taken' if taken else 'refused'} {end} {seen!r:.150}")
        self.assertEqual([], wrong)

    def test_verdicts_without_host(self) -> None:
        """As the files are, too: a head without Host is never taken."""
        for name in self.verdicts:
            stream = self._stream(name)
            with self.subTest(name=name):
                if b"host:" not in stream.lower():
                    self.assertEqual([], read_all([stream])[0])

    def test_cuts_change_nothing(self) -> None:
        """No reading depends on how the bytes arrived."""
        for name in self.verdicts:
            stream = self._stream(name)
            for variant in (stream, with_hosts(stream)):
                expected = read_all([variant])
                for parts in cuts(variant) if len(variant) < 3000 else cuts(variant)[2:]:
                    with self.subTest(name=name):
                        self.assertEqual(expected[0], read_all(parts)[0])
                        if expected[1] != "unfinished":
                            self.assertEqual(expected[1], read_all(parts)[1])
