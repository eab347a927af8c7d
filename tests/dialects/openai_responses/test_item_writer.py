from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    OPENAI,
    Block,
    Citation,
    Extras,
    Foreign,
    Hosted,
    Image,
    Inline,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.request import Request, Turn
from tests.dialects.openai_responses.judge import Json, again, body, output, read, says, write
from tests.judging import unjudged

TOKEN = Token("openai", "gAAA")
MIXED: list[Json] = [
    says("user", [{"type": "input_text", "text": "q"}], id="msg_u"),
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}],
     "encrypted_content": "gAAA"},
    says("assistant", [
        {"type": "output_text", "text": "a", "annotations": [
            {"type": "url_citation", "url": "u", "title": "t", "start_index": 0,
             "end_index": 1}]},
        {"type": "refusal", "refusal": "no"}], id="msg_1", status="completed", phase="commentary"),
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "id": "fc_1"},
    {"type": "custom_tool_call", "call_id": "c2", "name": "p", "input": "x", "id": "ctc_1"},
    {"type": "local_shell_call", "id": "lsh_1", "call_id": "c3", "status": "completed",
     "action": {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": 5}},
    {"type": "shell_call", "call_id": "c4", "action": {"commands": ["ls"]}, "status": "completed"},
    {"type": "apply_patch_call", "call_id": "c5", "status": "completed",
     "operation": {"type": "delete_file", "path": "a"}},
    {"type": "tool_search_call", "call_id": "c6", "execution": "client", "status": "completed",
     "arguments": {"query": "q"}},
    {"type": "web_search_call", "id": "ws_1", "status": "completed",
     "action": {"type": "search", "query": "q"}},
    {"type": "function_call_output", "call_id": "c1", "output": "r"},
    {"type": "function_call_output", "call_id": "c1", "output": [
        {"type": "input_text", "text": "r"},
        {"type": "input_image", "detail": "auto", "image_url": "https://x.test/a.png"}]},
    {"type": "custom_tool_call_output", "call_id": "c2", "output": ""},
    {"type": "local_shell_call_output", "id": "c3", "output": "r"},
    {"type": "shell_call_output", "call_id": "c4", "output": [
        {"stdout": "r", "stderr": "", "outcome": {"type": "exit", "exit_code": 1}}]},
    {"type": "apply_patch_call_output", "call_id": "c5", "status": "failed", "output": "r"},
    {"type": "tool_search_output", "call_id": "c6", "execution": "client", "tools": [
        {"type": "function", "name": "g", "parameters": {}, "strict": True}]},
    {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
    says("assistant", "b"),
    says("developer", "c"),
]  # fmt: skip


def made(role: str, *blocks: Block, **fields: object) -> tuple[list[Json], list[str]]:
    """The items that one turn becomes, and the notes."""
    turn = Turn(role=role, blocks=blocks, field="m[0]", **fields)  # type: ignore[arg-type]
    sent, notes = write(Request(model="m", turns=(turn,)), judged=False)
    return sent.body.get("input", []), notes


class ItemWriterTests(SynchronousTestCase):
    maxDiff = None

    def test_every_kind(self) -> None:
        """G.2: items of every kind are the same after they were read."""
        for item in MIXED:
            self.assertEqual([item], again(body(item))["input"])
        self.assertEqual(MIXED, again(body(*MIXED))["input"])

    def test_results_first(self) -> None:
        """A user's turn of another family gives its results before what else it says."""
        items, _ = made("user", Text(text="x"), ToolResult(call_id="c", content=(Text(text="r"),)))
        self.assertEqual([output("c"), says("user", [{"type": "input_text", "text": "x"}])], items)

    def test_errors(self) -> None:
        """A result that is an error says so in words, once."""
        words = Text(text="r")
        picture = Image(source=Inline("image/png", "AAAA"))
        cases: list[tuple[tuple[Block, ...], str]] = [
            ((words,), "Error: r"),
            ((Text(text="Error: r"),), "Error: r"),
            ((), "Error: "),
            ((picture,), "Error: "),
        ]
        for content, expected in cases:
            items, _ = made("user", ToolResult(call_id="c", content=content, is_error=True))
            value = items[0]["output"]
            first = value if isinstance(value, str) else value[0]["text"]
            self.assertEqual(expected, first)

    @unjudged("without an id, as only a provider that gave none gets it back")
    def test_reasoning(self) -> None:
        """Reasoning goes back to its maker only, under the id that it belongs to."""
        kept = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
        cases: list[tuple[Thinking, list[Json]]] = [
            (Thinking(token=TOKEN, item_id="rs_1"), [{**kept, "id": "rs_1"}]),
            (Thinking(token=TOKEN), [kept]),
            (Thinking(parts=("s",), summary=True, token=TOKEN),
             [{**kept, "summary": [{"type": "summary_text", "text": "s"}]}]),
            (Thinking(parts=("t",), token=TOKEN),
             [{**kept, "content": [{"type": "reasoning_text", "text": "t"}]}]),
            (Thinking(parts=("t",), token=Token("anthropic", "sig")), []),
            (Thinking(parts=("t",)), []),
            (Thinking(parts=("t",), token=Token(TOKEN.origin, ""), item_id="rs_1"), []),
            (Thinking(parts=("t",), item_id="rs_1"), []),
        ]  # fmt: skip
        for block, expected in cases:
            items, notes = made("assistant", block)
            self.assertEqual(expected, items)
            lost = [] if expected else ["reasoning;dropped;foreign-reasoning"]
            self.assertEqual(lost, notes)

    def test_kept_reasoning(self) -> None:
        """Where items are kept, the id is enough."""
        item = {"type": "reasoning", "id": "rs_1", "summary": []}
        self.assertEqual([item], again(body(item, store=True))["input"])
        both = {**item, "summary": [{"type": "summary_text", "text": "s"}],
                "content": [{"type": "reasoning_text", "text": "t"}]}  # fmt: skip
        self.assertEqual([both], again(body(both, store=True))["input"])

    def test_answers(self) -> None:
        """An earlier answer of another API is plain where it can be, else a message with an id."""
        cited = Citation(kind="char_location", family=ANTHROPIC, raw={"type": "char_location"})
        cases: list[tuple[tuple[Block, ...], Json, list[str]]] = [
            ((Text(text="a"),), says("assistant", "a"), []),
            ((Text(text="a"), Text(text="b")), says(
                "assistant",
                [{"type": "output_text", "text": t, "annotations": []} for t in "ab"],
                id="msg_1", status="completed"), []),
            ((Refusal(text="n"),), says("assistant", [{"type": "refusal", "refusal": "n"}],
                                        id="msg_1", status="completed"), []),
            ((Text(text="a", field="m[0].x", citations=(cited,)),), says(
                "assistant", [{"type": "output_text", "text": "a", "annotations": []}],
                id="msg_1", status="completed"),
             ["m[0].x.citations[0];dropped;unsupported-by-target"]),
        ]  # fmt: skip
        for blocks, expected, lost in cases:
            self.assertEqual(([expected], lost), made("assistant", *blocks))

    def test_empty_text(self) -> None:
        """An empty text beside a call is nothing; alone it is an empty message."""
        call = ToolCall(id="c", name="f", arguments="{}")
        items, notes = made("assistant", Text(text=""), call)
        self.assertEqual((["function_call"], []), ([item["type"] for item in items], notes))
        self.assertEqual([says("assistant", "")], made("assistant", Text(text=""))[0])
        self.assertEqual([says("assistant", [])], made("assistant")[0])
        self.assertEqual([says("user", [])], made("user")[0])

    def test_order(self) -> None:
        """Words and calls stay in the order in which they were made."""
        items, _ = made(
            "assistant", Text(text="a"), ToolCall(id="c", name="f", arguments=""), Text(text="b")
        )
        self.assertEqual(["message", "function_call", "message"], [item["type"] for item in items])

    def test_foreign_steps(self) -> None:
        """Steps of a provider's own tool are words if they have any, else they are reported."""
        step = Hosted(family=ANTHROPIC, kind="server_tool_use", raw={}, text="[web_search: q]",
                      field="m[0].a")  # fmt: skip
        self.assertEqual(
            ([says("assistant", "[web_search: q]")], ["m[0].a;rewritten;told-as-text"]),
            made("assistant", step),
        )
        items, notes = made("assistant", Foreign(family=ANTHROPIC, kind="x", raw={}, field="f"))
        self.assertEqual(([], ["f;dropped;unsupported-by-target"]), (items, notes))

    def test_losses(self) -> None:
        """Names, foreign extras and tokens that no item has a place for are reported."""
        call = ToolCall(id="c", name="f", arguments="{}", token=Token("gemini", "x"), field="m.c")
        cases: list[tuple[tuple[list[Json], list[str]], list[str]]] = [
            (made("user", Text(text="a"), name="Ann"), ["m[0].name"]),
            (made("assistant", call), ["m.c.signature"]),
            (made("assistant", Text(text="a", token=TOKEN, field="m.t")), ["m.t.signature"]),
            (made("user", ToolResult(call_id="c"), extras=Extras(OPENAI, "m[0]", {"x": 1}),
                  name=None), ["m[0].x"]),
            (made("assistant", call, extras=Extras(ANTHROPIC, "m[0]", {"x": 1})),
             ["m.c.signature", "m[0].x"]),
        ]  # fmt: skip
        for (_, notes), lost in cases:
            self.assertEqual(lost, [note.partition(";")[0] for note in notes])

    def test_tool_message(self) -> None:
        """What a chat's tool message has besides stays with its output."""
        extras = Extras(OPENAI, "messages[1]", {"odd": 1})
        items, notes = made("tool", ToolResult(call_id="c"), extras=extras)
        self.assertEqual(([{**output("c", ""), "odd": 1}], []), (items, notes))

    def test_client_output(self) -> None:
        """Outputs of tools with items of their own are put into their form."""
        cases = [
            (ToolResult(call_id="c", kind="shell", content=(Text(text="r"),)),
             {"type": "shell_call_output", "call_id": "c", "output": [
                 {"stdout": "r", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]}),
            (ToolResult(call_id="c", kind="shell", content=(Text(text="{}"),)),
             {"type": "shell_call_output", "call_id": "c", "output": [
                 {"stdout": "{}", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]}),
            (ToolResult(call_id="c", kind="apply_patch"),
             {"type": "apply_patch_call_output", "call_id": "c", "status": "completed"}),
            (ToolResult(call_id="c", kind="tool_search", content=(Text(text="nothing"),)),
             {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": []}),
            (ToolResult(call_id="c", kind="local_shell", is_error=True),
             {"type": "local_shell_call_output", "id": "c", "output": "Error: "}),
            (ToolResult(call_id="c", kind="local_shell",
                        content=(Text(text="a"), Text(text="b"))),
             {"type": "local_shell_call_output", "id": "c",
              "output": '[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]'}),
        ]  # fmt: skip
        for block, expected in cases:
            self.assertEqual([expected], made("tool", block)[0])

    def test_bad_client_call(self) -> None:
        """A call whose arguments do not fit its item is a function's."""
        block = ToolCall(id="c", name="local_shell", kind="local_shell", arguments="{")
        items, _ = made("assistant", block)
        self.assertEqual(
            [{"type": "function_call", "call_id": "c", "name": "local_shell", "arguments": "{"}],
            items,
        )

    def test_status(self) -> None:
        """What was not completed stays so."""
        item = says("assistant", [{"type": "output_text", "text": "a", "annotations": []}],
                    id="msg_1", status="incomplete")  # fmt: skip
        self.assertEqual([item], again(body(item))["input"])
        self.assertEqual([], read(body(item))[1])
