from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire import json_context as context
from magicgateway.wire import jsontext


class CompletionTests(SynchronousTestCase):
    def test_prefix_and_suffix_make_a_whole(self) -> None:
        """Whatever is open, prefix and suffix together are one valid JSON text."""
        states = {
            b"{": (context.FRESH, context.COMMA, context.COLON, context.KEY, context.VALUE),
            b"[": (context.FRESH, context.COMMA, context.VALUE),
        }
        for below in (b"", b"{", b"[", b"{[", b"[{", b"[[{{"):
            for top, possible in states.items():
                for state in possible:
                    stack = below + top
                    whole = context.prefix(stack, state) + context.suffix(stack, state)
                    with self.subTest(whole=whole):
                        jsontext.decode(whole)

    def test_nothing_open(self) -> None:
        """Outside all containers there is nothing to add."""
        self.assertEqual(b"", context.prefix(b"", context.START))
        self.assertEqual(b"", context.suffix(b"", context.END))


class NestedTests(SynchronousTestCase):
    def test_what_stays_open(self) -> None:
        """Closed pairs vanish, whatever was open before."""
        cases = [
            (b"", b"{[]", b"{"),
            (b"{", b"[{}{}][", b"{["),
            (b"{[", b"]", b"{"),
            (b"{", b"[" * 20 + b"]" * 20 + b"{", b"{{"),
        ]
        for stack, more, expected in cases:
            with self.subTest(stack=stack, more=more):
                self.assertEqual(expected, context.nested(stack, more))

    def test_depth_is_exact(self) -> None:
        """The deepest point counts, wherever it is and however soon it is left again."""
        most = context.MAX_DEPTH
        for deep in (most - 1, most):
            self.assertEqual(b"", context.nested(b"", b"[" * deep + b"]" * deep))
            self.assertEqual(b"{" * deep, context.nested(b"", b"{" * deep))
        self.assertEqual(b"{" * most, context.nested(b"", b"{" * (most - 1) + b"[]" * 9 + b"{"))
        over = [
            b"[" * (most + 1),
            b"[" * (most + 1) + b"]" * (most + 1),
            b"{" * most + b"[]",
            b"{" * (most - 1) + b"[[]]" + b"[",
        ]
        for sequence in over:
            with self.subTest(sequence=len(sequence)):
                self.assertRaises(context.TooDeep, context.nested, b"", sequence)


class CutTests(SynchronousTestCase):
    def test_masked(self) -> None:
        """Escaped quotes and backslashes are blanked, and nothing moves."""
        cases = [
            (b'"a"', b'"a"'),
            (rb'"\""', b'"  "'),
            (rb'"\\"', b'"  "'),
            (rb'"\\\""', b'"    "'),
            (rb'"\\\\" "', b'"    " "'),
            (rb'"\n\u0022', rb'"\n\u0022'),
        ]
        for text, expected in cases:
            with self.subTest(text=text):
                self.assertEqual(expected, context.masked(text))

    def test_escape_tail(self) -> None:
        """Only an escape that is not complete is held back."""
        cases = [
            (b"", 0), (b"abc", 0), (b"a\\", 1), (b"\\u", 2), (b"x\\u1", 3), (b"x\\u12", 4),
            (b"\\u123", 5), (b"\\u1234", 0), (b"\\n", 0), (b"\\nu12", 0), (b"\\u1234\\", 1),
        ]  # fmt: skip
        for string, expected in cases:
            with self.subTest(string=string):
                self.assertEqual(expected, context.escape_tail(string))

    def test_scalar_tail(self) -> None:
        """A number or word at the end is held back, because it may go on."""
        cases = [(b"", 0), (b"[1", 1), (b"[1 ", 0), (b":tru", 3), (b",-1.5e+3", 7), (b"]", 0)]
        for outside, expected in cases:
            with self.subTest(outside=outside):
                self.assertEqual(expected, context.scalar_tail(outside))

    def test_shortened(self) -> None:
        """Long runs of digits are shortened and go on as before; other long words are refused."""
        cases = [
            (b"123", b"123"),
            (b"1" * 99, b"11"),
            (b"0" * 99, b"00"),
            (b"-" + b"12" * 50 + b"." + b"7" * 50 + b"e-" + b"3" * 50, b"-12.77e-33"),
            (b"true" * 20, None),
            (b"1.2" * 20, None),
        ]
        for tail, expected in cases:
            with self.subTest(tail=tail):
                self.assertEqual(expected, context.shortened(tail))
