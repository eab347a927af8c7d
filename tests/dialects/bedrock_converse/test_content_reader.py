from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    CONVERSE,
    Audio,
    Block,
    CacheMark,
    Document,
    Extras,
    Foreign,
    Hosted,
    Image,
    Inline,
    Plain,
    Remote,
    SearchResult,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
    Video,
)
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.conversation.sealed import seal
from magicgateway.dialects.bedrock_converse.content_reader import (
    ContentReader,
    redacted_content,
    redacted_token,
)
from magicgateway.dialects.bedrock_converse.request_reader import read_request
from magicgateway.errors import ApiError
from tests.dialects.bedrock_converse.bodies import Json, lines

PNG = {"format": "png", "source": {"bytes": "iVBO"}}
PLACE = "content[0]"


def read(*content: Any) -> tuple[Block, ...]:
    """Blocks as a caller sends them."""
    reader = ContentReader(CONVERSE, Ledger())
    return reader.content(Fields({"content": list(content)}))[0]


def said(*content: Any, origin: str = ANTHROPIC) -> tuple[Block, ...]:
    """Blocks as a model says them."""
    reader = ContentReader(origin)
    return reader.content(Fields({"content": list(content)}, lenient=True))[0]


class RequestTests(SynchronousTestCase):
    maxDiff = None

    def test_kinds(self) -> None:
        """Each kind of block is known as what it is."""
        s3 = {"s3Location": {"uri": "s3://b/k", "bucketOwner": "1"}}
        hit = {
            "source": "s",
            "title": "t",
            "content": [{"text": "x"}],
            "citations": {"enabled": True},
        }
        cases: list[tuple[Json, Block]] = [
            ({"text": "a"}, Text(text="a", field=PLACE)),
            ({"image": PNG}, Image(source=Inline("image/png", "iVBO"), field=PLACE)),
            (
                {"video": {"format": "mp4", "source": s3}},
                Video(
                    source=Remote("s3://b/k", "video/mp4"),
                    field=PLACE,
                    extras=Extras(CONVERSE, PLACE, {"video.source.s3Location.bucketOwner": "1"}),
                ),
            ),
            (
                {"audio": {"format": "wav", "source": {"bytes": "AAAA"}}},
                Audio(source=Inline("audio/wav", "AAAA"), form="wav", field=PLACE),
            ),
            (
                {"toolUse": {"toolUseId": "a", "name": "f", "input": {"x": 1}}},
                ToolCall(id="a", name="f", arguments='{"x":1}', field=PLACE),
            ),
            (
                {"toolUse": {"toolUseId": "a", "name": "f"}},
                ToolCall(id="a", name="f", arguments="{}", field=PLACE),
            ),
            (
                {"searchResult": hit},
                SearchResult(
                    source="s",
                    title="t",
                    content=(Text(text="x", field=f"{PLACE}.searchResult.content[0]"),),
                    cited=True,
                    field=PLACE,
                ),
            ),
            (
                {"toolAddition": {"tool": {}}},
                Foreign(
                    family=CONVERSE,
                    kind="toolAddition",
                    raw={"toolAddition": {"tool": {}}},
                    field=PLACE,
                ),
            ),
        ]
        for raw, expected in cases:
            self.assertEqual((expected,), read(raw))

    def test_documents(self) -> None:
        """Documents are bytes, text, or blocks, with what is said and asked of them."""
        about = {"name": "n", "context": "c", "citations": {"enabled": False}}
        kept = {"name": "n", "context": "c", "cited": False, "field": PLACE}
        document = {"format": "pdf", "source": {"bytes": "JVBERi0x"}, **about}
        source = Inline("application/pdf", "JVBERi0x")
        self.assertEqual((Document(source=source, **kept),), read({"document": document}))  # type: ignore[arg-type]
        text: Json = {"name": "n", "source": {"text": "x"}}
        self.assertEqual(
            (Document(source=Plain("x"), name="n", field=PLACE),), read({"document": text})
        )
        blocks: Json = {"name": "n", "source": {"content": [{"text": "x"}]}}
        (read_blocks,) = read({"document": blocks})
        assert isinstance(read_blocks, Document)
        inner = Text(text="x", field=f"{PLACE}.document.source.content[0]")
        self.assertEqual((inner,), read_blocks.content)
        for raw in ({"document": {"name": "n"}}, {"document": {"name": "n", "source": {}}}):
            self.assertIsInstance(read(raw)[0], Foreign)

    def test_results(self) -> None:
        """Results hold texts, JSON as its text, and media; the status says if it failed."""
        content = [{"text": "r"}, {"json": {"a": 1}}, {"image": PNG}]
        for status, expected in (("error", True), ("success", False), (None, None)):
            result = {"toolUseId": "a", "content": content}
            if status:
                result["status"] = status
            (block,) = read({"toolResult": result})
            assert isinstance(block, ToolResult)
            self.assertEqual(expected, block.is_error)
            self.assertEqual(
                ["r", '{"a":1}'], [t.text for t in block.content if isinstance(t, Text)]
            )
            self.assertIsInstance(block.content[2], Image)
        (block,) = read({"toolResult": {"toolUseId": "a", "content": [], "status": "odd"}})
        self.assertEqual({"toolResult.status": "odd"}, block.extras.fields)

    def test_reasoning(self) -> None:
        """Reasoning that a caller brings is whoever's model it is sent to."""
        words = {"reasoningText": {"text": "T", "signature": "S"}}
        (block,) = read({"reasoningContent": words})
        self.assertEqual(Thinking(parts=("T",), token=Token(CONVERSE, "S"), field=PLACE), block)
        (block,) = read({"reasoningContent": {"redactedContent": "UlhV"}})
        expected = Thinking(redacted=True, token=Token(CONVERSE, "UlhV"), field=PLACE)
        self.assertEqual(expected, block)
        (block,) = read({"reasoningContent": {"reasoningText": {"text": ""}}})
        self.assertEqual(Thinking(field=PLACE), block)
        self.assertIsInstance(read({"reasoningContent": {}})[0], Foreign)

    def test_sealed(self) -> None:
        """What the gateway sealed comes back as its maker gave it, or is reported."""
        sealed = seal(Thinking(parts=("T",), token=Token("openai", "D")))
        words = {"reasoningText": {"text": "T", "signature": sealed}}
        (block,) = read({"reasoningContent": words})
        self.assertEqual(Token("openai", "D"), block.token)
        ledger = Ledger()
        bad = {"content": [{"reasoningContent": {"redactedContent": "mgw1.%"}}]}
        ((block,), _) = ContentReader(CONVERSE, ledger).content(Fields(bad))
        self.assertIsNone(block.token)
        place = f"{PLACE}.reasoningContent.redactedContent"
        self.assertEqual([f"{place};dropped;unreadable"], lines(ledger))

    def test_unsigned(self) -> None:
        """Reasoning that nobody signed is the provider's in an answer, nobody's in a request."""
        words = {"content": [{"reasoningContent": {"reasoningText": {"text": "T"}}}]}
        for reader, token in (
            (ContentReader("bedrock"), Token("bedrock", "")),
            (ContentReader(CONVERSE, Ledger()), None),
        ):
            ((block,), _) = reader.content(Fields(words))
            self.assertEqual(token, block.token)

    def test_tokens_of_calls(self) -> None:
        """A block that brings a call's token is none in the conversation: the call has it."""
        token = Token("gemini", "S")
        words = {"text": "", "signature": seal(Thinking(token=token, call_id="c"))}
        use = {"toolUseId": "c", "name": "f", "input": {}}
        content = [{"reasoningContent": {"reasoningText": words}}, {"toolUse": use}]
        body = {"messages": [{"role": "assistant", "content": content}], "inferenceConfig": {}}
        (turn,) = read_request({"model": "m", **body}, Ledger()).turns
        self.assertEqual([token], [block.token for block in turn.blocks])

    def test_guarded(self) -> None:
        """What a guardrail is to look at is words and pictures to everybody else."""
        extras = Extras(CONVERSE, PLACE, {"guardContent": {"qualifiers": ["query"]}})
        guarded = {"text": {"text": "g", "qualifiers": ["query"]}}
        self.assertEqual(
            (Text(text="g", field=PLACE, extras=extras),), read({"guardContent": guarded})
        )
        extras = Extras(CONVERSE, PLACE, {"guardContent": {}})
        image = Image(source=Inline("image/png", "iVBO"), field=PLACE, extras=extras)
        self.assertEqual((image,), read({"guardContent": {"image": PNG}}))
        odds: tuple[Json, ...] = ({"other": 1}, {"text": {}})
        for odd in odds:
            self.assertIsInstance(read({"guardContent": odd})[0], Foreign)

    def test_points(self) -> None:
        """A cache point is a mark on what stands before it, where it can be one."""
        point: Json = {"cachePoint": {"type": "default"}}
        hour = {"cachePoint": {"type": "default", "ttl": "1h"}}
        (text,) = read({"text": "a"}, hour)
        self.assertEqual(CacheMark("1h"), text.cache)
        odd: Json = {"cachePoint": {"type": "default", "x": 1}}
        thought = {"reasoningContent": {"reasoningText": {"text": "T", "signature": "S"}}}
        for content in ([point], [{"text": "a"}, odd], [thought, point]):
            self.assertIsInstance(read(*content)[-1], Foreign)
        marked, second = read({"text": "a"}, point, point)
        self.assertEqual((CacheMark(), "cachePoint"), (marked.cache, getattr(second, "kind", "")))

    def test_strings(self) -> None:
        """Content that is one string is one text."""
        fields = Fields({"content": "a"}, "m")
        expected = ((Text(text="a", field="m.content"),), True)
        self.assertEqual(expected, ContentReader(CONVERSE, Ledger()).content(fields))

    def test_refused(self) -> None:
        """What Converse would not take is refused by its place."""
        cases: list[tuple[str, Any]] = [
            (PLACE, {}),
            (PLACE, "x"),
            (f"{PLACE}.toolUse.input", {"toolUse": {"toolUseId": "a", "name": "f", "input": []}}),
            (f"{PLACE}.toolUse.name", {"toolUse": {"toolUseId": "a"}}),
            (f"{PLACE}.image.format", {"image": {"source": {"bytes": "AAAA"}}}),
            (f"{PLACE}.image.source", {"image": {"format": "png"}}),
            (f"{PLACE}.image.source", {"image": {"format": "png", "source": {"text": "x"}}}),
            (f"{PLACE}.image.source.bytes", {"image": {"format": "png", "source": {"bytes": "?"}}}),
        ]
        for param, raw in cases:
            with self.assertRaises(ApiError, msg=raw) as caught:
                read(raw)
            self.assertEqual(param, caught.exception.param)


