from __future__ import annotations

from collections.abc import Collection
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Audio,
    CacheMark,
    Document,
    Extras,
    Foreign,
    Hosted,
    Image,
    Inline,
    Plain,
    Refusal,
    Stored,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.capabilities import Capabilities, ChatAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Turn
from magicgateway.dialects.openai_chat.message_writer import MessageWriter
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import PLAIN, answers, call, lines, says

PNG = Image(source=Inline("image/png", "iVBORw0KGgo="), field="i")
PNG_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
ECHO = Capabilities(origin="deep", chat=ChatAbilities(reasoning_echo=True))


def turn(role: str, *blocks: Any, **fields: Any) -> Turn:
    return Turn(role=role, blocks=blocks, field="m", **fields)


def written(
    *turns: Turn, able: Capabilities = PLAIN, wrapped: Collection[str] = ()
) -> tuple[list[dict[str, Any]], list[str]]:
    ledger = Ledger()
    return MessageWriter(able, wrapped, ledger).write(turns), lines(ledger)


def result(*content: Any, **fields: Any) -> ToolResult:
    return ToolResult(call_id="c", content=content, field="r", **fields)


class UserTests(SynchronousTestCase):
    maxDiff = None

    def test_results_first(self) -> None:
        """I.69: the results of a turn are messages before what else it says."""
        found, notes = written(turn("user", Text(text="x"), result(Text(text="r"))))
        self.assertEqual(([answers("c", "r"), says("user", "x")], []), (found, notes))

    def test_result_content(self) -> None:
        """Results are one string; silence is an empty one, and a failure says so once."""
        cases: list[tuple[ToolResult, str]] = [
            (result(), ""),
            (result(Text(text="a"), Text(text="b")), "a\nb"),
            (result(Text(text="bad"), is_error=True), "Error: bad"),
            (result(Text(text="Error: bad"), is_error=True), "Error: bad"),
            (result(Text(text="Errors: 2"), is_error=True), "Error: Errors: 2"),
            (result(is_error=True), "Error:"),
            (result(Text(text="ok"), is_error=False), "ok"),
            (result(Document(source=Plain("w"))), "<document>\nw\n</document>"),
        ]
        for block, expected in cases:
            found, notes = written(turn("tool", block))
            self.assertEqual(([answers("c", expected)], []), (found, notes))

    def test_pictures_below(self) -> None:
        """I.70: a picture that a result cannot have comes after all results of the turn."""
        other = ToolResult(call_id="d", content=(Text(text="s"),), field="r")
        expected = [
            answers("c", "a\n(image below)"),
            answers("d", "s"),
            says("user", [PNG_PART, {"type": "text", "text": "x"}]),
        ]
        note = ["i;rewritten;moved-after-the-result"]
        one = turn("user", result(Text(text="a"), PNG), other, Text(text="x"))
        self.assertEqual((expected, note), written(one))
        apart = (turn("tool", result(Text(text="a"), PNG)), turn("tool", other))
        self.assertEqual((expected, note), written(*apart, turn("user", Text(text="x"))))
        expected[2] = says("user", [PNG_PART])
        self.assertEqual((expected, note), written(*apart))
        alone, _ = written(*apart, turn("assistant", Text(text="x")))
        self.assertEqual([*expected, says("assistant", "x")], alone)

    def test_pictures_inside(self) -> None:
        """A target that takes pictures in results gets them there, and files still below."""
        able = Capabilities(chat=ChatAbilities(tool_images=True))
        pdf = Document(source=Inline("application/pdf", "JVBERi0x"), field="d")
        found, notes = written(turn("tool", result(PNG, pdf)), able=able)
        below = {"type": "text", "text": "(document below)"}
        self.assertEqual([PNG_PART, below], found[0]["content"])
        self.assertEqual("file", found[1]["content"][0]["type"])
        self.assertEqual(["d;rewritten;moved-after-the-result"], notes)

    def test_marked_results(self) -> None:
        """A mark on a result stands on its last part."""
        able = Capabilities(chat=ChatAbilities(cache_marks="cache_control"))
        for content in ((), (Text(text="r"),)):
            found, _ = written(turn("tool", result(*content, cache=CacheMark())), able=able)
            (part,) = found[0]["content"]
            self.assertEqual({"type": "ephemeral"}, part["cache_control"])

    def test_flat_texts(self) -> None:
        """Several texts are parts, or one string where the target takes only that."""
        both = turn("user", Text(text="a"), Text(text="b"))
        found, _ = written(both)
        self.assertEqual(2, len(found[0]["content"]))
        found, _ = written(both, able=Capabilities(chat=ChatAbilities(text_parts=False)))
        self.assertEqual([says("user", "a\n\nb")], found)

    def test_names(self) -> None:
        """Names go along unless the target refuses them; extras return to their message."""
        one = turn("user", Text(text="a"), name="ann", extras=Extras("openai_chat", "m", {"x": 1}))
        self.assertEqual(([says("user", "a", name="ann", x=1)], []), written(one))
        able = Capabilities(chat=ChatAbilities(drops=frozenset({"name"})))
        expected = ([says("user", "a", x=1)], ["m.name;dropped"])
        self.assertEqual(expected, written(one, able=able))

    def test_nothing(self) -> None:
        """A message that would say nothing is left out, and what stood on it is reported."""
        extras = Extras("openai_chat", "m", {"x": 1})
        for role in ("user", "assistant", "system"):
            found = written(turn(role, Text(text=" ", field="t"), extras=extras))
            gone = [] if role == "system" else ["m;dropped;blank"]
            self.assertEqual(([], ["t;dropped;blank", *gone, "m.x;dropped"]), found, role)


