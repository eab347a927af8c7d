from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    CONVERSE,
    Audio,
    Block,
    CacheMark,
    Citation,
    Document,
    Extras,
    Foreign,
    Hosted,
    Image,
    Inline,
    Plain,
    Refusal,
    SearchResult,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
    Video,
)
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.bedrock_converse.block_writer import BlockWriter
from magicgateway.errors import ApiError
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE_4_5,
    GPT_OSS,
    MISTRAL,
    NOVA,
    PLAIN,
    TITAN,
    Json,
    answers,
    calls,
    chat,
    from_chat,
    lines,
    says,
)

PNG = Image(source=Inline("image/png", "iVBORw0KGgo="), field="i")
WRITTEN_PNG = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}


def write(
    block: Block, role: str = "user", capabilities: Capabilities = CLAUDE_4_5
) -> tuple[list[Json], list[str]]:
    """What a block is written as, and what was reported."""
    ledger = Ledger()
    return BlockWriter(capabilities, ledger).blocks((block,), role), lines(ledger)


class TextTests(SynchronousTestCase):
    maxDiff = None

    def test_words(self) -> None:
        """Texts and refusals are texts; what else stood there is reported."""
        extras = Extras("openai", "p", {"x": 1})
        self.assertEqual(([{"text": "a"}], ["p.x;dropped"]), write(Text(text="a", extras=extras)))
        self.assertEqual(([{"text": "a"}], []), write(Refusal(text="a"), "assistant"))

    def test_citations(self) -> None:
        """An assistant's citations come along as far as there are words for them."""
        web = Citation(kind="url", url="https://x.test")
        page = Citation(kind="page_location", family="anthropic")
        cited = {
            "content": [{"text": "a"}],
            "citations": [{"location": {"web": {"url": "https://x.test"}}}],
        }
        self.assertEqual(
            ([{"citationsContent": cited}], ["t.citations;dropped"]),
            write(Text(text="a", citations=(web, page), field="t"), "assistant"),
        )
        self.assertEqual(
            ([{"text": "a"}], ["t.citations;dropped"]),
            write(Text(text="a", citations=(web,), field="t")),
        )

    def test_guarded(self) -> None:
        """What a guardrail is to look at is said so, and what else stood there reported."""
        fields = {"guardContent": {"qualifiers": ["query"]}, "x": 1}
        extras = Extras(CONVERSE, "p", fields)
        expected = {"guardContent": {"text": {"text": "g", "qualifiers": ["query"]}}}
        self.assertEqual(([expected], ["p.x;dropped"]), write(Text(text="g", extras=extras)))
        guarded = evolve(PNG, extras=Extras(CONVERSE, "p", {"guardContent": {}}))
        self.assertEqual(([{"guardContent": WRITTEN_PNG}], []), write(guarded))


