from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Citation
from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.anthropic_messages.citations import read_citation, write_citations
from tests.dialects.anthropic_messages.bodies import lines

WEB = {
    "type": "web_search_result_location",
    "url": "https://x.test",
    "title": "X",
    "cited_text": "hi",
    "encrypted_index": "e",
}
PAGE = {
    "type": "page_location",
    "cited_text": "hi",
    "document_index": 0,
    "document_title": "D",
    "start_page_number": 1,
    "end_page_number": 2,
}
SEARCH = {"type": "search_result_location", "source": "s", "title": "T", "cited_text": "c"}


class CitationTests(SynchronousTestCase):
    def test_read(self) -> None:
        """Hits of a web search are addresses; others keep their kind; all know where they stand."""
        expected = [
            ("url", "https://x.test", "X", "hi", 2, 4),
            ("page_location", None, "D", "hi", 2, 4),
            ("search_result_location", "s", "T", "c", 2, 4),
        ]
        read = [read_citation(raw, 2, 4) for raw in (WEB, PAGE, SEARCH)]
        self.assertEqual(
            expected, [(c.kind, c.url, c.title, c.quote, c.start, c.end) for c in read]
        )

    def test_write(self) -> None:
        """Citations of this family are written as they were; others are reported."""
        ledger = Ledger()
        own = read_citation(PAGE)
        written = write_citations((own, Citation(kind="url", family="openai")), "x", ledger)
        self.assertEqual([PAGE], written)
        self.assertEqual(["x.citations;dropped"], lines(ledger))
