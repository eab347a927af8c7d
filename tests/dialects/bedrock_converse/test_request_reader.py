from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CONVERSE, CacheMark, Extras, Text
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import (
    MAX_TOKENS,
    RESPONSE_FORMAT,
    SERVICE_TIER,
    STOP,
    TEMPERATURE,
    TOOL_CHOICE,
    TOP_P,
    ResponseFormat,
    ToolChoice,
)
from magicgateway.conversation.request import HostedTool, Request, Tool
from magicgateway.dialects.bedrock_converse.request_reader import read_request
from magicgateway.dialects.bedrock_converse.request_writer import write_request
from magicgateway.errors import ApiError
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE,
    Json,
    from_converse,
    judge,
    lines,
)
from tests.dialects.bedrock_converse.strategies import FORMAT, OTHERS, requests
from tests.judging import unjudged

MESSAGES = [{"role": "user", "content": [{"text": "U"}]}]
ABLE = evolve(
    CLAUDE,
    sampling="all",
    audio=True,
    converse=evolve(
        CLAUDE.converse,
        text_with_results="all",
        grounding=True,
        prefill=True,
        first_user=False,
        blank_stops=True,
    ),
)
"""Takes all there is."""


def read(body: Json) -> Request:
    """A body's request."""
    return read_request({"model": "m", "messages": MESSAGES, **body}, Ledger())


