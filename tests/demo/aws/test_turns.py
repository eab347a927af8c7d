from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws.refusals import AwsRefusal
from magicgateway.demo.aws.turns import check_turns
from magicgateway.demo.limits import limits_of
from magicgateway.demo.signing import signature_of

CLAUDE = "anthropic.claude-haiku-4-5-20251001-v1:0"
NEW = "us.anthropic.claude-opus-4-6-v1"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
NOVA = "amazon.nova-lite-v1:0"
MISTRAL = "mistral.mistral-large-2402-v1:0"
WRITER = "writer.palmyra-x5-v1:0"
TOOLS = {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]}
PNG = {"image": {"format": "png", "source": {"bytes": "AAAA"}}}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": [text(b) if isinstance(b, str) else b for b in blocks]}


def model(*blocks: Any) -> dict[str, Any]:
    return {**user(*blocks), "role": "assistant"}


def text(words: str) -> dict[str, Any]:
    return {"text": words}


def use(name: str, value: Any = None) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": name, "name": "f", "input": {} if value is None else value}}


def result(name: str, *parts: Any) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": name, "content": list(parts)}}


def document(name: str) -> dict[str, Any]:
    return {"document": {"format": "pdf", "name": name, "source": {"bytes": "AAAA"}}}


def thought(words: str, signature: str | None) -> dict[str, Any]:
    value = {"text": words} | ({"signature": signature} if signature else {})
    return {"reasoningContent": {"reasoningText": value}}


FAILED = {"toolResult": {"toolUseId": "t", "content": [], "status": "error"}}
POINT = {"cachePoint": {"type": "default"}}
LONG_POINT = {"cachePoint": {"type": "default", "ttl": "1h"}}
SIGNED = thought("hm", signature_of("hm"))

