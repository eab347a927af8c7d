from __future__ import annotations

import itertools
import json
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from magicgateway.wire.json_peek import peek
from magicgateway.wire.json_scan import JsonScanner, Peek
from tests.wire.json_cases import CASES, Verdict, oracle, suite


def scan(pieces: list[bytes]) -> Peek:
    scanner = JsonScanner()
    for piece in pieces:
        scanner.feed(piece)
    return scanner.finish()


def verdict(pieces: list[bytes]) -> Peek | str:
    try:
        return scan(pieces)
    except ApiError as error:
        return error.code


def peeked(body: bytes) -> Peek | str:
    try:
        return peek(body)
    except ApiError as error:
        return error.code


def short(result: Peek | str) -> Verdict:
    return result if isinstance(result, str) else (result.model, result.stream)


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(places), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]


def bytewise(body: bytes) -> list[bytes]:
    return [body[at : at + 1] for at in range(len(body))]


TOKENS = st.sampled_from(
    [
        *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"\n", b"x", b"\xef\xbb\xbf"),
        *(b'"model"', b'"stream"', b'"mod\\u0065l"', b'"\\"model\\":"', b'"a"', b'""', b'"\\"'),
        *(b"true", b"null", b"0", b"-1", b"1.5e+3", b"01", b"1" * 40, b'"\\u00e9"', b'"\\\\"'),
        *(b'"\\ud83d\\ude00"', b'"\\ud800"', b'"\xc3\xa9"', b'"\xff"', b'"\x01"'),
        '"\u2028\U0001f600"'.encode(),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(["model", '\\"model":']),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["model", "stream", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Token soup, objects, and objects with one thing wrong."""
    soup = b"".join(draw(st.lists(TOKENS, max_size=15)))
    kind = draw(st.integers(0, 3))
    if kind < 2:
        return b"{" + soup + b"}" if kind else soup
    names = st.sampled_from(["model", "stream", "a", "messages"])
    items = draw(st.lists(st.tuples(names, VALUES), max_size=5))
    spaces = draw(st.sampled_from([(",", ":"), (", ", " : "), (" ,\n", ":\t")]))
    ascii_only = draw(st.booleans())
    pairs = [
        json.dumps(name) + spaces[1] + json.dumps(value, ensure_ascii=ascii_only, separators=spaces)
        for name, value in items
    ]
    body = ("{" + spaces[0].join(pairs) + "}").encode("utf-8", "surrogatepass")
    if kind == 3:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(TOKENS) + body[at + draw(st.integers(0, 1)) :]
    return body


class ScannerTests(SynchronousTestCase):
    def test_cases(self) -> None:
        """Whole, byte by byte and in random cuts, every body gets the one right verdict."""
        chance = random.Random(7)  # noqa: S311 - cuts, not secrets
        for body, expected in CASES:
            cuts = [chance.randrange(len(body) + 1) for _ in range(5)]
            with self.subTest(body=body[:60]):
                self.assertEqual(expected, oracle(body))
                self.assertEqual(expected, short(verdict([body])))
                self.assertEqual(expected, short(verdict(cut(body, cuts))))
                if len(body) < 20_000:
                    self.assertEqual(expected, short(verdict(bytewise(body))))

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(bodies(), st.data())
    def test_any_body_any_cuts(self, body: bytes, data: st.DataObject) -> None:
        """Peek, scanner in any cuts, and the standard library's reader agree on every body."""
        cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
        result = verdict([body])
        self.assertEqual(result, verdict(cut(body, cuts)))
        self.assertEqual(result, verdict(bytewise(body)))
        self.assertEqual(result, peeked(body))
        self.assertEqual(oracle(body), short(result))
        if isinstance(result, Peek) and result.span:
            start, end = result.span
            self.assertEqual(result.model, json.loads(body[start:end]))

    def test_suite(self) -> None:
        """The JSON test-suite's texts, bare and as a field's value, are read as it says."""
        files = suite()
        if not files:
            print("JSON test-suite left out: 318 texts")
        for name, text in files.items():
            for body in (text, b'{"a":' + text + b"}", b'{"a":[0,' + text + b'],"model":"m"}'):
                with self.subTest(name=name):
                    result = peeked(body)
                    self.assertEqual(result, verdict([body]))
                    self.assertEqual(result, verdict(cut(body, [len(body) // 3, len(body) // 2])))
                    if len(body) < 5_000:
                        self.assertEqual(result, verdict(bytewise(body)))
                    if name.startswith("n_") and body is not text:
                        self.assertEqual("invalid_json", result)
                    if name.startswith("y_") and body is not text:
                        self.assertIsInstance(result, Peek)

    def test_span(self) -> None:
        """The span is the literal with its quotes, in offsets of the whole body."""
        for body, literal in [
            (b'{"model":"m"}', b'"m"'),
            (b' { "x" : 12345 , "model" \n: "a\\u002fb" } ', b'"a\\u002fb"'),
            ('{"é":"\\\\","model":"é"}'.encode(), '"é"'.encode()),
            (b'{"x":' + b"1" * 200 + b',"model":"m"}', b'"m"'),
        ]:
            for pieces in ([body], bytewise(body)):
                start, end = scan(pieces).span or (0, 0)
                self.assertEqual(literal, body[start:end])

    def test_large_body(self) -> None:
        """A body of many pieces is read the same in one feed and in small ones."""
        filler = b'{"content":"' + b"QUJD" * 30_000 + b'","n":[1,2,{"model":0}]},'
        body = b'{"messages":[' + filler * 5 + b'{}],"stream":true,"model":"m"}'
        expected = Peek("m", True, (len(body) - 4, len(body) - 1))
        self.assertEqual(expected, scan([body]))
        pieces = cut(body, list(range(0, len(body), 1000)))
        self.assertEqual(expected, scan(pieces))

    def test_offsets(self) -> None:
        """A refusal says at which byte of the whole body it noticed."""
        cases = [
            (b'{"aaaa":[1,2,x]}', "invalid character at byte 13"),
            (b'{"aaaa":"\xff"}', "invalid UTF-8 at byte 9"),
            (b'{"aaaa":"\xc3x"}', "invalid UTF-8 at byte 9"),
            (b"  []", "does not begin with '{' at byte 2"),
            (b"{} []", "trailing characters at byte 3"),
            (b"{}12", "trailing characters at byte 2"),
            (b'{"a":1', "ends too early at byte 6"),
            (b'{"a":' + b"e" * 50, "invalid number at byte 5"),
            (b"\xef\xbb\xbf{}", "byte order mark at byte 0"),
            (b" ", "it is empty"),
            (b'{"a":' + b"[" * 300, "nested deeper than 256 levels"),
        ]
        for body, expected in cases:
            for pieces in ([body], bytewise(body)):
                with self.subTest(body=body[:20], pieces=len(pieces)):
                    error = self.assertRaises(ApiError, scan, pieces)
                    self.assertEqual(400, error.status)
                    self.assertIn(expected, error.message)

    def test_field_errors_name_the_field(self) -> None:
        """What is wrong with a field says which, in the error's parameter."""
        for body, param in [
            (b'{"model":1}', "model"),
            (b'{"model":"m","model":"m"}', "model"),
            (b'{"stream":true,"stream":true}', "stream"),
        ]:
            error = self.assertRaises(ApiError, scan, [body])
            self.assertEqual(param, error.param)
