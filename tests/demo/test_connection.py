from __future__ import annotations

import re
from typing import Any

from magicgateway.demo.connection import AHEAD, CONTINUE
from magicgateway.demo.delivery import UNASKED
from tests.demo.sockets import (
    ProviderTestCase,
    chat,
    clock,
    get,
    post,
    read_to_end,
    read_until,
    reset,
)

CLOSE = b"Connection: close"
LAST = b"0\r\n\r\n"
SPEECH = {"model": "demo-fault:bytes=200000000", "input": "a", "voice": "b"}


def chunks_of(answer: bytes) -> list[bytes]:
    """The data of the well-formed chunks at the beginning of an answer's body."""
    body = answer.partition(b"\r\n\r\n")[2]
    found = []
    while match := re.match(rb"([0-9a-f]+)\r\n", body):
        size = int(match[1], 16)
        data = body[match.end() : match.end() + size]
        if len(data) < size or size == 0:
            break
        found.append(data)
        body = body[match.end() + size + 2 :]
    return found


class FaultTests(ProviderTestCase):
    """What a plain socket sees of each fault that breaks a connection or its framing."""

    async def streamed(self, script: str) -> bytes:
        return await self.in_thread(self.exchange, chat(script, stream=True))

    async def test_reset(self) -> None:
        """A reset comes after everything that was sent before it."""
        answer = await self.streamed("reset=2")
        self.assertTrue(answer.endswith(b"\r\n<reset>"))
        self.assertEqual(2, len(chunks_of(answer)))

    async def test_reset_instead_of_the_head(self) -> None:
        """Nothing but a reset."""
        self.assertEqual(b"<reset>", await self.streamed("reset=head"))

    async def test_reset_after_a_wait(self) -> None:
        """A reset comes as well when everything before it was sent long ago."""
        answer = await self.streamed("rate=50;reset=4")
        self.assertTrue(answer.endswith(b"\r\n<reset>"))
        self.assertEqual(4, len(chunks_of(answer)))

    async def test_close_before_the_head(self) -> None:
        """Nothing but an orderly close."""
        self.assertEqual(b"", await self.streamed("close-before-head"))

    async def test_cut(self) -> None:
        """Exactly so many bytes of body, then a close without a final chunk."""
        for size in (0, 1, 500):
            with self.subTest(size=size):
                answer = await self.streamed(f"cut={size}")
                self.assertEqual(size, sum(map(len, chunks_of(answer))))
                self.assertFalse(answer.endswith((LAST, b"<reset>")))

    async def test_cut_whole_answer(self) -> None:
        """A declared length that is not reached."""
        answer = await self.in_thread(self.exchange, chat("cut=50"))
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertEqual(50, len(body))
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        self.assertTrue(int(length[1]) > 50)

    async def test_bad_chunk(self) -> None:
        """A chunk whose size is no number follows the first event."""
        answer = await self.streamed("bad-chunk")
        self.assertTrue(answer.endswith(b"\r\nxyz\r\nno chunk\r\n"))
        self.assertEqual(1, len(chunks_of(answer)))

    async def test_wrong_length(self) -> None:
        """A length that is too large or too small by so much."""
        for difference in (7, -7):
            with self.subTest(difference=difference):
                request = chat(f"wrong-length={difference:+}")
                answer = await self.in_thread(self.exchange, request)
                head, _, body = answer.partition(b"\r\n\r\n")
                self.assertIn(b"content-length: %d" % (len(body) + difference), head)

    async def test_close_delimited(self) -> None:
        """No framing: the close is the end, and is announced."""
        answer = await self.streamed("close-delimited")
        self.assertIn(b"\r\nconnection: close\r\n\r\ndata: {", answer)
        self.assertTrue(answer.endswith(b"data: [DONE]\n\n"))

    async def test_half_event(self) -> None:
        """Half an event, then a proper end; the connection serves on."""
        answer = await self.in_thread(
            self.exchange, chat("half-event=1", stream=True) + get("/v1/files", CLOSE)
        )
        first, second = answer.split(LAST)
        self.assertEqual(b"\n\n", chunks_of(first)[0][-2:])
        self.assertNotIn(b"\n", chunks_of(first)[1])
        self.assertTrue(second.startswith(b"HTTP/1.1 200 OK"))

    async def test_extra_bytes(self) -> None:
        """An answer that nobody asked for follows, and the connection stays open."""

        def talk() -> bytes:
            with self.connect() as peer:
                peer.sendall(chat("extra-bytes"))
                first = read_until(peer, UNASKED)
                peer.sendall(get("/v1/files", CLOSE))
                return first + read_to_end(peer)

        answer = await self.in_thread(talk)
        self.assertEqual(3, answer.count(b"HTTP/1.1 200 OK"))

    async def test_one_byte(self) -> None:
        """The whole answer arrives, and every byte of it was sent by itself."""
        peer = await self.in_thread(self.connect)
        self.addCleanup(peer.close)
        await self.until(lambda: self.provider.connections)
        (connection,) = self.provider.connections
        send, sent = connection.transport.writeSomeData, []

        def count(data: bytes) -> Any:
            sent.append(bytes(data))
            return send(data)

        # Where it is sent: how many bytes a reader finds at once is up to the machine.
        self.patch(connection.transport, "writeSomeData", count)
        peer.sendall(get("/v1/files", b"X-Demo-Fault: one-byte", CLOSE))
        received = await self.in_thread(read_to_end, peer)
        plain = await self.in_thread(self.exchange, get("/v1/files", CLOSE))
        self.assertEqual(plain, received)
        self.assertEqual([plain[at : at + 1] for at in range(len(plain))], list(filter(None, sent)))

    async def test_error_event(self) -> None:
        """An error event ends a stream that is framed properly."""
        answer = await self.streamed("error-event=1;close-delimited")
        self.assertIn(b'data: {"error":{', answer)
        self.assertNotIn(b"[DONE]", answer)

    async def test_huge_line(self) -> None:
        """One event is as long as the script says, in one chunk."""
        answer = await self.streamed("huge-line=3000000;close-delimited")
        self.assertTrue(max(map(len, answer.split(b"\n"))) > 3_000_000)

    async def test_retry_after(self) -> None:
        """An error answer with the header that says when to come back."""
        request = chat("status=429;retry-after=2", CLOSE)
        answer = await self.in_thread(self.exchange, request)
        self.assertTrue(answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n"))
        self.assertIn(b"\r\nretry-after: 2\r\n", answer)


class TimeTests(ProviderTestCase):
    async def test_latency(self) -> None:
        """The head comes that much later."""
        before = clock.seconds()
        await self.in_thread(self.exchange, chat("latency=0.2", CLOSE))
        self.assertTrue(clock.seconds() - before >= 0.2)

    async def test_rate(self) -> None:
        """Thirty tokens at a hundred a second take 0.3 seconds."""
        before = clock.seconds()
        await self.in_thread(self.exchange, chat("tokens=30;rate=100", CLOSE, stream=True))
        took = clock.seconds() - before
        self.assertTrue(0.3 <= took < 10, took)

    async def test_stall_and_leave(self) -> None:
        """A stall lasts until the peer leaves, which is noted."""

        def talk() -> bytes:
            with self.connect() as peer:
                peer.sendall(chat("stall=1", stream=True))
                return read_until(peer, b"\n\n\r\n")

        self.assertEqual(1, len(chunks_of(await self.in_thread(talk))))
        await self.until(lambda: self.provider.journal[0].left_at)
        self.assertFalse(self.provider.journal[0].whole)

    async def test_silence(self) -> None:
        """Nothing is answered; a peer that resets is noted as well."""

        def talk() -> None:
            peer = self.connect()
            peer.sendall(chat("silence"))
            peer.settimeout(0.1)
            self.assertRaises(TimeoutError, peer.recv, 1)
            reset(peer)

        await self.in_thread(talk)
        await self.until(lambda: self.provider.journal[0].left_at)
        self.assertEqual(0, self.provider.journal[0].sent)

    async def test_leaving_during_a_wait(self) -> None:
        """A peer that leaves before the answer ends its timer."""

        def talk() -> None:
            with self.connect() as peer:
                peer.sendall(chat("latency=60"))

        await self.in_thread(talk)
        await self.until(lambda: self.provider.accepted and not self.provider.connections)
        entry = self.provider.journal[0]
        assert entry.left_at is not None
        self.assertTrue(entry.left_at - entry.received_at < 10)


class PressureTests(ProviderTestCase):
    async def test_unread_answer(self) -> None:
        """While the peer does not read, no more is made than buffers hold; then all of it comes."""
        size = 200_000_000
        peer = await self.in_thread(self.connect)
        self.addCleanup(peer.close)
        await self.in_thread(peer.sendall, post(SPEECH, "/v1/audio/speech", CLOSE))
        await self.until(lambda: self.provider.journal)
        entry = self.provider.journal[0]
        before = -1
        while entry.sent > before:
            before = entry.sent
            await self.in_thread(self.exchange, get("/v1/files", CLOSE))
        self.assertTrue(0 < before < size // 4, before)

        def count() -> int:
            buffer = bytearray(1 << 20)
            return sum(iter(lambda: peer.recv_into(buffer), 0))

        received = await self.in_thread(count)
        self.assertEqual(entry.sent, received)
        self.assertTrue(entry.whole)
        self.assertTrue(received > size)

    async def test_leaving_while_paused(self) -> None:
        """A peer that leaves without having read is noted, and not as served."""
        peer = await self.in_thread(self.connect)
        await self.in_thread(peer.sendall, post(SPEECH, "/v1/audio/speech"))
        await self.until(lambda: self.provider.journal and self.provider.journal[0].sent)
        reset(peer)
        await self.until(lambda: not self.provider.connections)
        entry = self.provider.journal[0]
        self.assertFalse(entry.whole)
        self.assertIsNotNone(entry.left_at)


class RequestTests(ProviderTestCase):
    async def test_every_cut(self) -> None:
        """Two requests are read wherever their bytes are cut, chunked body and all."""
        body = b'{"model":"demo","input":"a","dimensions":1}'
        head = b"POST /v1/embeddings HTTP/1.1\r\nHost: demo\r\nTransfer-Encoding: chunked\r\n\r\n"
        sent = head + b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (body[:5], len(body) - 5, body[5:])
        sent += get("/v1/files", CLOSE)
        whole = await self.in_thread(self.exchange, sent)

        def trickled(size: int) -> bytes:
            with self.connect() as peer:
                for start in range(0, len(sent), size):
                    peer.sendall(sent[start : start + size])
                return read_to_end(peer)

        for size in (1, 2, 7, 50, len(head), len(sent) - 1):
            with self.subTest(size=size):
                self.assertEqual(whole, await self.in_thread(trickled, size))
        self.assertEqual(2, whole.count(b"HTTP/1.1 200 OK"))

    async def test_pipelining(self) -> None:
        """A hundred requests in one write are answered in order, quick and slow ones."""
        paths = [f"/v1/models/name-{number}" for number in range(100)]
        slow = b"X-Demo-Fault: latency=0.01"
        sent = b"".join(
            get(path, slow) if n % 9 == 0 else get(path) for n, path in enumerate(paths)
        )
        answer = await self.in_thread(self.exchange, sent + get("/v1/files", CLOSE))
        self.assertEqual(
            [b"name-%d" % number for number in range(100)],
            re.findall(rb'"id":"(name-\d+)"', answer),
        )

    async def test_sending_too_far_ahead(self) -> None:
        """A peer that floods while it is answered is read no further, and then served on."""
        more = get("/v1/files", b"X-Padding: " + b"x" * 8000)
        amount = AHEAD * 3 // len(more)
        sent = chat("latency=0.3") + more * amount + get("/v1/files", CLOSE)
        answer = await self.in_thread(self.exchange, sent)
        self.assertEqual(amount + 2, answer.count(b"HTTP/1.1 200 OK"))

    async def test_continue(self) -> None:
        """A peer that waits for it is told to continue, one that has sent its body is not."""
        request = chat("", b"Expect: 100-continue", CLOSE)
        head, _, body = request.partition(b"\r\n\r\n")

        def talk() -> bytes:
            with self.connect() as peer:
                peer.sendall(head + b"\r\n\r\n")
                self.assertEqual(CONTINUE, read_until(peer, b"\r\n\r\n"))
                peer.sendall(body)
                return read_to_end(peer)

        answer = await self.in_thread(talk)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual(answer, await self.in_thread(self.exchange, request))

    async def test_head(self) -> None:
        """HEAD gets the head of GET and nothing else."""
        whole = await self.in_thread(self.exchange, get("/v1/models", CLOSE))
        request = get("/v1/models", CLOSE).replace(b"GET", b"HEAD", 1)
        head = await self.in_thread(self.exchange, request)
        self.assertEqual(whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", head)

    async def test_old_version(self) -> None:
        """HTTP/1.0 is answered without chunks, and closed."""
        request = chat("", stream=True).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        answer = await self.in_thread(self.exchange, request)
        self.assertIn(b"connection: close\r\n\r\ndata: {", answer)

    async def test_unreadable(self) -> None:
        """What is no request is refused and closed, and what follows it is not read."""
        for sent, status in (
            (b"nonsense\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\n", b"400"),
            (b"GET /%b HTTP/1.1\r\nHost: demo\r\n\r\n" % (b"x" * 9000), b"414"),
            (b"GET / HTTP/2.0\r\nHost: demo\r\n\r\n", b"505"),
            (get("/").replace(b"Host: demo", b"A: b"), b"400"),
            (b"POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"400"),
        ):
            with self.subTest(sent=sent[:30]):
                answer = await self.in_thread(self.exchange, sent)
                self.assertTrue(answer.startswith(b"HTTP/1.1 %b " % status), answer[:60])
                self.assertIn(b"connection: close\r\n", answer)
        self.assertEqual(0, len(self.provider.journal))

    async def test_empty_lines_between_requests(self) -> None:
        """Line ends before a request are passed over."""
        answer = await self.in_thread(self.exchange, b"\r\n\r\n" + get("/v1/files", CLOSE))
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK"))
