"""How many tokens a Messages request has, where somebody else than Anthropic is asked or nobody.

See: https://docs.anthropic.com/en/api/messages-count-tokens, and CountTokens of Amazon Bedrock;
2026-11.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from magicgateway.conversation.counting import estimate
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import Request
from magicgateway.dialects.grammar import NoAnswer
from magicgateway.dialects.translation import Translation
from magicgateway.observe import facts
from magicgateway.wire.jsontext import BadJson, decode, encode

COUNTED = "input_tokens"
_NAMES = (COUNTED, "inputTokens")


class TokenCounting(Translation):
    """A translation whose answer is a number. State: as its class's."""

    def _read_request(self, value: dict[str, Any]) -> Request:
        door: Any = self._door  # the only dialect that has such a question
        request: Request = door.read_count(value, self.ledger)
        return evolve(request, stream=False)

    def reply(self, body: bytes) -> bytes:
        """The caller's answer, of a provider's.

        Raises:
            NoAnswer: It has no count.
        """
        try:
            value = decode(body)
        except BadJson as fault:
            raise NoAnswer(f"the answer is no JSON: {fault}") from None
        if isinstance(value, dict):
            for name in _NAMES:
                tokens = value.get(name)
                if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0:
                    return encode({COUNTED: tokens})
        raise NoAnswer("the answer has no count of tokens")

    def estimate(self, request: Request) -> bytes:
        """The caller's answer where nobody counts; the ledger is told."""
        self.ledger.emulate(COUNTED, Reason.ESTIMATED)
        return encode({COUNTED: estimate(request)})

    def counted(self) -> facts.Usage | None:
        """Nothing: to have tokens counted costs none."""
        return None
