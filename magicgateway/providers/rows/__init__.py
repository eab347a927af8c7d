"""Every provider that the gateway knows by itself, as data."""

from __future__ import annotations

from magicgateway.providers.row import ProviderRow
from magicgateway.providers.rows.hosted import HOSTED
from magicgateway.providers.rows.hosted_more import HOSTED_MORE
from magicgateway.providers.rows.local import LOCAL
from magicgateway.providers.rows.principal import PRINCIPAL

ROWS: tuple[ProviderRow, ...] = (
    *PRINCIPAL,
    *sorted((*HOSTED, *HOSTED_MORE), key=lambda row: row.name),
    *LOCAL,
)
"""The principal ones first, then the hosted ones by name, then servers on one's own machine."""

__all__ = ["ROWS"]
