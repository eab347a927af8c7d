from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.bedrock_converse.format_writer import JSON_ONLY, JSON_SCHEMA
from magicgateway.dialects.bedrock_converse.request_writer import write_request
from magicgateway.dialects.grammar import Sent
from magicgateway.dialects.openai_chat.request_reader import read_request
from magicgateway.errors import ApiError
from magicgateway.wire.jsontext import decode
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE_4_5,
    LLAMA,
    NOVA,
    TITAN,
    Json,
    chat,
    from_chat,
    from_messages,
    function,
    lines,
    says,
)

USER = says("user", "U")
INNER = {"type": "object", "properties": {"b": {"type": "string"}}}
SCHEMA = {"type": "object", "properties": {"a": INNER}}


def asked(schema: Any = None, **fields: Any) -> Json:
    """A ``response_format`` with a schema."""
    inner = {"name": "reply", "schema": SCHEMA if schema is None else schema, **fields}
    return {"type": "json_schema", "json_schema": inner}


def sent_for(body: Json, capabilities: Any = NOVA) -> tuple[Sent, list[str]]:
    """What is sent for a chat body, and what was reported."""
    ledger = Ledger()
    return write_request(read_request(body, ledger), capabilities, ledger), lines(ledger)


class FormatTests(SynchronousTestCase):
    maxDiff = None

    def test_native(self) -> None:
        """J40: the schema is a text, and all of its objects are closed."""
        body, noted = from_chat(chat(USER, response_format=asked(description="d")))
        form = body["outputConfig"]["textFormat"]
        inner = form["structure"]["jsonSchema"]
        self.assertEqual(
            ("json_schema", "reply", "d"), (form["type"], inner["name"], inner["description"])
        )
        closed = {"type": "object", "additionalProperties": False}
        self.assertEqual(
            {**closed, "properties": {"a": {**closed, "properties": {"b": {"type": "string"}}}}},
            decode(inner["schema"].encode()),
        )
        self.assertEqual(["response_format;rewritten;restricted-schema"], noted)

    def test_native_unchanged(self) -> None:
        """A schema that is within the means is sent as it is, and nothing is reported."""
        schema = {"type": "object", "properties": {}, "additionalProperties": False}
        body, noted = from_chat(chat(USER, response_format=asked(schema)))
        inner = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
        self.assertEqual({"name": "reply", "schema": inner["schema"]}, inner)
        self.assertEqual(schema, decode(inner["schema"].encode()))
        self.assertEqual([], noted)
        messages = [{"role": "user", "content": "U"}]
        form = {"format": {"type": "json_schema", "schema": schema}}
        body, noted = from_messages({"messages": messages, "output_config": form})
        inner = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
        self.assertEqual({"schema"}, inner.keys())

    def test_tool(self) -> None:
        """J41: elsewhere a tool stands for the format, and has to be called."""
        sent, noted = sent_for(chat(USER, response_format=asked()))
        self.assertEqual("reply", sent.json_tool)
        (tool,) = sent.body["toolConfig"]["tools"]
        self.assertEqual(SCHEMA, tool["toolSpec"]["inputSchema"]["json"])
        self.assertEqual({"tool": {"name": "reply"}}, sent.body["toolConfig"]["toolChoice"])
        self.assertEqual(["response_format;emulated;by-tool"], noted)

    def test_tool_among_others(self) -> None:
        """Beside the caller's tools one has to be called, the format's under a free name."""
        tools = [function("reply")]
        sent, _ = sent_for(chat(USER, response_format=asked(), tools=tools))
        self.assertEqual("reply_2", sent.json_tool)
        self.assertEqual({"any": {}}, sent.body["toolConfig"]["toolChoice"])

    def test_recursive(self) -> None:
        """J42: a schema that cannot be said natively is the tool's, as is one after a refusal."""
        recursive = {"type": "object", "properties": {"a": {"$ref": "#"}}}
        sent, _ = sent_for(chat(USER, response_format=asked(recursive)), CLAUDE_4_5)
        self.assertEqual("reply", sent.json_tool)
        self.assertNotIn("outputConfig", sent.body)
        again = evolve(CLAUDE_4_5, converse=evolve(CLAUDE_4_5.converse, structured_outputs=False))
        sent, _ = sent_for(chat(USER, response_format=asked()), again)
        self.assertEqual("reply", sent.json_tool)

    def test_wrapped(self) -> None:
        """A value that is no object is asked for in ``input``."""
        sent, _ = sent_for(chat(USER, response_format=asked({"type": "array"})))
        self.assertEqual({"reply"}, sent.wrapped)
        schema = sent.body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]
        self.assertEqual(["input"], schema["required"])

    def test_unforced(self) -> None:
        """Where no call can be demanded, the model is told to call."""
        for capabilities, fields in ((LLAMA, {}), (CLAUDE_4_5, {"reasoning_effort": "low"})):
            recursive = {"type": "object", "properties": {"a": {"$ref": "#"}}}
            body = chat(USER, response_format=asked(recursive), **fields)
            sent, _ = sent_for(body, capabilities)
            self.assertNotIn("toolChoice", sent.body["toolConfig"])
            (text,) = (block["text"] for block in sent.body["system"])
            self.assertIn("calling the tool reply", text)

    def test_demanded_call(self) -> None:
        """A call that the caller demands is the answer, whatever its form was to be."""
        body = chat(USER, response_format=asked(), tools=[function()], tool_choice="required")
        sent, noted = sent_for(body)
        self.assertIsNone(sent.json_tool)
        self.assertEqual(["response_format;dropped;tool-is-forced"], noted)

    def test_words(self) -> None:
        """A model without tools is told the schema; a format without one is told everybody."""
        body, noted = from_chat(chat(USER, response_format=asked()), TITAN)
        self.assertTrue(body["messages"][0]["content"][0]["text"].startswith(JSON_SCHEMA))
        self.assertEqual("response_format;emulated;by-prompt", noted[-1])
        for form in (
            {"type": "json_object"},
            {"type": "json_schema", "json_schema": {"name": "x"}},
        ):
            body, noted = from_chat(chat(USER, response_format=form))
            self.assertEqual([{"text": JSON_ONLY}], body["system"])
            self.assertEqual(["response_format;emulated;by-prompt"], noted)
        body, noted = from_chat(chat(USER, response_format={"type": "text"}))
        self.assertEqual({"messages"}, body.keys())
        self.assertEqual([], noted)

    def test_unknown_format(self) -> None:
        """A format that there is not is refused, and not taken for JSON."""
        with self.assertRaises(ApiError) as caught:
            from_chat(chat(USER, response_format={"type": "grammar"}))
        self.assertEqual(
            (400, "response_format"), (caught.exception.status, caught.exception.param)
        )

    def test_default_name(self) -> None:
        """A format without a name has a tool with one."""
        messages = [{"role": "user", "content": "U"}]
        form = {"format": {"type": "json_schema", "schema": SCHEMA}}
        body, _ = from_messages({"messages": messages, "output_config": form}, NOVA)
        self.assertEqual("json_response", body["toolConfig"]["tools"][0]["toolSpec"]["name"])
