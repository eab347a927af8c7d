from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from magicgateway.wire import json_peek, jsontext
from magicgateway.wire.json_peek import Peek, peek, splice
from tests.wire.json_cases import CASES


class PeekTests(SynchronousTestCase):
    def test_cases(self) -> None:
        """Every body gets the one right verdict, and the scanner's span."""
        for body, expected in CASES:
            with self.subTest(body=body[:60]):
                if isinstance(expected, str):
                    error = self.assertRaises(ApiError, peek, body)
                    self.assertEqual((400, expected), (error.status, error.code))
                else:
                    found = peek(body)
                    self.assertEqual(expected, (found.model, found.stream))
                    self.assertEqual(json_peek.scan(body), found)

    def test_large_body(self) -> None:
        """A body above the small size is scanned, with the same result."""
        body = b'{"x":"' + b"a" * json_peek.SMALL + b'","model":"m"}'
        self.assertEqual(Peek("m", False, (len(body) - 4, len(body) - 1)), peek(body))


class SpliceTests(SynchronousTestCase):
    @given(st.lists(st.integers(0, 40), max_size=6), st.text('ab"\\\n\u00e9/', max_size=5))
    def test_any_cuts(self, places: list[int], model: str) -> None:
        """Only the model's value changes, however the body is cut."""
        body = b'{"a": 1.0, "model" : "old\\u0020", "b":2}'
        span = peek(body).span
        assert span
        edges = [0, *sorted(places), len(body)]
        chunks = [body[start:end] for start, end in itertools.pairwise(edges)]
        expected = b'{"a": 1.0, "model" : ' + jsontext.encode(model) + b', "b":2}'
        self.assertEqual(expected, b"".join(splice(chunks, span, model)))

    def test_other_chunks_are_kept(self) -> None:
        """Chunks beside the span are the same objects, not copies."""
        chunks = [b'{"x":1,', b'"model":"m"', b',"y":2}']
        span = peek(b"".join(chunks)).span
        assert span
        spliced = splice(chunks, span, "other")
        self.assertIs(chunks[0], spliced[0])
        self.assertIs(chunks[2], spliced[-1])
        self.assertEqual(b'{"x":1,"model":"other","y":2}', b"".join(spliced))
