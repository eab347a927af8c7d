"""What resources of Twisted's may do with our connections."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPullProducer
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.static import Data
from zope.interface import implementer

from magicgateway.serving.site import GatewaySite
from tests.gateway import GatewayTestCase
from tests.serving.test_channel import code_of, status_of


@implementer(IPullProducer)
class Pulled:
    """Gives ten pieces, one each time it is asked."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._left = 10

    def resumeProducing(self) -> None:
        self._left -= 1
        self._request.write(b"%d" % self._left * 10_000)
        if not self._left:
            self._request.unregisterProducer()
            self._request.finish()

    def stopProducing(self) -> None:
        self._left = 0


class Pulling(Resource):
    """A resource that is asked for more whenever there is room."""

    isLeaf = True

    def render_GET(self, request: Any) -> int:
        request.registerProducer(Pulled(request), False)
        return int(NOT_DONE_YET)


class Asking(Resource):
    """A resource that looks at everything a request has."""

    isLeaf = True
    seen: Any = None

    def render_POST(self, request: Any) -> bytes:
        self.seen = {
            "args": request.args,
            "path": request.path,
            "header": request.getHeader("x-a"),
            "cookie": request.getCookie(b"c"),
            "content": request.content.read(),
            "client": request.getClientAddress().host,
            "host": request.getHost().host,
            "secure": request.isSecure(),
            "version": request.clientproto,
        }
        request.setHeader("X-Own", "1")
        request.setHeader("Server", "other")
        request.addCookie("k", "v")
        return b"seen"


class Failing(Resource):
    """A resource that fails, before or after its answer has begun."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        if b"late" in request.args:
            request.write(b"begun")
        raise ZeroDivisionError


class TwistedResourceTests(GatewayTestCase):
    """A site of ours with resources of Twisted's."""

    asking = Asking()

    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        await super().setUp()
        root = Resource()
        root.putChild(b"pull", Pulling())
        root.putChild(b"ask", self.asking)
        root.putChild(b"fail", Failing())
        root.putChild(b"data", Data(b"x" * 5, "text/plain"))
        running = self.gateway.gateway
        self.patch(running.site, "resource", root)
        assert isinstance(running.site, GatewaySite)

    async def test_everything(self) -> None:
        """A request has all that Twisted's has."""
        body = b"a" * 100
        request = (
            b"POST /ask?q=1&q=2 HTTP/1.1\r\nHost: h\r\nX-A: b\r\nCookie: c=d\r\n"
            b"Connection: close\r\nContent-Length: 100\r\n\r\n" + body
        )
        answer = await self.gateway.ask(request)
        self.assertTrue(answer.endswith(b"\r\n\r\nseen"), answer)
        expected = {
            "args": {b"q": [b"1", b"2"]},
            "path": b"/ask",
            "header": "b",
            "cookie": b"d",
            "content": body,
            "client": "127.0.0.1",
            "host": "127.0.0.1",
            "secure": False,
            "version": b"HTTP/1.1",
        }
        self.assertEqual(expected, self.asking.seen)
        head = answer.partition(b"\r\n\r\n")[0].lower()
        self.assertIn(b"x-own: 1", head)
        self.assertIn(b"set-cookie: k=v", head)
        self.assertEqual(1, head.count(b"server:"))
        self.assertIn(b"server: magicgateway", head)

    async def test_pull(self) -> None:
        """A pull producer is asked until it has given everything."""
        answer = await self.gateway.ask(b"GET /pull HTTP/1.0\r\nHost: h\r\n\r\n")
        expected = b"".join(b"%d" % left * 10_000 for left in range(9, -1, -1))
        self.assertEqual(expected, answer.partition(b"\r\n\r\n")[2])

    async def test_static(self) -> None:
        """Twisted's own resources answer GET and HEAD."""
        for method, body in ((b"GET", b"xxxxx"), (b"HEAD", b"")):
            answer = await self.gateway.ask(
                b"%b /data HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % method
            )
            self.assertEqual(200, status_of(answer))
            self.assertEqual(body, answer.partition(b"\r\n\r\n")[2])

    async def test_failing(self) -> None:
        """One that fails is a 500 in JSON, and logged; once it has begun, the connection ends."""
        answer = await self.gateway.ask(
            b"GET /fail HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        )
        self.assertEqual((500, "internal_error"), (status_of(answer), code_of(answer)))
        answer = await self.gateway.ask(b"GET /fail?late=1 HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertNotIn(b"0\r\n\r\n", answer)
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))
