"""Recorded exchanges with providers: those of the reference data, and some of our own."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from attrs import frozen

from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
)
from tests.integration.replay import Recorded

Json = dict[str, Any]

COUNT = 67
FAULT = "x-amzn-errortype"
DIALECTS: Mapping[str, tuple[str, bool]] = {
    "/chat/completions": (OPENAI_CHAT, False),
    "/completions": (OPENAI_COMPLETIONS, False),
    "/responses": (OPENAI_RESPONSES, False),
    "/messages": (ANTHROPIC_MESSAGES, False),
    "/converse": (BEDROCK_CONVERSE, False),
    "/converse-stream": (BEDROCK_CONVERSE, True),
}
"""Dialect by the end of a path, and whether the path says that the answer is a stream."""


@frozen(kw_only=True)
class Recording:
    """One exchange.

    Attributes:
        name: Its file's.
        provider: Who answered.
        dialect: Of its bodies.
        model: As the provider was asked for it.
        stream: Whether the answer was asked for in events.
        request: The body; of Converse without the model.
        status: Of the answer.
        media_type: Of the answer.
        answer: The body.
        fault: Where AWS names what went wrong: ``x-amzn-errortype``.
    """

    name: str
    provider: str
    dialect: str
    model: str
    stream: bool
    request: Json
    status: int
    media_type: str
    answer: bytes
    fault: str = ""

    @property
    def asked(self) -> Json:
        """The request with everything in the body, as a door takes it."""
        if self.dialect != BEDROCK_CONVERSE:
            return self.request
        return {"model": self.model, "stream": self.stream, **self.request}

    @property
    def served(self) -> Recorded:
        """The answer as a server of the tests gives it."""
        fields = [("content-type", self.media_type)]
        if self.fault:
            fields.append((FAULT, self.fault))
        return Recorded(self.status, self.answer, tuple(fields))


def read(cassette: Mapping[str, Any]) -> Recording:
    """The exchange that one file of the reference data holds."""
    request, response = cassette["request"], cassette["response"]
    path = urlsplit(request["url"]).path
    dialect, streams = next(found for end, found in DIALECTS.items() if path.endswith(end))
    body = request["body"]
    in_path = unquote(path.split("/")[2]) if dialect == BEDROCK_CONVERSE else ""
    return Recording(
        name=cassette["id"],
        provider=cassette["provider"],
        dialect=dialect,
        model=in_path or body.get("model") or "",
        stream=streams or body.get("stream") is True,
        request=body,
        status=response["status"],
        media_type=response["headers"].get("content-type", "application/json"),
        answer=_answer(response),
        fault=response["headers"].get(FAULT, ""),
    )


def _answer(response: Mapping[str, Any]) -> bytes:
    if "body_base64" in response:
        return b64decode(response["body_base64"])
    body = response["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def of_reference() -> tuple[Recording, ...]:
    """All of the reference data, where ``MAGICGATEWAY_REFERENCE`` names its folder."""
    root = Path(os.environ.get("MAGICGATEWAY_REFERENCE") or "/nonexistent") / "cassettes"
    found = tuple(read(json.loads(path.read_text())) for path in sorted(root.glob("*/*.json")))
    if not found:
        print(f"recorded exchanges left out: {COUNT}")
    return found
