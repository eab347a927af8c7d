"""When a request that a provider refused is asked again in another way.

Each way is tried once for one request. Whether anything may be asked again at all, because nothing
of an answer has reached the caller yet, is for the relay to know.
"""

from __future__ import annotations

from collections.abc import Collection

from magicgateway.dialects.bedrock_converse.failures import CREDENTIALS, SCHEMA, UNARY


def repair_after(
    outcome: str | None,
    tried: Collection[str],
    *,
    shaped: bool,
    streamed: bool,
    renewable: bool,
) -> str | None:
    """What to change before asking once more; None: the refusal stands.

    Args:
        outcome: What the refusal asks for (``bedrock_converse.failures.repair_of``).
        tried: What was changed already.
        shaped: The request has schemas that the model was asked to keep to by itself.
        streamed: The answer was asked for in events.
        renewable: The credential is the machine's own, of which there may be a newer one. Nobody
            else's is: what a caller has sent, or an operator written down, stays what it is.
    """
    if outcome is None or outcome in tried:
        return None
    possible = {SCHEMA: shaped, UNARY: streamed, CREDENTIALS: renewable}
    return outcome if possible.get(outcome, False) else None
