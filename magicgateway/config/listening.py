"""Where to listen, as the command line and ``HOST`` and ``PORT`` say it."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from attrs import frozen

from magicgateway.config.environment import Variables
from magicgateway.config.layers import Layer, read_table
from magicgateway.config.unfit import Origin

DEFAULT_PORT = 3000
LOOPBACK = "127.0.0.1"
LARGEST_PORT = 65_535
_COMMAND_LINE = "command line"
_KEY = "server.listen"


@frozen
class Flags:
    """What the command line says."""

    config: str | None = None
    port: int | None = None
    listen: tuple[str, ...] = ()


def port_endpoint(port: int, host: str) -> str:
    """The Twisted endpoint string of a TCP port on one interface."""
    return f"tcp:{port}:interface={host.replace(':', chr(92) + ':')}"


def environment_layer(variables: Variables) -> Layer:
    """The listener that ``HOST`` and ``PORT`` ask for.

    Raises:
        ConfigError: ``HOST`` is no address, or ``PORT`` no port.
    """
    text = variables.get("PORT")
    if not text and not variables.get("HOST"):
        return {}
    origin = variables.origin("PORT" if text else "HOST")
    port = DEFAULT_PORT
    if text:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise origin.error("it is not a port; set it to a number like 3000", _KEY)
        port = _port(int(text), origin)
    return _layer([port_endpoint(port, _host(variables))], origin)


def flags_layer(flags: Flags, variables: Variables) -> Layer:
    """The listeners that the command line asks for.

    Raises:
        ConfigError: A port is none, or an endpoint is empty.
    """
    endpoints = list(flags.listen)
    origin = Origin(_COMMAND_LINE, "--listen")
    if flags.port is not None:
        origin = Origin(_COMMAND_LINE, "--listen" if endpoints else "--port")
        port = _port(flags.port, Origin(_COMMAND_LINE, "--port"))
        endpoints.insert(0, port_endpoint(port, _host(variables)))
    return _layer(endpoints, origin) if endpoints else {}


def _layer(endpoints: list[str], origin: Origin) -> Layer:
    return read_table({"listen": endpoints}, origin, ("server",))


def _port(port: int, origin: Origin) -> int:
    if not 0 <= port <= LARGEST_PORT:
        raise origin.error(f"a port is between 0 and {LARGEST_PORT}; write one of these", _KEY)
    return port


def _host(variables: Variables) -> str:
    text = variables.get("HOST")
    if not text or text.lower() == "localhost":
        return LOOPBACK
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise variables.origin("HOST").error(
            "it is not an address; set it to one of this machine's, to 0.0.0.0 for all of them, or"
            " remove it to listen on loopback only",
            _KEY,
        ) from None
    # An address with a scope keeps it, in its shortest spelling.
    return str(address) if isinstance(address, IPv6Address) else address.exploded