class ReplyTests(SynchronousTestCase):
    maxDiff = None

    def test_hosted(self) -> None:
        """J54: what the service's own tools did is no call of the caller's."""
        use = {"toolUse": {"toolUseId": "a", "name": "n", "input": {}, "type": "server_tool_use"}}
        result = {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}, {"json": {}}]}}
        self.assertEqual(
            (
                Hosted(family=CONVERSE, kind="toolUse", raw=use, field="content[0]"),
                Hosted(
                    family=CONVERSE, kind="toolResult", raw=result, text="x", field="content[1]"
                ),
            ),
            said(use, result),
        )

    def test_own_calls(self) -> None:
        """A call that says it is one is the caller's, as Nova's are beside its own tools."""
        use = {"toolUseId": "a", "name": "n", "input": {"x": 1.0}, "type": "tool_use"}
        (block,) = said({"toolUse": use})
        self.assertEqual(ToolCall(id="a", name="n", arguments='{"x":1.0}', field=PLACE), block)

    def test_citations(self) -> None:
        """A cited text says which characters of the answer it is."""
        web = {"location": {"web": {"url": "https://x.test"}}}
        cited = {"content": [{"text": "bc"}, {"text": "d"}], "citations": [web]}
        _, block = said({"text": "a"}, {"citationsContent": cited})
        assert isinstance(block, Text)
        self.assertEqual("bcd", block.text)
        (citation,) = block.citations
        self.assertEqual((1, 4, "https://x.test"), (citation.start, citation.end, citation.url))

    def test_redacted(self) -> None:
        """J55: what was redacted is Anthropic's own text, and the same on the way back."""
        (block,) = said({"reasoningContent": {"redactedContent": "UlhV"}})
        self.assertEqual(Token(ANTHROPIC, "RXU"), block.token)
        for origin, data in (
            (ANTHROPIC, "UlhV"),
            (ANTHROPIC, "/w=="),
            ("other", "UlhV"),
            (ANTHROPIC, "?"),
        ):
            self.assertEqual(data, redacted_content(redacted_token(origin, data)))

    def test_lenient(self) -> None:
        """Whatever a provider sends is read, with what is odd kept as it is."""
        odd: list[Any] = [
            {},
            {"text": 1},
            {"image": {}},
            {"image": "x"},
            {"image": {"format": "png", "source": {"text": "x"}}},
            {"toolUse": {"input": [1]}},
            {"citationsContent": {"content": 1}},
            {"reasoningContent": {"redactedContent": 1}},
            {"searchResult": {}},
            {"audio": {}},
            {"video": {}},
            {"document": {"source": 1}},
        ]
        self.assertEqual(len(odd), len(said(*odd, 7)))
