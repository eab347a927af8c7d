from __future__ import annotations

import hashlib
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import parameters as names
from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import Parameter, Parameters
from magicgateway.dialects.anthropic_messages.settings_writer import write_settings
from tests.dialects.anthropic_messages.bodies import MODELS, lines


def write(
    *given: tuple[Parameter[Any], Any], model: str = "able", manual: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """What is sent, and what is reported once the rest is settled."""
    parameters, ledger = Parameters(), Ledger()
    for parameter, value in given:
        parameters.give(parameter, value, parameter.name)
    taking = parameters.taking()
    body = write_settings(parameters, taking, MODELS[model], ledger, manual=manual)
    taking.settle(ledger, "x")
    return body, lines(ledger)


class SamplingTests(SynchronousTestCase):
    def test_models(self) -> None:
        """What each sort of model takes of temperature, top_p and top_k (cases I.31, I.32)."""
        t, p, k = names.TEMPERATURE, names.TOP_P, names.TOP_K
        cases: list[tuple[str, list[tuple[Parameter[Any], Any]], dict[str, Any], list[str]]] = [
            ("able", [(t, 0.5), (p, 0.9), (k, 3)],
             {"temperature": 0.5, "top_p": 0.9, "top_k": 3}, []),
            ("able", [(t, 1.7)], {"temperature": 1}, ["temperature;clamped;at-most-1"]),
            ("able", [(t, 1)], {"temperature": 1}, []),
            ("sonnet-4.5", [(t, 0.5), (p, 0.9)], {"temperature": 0.5},
             ["top_p;dropped;beside-temperature"]),
            ("sonnet-4.5", [(t, 0.5), (p, 1)], {"temperature": 0.5}, []),
            ("sonnet-4.5", [(t, 1), (p, 0.9)], {"top_p": 0.9}, []),
            ("sonnet-4.5", [(t, 1), (p, 1)], {"temperature": 1}, []),
            ("sonnet-4.5", [(p, 0.9), (k, 3)], {"top_p": 0.9, "top_k": 3}, []),
            ("opus-4.8", [(t, 0.2), (p, 0.9), (k, 3)], {},
             ["temperature;dropped", "top_p;dropped", "top_k;dropped"]),
            ("opus-4.8", [(t, 1), (p, 1.0)], {}, []),
        ]  # fmt: skip
        for model, given, body, notes in cases:
            self.assertEqual((body, notes), write(*given, model=model))

    def test_thinking(self) -> None:
        """Beside thinking by a budget there is little to choose."""
        t, p, k = names.TEMPERATURE, names.TOP_P, names.TOP_K
        body, notes = write((t, 0.5), (p, 0.9), (k, 3), manual=True)
        self.assertEqual({}, body)
        self.assertEqual(
            [f"{name};dropped;not-while-thinking" for name in ("temperature", "top_k", "top_p")],
            notes,
        )
        self.assertEqual(
            ({"temperature": 1, "top_p": 0.95}, []), write((t, 1), (p, 0.95), manual=True)
        )


class SettingsTests(SynchronousTestCase):
    def test_stops(self) -> None:
        """Blank stops are left out and reported (case I.33)."""
        for stops, body, notes in (
            ((), {}, []),
            (("END",), {"stop_sequences": ["END"]}, []),
            (("\n", "X", ""), {"stop_sequences": ["X"]}, ["stop;dropped;blank"]),
            (("\n\n",), {}, ["stop;dropped;blank"]),
        ):
            self.assertEqual((body, notes), write((names.STOP, stops)))

    def test_users(self) -> None:
        """A user's id that tells who it is, or is too long, goes as its digest (case I.37)."""
        for user, hashed in (
            ("u-1", False),
            ("123456", False),
            ("a@b.c", True),
            ("+49 (30) 1234-567", True),
            ("x" * 256, False),
            ("x" * 257, True),
            ('{"device_id":"a","account_uuid":"","session_id":"b"}', False),
            ("\ud800" * 257, True),
        ):
            body, notes = write((names.USER, user))
            digest = hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
            self.assertEqual({"user_id": digest if hashed else user}, body["metadata"])
            self.assertEqual(["user;rewritten;hashed"] if hashed else [], notes)

    def test_tiers(self) -> None:
        """Two service tiers have an equal; others are reported."""
        for tier, body, notes in (
            ("auto", {"service_tier": "auto"}, []),
            ("default", {"service_tier": "standard_only"}, []),
            ("flex", {}, ["service_tier;dropped"]),
        ):
            self.assertEqual((body, notes), write((names.SERVICE_TIER, tier)))

    def test_same(self) -> None:
        """What has the same name goes as it came; cache hints are no loss, labels are."""
        servers = [{"type": "url", "url": "https://x.test", "name": "x"}]
        body, notes = write(
            (names.SPEED, "fast"),
            (names.CONTAINER, "c"),
            (names.CONTEXT_MANAGEMENT, {"edits": []}),
            (names.MCP_SERVERS, servers),
            (names.AUTOMATIC_CACHE, CacheMark("1h")),
            (names.METADATA, {"k": "v"}),
            (names.CACHE_KEY, "k"),
            (names.CACHE_RETENTION, "24h"),
            (names.CACHE_OPTIONS, {"mode": "explicit"}),
        )
        self.assertEqual(["metadata;dropped"], notes)
        self.assertEqual(
            {
                "speed": "fast",
                "container": "c",
                "context_management": {"edits": []},
                "mcp_servers": servers,
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
            },
            body,
        )

    def test_context_management_of_openai(self) -> None:
        """OpenAI's array of the same name means nothing here: it is reported, not sent."""
        body, notes = write((names.CONTEXT_MANAGEMENT, [{"type": "compaction"}]))
        self.assertEqual(({}, ["context_management;dropped"]), (body, notes))
