from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    Citation,
    Foreign,
    Hosted,
    Image,
    Inline,
    Refusal,
    Remote,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import (
    CONTEXT_WINDOW,
    LENGTH,
    PAUSED,
    REFUSED,
    STOP,
    STOP_SEQUENCE,
    TOOL_CALLS,
    Choice,
    Finish,
    Reply,
    Usage,
)
from magicgateway.conversation.request import Request
from magicgateway.conversation.sealed import unseal
from magicgateway.dialects.bedrock_converse.reply_reader import read_reply
from magicgateway.dialects.bedrock_converse.reply_writer import (
    call_id,
    more_fields,
    reasoning_content,
    stop_reason,
    write_reply,
    write_usage,
    written_citations,
)
from magicgateway.dialects.grammar import Asked, Sent
from tests.dialects.bedrock_converse.bodies import Json, judge_output, lines
from tests.dialects.bedrock_converse.strategies import (
    CITED,
    IMAGES,
    NAMES,
    REASONING,
    VALUES,
    WORDS,
)

ASKED = Asked(request=Request(model="m"), model="m", answer_id="x", now=1)
SENT = Sent(body={}, origin=ANTHROPIC)


def write(*blocks: object, finish: Finish | None = None) -> tuple[Json, list[str]]:
    """What an answer is written as, and what was reported."""
    ledger = Ledger()
    choice = Choice(blocks=blocks, finish=finish or Finish(reason=STOP))  # type: ignore[arg-type]
    body = write_reply(Reply(id="", model="", choices=(choice,)), ASKED, ledger)
    judge_output("ConverseResponse", body)
    return body, lines(ledger)


def content_of(body: Json) -> list[Json]:
    """The blocks of an answer."""
    content: list[Json] = body["output"]["message"]["content"]
    return content


@st.composite
def answers(draw: st.DrawFn) -> Json:
    """A whole answer in the form that the writer has too."""
    content: list[Json] = draw(st.lists(REASONING, max_size=1))
    content += draw(st.lists(st.builds(lambda t: {"text": t}, WORDS) | CITED | IMAGES, max_size=2))
    calls = draw(st.lists(st.dictionaries(NAMES, VALUES, max_size=2), max_size=2))
    content += [
        {"toolUse": {"toolUseId": f"call{n}", "name": "f", "input": value}}
        for n, value in enumerate(calls)
    ]
    tokens = draw(st.lists(st.integers(0, 99), min_size=4, max_size=4))
    usage = dict(
        zip(
            ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"),
            tokens,
            strict=True,
        )
    )
    body: Json = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use" if calls else draw(st.sampled_from(["end_turn", "max_tokens"])),
        "usage": {**usage, "totalTokens": sum(tokens)},
        "metrics": {"latencyMs": 0},
    }
    for name, value in (
        ("serviceTier", {"type": "flex"}),
        ("trace", {"guardrail": {"actionReason": "r"}}),
        ("additionalModelResponseFields", {"stop_sequence": "END", "other": 1}),
    ):
        if draw(st.booleans()):
            body[name] = value
    return body


