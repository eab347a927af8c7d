"""The cells of the table: who asks what at which door, and who answers in which dialect.

Each cell speaks in words of its own, so that the provider's journal tells which request was whose.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from attrs import asdict, fields, frozen

PYTHON, NODE = "Python", "Node"
OPENAI, ANTHROPIC = "openai", "anthropic"
NEWEST, OLDEST = "newest", "oldest"
CHAT, RESPONSES, MESSAGES = "chat", "responses", "messages"
DOORS = (CHAT, RESPONSES, MESSAGES)
CONVERSE = "Converse"
DIALECTS = (CHAT, RESPONSES, MESSAGES, CONVERSE)
INVOKE = "InvokeModel"
"""Not a dialect of its own but Claude's on Bedrock, which only the Messages door leads to."""
TEXT, TOOLS, PARALLEL, IMAGE = "text", "tools", "parallel", "image"
THINKING, STRUCTURED, ERROR = "thinking", "structured", "error"
SCENARIOS = (TEXT, TOOLS, PARALLEL, IMAGE, THINKING, STRUCTURED, ERROR)
WEAK_SCENARIOS = (TOOLS, IMAGE, STRUCTURED)
"""What models that do not think are asked."""

TOML = """
[providers.asks-chat]
dialect = "openai"
base_url = "{demo}/v1"
[providers.deepseek]
base_url = "{demo}/v1"
[providers.asks-responses]
dialect = "responses"
base_url = "{demo}/v1"
[providers.asks-messages]
dialect = "anthropic"
base_url = "{demo}/v1"
[providers.bedrock]
dialect = "converse"
base_url = "{demo}"
[providers.bedrock-with-claude]
dialect = ["converse", "anthropic"]
base_url = "{demo}"
"""
_CLAUDE_THERE = "us.anthropic.claude-sonnet-4-6"
PROVIDERS = {
    CHAT: ("asks-chat", "gpt-5.1"),
    RESPONSES: ("asks-responses", "gpt-5.1"),
    MESSAGES: ("asks-messages", "claude-sonnet-4-6"),
    CONVERSE: ("bedrock", _CLAUDE_THERE),
    INVOKE: ("bedrock-with-claude", _CLAUDE_THERE),
}
"""Who speaks a dialect, and which model is asked for; it thinks when told to."""
WEAK = {
    "old Claude": ("asks-messages", "claude-3-5-sonnet-20241022"),
    "Nova": ("bedrock", "amazon.nova-lite-v1:0"),
    "Llama": ("bedrock", "us.meta.llama3-3-70b-instruct-v1:0"),
    "Mistral": ("bedrock", "mistral.mistral-large-2402-v1:0"),
}
"""Models that lack something: a form for the answer, a choice of tools, streams with tools."""
BLIND = ("Llama", "Mistral")
UNSTREAMED = ("Llama",)
"""With tools, that is."""
THINKERS = {**PROVIDERS, CHAT: ("deepseek", "deepseek-v4")}
"""The same for thinking: not every provider of chat wants its reasoning back."""
AWS = {
    "x-aws-access-key-id": "ASIADEMOPROVIDER0002",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000002",
    "x-aws-session-token": "demo-session-token==",
    "x-aws-region": "eu-central-1",
}
KEY = "sk-of-the-caller-0123456789"

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
FUNCTIONS = {"get_weather": "The weather of a city.", "get_tides": "The tides of a city."}
"""Names and descriptions; they take ``CITY``."""
RESULTS = ("12 degrees, rain", "high at noon")
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
FAULTS = {"refused": "status=400", "busy": "status=429;retry-after=7", "broken": "status=500"}
LATE = "error-event=6"
TOLD = "told to"
"""What every message of the demo provider's failures has in it, with blanks or hyphens."""
_AS_CLAUDE = "told-to.claude-sonnet-4-6"


@frozen
class Client:
    """An official client: the newest of its kind, or the oldest whose callers are served."""

    language: str
    package: str
    age: str = NEWEST

    @property
    def doors(self) -> tuple[str, ...]:
        """Where it knocks."""
        return (MESSAGES,) if self.package == ANTHROPIC else (CHAT, RESPONSES)

    @property
    def name(self) -> str:
        """As it is called in complaints."""
        return f"{self.age} {self.package} for {self.language}"


