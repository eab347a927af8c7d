from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import parameters as p
from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.request import Request
from magicgateway.errors import ApiError
from tests.dialects.openai_responses.judge import ABLE, CLOSED, HI, Json, again, body, write

OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}
SHAPE = {"type": "json_schema", "name": "n", "schema": CLOSED, "description": "d", "strict": True}
SETTINGS: list[Json] = [
    {"max_output_tokens": 20}, {"temperature": 0.5}, {"top_p": 0.5}, {"top_logprobs": 2},
    {"metadata": {"a": "b"}}, {"user": "u"}, {"safety_identifier": "s"},
    {"user": "u", "safety_identifier": "s"}, {"prompt_cache_key": "k"},
    {"prompt_cache_retention": "24h"}, {"prompt_cache_options": {"mode": "implicit"}},
    {"prompt_cache_options": {"mode": "implicit", "ttl": "12h"}},
    {"prompt_cache_options": {"mode": "explicit"}}, {"service_tier": "flex"},
    {"moderation": {"model": "x"}}, {"reasoning": {"effort": "low", "summary": "auto"}},
    {"reasoning": {"mode": "pro", "context": "all_turns"}}, {"text": {"format": SHAPE}},
    {"text": {"format": {"type": "json_object"}, "verbosity": "low"}}, {"truncation": "auto"},
    {"max_tool_calls": 3}, {"previous_response_id": "r"}, {"conversation": {"id": "c"}},
    {"conversation": "c"}, {"background": True}, {"prompt": {"id": "x"}}, {"store": True},
    {"context_management": [{"type": "compaction"}]},
    {"include": ["reasoning.encrypted_content", "message.output_text.logprobs",
                 "file_search_call.results"]},
]  # fmt: skip


def written(
    parameter: p.Parameter[Any], value: Any, field: str = "x", capabilities: Capabilities = ABLE
) -> tuple[Json, list[str]]:
    given = p.Parameters()
    given.give(parameter, value, field)
    sent, notes = write(Request(model="m", parameters=given), capabilities)
    return sent.body, notes


