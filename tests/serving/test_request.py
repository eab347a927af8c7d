"""A request of ours is a request of Twisted's to every resource that it meets."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from magicgateway.serving.request import GatewayRequest
from magicgateway.wire.heads import RequestHead
from tests.gateway import until
from tests.serving.sites import SiteTestCase
from tests.serving.test_channel import code_of, status_of


class Calling(Resource):
    """Lets a function answer."""

    isLeaf = True

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def render(self, request: Any) -> Any:
        return self._function(request)


def describe(request: Any) -> bytes:
    """All that a resource can ask of a request."""
    request.setHeader(b"content-type", b"application/json")
    address = request.getClientAddress()
    found = {
        "method": request.method,
        "uri": request.uri,
        "path": request.path,
        "postpath": request.postpath,
        "args": {key.decode(): value for key, value in request.args.items()},
        "version": request.clientproto,
        "header": request.getHeader("X-Twice"),
        "raw": request.requestHeaders.getRawHeaders(b"x-twice"),
        "cookie": request.getCookie(b"a"),
        "content": request.content.read(),
        "peer": (address.host, address.port > 0),
        "host": request.getHost().host,
        "hostname": request.getRequestHostname(),
        "user": request.getUser(),
        "password": request.getPassword(),
        "secure": request.isSecure(),
    }
    return json.dumps(found, default=lambda value: value.decode("latin-1")).encode()


class ReadingTests(SiteTestCase):
    """What a resource learns of a request."""

    async def test_everything(self) -> None:
        """Method, target, arguments, fields, cookies, credentials, addresses and body are there."""
        port = self.serve(Calling(describe))
        answer = await self.ask(
            port,
            "POST",
            "/a/b/c?x=1&x=2&y=%20",
            b"the body",
            {
                "Host": "gateway.example:8080",
                "X-Twice": "one",
                "x-twice": "two",
                "Cookie": "a=1; b=2",
                "Authorization": "Basic dXNlcjpwYXNz",
            },
        )
        self.assertEqual(200, answer.status)
        self.assertEqual(
            {
                "method": "POST",
                "uri": "/a/b/c?x=1&x=2&y=%20",
                "path": "/a/b/c",
                "postpath": ["a", "b", "c"],
                "args": {"x": ["1", "2"], "y": [" "]},
                "version": "HTTP/1.1",
                "header": "two",
                "raw": ["one", "two"],
                "cookie": "1",
                "content": "the body",
                "peer": ["127.0.0.1", True],
                "host": "127.0.0.1",
                "hostname": "gateway.example",
                "user": "user",
                "password": "pass",
                "secure": False,
            },
            json.loads(answer.body),
        )

    async def test_chunked_body(self) -> None:
        """A chunked body is content like any other, and trailers never become fields."""
        port = self.serve(Calling(describe))
        answer = await self.raw(
            port,
            b"POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
            b"4\r\nsome\r\n5;x=y\r\n more\r\n0\r\nX-Twice: smuggled\r\n\r\n",
        )
        self.assertIn(b'"content": "some more"', answer)
        self.assertIn(b'"header": null', answer)

    def test_made_on_touch(self) -> None:
        """Nothing of Twisted's is made before it is used, and unknown names stay unknown."""
        channel = self.gateway.gateway.site.buildProtocol(None)
        head = RequestHead(
            b"GET", b"/x?y=1", 11, [(b"Host", b"h")], {b"host": b"h"}, 0, True, False
        )
        request = GatewayRequest(channel, head, 0.0)
        self.assertFalse(request.materialized)
        self.assertNotIn("requestHeaders", request.__dict__)
        self.assertRaises(AttributeError, getattr, request, "__nothing__")
        self.assertFalse(request.materialized)
        channel.makeConnection(_Nowhere())
        self.addCleanup(self.gateway.gateway.site.left, channel)
        headers = request.requestHeaders
        self.assertTrue(request.materialized)
        self.assertEqual({b"y": [b"1"]}, request.args)
        self.assertRaises(AttributeError, getattr, request, "nothing")
        request.materialize()
        self.assertIs(headers, request.requestHeaders)
        self.assertEqual({request}, {request, request})
        self.assertNotEqual(request, GatewayRequest(channel, head, 0.0))


