from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire import heads
from magicgateway.wire.heads import BadHead, HeadLimits, find_fault
from tests.wire.head_cases import LIMITS, read, request, verdict


class LimitTests(SynchronousTestCase):
    def test_each_limit(self) -> None:
        """Each limit holds at n - 1 and n and no longer at n + 1."""
        for more, expected in ((-1, 0), (0, 0), (1, 1)):
            with self.subTest(more=more):
                self.assertEqual(414 * expected, verdict(self._target(8192 + more)))
                self.assertEqual(431 * expected, verdict(self._line(16384 + more)))
                self.assertEqual(431 * expected, verdict(self._size(65536 + more)))
                self.assertEqual(431 * expected, verdict(self._fields(100 + more)))

    def test_messages_name_the_setting(self) -> None:
        """The refusal says which limit it was and what it is called."""
        cases = [
            ("8192 bytes (limits.target_bytes)", self._target(8193)),
            ("16384 bytes (limits.line_bytes)", self._line(16385)),
            ("65536 bytes (limits.head_bytes)", self._size(65537)),
            ("100 header fields (limits.fields)", self._fields(101)),
        ]
        for words, head in cases:
            self.assertIn(words, self.assertRaises(BadHead, read, head).message)

    def test_own_limits(self) -> None:
        """Limits may be set in any order of size, each for itself."""
        cases = [
            (0, HeadLimits(head_bytes=100), self._size(100)),
            (431, HeadLimits(head_bytes=100), self._size(101)),
            (0, HeadLimits(line_bytes=60), self._line(60)),
            (431, HeadLimits(line_bytes=60), self._line(61)),
            (0, HeadLimits(target_bytes=9), self._target(9)),
            (414, HeadLimits(target_bytes=9), self._target(10)),
            (431, HeadLimits(fields=1), self._fields(2)),
        ]
        for expected, limits, head in cases:
            with self.subTest(limits=limits):
                self.assertEqual(expected, verdict(head, limits))

    def test_arriving_head_is_judged_alike(self) -> None:
        """What may be taken in the end is not refused while it arrives, at any cut."""
        for head in (
            self._target(8192),
            self._line(16384),
            self._size(65536),
            request(b"X: \t", b"Y: z"),
        ):
            cuts = {
                at for near in (0, 8192, 16384, len(head)) for at in range(near - 40, near + 40)
            }
            for at in sorted(cut for cut in cuts | self._ends(head) if 0 < cut < len(head) - 3):
                self.assertIsNone(find_fault(head[:at], LIMITS), at)

    def test_arriving_head_is_refused_early(self) -> None:
        """A part of a head that no rest can mend is refused before the rest is there."""
        cases = [
            (414, b"GET /" + b"x" * 8192),
            (431, b"GET / HTTP/1.1\r\nX: " + b"x" * 16382),
            (431, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000),
            (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
            (400, b"GET / HTTP/1.1\nHost: a\n\n"),
            (400, b"GET / HTTP/1.1\r\nX: a\r\n b"),
            (400, b"GET / HTTP/1.1\rX"),
        ]
        for expected, part in cases:
            fault = find_fault(part, LIMITS)
            with self.subTest(part=part[:40]):
                self.assertIsNotNone(fault)
                self.assertEqual(expected, fault.status if fault else 0)

    def test_only_new_bytes_are_looked_at(self) -> None:
        """A fault across the border between what was seen and what is new is found."""
        for part in (b"GET / HTTP/1.1\r\nX: a\n", b"GET /\x01", b"GET / HTTP/1.1\r\nX: a\r\n b"):
            for seen in range(len(part)):
                # What was seen before was in order, or it would have been refused then.
                if find_fault(part[:seen], LIMITS) is None:
                    self.assertIsNotNone(find_fault(part, LIMITS, seen), (part, seen))

    def test_remembered_names_are_bounded(self) -> None:
        """A peer that makes up names cannot fill our memory with them."""
        for number in range(heads._LOWER_NAMES_LIMIT + 10):
            self.assertEqual(b"x-%d" % number, heads.lower_name(b"X-%d" % number))
        self.assertLessEqual(len(heads._lower_names), heads._LOWER_NAMES_LIMIT)
        long = b"X" * 10_000
        self.assertEqual(long.lower(), heads.lower_name(long))
        self.assertNotIn(long, heads._lower_names)

    @staticmethod
    def _ends(head: bytes) -> set[int]:
        return {at + more for at in range(len(head)) if head[at] == 13 for more in (0, 1, 2)}

    @staticmethod
    def _target(size: int) -> bytes:
        return request(line=b"GET /" + b"x" * (size - 1) + b" HTTP/1.1")

    @staticmethod
    def _line(size: int) -> bytes:
        return request(b"X: " + b"x" * (size - 3))

    @staticmethod
    def _size(size: int) -> bytes:
        fields = [b"X: " + b"x" * 8000] * ((size - 100) // 8005)
        missing = size - len(request(*fields)) - 5
        return request(*fields, b"Y: " + b"y" * missing)

    @staticmethod
    def _fields(number: int) -> bytes:
        return request(*[b"X: y"] * (number - 1))
