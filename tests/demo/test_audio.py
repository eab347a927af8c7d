from __future__ import annotations

import hashlib
import io
import wave
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.audio import SPEECH_TYPES, speech, transcriptions
from magicgateway.demo.call import Answer, Refusal
from magicgateway.demo.faults import parse
from magicgateway.demo.multipart import Form, Part
from tests.demo.calls import body_of, call_of, json_of, stream_of

SOUND = b"\x00\xff" * 20_000
SENTENCE = f"The file a.mp3 has 40000 bytes and SHA-256 {hashlib.sha256(SOUND).hexdigest()}."


def field(name: str, value: str) -> Part:
    return Part(name, None, "text/plain", len(value), "", value)


def upload(*, whole: bool = True, file: bool = True, **fields: str) -> Answer:
    parts = [field(name, value) for name, value in ({"model": "demo"} | fields).items()]
    if file:
        digest = hashlib.sha256(SOUND).hexdigest()
        parts.append(Part("file", "a.mp3", "audio/mpeg", len(SOUND), digest, ""))
    return transcriptions(call_of(form=Form(tuple(parts), whole)))


def spoken(script: str = "", **fields: Any) -> Answer:
    value = {"model": "demo", "input": "hello", "voice": "alloy"} | fields
    return speech(call_of(value, script=parse(script)))


class TranscriptionTests(SynchronousTestCase):
    def test_formats(self) -> None:
        """Each format says the name, size and hash of the file."""
        self.assertEqual(SENTENCE, json_of(upload())["text"])
        self.assertEqual(SENTENCE + "\n", body_of(upload(response_format="text")).decode())
        verbose = json_of(upload(response_format="verbose_json", language="de"))
        self.assertEqual(
            (SENTENCE, "de", 3.0), tuple(verbose[k] for k in ("text", "language", "duration"))
        )

    def test_stream(self) -> None:
        """A streamed transcription says the same, piece by piece and at its end."""
        values = [value for _, value in stream_of(upload(stream="true"))]
        self.assertEqual(SENTENCE, "".join(value["delta"] for value in values[:-1]))
        self.assertEqual(
            ("transcript.text.done", SENTENCE), (values[-1]["type"], values[-1]["text"])
        )

    def test_refusals(self) -> None:
        """Without a form, a file, a model or a known format there is no transcription."""
        for arguments in (
            {"whole": False},
            {"file": False},
            {"model": ""},
            {"response_format": "srt"},
        ):
            with self.subTest(arguments=arguments):
                self.assertEqual(400, self.assertRaises(Refusal, upload, **arguments).status)
        self.assertRaises(Refusal, transcriptions, call_of({"model": "demo"}))


class SpeechTests(SynchronousTestCase):
    def test_types(self) -> None:
        """Each format has its type, and the declared length is that of the bytes."""
        for kind, content_type in SPEECH_TYPES.items():
            with self.subTest(kind=kind):
                answer = spoken(response_format=kind)
                self.assertEqual(content_type, answer.content_type)
                self.assertEqual(5417, len(body_of(answer)))
                self.assertEqual(5417, answer.length)

    def test_bytes(self) -> None:
        """The script's size is exact in every format, and no piece of it is large."""
        for kind in ("mp3", "wav"):
            for size in (1, 43, 44, 45, 417, 418, 1_000_000):
                with self.subTest(kind=kind, size=size):
                    answer = spoken(f"bytes={size}", response_format=kind)
                    pieces = [len(event.data) for event in answer.body()]
                    self.assertEqual((size, size), (answer.length, sum(pieces)))
                    self.assertTrue(max(pieces) < 20_000)

    def test_frames(self) -> None:
        """MP3 frames follow each other, and no two are the same."""
        data = body_of(spoken("bytes=417000"))
        frames = [data[start : start + 417] for start in range(0, len(data), 417)]
        self.assertEqual({b"\xff\xfb\x90\xc4"}, {frame[:4] for frame in frames})
        self.assertEqual(1000, len(set(frames)))

    def test_wave(self) -> None:
        """A WAV file can be read as one."""
        with wave.open(io.BytesIO(body_of(spoken("bytes=1044", response_format="wav")))) as sound:
            self.assertEqual(
                (1, 2, 500), (sound.getnchannels(), sound.getsampwidth(), sound.getnframes())
            )

    def test_refusals(self) -> None:
        """What is missing or unknown is refused and named."""
        for fields, param in (
            ({"input": ""}, "input"),
            ({"voice": None}, "voice"),
            ({"model": ""}, "model"),
            ({"response_format": "ogg"}, "response_format"),
        ):
            with self.subTest(param=param):
                self.assertEqual(param, self.assertRaises(Refusal, spoken, **fields).param)