class ReadTests(SynchronousTestCase):
    maxDiff = None

    def test_settings(self) -> None:
        """Settings are known under their paths."""
        config = {"maxTokens": 5, "temperature": 0.5, "topP": 1, "stopSequences": ["END"]}
        request = read({"inferenceConfig": config, "serviceTier": {"type": "flex"}})
        given = request.parameters
        self.assertEqual(
            [5, 0.5, 1, ("END",), "flex"],
            [given.get(p) for p in (MAX_TOKENS, TEMPERATURE, TOP_P, STOP, SERVICE_TIER)],
        )
        self.assertEqual("inferenceConfig.maxTokens", given.named(MAX_TOKENS))

    def test_model(self) -> None:
        """The model and whether to stream stand in the body; without a model it is a 400."""
        request = read({"stream": True})
        self.assertEqual(("m", True), (request.model, request.stream))
        by_id = read_request({"modelId": "x", "messages": MESSAGES}, Ledger())
        self.assertEqual(("x", False), (by_id.model, by_id.stream))
        with self.assertRaises(ApiError) as caught:
            read_request({"messages": MESSAGES, "inferenceConfig": {}}, Ledger())
        self.assertEqual((400, "model"), (caught.exception.status, caught.exception.param))

    def test_tools(self) -> None:
        """Tools, those the service runs among them, are known with their marks."""
        point = {"cachePoint": {"type": "default", "ttl": "1h"}}
        spec = {
            "name": "f",
            "description": "d",
            "inputSchema": {"json": {"type": "object"}, "y": 1},
        }
        tools: list[Json] = [
            point,
            {"toolSpec": {**spec, "strict": True}, "x": 1},
            point,
            {"systemTool": {"name": "nova_grounding"}},
            {"systemTool": {"name": "other"}},
            {"toolSpec": {"name": "g"}},
        ]
        request = read({"toolConfig": {"tools": tools, "toolChoice": {"any": {}}}})
        place = "toolConfig.tools"
        self.assertEqual(
            (
                Tool(
                    name="f",
                    description="d",
                    schema={"type": "object"},
                    strict=True,
                    cache=CacheMark("1h"),
                    field=f"{place}[1].toolSpec",
                    extras=Extras(CONVERSE, f"{place}[1]", {"x": 1, "toolSpec.inputSchema.y": 1}),
                ),
                HostedTool(
                    kind="web_search",
                    raw=tools[3],
                    family=CONVERSE,
                    name="nova_grounding",
                    field=f"{place}[3]",
                ),
                HostedTool(
                    kind="other",
                    raw=tools[4],
                    family=CONVERSE,
                    name="other",
                    field=f"{place}[4]",
                ),
                Tool(name="g", field=f"{place}[5].toolSpec"),
            ),
            request.tools,
        )
        self.assertEqual(ToolChoice("required"), request.parameters.get(TOOL_CHOICE))

    def test_choices(self) -> None:
        """Each choice is known."""
        for raw, expected in (
            ({"auto": {}}, ToolChoice("auto")),
            ({"tool": {"name": "f"}}, ToolChoice("tool", "f")),
        ):
            config: Json = {"tools": [{"toolSpec": {"name": "f"}}], "toolChoice": raw}
            given = read({"toolConfig": config}).parameters
            self.assertEqual(expected, given.get(TOOL_CHOICE))

    def test_format(self) -> None:
        """A format's schema is read from its text."""
        form = read({"outputConfig": {"textFormat": FORMAT}}).parameters.get(RESPONSE_FORMAT)
        schema = {"type": "object", "properties": {}, "additionalProperties": False}
        self.assertEqual(
            ResponseFormat(kind="json_schema", name="r", schema=schema, strict=True), form
        )

    def test_strings(self) -> None:
        """Content may be one string, as callers of chat are used to."""
        request = read({"system": "S", "messages": [{"role": "user", "content": "U"}]})
        self.assertEqual(
            [(Text(text="S", field="system"),), (Text(text="U", field="messages[0].content"),)],
            [turn.blocks for turn in request.turns],
        )
        self.assertEqual([True, True], [turn.whole for turn in request.turns])

    def test_refused(self) -> None:
        """What Converse would not take is refused by its place."""
        structure = "outputConfig.textFormat"
        cases: list[tuple[str, Json]] = [
            ("messages", {"messages": []}),
            ("messages[0].role", {"messages": [{"role": "tool", "content": []}]}),
            ("messages[0].content", {"messages": [{"role": "user"}]}),
            ("inferenceConfig.maxTokens", {"inferenceConfig": {"maxTokens": 0}}),
            ("inferenceConfig.topP", {"inferenceConfig": {"topP": "x"}}),
            ("toolConfig.tools[0]", {"toolConfig": {"tools": [{"x": 1}]}}),
            ("toolConfig.toolChoice", {"toolConfig": {"tools": [], "toolChoice": {}}}),
            ("toolConfig.toolChoice.tool.name", {"toolConfig": {"toolChoice": {"tool": {}}}}),
            (structure, {"outputConfig": {"textFormat": {"type": "json_schema"}}}),
            (
                f"{structure}.structure.jsonSchema.schema",
                {"outputConfig": {"textFormat": _format("{")}},
            ),
            (
                f"{structure}.structure.jsonSchema.schema",
                {"outputConfig": {"textFormat": _format("\ud800")}},
            ),
        ]
        for param, body in cases:
            with self.assertRaises(ApiError, msg=body) as caught:
                read(body)
            self.assertEqual(param, caught.exception.param)


