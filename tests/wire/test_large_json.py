"""JSON in slices says what JSON at once says."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire import jsontext, large_json
from magicgateway.wire.jsontext import BadJson

BITS = st.sampled_from(
    ("plain ", "é", "猫", "😀", '"', "\\", "\n", "\u0001", "\0", "\0" + "0", "u00e9", "\\u", "/")
)
TEXTS = st.builds("".join, st.lists(BITS, max_size=40))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


class LargeJsonTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(large_json, "SLICE", 16)  # so that little is large
        self.patch(large_json, "_FIRST_STEP", 4)
        self.patch(large_json, "_FEW", 2)

    def check(self, value: Any, text: bytes) -> None:
        """Both ways are those of the module that reads at once."""
        self.assertEqual(jsontext.decode(text), large_json.decode(text))
        self.assertEqual(value, large_json.decode(text))
        self.assertEqual(jsontext.encode(value), large_json.encode(value))

    def test_any_value(self) -> None:
        """Whatever is in the strings, and wherever they are cut."""

        @settings(max_examples=300, deadline=None, database=None)
        @given(VALUES)
        def same(value: Any) -> None:
            for ascii_only in (False, True):
                self.check(value, json.dumps(value, ensure_ascii=ascii_only).encode())

        same()

    def test_every_cut(self) -> None:
        """No character is torn, however it is written and whatever comes before it."""
        for character in ("é", "猫", "😀", "\\u00e9", "\\ud83d\\ude00", "\\\\", '\\"', "\\n"):
            for before in range(40):
                text = f'{{"a": ["{"x" * before}{character * 20}", 1]}}'.encode()
                self.assertEqual(jsontext.decode(text), large_json.decode(text), text)

    def test_not_changed(self) -> None:
        """A value that is written stays as it was."""
        value = {"a": ["x" * 100, {"b": "y" * 100, "c": 1}]}
        before = json.dumps(value)
        large_json.encode(value)
        self.assertEqual(before, json.dumps(value))

    def test_long_names(self) -> None:
        """A name may be as long as a text."""
        value = {"n" * 100: "v" * 100, "\0" + "0": "w" * 100}
        self.check(value, json.dumps(value).encode())

    def test_steps(self) -> None:
        """No step takes more than a slice and what stands around it."""
        sizes: list[int] = []
        decode, encode = jsontext.decode, jsontext.encode

        def read(text: bytes) -> Any:
            sizes.append(len(text))
            return decode(text)

        def write(value: Any) -> bytes:
            text = encode(value)
            sizes.append(len(text))
            return text

        for character in ("x", "\n", '"', "\\", "é", "😀", "😀x"):
            for ascii_only in (False, True):
                value = {"a": [character * 500], "b": character}
                text = json.dumps(value, ensure_ascii=ascii_only).encode()
                self.patch(jsontext, "decode", read)
                self.patch(jsontext, "encode", write)
                self.assertEqual(value, large_json.decode(text))
                self.assertEqual(decode(text), decode(large_json.encode(value)))
                self.patch(jsontext, "decode", decode)
                self.patch(jsontext, "encode", encode)
        self.assertLess(max(sizes), 4 * 16 + 30)
        self.assertGreater(len(sizes), 1000)

    def test_many_small(self) -> None:
        """Values that are large because there are many in them are read and written one by one."""
        sizes: list[int] = []
        decode, encode = jsontext.decode, jsontext.encode

        def read(text: bytes) -> Any:
            sizes.append(len(text))
            return decode(text)

        def write(value: Any) -> bytes:
            text = encode(value)
            sizes.append(len(text))
            return text

        turns = [{"role": "user", "content": [{"text": str(n)}]} for n in range(50)]
        for value in (
            {"messages": turns, "n": 1},
            {"a": {"b": {"c": [1, [2, 3]], "d": {}}}, "e": []},
            [[], turns],
            [turns, {}],
        ):
            text = json.dumps(value, separators=(",", ":")).encode()
            self.patch(jsontext, "decode", read)
            self.patch(jsontext, "encode", write)
            self.assertEqual(value, large_json.decode(text))
            self.assertEqual(text, large_json.encode(value))
            self.patch(jsontext, "decode", decode)
            self.patch(jsontext, "encode", encode)
        self.assertLess(max(sizes), 60)

    def test_twice(self) -> None:
        """Of two members of one name the last counts, and the first is refused if it is no text."""
        filler = b'"f":[%b],' % b",".join([b"1"] * 40)
        data = b'{%b"a":"%b","a":2}'
        self.assertEqual(2, large_json.decode(data % (filler, b"first"))["a"])
        bad = data % (filler, b"\xff")
        self.assertEqual(said(jsontext.decode, bad), said(large_json.decode, bad))

    def test_bad(self) -> None:
        """What is wrong is told in the same words, and nothing wrong is read."""
        long = "x" * 100
        for text in (
            f'{{"a": "{long}',
            f'"{long}\\',
            f'"{long}\\u12"',
            f'"{long}\\ud83d"',
            f'"{long}\\ud83d\\n{long}"',
            f'"{long}\\x{long}"',
            f'"{long}\n{long}"',
            f'["{long}" "{long}"]',
            f'"{long}" 1',
            "",
            '"',
        ):
            with self.subTest(text=text):
                expected = said(jsontext.decode, text.encode())
                self.assertEqual(expected, said(large_json.decode, text.encode()))
        for data in (b'"' + b"x" * 40 + b"\xff" * 9 + b'"', b'"' + b"\x80" * 60 + b'"'):
            self.assertEqual(said(jsontext.decode, data), said(large_json.decode, data))
        deep: Any = long
        for _ in range(3000):
            deep = [deep]
        for value in ({"a": [long, object()]}, "\ud800" * 100, deep):
            self.assertEqual(said(jsontext.encode, value), said(large_json.encode, value))


def said(call: Any, given: Any) -> Any:
    """What a call gives, or what it says of what it was given."""
    try:
        return call(given)
    except BadJson as fault:
        return str(fault)
