"""Cross-origin requests of web pages: who may call, and what their scripts may see.

See the Fetch standard, section 3.2 (checked 2026-11-24).
"""

from __future__ import annotations

from collections.abc import Mapping

from magicgateway.config.settings import CorsSettings

EXPOSED = (
    b"x-magicgateway-request-id, x-magicgateway-provider, x-magicgateway-model,"
    b" x-magicgateway-attempts, x-magicgateway-warning, server-timing, x-request-id, request-id,"
    b" retry-after, retry-after-ms, x-ratelimit-limit-requests, x-ratelimit-limit-tokens,"
    b" x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests,"
    b" x-ratelimit-reset-tokens, openai-processing-ms"
)
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = b"authorization, content-type, x-provider, x-api-key, anthropic-version"


class Cors:
    """Decides, and writes the fields. It is a class because the fields are made once.

    Args:
        settings: ``[server] cors``. Origins are matched exactly; ``*`` stands for all of them and
            never goes with credentials.
    """

    def __init__(self, settings: CorsSettings) -> None:
        self._any_origin = "*" in settings.origins
        self._origins = frozenset(origin.encode() for origin in settings.origins)
        self._methods = _asked(settings.methods)
        self._headers = _asked(settings.headers)
        self._credentials = (
            b"Access-Control-Allow-Credentials: true\r\n"
            if settings.credentials and not self._any_origin
            else b""
        )
        self._max_age = b"Access-Control-Max-Age: %d\r\n" % settings.max_age_seconds
        self._expose = b"Access-Control-Expose-Headers: %b\r\n" % EXPOSED

    def fields(self, origin: bytes | None) -> bytes:
        """The lines for an answer to a page of ``origin``; empty when it may not see it."""
        allowed = self._allowed(origin)
        return allowed + self._expose + self._credentials if allowed else self._vary()

    def preflight(self, fields: Mapping[bytes, bytes]) -> bytes | None:
        """The lines that answer a preflight; None when the request is none.

        The asked-for method and headers are echoed where ``*`` is configured, because a literal
        ``*`` does not cover Authorization.
        """
        method = fields.get(b"access-control-request-method")
        origin = fields.get(b"origin")
        if method is None or origin is None:
            return None
        allowed = self._allowed(origin)
        if not allowed:
            return self._vary()
        asked = fields.get(b"access-control-request-headers")
        return b"".join(
            (
                allowed,
                self._credentials,
                b"Access-Control-Allow-Methods: %b\r\n" % _first(self._methods, method, _METHODS),
                b"Access-Control-Allow-Headers: %b\r\n" % _first(self._headers, asked, _HEADERS),
                self._max_age,
            )
        )

    def _allowed(self, origin: bytes | None) -> bytes:
        if origin is None:
            return b""
        if self._any_origin:
            return b"Access-Control-Allow-Origin: *\r\n"
        if origin in self._origins:
            return b"Access-Control-Allow-Origin: %b\r\nVary: Origin\r\n" % origin
        return b""

    def _vary(self) -> bytes:
        return b"" if self._any_origin else b"Vary: Origin\r\n"


def _first(configured: bytes | None, asked: bytes | None, default: bytes) -> bytes:
    """What was configured, even if that is nothing; else what is asked for."""
    return configured if configured is not None else asked or default


def _asked(configured: tuple[str, ...]) -> bytes | None:
    """A configured list as a field's value, or None when whatever is asked for will do."""
    return None if "*" in configured else ", ".join(configured).encode()
