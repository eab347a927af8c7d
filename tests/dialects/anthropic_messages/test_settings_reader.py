from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import parameters as names
from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.parameters import Parameter, Parameters, Reasoning, ResponseFormat
from magicgateway.dialects.anthropic_messages.settings_reader import read_settings
from magicgateway.errors import ApiError

SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}
FORMAT = {"type": "json_schema", "schema": SCHEMA}


def settings(**body: Any) -> Parameters:
    parameters = Parameters()
    read_settings(Fields(body), parameters)
    return parameters


class SettingsReaderTests(SynchronousTestCase):
    def test_settings(self) -> None:
        """Every setting has its place, and knows which field it was read from."""
        cases: list[tuple[dict[str, Any], Parameter[Any], Any, str]] = [
            ({"max_tokens": 0}, names.MAX_TOKENS, 0, "max_tokens"),
            ({"temperature": 0.5}, names.TEMPERATURE, 0.5, "temperature"),
            ({"top_p": 0.9}, names.TOP_P, 0.9, "top_p"),
            ({"top_k": 5}, names.TOP_K, 5, "top_k"),
            ({"stop_sequences": ["a"]}, names.STOP, ("a",), "stop_sequences"),
            ({"service_tier": "standard_only"}, names.SERVICE_TIER, "default", "service_tier"),
            ({"service_tier": "auto"}, names.SERVICE_TIER, "auto", "service_tier"),
            ({"service_tier": "odd"}, names.SERVICE_TIER, "odd", "service_tier"),
            ({"speed": "fast"}, names.SPEED, "fast", "speed"),
            ({"container": "c"}, names.CONTAINER, "c", "container"),
            ({"mcp_servers": [{}]}, names.MCP_SERVERS, [{}], "mcp_servers"),
            (
                {"context_management": {"edits": []}},
                names.CONTEXT_MANAGEMENT,
                {"edits": []},
                "context_management",
            ),
            (
                {"cache_control": {"type": "ephemeral", "ttl": "5m"}},
                names.AUTOMATIC_CACHE,
                CacheMark("5m"),
                "cache_control",
            ),
            ({"metadata": {"user_id": "u"}}, names.USER, "u", "metadata.user_id"),
        ]
        for body, parameter, value, place in cases:
            given = settings(**body)
            self.assertEqual((value, place), (given.get(parameter), given.named(parameter)))

    def test_reasoning(self) -> None:
        """Thinking is explicit; an effort alone is the whole answer's."""
        cases: list[tuple[dict[str, Any], Reasoning | None, str]] = [
            ({}, None, "reasoning"),
            ({"output_config": {}}, None, "reasoning"),
            (
                {"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}},
                Reasoning(kind="enabled", budget=2000, display="omitted", explicit=True),
                "thinking",
            ),
            (
                {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
                Reasoning(kind="adaptive", effort="low", explicit=True),
                "thinking",
            ),
            (
                {"output_config": {"effort": "max"}},
                Reasoning(effort="max", effort_alone=True),
                "output_config.effort",
            ),
        ]
        for body, expected, place in cases:
            given = settings(**body)
            self.assertEqual(expected, given.get(names.REASONING))
            self.assertEqual(place, given.named(names.REASONING))

    def test_formats(self) -> None:
        """A schema for the answer, at its place and where it was before."""
        for body, place in (
            ({"output_config": {"format": FORMAT}}, "output_config.format"),
            ({"output_format": FORMAT}, "output_format"),
            ({"output_format": FORMAT, "output_config": {"effort": "low"}}, "output_format"),
        ):
            given = settings(**body)
            self.assertEqual(
                ResponseFormat(kind="json_schema", schema=SCHEMA, strict=True),
                given.get(names.RESPONSE_FORMAT),
            )
            self.assertEqual(place, given.named(names.RESPONSE_FORMAT))

    def test_two_formats(self) -> None:
        """Of two formats the one at today's place counts, and the other is not forgotten."""
        body = Fields({"output_format": FORMAT, "output_config": {"format": FORMAT}})
        parameters = Parameters()
        read_settings(body, parameters)
        self.assertEqual("output_config.format", parameters.named(names.RESPONSE_FORMAT))
        self.assertIn("output_format", body)

    def test_refusals(self) -> None:
        """Values that Anthropic would not take."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"max_tokens": -1}, "max_tokens"),
            ({"max_tokens": "x"}, "max_tokens"),
            ({"thinking": {}}, "thinking.type"),
            ({"output_format": {"type": "odd"}}, "output_format.type"),
            ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
            ({"stop_sequences": "x"}, "stop_sequences"),
        ]
        for body, place in cases:
            refused = self.assertRaises(ApiError, settings, **body)
            self.assertEqual((400, place), (refused.status, refused.param))
