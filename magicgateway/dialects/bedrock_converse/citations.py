"""Where a text is from, in Converse's words and in the hub's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.blocks import CONVERSE, Citation

URL = "url"


def read_citations(value: Any) -> tuple[Citation, ...]:
    """All of a block's; what is none is left out."""
    entries = value if isinstance(value, list) else ()
    return tuple(read_citation(entry) for entry in entries if isinstance(entry, dict))


def read_citation(raw: Mapping[str, Any]) -> Citation:
    """One, which its own family gets back as it was."""
    location = raw.get("location")
    where = location if isinstance(location, dict) else {}
    web = where.get("web")
    url = _text(web, "url")
    return Citation(
        kind=URL if url is not None else next(iter(where), "source"),
        url=url,
        title=_text(raw, "title"),
        quote=_quote(raw.get("sourceContent")),
        family=CONVERSE,
        raw=dict(raw),
    )


def write_citation(citation: Citation) -> dict[str, Any] | None:
    """One; None where another family's says what Converse has no word for."""
    if citation.family == CONVERSE:
        return dict(citation.raw)
    if citation.url is None:
        return None
    written: dict[str, Any] = {"location": {"web": {"url": citation.url}}}
    if citation.title is not None:
        written["title"] = citation.title
    if citation.quote is not None:
        written["sourceContent"] = [{"text": citation.quote}]
    return written


def _text(value: Any, name: str) -> str | None:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def _quote(content: Any) -> str | None:
    entries = content if isinstance(content, list) else ()
    texts = [text for entry in entries if (text := _text(entry, "text")) is not None]
    return "".join(texts) if texts else None
