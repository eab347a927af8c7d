from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.routing.model_lists import (
    Listed,
    merge_lists,
    read_list,
    write_anthropic,
    write_openai,
)
from magicgateway.wire.jsontext import decode, encode

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-01-01"]),
    st.just([]),
    st.just({}),
)


class ReadTests(SynchronousTestCase):
    def test_shapes(self) -> None:
        """OpenAI's list, Anthropic's page and a bare array are read."""
        entry = {"id": "gpt", "object": "model", "created": 1700000000}
        page_entry = {
            "type": "model",
            "id": "claude",
            "display_name": "Claude",
            "created_at": "2025-01-01T00:00:00Z",
        }
        cases = [
            (
                [Listed("gpt", "openai", 1700000000)],
                encode({"object": "list", "data": [{**entry, "owned_by": "openai"}]}),
            ),
            (
                [Listed("claude", "", 1735689600, "Claude")],
                encode({"data": [page_entry], "has_more": False}),
            ),
            ([Listed("llama", "meta")], b'[{"id":"llama","owned_by":"meta","other":[1]}]'),
            ([], b'{"data":[]}'),
            ([], b"[]"),
            ([Listed("x", "")], b'[1,null,"y",{},{"id":5},{"id":null},[],{"id":"x"}]'),
        ]
        for expected, body in cases:
            with self.subTest(body=body):
                self.assertEqual(expected, read_list(body))

    def test_no_list(self) -> None:
        """Anything else is refused with one kind of error."""
        for body in (b"", b"{}", b'{"data":{}}', b'{"data":null}', b"1", b"null", b"<html>",
                     b'{"data":[', b'"\\ud800"', b"\xff", b"[" * 100_000):  # fmt: skip
            with self.subTest(body=body[:20]):
                self.assertRaises(ValueError, read_list, body)

    def test_dates(self) -> None:
        """A date is seconds or text, in UTC unless it says otherwise; nonsense is unknown."""
        cases: list[tuple[int, Any]] = [
            (1700000000, 1700000000),
            (1700000000, 1700000000.7),
            (0, -1),
            (0, 10**12),
            (253402300799, 253402300799),
            (0, 253402300800),
            (1735689600, "2025-01-01T00:00:00Z"),
            (1735686000, "2025-01-01T00:00:00+01:00"),
            (1735689600, "2025-01-01T00:00:00"),
            (1735689600, "2025-01-01"),
            (0, "0001-01-01T00:00:00+14:00"),
            (0, "9999-12-31T23:59:59-14:00"),
            (0, "yesterday"),
            (0, ""),
            (0, None),
            (0, []),
        ]
        for expected, value in cases:
            with self.subTest(value=value):
                body = encode([{"id": "x", "created": value}])
                self.assertEqual([expected], [model.created for model in read_list(body)])

    @given(st.lists(st.dictionaries(
        st.sampled_from(["id", "owned_by", "created", "created_at", "display_name"]), VALUES
    ), max_size=4))  # fmt: skip
    def test_whatever_a_provider_lists(self, entries: list[dict[str, Any]]) -> None:
        """What can be read can be written, in both shapes, with text where text is promised."""
        models = merge_lists(["fast"], {"p": read_list(encode(entries))})
        for model in decode(write_openai(models))["data"]:
            self.assertIsInstance(model["owned_by"], str)
        for model in decode(write_anthropic(models))["data"]:
            self.assertRegex(model["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


class WriteTests(SynchronousTestCase):
    MODELS = (Listed("fast", "magicgateway"), Listed("p/x", "p", 1735689600, "X"))

    def test_merge(self) -> None:
        """Aliases come first, then providers in order, their models under their name."""
        lists = {"b": [Listed("x", "meta", 5, "X")], "a": [Listed("y/z", ""), Listed("x", "")]}
        self.assertEqual(
            [
                Listed("fast", "magicgateway"),
                Listed("b/x", "b", 5, "X"),
                Listed("a/y/z", "a"),
                Listed("a/x", "a"),
            ],
            merge_lists(["fast"], lists),
        )

    def test_openai(self) -> None:
        """The shape of OpenAI's list."""
        self.assertEqual(
            {
                "object": "list",
                "data": [
                    {"id": "fast", "object": "model", "created": 0, "owned_by": "magicgateway"},
                    {"id": "p/x", "object": "model", "created": 1735689600, "owned_by": "p"},
                ],
            },
            decode(write_openai(self.MODELS)),
        )
        self.assertEqual({"object": "list", "data": []}, decode(write_openai(())))

    def test_anthropic(self) -> None:
        """The shape of Anthropic's page, complete."""
        self.assertEqual(
            {
                "data": [
                    {
                        "type": "model",
                        "id": "fast",
                        "display_name": "fast",
                        "created_at": "1970-01-01T00:00:00Z",
                    },
                    {
                        "type": "model",
                        "id": "p/x",
                        "display_name": "X",
                        "created_at": "2025-01-01T00:00:00Z",
                    },
                ],
                "has_more": False,
                "first_id": "fast",
                "last_id": "p/x",
            },
            decode(write_anthropic(self.MODELS)),
        )
        empty = {"data": [], "has_more": False, "first_id": None, "last_id": None}
        self.assertEqual(empty, decode(write_anthropic(())))
