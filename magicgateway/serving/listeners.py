"""The addresses on which callers are taken."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from magicgateway.errors import ConfigError


class Listeners(Service):
    """Listens on endpoints while it runs.

    Args:
        reactor: Where sockets live.
        descriptions: Twisted endpoint strings (``server.listen``).
        factory: What builds a protocol for each connection.
        key: The setting that an error names.

    Raises:
        ConfigError: A description is none.
    """

    def __init__(
        self,
        reactor: Any,
        descriptions: Sequence[str],
        factory: IProtocolFactory,
        key: str = "server.listen",
    ) -> None:
        self._factory = factory
        self._key = key
        self._descriptions = descriptions
        self._endpoints = [_endpoint(reactor, text, key) for text in descriptions]
        self._ports: list[IListeningPort] = []

    def probe(self) -> None:
        """Try to bind every TCP port and let it go, so that a taken one is told before a fork.

        Raises:
            ConfigError: A port cannot be had.
        """
        for text, endpoint in zip(self._descriptions, self._endpoints, strict=True):
            port = getattr(endpoint, "_port", None)
            interface = getattr(endpoint, "_interface", None)
            if isinstance(port, int) and isinstance(interface, str):
                _probe(port, interface, text, self._key)

    def privilegedStartService(self) -> None:
        """Bind, while the process may still be allowed to.

        Raises:
            ConfigError: An address cannot be had.
        """
        for text, endpoint in zip(self._descriptions, self._endpoints, strict=True):
            failed: list[Failure] = []
            endpoint.listen(self._factory).addCallbacks(self._ports.append, failed.append)
            if failed:
                raise _cannot_listen(text, failed[0].value, self._key)

    def addresses(self) -> list[str]:
        """Where callers can connect to, as people write it."""
        return [_shown(port.getHost()) for port in self._ports]

    def ports(self) -> list[int]:
        """The TCP ports that are listened on, in the order of the descriptions."""
        return [port.getHost().port for port in self._ports if hasattr(port.getHost(), "port")]

    def close(self) -> Deferred[Any]:
        """Take no more connections; those that are there stay."""
        ports, self._ports = self._ports, []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])

    def stopService(self) -> Deferred[Any]:
        """As ``close``."""
        super().stopService()  # type: ignore[no-untyped-call] # Twisted's
        return self.close()


def _endpoint(reactor: Any, text: str, key: str) -> Any:
    try:
        # Providers give up to a few hundred streams at once to as many new connections.
        described = f"{text}:backlog=1024" if _wants_backlog(text) else text
        return serverFromString(reactor, described)
    except Exception as error:  # noqa: BLE001 - parsers of endpoint plugins raise what they like
        raise ConfigError(
            f"{text!r} is no endpoint ({error}); write for example tcp:3000:interface=127.0.0.1",
            key=key,
        ) from None


def _wants_backlog(text: str) -> bool:
    return text.startswith(("tcp:", "ssl:", "unix:", "tcp6:")) and "backlog=" not in text


def _probe(port: int, interface: str, text: str, key: str) -> None:
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probing:
            probing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probing.bind((interface, port))
            probing.listen(1)
    except OSError as error:
        raise _cannot_listen(text, error, key) from None


def _cannot_listen(text: str, error: BaseException | None, key: str) -> ConfigError:
    cause = error.socketError if isinstance(error, CannotListenError) else error
    reason = getattr(cause, "strerror", None) or str(cause)
    return ConfigError(
        f"cannot listen on {text}: {reason}; choose another address or port (--port, --listen),"
        " or stop what uses it",
        key=key,
    )


def _shown(address: Any) -> str:
    host = getattr(address, "host", None)
    if host is None:
        name = getattr(address, "name", b"")
        return f"unix:{name.decode() if isinstance(name, bytes) else name}"
    return f"http://[{host}]:{address.port}" if ":" in host else f"http://{host}:{address.port}"
