from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire import heads
from magicgateway.wire.heads import (
    CHUNKED,
    BadHead,
    find_fault,
)
from tests.wire.head_cases import FRAGMENTS, LIMITS, read, request, verdict


class TakenTests(SynchronousTestCase):
    def test_fields(self) -> None:
        """Fields are kept as they came, and by lower-case name with repeated ones joined."""
        head = read(request(b"X-One:1", b"x-one: \t two \t ", b"EMPTY:", b"Blank:  ", b"O: \xe9"))
        self.assertEqual(
            [
                (b"Host", b"a"),
                (b"X-One", b"1"),
                (b"x-one", b"two"),
                (b"EMPTY", b""),
                (b"Blank", b""),
                (b"O", b"\xe9"),
            ],
            head.raw,
        )
        self.assertEqual(
            {b"host": b"a", b"x-one": b"1, two", b"empty": b"", b"blank": b"", b"o": b"\xe9"},
            head.fields,
        )

    def test_names_with_underscores(self) -> None:
        """An underscore makes another name: it never stands in for the one with a dash."""
        head = read(request(b"Transfer_Encoding: chunked", b"Content_Length: 5", b"X_Api_Key: k"))
        self.assertEqual(0, head.length)
        self.assertNotIn(b"x-api-key", head.fields)

    def test_targets(self) -> None:
        """The target is given in origin form, its bytes untouched."""
        cases = [
            (b"/", b"GET / HTTP/1.1"),
            (b"/v1/x?a=b%2Fc&d", b"GET /v1/x?a=b%2Fc&d HTTP/1.1"),
            (b"//v1//x/../y", b"GET //v1//x/../y HTTP/1.1"),
            (b"/%00%zz\"<>\\^`{|}'", b"GET /%00%zz\"<>\\^`{|}' HTTP/1.1"),
            (b"/x?y", b"GET http://a/x?y HTTP/1.1"),
            (b"/x", b"GET HTTPS://A/x HTTP/1.1"),
            (b"/", b"GET http://a HTTP/1.1"),
            (b"/?x", b"GET http://a?x HTTP/1.1"),
            (b"*", b"OPTIONS * HTTP/1.1"),
            (b"/x", b"PROPFIND /x HTTP/1.1"),
        ]
        for expected, line in cases:
            with self.subTest(line=line):
                self.assertEqual(expected, read(request(line=line)).target)

    def test_hosts(self) -> None:
        """Names, addresses and ports are hosts."""
        for host in (b"a", b"a.b:80", b"127.0.0.1:3000", b"[::1]:3000", b"[fe80::1]", b"a_b:"):
            with self.subTest(host=host):
                self.assertEqual(host, read(request(host=b"Host: " + host)).fields[b"host"])

    def test_lengths(self) -> None:
        """A length is one plain number; chunked has a sign of its own; nothing means no body."""
        cases = [
            (0, ()),
            (0, (b"Content-Length: 0",)),
            (5, (b"Content-Length: 5",)),
            (5, (b"content-length:5  ",)),
            (5, (b"Content-Length: \t5\t",)),
            (7, (b"Content-Length: 007",)),
            (10**18 - 1, (b"Content-Length: " + b"9" * 18,)),
            (CHUNKED, (b"Transfer-Encoding: chunked",)),
            (CHUNKED, (b"transfer-encoding: \tChunked",)),
        ]
        for expected, fields in cases:
            with self.subTest(fields=fields):
                self.assertEqual(expected, read(request(*fields)).length)

    def test_upgrade_offer_is_plain_http(self) -> None:
        """A request that offers an upgrade (curl --http2, Java) is HTTP/1.1 and keeps its body."""
        for offer in (b"h2c", b"websocket", b"TLS/1.0, h2c"):
            fields = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + offer)
            for body, length in (
                (b"Content-Length: 5", 5),
                (b"Transfer-Encoding: chunked", CHUNKED),
            ):
                with self.subTest(offer=offer, body=body):
                    head = read(request(*fields, b"HTTP2-Settings: AAMA", body))
                    self.assertEqual(length, head.length)
                    self.assertTrue(head.keep_alive)
                    self.assertEqual(offer, head.fields[b"upgrade"])

    def test_persistence(self) -> None:
        """HTTP/1.1 stays open unless told to close, HTTP/1.0 the other way round."""
        cases: list[tuple[bool, bytes, tuple[bytes, ...]]] = [
            (True, b"1.1", ()),
            (False, b"1.1", (b"Connection: close",)),
            (False, b"1.1", (b"Connection: Close",)),
            (False, b"1.1", (b"Connection: x,CLOSE ,y",)),
            (False, b"1.1", (b"Connection: keep-alive", b"Connection: close")),
            (True, b"1.1", (b"Connection: closed",)),
            (True, b"1.1", (b"Proxy-Connection: close",)),
            (False, b"1.0", ()),
            (True, b"1.0", (b"Connection: Keep-Alive",)),
            (False, b"1.0", (b"Connection: keep-alive, close",)),
        ]
        for expected, version, fields in cases:
            with self.subTest(version=version, fields=fields):
                head = read(request(*fields, line=b"GET / HTTP/" + version))
                self.assertIs(expected, head.keep_alive)

    def test_expectation(self) -> None:
        """100-continue in any case is an expectation of HTTP/1.1 only."""
        for value in (b"100-continue", b"100-Continue"):
            self.assertTrue(read(request(b"Expect: " + value)).expects_continue)
        self.assertFalse(read(request()).expects_continue)
        old = read(request(b"Expect: 100-continue", line=b"POST / HTTP/1.0"))
        self.assertFalse(old.expects_continue)