GOOD: tuple[tuple[str, list[Any]], ...] = (
    (CLAUDE, [user("a")]),
    (CLAUDE, [user("a"), model("b"), user("c")]),
    (CLAUDE, [user("a"), model("{")]),
    (CLAUDE, [model("a"), user("b")]),
    (CLAUDE, [user("a"), model(SIGNED, use("t"), use("u")), user(result("t"), result("u"), "go")]),
    (CLAUDE, [user("a"), model(use("t"), use("u")), user(result("t"), POINT, result("u"), POINT)]),
    (CLAUDE, [user("a", PNG, document("Q3 report (final)-1"))]),
    (CLAUDE, [user("a", LONG_POINT, "b", POINT, "c", POINT, "d", POINT)]),
    (LLAMA, [user("a"), model(use("t")), user(result("t", {"json": {}}))]),
    ("demo", [user("a"), model(thought("hm", None)), user("b")]),
    (MISTRAL, [user("a"), model(use("abcDEF123")), user(result("abcDEF123"))]),
    (LLAMA, [user("a"), model(use("t")), user(FAILED)]),
)
BAD: tuple[tuple[str, list[Any], str], ...] = (
    (CLAUDE, [], "must start with a user message"),
    (NOVA, [model("a"), user("b")], "must start with a user message"),
    (CLAUDE, [user("a"), user("b")], "must alternate"),
    (CLAUDE, [user("a"), {**user("b"), "role": "system"}], "system role"),
    (CLAUDE, [user()], "messages.0 is empty"),
    (CLAUDE, [user("  ")], "messages.0.content.0 is blank"),
    (CLAUDE, [user("a"), model("b ")], "trailing whitespace"),
    (NEW, [user("a"), model("b")], "does not support assistant message prefill"),
    (CLAUDE, [user("a"), model(use("t"))], "Expected toolResult blocks at messages.2"),
    (CLAUDE, [user("a"), model(use("t")), user("b")], "for the following Ids: t"),
    (CLAUDE, [user("a"), model(use("t"), use("u")), user(result("t"))], "Ids: u"),
    (CLAUDE, [user("a"), model("b"), user(result("t"))], "exceeds the number of toolUse"),
    (CLAUDE, [user("a"), model(use("t")), user(result("t"), result("t"))], "duplicate Ids: t"),
    (CLAUDE, [user("a"), model(use("t"), use("t")), user(result("t"))], "duplicate Ids"),
    (CLAUDE, [user("a"), model(use("t")), user("b", result("t"))], "immediately after"),
    (CLAUDE, [user("a"), model(use("t", [1])), user(result("t"))], "toolUse.input is invalid"),
    (CLAUDE, [user(use("t"))], "must be in an assistant message"),
    (CLAUDE, [user("a"), model(result("t"))], "must be in a user message"),
    (CLAUDE, [user("a"), model(use("t")), user(result("t", text("")))], "toolResult.content.0"),
    (CLAUDE, [user("a"), model(use("t")), user(result("t", {"json": [1]}))], "json is invalid"),
    (LLAMA, [user("a"), model(use("t")), user(result("t"), "b")], "in the same turn"),
    (CLAUDE, [user("a"), model(thought("hm", None)), user("b")], "signature: Field required"),
    (CLAUDE, [user("a"), model(thought("hm", "abc")), user("b")], "Invalid `signature`"),
    (CLAUDE, [user(SIGNED)], "must be in an assistant message"),
    (NOVA, [user("a"), model(SIGNED), user("b")], "doesn't support reasoningContent"),
    (
        NOVA,
        [user("a"), model({"reasoningContent": {"redactedContent": "AAAA"}}), user("b")],
        "doesn't support redactedContent",
    ),
    (CLAUDE, [user("a"), model("b", PNG), user("c")], "only supported in user messages"),
    (CLAUDE, [user("a", *[PNG] * 21)], "more than 20 images"),
    (CLAUDE, [user("a", *[document(f"d{n}") for n in range(6)])], "more than 5 documents"),
    (CLAUDE, [user(document("a"))], "text block must be included"),
    (CLAUDE, [user("a", document("b.pdf"))], "file name can only contain"),
    (CLAUDE, [user("a", document("b  c"))], "file name can only contain"),
    (CLAUDE, [user("a", document("b")), model("c"), user("d", document("b"))], "duplicate doc"),
    (CLAUDE, [user("a", *[POINT] * 5)], "maximum of 4 blocks"),
    (CLAUDE, [user("a", POINT, LONG_POINT)], "must not come after"),
    (LLAMA, [user("a", POINT)], "did not allow prompt caching"),
    (MISTRAL, [user("a"), model(use("tooluse_1")), user(result("tooluse_1"))], "a length of 9"),
    (WRITER, [user("a"), model(use("t")), user(FAILED)], "status field of a toolResult"),
)


class TurnTests(SynchronousTestCase):
    def test_good(self) -> None:
        """Conversations as the models want them pass."""
        for name, turns in GOOD:
            with self.subTest(name=name, turns=turns):
                check_turns({"messages": turns, "toolConfig": TOOLS}, limits_of(name))

    def test_bad(self) -> None:
        """Each rule refuses what breaks it, in words that name it."""
        for name, turns, words in BAD:
            with self.subTest(words=words):
                fields = {"messages": turns, "toolConfig": TOOLS}
                refusal = self.assertRaises(AwsRefusal, check_turns, fields, limits_of(name))
                self.assertIn(words, refusal.message)

    def test_tools_of_the_past(self) -> None:
        """A conversation with calls in it needs its tools, even if none shall be called."""
        turns = [user("a"), model(use("t")), user(result("t"))]
        refusal = self.assertRaises(AwsRefusal, check_turns, {"messages": turns}, limits_of(CLAUDE))
        self.assertIn("toolConfig field must be defined", refusal.message)

    def test_cache_points_everywhere(self) -> None:
        """Cache points of tools and system count as those of messages do."""
        fields = {
            "messages": [user("a", LONG_POINT)],
            "system": [{"text": "s"}, POINT],
            "toolConfig": {"tools": [*TOOLS["tools"], LONG_POINT]},
        }
        refusal = self.assertRaises(AwsRefusal, check_turns, fields, limits_of(CLAUDE))
        self.assertIn("must not come after", refusal.message)

    def test_system_turns(self) -> None:
        """Few models take instructions in the middle."""
        turns = [user("a"), {**user("b"), "role": "system"}, user("c")]
        check_turns({"messages": turns}, limits_of("anthropic.claude-opus-4-8"))