class ReasoningTests(SynchronousTestCase):
    maxDiff = None

    def test_replayed(self) -> None:
        """J44: signed reasoning goes back first and unchanged, to the family that made it."""
        thought = {"type": "thinking", "thinking": "T", "signature": "S"}
        turn = {**calls("a", content="t"), "thinking_blocks": [thought]}
        body, noted = from_chat(chat(says("user", "U"), turn, answers("a")), served=False)
        first, second, third = body["messages"][1]["content"]
        self.assertEqual(
            {"reasoningContent": {"reasoningText": {"text": "T", "signature": "S"}}}, first
        )
        self.assertEqual(({"text": "t"}, "a"), (second, third["toolUse"]["toolUseId"]))
        for capabilities in (GPT_OSS, NOVA, PLAIN):
            body, noted = from_chat(chat(says("user", "U"), turn, answers("a")), capabilities)
            self.assertNotIn("reasoningContent", str(body))
            self.assertIn("messages[1].thinking_blocks[0];dropped;foreign-reasoning", noted)

    def test_unsigned(self) -> None:
        """J44: reasoning without a signature is not sent as such."""
        turn = {**calls("a", content="t"), "reasoning_content": "T"}
        body, noted = from_chat(chat(says("user", "U"), turn, answers("a")))
        self.assertNotIn("reasoningContent", str(body))
        self.assertIn("messages[1].reasoning_content;dropped;foreign-reasoning", noted)

    def test_redacted(self) -> None:
        """J55: redacted reasoning goes back as base64 of what Anthropic has."""
        block = Thinking(redacted=True, token=Token(ANTHROPIC, "RXU"), field="t")
        expected = [{"reasoningContent": {"redactedContent": "UlhV"}}]
        self.assertEqual((expected, []), write(block, "assistant"))
        able = evolve(NOVA, converse=evolve(NOVA.converse, replays_reasoning=True))
        other = Thinking(redacted=True, token=Token("amazon", "UlhV"), field="t")
        self.assertEqual((expected, []), write(other, "assistant", able))
        self.assertEqual(([], ["t;dropped;foreign-reasoning"]), write(other, "assistant"))

    def test_signed_by_nobody(self) -> None:
        """Reasoning that nobody signed goes back to nobody, its maker included."""
        able = evolve(NOVA, converse=evolve(NOVA.converse, replays_reasoning=True))
        for origin in (NOVA.origin, CONVERSE):
            block = Thinking(parts=("T",), token=Token(origin, ""), field="t")
            lost = ["t;dropped;foreign-reasoning"]
            self.assertEqual(([], lost), write(block, "assistant", able))

    def test_of_converse(self) -> None:
        """Reasoning that a caller of Converse brings goes to whichever model it is for."""
        block = Thinking(parts=("T",), token=Token(CONVERSE, "S"))
        expected: list[Json] = [
            {"reasoningContent": {"reasoningText": {"text": "T", "signature": "S"}}}
        ]
        self.assertEqual((expected, []), write(block, "assistant", PLAIN))
        block = Thinking(redacted=True, token=Token(CONVERSE, "UlhV"))
        expected = [{"reasoningContent": {"redactedContent": "UlhV"}}]
        self.assertEqual((expected, []), write(block, "assistant", PLAIN))


class ToolTests(SynchronousTestCase):
    maxDiff = None

    def test_arguments(self) -> None:
        """J29: arguments are an object, empty ones an empty one."""
        for text, expected in (("", {}), ('{"a":1}', {"a": 1}), ("{", {"_raw_arguments": "{"})):
            written, noted = write(
                ToolCall(id="a", name="f", arguments=text, field="c"), "assistant"
            )
            use = {"toolUseId": "a", "name": "f", "input": expected}
            self.assertEqual([{"toolUse": use}], written)
            rewritten = ["c.arguments;rewritten;invalid-json"]
            self.assertEqual(rewritten if text == "{" else [], noted)
        for text in ("[1]", "null"):
            self.assertRaises(ApiError, write, ToolCall(id="a", name="f", arguments=text))

    def test_results(self) -> None:
        """J30: a result's words are text, and its status is sent where it is known."""
        cases: list[tuple[ToolResult, Json, list[str], Capabilities]] = [
            (ToolResult(call_id="a"), {"content": []}, [], CLAUDE_4_5),
            (
                ToolResult(call_id="a", content=(Text(text="[1,2]"), PNG), is_error=False),
                {"content": [{"text": "[1,2]"}, WRITTEN_PNG], "status": "success"},
                [],
                CLAUDE_4_5,
            ),
            (
                ToolResult(call_id="a", is_error=True, field="r"),
                {"content": []},
                ["r.is_error;dropped"],
                _without_status(),
            ),
            (ToolResult(call_id="a", is_error=False), {"content": []}, [], _without_status()),
            (
                ToolResult(call_id="a", content=(Text(text='{"a":1}'), Text(text="x"))),
                {"content": [{"json": {"a": 1}}, {"json": {"return_value": "x"}}]},
                [],
                MISTRAL,
            ),
            (
                ToolResult(
                    call_id="a",
                    content=(Text(text="x", citations=(Citation(kind="url"),), field="t"),),
                ),
                {"content": [{"text": "x"}]},
                ["t.citations;dropped"],
                CLAUDE_4_5,
            ),
            (
                ToolResult(
                    call_id="a",
                    content=(Hosted(family=ANTHROPIC, kind="tool_reference", raw={}, field="t"),),
                ),
                {"content": []},
                ["t;dropped"],
                CLAUDE_4_5,
            ),
        ]
        for result, expected, noted, capabilities in cases:
            inner: Json = {"toolUseId": "a", **expected}
            self.assertEqual(([{"toolResult": inner}], noted), write(result, "user", capabilities))
        odd = Foreign(family=ANTHROPIC, kind="odd", raw={}, field="t")
        refused = self.assertRaises(ApiError, write, ToolResult(call_id="a", content=(odd,)))
        self.assertEqual((400, "t"), (refused.status, refused.param))

    def test_tokens(self) -> None:
        """What only a call's maker could read is reported."""
        call = ToolCall(id="a", name="f", token=Token("gemini", "x"), field="c")
        self.assertEqual(["c.signature;dropped;foreign-reasoning"], write(call, "assistant")[1])


