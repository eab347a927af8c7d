"""AWS event streams that no provider sends."""

from __future__ import annotations

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire.event_stream import Frame, FrameError, FrameReader
from tests.wire.frames import ALL_TYPES, DELTA, START, STOP, cut, judged, read, with_headers


class HostileTests(SynchronousTestCase):
    """What no provider sends."""

    def test_mutations(self) -> None:
        """A damaged stream gives the frames before the damage and never looks complete."""
        seed = 20_261_124
        chance = random.Random(seed)  # noqa: S311 - repeatable
        stream = START + DELTA + STOP
        whole = read([stream])
        ends = list(itertools.accumulate(len(encoded) for encoded in (START, DELTA, STOP)))
        for number in range(20_000):
            damaged = mutated(stream, chance)
            same = common(stream, damaged)
            reader = FrameReader()
            got: list[Frame] = []
            try:
                for piece in cut(damaged, [chance.randrange(len(stream)) for _ in range(2)]):
                    got.extend(reader.feed(piece))
                reader.finish()
                complete = True
            except FrameError:
                complete = False
            message = f"seed {seed}, number {number}"
            self.assertEqual(whole[: len(got)], got, message)
            self.assertLessEqual(sum(end <= same for end in ends), len(got), message)
            # A stream that was cut between two frames is whole as far as frames can tell.
            self.assertEqual(damaged in {stream[:end] for end in (0, *ends)}, complete, message)

    def test_mutated_headers(self) -> None:
        """Under good checksums, any header block is read as botocore reads it, or refused."""
        chance = random.Random(20_261_125)  # noqa: S311 - repeatable
        block = ALL_TYPES[12:-4]
        read_some = 0
        for _ in range(4000):
            damaged = with_headers(mutated(block, chance))
            try:
                frames = read([damaged])
            except FrameError as error:
                self.assertEqual("header", error.field)
                continue
            read_some += 1
            self.assertEqual(judged(damaged), frames)
        self.assertGreater(read_some, 100)

    @given(st.binary(max_size=200))
    @settings(deadline=None, max_examples=100)
    def test_noise(self, noise: bytes) -> None:
        """Bytes at random are no frames, and nothing but FrameError is raised."""
        reader = FrameReader()
        if len(noise) < 12:
            self.assertEqual([], list(reader.feed(noise)))
        else:
            self.assertRaises(FrameError, list, reader.feed(noise))


def mutated(stream: bytes, chance: random.Random) -> bytes:
    """A copy with one damage: bits or bytes changed, left out, put in, repeated, or cut off."""
    place = chance.randrange(len(stream))
    length = chance.randrange(1, 9)
    match chance.randrange(6):
        case 0:
            flipped = stream[place] ^ 1 << chance.randrange(8)
            return stream[:place] + bytes((flipped,)) + stream[place + 1 :]
        case 1:
            other = (stream[place] + chance.randrange(1, 256)) % 256
            return stream[:place] + bytes((other,)) + stream[place + 1 :]
        case 2:
            return stream[:place] + stream[place + length :]
        case 3:
            return stream[:place] + chance.randbytes(length) + stream[place:]
        case 4:
            return stream[: place + length] + stream[place:]
        case _:
            return stream[:place]


def common(one: bytes, other: bytes) -> int:
    """How many bytes two streams begin with alike."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
