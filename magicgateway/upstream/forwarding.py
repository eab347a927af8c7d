"""What a provider sees of a caller's request head, and a caller of the provider's answer head.

Allow-lists both ways: a field nobody thought of does not pass. Whether a field passes is worked out
once per spelling of its name.
"""

from __future__ import annotations

from collections.abc import Mapping

from magicgateway import __version__
from magicgateway.providers.credentials import Credential
from magicgateway.providers.headers import is_rate_limit
from magicgateway.providers.registry import Provider
from magicgateway.upstream.pool import Origin
from magicgateway.wire.heads import CHUNKED, RequestHead

_DROP, _PASS, _RATE_LIMIT = 0, 1, 2
_SPELLINGS_LIMIT = 1024
_WHOLE = 128 * 1024
_PIECE = 256 * 1024
"""Bytes of a large body that are handed to a connection at a time."""
_OF_THE_BODY = frozenset(
    {
        b"content-type",
        b"content-encoding",
        b"accept",
        b"anthropic-version",
        b"anthropic-beta",
        b"idempotency-key",
        b"connection",
    }
)
"""Fields that speak of a body, or of a dialect, that a translated request has not."""
_PERSISTENCE = frozenset({b"close", b"keep-alive", b"Close", b"Keep-Alive"})


class Forwarder:
    """The two filters of one provider. It is a class because it remembers spellings.

    Args:
        provider: Its allow-lists, host and own fields.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.origin = Origin(provider.scheme, provider.host, provider.port)
        self._request: dict[bytes, bool] = {}
        self._response: dict[bytes, int] = {}
        self._opening = (
            b" HTTP/1.1\r\nHost: %b\r\nUser-Agent: MagicGateway/%b\r\nAccept-Encoding: identity\r\n"
            % (provider.host_header, __version__.encode())
        )
        self._own = tuple(
            (name.lower(), b"%b: %b\r\n" % (name, value)) for name, value in provider.extra_headers
        )

    def request_fields(
        self, head: RequestHead, target: bytes, credential: Credential | None
    ) -> bytes:
        """The head to send, up to the fields that tell how long the body is (``framing``).

        Args:
            head: The caller's.
            target: Path and query at the provider.
            credential: Whose the request is; None for a provider that asks for none.
        """
        lines = [head.method, b" ", target, self._opening]
        verdicts = self._request
        nominated = _nominated(head.fields.get(b"connection"))
        for name, value in head.raw:
            passes = verdicts.get(name)
            if passes is None:
                passes = self._judge_request(name)
            if passes and not (nominated and name.lower() in nominated):
                lines += (name, b": ", value, b"\r\n")
        for name, line in self._own:
            if (
                name not in head.fields
                or name not in self.provider.request_headers
                or (nominated and name in nominated)
            ):
                lines.append(line)
        if credential is not None:
            lines += (credential.name, b": ", credential.value, b"\r\n")
        return b"".join(lines)

    def translated_fields(
        self,
        head: RequestHead,
        method: bytes,
        target: bytes,
        headers: Mapping[str, str],
        credential: Credential | None,
    ) -> bytes:
        """The head of a request whose body we wrote, up to its framing.

        Args:
            head: The caller's.
            method: The provider's.
            target: Path and query at the provider.
            headers: What surrounds the body there, by lower-case name.
            credential: As for ``request_fields``.
        """
        lines = [method, b" ", target, self._opening, b"Content-Type: application/json\r\n"]
        written = {name.encode("latin-1") for name in headers} | _OF_THE_BODY
        verdicts = self._request
        for name, value in head.raw:
            passes = verdicts.get(name)
            if passes is None:
                passes = self._judge_request(name)
            if passes and name.lower() not in written:
                lines += (name, b": ", value, b"\r\n")
        lines += (line for low, line in self._own if low not in written)
        for text, value_text in headers.items():
            lines.append(f"{text}: {value_text}\r\n".encode("latin-1"))
        if credential is not None:
            lines += (credential.name, b": ", credential.value, b"\r\n")
        return b"".join(lines)

    def response_fields(
        self, raw: list[tuple[bytes, bytes]], *, own_credential: bool
    ) -> tuple[list[bytes], dict[bytes, bytes]]:
        """The lines that pass, and the same fields by lower-case name.

        Args:
            raw: The provider's fields.
            own_credential: The caller's own credential was used, so its rate limits concern it.
        """
        lines: list[bytes] = []
        fields: dict[bytes, bytes] = {}
        verdicts = self._response
        nominated: frozenset[bytes] | None = None
        for name, value in raw:
            verdict = verdicts.get(name)
            if verdict is None:
                verdict = self._judge_response(name)
            if verdict == _PASS or (verdict == _RATE_LIMIT and own_credential):
                lines.append(b"%b: %b\r\n" % (name, value))
                fields[name.lower()] = value
            elif value not in _PERSISTENCE and name.lower() == b"connection":
                nominated = (nominated or frozenset()) | (_nominated(value) or frozenset())
        if nominated:
            away = nominated | {b"connection"}
            kept = [(name, value) for name, value in raw if name.lower() not in away]
            return self.response_fields(kept, own_credential=own_credential)
        return lines, fields

    def _judge_request(self, name: bytes) -> bool:
        low = name.lower()
        passes = low in self.provider.request_headers
        if len(self._request) < _SPELLINGS_LIMIT:
            self._request[name] = passes
        return passes

    def _judge_response(self, name: bytes) -> int:
        low = name.lower()
        provider = self.provider
        verdict = _DROP
        if is_rate_limit(low):
            verdict = _RATE_LIMIT
        elif low in provider.response_headers or low.startswith(provider.response_prefixes):
            verdict = _PASS
        if len(self._response) < _SPELLINGS_LIMIT:
            self._response[name] = verdict
        return verdict


def in_pieces(head: bytes, body: bytes) -> list[bytes]:
    """A request of the gateway's making as it is handed to a connection, head first.

    A large body comes in several pieces, so that it goes out as the provider takes it.
    """
    if len(body) <= _WHOLE:
        return [head, body]
    return [head, *(body[at : at + _PIECE] for at in range(0, len(body), _PIECE))]


def framing(method: bytes, length: int) -> bytes:
    """The end of a request's head: how long the body is, and the empty line."""
    if length > 0 or (length == 0 and method in (b"POST", b"PUT", b"PATCH")):
        return b"Content-Length: %d\r\n\r\n" % length
    if length == CHUNKED:
        return b"Transfer-Encoding: chunked\r\n\r\n"
    return b"\r\n"


def _nominated(connection: bytes | None) -> frozenset[bytes] | None:
    """The fields that a Connection header declares to be for this hop only (RFC 9110 7.6.1)."""
    if connection is None or connection in _PERSISTENCE:
        return None
    return frozenset(token.strip() for token in connection.lower().split(b","))
