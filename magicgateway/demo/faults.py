"""The closed grammar of scripted faults: ``name=value`` entries separated by ``;``.

A script comes from the model's name (``demo-fault:cut=120;rate=50``) or from the header
``x-demo-fault``; where both name the same fault the header wins. ``docs/demo.md`` has the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from attrs import evolve, field, frozen

HEADER = "x-demo-fault"
MODEL_PREFIX = "demo-fault:"
HEAD = -1
"""The value of ``reset=head``: instead of the answer's head."""

MAX_COUNT = 1_000_000
MAX_BYTES = 4 * 1024**3
MAX_LINE = 64 * 1024 * 1024
PLAIN_PIECE = 64
"""Bytes that count as one event in a body that is not an event stream."""


class BadFault(ValueError):
    """A script that does not follow the grammar; the message says what would."""


@frozen
class Script:
    """What shall happen to one answer. Counts are events, sizes bytes, times seconds."""

    latency: float = 0.0
    rate: float = 0.0
    tokens: int | None = None
    bytes: int | None = None
    huge_line: int | None = None
    status: int | None = None
    retry_after: float | None = None
    silence: bool = False
    close_before_head: bool = False
    reset: int | None = None
    stall: int | None = None
    cut: int | None = None
    half_event: int | None = None
    error_event: int | None = None
    no_terminal: bool = False
    no_finish: bool = False
    wrong_length: int | None = None
    bad_chunk: int | None = None
    extra_bytes: bool = False
    close_delimited: bool = False
    one_byte: bool = False
    kind: str = ""
    message: str = ""
    html: bool = False
    empty_body: bool = False
    bad_crc: int | None = None

    def refuse_misplaced(self, *, streamed: bool, generated: bool, framed: bool = False) -> None:
        """Check that every fault means something for an answer of this kind.

        Args:
            streamed: The answer is an event stream.
            generated: The answer's size is free: generated text or speech.
            framed: The answer is an event stream whose events carry checksums.

        Raises:
            BadFault: A fault would have no effect.
        """
        for name in ("half-event", "error-event", "no-terminal", "no-finish"):
            value = getattr(self, name.replace("-", "_"))
            # By identity: a count of 0 equals False and is a fault all the same.
            if not streamed and value is not None and value is not False:
                raise BadFault(f"{name} needs a streamed answer: set stream to true")
        for name in ("tokens", "bytes", "huge-line"):
            if not generated and getattr(self, name.replace("-", "_")) is not None:
                raise BadFault(f"{name} has no meaning here: the answer has a size of its own")
        if self.bad_crc is not None and not framed:
            raise BadFault("bad-crc has no meaning here: the answer has no checksums")


@frozen
class Fault:
    """One entry of the grammar: its name, how its value is read, what it does."""

    name: str
    form: str
    """The entry as it is written, for people: ``cut=BYTES``."""
    effect: str
    read: Callable[[str], Any] = field(repr=False)


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(text)
        return value

    return read


def _integer(low: int, high: int, absent: int | None = None) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text and absent is not None:
            return absent
        if not text.lstrip("+-").isascii() or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return read


def _flag(text: str) -> bool:
    if text:
        raise ValueError(text)
    return True


