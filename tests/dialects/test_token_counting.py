"""Token counts for Messages callers, whoever counts."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.dialects import catalogue
from magicgateway.dialects.grammar import NoAnswer
from magicgateway.dialects.token_counting import TokenCounting
from magicgateway.errors import ApiError

ASKED: Any = {"model": "m", "messages": [{"role": "user", "content": "hello there"}]}


def counting() -> TokenCounting:
    return TokenCounting(
        catalogue.grammar("anthropic_messages"),
        catalogue.grammar("bedrock_converse"),
        model="m",
        answer_id="a",
        now=0,
    )


class CountingTests(SynchronousTestCase):
    def test_asked(self) -> None:
        """A request needs no max_tokens, and asks for no stream whatever it says."""
        for more in ({}, {"stream": True}, {"max_tokens": 5}):
            count = counting()
            request = count.read(json.dumps({**ASKED, **more}).encode(), "up")
            self.assertEqual(("up", False), (request.model, request.stream))
            sent = count.write(request, Capabilities())
            self.assertFalse(sent.stream)
            self.assertEqual([{"text": "hello there"}], sent.body["messages"][0]["content"])

    def test_refused(self) -> None:
        """What is no such request is refused as at the door of messages."""
        for body in (b"{", b"[]", b'{"model":"m"}'):
            self.assertEqual(400, self.assertRaises(ApiError, counting().read, body, "m").status)

    def test_reply(self) -> None:
        """Anthropic's count and AWS's are Anthropic's; anything else is no answer."""
        for body in (b'{"input_tokens":11}', b'{"inputTokens":11,"more":1}'):
            self.assertEqual(b'{"input_tokens":11}', counting().reply(body))
        for body in (b"{", b"[]", b"{}", b'{"inputTokens":"1"}', b'{"inputTokens":true}'):
            self.assertRaises(NoAnswer, counting().reply, body)
        self.assertRaises(NoAnswer, counting().reply, b'{"input_tokens":-1}')

    def test_estimate(self) -> None:
        """An estimate grows with the text, and is reported as such."""
        counts = []
        for words in (10, 1000):
            count = counting()
            message = {"role": "user", "content": "word " * words}
            request = count.read(json.dumps({"model": "m", "messages": [message]}).encode(), "m")
            counts.append(json.loads(count.estimate(request))["input_tokens"])
            lines = [note.line() for note in count.ledger.notes]
            self.assertEqual(["input_tokens;emulated;estimated"], lines)
        self.assertGreater(counts[0], 10)
        self.assertGreater(counts[1], 50 * counts[0])

    def test_costs_nothing(self) -> None:
        """No usage is recorded for a count."""
        count = counting()
        count.reply(b'{"input_tokens":11}')
        self.assertEqual(None, count.counted())
