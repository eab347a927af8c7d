"""Secrets by reference: ``env:NAME`` and ``file:PATH``, and what stands there.

Nothing here repeats a secret, nor what may be one that somebody wrote where a reference belongs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from attrs import frozen

from magicgateway.config.secret import Secret
from magicgateway.config.unfit import Unfit

KEY_CHARACTERS = 16
"""A virtual key has at least so many."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SAYABLE_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_SAYABLE_PATH = re.compile(r"\.{0,2}/.*|[^/]+\.[a-z]{1,8}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")


@frozen
class Reference:
    """Where a secret is: ``scheme`` is ``env`` or ``file``; ``place`` a variable or a path."""

    scheme: str
    place: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.place}"

    def read(self, environment: Mapping[str, str], read_text: Callable[[str], str]) -> str:
        """The text that stands there, stripped.

        Raises:
            Unfit: Nothing stands there, or it cannot be read.
        """
        if self.scheme == "env":
            return self._variable(environment)
        try:
            text = read_text(self.place).removeprefix("\ufeff").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
            raise Unfit(
                f"{self._said()} cannot be read ({reason}); make it readable for the gateway's user"
            ) from None
        if not text:
            raise Unfit(f"{self._said()} is empty; write the secret into it")
        return text

    def _variable(self, environment: Mapping[str, str]) -> str:
        text = environment.get(self.place, "").strip()
        if not text:
            said = self.place if _SAYABLE_VARIABLE.fullmatch(self.place) else "that it names"
            raise Unfit(
                f"the environment variable {said} is not set or empty; set it, or remove this key"
            )
        return text

    def _said(self) -> str:
        if _SAYABLE_PATH.fullmatch(self.place):
            return f"the file {self.place}"
        return "the file that it names"


def reference(text: str) -> Reference:
    """A reference from its text.

    Raises:
        Unfit: It is none; probably the secret itself.
    """
    scheme, colon, place = text.strip().partition(":")
    place = place.strip()
    if colon and scheme == "env" and _VARIABLE.fullmatch(place):
        return Reference(scheme, place)
    if colon and scheme == "file" and place:
        return Reference(scheme, place)
    if colon and scheme in ("env", "file"):
        wanted = "the name of an environment variable" if scheme == "env" else "a path"
        raise Unfit(f"{scheme}: is followed by {wanted}")
    raise Unfit(
        "a secret is not written here but referred to; put it into an environment variable or a"
        ' file, and write "env:NAME" or "file:PATH"'
    )


def credential(
    found: Reference, environment: Mapping[str, str], read_text: Callable[[str], str]
) -> Secret:
    """The one secret that stands where a reference points.

    Raises:
        Unfit: There is none, or it cannot be sent in a header field.
    """
    text = found.read(environment, read_text)
    if not _VISIBLE.fullmatch(text):
        raise Unfit(
            "what it refers to is not one word of visible ASCII characters, so no provider takes"
            " it; check for line ends and spaces inside"
        )
    return Secret(text, str(found))


def virtual_keys(
    found: Reference, environment: Mapping[str, str], read_text: Callable[[str], str]
) -> list[Secret]:
    """The virtual keys that stand where a reference points, one a line; ``#`` begins a comment.

    Raises:
        Unfit: There is none (a gateway that was meant to be closed must not be open), or one is
            too short or can never be sent.
    """
    text = found.read(environment, read_text)
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        key = line.strip()
        if not key or key.startswith("#"):
            continue
        if not _VISIBLE.fullmatch(key):
            raise Unfit(
                f"line {number} of what it refers to is not one word of visible ASCII characters,"
                " so no caller could send it"
            )
        if len(key) < KEY_CHARACTERS:
            raise Unfit(
                f"the key in line {number} of what it refers to is shorter than {KEY_CHARACTERS}"
                " characters and could be guessed; make one with: openssl rand -hex 24"
            )
        keys.append(Secret(key, str(found)))
    if not keys:
        raise Unfit(
            "what it refers to holds no key, only comments or blank lines; write one key a line"
        )
    return keys


def is_sendable(text: str) -> bool:
    """Whether a credential can stand in a header field."""
    return _VISIBLE.fullmatch(text) is not None
