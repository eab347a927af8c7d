from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import ANTHROPIC, Hosted, Text, Thinking, ToolCall
from magicgateway.conversation.events import BlockStarted, BlockStopped, Ping, TextDelta
from magicgateway.dialects.openai_responses.assembly import Assembly
from tests.dialects.openai_responses.judge import Json, asked


class AssemblyTests(SynchronousTestCase):
    def test_one_message(self) -> None:
        """Words side by side are parts of one message, unless its phase or its id is another."""
        cases = [
            ((Text(text=""), Text(text="")), 1),
            ((Text(text="", phase="commentary"), Text(text="", phase="final_answer")), 2),
            ((Text(text="", item_id="a"), Text(text="", item_id="b")), 2),
            ((Text(text="", item_id="a"), Text(text="", item_id="a")), 1),
        ]
        for texts, count in cases:
            assembly = Assembly(asked())
            for index, text in enumerate(texts):
                given = (BlockStarted(index, text), TextDelta(index, "x"), BlockStopped(index))
                for event in given:
                    list(assembly.feed(event))
            list(assembly.close())
            self.assertEqual(count, len(assembly.output))

    def test_open(self) -> None:
        """An item is not done before the next begins or the answer ends."""
        assembly = Assembly(asked())
        list(assembly.feed(BlockStarted(0, Thinking())))
        list(assembly.feed(BlockStopped(0)))
        self.assertEqual([], assembly.output)
        list(assembly.feed(BlockStarted(1, ToolCall(id="c", name="f"))))
        self.assertEqual(["reasoning"], [item["type"] for item in assembly.output])

    def test_interpreters(self) -> None:
        """Code that ran at Anthropic's is an item of OpenAI's; what came of it has no place."""
        for name, given, code in (
            ("code_execution", {"code": "1+1"}, "1+1"),
            ("bash_code_execution", {"command": "ls"}, "ls"),
            ("bash_code_execution", {}, None),
            ("bash_code_execution", "odd", None),
            ("bash_code_execution", {"command": 1}, None),
        ):
            raw: Json = {"type": "server_tool_use", "name": name, "input": given}
            ran: Json = {"type": "bash_code_execution_tool_result", "content": {"stdout": "2"}}
            assembly = Assembly(asked())
            for index, block in enumerate((raw, ran)):
                hosted = Hosted(family=ANTHROPIC, kind=str(block["type"]), raw=block)
                list(assembly.feed(BlockStarted(index, hosted)))
                list(assembly.feed(BlockStopped(index)))
            (item,) = assembly.output
            self.assertEqual(("code_interpreter_call", code), (item["type"], item["code"]))
            self.assertEqual(["output[1].bash_code_execution_tool_result"], assembly.lost)

    def test_nothing(self) -> None:
        """Events that are about no item are nothing here."""
        self.assertEqual([], list(Assembly(asked()).feed(Ping())))
        odd = Hosted(family=ANTHROPIC, kind="server_tool_use", raw={"name": ["x"]})
        self.assertEqual([], list(Assembly(asked()).feed(BlockStarted(0, odd))))
