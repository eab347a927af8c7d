"""Where texts are from, as Anthropic says it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from magicgateway.conversation.blocks import ANTHROPIC, Citation
from magicgateway.conversation.ledger import Fields, Ledger, joined

_WEB = "web_search_result_location"
_SEARCH = "search_result_location"


def read_citation(
    raw: dict[str, Any], start: int | None = None, end: int | None = None
) -> Citation:
    """One citation.

    Args:
        raw: The whole of it.
        start: Where the text that it stands on begins, in characters of all the answer's text.
        end: Where that ends.
    """
    fields = Fields(raw, lenient=True)
    kind = fields.needed("type")
    source = "source" if kind == _SEARCH else "url"
    return Citation(
        kind="url" if kind == _WEB else kind,
        url=fields.text(source),
        title=fields.text("title") or fields.text("document_title"),
        quote=fields.text("cited_text"),
        start=start,
        end=end,
        family=ANTHROPIC,
        raw=raw,
    )


def write_citations(
    citations: Iterable[Citation], field: str, ledger: Ledger
) -> list[dict[str, Any]]:
    """Citations of this family as they were; others have no form here and are reported."""
    written = []
    for citation in citations:
        if citation.family == ANTHROPIC:
            written.append(dict(citation.raw))
        else:
            ledger.drop(joined(field, "citations"))
    return written