class _Nowhere:
    """A transport that only knows addresses."""

    def getPeer(self) -> Any:
        return None

    getHost = getPeer


class AnsweringTests(SiteTestCase):
    """What a resource can do to its answer."""

    async def test_fields(self) -> None:
        """Status, reason, fields, cookies and validators go out as they were set."""

        def render(request: Any) -> bytes:
            request.setResponseCode(202, b"Taken")
            request.setHeader("x-own", "1")
            request.addCookie(b"c", b"v", path=b"/")
            request.setETag(b'"e"')
            return b"done"

        answer = await self.ask(self.serve(Calling(render)))
        self.assertEqual((202, "Taken", b"done"), (answer.status, answer.reason, answer.body))
        self.assertEqual("1", answer.fields["x-own"])
        self.assertEqual("c=v; Path=/", answer.fields["set-cookie"])
        self.assertEqual('"e"', answer.fields["etag"])

    async def test_not_modified(self) -> None:
        """A validator that the caller has is answered by 304 without a body."""

        def render(request: Any) -> bytes:
            request.setETag(b'"e"')
            return b"" if request.code == 304 else b"whole"

        answer = await self.ask(self.serve(Calling(render)), headers={"If-None-Match": '"e"'})
        self.assertEqual((304, b""), (answer.status, answer.body))

    async def test_later(self) -> None:
        """An answer may be written piece by piece, over turns of the reactor."""
        finished: list[object] = []
        clock: Any = reactor

        def render(request: Any) -> int:
            request.notifyFinish().addCallback(finished.append)
            request.write(b"one ")
            clock.callLater(0.01, request.write, b"two")
            clock.callLater(0.02, request.finish)
            return int(NOT_DONE_YET)

        answer = await self.ask(self.serve(Calling(render)))
        self.assertEqual((b"one two", "chunked"), (answer.body, answer.fields["transfer-encoding"]))
        self.assertEqual([None], finished)

    async def test_caller_leaves(self) -> None:
        """NotifyFinish fails at once when the caller leaves; writing on then does nothing."""
        requests: list[Any] = []
        left: list[object] = []

        def render(request: Any) -> int:
            requests.append(request)
            request.notifyFinish().addErrback(left.append)
            request.write(b"begun")
            return int(NOT_DONE_YET)

        port = self.serve(Calling(render))

        def leave() -> None:
            with socket.create_connection(("127.0.0.1", port), 10) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                client.recv(1000)

        await deferToThread(leave)
        await until(lambda: bool(left))
        requests[0].write(b"more")
        self.assertTrue(requests[0].gone)
        self.assertRaises(RuntimeError, requests[0].finish)

    async def test_failing_resource(self) -> None:
        """A resource that raises gives our 500 in JSON, named in the log, never a page."""
        port = self.serve(Calling(lambda _: 1 // 0))
        answer = await self.raw(port, b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        self.assertEqual((500, "internal_error"), (status_of(answer), code_of(answer)))
        self.assertNotIn(b"<", answer)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertIn(self.gateway.facts[0].request_id.encode(), answer)

    async def test_failing_late(self) -> None:
        """One that raises after it began to write cannot pass for a whole answer."""

        def render(request: Any) -> bytes:
            request.write(b"half")
            raise ZeroDivisionError

        port = self.serve(Calling(render))
        answer = await self.raw(port, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertFalse(answer.endswith(b"0\r\n\r\n"), answer)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    async def test_close_by_resource(self) -> None:
        """A resource may close the connection itself."""

        def render(request: Any) -> int:
            request.loseConnection()
            return int(NOT_DONE_YET)

        answer = await self.raw(self.serve(Calling(render)), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertEqual(b"", answer)
