from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    CacheMark,
    Text,
    Thinking,
    ToolResult,
)
from magicgateway.conversation.capabilities import ConverseAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Request, Tool, Turn
from magicgateway.dialects.bedrock_converse.cache_points import CachePoints, movable_marks
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE_4_5,
    GPT_OSS,
    NOVA,
    Json,
    answers,
    calls,
    chat,
    from_chat,
    from_messages,
    function,
    lines,
    says,
)

ABLE = ConverseAbilities(cache=True, cache_ttl=True, cache_tools=True)
MARK = {"cache_control": {"type": "ephemeral"}}
POINT = {"cachePoint": {"type": "default"}}
USER = says("user", "U")


class PlaceTests(SynchronousTestCase):
    maxDiff = None

    def test_after_a_result(self) -> None:
        """J45: the mark of a tool's message is a point after the result, not inside it."""
        tool = {**answers("a"), **MARK}
        body, noted = from_chat(chat(USER, calls("a"), tool, tools=[function()]))
        result, point = body["messages"][2]["content"]
        self.assertEqual([{"text": "r"}], result["toolResult"]["content"])
        self.assertEqual((POINT, []), (point, noted))
        inner = {
            "type": "tool_result",
            "tool_use_id": "a",
            "content": [{"type": "text", "text": "r", **MARK}],
        }
        turns = [
            {"role": "user", "content": "U"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}],
            },
            {"role": "user", "content": [inner]},
        ]
        body, noted = from_messages({"messages": turns})
        self.assertEqual(POINT, body["messages"][2]["content"][1])
        self.assertEqual(
            [
                "messages[2].content[0].content[0].cache_control;rewritten;moved-after-the-result",
                "tools;emulated;declared-from-the-history",
            ],
            noted,
        )

    def test_everywhere(self) -> None:
        """Marks on tools, in the system and on messages are points after these."""
        part = {"type": "text", "text": "S", **MARK}
        body, noted = from_chat(
            chat(says("system", [part]), {**USER, **MARK}, tools=[{**function(), **MARK}])
        )
        self.assertEqual(POINT, body["toolConfig"]["tools"][1])
        self.assertEqual([{"text": "S"}, POINT], body["system"])
        self.assertEqual([{"text": "U"}, POINT], body["messages"][0]["content"])
        self.assertEqual([], noted)

    def test_none(self) -> None:
        """J45: where a model has no such thing each mark is reported and none is sent."""
        tools = [{**function(), **MARK}]
        body, noted = from_chat(chat({**USER, **MARK}, tools=tools), GPT_OSS)
        self.assertNotIn("cachePoint", str(body))
        self.assertEqual(
            ["tools[0].cache_control;dropped", "messages[0].content.cache_control;dropped"], noted
        )
        body, noted = from_chat(chat({**USER, **MARK}, tools=tools), NOVA)
        self.assertEqual(1, str(body).count("cachePoint"))
        self.assertEqual(["tools[0].cache_control;dropped"], noted)

    def test_the_fifth(self) -> None:
        """J45: of more than four the last four stay."""
        parts = [{"type": "text", "text": str(number), **MARK} for number in range(5)]
        body, noted = from_chat(chat(says("user", parts)))
        content = body["messages"][0]["content"]
        self.assertEqual(["0", "1", POINT], [content[0]["text"], content[1]["text"], content[2]])
        self.assertEqual(4, content.count(POINT))
        self.assertEqual(
            ["messages[0].content[0].cache_control;dropped;too-many-cache-marks"], noted
        )

    def test_files(self) -> None:
        """A point comes straight after a document only where it may."""
        data = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"}
        document: Json = {"type": "document", "source": data, **MARK}
        content = [document, {"type": "text", "text": "U"}]
        body = {"messages": [{"role": "user", "content": content}]}
        written, noted = from_messages(body, NOVA)
        self.assertNotIn("cachePoint", str(written))
        self.assertEqual(["messages[0].content[0].cache_control;dropped;not-after-a-file"], noted)
        written, noted = from_messages(body, CLAUDE_4_5)
        self.assertEqual(POINT, written["messages"][0]["content"][1])


class MarkTests(SynchronousTestCase):
    def test_reasoning(self) -> None:
        """No point stands after reasoning."""
        thought = Thinking(parts=("T",), cache=CacheMark(), field="t")
        request = Request(model="m", turns=(Turn(role="assistant", blocks=(thought,)),))
        ledger = Ledger()
        (turn,) = movable_marks(request, ABLE, ledger).turns
        self.assertEqual((evolve(thought, cache=None),), turn.blocks)
        self.assertEqual(["t.cache_control;dropped"], lines(ledger))

    def test_inside(self) -> None:
        """A mark inside a block moves after it, unless there is one."""
        inner = Text(text="r", cache=CacheMark("1h"), field="i")
        for own in (None, CacheMark()):
            result = ToolResult(call_id="a", content=(inner,), cache=own)
            request = Request(model="m", turns=(Turn(role="user", blocks=(result,)),))
            (turn,) = movable_marks(request, ABLE, Ledger()).turns
            expected = evolve(
                result, cache=own or inner.cache, content=(evolve(inner, cache=None),)
            )
            self.assertEqual((expected,), turn.blocks)

    def test_untouched(self) -> None:
        """A request without marks is not copied turn by turn."""
        turn = Turn(role="user", blocks=(Text(text="U"), ToolResult(call_id="a")))
        request = Request(model="m", turns=(turn,), tools=(Tool(name="f"),))
        self.assertIs(turn, movable_marks(request, ABLE, Ledger()).turns[0])
        self.assertIs(request, movable_marks(request, ConverseAbilities(), Ledger()))

    def test_lifetimes(self) -> None:
        """An hour is not asked for after five minutes, nor where lifetimes are unknown."""
        hour, short, odd = CacheMark("1h"), CacheMark("5m"), CacheMark("12h")

        def points(
            abilities: ConverseAbilities, *marks: CacheMark
        ) -> tuple[list[str | None], list[str]]:
            ledger = Ledger()
            written = CachePoints(abilities, ledger)
            ttls = [written.after(mark, "p")[0]["cachePoint"].get("ttl") for mark in marks]
            return ttls, lines(ledger)

        ttl = "p.cache_control.ttl"
        self.assertEqual((["1h", "5m", None], []), points(ABLE, hour, short, CacheMark()))
        self.assertEqual(
            (["5m", "5m"], [f"{ttl};clamped;after-a-shorter-one"]), points(ABLE, short, hour)
        )
        self.assertEqual((["1h"], [f"{ttl};rewritten;nearest-lifetime"]), points(ABLE, odd))
        plain = ConverseAbilities(cache=True)
        self.assertEqual(([None, None], [f"{ttl};dropped"]), points(plain, short, hour))
        self.assertEqual([], CachePoints(ABLE, Ledger()).after(None, "p"))
