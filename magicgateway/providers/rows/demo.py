"""The row of the provider that the gateway can bring along for trying it out."""

from __future__ import annotations

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.providers.row import NO_AUTH, ProviderRow
from magicgateway.providers.rows.operations import (
    ANTHROPIC_HEADERS,
    COUNTED_MESSAGES,
    TEXT_AND_EMBEDDINGS,
    own,
)


def demo_row(base_url: str) -> ProviderRow:
    """The demo provider's row.

    Args:
        base_url: Where it listens, up to and with the version prefix.
    """
    return ProviderRow(
        name="demo",
        title="Demo provider",
        base_url=base_url,
        operations={
            **TEXT_AND_EMBEDDINGS,
            **COUNTED_MESSAGES,
            **own("audio/speech", "audio/transcriptions", "audio/translations", "files"),
        },
        abilities=Capabilities(efforts=("none", "minimal", "low", "medium", "high", "xhigh")),
        auth=NO_AUTH,
        request_headers=(*ANTHROPIC_HEADERS, "x-demo-fault"),
    )
