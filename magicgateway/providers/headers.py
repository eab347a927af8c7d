"""The header fields that pass for every provider; each row adds its own.

Allow-lists: what is not named here or in a row stays on its side. Left out on purpose, because an
allow-list needs no reasons but readers do: credentials of every kind (they are written anew),
cookies, forwarding fields, tracing fields, the gateway's own control fields, and everything that
belongs to one hop (RFC 9110 section 7.6.1).
"""

from __future__ import annotations

REQUEST = frozenset(
    {
        b"accept",
        b"accept-language",
        b"content-encoding",
        b"content-language",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-unmodified-since",
        b"range",
    }
)
RESPONSE = frozenset(
    {
        b"accept-ranges",
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-range",
        b"content-type",
        b"etag",
        b"last-modified",
        b"request-id",
        b"retry-after",
        b"retry-after-ms",
        b"x-request-id",
        b"x-should-retry",
    }
)
NEVER = frozenset(
    {
        b"accept-encoding",
        b"api-key",
        b"authorization",
        b"connection",
        b"content-length",
        b"cookie",
        b"expect",
        b"forwarded",
        b"host",
        b"keep-alive",
        b"proxy-authorization",
        b"proxy-connection",
        b"set-cookie",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"user-agent",
        b"x-api-key",
        b"x-goog-api-key",
        b"x-provider",
    }
)
"""What no row may allow in either direction, because the gateway writes or keeps these itself."""
_NEVER_PREFIXES = (
    b"access-control-",
    b"proxy-",
    b"x-amz-",
    b"x-aws-",
    b"x-forwarded-",
    b"x-magicapi-",
    b"x-magicgateway-",
)
_RATE_LIMITS = (b"x-ratelimit-", b"ratelimit-", b"anthropic-ratelimit-", b"x-tokenlimit-")
_RATE_LIMIT_NAMES = frozenset({b"ratelimit", b"ratelimit-policy"})


def is_rate_limit(name: bytes) -> bool:
    """Whether a response field (lower-case) tells about the credential's limits."""
    return name.startswith(_RATE_LIMITS) or name in _RATE_LIMIT_NAMES


def may_be_allowed(name: bytes) -> bool:
    """Whether a row may allow a field (lower-case) at all."""
    return name not in NEVER and not name.startswith(_NEVER_PREFIXES)
