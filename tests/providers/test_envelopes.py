from __future__ import annotations

from base64 import b64decode
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.errors import ApiError
from magicgateway.providers.envelopes import (
    AWS_EVENT_STREAM,
    CONVERSE,
    CONVERSE_CLAUDE,
    COUNT_CLAUDE,
    COUNT_CONVERSE,
    DIRECT_ANTHROPIC,
    DIRECT_OPENAI,
    INVOKE_CLAUDE,
    INVOKE_EMBEDDINGS,
    LIST_MODELS,
    LIST_PROFILES,
    SSE,
    Envelope,
    enclose,
)
from magicgateway.wire import jsontext

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2"
MESSAGES: dict[str, Any] = {"model": "m", "max_tokens": 5, "stream": True, "messages": []}


def said(ledger: Ledger) -> list[str]:
    return [note.line() for note in ledger.notes]


class PathTests(SynchronousTestCase):
    def test_model_is_encoded_once(self) -> None:
        """The model's id stands in the path percent-encoded, its slashes and colons too.

        Tokens are counted by the model itself: profiles are refused there.
        """
        encoded = "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
        arn = (
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fa1b2"
        )
        cases = [
            (f"/model/{encoded}/converse", CONVERSE, SONNET, False),
            (f"/model/{encoded}/converse-stream", CONVERSE, SONNET, True),
            (f"/model/{encoded}/invoke", INVOKE_CLAUDE, SONNET, False),
            (f"/model/{encoded}/invoke-with-response-stream", INVOKE_CLAUDE, SONNET, True),
            (f"/model/{arn}/converse", CONVERSE, ARN, False),
            (f"/model/{encoded}/invoke", INVOKE_EMBEDDINGS, SONNET, False),
            (f"/model/{encoded[3:]}/count-tokens", COUNT_CLAUDE, SONNET, True),
            ("/foundation-models", LIST_MODELS, "", False),
            ("/inference-profiles?maxResults=1000", LIST_PROFILES, "", False),
        ]
        for expected, envelope, model, stream in cases:
            self.assertEqual(expected, envelope.at(model, stream=stream))

    def test_impossible_models(self) -> None:
        """An id that no model can have makes no path."""
        for model in ("", "..", "a b", "a?b", "a#b", "ä", "a\n"):
            error = self.assertRaises(ApiError, CONVERSE.at, model)
            self.assertEqual(("invalid_model", "model"), (error.code, error.param))

    def test_framing(self) -> None:
        """AWS frames its streams, and those of InvokeModel hold another API's events."""
        framings = [
            (SSE, False, DIRECT_OPENAI),
            (SSE, False, DIRECT_ANTHROPIC),
            (AWS_EVENT_STREAM, False, CONVERSE),
            (AWS_EVENT_STREAM, True, INVOKE_CLAUDE),
        ]
        for framing, chunked, envelope in framings:
            self.assertEqual((framing, chunked), (envelope.framing, envelope.chunked))

    def test_direct(self) -> None:
        """Only the plain ones change nothing in a body."""
        direct = {
            one.name
            for one in (DIRECT_OPENAI, DIRECT_ANTHROPIC, CONVERSE, INVOKE_CLAUDE, COUNT_CONVERSE)
            if one.direct
        }
        self.assertEqual({"openai", "anthropic"}, direct)


