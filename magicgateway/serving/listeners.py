"""The addresses on which callers are taken."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from magicgateway.errors import ConfigError

_TLS = ("ssl:", "tls:")


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
        self._schemes: list[str] = []
        self._bound = False

    def probe(self) -> None:
        """Try to bind every address and let it go, so that a taken one is told before a fork.

        Raises:
            ConfigError: An address cannot be had.
        """
        with ExitStack() as held:
            self.hold(held)

    def hold(self, held: ExitStack) -> None:
        """As ``probe``, but an address is let go when ``held`` is closed: until then it is taken.

        Raises:
            ConfigError: An address cannot be had.
        """
        for text, endpoint in zip(self._descriptions, self._endpoints, strict=True):
            try:
                _hold(endpoint, held)
            except (OSError, OverflowError, ValueError) as error:
                raise _cannot_listen(text, error, self._key) from None

    def privilegedStartService(self) -> None:
        """Bind, while the process may still be allowed to.

        Raises:
            ConfigError: An address cannot be had.
        """
        self._bound = True
        for text, endpoint in zip(self._descriptions, self._endpoints, strict=True):
            failed: list[Failure] = []
            endpoint.listen(self._factory).addCallbacks(self._ports.append, failed.append)
            if failed:
                raise _cannot_listen(text, failed[0].value, self._key)
            self._schemes.append("https" if text.startswith(_TLS) else "http")

    def startService(self) -> None:
        """Bind, if that has not been done: not every runner starts privileged parts first.

        Raises:
            ConfigError: An address cannot be had.
        """
        super().startService()  # type: ignore[no-untyped-call] # Twisted's
        if not self._bound:
            self.privilegedStartService()

    def addresses(self) -> list[str]:
        """Where callers can connect to, as people write it."""
        return [
            _shown(port.getHost(), scheme)
            for port, scheme in zip(self._ports, self._schemes, strict=True)
        ]

    def ports(self) -> list[int]:
        """The TCP ports that are listened on, in the order of the descriptions."""
        hosts: list[Any] = [port.getHost() for port in self._ports]
        return [host.port for host in hosts if hasattr(host, "port")]

    def close(self) -> Deferred[Any]:
        """Take no more connections; those that are there stay."""
        ports, self._ports = self._ports, []
        self._schemes = []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])

    def stopService(self) -> Deferred[Any]:
        """As ``close``."""
        super().stopService()  # type: ignore[no-untyped-call] # Twisted's
        self._bound = False
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


def _hold(endpoint: Any, held: ExitStack) -> None:
    """Bind where a TCP or Unix endpoint would; others are not looked at."""
    wrapped = getattr(endpoint, "_wrappedEndpoint", None)  # behind haproxy:
    if wrapped is not None:
        _hold(wrapped, held)
        return
    port = getattr(endpoint, "_port", None)
    interface = getattr(endpoint, "_interface", None)
    path = getattr(endpoint, "_address", None)
    if isinstance(port, int) and isinstance(interface, str):
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        probing = held.enter_context(socket.socket(family, socket.SOCK_STREAM))
        probing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probing.bind((interface, port))
        probing.listen(1)
    elif isinstance(path, str):
        _hold_path(path, held)


def _hold_path(path: str, held: ExitStack) -> None:
    probing = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    try:
        probing.bind(path)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or not _is_left_over(path):
            raise
    else:
        held.callback(Path(path).unlink)


def _is_left_over(path: str) -> bool:
    """Whether a socket belongs to a process that was killed; Twisted then takes its place."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        return asking.connect_ex(path) == errno.ECONNREFUSED and Path(f"{path}.lock").is_symlink()


def _cannot_listen(text: str, error: BaseException | None, key: str) -> ConfigError:
    cause = error.socketError if isinstance(error, CannotListenError) else error
    reason = getattr(cause, "strerror", None) or str(cause)
    return ConfigError(
        f"cannot listen on {text}: {reason}; choose another address or port (--port, --listen),"
        " or stop what uses it",
        key=key,
    )


def _shown(address: Any, scheme: str) -> str:
    host = getattr(address, "host", None)
    if host is None:
        name = getattr(address, "name", b"")
        return f"unix:{name.decode() if isinstance(name, bytes) else name}"
    return (
        f"{scheme}://[{host}]:{address.port}"
        if ":" in host
        else f"{scheme}://{host}:{address.port}"
    )
