from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.references import Reference
from magicgateway.config.secret import Secret
from magicgateway.config.unfit import Unfit
from magicgateway.config.values import (
    LARGEST_COUNT,
    LONGEST_SECONDS,
    fit,
    from_text,
    said_type,
)

STRINGS = tuple[str, ...]
TABLE = Mapping[str, str]
SECRETS = tuple[Secret, ...]
NAMES = str | tuple[str, ...] | None


class FitTests(SynchronousTestCase):
    def test_values(self) -> None:
        """A TOML value of the right type becomes the setting's value."""
        cases: list[tuple[Any, Any, Any]] = [
            (True, bool, True),
            (5, int, 5),
            (-5, int, -5),
            (LARGEST_COUNT, int, LARGEST_COUNT),
            (5.0, float, 5),
            (0.5, float, 0.5),
            (float(LONGEST_SECONDS), float, LONGEST_SECONDS),
            ("", str, ""),
            ("a", str, " a "),
            ("a", str | None, "a"),
            (("a", "b"), STRINGS, ["a", " b"]),
            ((), STRINGS, []),
            ((), STRINGS | None, []),
            (7, int | None, 7),
            ("a", NAMES, " a "),
            (("a", "b"), NAMES, ["a", "b"]),
            (Reference("env", "K"), Secret | None, "env:K"),
            ((Reference("env", "K"), Reference("file", "k")), SECRETS, ["env:K", "file:k"]),
            ({"X-A": "1"}, TABLE, {"X-A": "1"}),
        ]
        for expected, kind, value in cases:
            with self.subTest(kind=kind, value=value):
                found = fit(kind, value)
                self.assertEqual(expected, found)
                self.assertEqual(type(expected) is bool, type(found) is bool)

    def test_refusals(self) -> None:
        """A value of another type, an empty one, or one out of range is refused."""
        cases: list[tuple[Any, list[Any]]] = [
            (bool, [1, "true", None]),
            (int, [True, 5.0, "5", LARGEST_COUNT + 1]),
            (
                float,
                [
                    True,
                    "5",
                    float("nan"),
                    float("inf"),
                    -float("inf"),
                    10**400,
                    LONGEST_SECONDS + 1,
                ],
            ),
            (str, [5, ["a"], "a\0", "a\nb", "a\x7f", "a\udc80"]),
            (str | None, ["", "  ", 5]),
            (STRINGS, ["a", [1], ["a", ""], [" "], [["a"]]]),
            (NAMES, ["", 5, [], [""], [5]]),
            (Secret | None, [5, "", "sk-canary", ["env:K"]]),
            (SECRETS, ["env:K", [5], ["sk-canary"], [""]]),
            (TABLE, ["a", {"a": 1}, {"": "a"}, {"a": ""}, {"a": "b\nc"}]),
        ]
        for kind, values in cases:
            for value in values:
                with self.subTest(kind=kind, value=value):
                    error = self.assertRaises(Unfit, fit, kind, value)
                    self.assertNotIn("canary", str(error))

    def test_type_names(self) -> None:
        """Every TOML type has a name for people."""
        cases: list[tuple[str, object]] = [
            ("true or false", True),
            ("a whole number", 1),
            ("a number", 1.5),
            ("a string", "x"),
            ("a list", []),
            ("a table", {}),
            ("a date or time", object()),
        ]
        for expected, value in cases:
            self.assertEqual(expected, said_type(value))


class FromTextTests(SynchronousTestCase):
    def test_values(self) -> None:
        """A variable's text is read by the type of its setting."""
        cases: list[tuple[Any, Any, str]] = [
            (True, bool, "True"),
            (False, bool, " false "),
            (5, int, "5"),
            (10_000, int, "10_000"),
            (0.5, float, "0.5"),
            (1e3, float, "1e3"),
            ("a,b", str, " a,b "),
            ("env:K", Secret | None, "env:K"),
            (["a", "b"], STRINGS, "a, b"),
            (["a,b", "c"], STRINGS, '["a,b", "c"]'),
            (["a"], STRINGS, "['a',]"),
            ([], STRINGS, ""),
            ([], STRINGS, "[]"),
            ([], STRINGS | None, ""),
            (5, int | None, "5"),
            ("a", NAMES, " a "),
            (["a", "b"], NAMES, "a, b"),
            (["a"], NAMES, '["a"]'),
            (["env:K", "file:k"], SECRETS, "env:K,file:k"),
            ({"a": "b"}, TABLE, '{"a": "b"}'),
            ({"a": "b"}, TABLE, '{ a = "b" }'),
            ({"a": ["b"]}, None, '{"a": ["b"]}'),
        ]
        for expected, kind, text in cases:
            with self.subTest(kind=kind, text=text):
                self.assertEqual(expected, from_text(kind, text))

    def test_refusals(self) -> None:
        """What cannot be read as the setting's type is refused and not repeated."""
        cases: list[tuple[Any, list[str]]] = [
            (bool, ["", "yes", "1"]),
            (int, ["", "canary", "5.0", "0x5", "9" * 5000]),
            (float, ["", "canary"]),
            (STRINGS, ['["canary"', '["a"]\nb = "canary"']),
            (SECRETS, ["", "  "]),
            (TABLE, ["", "canary", '{"a": canary}', '{a = "b"}\nc = 1', "[" * 5000]),
        ]
        for kind, texts in cases:
            for text in texts:
                with self.subTest(kind=kind, text=text[:40]):
                    error = self.assertRaises(Unfit, from_text, kind, text)
                    self.assertNotIn("canary", str(error))
