"""What a model allows of an answer: how long it may be, what it cannot be at once."""

from __future__ import annotations

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, invalid
from magicgateway.conversation.reasons import Reason
from magicgateway.errors import ApiError


def answer_limit(limit: int, place: str, capabilities: Capabilities, ledger: Ledger) -> int:
    """The caller's limit in tokens, or the model's own where that is lower.

    Args:
        limit: Of the answer.
        place: The field that has it.
        capabilities: The target's; a model that is not known has no limit of its own.
        ledger: Told where it is another.

    Raises:
        ApiError: 400: there can be no such answer.
    """
    if limit < 1:
        raise invalid(place, "must be at least 1: nothing is kept warm by an empty answer here")
    most = capabilities.max_output_tokens
    if most is None or limit <= most:
        return limit
    ledger.clamp(place, Reason.AT_MOST, most)
    return most


def thought_and_forced(place: str) -> ApiError:
    """The refusal of thinking by a budget, at ``place``, beside a call that is demanded."""
    said = "thinking with a budget cannot be combined with a tool that has to be called"
    return ApiError(400, "invalid_request", f"{place}: {said}.", param="tool_choice")
