from __future__ import annotations

import os
from random import Random, SystemRandom

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.catalogue import BEDROCK_CONVERSE
from magicgateway.dialects.framing import AWS_EVENT_STREAM, SSE
from tests.dialects.hostile import READERS, WRITERS, Case, case, complaint, says_end, seeds, wire
from tests.fuzz import fuzz
from tests.judging import unjudged

CHANGES = 20_000
SEED = os.environ.get("FUZZ_SEED") or str(SystemRandom().randrange(2**32))


def unchanged() -> list[Case]:
    """All seeds to all doors, as they are."""
    made = []
    for reader in READERS:
        framing = AWS_EVENT_STREAM if reader == BEDROCK_CONVERSE else SSE
        for stream in seeds(reader):
            chunks = tuple(wire(framing, reader, said) for said in stream)
            ends = any(says_end(reader, said) for said in stream)
            made += [
                Case(
                    title=f"{stream[-1]} to {writer}", reader=reader, writer=writer,
                    framing=framing, chunks=chunks, changes=0, may_end=ends,
                )
                for writer in WRITERS
            ]  # fmt: skip
    return made


class HostileTests(SynchronousTestCase):
    maxDiff = None

    def test_changed(self) -> None:
        """Whatever a provider sends, nothing is raised, and nothing cut looks complete."""
        print(f"FUZZ_SEED={SEED}")
        found = fuzz(SEED, CHANGES)
        self.assertEqual("", "\n".join(found.complaints[:20]))
        self.assertGreaterEqual(found.changes, CHANGES)

    @unjudged("items of a provider's may lack what the SDK says they have")
    def test_unchanged(self) -> None:
        """The streams that are changed are good ones: they end as they say, at every door."""
        made = unchanged()
        self.assertGreater(len(made), 50)
        for good in made:
            self.assertEqual("", complaint(good), good.title)
            stream = good.open(Random(1))  # noqa: S311 - no secrets
            for chunk in good.chunks:
                stream.feed(chunk)
            stream.end()
            self.assertEqual((good.may_end, ""), (stream.finished, stream.broken), good.title)

    def test_complaint(self) -> None:
        """A stream that looks complete although nothing said that it is would be found."""
        complete = [good for good in unchanged() if good.may_end]
        lied = {complaint(evolve(good, may_end=False)) for good in complete}
        self.assertEqual({"it looks complete"}, lied)

    def test_again(self) -> None:
        """A case is made of its seed alone, so that it can be had again."""
        self.assertEqual(case("7-3"), case("7-3"))
        self.assertNotEqual(case("7-3"), case("7-4"))
