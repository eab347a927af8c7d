"""Everything that MagicGateway raises on purpose.

::

    MagicGatewayError
    ├── ConfigError          a setting is wrong: says file, key, value and remedy
    └── ApiError             one request cannot be served: becomes an error answer
        ├── UpstreamError    … because of the provider or the way to it
        └── ProviderError    … because the provider said so, in words that had to be translated

An ``ApiError`` carries what every dialect needs to say it: a status, a stable machine code, a
sentence for people, and optionally the parameter at fault and a hint when to come back. The
dialect of the door turns it into bytes (``magicgateway.dialects``).
"""

from __future__ import annotations


class MagicGatewayError(Exception):
    """The root of the tree; never raised itself."""


class ConfigError(MagicGatewayError):
    """A setting cannot be used.

    Args:
        message: What is wrong and what to do, one sentence, without any secret's value.
        source: Where it was read: a file's path, ``environment``, ``command line``.
        key: The setting's dotted name, for example ``server.listen``.
    """

    def __init__(self, message: str, *, source: str = "", key: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.key = key

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.source, self.key) if part)
        return f"{place}: {self.message}" if place else self.message


class ApiError(MagicGatewayError):
    """A request that ends in an error answer made by the gateway.

    Args:
        status: HTTP status, 400 to 599.
        code: Stable machine code in snake_case, for example ``unknown_provider``.
        message: One or two sentences: what is wrong, where, and what to do.
        param: The request field or header at fault, if one is.
        retry_after: Seconds after which it makes sense to come back, if known.
        close: The connection cannot be used again, because its framing is in doubt.
    """

    should_retry: bool | None = None
    """What official SDKs are told of it (``x-should-retry``); None leaves it to the status."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: int | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.close = close


class UpstreamError(ApiError):
    """A request that failed at the provider or on the way to it.

    Args:
        outcome: How the attempt ended, one of the glossary's outcomes:
            ``unreachable``, ``timeout``, ``truncated``, ``refused``, ``overloaded``.
        detail: The cause for the operator's log; never shown to callers, never a secret.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        outcome: str,
        detail: str = "",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(status, code, message, retry_after=retry_after)
        self.outcome = outcome
        self.detail = detail


class ProviderError(ApiError):
    """A provider's error answer, said again in the dialect of the door."""
