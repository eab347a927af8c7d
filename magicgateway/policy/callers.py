"""Who a caller is, as far as its connection tells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


class TrustedProxies:
    """Finds the caller behind proxies that we trust.

    Args:
        networks: CIDRs. The caller is then the rightmost ``X-Forwarded-For`` address that is not
            in one of them; without any, the peer itself.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ip_network(text, strict=False) for text in networks)

    def caller(self, peer: str, forwarded_for: bytes | None) -> str:
        """The caller's address, for logs and for the question whether it is local."""
        if not self._networks or forwarded_for is None or not self._trusts(peer):
            return peer
        caller = peer
        for part in reversed(forwarded_for.decode("latin-1").split(",")):
            address = part.strip()
            try:
                ip_address(address)
            except ValueError:
                break
            caller = address
            if not self._trusts(address):
                break
        return caller

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        # A listener on :: sees IPv4 peers as ::ffff:10.0.0.1.
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network for network in self._networks)


class RequestIds:
    """Gives each exchange its id: the caller's if it is sane, else the next of ours.

    Args:
        prefix: Distinguishes this process from every other, for example eight random hex digits.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._count = 0

    def name(self, given: bytes | None) -> str:
        """The id of a request that came with ``given`` as its ``x-request-id``."""
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given.decode("ascii")
        self._count += 1
        return f"req_{self._prefix}{self._count:08x}"
