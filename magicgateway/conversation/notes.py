"""How a difference between what was asked and what was done about it is told."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from magicgateway.conversation.reasons import Reason

DROPPED = "dropped"
CLAMPED = "clamped"
EMULATED = "emulated"
REWRITTEN = "rewritten"

LONGEST_FIELD = 128
MOST_LINES = 16
_HEADER = b"x-magicgateway-warning: %b\r\n"


@frozen
class Note:
    """One difference between what was asked and what was sent on.

    Attributes:
        field: Where, ``messages[2].content[0].cache_control``.
        action: One of the four above.
        reason: Why.
        detail: Of those reasons that have one: a number, a level.
    """

    field: str
    action: str
    reason: Reason = Reason.UNSUPPORTED
    detail: str | int | None = None

    def line(self) -> str:
        """As ``x-magicgateway-warning`` says it, in ASCII."""
        name = self.field.encode("ascii", "backslashreplace").decode()
        visible = "".join(c if " " <= c <= "~" and c not in ";," else "_" for c in name)
        said = self.reason if self.detail is None else f"{self.reason}-{self.detail}"
        return f"{visible[:LONGEST_FIELD]};{self.action};{said}"


def header_lines(notes: Iterable[Note]) -> list[bytes]:
    """A header line for each note; when there are too many, the last one counts the others."""
    said = list(notes)
    if len(said) > MOST_LINES:
        others = len(said) - MOST_LINES + 1
        said[MOST_LINES - 1 :] = [Note("*", DROPPED, Reason.OTHERS, others)]
    return [_HEADER % note.line().encode("ascii") for note in said]