class EncloseTests(SynchronousTestCase):
    def enclosed(
        self, envelope: Envelope, body: dict[str, Any], *betas: str, stream: bool = False
    ) -> tuple[Any, dict[str, str], list[str]]:
        ledger = Ledger()
        before = jsontext.encode(body)
        letter = enclose(envelope, body, ledger, model=SONNET, stream=stream, betas=betas)
        self.assertEqual(before, jsontext.encode(body))
        return letter.body, dict(letter.headers), said(ledger)

    def test_direct(self) -> None:
        """The model stands in the body; Anthropic's version in a header, its betas as they came."""
        body, headers, notes = self.enclosed(DIRECT_OPENAI, MESSAGES, stream=True)
        self.assertEqual(({**MESSAGES, "model": SONNET}, {}, []), (body, headers, notes))
        body, headers, notes = self.enclosed(DIRECT_ANTHROPIC, MESSAGES, "a, b", "a,c")
        self.assertEqual({**MESSAGES, "model": SONNET}, body)
        self.assertEqual({"anthropic-version": "2023-06-01", "anthropic-beta": "a,b,c"}, headers)
        self.assertEqual([], notes)

    def test_betas_elsewhere(self) -> None:
        """E betas: Where betas mean nothing, one warning says so."""
        for envelope in (DIRECT_OPENAI, CONVERSE):
            _, headers, notes = self.enclosed(envelope, {"messages": []}, "a,b")
            self.assertEqual({}, headers)
            self.assertEqual(1, len(notes))
            self.assertTrue(notes[0].startswith("anthropic-beta;dropped"), notes)

    def test_invoke(self) -> None:
        """J77: InvokeModel: version and known betas in the body, model and stream nowhere in it."""
        betas = "effort-2025-11-24,advanced-tool-use-2025-11-20,mid-conversation-x-2026-01-01"
        body, headers, notes = self.enclosed(INVOKE_CLAUDE, MESSAGES, betas, "files-api-2025-04-14")
        self.assertEqual(
            {
                "max_tokens": 5,
                "messages": [],
                "anthropic_version": "bedrock-2023-05-31",
                "anthropic_beta": [
                    "effort-2025-11-24",
                    "tool-search-tool-2025-10-19",
                    "mid-conversation-x-2026-01-01",
                ],
            },
            body,
        )
        self.assertEqual({}, headers)
        self.assertEqual(1, len(notes))
        body, _, notes = self.enclosed(INVOKE_CLAUDE, {**MESSAGES, "anthropic_beta": ["own"]})
        self.assertEqual((["own"], []), (body["anthropic_beta"], notes))
        given = {**MESSAGES, "anthropic_beta": ["own", "effort-2025-11-24"]}
        body, _, notes = self.enclosed(INVOKE_CLAUDE, given, "effort-2025-11-24")
        self.assertEqual(["effort-2025-11-24", "own"], body["anthropic_beta"])

    def test_invoke_refuses(self) -> None:
        """What Bedrock does not have is reported, or refused where the answer would be another."""
        body, _, notes = self.enclosed(INVOKE_CLAUDE, {**MESSAGES, "service_tier": "auto"})
        self.assertNotIn("service_tier", body)
        self.assertTrue(notes[0].startswith("service_tier;dropped"), notes)
        for name, value in (("container", "c-1"), ("mcp_servers", [{"url": "https://x"}])):
            error = self.assertRaises(
                ApiError, self.enclosed, INVOKE_CLAUDE, {**MESSAGES, name: value}
            )
            self.assertEqual((400, name), (error.status, error.param))
        body, _, notes = self.enclosed(INVOKE_CLAUDE, {**MESSAGES, "mcp_servers": []})
        self.assertEqual([[]], [body["mcp_servers"]])

    def test_cache_scopes(self) -> None:
        """The scope of a cache mark is taken out wherever a mark may stand, and reported once."""
        mark = {"type": "ephemeral", "scope": "global"}
        kept = {"cache_control": {"type": "ephemeral"}}
        text = {"type": "text", "text": "x"}
        result = {"type": "tool_result", "tool_use_id": "t"}
        schema = {"properties": {"cache_control": {"scope": 1}}}

        def bodies(extra: dict[str, Any]) -> dict[str, Any]:
            return {
                "system": [{**text, **extra}, "odd"],
                "tools": [{"name": "t", "input_schema": schema, **extra}],
                "messages": [
                    {"role": "user", "content": "plain"},
                    "odd",
                    {
                        "role": "user",
                        "content": [
                            {**text, **extra},
                            {**result, "content": [{**text, **extra}], **extra},
                        ],
                    },
                ],
            }

        body, _, notes = self.enclosed(INVOKE_CLAUDE, bodies({"cache_control": mark}))
        self.assertEqual({**bodies(kept), "anthropic_version": "bedrock-2023-05-31"}, body)
        self.assertEqual(1, len(notes))
        self.assertIn("system.0.cache_control.scope", notes[0])
        for odd in ({"system": "text"}, {"messages": "x", "tools": None}, bodies(kept)):
            body, _, notes = self.enclosed(INVOKE_CLAUDE, odd)
            self.assertEqual(
                ({**odd, "anthropic_version": "bedrock-2023-05-31"}, []), (body, notes)
            )

    def test_converse(self) -> None:
        """Converse: the model is in the path only; a Claude's betas go with its own fields."""
        given = {"model": "m", "messages": [], "additionalModelRequestFields": {"top_k": 1}}
        body, _, notes = self.enclosed(CONVERSE, given)
        self.assertEqual({n: v for n, v in given.items() if n != "model"}, body)
        body, _, notes = self.enclosed(
            CONVERSE_CLAUDE, given, "context-1m-2025-08-07,compact-2026-01-12"
        )
        self.assertEqual(
            {"top_k": 1, "anthropic_beta": ["context-1m-2025-08-07"]},
            body["additionalModelRequestFields"],
        )
        self.assertEqual(1, len(notes))
        body, _, notes = self.enclosed(CONVERSE_CLAUDE, {"messages": []}, "effort-2025-11-24")
        self.assertEqual(
            {"anthropic_beta": ["effort-2025-11-24"]}, body["additionalModelRequestFields"]
        )

    def test_counting(self) -> None:
        """CountTokens gets what another operation would be sent."""
        body, _, _ = self.enclosed(COUNT_CLAUDE, {"model": "m", "messages": [1]})
        inner = jsontext.decode(b64decode(body["input"]["invokeModel"]["body"]))
        self.assertEqual(
            {"messages": [1], "max_tokens": 1, "anthropic_version": "bedrock-2023-05-31"}, inner
        )
        given = {"model": "m", "messages": [1], "system": [], "inferenceConfig": {"maxTokens": 5}}
        body, _, _ = self.enclosed(COUNT_CONVERSE, given)
        self.assertEqual({"input": {"converse": {"messages": [1], "system": []}}}, body)

    def test_lists(self) -> None:
        """A request without a body stays without."""
        letter = enclose(LIST_MODELS, {}, Ledger(), model="")
        self.assertEqual(
            ("GET", "/foundation-models", None), (letter.method, letter.path, letter.body)
        )
