from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CONVERSE, Citation
from magicgateway.dialects.bedrock_converse.citations import (
    read_citation,
    read_citations,
    write_citation,
)

WEB = {
    "title": "T",
    "location": {"web": {"url": "https://x.test", "domain": "x.test"}},
    "sourceContent": [{"text": "a"}, {"text": "b"}],
}
PAGE = {"source": "s", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}}


class CitationTests(SynchronousTestCase):
    def test_read(self) -> None:
        """An address of the web, a title and a quote are known to all; the rest to the family."""
        self.assertEqual(
            Citation(
                kind="url", url="https://x.test", title="T", quote="ab", family=CONVERSE, raw=WEB
            ),
            read_citation(WEB),
        )
        self.assertEqual(
            Citation(kind="documentPage", family=CONVERSE, raw=PAGE), read_citation(PAGE)
        )
        self.assertEqual(Citation(kind="source", family=CONVERSE), read_citation({}))

    def test_read_all(self) -> None:
        """What is no citation is left out."""
        self.assertEqual((read_citation(PAGE),), read_citations([1, PAGE]))
        self.assertEqual((), read_citations("x"))

    def test_write(self) -> None:
        """Its own come back as they were; others' as far as Converse has words."""
        for raw in (WEB, PAGE):
            self.assertEqual(raw, write_citation(read_citation(raw)))
        foreign = Citation(kind="url", url="https://x.test", title="T", quote="q", family="openai")
        self.assertEqual(
            {
                "location": {"web": {"url": "https://x.test"}},
                "title": "T",
                "sourceContent": [{"text": "q"}],
            },
            write_citation(foreign),
        )
        bare = Citation(kind="url", url="https://x.test")
        self.assertEqual({"location": {"web": {"url": "https://x.test"}}}, write_citation(bare))
        self.assertIsNone(write_citation(Citation(kind="page", family="anthropic")))
