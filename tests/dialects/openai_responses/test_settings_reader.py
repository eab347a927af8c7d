from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import parameters as p
from magicgateway.conversation.blocks import CacheMark
from magicgateway.errors import ApiError
from tests.dialects.openai_responses.judge import HI, body, read

SCHEMA = {"type": "object"}
BLOCK = {"model": "m", "policy": {"input": {"mode": "block"}}}

ROWS: list[tuple[dict[str, Any], p.Parameter[Any], Any, str]] = [
    ({"max_output_tokens": 20}, p.MAX_TOKENS, 20, "max_output_tokens"),
    ({"temperature": 0.5}, p.TEMPERATURE, 0.5, "temperature"),
    ({"top_p": 0.5}, p.TOP_P, 0.5, "top_p"),
    ({"top_logprobs": 2}, p.TOP_LOGPROBS, 2, "top_logprobs"),
    ({"metadata": {"a": "b"}}, p.METADATA, {"a": "b"}, "metadata"),
    ({"user": "u"}, p.USER, "u", "user"),
    ({"user": "u", "safety_identifier": "s"}, p.USER, "s", "safety_identifier"),
    ({"prompt_cache_key": "k"}, p.CACHE_KEY, "k", "prompt_cache_key"),
    ({"prompt_cache_retention": "24h"}, p.CACHE_RETENTION, "24h",
     "prompt_cache_retention"),
    ({"prompt_cache_options": {"mode": "implicit", "ttl": "12h"}}, p.AUTOMATIC_CACHE,
     CacheMark("12h"), "prompt_cache_options"),
    ({"prompt_cache_options": {"mode": "explicit"}}, p.CACHE_OPTIONS,
     {"mode": "explicit"}, "prompt_cache_options"),
    ({"service_tier": "flex"}, p.SERVICE_TIER, "flex", "service_tier"),
    ({"parallel_tool_calls": False}, p.PARALLEL_TOOL_CALLS, False, "parallel_tool_calls"),
    ({"moderation": BLOCK}, p.MODERATION, BLOCK, "moderation"),
    ({"reasoning": {"effort": "low"}}, p.REASONING, p.Reasoning(effort="low"),
     "reasoning"),
    ({"reasoning": {"summary": "auto"}}, p.REASONING, p.Reasoning(summary="auto"),
     "reasoning"),
    ({"reasoning": {"generate_summary": "concise"}}, p.REASONING,
     p.Reasoning(summary="concise"), "reasoning"),
    ({"reasoning": {"mode": "pro"}}, p.REASONING_MODE, "pro", "reasoning.mode"),
    ({"reasoning": {"context": "all_turns"}}, p.REASONING_CONTEXT, "all_turns",
     "reasoning.context"),
    ({"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA,
                          "strict": True, "description": "d"}}},
     p.RESPONSE_FORMAT, p.ResponseFormat("json_schema", "n", "d", SCHEMA, strict=True),
     "text.format"),
    ({"text": {"format": {"type": "json_object"}}}, p.RESPONSE_FORMAT,
     p.ResponseFormat("json_object"), "text.format"),
    ({"text": {"verbosity": "low"}}, p.VERBOSITY, "low", "text.verbosity"),
    ({"include": ["message.output_text.logprobs"]}, p.LOGPROBS, True, "include"),
    ({"include": ["reasoning.encrypted_content"]}, p.ENCRYPTED_REASONING, True,
     "include"),
    ({"include": ["file_search_call.results", "reasoning.encrypted_content"]}, p.INCLUDE,
     ("file_search_call.results",), "include"),
    ({"truncation": "auto"}, p.TRUNCATION, "auto", "truncation"),
    ({"max_tool_calls": 3}, p.MAX_TOOL_CALLS, 3, "max_tool_calls"),
    ({"previous_response_id": "r"}, p.PREVIOUS_RESPONSE, "r", "previous_response_id"),
    ({"conversation": {"id": "c"}}, p.CONVERSATION, {"id": "c"}, "conversation"),
    ({"background": True}, p.BACKGROUND, True, "background"),
    ({"background_options": {}}, p.BACKGROUND_OPTIONS, {}, "background_options"),
    ({"prompt": {"id": "x"}}, p.PROMPT, {"id": "x"}, "prompt"),
    ({"context_management": [{"type": "compaction"}]}, p.CONTEXT_MANAGEMENT,
     [{"type": "compaction"}], "context_management"),
    ({"stream_options": {"include_obfuscation": False}}, p.OBFUSCATION, False,
     "stream_options.include_obfuscation"),
    ({"image": {"context_compression": "auto"}}, p.IMAGE_OPTIONS,
     {"context_compression": "auto"}, "image"),
    ({"access_programs": {"cyber": "standard"}}, p.ACCESS_PROGRAMS,
     {"cyber": "standard"}, "access_programs"),
]  # fmt: skip


class ReadSettingsTests(SynchronousTestCase):
    def test_rows(self) -> None:
        """G.1: each parameter of the table is a setting, read from its field."""
        for fields, parameter, value, name in ROWS:
            request, notes = read(body(HI, **fields))
            self.assertEqual(value, request.parameters.get(parameter), fields)
            self.assertEqual(name, request.parameters.named(parameter))
            self.assertEqual([], notes)
            self.assertIn(dict(request.extras.fields), ({}, {"user": "u"}))

    def test_scores(self) -> None:
        """Moderation that only scores is a hint, and stays OpenAI's own."""
        request, _ = read(body(HI, moderation={"model": "x"}))
        asked = request.parameters.get(p.MODERATION)
        self.assertIsNone(asked)
        self.assertEqual({"moderation": {"model": "x"}}, dict(request.extras.fields))

    def test_refused(self) -> None:
        """Shapes of an answer that are not known are refused."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"type": "grammar", "grammar": "x"}, "text.format.type"),
            ({"type": "json_schema", "name": "n"}, "text.format.schema"),
            ({"type": "json_schema", "schema": {}}, "text.format.name"),
        ]
        for shape, field in cases:
            error = self.assertRaises(ApiError, read, body(HI, text={"format": shape}))
            self.assertEqual(field, error.param)
