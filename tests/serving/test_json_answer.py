"""Whether a JSON answer is whole, however large it is."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.serving.json_answer import READ_LIMIT, JsonAnswer

PADDING = b"x" * READ_LIMIT


def whole(*pieces: bytes, until_close: bool = True) -> bool:
    answer = JsonAnswer(until_close=until_close)
    for piece in pieces:
        answer.add(piece)
    return answer.is_whole()


class WholeTests(SynchronousTestCase):
    def test_cases(self) -> None:
        """An answer that was cut is not whole, be it kept or only looked at."""
        large = b'{"a":"' + PADDING
        for expected, pieces in (
            (True, [b'{"a":', b"1}"]),
            (True, [b"[1]"]),
            (False, [b'{"a":', b"1"]),
            (False, [b""]),
            (True, [large, b'"}']),
            (True, [large, b'","model":"a","model":7}']),
            (False, [large]),
            (False, [large, b'"', b"}}", b"more"]),
            (False, [large, b'"}x']),
            (True, [b'["' + PADDING, b'"']),
        ):
            with self.subTest(pieces=[piece[:8] + piece[-8:] for piece in pieces]):
                self.assertIs(expected, whole(*pieces))

    def test_text(self) -> None:
        """It is there to be read up to a limit, and not a byte above."""
        answer = JsonAnswer(until_close=False)
        answer.add(b"x" * READ_LIMIT)
        self.assertEqual(READ_LIMIT, len(answer.text))
        answer.add(b"x")
        answer.add(b"x")
        self.assertEqual(b"", answer.text)
        self.assertTrue(answer.is_whole(), "its framing says so")
