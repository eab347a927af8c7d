from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws.refusals import AwsRefusal
from magicgateway.demo.aws.shapes import check_body

USER = {"role": "user", "content": [{"text": "a"}]}
TOOL = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}


def body(**fields: Any) -> dict[str, Any]:
    return {"messages": [USER], **fields}


def content(block: Any) -> dict[str, Any]:
    return body(messages=[{"role": "user", "content": [block]}])


class ShapeTests(SynchronousTestCase):
    def test_accepted(self) -> None:
        """Everything that the API allows passes, nulls count as absent."""
        for value in (
            body(system=[], inferenceConfig={}, toolConfig=None),
            body(inferenceConfig={"maxTokens": 1, "temperature": 1, "topP": 0.5}),
            body(requestMetadata={"team": "search"}, serviceTier={"type": "flex"}),
            content({"image": {"format": "png", "source": {"bytes": "AAAA"}}}),
            body(toolConfig={"tools": [TOOL, {"cachePoint": {"type": "default", "ttl": "1h"}}]}),
            body(additionalModelRequestFields={"any": [1, {"thing": None}]}),
        ):
            with self.subTest(value=value):
                check_body("Converse", value)
                check_body("ConverseStream", value)

    def test_rules(self) -> None:
        """Each kind of rule is checked where it stands, in AWS's words."""
        for value, path, rule in (
            (
                body(inferenceConfig={"temperature": 1.7}),
                "'inferenceConfig.temperature'",
                "have value less than or equal to 1",
            ),
            (
                body(inferenceConfig={"maxTokens": 0}),
                "'inferenceConfig.maxTokens'",
                "have value greater than or equal to 1",
            ),
            (
                body(toolConfig={"tools": []}),
                "'toolConfig.tools'",
                "have length greater than or equal to 1",
            ),
            (
                body(system=[{"text": ""}]),
                "'system.1.member.text'",
                "have length greater than or equal to 1",
            ),
            (
                body(toolConfig={"tools": [{"toolSpec": {**TOOL["toolSpec"], "name": "a.b"}}]}),
                "'toolConfig.tools.1.member.toolSpec.name'",
                "regular expression",
            ),
            (
                body(toolConfig={"tools": [{"toolSpec": {**TOOL["toolSpec"], "description": ""}}]}),
                "description",
                "length greater",
            ),
            (
                body(messages=[{"role": "tool", "content": []}]),
                "'messages.1.member.role'",
                "enum value set: [user, assistant",
            ),
            (body(messages=[{"role": "user"}]), "'messages.1.member.content'", "not be null"),
            (
                content({"image": {"format": "png", "source": {"bytes": ""}}}),
                "source.bytes",
                "length greater",
            ),
            (
                body(requestMetadata={"k": "v" * 300}),
                "requestMetadata.k.value",
                "less than or equal to",
            ),
        ):
            with self.subTest(path=path, rule=rule):
                refusal = self.assertRaises(AwsRefusal, check_body, "Converse", value)
                self.assertEqual((400, "ValidationException"), (refusal.status, refusal.kind))
                self.assertIn(" detected: Value ", refusal.message)
                self.assertIn(path, refusal.message)
                self.assertIn(rule, refusal.message)

    def test_several(self) -> None:
        """Several faults are counted."""
        value = body(inferenceConfig={"temperature": 2, "topP": -1})
        refusal = self.assertRaises(AwsRefusal, check_body, "Converse", value)
        self.assertIn("2 validation errors detected", refusal.message)

    def test_unknown_keys(self) -> None:
        """A key that the API does not know is refused at any depth."""
        for value in (body(model="m"), content({"txt": "a"}), body(inferenceConfig={"top_k": 1})):
            with self.subTest(value=value):
                refusal = self.assertRaises(AwsRefusal, check_body, "Converse", value)
                self.assertIn("extraneous key", refusal.message)

    def test_unions(self) -> None:
        """Of a union's members exactly one is given."""
        for block in ({}, {"text": "a", "image": {"format": "png", "source": {"bytes": "AAAA"}}}):
            with self.subTest(block=block):
                refusal = self.assertRaises(AwsRefusal, check_body, "Converse", content(block))
                self.assertIn("exactly one", refusal.message)

    def test_kinds(self) -> None:
        """A value of another kind cannot even be read."""
        for value in (
            body(messages="hello"),
            body(inferenceConfig=[]),
            body(inferenceConfig={"maxTokens": "5"}),
            body(inferenceConfig={"maxTokens": 5.5}),
            body(inferenceConfig={"topP": True}),
            content({"text": 5}),
            content({"image": {"format": "png", "source": {"bytes": "***"}}}),
            body(requestMetadata=[]),
            body(toolConfig={"tools": [{"toolSpec": {**TOOL["toolSpec"], "strict": "yes"}}]}),
        ):
            with self.subTest(value=value):
                refusal = self.assertRaises(AwsRefusal, check_body, "Converse", value)
                self.assertEqual("SerializationException", refusal.kind)