CLIENTS = (
    Client(PYTHON, OPENAI),
    Client(PYTHON, OPENAI, OLDEST),
    Client(NODE, OPENAI),
    Client(NODE, OPENAI, OLDEST),
    Client(PYTHON, ANTHROPIC),
    Client(PYTHON, ANTHROPIC, OLDEST),
    Client(NODE, ANTHROPIC),
)
NOTES = (
    "left out: anthropic for Node below major 1, for which nothing is promised",
    "by extra_body, for want of an argument: structured, by the oldest anthropic for Python",
)
"""What the table's lines do not say of themselves."""


@frozen
class Cell:
    """One cell. ``number`` is in its words, so that no two cells say the same."""

    client: Client
    door: str
    dialect: str
    scenario: str
    streamed: bool
    number: int

    @classmethod
    def of(cls, told: dict[str, Any]) -> Cell:
        """The cell that was told."""
        known = {field.name: told[field.name] for field in fields(cls)}
        return cls(**{**known, "client": Client(**told["client"])})

    @property
    def provider(self) -> str:
        return self._asked[0]

    @property
    def model(self) -> str:
        return self._asked[1]

    @property
    def _asked(self) -> tuple[str, str]:
        return (THINKERS if self.scenario == THINKING else PROVIDERS | WEAK)[self.dialect]

    @property
    def rule(self) -> str:
        """By which rule the gateway refuses the cell; empty: it does not."""
        blind = self.scenario == IMAGE and self.dialect in BLIND
        return "a model that does not see gets no images" if blind else ""

    @property
    def tag(self) -> str:
        """Words that no other cell says."""
        return f"cell-{self.number:04d}"

    @property
    def prompt(self) -> str:
        """What the user says; the demo model calls the tools that are named."""
        said = {
            TOOLS: "Use get_weather please",
            PARALLEL: "Use get_weather and get_tides please",
            THINKING: "Think, then use get_weather please",
            STRUCTURED: "Answer by a tool, if you have one",
        }
        return f"{said.get(self.scenario, 'Hello')}, {self.tag}"

    @property
    def faults(self) -> dict[str, str]:
        """Models that fail at once, by what is expected of them, and ``late`` in the stream."""
        faults = {**FAULTS, "late": LATE} if self.streamed else FAULTS
        if self.dialect == INVOKE:
            # Only what is called after Claude is asked in its own way.
            faults = {name: f"{fault};message={_AS_CLAUDE}" for name, fault in faults.items()}
        return {name: f"demo-fault:{fault}" for name, fault in faults.items()}

    @property
    def thinking(self) -> dict[str, Any]:
        """How a chat asks for thinking.

        An effort alone asks for no words of it, which Responses only gives to whoever does.
        """
        more = {"thinking": {"type": "enabled"}} if self.dialect == RESPONSES else {}
        return {"reasoning_effort": "high", **more}

    @property
    def headers(self) -> dict[str, str]:
        """Header fields of the request, beside the client's own."""
        aws = AWS if self.provider.startswith("bedrock") else {}
        return {"x-provider": self.provider, **aws}

    @property
    def name(self) -> str:
        """As it is called in complaints."""
        mode = "stream" if self.streamed else "plain"
        return f"{self.client.name}: {self.door} to {self.dialect}, {mode}, {self.scenario}"

    def told(self) -> dict[str, Any]:
        """The cell as clients in processes of their own read it."""
        more = {"model": self.model, "prompt": self.prompt, "headers": self.headers}
        return {**asdict(self), **more, "thinking": self.thinking, "faults": self.faults}


def cells() -> Iterator[Cell]:
    """All of them."""
    number = 0
    for door in DOORS:
        for dialect in (*DIALECTS, *((INVOKE,) if door == MESSAGES else ()), *WEAK):
            for client in CLIENTS:
                for scenario in SCENARIOS if dialect not in WEAK else WEAK_SCENARIOS:
                    for streamed in (False, True):
                        if door in client.doors:
                            number += 1
                            yield Cell(client, door, dialect, scenario, streamed, number)


def shared() -> dict[str, Any]:
    """What all cells use, as the Node clients read it."""
    return {
        "key": KEY,
        "schema": CITY,
        "functions": FUNCTIONS,
        "results": RESULTS,
        "png": PNG,
    }


def image_hash() -> str:
    """How the demo provider names the image."""
    return hashlib.sha256(base64.b64decode(PNG)).hexdigest()[:8]
