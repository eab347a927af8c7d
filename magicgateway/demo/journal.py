"""What the demo provider has seen, so that tests can say what really arrived and when."""

from __future__ import annotations

from typing import Any

from attrs import define

from magicgateway.demo.call import Call
from magicgateway.wire import jsontext

KEPT_BODY = 64 * 1024
"""Bytes of a body that the journal keeps, unless its provider was told otherwise."""


@define(eq=False)
class Received:
    """One request and what became of its answer. Times are seconds of the reactor's clock."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    """In the order and spelling in which they came."""
    body_size: int
    body_sha256: str
    body: bytes
    """As much of it as the journal keeps."""
    connection: int
    """Which of the provider's connections it came on; the first is number 1."""
    received_at: float
    """When the request had been read to its end."""
    sent: int = 0
    """Bytes of answer that were handed to the transport."""
    status: int = 0
    whole: bool = False
    """The answer was handed to the transport up to the end that was planned for it."""
    left_at: float | None = None
    """When the peer went away while it was still being answered."""

    def json(self) -> Any:
        """The body as a value.

        Raises:
            BadJson: It is none, or was too long to be kept.
        """
        return jsontext.decode(self.body)

    def header(self, name: str) -> str | None:
        """The first field of that name in any spelling."""
        found = (value for key, value in self.headers if key.lower() == name)
        return next(found, None)


def received(
    call: Call,
    headers: tuple[tuple[str, str], ...],
    connection: int,
    now: float,
    kept_body: int = KEPT_BODY,
) -> Received:
    """The entry for a request that has been read."""
    return Received(
        method=call.method,
        target=call.target,
        headers=headers,
        body_size=call.body_size,
        body_sha256=call.body_sha256,
        body=call.body[:kept_body],
        connection=connection,
        received_at=now,
    )
