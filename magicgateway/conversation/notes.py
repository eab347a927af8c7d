"""How a difference between what was asked and what was done about it is told."""

from __future__ import annotations

from attrs import frozen

DROPPED = "dropped"
CLAMPED = "clamped"
EMULATED = "emulated"
REWRITTEN = "rewritten"

UNSUPPORTED = "unsupported-by-target"
LONGEST_FIELD = 128


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
