"""The providers as a table for people."""

from __future__ import annotations

from magicgateway.providers.registry import Provider, Registry
from magicgateway.providers.row import NO_AUTH

_HEAD = ("PROVIDER", "DIALECT", "BASE URL", "KEY")


def provider_table(registry: Registry) -> str:
    """One line per provider: name, dialect, base URL, and where its key was found."""
    lines = [_HEAD, *(_line(provider) for provider in registry)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD) - 1)]
    return "".join(
        "  ".join([*(part.ljust(width) for part, width in zip(line, widths, strict=False))])
        + f"  {line[-1]}\n"
        for line in lines
    )


def _line(provider: Provider) -> tuple[str, str, str, str]:
    return (provider.name, provider.row.dialect, provider.base_url, _key(provider))


def _key(provider: Provider) -> str:
    secret = provider.aws.found if provider.aws is not None else provider.secret
    if secret is not None:
        return f"found ({secret.origin})"
    if provider.auth == NO_AUTH:
        return "not needed"
    return f"none (set {provider.environment[0]})" if provider.environment else "none"
