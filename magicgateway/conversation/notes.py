"""How a difference between what was asked and what was done about it is told."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

DROPPED = "dropped"
CLAMPED = "clamped"
EMULATED = "emulated"
REWRITTEN = "rewritten"

UNSUPPORTED = "unsupported-by-target"
LONGEST_FIELD = 128
MOST_LINES = 16
_HEADER = b"x-magicgateway-warning: %b\r\n"


@frozen
class Note:
    """One difference between what was asked and what was sent on.

    Attributes:
        field: Where, ``messages[2].content[0].cache_control``.
        action: One of the four above.
        reason: A few words in kebab-case.
    """

    field: str
    action: str
    reason: str = UNSUPPORTED

    def line(self) -> str:
        """As ``x-magicgateway-warning`` says it, in ASCII."""
        name = self.field.encode("ascii", "backslashreplace").decode()
        visible = "".join(c if " " <= c <= "~" and c not in ";," else "_" for c in name)
        return f"{visible[:LONGEST_FIELD]};{self.action};{self.reason}"


def header_lines(notes: Iterable[Note]) -> list[bytes]:
    """A header line for each note; when there are too many, the last one counts the others."""
    said = list(notes)
    if len(said) > MOST_LINES:
        others = len(said) - MOST_LINES + 1
        said[MOST_LINES - 1 :] = [Note("*", DROPPED, f"{others}-more")]
    return [_HEADER % note.line().encode("ascii") for note in said]