def _words(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


def _reset(text: str) -> int:
    return HEAD if text == "head" else _integer(0, MAX_COUNT)(text)


_count = _integer(0, MAX_COUNT)

GRAMMAR = (
    Fault(
        "latency",
        "latency=SECONDS",
        "The head of the answer comes that much later.",
        _number(0, 3600),
    ),
    Fault(
        "rate",
        "rate=TOKENS_PER_SECOND",
        "A streamed answer flows at that pace; any other takes as long as its tokens would.",
        _number(0.001, 1e6),
    ),
    Fault("tokens", "tokens=N", "The text is N tokens long.", _integer(1, MAX_COUNT)),
    Fault(
        "bytes",
        "bytes=N",
        "The text, or the audio, is N bytes long; sent as fast as it is read.",
        _integer(1, MAX_BYTES),
    ),
    Fault(
        "huge-line",
        "huge-line=BYTES",
        "One piece of the text is that long: one event, one line.",
        _integer(1, MAX_LINE),
    ),
    Fault(
        "status",
        "status=NNN",
        "An error answer (400 to 599) instead of success.",
        _integer(400, 599),
    ),
    Fault(
        "retry-after",
        "retry-after=SECONDS",
        "That header on the error answer; only together with `status`.",
        _number(0, 86400),
    ),
    Fault("silence", "silence", "The request is read and never answered.", _flag),
    Fault(
        "close-before-head",
        "close-before-head",
        "The connection is closed instead of an answer.",
        _flag,
    ),
    Fault(
        "reset",
        "reset=N or reset=head",
        "TCP reset after N events; with `head` instead of the head.",
        _reset,
    ),
    Fault("stall", "stall=N", "Nothing more comes after N events.", _count),
    Fault(
        "cut",
        "cut=BYTES",
        "The connection is closed after that many bytes of body, and never with a final chunk.",
        _integer(0, MAX_BYTES),
    ),
    Fault(
        "half-event",
        "half-event or half-event=N",
        "After N events (2) half of the next one, then a proper end of the body.",
        _integer(0, MAX_COUNT, 2),
    ),
    Fault(
        "error-event",
        "error-event=N",
        "After N events an error event in the dialect's own shape, then the end.",
        _count,
    ),
    Fault("no-terminal", "no-terminal", "The stream lacks its terminal event.", _flag),
    Fault(
        "no-finish",
        "no-finish",
        "The stream lacks the finish reason, the usage and the terminal event.",
        _flag,
    ),
    Fault(
        "wrong-length",
        "wrong-length=+N or wrong-length=-N",
        "`content-length` is that much too large or too small; closed after the body.",
        _integer(-MAX_COUNT, MAX_COUNT),
    ),
    Fault(
        "bad-chunk",
        "bad-chunk or bad-chunk=N",
        "After N events (1) a chunk whose size is no number, then close.",
        _integer(0, MAX_COUNT, 1),
    ),
    Fault(
        "extra-bytes",
        "extra-bytes",
        "A second answer that nobody asked for follows; the connection stays open.",
        _flag,
    ),
    Fault(
        "close-delimited",
        "close-delimited",
        "Neither length nor chunks, as in HTTP/1.0: the close is the end.",
        _flag,
    ),
    Fault(
        "one-byte",
        "one-byte",
        "Head and body leave byte by byte, each in a write of its own.",
        _flag,
    ),
    Fault(
        "kind",
        "kind=NAME",
        "What the error of `status` or `error-event` is called: OpenAI's code, Anthropic's type, "
        "AWS's exception. In an AWS stream `error` stands for a frame of that type.",
        _words,
    ),
    Fault(
        "message",
        "message=TEXT",
        "What the error of `status` or `error-event` says.",
        _words,
    ),
    Fault("html", "html", "The error answer of `status` is an HTML page.", _flag),
    Fault("empty-body", "empty-body", "The error answer of `status` has no body.", _flag),
    Fault(
        "bad-crc",
        "bad-crc=N",
        "After N events of an AWS stream one whose checksum is wrong.",
        _count,
    ),
)

_BY_NAME = {fault.name: fault for fault in GRAMMAR}
PRESETS = {"demo-slow": "latency=0.3;rate=20"}
"""Models that stand for a script."""
_FRAMINGS = frozenset({"wrong_length", "bad_chunk", "close_delimited"})


def _entries(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, _, value = (part.strip() for part in entry.partition("="))
        fault = _BY_NAME.get(name)
        if fault is None:
            raise BadFault(f"unknown fault {name[:40]!r}; known: {', '.join(_BY_NAME)}")
        key = name.replace("-", "_")
        if key in found:
            raise BadFault(f"{name} is given twice")
        try:
            found[key] = fault.read(value)
        except ValueError:
            raise BadFault(f"{entry[:60]!r} cannot be read; write {fault.form}") from None
    return found


def parse(text: str) -> Script:
    """The script that ``text`` writes.

    Raises:
        BadFault: It does not follow the grammar.
    """
    return _build(_entries(text))


def script_for(model: str, header: str = "", laid: str = "") -> Script:
    """The script that a model's name, the header and what a test has laid out ask for together.

    Raises:
        BadFault: One of them does not follow the grammar.
    """
    text = PRESETS.get(model, "")
    if model.startswith(MODEL_PREFIX):
        text = model.removeprefix(MODEL_PREFIX)
    return _build(_entries(text) | _entries(header) | _entries(laid))


def _build(entries: dict[str, Any]) -> Script:
    for name in ("retry_after", "html", "empty_body"):
        if name in entries and "status" not in entries:
            raise BadFault(f"{name.replace('_', '-')} needs status, for example status=429")
    for name in ("kind", "message"):
        if name in entries and not entries.keys() & {"status", "error_event"}:
            raise BadFault(f"{name} needs status or error-event")
    if len(entries.keys() & {"tokens", "bytes"}) > 1:
        raise BadFault("tokens and bytes both set the length of the text: give one")
    if len(entries.keys() & {"html", "empty_body"}) > 1:
        raise BadFault("html and empty-body both say what the error's body is: give one")
    if len(framings := sorted(entries.keys() & _FRAMINGS)) > 1:
        names = " and ".join(framings).replace("_", "-")
        raise BadFault(f"{names} ask for different framings: give one")
    return evolve(Script(), **entries)
