from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.faults import parse
from magicgateway.demo.reply import (
    ANY_TOOL,
    LENGTH,
    NO_TOOL,
    REFUSAL,
    STOP,
    TOOLS,
    Ask,
    Reply,
    Tool,
    cached_tokens,
    count,
    reply_to,
)
from magicgateway.wire import jsontext
from tests.demo.calls import WEATHER

OFFERED = (Tool("weather", WEATHER), Tool("search"))


def reply(prompt: str = "hello", **more: Any) -> Reply:
    return reply_to(Ask("demo", prompt, **more))


class TextTests(SynchronousTestCase):
    def test_deterministic(self) -> None:
        """Equal questions get equal answers; another prompt, model or choice gets another."""
        first = reply()
        self.assertEqual(first, reply())
        self.assertEqual(STOP, first.finish)
        others = [reply("bye"), reply_to(Ask("demo2", "hello")), reply_to(Ask("demo", "hello"), 1)]
        self.assertNotIn(first.content, [other.content for other in others])

    def test_counts(self) -> None:
        """Tokens are four characters, and long input is partly cached, in whole steps."""
        self.assertEqual((0, 1, 1, 2), tuple(map(count, (0, 1, 4, 5))))
        self.assertEqual((0, 1024, 1152), tuple(map(cached_tokens, (1024, 1025, 1200))))
        self.assertEqual(2, reply(size=5).input)

    def test_limit(self) -> None:
        """A limit counts reasoning and text, and is told as the reason."""
        whole = reply(reasoning=True)
        for limit in (1, len(whole.reasoning), len(whole.reasoning) + 3, whole.output - 1):
            with self.subTest(limit=limit):
                short = reply(reasoning=True, limit=limit)
                self.assertEqual((limit, LENGTH), (short.output, short.finish))
        self.assertEqual(whole, reply(reasoning=True, limit=whole.output))

    def test_stop(self) -> None:
        """The first stop string that occurs ends the text before it."""
        words = reply().content.split()
        stopped = reply(stops=("\x00never", f" {words[3]} ", f" {words[2]} "))
        self.assertEqual(f" {words[2]} ", stopped.stop)
        self.assertEqual(" ".join(words[:2]), stopped.content.rstrip())
        self.assertIsNone(reply(stops=("\x00never",)).stop)

    def test_tokens(self) -> None:
        """The script's number of tokens is exact."""
        for amount in (1, 10, 5000):
            with self.subTest(amount=amount):
                self.assertEqual(amount, len(reply(script=parse(f"tokens={amount}")).text))

    def test_bytes(self) -> None:
        """The script's number of bytes is exact, whatever limit or stop string there is."""
        for size in (1, 16384, 16385, 50_000_000):
            with self.subTest(size=size):
                long = reply(script=parse(f"bytes={size}"), limit=2, stops=("x",))
                self.assertEqual(size, sum(map(len, long.text)))
                self.assertEqual(STOP, long.finish)

    def test_huge_line(self) -> None:
        """One token is as long as the script says."""
        self.assertEqual(5000, max(map(len, reply(script=parse("huge-line=5000")).text)))

    def test_refusal(self) -> None:
        """Who asks the model to refuse gets a refusal, whatever else was asked."""
        refused = reply("please REFUSE this", reasoning=True, tools=OFFERED, choice=ANY_TOOL)
        self.assertTrue(refused.refused)
        self.assertEqual((REFUSAL, ()), (refused.content, refused.tools))

    def test_seen(self) -> None:
        """What came beside the text is mentioned first."""
        self.assertTrue(reply(seen=("a", "b")).content.startswith("I see a; b. "))

    def test_schema(self) -> None:
        """With a schema the text is a JSON value of it."""
        value = jsontext.decode(reply(schema=WEATHER).content.encode())
        self.assertEqual({"city", "days"}, set(value))


class ToolTests(SynchronousTestCase):
    def test_choices(self) -> None:
        """Tools are called when named, asked for or required, and not otherwise."""
        for prompt, choice, names in (
            ("hello", "auto", []),
            ("the weather please", "auto", ["weather"]),
            ("weather and search", "auto", ["weather", "search"]),
            ("use a tool", "auto", ["weather"]),
            ("hello", ANY_TOOL, ["weather"]),
            ("the weather please", NO_TOOL, []),
            ("hello", "=search", ["search"]),
            ("hello", "=unknown", []),
        ):
            with self.subTest(prompt=prompt, choice=choice):
                called = reply(prompt, choice=choice, tools=OFFERED)
                self.assertEqual(names, [tool.name for tool in called.tools])
                self.assertEqual(TOOLS if names else STOP, called.finish)

    def test_one_at_a_time(self) -> None:
        """Without parallel calls there is one."""
        self.assertEqual(1, len(reply("weather, search", tools=OFFERED, parallel=False).tools))

    def test_answered(self) -> None:
        """After a tool's result the model talks, unless a tool is required."""
        self.assertEqual((), reply("weather", tools=OFFERED, answered=True).tools)
        required = reply("weather", tools=OFFERED, answered=True, choice=ANY_TOOL)
        self.assertEqual(1, len(required.tools))

    def test_arguments(self) -> None:
        """Arguments follow the tool's schema; ids are distinct."""
        called = reply("weather and search", tools=OFFERED)
        self.assertEqual({"city", "days"}, set(jsontext.decode(called.tools[0].arguments.encode())))
        self.assertEqual("{}", called.tools[1].arguments)
        self.assertEqual(2, len({tool.id for tool in called.tools}))

    def test_free_text(self) -> None:
        """A tool that takes free text gets a sentence."""
        [call] = reply("shell", tools=(Tool("shell", free=True),)).tools
        self.assertTrue(call.free and call.arguments)

    def test_limit(self) -> None:
        """A limit cuts the arguments of the call it falls into, and leaves out what comes later."""
        whole = reply("weather and search", tools=OFFERED)
        first = whole.tools[0].arguments
        for limit, expected in ((30, [first, "{}"]), (11, [first[:12]]), (8, []), (1, [])):
            with self.subTest(limit=limit):
                cut = reply("weather and search", tools=OFFERED, limit=limit)
                self.assertEqual(expected, [call.arguments for call in cut.tools])
                self.assertEqual(TOOLS if limit == 30 else LENGTH, cut.finish)
        [cut_call] = reply("weather", tools=OFFERED, limit=11).tools
        self.assertEqual({}, cut_call.value)
        short = reply("weather", tools=OFFERED, preface=True, limit=2)
        self.assertEqual((2, ()), (len(short.text), short.tools))

    def test_preface(self) -> None:
        """Where it is usual a sentence goes before the calls."""
        self.assertTrue(reply("weather", tools=OFFERED, preface=True).content)
        self.assertEqual("", reply("weather", tools=OFFERED).content)
