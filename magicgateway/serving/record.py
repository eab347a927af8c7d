"""What an exchange says of itself: to its caller in header fields, to observers as a fact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgateway.errors import ApiError, UpstreamError
from magicgateway.observe import facts
from magicgateway.serving import answer

if TYPE_CHECKING:
    from magicgateway.serving.exchange import Exchange


def own_lines(exchange: Exchange, fields: dict[bytes, bytes], status: int) -> bytes:
    """The fields that we add to a provider's answer."""
    attempt, relay, standing = exchange.attempt, exchange.relay, exchange.standing
    assert attempt is not None
    assert relay is not None
    identity = exchange.request_id.encode()
    sent_at = attempt.sent_at
    lines = (
        b"x-magicgateway-request-id: %b\r\n%bx-magicgateway-attempts: %d\r\n"
        b"Server-Timing: gateway;dur=%.2f, upstream;dur=%.2f\r\n%b"
        % (
            identity,
            standing.described,
            attempt.count + exchange.attempts,
            (sent_at - exchange.body_at) * 1000,
            (relay.head_at - sent_at) * 1000,
            standing.cors,
        )
    )
    if b"x-request-id" not in fields and b"request-id" not in fields:
        lines += b"%b: %b\r\n" % (standing.identity_name, identity)
    if status >= 400 and b"cache-control" not in fields:
        lines += answer.NO_STORE
    return lines


def fact_of(
    exchange: Exchange, status: int, outcome: str, error: ApiError | None
) -> facts.Finished:
    """The fact of an exchange that has ended."""
    standing, relay, attempt = exchange.standing, exchange.relay, exchange.attempt
    destination = exchange.destination
    received = exchange.request.received
    sent_at = attempt.sent_at if attempt is not None else 0.0
    body = exchange.json_body or exchange.upload
    first_byte_ms = upstream_ms = None
    usage = exchange.usage
    response_bytes = exchange.answer_bytes
    if relay is not None:
        response_bytes = relay.body_bytes or response_bytes
        usage = relay.usage()
        if relay.first_byte_at:
            first_byte_ms = (relay.first_byte_at - received) * 1000
        if relay.head_at:
            upstream_ms = (relay.head_at - sent_at) * 1000
    return facts.Finished(
        exchange.began,
        exchange.request_id,
        standing.caller,
        standing.method,
        standing.path,
        status,
        outcome,
        (exchange.now() - received) * 1000,
        standing.target.operation,
        destination.provider.name if destination is not None else "",
        exchange.model[:128],
        (destination.upstream_model or "")[:128] if destination is not None else "",
        relay is not None and relay.is_stream,
        exchange.attempts + (attempt.count if attempt is not None else 0),
        body.size if body is not None else 0,
        response_bytes,
        first_byte_ms,
        upstream_ms,
        (sent_at - exchange.body_at) * 1000 if sent_at else None,
        usage,
        error.code if error is not None else "",
        error.detail if isinstance(error, UpstreamError) else "",
    )
