"""What Gemini 3 signs of its calls in chat completions, and wants back.

See: https://ai.google.dev/gemini-api/docs/thought-signatures; 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.demo.call import Refusal
from magicgateway.demo.reading import text_of
from magicgateway.demo.signing import signature_of

_SIGNERS = "gemini-3"


def signed(model: str, number: int, call_id: str) -> dict[str, Any]:
    """What stands beside a call; of calls side by side only the first is signed."""
    if number or not model.startswith(_SIGNERS):
        return {}
    return {"extra_content": {"google": {"thought_signature": signature_of(call_id)}}}


def check_signed(model: str, messages: list[Any]) -> None:
    """See whether the calls of the turn that is under way come back as they were signed.

    Raises:
        Refusal: A signature is missing, or another's.
    """
    if not model.startswith(_SIGNERS):
        return
    for place, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        under_way = all(
            isinstance(later, dict) and later.get("role") != "user" for later in messages[place:]
        )
        calls = message.get("tool_calls") if role == "assistant" and under_way else None
        if calls and not _is_signed(calls[0]):
            said = "Function call is missing a thought_signature in functionCall parts."
            raise Refusal(400, said, param=f"messages[{place}]")


def _is_signed(call: Mapping[str, Any]) -> bool:
    given: Any = call
    for name in ("extra_content", "google", "thought_signature"):
        given = given.get(name) if isinstance(given, dict) else None
    return bool(given == signature_of(text_of(call.get("id"))))
