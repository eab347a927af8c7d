from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import parameters as known
from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.parameters import (
    AUTOMATIC_CACHE,
    CACHE_OPTIONS,
    CONTAINER,
    MAX_TOKENS,
    MCP_SERVERS,
    MODALITIES,
    MODERATION,
    REASONING,
    RESPONSE_FORMAT,
    STOP,
    TOP_K,
    USER,
    WEB_SEARCH,
    Parameter,
    Reasoning,
    ResponseFormat,
    WebSearch,
)
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import chat, read

BLOCK = {"model": "m", "policy": {"input": {"mode": "block"}}}
SCHEMA = {"type": "object"}


class SettingTests(SynchronousTestCase):
    maxDiff = None

    def test_as_they_are(self) -> None:
        """Parameters that the hub has under OpenAI's name are read as they are, alone or not."""
        values: dict[str, Any] = {
            "temperature": 0.5, "top_p": 1, "frequency_penalty": 0, "presence_penalty": -1.5,
            "seed": 3, "n": 2, "logprobs": True, "top_logprobs": 4, "logit_bias": {"1": 2},
            "verbosity": "low", "metadata": {"k": "v"}, "store": True, "service_tier": "flex",
            "prediction": {"type": "content", "content": "x"}, "parallel_tool_calls": True,
            "prompt_cache_key": "k", "prompt_cache_retention": "24h", "speed": "fast",
            "audio": {"voice": "v", "format": "wav"},
        }  # fmt: skip
        request, notes = read(chat(**values))
        for name, value in values.items():
            found = next(
                request.parameters.get(parameter)
                for parameter in vars(known).values()
                if isinstance(parameter, Parameter) and parameter.name == name
            )
            self.assertEqual((name, value), (name, found))
            alone, _ = read(chat(**{name: value}))
            self.assertEqual({}, dict(alone.extras.fields), name)
        self.assertEqual(([], {}), (notes, dict(request.extras.fields)))

    def test_in_other_words(self) -> None:
        """The others are read as what they mean, under the name they were given by."""
        cases: list[tuple[dict[str, Any], Parameter[Any], Any, str]] = [
            ({"max_tokens": 5}, MAX_TOKENS, 5, "max_tokens"),
            ({"max_completion_tokens": 6.0}, MAX_TOKENS, 6, "max_completion_tokens"),
            ({"stop": "END"}, STOP, ("END",), "stop"),
            ({"stop": ["a", "b"]}, STOP, ("a", "b"), "stop"),
            ({"user": "u"}, USER, "u", "user"),
            ({"user": "u", "safety_identifier": "s"}, USER, "s", "safety_identifier"),
            ({"top_k": 7}, TOP_K, 7, "top_k"),
            ({"modalities": ["text"]}, MODALITIES, ("text",), "modalities"),
            ({"web_search_options": {}}, WEB_SEARCH, WebSearch({}), "web_search_options"),
            ({"moderation": BLOCK}, MODERATION, BLOCK, "moderation"),
            ({"cache_control": {"type": "ephemeral"}}, AUTOMATIC_CACHE, CacheMark(),
             "cache_control"),
            ({"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}}, AUTOMATIC_CACHE,
             CacheMark("30m"), "prompt_cache_options"),
            ({"prompt_cache_options": {"mode": "explicit"}}, CACHE_OPTIONS, {"mode": "explicit"},
             "prompt_cache_options"),
            ({"container": "c"}, CONTAINER, "c", "container"),
            ({"mcp_servers": [{}]}, MCP_SERVERS, [{}], "mcp_servers"),
            ({"reasoning_effort": "low"}, REASONING, Reasoning(effort="low"), "reasoning_effort"),
            ({"output_config": {"effort": "max"}, "reasoning_effort": "max"}, REASONING,
             Reasoning(effort="max"), "output_config.effort"),
            ({"output_config": {"effort": "max"}}, REASONING,
             Reasoning(effort="max", effort_alone=True), "output_config.effort"),
            ({"thinking": {"type": "enabled", "budget_tokens": 9, "display": "omitted"}},
             REASONING, Reasoning(kind="enabled", budget=9, display="omitted", explicit=True),
             "thinking"),
            ({"response_format": {"type": "json_object"}}, RESPONSE_FORMAT,
             ResponseFormat("json_object"), "response_format"),
            ({"response_format": {"type": "json_schema", "json_schema":
              {"name": "n", "description": "d", "schema": SCHEMA, "strict": True}}},
             RESPONSE_FORMAT, ResponseFormat("json_schema", "n", "d", SCHEMA, strict=True),
             "response_format"),
            ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
             RESPONSE_FORMAT, ResponseFormat("json_schema", schema=SCHEMA),
             "output_config.format"),
        ]  # fmt: skip
        for fields, parameter, value, name in cases:
            request, notes = read(chat(**fields))
            found = request.parameters.get(parameter)
            self.assertEqual((value, name), (found, request.parameters.named(parameter)))
            self.assertEqual([], notes)

    def test_two_limits(self) -> None:
        """I.35: of two limits the newer parameter's wins, which is reported."""
        request, notes = read(chat(max_tokens=10, max_completion_tokens=20))
        self.assertEqual(20, request.parameters.get(MAX_TOKENS))
        self.assertEqual(["max_tokens;dropped;superseded"], notes)
        self.assertEqual([], read(chat(max_tokens=10, max_completion_tokens=10))[1])

    def test_two_efforts(self) -> None:
        """Of two efforts Anthropic's wins, which is reported; an effort knows where it stood."""
        asked = {"reasoning_effort": "low", "output_config": {"effort": "high"}}
        request, notes = read(chat(**asked))
        found = request.parameters.get(REASONING)
        assert found is not None
        self.assertEqual(("high", ["reasoning_effort;dropped;superseded"]), (found.effort, notes))
        for fields, place in (
            ({"reasoning_effort": "low"}, "reasoning_effort"),
            ({"output_config": {"effort": "low"}}, "output_config.effort"),
        ):
            request, notes = read(chat(thinking={"type": "adaptive"}, **fields))
            found = request.parameters.get(REASONING)
            assert found is not None
            self.assertEqual((place, []), (found.effort_field, notes))

    def test_rest(self) -> None:
        """What is not known is kept under its path, at whatever depth."""
        body = chat(
            odd=1,
            user="u",
            safety_identifier="s",
            moderation={"model": "m"},
            response_format={"type": "json_schema", "json_schema": {"name": "n", "a": 1}, "b": 2},
            output_config={"c": 3},
            thinking={"type": "adaptive", "d": 4},
            stream_options={"include_usage": True, "include_obfuscation": False, "e": 5},
        )
        request, _ = read(body)
        self.assertEqual(
            {
                "odd": 1, "user": "u", "moderation": {"model": "m"},
                "response_format.json_schema.a": 1, "response_format.b": 2,
                "output_config.c": 3, "thinking.d": 4, "stream_options.e": 5,
            },
            dict(request.extras.fields),
        )  # fmt: skip

    def test_refusals(self) -> None:
        """Values that no reader of the API would take are refused by their path."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"max_tokens": 0}, "max_tokens"),
            ({"max_completion_tokens": -1}, "max_completion_tokens"),
            ({"n": 0}, "n"),
            ({"temperature": "hot"}, "temperature"),
            ({"stop": [1]}, "stop[0]"),
            ({"response_format": {}}, "response_format.type"),
            ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
            ({"response_format": {"type": "json_schema", "json_schema": {}}},
             "response_format.json_schema.name"),
            ({"thinking": {}}, "thinking.type"),
        ]  # fmt: skip
        for fields, place in cases:
            refused = self.assertRaises(ApiError, read, chat(**fields))
            self.assertEqual((400, place), (refused.status, refused.param))
