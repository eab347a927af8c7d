"""Checking a JSON object, and reading its model and stream fields, while its bytes arrive.

The text is never joined: what is held is one unfinished token, shortened, and the open containers.
``magicgateway.wire.json_context`` says how each piece is checked on its own.
"""

from __future__ import annotations

import codecs
import re

from magicgateway.errors import ApiError
from magicgateway.wire import json_context as context
from magicgateway.wire import jsontext
from magicgateway.wire.json_context import COMMA, END, FRESH, KEY, SPACE, START, VALUE

PIECE = 64 * 1024
"""Bytes checked at a time."""
MAX_MODEL = 2048
"""Characters of a model's name; an ARN of Bedrock's may have so many."""

_LITERAL_LIMIT = 12 * MAX_MODEL
"""Bytes that a name of ``MAX_MODEL`` characters can take, every one an escaped surrogate pair."""


def _spelled(name: str) -> bytes:
    """A pattern of every way in which JSON can spell a name of ASCII letters."""
    return b"".join(rb"(?:%c|\\u00(?i:%02x))" % (ord(c), ord(c)) for c in name)


_FIELD = re.compile(b"(%s)|(%s)" % (_spelled("model"), _spelled("stream")))
_FIELD_NAMES = (None, "model", "stream")


class _Empty(jsontext.Shape):
    """An object of which nothing is wanted."""


_check = jsontext.reader(_Empty)


class Peek(jsontext.Shape, frozen=True):
    """What routing needs of a request body.

    ``span`` holds the offsets, start and end, of the model's string literal with its quotes.
    """

    model: str | None = None
    stream: bool = False
    span: tuple[int, int] | None = None


def invalid_json(reason: str, offset: int | None = None) -> ApiError:
    """The refusal of a body that is not one JSON object."""
    place = "" if offset is None else f" at byte {offset}"
    return ApiError(
        400, "invalid_json", f"The request body is not a valid JSON object: {reason}{place}."
    )


