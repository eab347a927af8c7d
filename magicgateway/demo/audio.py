"""OpenAI's audio: a transcription that says what was uploaded, and speech as numbered blocks."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from magicgateway.demo.call import (
    EVENT_STREAM,
    TERMINAL,
    Answer,
    Call,
    Event,
    Refusal,
    data_event,
    json_answer,
    plain,
)
from magicgateway.demo.multipart import Form, Part
from magicgateway.demo.openai_chat import error_event
from magicgateway.demo.reading import model_of, text_of
from magicgateway.demo.wording import split

SPEECH_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_BYTES_PER_SECOND = 16_000
_BYTES_PER_CHARACTER = 1_000
_FRAME_SIZE = 417
# A silent frame of MPEG 1 layer III at 128 kbit/s and 44.1 kHz; what follows the side information
# is ancillary data, and here the frame's number.
_FRAME = b"\xff\xfb\x90\xc4" + bytes(32) + b"%0381d"
_FRAMES_AT_ONCE = 40
_WAVE_HEAD = 44


def transcriptions(call: Call) -> Answer:
    """``POST /v1/audio/transcriptions`` and ``/v1/audio/translations``."""
    form, upload = file_of(call)
    model_of({"model": form.value("model")})
    text = f"The file {upload.filename} has {upload.size} bytes and SHA-256 {upload.sha256}."
    words = split(text)
    seconds = -(-upload.size // _BYTES_PER_SECOND)
    if form.value("stream") == "true":
        return Answer(EVENT_STREAM, lambda: _transcript(text, words, seconds), error=error_event)
    kind = form.value("response_format", "json")
    if kind == "text":
        return plain(text.encode() + b"\n", "text/plain; charset=utf-8", tokens=len(words))
    value: dict[str, Any] = {"text": text, "usage": {"type": "duration", "seconds": seconds}}
    if kind == "verbose_json":
        language = form.value("language", "english")
        value |= {"task": "transcribe", "language": language, "duration": float(seconds)}
    elif kind != "json":
        message = "response_format must be json, text or verbose_json."
        raise Refusal(400, message, param="response_format")
    return json_answer(value, tokens=len(words))


def file_of(call: Call) -> tuple[Form, Part]:
    """The form that was sent, and the file in it.

    Raises:
        Refusal: One of them is missing or broken.
    """
    if call.form is None or not call.form.whole:
        raise Refusal(400, "The body must be multipart/form-data and end with its boundary.")
    upload = call.form.file("file")
    if upload is None:
        raise Refusal(400, "A file must be sent in the part named file.", param="file")
    return call.form, upload


def _transcript(text: str, words: list[str], seconds: int) -> Iterator[Event]:
    for word in words:
        yield data_event({"type": "transcript.text.delta", "delta": word}, 1)
    usage = {"type": "duration", "seconds": seconds}
    yield data_event({"type": "transcript.text.done", "text": text, "usage": usage}, 0, TERMINAL)


def speech(call: Call) -> Answer:
    """``POST /v1/audio/speech``: as long as the script says, else as its input."""
    fields = call.fields()
    model_of(fields)
    for name in ("input", "voice"):
        if not fields.get(name):
            raise Refusal(400, f"{name} must be given.", param=name)
    kind = fields.get("response_format") or "mp3"
    if kind not in SPEECH_TYPES:
        known = ", ".join(SPEECH_TYPES)
        raise Refusal(400, f"response_format must be one of {known}.", param="response_format")
    size = call.script.bytes
    if size is None:
        size = _FRAME_SIZE + _BYTES_PER_CHARACTER * len(text_of(fields["input"]))

    def body() -> Iterator[Event]:
        return _sound(kind, size)

    return Answer(SPEECH_TYPES[kind], body, size, generated=True)


def _sound(kind: str, size: int) -> Iterator[Event]:
    """Exactly ``size`` bytes in which no two blocks are equal."""
    left = size
    if kind == "wav":
        head = _wave_head(max(0, size - _WAVE_HEAD))[:size]
        left -= len(head)
        yield Event(head)
    number = 0
    while left > 0:
        count = min(_FRAMES_AT_ONCE, -(-left // _FRAME_SIZE))
        data = (_FRAME * count) % tuple(range(number, number + count))
        number += count
        piece = data if len(data) <= left else data[:left]
        left -= len(piece)
        yield Event(piece)


def _wave_head(size: int) -> bytes:
    """The head of a WAV file with ``size`` bytes of 16-bit samples, one channel, 24 kHz."""
    sizes = min(size, 2**32 - 1 - 36)
    form = struct.pack("<IHHIIHH", 16, 1, 1, 24_000, 48_000, 2, 16)
    return b"RIFF%bWAVEfmt %bdata%b" % (
        struct.pack("<I", 36 + sizes),
        form,
        struct.pack("<I", sizes),
    )
