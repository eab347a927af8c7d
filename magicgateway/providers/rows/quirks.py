"""Short ways to write down quirks that several fields, or several providers, share."""

from __future__ import annotations

from collections.abc import Mapping

from magicgateway.providers.row import Quirk

CHECKED = "2026-11-22"
"""When the sources were last read, where a row does not say otherwise."""

MAX_TOKENS: Mapping[str, str] = {"max_completion_tokens": "max_tokens"}
ONLY_MAX_TOKENS = "its reference knows the limit of the answer by the older name only"


def drops(*subjects: str, reason: str, source: str, checked: str = CHECKED) -> tuple[Quirk, ...]:
    """Request fields that the provider refuses or that mean nothing to it."""
    return tuple(Quirk("drop", subject, reason, source, checked) for subject in subjects)


def renames(
    names: Mapping[str, str], *, source: str, reason: str = ONLY_MAX_TOKENS, checked: str = CHECKED
) -> tuple[Quirk, ...]:
    """Request fields that the provider calls otherwise: our name to its name."""
    return tuple(
        Quirk("rename", subject, reason, source, checked, replacement)
        for subject, replacement in names.items()
    )


def notes(
    by_subject: Mapping[str, str], *, source: str, checked: str = CHECKED
) -> tuple[Quirk, ...]:
    """What people should know: the subject to what is odd about it."""
    return tuple(
        Quirk("note", subject, reason, source, checked) for subject, reason in by_subject.items()
    )
