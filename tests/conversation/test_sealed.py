from __future__ import annotations

import base64
import json
from typing import Any

from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import sealed
from magicgateway.conversation.blocks import Thinking, Token
from magicgateway.conversation.sealed import is_sealed, seal, unseal

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
THOUGHTS = st.builds(
    Thinking,
    parts=st.lists(WORDS, max_size=3).map(tuple),
    summary=st.booleans(),
    redacted=st.booleans(),
    token=st.builds(Token, st.text("abc-", min_size=1, max_size=32), WORDS.filter(bool)),
    item_id=st.none() | st.text("rs_1", min_size=1, max_size=128),
)
SIGNED_CALLS = st.builds(
    Thinking,
    token=st.builds(Token, st.text("abc-", min_size=1, max_size=32), WORDS.filter(bool)),
    call_id=st.text(min_size=1, max_size=64),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("odtsricx"), inner, max_size=6)
    ),
)


def sealing(content: Any) -> str:
    """What anybody can write who knows how it is done."""
    raw = json.dumps(content).encode()
    return "mgw1." + base64.urlsafe_b64encode(raw).decode().rstrip("=")


class SealedTests(SynchronousTestCase):
    """Reasoning in an opaque string."""

    @given(THOUGHTS | SIGNED_CALLS)
    def test_round_trip(self, thinking: Thinking) -> None:
        """What was sealed comes back as it was, in a string that any header or URL may hold."""
        text = seal(thinking)
        assert text is not None
        self.assertTrue(is_sealed(text))
        self.assertRegex(text, r"\Amgw1\.[A-Za-z0-9_-]+\Z")
        self.assertEqual(thinking, unseal(text))

    def test_stable(self) -> None:
        """The string depends on what it holds alone: a conversation's beginning stays the same."""
        thinking = Thinking(parts=("Hm.",), token=Token("anthropic", "Sg=="))
        content = b'{"o":"anthropic","d":"Sg==","t":["Hm."]}'
        expected = "mgw1." + base64.urlsafe_b64encode(content).decode().rstrip("=")
        self.assertEqual(expected, seal(thinking))

    def test_unsigned(self) -> None:
        """Of words that nobody signed the string says whose they are, and does not repeat them."""
        thinking = Thinking(parts=("Hm.", "So."), summary=True, token=Token("deepseek", ""))
        text = seal(thinking) or ""
        self.assertEqual(evolve(thinking, parts=()), unseal(text))
        content = b'{"o":"deepseek","d":""}'
        expected = "mgw1." + base64.urlsafe_b64encode(content).decode().rstrip("=")
        self.assertEqual(expected, seal(evolve(thinking, summary=False)))

    def test_of_a_call(self) -> None:
        """What is wanted back with a call comes with the call's id and with nothing else."""
        content = b'{"o":"gemini","d":"S","c":"call_1"}'
        expected = "mgw1." + base64.urlsafe_b64encode(content).decode().rstrip("=")
        self.assertEqual(expected, seal(Thinking(token=Token("gemini", "S"), call_id="call_1")))
        for call_id in ("", "x" * 513):
            with self.subTest(len(call_id)):
                self.assertIsNone(seal(Thinking(token=Token("gemini", "S"), call_id=call_id)))
        self.assertIsNone(seal(Thinking(token=Token("gemini", ""), call_id="call_1")))

    def test_field(self) -> None:
        """What comes back knows where it stood."""
        text = seal(Thinking(token=Token("o", "d"))) or ""
        self.assertEqual(
            Thinking(token=Token("o", "d"), field="input[0]"), unseal(text, "input[0]")
        )

    def test_nothing_to_seal(self) -> None:
        """Thinking without a token cannot come back, so it is not sealed."""
        self.assertIsNone(seal(Thinking(parts=("Hm.",))))

    def test_sizes(self) -> None:
        """A string beyond the limit is neither made nor read, and a long id is left behind."""
        token = Token("o", "x" * sealed.LONGEST)
        self.assertIsNone(seal(Thinking(token=token)))
        self.assertIsNone(seal(Thinking(token=token, call_id="call_1")))
        self.assertIsNone(unseal(sealing({"o": "o", "d": "x" * sealed.LONGEST})))
        long = unseal(seal(Thinking(token=Token("o", "d"), item_id="x" * 129)) or "")
        self.assertEqual(Thinking(token=Token("o", "d")), long)

    def test_hostile(self) -> None:
        """What we cannot have made is nothing."""
        good = {"o": "anthropic", "d": "S"}
        self.assertIsNotNone(unseal(sealing(good)))
        cases = [
            "",
            "mgw1",
            "mgw1.",
            "mgw2." + sealing(good)[5:],
            "mgw1.=",
            "mgw1.a",
            "mgw1.\u00e9\u00e9",
            "mgw1.AA AA",
            sealing(good) + "!",
            sealing([]),
            sealing("x"),
            sealing({}),
            sealing({"o": "anthropic"}),
            sealing({"d": "S"}),
            sealing({**good, "o": ""}),
            sealing({**good, "o": "x" * 33}),
            sealing({**good, "o": 1}),
            sealing({**good, "d": None}),
            sealing({**good, "t": "words"}),
            sealing({**good, "t": [1]}),
            sealing({**good, "s": 1}),
            sealing({**good, "r": "yes"}),
            sealing({**good, "i": 5}),
            sealing({**good, "i": "x" * 129}),
            sealing({**good, "x": 1}),
            sealing({"o": "o", "d": "", "t": ["words"]}),
            sealing({**good, "c": ""}),
            sealing({**good, "c": None}),
            sealing({**good, "c": 5}),
            sealing({**good, "c": "x" * 513}),
            sealing({**good, "c": "call_1", "t": ["words"]}),
            sealing({**good, "c": "call_1", "i": "rs_1"}),
            sealing({"o": "o", "d": "", "c": "call_1"}),
            "mgw1." + base64.urlsafe_b64encode(b"\xff\xfe").decode(),
            "mgw1." + base64.urlsafe_b64encode(b"[" * 60_000).decode(),
        ]
        for text in cases:
            with self.subTest(text[:60]):
                self.assertIsNone(unseal(text))

    @given(st.text() | st.text("mgw1.AQIDeyJ9-_=").map("mgw1.{}".format) | JSON.map(sealing))
    @example(sealing({"o": "o", "d": "d", "t": ["\ud800"]}))
    def test_anything(self, text: str) -> None:
        """Whatever comes back, it is read as thinking that could be sealed, or as nothing."""
        thinking = unseal(text)
        if thinking is not None:
            again = seal(thinking)
            assert again is not None
            self.assertEqual(thinking, unseal(again))