class RefusedTests(SynchronousTestCase):
    def test_lines(self) -> None:
        """Request lines that are not in form, and methods and versions that are not served."""
        cases = [
            (405, b"CONNECT a:443 HTTP/1.1"),
            (405, b"TRACE / HTTP/1.1"),
            (505, b"GET / HTTP/2.0"),
            (505, b"PRI * HTTP/2.0"),
            (505, b"GET / HTTP/0.9"),
            (505, b"GET / HTTP/1.2"),
            (400, b"GET / HTTP/1.10"),
            (400, b"GET / HTTP/111"),
            (400, b"GET / http/1.1"),
            (400, b"GET / RTSP/1.0"),
            (400, b"SETUP / HTTP/1.1"),
            (400, b"get / HTTP/1.1"),
            (400, b"NONSENSE / HTTP/1.1"),
            (400, b"G@T / HTTP/1.1"),
            (400, b"GET /"),
            (400, b"GET HTTP/1.1"),
            (400, b"GET  / HTTP/1.1"),
            (400, b" GET / HTTP/1.1"),
            (400, b"GET / HTTP/1.1 "),
            (400, b"GET /a b HTTP/1.1"),
            (400, b"GET\t/\tHTTP/1.1"),
            (400, b"GET /\xe9 HTTP/1.1"),
            (400, b"GET /\x7f HTTP/1.1"),
            (400, b"GET /#x HTTP/1.1"),
            (400, b"GET * HTTP/1.1"),
            (400, b"GET a:443 HTTP/1.1"),
            (400, b"GET v1/x HTTP/1.1"),
            (400, b"GET ?x HTTP/1.1"),
            (400, b"GET ftp://a/ HTTP/1.1"),
            (400, b"GET http://b/ HTTP/1.1"),
            (400, b"GET http://a:80/ HTTP/1.1"),
            (400, b"GET http://a@a/ HTTP/1.1"),
            (400, b"GET http:///x HTTP/1.1"),
            (400, b"GET http://a#x HTTP/1.1"),
        ]
        for expected, line in cases:
            with self.subTest(line=line):
                self.assertEqual(expected, verdict(request(line=line)))

    def test_hosts(self) -> None:
        """There is exactly one Host, and it is a host."""
        cases = [
            b"", b"Host:", b"Host: a b", b"Host: a/b", b"Host: a@b", b"Host: a:b", b"Host: \xe9",
            b"Host: a\r\nHost: a", b"Host: a\r\nhost: b", b"Host: [::1", b"Host: a:123456",
        ]  # fmt: skip
        for host in cases:
            for version in (b"1.0", b"1.1"):
                with self.subTest(host=host):
                    head = request(line=b"GET / HTTP/" + version, host=host)
                    self.assertEqual(400, verdict(head))

    def test_framing(self) -> None:
        """Whatever two readers could frame differently is refused."""
        cases: list[tuple[bytes, ...]] = [
            (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
            (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
            (b"Content-Length: 5", b"Content-Length: 5"),
            (b"Content-Length: 5", b"content-length: 6"),
            (b"Content-Length: 5, 5",),
            (b"Content-Length: 5,5",),
            (b"Content-Length: +5",),
            (b"Content-Length: -5",),
            (b"Content-Length: -0",),
            (b"Content-Length: 5 5",),
            (b"Content-Length: 0x5",),
            (b"Content-Length: 5_0",),
            (b"Content-Length: 5.0",),
            (b"Content-Length: 1e1",),
            (b"Content-Length: \xb2",),
            (b"Content-Length:",),
            (b"Content-Length: " + b"9" * 19,),
            (b"Content-Length: " + b"9" * 5000,),
            (b"Content-Length : 5",),
            (b"Transfer-Encoding: gzip, chunked",),
            (b"Transfer-Encoding: gzip",),
            (b"Transfer-Encoding: chunked, gzip",),
            (b"Transfer-Encoding: chunked, chunked",),
            (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
            (b"Transfer-Encoding: identity",),
            (b"Transfer-Encoding: chunked;q=1",),
            (b'Transfer-Encoding: "chunked"',),
            (b"Transfer-Encoding: xchunked",),
            (b"Transfer-Encoding:",),
            (b"Transfer-Encoding : chunked",),
            (b"Transfer-Encoding: chunked\t",),  # harmless, but llhttp is strict here
            (b"Transfer-Encoding: \x0bchunked",),
        ]
        for fields in cases:
            with self.subTest(fields=fields):
                self.assertEqual(400, verdict(request(*fields)))
        for fields in ((b"Transfer-Encoding: chunked",), (b"Transfer-Encoding: gzip",)):
            old = request(*fields, b"Connection: keep-alive", line=b"POST / HTTP/1.0")
            self.assertEqual(400, verdict(old))

    def test_malformed_fields(self) -> None:
        """Bare line ends, folded lines, control bytes and odd names are refused."""
        controls = [bytes([code]) for code in (*range(9), 11, 12, *range(14, 32), 127)]
        cases = [
            b"X: a\nY: b", b"X: a\rY: b", b"X: a\r", b"X: a\n", b"X: a\r\n b", b"X: a\r\n\tb",
            b"X : a", b" X: a", b"X\t: a", b": a", b"no colon", b"X Y: a", b"X\xe9: a", b"X(: a",
            *(b"X: a" + control + b"b" for control in controls),
            *(b"X" + control + b": b" for control in controls),
        ]  # fmt: skip
        for field in cases:
            with self.subTest(field=field):
                self.assertEqual(400, verdict(request(field)))

    def test_repeated(self) -> None:
        """Fields that decide something may be given once."""
        for name in heads._UNREPEATABLE - {b"host", b"content-length", b"transfer-encoding"}:
            value = b"100-continue" if name == b"expect" else b"x"
            field = name.title() + b": " + value
            with self.subTest(name=name):
                self.assertEqual(0, verdict(request(field)))
                self.assertEqual(400, verdict(request(field, field)))

    def test_expectations(self) -> None:
        """An expectation that is not known is refused, not ignored."""
        for value in (b"200-ok", b"100-continue, x", b""):
            self.assertEqual(417, verdict(request(b"Expect: " + value)))

    def test_every_beginning(self) -> None:
        """A head that lacks its end is never taken, and never anything but a BadHead."""
        whole = request(b"Content-Length: 5", b"X: y")
        for end in range(len(whole)):
            with self.subTest(end=end):
                self.assertNotEqual(0, verdict(whole[:end]))

    def test_messages_repeat_no_bytes(self) -> None:
        """What is said about a malformed head does not show what stood in it."""
        canary = b"sk-canary-0123456789"
        for head in (
            request(b"Authorization: Bearer " + canary + b"\x00"),
            request(b"Authorization: Bearer " + canary + b"\r\n folded"),
            request(line=b"GET /" + canary + b" x HTTP/1.1"),
            request(line=b"GET " + canary + b" HTTP/1.1"),
            request(line=canary + b" / HTTP/1.1"),
            request(b"Content-Length: " + canary),
            request(b"Transfer-Encoding: " + canary),
            request(b"Expect: " + canary),
            request(host=b"Host: " + canary + b" x"),
        ):
            fault = self.assertRaises(BadHead, read, head)
            self.assertNotIn(canary.decode(), fault.message)

    @given(st.one_of(FRAGMENTS, st.binary(max_size=60)))
    def test_nothing_but_bad_head(self, junk: bytes) -> None:
        """Whatever is read as a head, nothing is raised but BadHead, with a 4xx or 505."""
        for head in (junk, request(junk), request(line=junk), request(host=junk)):
            self.assertIn(verdict(head), (0, 400, 405, 414, 417, 431, 505))
            find_fault(head, LIMITS)
