"""What the tests of fetching have in common: TLS servers of names that are looked up in a table."""

from __future__ import annotations

import socket
from base64 import b64encode
from pathlib import Path
from typing import Any

from magicgateway.config.settings import MediaSettings
from magicgateway.conversation.blocks import Inline
from magicgateway.conversation.media import Wanted
from magicgateway.errors import ApiError
from magicgateway.policy.addresses import Reach
from magicgateway.upstream.media import MediaFetcher
from tests.certificates import Authority, server_context
from tests.sockets import ScriptedServer, until
from tests.upstream.sinks import SocketTestCase

HOST = "pictures.test"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
AS_INLINE = Inline("image/png", b64encode(PNG).decode())


def answer(body: bytes = PNG, status: str = "200 OK", fields: bytes = b"") -> bytes:
    """A server's answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode()
    return head + fields + b"\r\n" + body


class Names:
    """Looks names up in a table of lists, one for each lookup, the last one for all after it."""

    def __init__(self) -> None:
        self.table: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    def __call__(self, name: str, *_: Any) -> list[Any]:
        self.asked.append(name)
        answers = self.table.get(name, [["127.0.0.1"]] if name.endswith(HOST) else [])
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        hosts = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in hosts]


class MediaTestCase(SocketTestCase):
    """A fetcher that trusts the test's authority and takes 127.0.0.1 for the internet."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.authority = Authority(folder)
        self.context = server_context(self.authority.server(HOST, f"*.{HOST}"))
        super().setUp()
        self.names = Names()
        self.reach = Reach(ports=frozenset(), allows=lambda address: address == "127.0.0.1")
        self.fetcher = self.make()

    def make(self, reach: Reach | None = None, **settings: Any) -> MediaFetcher:
        """A fetcher with other settings."""
        fetcher = MediaFetcher(
            self.clock,
            MediaSettings(**settings),
            str(self.authority.ca_file),
            reach=reach or self.reach,
            lookup=self.names,
        )
        self.addCleanup(fetcher.stop)
        return fetcher

    def serve_tls(self, *scripts: Any, context: Any = None) -> ScriptedServer:
        """A TLS server with a good certificate, unless another one is given."""
        return self.serve(*(scripts or ([answer()],)), context=context or self.context)

    def wanted(
        self, server: ScriptedServer, path: str = "/a.png", *, image: bool = True, host: str = HOST
    ) -> Wanted:
        """What stands at a server."""
        return Wanted(f"https://{host}:{server.port}{path}", f"messages[0]{path}", image)

    async def left(self, server: ScriptedServer) -> None:
        """Wait until nobody is connected to a server any more."""
        await until(lambda: all(peer.finished.is_set() for peer in server.peers))

    async def fault(self, *wanted: Wanted, fetcher: MediaFetcher | None = None) -> str:
        """Why there is nothing; a 400 that names the first field and no address of anybody."""
        fault = await self.assertFailure((fetcher or self.fetcher).fetch(wanted), ApiError)
        assert isinstance(fault, ApiError)
        self.assertEqual((400, wanted[0].field), (fault.status, fault.param))
        self.assertIn(wanted[0].field, fault.message)
        self.assertNotIn("127.0.0", fault.message)
        return fault.message
