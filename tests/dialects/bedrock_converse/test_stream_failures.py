from __future__ import annotations

import random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.events import (
    Event,
    Failed,
)
from magicgateway.dialects.bedrock_converse.stream_reader import open_reader
from magicgateway.wire.event_stream import FrameError
from magicgateway.wire.jsontext import encode
from tests.dialects.bedrock_converse.streams import (
    METADATA,
    SENT,
    START,
    Json,
    Wire,
    call,
    delta,
    end,
    framed,
    kinds,
    opened,
    read,
    read_bytes,
    stopped,
)

SEED = 20261125


class FailureTests(SynchronousTestCase):
    maxDiff = None

    def test_exceptions(self) -> None:
        """J58, J59: an exception ends the stream, under whichever name it comes."""
        cases: list[tuple[str, Json, str]] = [
            ("exception:throttlingException", {"message": "m"}, "rate_limit"),
            ("throttlingException", {"message": "m"}, "rate_limit"),
            ("exception:brandNew", {}, "server"),
            ("error:InternalError", {"message": "boom"}, "server"),
            ("InternalError", {}, "server"),
        ]
        for name, payload, kind in cases:
            (
                *events,
                failed,
            ) = read(START, delta(0, text="a"), (name, payload), end(), METADATA)
            self.assertEqual(["Started", "BlockStarted", "TextDelta"], kinds(events))
            assert isinstance(failed, Failed)
            self.assertEqual(kind, failed.failure.kind)
        (only,) = read(("exception:brandNew", {}))
        assert isinstance(only, Failed)
        self.assertIn("brandNew", only.failure.message)
        (failed,) = open_reader(SENT).feed("throttlingException", b"<html>")
        assert isinstance(failed, Failed)
        self.assertEqual("rate_limit", failed.failure.kind)

    def test_after_the_end(self) -> None:
        """An exception after the message's end is one all the same."""
        self.assertEqual("Failed", kinds(read(START, end(), ("exception:x", {})))[-1])

    def test_malformed(self) -> None:
        """A model that broke down and left nothing fails; what it left is an answer."""
        reason = "malformed_model_output"
        self.assertEqual(["Started", "Failed"], kinds(read(START, end(reason))))
        self.assertEqual("Ended", kinds(read(START, delta(0, text="a"), end(reason)))[-1])

    def test_broken(self) -> None:
        """What cannot be an answer's event ends it in a failure."""
        cases: list[Wire] = [
            ("contentBlockDelta", {"delta": {"text": "a"}}),
            ("contentBlockDelta", {"contentBlockIndex": True, "delta": {"text": "a"}}),
            ("contentBlockDelta", {"contentBlockIndex": 0}),
            delta(0, text=1),
            delta(0, toolUse={"input": "{}"}),
            delta(0, toolUse=1),
            delta(0, reasoningContent=1),
            delta(0, reasoningContent={"text": 1}),
            delta(0, citation=1),
            opened(0, {"toolUse": {"name": "f"}}),
            ("contentBlockStop", {}),
            START,
        ]
        for wire in cases:
            events = read(START, wire, end(), METADATA)
            self.assertEqual("Failed", kinds(events)[-1], wire)
            self.assertNotIn("Ended", kinds(events))
        self.assertEqual("Failed", kinds(read(START, end(), delta(0, text="a")))[-1])
        for data in (b"[]", b"{", b""):
            (failed,) = open_reader(SENT).feed("metadata", data)
            self.assertIsInstance(failed, Failed)

    def test_foreign_pieces(self) -> None:
        """A piece of a result or a picture belongs to no block of another kind."""
        thought = {"reasoningContent": {"redactedContent": "eHl6"}}
        signed = {"reasoningContent": {"text": "t", "signature": "s"}}
        for before in (thought, signed, {"text": "t"}):
            pieces: list[Json] = [{"toolResult": [{"text": "x"}]}, {"image": {"source": {}}}]
            for piece in pieces:
                events = read(START, delta(0, **before), delta(0, **piece), end(), METADATA)
                self.assertEqual("Failed", kinds(events)[-1], (before, piece))

    def test_too_long(self) -> None:
        """What has to be held back is not held without end."""
        piece = {"redactedContent": "A" * (1 << 20)}
        reader = open_reader(SENT)
        seen: list[Event] = []
        for _ in range(20):
            seen += reader.feed("contentBlockDelta", encode(delta(0, reasoningContent=piece)[1]))
        self.assertEqual(["Started", "Failed"], kinds(seen))


WHOLE: list[Wire] = [
    START,
    delta(0, reasoningContent={"text": "T"}),
    delta(0, reasoningContent={"signature": "S"}),
    stopped(0),
    delta(1, text="Hé"),
    delta(1, citation={"title": "t"}),
    stopped(1),
    call(2),
    delta(2, toolUse={"input": '{"a":1}'}),
    stopped(2),
    delta(3, reasoningContent={"redactedContent": "UlhV"}),
    stopped(3),
    end("tool_use", additionalModelResponseFields={"delta": {"stop_sequence": "x"}}),
    METADATA,
]


class MutationTests(SynchronousTestCase):
    """Nothing that is not a stream crashes or looks complete."""

    def test_bits(self) -> None:
        """Each flipped bit in a stream's bytes is an error."""
        raw = framed(*WHOLE)
        chance = random.Random(SEED)  # noqa: S311 - mutations, not secrets
        for _ in range(500):
            mutated = bytearray(raw)
            mutated[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
            self.assertRaises(FrameError, read_bytes, [bytes(mutated)])

    def test_cuts(self) -> None:
        """A stream that is cut before its message's end is not complete."""
        raw = framed(*WHOLE)
        least = len(framed(*WHOLE[:-1]))
        for at in range(least):
            try:
                events = read_bytes([raw[:at]])
            except FrameError:
                continue
            self.assertNotIn("Ended", kinds(events))

    def test_events(self) -> None:
        """Events with something in them exchanged are read, or end in a failure: none crashes."""
        chance = random.Random(SEED)  # noqa: S311 - mutations, not secrets
        for round_ in range(3000):
            wire = [(name, _mutated(payload, chance)) for name, payload in WHOLE]
            chance.shuffle(wire) if round_ % 3 == 0 else None
            names = kinds(read(*wire))
            self.assertLessEqual(names.count("Ended") + names.count("Failed"), 1)
            self.assertLessEqual(names.count("Started"), 1)
            for terminal in ("Ended", "Failed"):
                if terminal in names:
                    self.assertEqual(terminal, names[-1])
            self.assertEqual(
                names.count("BlockStopped") if "Ended" in names else 0,
                names.count("BlockStarted") if "Ended" in names else 0,
            )


def _mutated(value: Any, chance: random.Random) -> Any:
    if chance.random() < 0.02:
        return chance.choice([None, 1, "x", "", [], {}, True, -1, {"a": []}])
    if isinstance(value, dict):
        return {name: _mutated(inner, chance) for name, inner in value.items()}
    return value