class SettingsWriterTests(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        """Settings of every kind are the same after they were read."""
        for fields in SETTINGS:
            given = {"include": ["reasoning.encrypted_content"], **body(HI), **fields}
            self.assertEqual(given, again(given))

    def test_no_encrypted_reasoning(self) -> None:
        """A model that does not reason refuses to be asked for reasoning, and is not."""
        plain = Capabilities(encrypted_reasoning=False)
        sent, notes = written(p.ENCRYPTED_REASONING, True, "include", plain)
        self.assertEqual((False, []), ("include" in sent, notes))
        sent, _ = written(p.LOGPROBS, True, "logprobs", plain)
        self.assertEqual(["message.output_text.logprobs"], sent["include"])
        sent, _ = written(p.LOGPROBS, True, "logprobs")
        self.assertEqual(
            ["reasoning.encrypted_content", "message.output_text.logprobs"], sent["include"]
        )

    def test_limit(self) -> None:
        """A limit below what OpenAI takes is its least, and that is reported."""
        sent, notes = written(p.MAX_TOKENS, 1, "max_tokens")
        self.assertEqual(16, sent["max_output_tokens"])
        self.assertEqual(["max_tokens;clamped;at-least-16"], notes)
        small = Capabilities(max_output_tokens=100)
        sent, notes = written(p.MAX_TOKENS, 200, "max_tokens", small)
        self.assertEqual(100, sent["max_output_tokens"])
        self.assertEqual(["max_tokens;clamped;at-most-100"], notes)

    def test_warm_up(self) -> None:
        """E: an answer of no tokens, which warms a cache at Anthropic's, is refused."""
        refused = self.assertRaises(ApiError, written, p.MAX_TOKENS, 0, "max_tokens")
        self.assertEqual((400, "max_tokens"), (refused.status, refused.param))

    def test_sampling(self) -> None:
        """Models that cannot be told how to sample are not told, and that is reported."""
        given = p.Parameters()
        given.give(p.TEMPERATURE, 0.5, "temperature")
        given.give(p.TOP_P, 0.5, "top_p")
        for sampling, fields, lost in (
            ("all", {"temperature", "top_p"}, []),
            ("one", {"temperature"}, ["top_p;dropped;beside-temperature"]),
            ("none", set(), ["temperature;dropped;unsupported-by-target",
                             "top_p;dropped;unsupported-by-target"]),
        ):  # fmt: skip
            able = Capabilities(sampling=sampling)
            sent, notes = write(Request(model="m", parameters=given), able)
            self.assertEqual(fields, sent.body.keys() & {"temperature", "top_p"})
            self.assertEqual(lost, notes)

    def test_sampling_without_thinking(self) -> None:
        """Who does not think can be told how to sample, by its nature or because it was asked."""
        for asked, default, expected in (
            (None, "none", True),
            ("none", "medium", True),
            ("low", "none", False),
            (None, "", False),
        ):
            given = p.Parameters()
            given.give(p.TEMPERATURE, 0.5, "temperature")
            given.give(p.REASONING, p.Reasoning(effort=asked) if asked else None, "x")
            able = Capabilities(
                sampling="none", efforts=("none", "low", "medium"), default_effort=default
            )
            sent, _ = write(Request(model="m", parameters=given), able)
            self.assertEqual(expected, "temperature" in sent.body, (asked, default))

    def test_effort(self) -> None:
        """E.4: an effort, or what a budget comes to, is a level that the model knows."""
        cases: list[tuple[p.Reasoning, tuple[str, ...], Any, list[str]]] = [
            (p.Reasoning(effort="high"), ("low", "high"), {"effort": "high"}, []),
            (p.Reasoning(effort="max"), ("low", "high"), {"effort": "high"},
             ["x;clamped;nearest-effort-high"]),
            (p.Reasoning(effort="minimal"), ("low",), {"effort": "low"},
             ["x;clamped;nearest-effort-low"]),
            (p.Reasoning(effort="high"), (), None, ["x;dropped;unsupported-by-target"]),
            (p.Reasoning(effort="odd"), ("low",), None, ["x;dropped;unsupported-by-target"]),
            (p.Reasoning(kind="disabled"), ("none", "low"), {"effort": "none"}, []),
            (p.Reasoning(kind="disabled"), ("low",), None, ["x;dropped;unsupported-by-target"]),
            (p.Reasoning(kind="adaptive"), ("low",), None, []),
            (p.Reasoning(kind="adaptive", display="summarized"), ("low",), {"summary": "auto"},
             []),
            (p.Reasoning(kind="deep"), ("low",), None, ["x.type;dropped;unsupported-by-target"]),
            (p.Reasoning(kind="adaptive", effort="max", effort_field="e"), ("low",),
             {"effort": "low"}, ["e;clamped;nearest-effort-low"]),
            (p.Reasoning(kind="enabled", budget=1024), ("low", "high"),
             {"effort": "low", "summary": "auto"}, []),
            (p.Reasoning(kind="enabled", budget=16000), ("low", "medium"),
             {"effort": "medium", "summary": "auto"}, []),
            (p.Reasoning(kind="enabled", budget=20000), ("low", "high"),
             {"effort": "high", "summary": "auto"}, []),
            (p.Reasoning(kind="enabled", budget=64000), ("low", "high"),
             {"effort": "high", "summary": "auto"}, []),
            (p.Reasoning(summary="auto"), (), None, ["x.summary;dropped;unsupported-by-target"]),
        ]  # fmt: skip
        for given, levels, expected, lost in cases:
            sent, notes = written(p.REASONING, given, "x", Capabilities(efforts=levels))
            self.assertEqual((expected, lost), (sent.get("reasoning"), notes), given)

    def test_format(self) -> None:
        """A family that always holds to its schema asks for the same, where OpenAI can."""
        for schema, strict in ((CLOSED, True), (OPEN, None)):
            shape = p.ResponseFormat("json_schema", schema=schema)
            sent, _ = written(p.RESPONSE_FORMAT, shape)
            self.assertEqual("structured_output", sent["text"]["format"]["name"])
            self.assertIs(strict, sent["text"]["format"].get("strict"))
        bare = p.ResponseFormat("json_schema", name="n")
        sent, _ = written(p.RESPONSE_FORMAT, bare)
        self.assertEqual({"type": "object"}, sent["text"]["format"]["schema"])
        error = self.assertRaises(
            ApiError, written, p.RESPONSE_FORMAT, p.ResponseFormat("regex"), "f"
        )
        self.assertEqual("f", error.param)

    def test_user(self) -> None:
        """I.74: an end user's id that OpenAI would not take becomes a hash of it."""
        sent, notes = written(p.USER, "u-1", "metadata.user_id")
        self.assertEqual(("u-1", []), (sent["safety_identifier"], notes))
        for user in ("u" * 180, "a@b.c"):
            sent, notes = written(p.USER, user, "metadata.user_id")
            self.assertEqual(64, len(sent["safety_identifier"]))
            self.assertEqual(["metadata.user_id;rewritten;hashed"], notes)

    def test_caching(self) -> None:
        """What OpenAI does by itself is not asked for."""
        for mark, field in ((CacheMark(), "cache_control"), ("odd", "prompt_cache_options")):
            sent, notes = written(p.AUTOMATIC_CACHE, mark, field)
            self.assertNotIn("prompt_cache_options", sent)
            self.assertEqual([], notes)

    def test_others(self) -> None:
        """Words of other families for the same."""
        self.assertEqual("default", written(p.SERVICE_TIER, "standard_only")[0]["service_tier"])
        sent, notes = written(p.CONTEXT_MANAGEMENT, {"edits": []}, "context_management")
        self.assertNotIn("context_management", sent)
        self.assertEqual(["context_management;dropped;unsupported-by-target"], notes)
        self.assertNotIn("stream_options", written(p.OBFUSCATION, True)[0])

    def test_not_here(self) -> None:
        """A.: what Responses has no parameter for is reported."""
        cases: list[tuple[p.Parameter[Any], Any]] = [
            (p.STOP, ("a",)), (p.SEED, 1), (p.FREQUENCY_PENALTY, 1.0), (p.TOP_K, 5),
            (p.LOGIT_BIAS, {"1": 1}), (p.PREDICTION, {}),
        ]  # fmt: skip
        for parameter, value in cases:
            _, notes = written(parameter, value, "f")
            self.assertEqual(["f;dropped;unsupported-by-target"], notes)