class OtherTests(SynchronousTestCase):
    maxDiff = None

    def test_raw(self) -> None:
        """Its own family's blocks go as they are; others' as what they say, or not at all."""
        raw = {"toolAddition": {"tool": {"name": "f"}}}
        own = Foreign(family=CONVERSE, kind="toolAddition", raw=raw)
        self.assertEqual(([raw], []), write(own))
        told = Hosted(family=ANTHROPIC, kind="k", raw={}, text="found", field="h")
        self.assertEqual(
            ([{"text": "found"}], ["h;rewritten;told-as-text"]), write(told, "assistant")
        )
        silent = evolve(told, text=" ", cache=CacheMark())
        self.assertEqual(([], ["h;dropped", "h.cache_control;dropped"]), write(silent, "assistant"))

    def test_unknown(self) -> None:
        """What a user says in another API's way is refused, never left out."""
        odd = Foreign(family=ANTHROPIC, kind="container_upload", raw={}, field="h")
        refused = self.assertRaises(ApiError, write, odd)
        self.assertEqual((400, "h"), (refused.status, refused.param))
        self.assertEqual(([], ["h;dropped"]), write(odd, "assistant"))

    def test_media(self) -> None:
        """Pictures, sound and films are the user's; an assistant's are refused."""
        able = evolve(CLAUDE_4_5, audio=True)
        wav = Audio(source=Inline("audio/wav", "AAAA"), form="wav")
        film = Video(source=Inline("video/mp4", "AAAA"))
        cases: list[tuple[Block, Json]] = [
            (PNG, WRITTEN_PNG),
            (wav, {"audio": {"format": "wav", "source": {"bytes": "AAAA"}}}),
            (film, {"video": {"format": "mp4", "source": {"bytes": "AAAA"}}}),
        ]
        for block, expected in cases:
            self.assertEqual(([expected], []), write(block, "user", able))
        for block in (PNG, evolve(wav, field="i"), evolve(film, field="i")):
            refused = self.assertRaises(ApiError, write, block, "assistant", able)
            self.assertEqual((400, "i"), (refused.status, refused.param))
        self.assertEqual(([], ["t;dropped"]), write(Block(field="t")))

    def test_unable(self) -> None:
        """A model that does not see or hear refuses by the block's place."""
        blind = evolve(TITAN, documents=False)
        wav = Audio(source=Inline("audio/wav", "AAAA"), field="i")
        paper = Document(source=Plain("x"), field="i")
        for block in (PNG, wav, paper):
            with self.assertRaises(ApiError) as caught:
                write(block, "user", blind)
            self.assertEqual("i", caught.exception.param)

    def test_documents(self) -> None:
        """What is said and asked of a document comes along."""
        block = Document(source=Plain("x"), name="n", context="c", cited=True)
        ((written,), noted) = write(block)
        self.assertEqual("c", written["document"]["context"])
        self.assertEqual({"enabled": True}, written["document"]["citations"])
        self.assertEqual([], noted)

    def test_hits(self) -> None:
        """A hit of the caller's own search is one, if it is all text."""
        hit = SearchResult(source="s", title="t", content=(Text(text="x"),), cited=False)
        expected: dict[str, Any] = {"source": "s", "title": "t", "content": [{"text": "x"}]}
        written, _ = write(hit)
        self.assertEqual([{"searchResult": {**expected, "citations": {"enabled": False}}}], written)
        written, _ = write(evolve(hit, cited=None))
        self.assertEqual([{"searchResult": expected}], written)
        self.assertRaises(ApiError, write, evolve(hit, content=(PNG,)))


def _without_status() -> Capabilities:
    return evolve(CLAUDE_4_5, converse=evolve(CLAUDE_4_5.converse, result_status=False))
