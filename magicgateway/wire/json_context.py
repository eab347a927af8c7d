"""Where in a JSON text a cut falls, and what turns the text around a cut into a whole one.

A JSON text of any size is checked piece by piece without building values: every piece is put into
the shortest text that stands for what came before it and closed with the shortest that could
follow (*prefix* and *suffix*), and that whole text is handed to the JSON library. It is exact
because JSON's grammar looks at nothing but the open containers and the last token. All loops over
bytes are the interpreter's own (``split``, ``translate``, ``replace``), so hostile text costs
little more than ordinary text.
"""

from __future__ import annotations

import re

MAX_DEPTH = 256
"""Containers inside each other. Far beyond any request, well within the library's recursion."""

SPACE = b" \t\r\n"

START, FRESH, COMMA, COLON, KEY, VALUE, END = (
    "start",
    "fresh",
    "comma",
    "colon",
    "key",
    "value",
    "end",
)
"""What came last: nothing, an opening bracket, a comma, a colon, a key, a value, the top's end."""

STATE_AFTER = {b"{": FRESH, b"[": FRESH, b",": COMMA, b":": COLON}
"""By the last byte that is not white space; any other byte ends a value."""

_PREFIX = {
    (b"{", FRESH): b"{",
    (b"{", COMMA): b'{"":"",',
    (b"{", COLON): b'{"":',
    (b"{", KEY): b'{""',
    (b"{", VALUE): b'{"":""',
    (b"[", FRESH): b"[",
    (b"[", COMMA): b'["",',
    (b"[", VALUE): b'[""',
}
_SUFFIX = {
    (b"{", FRESH): b"}",
    (b"{", COMMA): b'"":""}',
    (b"{", COLON): b'""}',
    (b"{", KEY): b':""}',
    (b"{", VALUE): b"}",
    (b"[", FRESH): b"]",
    (b"[", COMMA): b'""]',
    (b"[", VALUE): b"]",
}
_CLOSERS = bytes.maketrans(b"{[", b"}]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_SCALAR = b"0123456789+-.eEtrufalsn"
_DIGIT_RUN = re.compile(rb"([0-9]{2})[0-9]+")
_LONGEST_TAIL = 32
_EASY_ROUNDS = 8


class TooDeep(ValueError):
    """More than ``MAX_DEPTH`` containers inside each other."""


def prefix(stack: bytes, state: str) -> bytes:
    """The shortest text after which the open containers are ``stack`` and ``state`` came last."""
    if not stack:
        return b""
    return stack[:-1].replace(b"{", b'{"":') + _PREFIX.get((stack[-1:], state), b"")


def suffix(stack: bytes, state: str) -> bytes:
    """The shortest text that completes a text with these open containers and last token."""
    if not stack:
        return b""
    return _SUFFIX.get((stack[-1:], state), b"") + stack[-2::-1].translate(_CLOSERS)


def masked(text: bytes) -> bytes:
    """The text, as long as before, with escaped quotes and escaped backslashes blanked.

    Then every quote begins or ends a string, and every backslash begins an escape. The text must
    begin at a token's or escape's beginning.
    """
    if b"\\" not in text:
        return text
    return text.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")


def brackets(parts: list[bytes]) -> bytes:
    """The brackets outside strings of a masked text that was split at its quotes."""
    return b"".join(parts[::2]).translate(None, _NOT_BRACKETS)


def nested(stack: bytes, more: bytes) -> bytes:
    """The containers still open after ``more`` brackets; whether pairs match is not checked here.

    Raises:
        TooDeep: At some point there were more than ``MAX_DEPTH``.
    """
    rest = stack + more
    for removed in range(_EASY_ROUNDS):
        if b"}" not in rest and b"]" not in rest:
            if len(rest) + removed <= MAX_DEPTH:
                return rest
            break
        rest = rest.replace(b"{}", b"").replace(b"[]", b"")
    return _walked(stack + more)


def _walked(sequence: bytes) -> bytes:
    stack = bytearray()
    for byte in sequence:
        if byte in b"{[":
            stack.append(byte)
            if len(stack) > MAX_DEPTH:
                raise TooDeep
        elif stack:
            stack.pop()
        else:
            break
    return bytes(stack)


def scalar_tail(outside: bytes) -> int:
    """How many bytes at the end may belong to a number or literal that goes on."""
    return len(outside) - len(outside.rstrip(_SCALAR))


def shortened(tail: bytes) -> bytes | None:
    """A number or literal begun, in few bytes that go on in the same ways; None if it is neither.

    Runs of digits are cut to two, which keeps what matters: whether a leading zero has followers.
    """
    if len(tail) <= _LONGEST_TAIL:
        return tail
    tail = _DIGIT_RUN.sub(rb"\1", tail)
    return tail if len(tail) <= _LONGEST_TAIL else None


def escape_tail(string: bytes) -> int:
    """How many bytes at the end of a masked, unfinished string are an escape that goes on."""
    at = string.rfind(b"\\", max(0, len(string) - 5))
    if at < 0 or string[at + 1 : at + 2] not in (b"", b"u"):
        return 0
    return len(string) - at