class IdentityTests(SynchronousTestCase):
    maxDiff = None

    def check(self, body: Json) -> None:
        """Fail unless a body that is read and written is the same, with nothing reported."""
        ledger = Ledger()
        request = read_request({"model": "m", **body}, ledger)
        sent = write_request(request, ABLE, ledger)
        self.assertEqual((body, []), (sent.body, lines(ledger)))

    @settings(max_examples=150, deadline=None)
    @given(requests())
    def test_property(self, body: Json) -> None:
        """Reading and then writing is the identity."""
        judge(body)
        if str(body).count("cachePoint") <= 4:
            self.check(body)

    @unjudged("fields that nobody knows are planted in it")
    def test_unknown_fields(self) -> None:
        """A field that nobody knows comes back where it was, at every level."""
        spec = {"name": "f", "inputSchema": {"json": {"type": "object"}, "z": 6}, "z": 7}
        text_format = {**FORMAT, "z": 8}
        text_format["structure"] = {**FORMAT["structure"], "z": 9}  # type: ignore[dict-item]
        body: Json = {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"text": "U", "z": 1},
                        {
                            "image": {
                                "format": "png",
                                "source": {"bytes": "iVBORw0KGgo=", "z": 2},
                                "z": 3,
                            }
                        },
                        {
                            "searchResult": {
                                "source": "s",
                                "title": "t",
                                "content": [{"text": "x"}],
                                "z": 4,
                            }
                        },
                        {
                            "document": {
                                "name": "n",
                                "format": "pdf",
                                "source": {"bytes": "JVBERi0x"},
                                "z": 5,
                            }
                        },
                    ],
                    "z": 10,
                },
            ],
            "inferenceConfig": {"z": 11},
            "toolConfig": {
                "tools": [{"toolSpec": spec, "z": 12}],
                "toolChoice": {"auto": {"z": 13}, "z": 14},
                "z": 15,
            },
            "outputConfig": {"textFormat": text_format, "z": 16},
            "serviceTier": {"type": "flex", "z": 17},
            "z": 18,
        }
        self.check(body)

    @unjudged("fields that nobody knows are planted in it")
    def test_in_results(self) -> None:
        """The same is so inside calls, results and reasoning."""
        body: Json = {
            "messages": [
                {"role": "user", "content": [{"text": "U"}]},
                {
                    "role": "assistant",
                    "content": [
                        {
                            "reasoningContent": {
                                "reasoningText": {"text": "T", "signature": "S", "z": 1},
                                "z": 2,
                            }
                        },
                        {
                            "citationsContent": {
                                "content": [{"text": "C"}],
                                "citations": [{"z": 3}],
                                "z": 4,
                            }
                        },
                        {"toolUse": {"toolUseId": "a", "name": "f", "input": {}, "z": 5}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "toolResult": {
                                "toolUseId": "a",
                                "content": [{"text": "r", "z": 6}],
                                "z": 7,
                            }
                        },
                    ],
                },
            ],
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]
            },
        }
        self.check(body)

    def test_others(self) -> None:
        """All fields beside the messages come back, one by one and together."""
        for name, value in OTHERS.items():
            self.check({"messages": MESSAGES, name: value})
        self.check({"messages": MESSAGES, **OTHERS})

    def test_hosted(self) -> None:
        """Tools that the service runs, and their steps, come back."""
        use = {"toolUse": {"toolUseId": "a", "name": "n", "input": {}, "type": "server_tool_use"}}
        result = {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}], "type": "y"}}
        self.check(
            {
                "messages": [
                    *MESSAGES,
                    {"role": "assistant", "content": [use, result, {"text": "A"}]},
                    *MESSAGES,
                ],
                "toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]},
            }
        )

    def test_equivalences(self) -> None:
        """What means the same is written in one way."""
        plain: Json = {"messages": MESSAGES}
        json = [{"toolResult": {"toolUseId": "a", "content": [{"json": {"a": 1}}]}}]
        called = {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}
        tool = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}
        turns = [*MESSAGES, {"role": "assistant", "content": [called]}]
        result = [{"toolResult": {"toolUseId": "a", "content": [{"text": '{"a":1}'}]}}]
        tools = {"toolConfig": {"tools": [tool]}}
        not_strict = {"toolSpec": {**tool["toolSpec"], "strict": False}}
        cases: list[tuple[Json, Json]] = [
            ({"messages": [{"role": "user", "content": "U"}]}, plain),
            ({"messages": MESSAGES, "system": [], "inferenceConfig": {}}, plain),
            (
                {"messages": [*MESSAGES, *MESSAGES]},
                {"messages": [{"role": "user", "content": [{"text": "U"}] * 2}]},
            ),
            ({"messages": MESSAGES, "toolConfig": {"tools": [not_strict]}}, {**plain, **tools}),
            (
                {"messages": [*turns, {"role": "user", "content": json}], **tools},
                {"messages": [*turns, {"role": "user", "content": result}], **tools},
            ),
            (
                {"messages": [{"role": "user", "content": [{"text": "U"}, {"text": ""}]}]},
                plain,
            ),
        ]
        for given_body, expected in cases:
            self.assertEqual((expected, []), from_converse(given_body, ABLE))


def _format(schema: str) -> dict[str, Any]:
    return {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema}}}