class JsonScanner:
    """Reads one JSON object in pieces of any size; a state machine for one body.

    Bytes that cannot belong to a JSON object are refused as they come; what is wrong with
    ``model`` or ``stream`` is told by ``finish``, so that no verdict depends on the cuts.
    """

    __slots__ = (
        "_carry", "_decoder", "_fault", "_field", "_fields", "_literal", "_model", "_opened",
        "_span", "_stack", "_state", "_stream", "_total", "_unfinished",
    )  # fmt: skip

    def __init__(self) -> None:
        self._total = 0
        self._stack = b""
        self._state = START
        self._carry = b""
        self._opened: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._unfinished = False
        self._fault: ApiError | None = None
        self._field: str | None = None
        self._fields: set[str] = set()
        self._literal = b""
        self._model: str | None = None
        self._stream = False
        self._span: tuple[int, int] | None = None

    def feed(self, piece: bytes) -> None:
        """Check the next bytes.

        Raises:
            ApiError: 400 ``invalid_json``; the scanner must not be used any more.
        """
        if len(piece) <= PIECE:
            self._feed(piece)
            return
        for start in range(0, len(piece), PIECE):
            self._feed(piece[start : start + PIECE])

    def finish(self) -> Peek:
        """The verdict, once all bytes were fed.

        Raises:
            ApiError: 400 ``invalid_json``, ``duplicate_field`` or ``invalid_model``.
        """
        if self._state is START:
            raise invalid_json("it is empty")
        if self._carry and self._state is END:
            raise invalid_json("trailing characters", self._total - len(self._carry))
        if self._state is not END:
            raise invalid_json("the text ends too early", self._total)
        if self._fault is not None:
            raise self._fault
        return Peek(self._model, self._stream, self._span)

    def _feed(self, piece: bytes) -> None:
        base = self._total - len(self._carry)
        self._check_utf8(piece)
        self._total += len(piece)
        text = self._carry + piece
        if self._stack:
            self._read(text, base)
        elif self._state is START:
            if rest := text.lstrip(SPACE):
                if rest[:1] != b"{":
                    raise invalid_json(_not_an_object(rest), base + len(text) - len(rest))
                self._read(text, base)
        elif rest := text.lstrip(SPACE):
            raise invalid_json("trailing characters", base + len(text) - len(rest))

    def _check_utf8(self, piece: bytes) -> None:
        if piece.isascii() and not self._unfinished:
            return
        try:
            self._decoder.decode(piece)
        except UnicodeDecodeError as error:
            held = len(error.object) - len(piece)
            raise invalid_json("invalid UTF-8", self._total - held + error.start) from error
        self._unfinished = bool(self._decoder.getstate()[0])

    def _read(self, text: bytes, base: int) -> None:
        masked = context.masked(text)
        parts = masked.split(b'"')
        in_string = len(parts) % 2 == 0
        last = parts[-1]
        left = context.escape_tail(last) if in_string else context.scalar_tail(last)
        end = len(text) - left
        if left:
            parts[-1] = last[:-left]
        try:
            stack = context.nested(self._stack, context.brackets(parts))
        except context.TooDeep as error:
            raise invalid_json(f"nested deeper than {context.MAX_DEPTH} levels") from error
        before, after = self._states(parts, stack, in_string=in_string)
        self._check(text[:end] + b'"' if in_string else text[:end], base, stack, after)
        if self._worth_a_walk(masked, len(parts), stack, in_string=in_string):
            self._walk(text, parts, base)
        carry = context.shortened(text[end:])
        if carry is None:
            raise invalid_json("invalid number", base + end)
        if in_string:
            self._carry = b'"' + carry
            if self._opened is None or len(parts) > 2:
                self._opened = base + len(text) - len(last) - 1
        else:
            self._carry = carry
            self._opened = None
        self._stack = stack
        self._state = before if in_string else after

    def _states(self, parts: list[bytes], stack: bytes, *, in_string: bool) -> tuple[str, str]:
        """What came last before the text's last string, and at its end (a string closed)."""
        if not stack:
            return END, END
        end = None if in_string else _last_state(parts[-1])
        if end is not None:
            return end, end
        if len(parts) == 1:
            return self._state, self._state
        outside = parts[-2] if in_string else parts[-3]
        before = _last_state(outside) or self._state
        is_key = stack[-1:] == b"{" and before in {FRESH, COMMA}
        return before, KEY if is_key else VALUE

    def _check(self, text: bytes, base: int, stack: bytes, state: str) -> None:
        """Let the library judge the text, put between a prefix and a suffix."""
        prefix = context.prefix(self._stack, self._state)
        whole = prefix + text + context.suffix(stack, state)
        try:
            _check(whole)
        except jsontext.REFUSALS as error:
            refusal = error
        else:
            return
        try:
            # Lone surrogates are grammatical where they are escaped; the library refuses them.
            _check(whole.replace(b"\\ud", b"\\u0").replace(b"\\uD", b"\\u0"))
        except jsontext.REFUSALS:
            bad = jsontext.bad_json(refusal)
            place = None if bad.position is None else base + bad.position - len(prefix)
            raise invalid_json(bad.reason, place) from refusal

    def _worth_a_walk(self, masked: bytes, count: int, stack: bytes, *, in_string: bool) -> bool:
        """Whether a top-level ``model`` or ``stream`` may begin, end or go on in this text."""
        if self._fault is not None:
            return False
        if self._field is not None or (in_string and len(stack) == 1):
            return True
        if count <= 2:
            return False
        return (
            (self._opened is not None and len(self._stack) == 1)
            or b'"model"' in masked
            or b'"stream"' in masked
            or b"\\u00" in masked
        )

    def _walk(self, text: bytes, parts: list[bytes], base: int) -> None:
        """Follow the strings of the top level; ``parts`` are the masked text cut at its quotes."""
        steps: dict[bytes, int] = {}
        depth = len(self._stack)
        at = 0
        unfinished = len(parts) // 2 if len(parts) % 2 == 0 else -1
        for number, (outside, string) in enumerate(zip(parts[::2], parts[1::2], strict=False), 1):
            if self._field is not None:
                self._read_literal(outside)
            step = steps.get(outside)
            if step is None:
                step = steps[outside] = _depth_step(outside)
            depth += step
            at += len(outside) + 1
            if depth == 1 and (
                self._field is not None
                or number == unfinished
                or (number == 1 and self._opened is not None)
                or _FIELD.fullmatch(string)
            ):
                opened = self._opened if number == 1 else None
                self._read_string(
                    text[at : at + len(string)],
                    _last_state(outside) or self._state,
                    base + at - 1 if opened is None else opened,
                    None if number == unfinished else base + at + len(string) + 1,
                )
            if self._fault is not None:
                return
            at += len(string) + 1
        if self._field is not None and len(parts) % 2:
            self._read_literal(parts[-1])

    def _read_literal(self, outside: bytes) -> None:
        """Take what follows a wanted key, outside strings: its value, unless that is a string."""
        value = outside.strip(SPACE).removeprefix(b":").lstrip(SPACE)
        if not value:
            return
        if self._field == "stream":
            self._stream = value.startswith(b"true")
        else:
            self._fault = self._fault or _invalid_model("it is not a string")
        self._field = None

    def _read_string(self, raw: bytes, state: str, start: int, end: int | None) -> None:
        """Take a string of the top level, or as much of it as there is: then ``end`` is None."""
        if len(self._literal) <= _LITERAL_LIMIT:
            self._literal += raw
        if end is None:
            return
        literal, self._literal = self._literal, b""
        if state in {FRESH, COMMA}:
            found = _FIELD.fullmatch(literal)
            self._field = _FIELD_NAMES[found.lastindex or 0] if found else None
            if self._field in self._fields:
                self._fault = self._fault or _duplicate_field(self._field)
            elif self._field is not None:
                self._fields.add(self._field)
        elif self._field is not None:
            if self._field == "model":
                self._take_model(literal, (start, end))
            self._field = None

    def _take_model(self, literal: bytes, span: tuple[int, int]) -> None:
        try:
            model = jsontext.decode(b'"' + literal + b'"')
        except jsontext.BadJson:
            self._fault = self._fault or _invalid_model("it holds half a surrogate pair")
            return
        if len(model) > MAX_MODEL:
            self._fault = self._fault or _invalid_model(f"it is longer than {MAX_MODEL} characters")
        self._model = model
        self._span = span


def _last_state(outside: bytes) -> str | None:
    """The state after some text outside strings; None if it is white space only."""
    last = outside.rstrip(SPACE)[-1:]
    return context.STATE_AFTER.get(last, VALUE) if last else None


def _depth_step(outside: bytes) -> int:
    opened = outside.count(b"{") + outside.count(b"[")
    return opened - outside.count(b"}") - outside.count(b"]")


def _not_an_object(rest: bytes) -> str:
    if rest[:1] == b"\xef":
        return "it begins with a byte order mark"
    return "it does not begin with '{'"


def _duplicate_field(name: str) -> ApiError:
    message = f"The request body has more than one '{name}' field; send it once."
    return ApiError(400, "duplicate_field", message, param=name)


def _invalid_model(reason: str) -> ApiError:
    message = f"The field 'model' must be a model's name, but {reason}."
    return ApiError(400, "invalid_model", message, param="model")
