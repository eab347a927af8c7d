from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.anthropic_rules import check_messages
from magicgateway.demo.call import Refusal
from magicgateway.demo.limits import Limits, limits_of
from magicgateway.demo.signing import signature_of

OLD, NEW = Limits(), limits_of("anthropic.claude-opus-4-8")
EMPTY = [{"type": "text", "text": ""}]
MARK = {"cache_control": {"type": "ephemeral"}}


def user(*blocks: Any) -> dict[str, Any]:
    found = [{"type": "text", "text": b} if isinstance(b, str) else b for b in blocks]
    return {"role": "user", "content": found}


def model(*blocks: Any) -> dict[str, Any]:
    return {**user(*blocks), "role": "assistant"}


def system() -> dict[str, Any]:
    return {**user("s"), "role": "system"}


def use(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "f", "input": {}, **more}


def result(name: str, content: Any = "a") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": name, "content": content}


def thought(words: str, signature: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": words, "signature": signature}


SIGNED = thought("hm", signature_of("hm"))
GOOD: tuple[list[Any], ...] = (
    [{"role": "user", "content": "a"}],
    [model("a"), user("b"), user("c")],
    [user("a"), model(SIGNED, use("t"), use("u")), user(result("t")), user(result("u"), "go")],
    [user("a"), model(thought("", signature_of("x", shown=False)), "b"), user("c")],
    [user("a", *[{"type": "text", "text": "b", **MARK}] * 4)],
    [user("a"), model("{")],
    [user("a"), system(), model("b"), user("c"), system()],
    [user("a"), model({"type": "server_tool_use"}), system()],
    [user({"type": "image", "source": {"type": "base64", "media_type": "image/png"}})],
    [user({"type": "image", "source": {"type": "url", "url": "https://x.test"}})],
)
BAD: tuple[tuple[list[Any], str], ...] = (
    (["a"], "Input should be an object"),
    ([{"role": "tool", "content": "a"}], "messages.role"),
    ([user(5)], "messages.0.content.0: Input should be an object"),
    ([user("")], "messages.0.content.0: text content blocks must be non-empty"),
    ([user(" ")], "must contain non-whitespace"),
    ([user("a"), model(use("t")), user(result("t", EMPTY))], "tool_result.content: text content"),
    ([user("a"), model("b ")], "trailing whitespace"),
    ([user("a"), model(use("t.u"))], "should match pattern"),
    ([user("a"), model(use("t", input=[]))], "valid dictionary"),
    ([user("a"), model(use("t"))], "messages.2: `tool_use` ids were found without"),
    ([user("a"), model(use("t")), user("b")], "immediately after: t"),
    ([user("a"), model(use("t")), user("b", result("t"))], "immediately after: t"),
    ([user("a"), model(use("t")), user(result("t"), result("t"))], "single result"),
    ([user("a"), model(use("t"), use("t")), user(result("t"))], "must be unique"),
    ([user(result("t"))], "unexpected `tool_use_id`"),
    ([user("a"), model(thought("hm", "")), user("b")], "signature: Field required"),
    ([user("a"), model(thought("hm", "AAAA")), user("b")], "Invalid `signature`"),
    ([user("a"), model(thought("", "?")), user("b")], "Invalid `signature`"),
    ([user(*[{"type": "text", "text": "b", **MARK}] * 5)], "Found 5"),
    ([user("a"), model({**SIGNED, **MARK}), user("b")], "cannot be set for thinking"),
    ([user({"type": "image", "source": {"media_type": "image/bmp"}})], "image.source.media_type"),
    ([system(), user("a")], "messages.0: a system message must directly follow"),
    ([user("a"), model("b"), system()], "messages.2: a system message must directly follow"),
    ([user("a"), system(), system()], "messages.1: a system message must precede"),
    ([user("a"), system(), user("b")], "messages.1: a system message must precede"),
    ([user("a")] * 100_001, "at most 100000 messages"),
)


class MessageTests(SynchronousTestCase):
    def refused(self, fields: dict[str, Any], limits: Limits = OLD) -> Refusal:
        with self.assertRaises(Refusal) as caught:
            check_messages(fields, limits)
        self.assertEqual(400, caught.exception.status)
        refusal: Refusal = caught.exception
        return refusal

    def test_good(self) -> None:
        """Conversations as the API wants them pass."""
        for turns in GOOD:
            with self.subTest(turns=turns):
                check_messages({"messages": turns}, OLD)

    def test_bad(self) -> None:
        """Each rule refuses what breaks it, in words that name it."""
        for turns, words in BAD:
            with self.subTest(words=words):
                self.assertIn(words, self.refused({"messages": turns}).message)

    def test_thinking_by_a_budget(self) -> None:
        """The turn whose calls are answered has to begin with thinking then, and only then."""
        budget = {"type": "enabled", "budget_tokens": 1024}
        bare, begun = ([user("a"), model(*b, use("t")), user(result("t"))] for b in ((), (SIGNED,)))
        fields = {"messages": bare, "thinking": budget}
        self.assertIn("messages.1.content.0.type: Expected", self.refused(fields).message)
        for passing in (
            {"messages": begun, "thinking": budget},
            {"messages": bare, "thinking": {"type": "adaptive"}},
            {"messages": [*bare, model("b"), user("c")], "thinking": budget},
            {"messages": [user("a")], "thinking": budget},
        ):
            check_messages(passing, OLD)

    def test_places(self) -> None:
        """System text and tools are subject to the rules too."""
        messages = [user("a")]
        blank = {"messages": messages, "system": [{"type": "text", "text": " "}]}
        self.assertIn("system.content.0", self.refused(blank).message)
        marked = {"messages": messages, "tools": [{"name": "f", **MARK}] * 4, **MARK}
        self.assertIn("Found 5", self.refused(marked).message)

    def test_models(self) -> None:
        """Newer models take no words to begin with, and no sampling."""
        messages = [user("a")]
        for fields, words in (
            ({"messages": [user("a"), model("b")]}, "prefill"),
            ({"messages": messages, "temperature": 0.5}, "temperature"),
        ):
            with self.subTest(words=words):
                check_messages(fields, OLD)
                self.assertIn(words, self.refused(fields, NEW).message)
        check_messages({"messages": messages, "temperature": 1}, NEW)
        limits = limits_of("anthropic.claude-haiku-4-5")
        fields = {"messages": [user("a"), system()]}
        check_messages(fields, NEW)
        self.assertIn("messages.1.role", self.refused(fields, limits).message)
        both = {"messages": messages, "temperature": 0.5, "top_p": 0.5}
        limits = limits_of("anthropic.claude-sonnet-4-5")
        self.assertIn("cannot both be specified", self.refused(both, limits).message)
