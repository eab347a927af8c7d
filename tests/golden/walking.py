"""What the walk over the golden cases consists of."""

from __future__ import annotations

import anthropic
import openai
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.reply import Failure
from magicgateway.dialects.catalogue import ANTHROPIC_MESSAGES
from magicgateway.dialects.translation import TranslatedStream, Translation
from tests.golden import judges
from tests.golden.cases import Case, cases_with
from tests.golden.wires import framing_of

BROKEN = Failure(status=502, kind="server", message="The connection broke.")


class GoldenTestCase(SynchronousTestCase):
    """Goes on after a case that fails, so that all of them are shown."""

    maxDiff = None

    def walk(self, key: str, step: str) -> None:
        """Do something with each case of a kind."""
        wrong = []
        for case in cases_with(key):
            try:
                found = getattr(self, step)(case)
            except Exception as fault:  # noqa: BLE001 - any of them is shown beside its case
                found = [f"{type(fault).__name__}: {str(fault)[:400]}"]
            wrong += [f"{case.title}: {said}" for said in found]
        self.assertEqual("", "\n".join(wrong))


def notes_of(translation: Translation) -> list[str]:
    """What was reported, without the usual reason."""
    notes = translation.ledger.notes
    return [note.line().removesuffix(";unsupported-by-target") for note in notes]


def family_of(case: Case) -> str:
    """Whose errors the caller knows."""
    return "anthropic" if case.door == ANTHROPIC_MESSAGES else "openai"


class Poured:
    """What became of a stream. State: what came of the pieces so far.

    Args:
        case: Whose stream it is.
        translation: Of its request.
    """

    def __init__(self, case: Case, translation: Translation) -> None:
        self.stream: TranslatedStream = translation.open_stream(framing_of(case))
        self._out: list[bytes] = []

    def pour(self, *pieces: bytes) -> Poured:
        """Let the pieces come, and then the end."""
        for piece in pieces:
            self._out.append(self.stream.feed(piece))
        self._out.append(self.stream.end())
        return self

    @property
    def out(self) -> bytes:
        """All that the caller got."""
        return b"".join(self._out)

    @property
    def ended(self) -> tuple[bool, str, str]:
        """How it ended."""
        failure = self.stream.failure
        return self.stream.finished, failure.kind if failure else "", self.stream.broken


def broken_off(case: Case, poured: Poured) -> list[str]:
    """Whether the official SDK of a door raises for a stream that does not end well."""
    out = poured.out
    if poured.stream.failure is None:
        out += poured.stream.fail(BROKEN)
    try:
        judged = judges.judge_stream(case.door, out)
    except (openai.APIError, anthropic.APIError):
        return []
    return [f"the SDK takes for whole {judged!r}"]