class ReplyTests(SynchronousTestCase):
    maxDiff = None

    @settings(max_examples=100, deadline=None)
    @given(answers())
    def test_identity(self, body: Json) -> None:
        """Reading and then writing is the identity, but for how long it took."""
        judge_output("ConverseResponse", body)
        ledger = Ledger()
        self.assertEqual(body, write_reply(read_reply(body, SENT), ASKED, ledger))
        self.assertEqual([], lines(ledger))

    def test_blocks(self) -> None:
        """Blocks of every API are said as far as there are words."""
        png = Image(source=Inline("image/png", "iVBORw0KGgo="))
        hosted = Hosted(family=ANTHROPIC, kind="server_tool_use", raw={}, field="h")
        address = Image(source=Remote("https://x.test/a.png"), field="i")
        body, noted = write(
            Refusal(text="no"),
            ToolCall(id="a" * 80, name="f", arguments="{"),
            png,
            hosted,
            Foreign(family=ANTHROPIC, kind="k", raw={}),
            address,
        )
        refusal, call, image = content_of(body)
        self.assertEqual({"text": "no"}, refusal)
        self.assertEqual({"_raw_arguments": "{"}, call["toolUse"]["input"])
        self.assertEqual("png", image["image"]["format"])
        self.assertEqual(["h;dropped", "foreign;dropped", "i;dropped"], noted)

    def test_hosted(self) -> None:
        """Steps of the service's own tools come as they were."""
        raw = {"toolUse": {"toolUseId": "a", "name": "n", "input": {}, "type": "server_tool_use"}}
        body, _ = write(Hosted(family="converse", kind="toolUse", raw=raw))
        self.assertEqual([raw], content_of(body))

    def test_empty(self) -> None:
        """An answer without a choice is an empty one."""
        body = write_reply(Reply(id="", model="", choices=()), ASKED, Ledger())
        judge_output("ConverseResponse", body)
        self.assertEqual(([], "end_turn"), (content_of(body), body["stopReason"]))

    def test_reasons(self) -> None:
        """Each reason has its word, Converse's own where it was one."""
        cases = [
            (Finish(reason=STOP), "end_turn"),
            (Finish(reason=PAUSED, raw="pause_turn"), "end_turn"),
            (Finish(reason=TOOL_CALLS, raw="end_turn"), "tool_use"),
            (Finish(reason=LENGTH), "max_tokens"),
            (Finish(reason=STOP_SEQUENCE), "stop_sequence"),
            (Finish(reason=REFUSED), "content_filtered"),
            (Finish(reason=REFUSED, raw="guardrail_intervened"), "guardrail_intervened"),
            (Finish(reason=CONTEXT_WINDOW), "model_context_window_exceeded"),
        ]
        for finish, expected in cases:
            self.assertEqual(expected, stop_reason(finish))

    def test_usage(self) -> None:
        """Counts that Converse demands are there, the others where they are known."""
        least = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
        self.assertEqual(least, write_usage(Usage()))
        full = Usage(input=1, cache_read=2, cache_write=3, cache_write_by_ttl={"5m": 3}, output=4)
        self.assertEqual(
            {
                "inputTokens": 1,
                "outputTokens": 4,
                "totalTokens": 10,
                "cacheReadInputTokens": 2,
                "cacheWriteInputTokens": 3,
                "cacheDetails": [{"ttl": "5m", "inputTokens": 3}],
            },
            write_usage(full),
        )

    def test_more_fields(self) -> None:
        """A stop and what was thought stand in the model's own fields."""
        self.assertEqual({}, more_fields(Finish(reason=STOP), Usage()))
        found = more_fields(Finish(reason=STOP_SEQUENCE, stop_sequence="END"), Usage(reasoning=9))
        self.assertEqual("END", found["stop_sequence"])
        self.assertEqual(9, found["usage"]["output_tokens_details"]["thinking_tokens"])

    def test_reasoning(self) -> None:
        """What another family made is sealed; what nobody signed has no signature."""
        thinking = Thinking(parts=("T",), token=Token("openai", "D"))
        written = reasoning_content(thinking)["reasoningText"]
        sealed = unseal(written["signature"])
        assert sealed is not None
        self.assertEqual(("T", thinking.token), (written["text"], sealed.token))
        self.assertEqual({"reasoningText": {"text": ""}}, reasoning_content(Thinking()))
        unsigned = Thinking(parts=("T",), token=Token(ANTHROPIC, ""))
        self.assertEqual({"reasoningText": {"text": "T"}}, reasoning_content(unsigned))
        redacted = Thinking(redacted=True, token=Token(ANTHROPIC, "RXU"))
        self.assertEqual({"redactedContent": "UlhV"}, reasoning_content(redacted))

    def test_citations(self) -> None:
        """Citations are those that there are words for."""
        page = Citation(kind="page_location", family=ANTHROPIC)
        web = Citation(kind="url", url="https://x.test")
        self.assertEqual(1, len(written_citations((page, web))))
        body, _ = write(Text(text="a", citations=(web,)))
        self.assertIn("citationsContent", content_of(body)[0])

    def test_ids(self) -> None:
        """An id that is too long is shortened."""
        self.assertEqual("a", call_id("a"))
        self.assertEqual(64, len(call_id("a" * 80)))
        self.assertRegex(call_id(""), r"\A_[0-9a-f]{8}\Z")
