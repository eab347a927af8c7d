"""Where the gateway goes on a caller's word: public places on the internet, and nowhere else.

A name proves nothing: ``is_public`` has to be asked about the very address that is connected to,
after the name was looked up. What ``place_of`` refuses is refused before anybody looks.

See: IANA's special-purpose address registries (RFC 6890), read 2026-11-24.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from urllib.parse import quote

from attrs import frozen

_CLOSED_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); a cloud's metadata too
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's own services for its machines, although it looks public
        "169.254.0.0/16",  # link-local, with most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocols; a cloud's metadata too
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_UNICAST_6 = IPv6Network("2000::/3")
"""All that is given out for the internet; loopback, ULA, link-local, multicast are elsewhere."""
_CLOSED_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocols, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_CARRIERS_6 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""IPv4-mapped and NAT64: what is reached is the IPv4 address in the last four bytes."""


def is_public(address: str) -> bool:
    """Whether an address, as sockets write it, is on the public internet; in doubt it is not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_public_4(parsed)
    if parsed.scope_id is not None:
        return False
    if any(parsed in network for network in _CARRIERS_6):
        return _is_public_4(IPv4Address(int(parsed) & 0xFFFFFFFF))
    return parsed in _UNICAST_6 and not any(parsed in network for network in _CLOSED_6)


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _CLOSED_4)


@frozen
class Reach:
    """How far a caller's word goes. Other values than the default are for tests.

    Attributes:
        schemes: In lower case.
        ports: Empty for any.
        allows: Says of an address whether it may be connected to.
    """

    schemes: frozenset[str] = frozenset({"https"})
    ports: frozenset[int] = frozenset({443})
    allows: Callable[[str], bool] = is_public


PUBLIC = Reach()


@frozen
class Place:
    """Where to go and what to ask for.

    Attributes:
        host: A name in lower case, or an address in its plain spelling.
        target: Path and query, as they go out.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, these only where they have to be said."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        """The whole of it, in printable ASCII."""
        return self.origin + self.target


LONGEST_URL = 8192
_PORTS = {"https": 443, "http": 80}
_URL = re.compile(r"([A-Za-z]+)://([^/?#]*)([^#]*)")
_HOST = re.compile(r"(\[[0-9a-f:.]*\]|[^:]*)(?::([0-9]{0,5}))?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def place_of(url: str, reach: Reach = PUBLIC) -> Place:
    """Read an address that a caller gave.

    It is read strictly and written anew, so that nobody after us can read another host in it.

    Raises:
        ValueError: It is not gone to; the text says why, and follows the name of a field.
    """
    if len(url) > LONGEST_URL:
        raise ValueError(f"is an address of more than {LONGEST_URL} characters")
    if _FORBIDDEN.search(url):
        raise ValueError("has blanks, backslashes or control characters in it; write them as %20")
    match = _URL.match(url)
    scheme = match[1].lower() if match else ""
    if match is None or scheme not in reach.schemes:
        raise ValueError("must be an https address or a data URL")
    if "@" in match[2]:
        raise ValueError("must not have a user or password in it")
    if not match[2].isascii():
        raise ValueError("must write the name of its host in ASCII (xn--…)")
    authority = _HOST.fullmatch(match[2].lower())
    if authority is None:
        raise ValueError("does not name a host")
    port = int(authority[2]) if authority[2] else _PORTS[scheme]
    if reach.ports and port not in reach.ports:
        raise ValueError("must not name another port than 443")
    return Place(scheme, _host(authority[1], reach), port, _target(match[3]))


def _host(written: str, reach: Reach) -> str:
    address = _literal(written)
    if address is not None:
        if not reach.allows(address):
            raise ValueError("must name a host on the public internet")
        return address
    name = written.removesuffix(".")
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("must name a host on the public internet")
    return name


def _literal(written: str) -> str | None:
    """The plain spelling of a host that is an address; None where it is a name.

    Resolvers take 127.1, 2130706433, 0177.0.0.1 and 0x7f.1 for addresses, which nobody needs.
    """
    if written.startswith("["):
        try:
            return str(IPv6Address(written[1:-1]))
        except ValueError:
            raise ValueError("does not name a host") from None
    name = written.removesuffix(".")
    if not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return None
    try:
        return str(IPv4Address(name))
    except ValueError:
        raise ValueError("must write the address of its host as four plain numbers") from None


def _target(written: str) -> str:
    try:
        target = quote(written, safe=_ASCII)
    except UnicodeEncodeError:
        raise ValueError("has half a character in it") from None
    return target if target.startswith("/") else f"/{target}"
