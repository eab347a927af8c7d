"""What is said at start: where callers connect, what is there to call, and what to paste."""

from __future__ import annotations

from collections.abc import Sequence

from magicgateway import __version__
from magicgateway.config.settings import Settings
from magicgateway.providers.registry import Registry

_EVERYWHERE = {"://0.0.0.0:": "://127.0.0.1:", "://[::]:": "://[::1]:"}


def banner(
    settings: Settings, registry: Registry, addresses: Sequence[str], *, demo: bool
) -> list[str]:
    """The lines of the banner; no secret is in them.

    Args:
        settings: All of them.
        registry: The providers.
        addresses: Where the gateway listens, as people write it.
        demo: The demo provider is there.
    """
    held = [provider.name for provider in registry if provider.secret is not None]
    lines = [
        f"MagicGateway {__version__} listens on {', '.join(addresses)}",
        f"keys found for: {', '.join(held) or 'no provider (callers bring their own)'}",
        _admission(settings, addresses, held=bool(held)),
    ]
    address = next((text for text in addresses if text.startswith("http")), None)
    if address is not None:
        lines += ["try it:", f"  {curl(_reachable(address), settings, held, demo=demo)}"]
    return lines


def _admission(settings: Settings, addresses: Sequence[str], *, held: bool) -> str:
    if settings.server.keys:
        count = len(settings.server.keys)
        return f"closed: every request needs one of {count} virtual keys (server.keys)"
    if not held or all(_is_loopback(address) for address in addresses):
        return "open: callers bring their own credential; yours serve this machine only"
    return (
        "open, on addresses that others can reach: your credentials serve this machine only; set"
        " server.keys to let others use them"
    )


def curl(address: str, settings: Settings, held: Sequence[str], *, demo: bool) -> str:
    """A line for a shell that gets an answer."""
    headers = ["content-type: application/json"]
    model, extra = "gpt-4o-mini", ""
    if demo:
        headers.append("x-provider: demo")
        model, extra = "demo", ',"stream":true'
    elif "openai" not in held:
        headers.append("authorization: Bearer $OPENAI_API_KEY")
    if settings.server.keys:
        headers.append("x-magicgateway-key: $MAGICGATEWAY_KEY")
    fields = " ".join(f'-H "{header}"' for header in headers)
    body = f'{{"model":"{model}"{extra},"messages":[{{"role":"user","content":"Hello"}}]}}'
    # Quoted, because some shells take the brackets of an IPv6 address for a pattern.
    url = f"{address}/v1/chat/completions"
    return f"curl -N '{url}' {fields} -d '{body}'"


def _is_loopback(address: str) -> bool:
    return address.startswith("unix:") or address.partition("://")[2].startswith(("127.", "[::1]"))


def _reachable(address: str) -> str:
    for everywhere, here in _EVERYWHERE.items():
        address = address.replace(everywhere, here)
    return address