class SystemTests(SynchronousTestCase):
    def test_joined(self) -> None:
        """Texts are joined by an empty line; what is written for a biller is no prompt."""
        billing = Text(text="x-anthropic-billing-header: cc=1", field="system[0]")
        lead = turn("system", billing, Text(text="S"), Text(text="T"), lead=True)
        self.assertEqual(
            ([says("system", "S\n\nT")], ["system[0];dropped;not-a-prompt"]), written(lead)
        )

    def test_developer(self) -> None:
        """Developers are the system where the target knows no other word."""
        found, _ = written(turn("developer", Text(text="S")))
        self.assertEqual([says("developer", "S")], found)
        able = Capabilities(chat=ChatAbilities(developer_role=False))
        found, _ = written(turn("developer", Text(text="S")), able=able)
        self.assertEqual([says("system", "S")], found)


class AssistantTests(SynchronousTestCase):
    maxDiff = None

    def test_words_and_calls(self) -> None:
        """Texts are one string, null where there is none; calls follow in order."""
        called = ToolCall(id="c", name="f", arguments='{"x":1}')
        found, _ = written(turn("assistant", Text(text="a"), called, Text(text="b")))
        self.assertEqual([says("assistant", "ab", tool_calls=[call("c", "f", '{"x":1}')])], found)
        found, _ = written(turn("assistant", ToolCall(id="c", name="f")))
        self.assertEqual([says("assistant", tool_calls=[call("c")])], found)

    def test_refusal_and_sound(self) -> None:
        """A refusal and an earlier sound have fields of their own."""
        sound = Audio(source=Stored("a", "openai"))
        found, notes = written(turn("assistant", Refusal(text="no"), sound))
        self.assertEqual(([says("assistant", refusal="no", audio={"id": "a"})], []), (found, notes))

    def test_custom_calls(self) -> None:
        """Free text goes as such, or wrapped where the target has no custom tools."""
        called = ToolCall(id="c", name="f", arguments="go", kind="custom")
        found, _ = written(
            turn("assistant", called), able=Capabilities(chat=ChatAbilities(custom_tools=True))
        )
        expected = {"id": "c", "type": "custom", "custom": {"name": "f", "input": "go"}}
        self.assertEqual([expected], found[0]["tool_calls"])
        found, _ = written(turn("assistant", called))
        self.assertEqual([call("c", "f", '{"input":"go"}')], found[0]["tool_calls"])

    def test_wrapped_calls(self) -> None:
        """Arguments of a function whose schema was wrapped are wrapped as well."""
        found, _ = written(
            turn("assistant", ToolCall(id="c", name="f", arguments="[1]")), wrapped={"f"}
        )
        self.assertEqual([call("c", "f", '{"input":[1]}')], found[0]["tool_calls"])

    def test_call_tokens(self) -> None:
        """What a provider wants back with a call returns to it, and to nobody else."""
        data = '{"google":{"thought_signature":"S"}}'
        for token, extra, notes in (
            (Token("plain", data), {"google": {"thought_signature": "S"}}, []),
            (Token("plain", "odd"), None, []),
            (Token("plain", "7"), None, []),
            (Token("other", data), None, ["t.signature;dropped;foreign-reasoning"]),
        ):
            called = ToolCall(id="c", name="f", token=token, field="t")
            found, reported = written(turn("assistant", called))
            (made,) = found[0]["tool_calls"]
            self.assertEqual((extra, notes), (made.get("extra_content"), reported))

    def test_own_reasoning(self) -> None:
        """A provider that wants its reasoning back gets it, under the name it has for it."""
        own = Thinking(parts=("w",), token=Token("deep", ""), field="t")
        nobodys = Thinking(parts=("v",), field="t")
        found, notes = written(turn("assistant", own, nobodys, Text(text="a")), able=ECHO)
        self.assertEqual(([says("assistant", "a", reasoning_content="w\n\nv")], []), (found, notes))
        alone, _ = written(turn("assistant", own), able=ECHO)
        self.assertEqual([says("assistant", reasoning_content="w")], alone)

    def test_details(self) -> None:
        """A list of details returns as it came."""
        details = [{"type": "reasoning.text", "text": "w", "signature": "S"}]
        data = '[{"type":"reasoning.text","text":"w","signature":"S"}]'
        own = Thinking(parts=("w",), token=Token("deep", data), field="t")
        found, _ = written(turn("assistant", own, Text(text="a")), able=ECHO)
        self.assertEqual(details, found[0]["reasoning_details"])

    def test_lost_reasoning(self) -> None:
        """Foreign reasoning, and any where it is not wanted, is left out and reported."""
        foreign = Thinking(parts=("w",), token=Token("anthropic", "S"), field="t")
        own = Thinking(parts=("w",), token=Token("plain", ""), field="t")
        expected = ([says("assistant", "a")], ["t;dropped;foreign-reasoning"])
        for block, able in ((foreign, ECHO), (own, PLAIN), (foreign, PLAIN)):
            self.assertEqual(expected, written(turn("assistant", block, Text(text="a")), able=able))

    def test_hosted_steps(self) -> None:
        """What the provider's own tools did is told as text; other blocks are reported."""
        step = Hosted(family="anthropic", kind="server_tool_use", raw={}, text="[s: q]", field="h")
        odd = Foreign(family="anthropic", kind="odd", raw={}, field="o")
        ours = Foreign(family="openai_chat", kind="v", raw={"type": "v"}, field="p")
        found, notes = written(turn("assistant", step, odd, ours, Text(text="a")))
        texts = [{"type": "text", "text": "[s: q]"}, {"type": "v"}, {"type": "text", "text": "a"}]
        self.assertEqual([says("assistant", texts)], found)
        self.assertEqual(["h;rewritten;told-as-text", "o;dropped"], notes)
        refused = self.assertRaises(ApiError, written, turn("assistant", PNG))
        self.assertEqual((400, "i"), (refused.status, refused.param))
