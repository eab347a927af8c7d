"""The golden cases: data, one case a line, in files by what they are about.

A file has what its cases share (``door``, ``target``, ``provider``, ``model``, the ``request`` that
theirs are laid over, and what is ``sent`` for it) and the cases. A case is named after its number
in the reference or the row it shows, lists further ``rows`` it stands for, and has one of:

- what is ``sent`` for a request, under which ``names``, with which ``warnings`` and ``json_tool``;
- the field for which it is ``refused``;
- an ``answer`` and the ``reply`` to the caller, or why it is ``no_answer``;
- the ``events`` of a stream and the ``chunks`` of the caller's, what these ``adds_up`` to for its
  SDK, how the bytes go ``out``; whether it is ``cut``, its ``failure``, and the plain answer that
  such a stream is ``answered`` with if nothing was sent yet;
- the ``failing`` answer of a provider and the ``error`` the caller gets.

``rows.json`` lists all rows and numbers; what no case here can show is in ``elsewhere.json``, with
the tests that do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    grammar,
)
from magicgateway.dialects.translation import Translation
from magicgateway.providers.capabilities import capabilities
from magicgateway.wire.jsontext import decode, encode
from tests.providers.made import made

Json = dict[str, Any]

_HI = [{"role": "user", "content": "hi"}]
_SCHEMA = {"type": "object", "properties": {}}
_ASKING: Mapping[str, Json] = {
    OPENAI_CHAT: {
        "model": "m",
        "messages": _HI,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": _SCHEMA}}],
    },
    ANTHROPIC_MESSAGES: {
        "model": "m",
        "max_tokens": 100,
        "messages": _HI,
        "tools": [{"name": "f", "input_schema": _SCHEMA}],
    },
    OPENAI_RESPONSES: {
        "model": "m",
        "input": "hi",
        "store": False,
        "tools": [{"type": "function", "name": "f", "parameters": _SCHEMA}],
    },
}
"""A plain request at each door."""
_MODELS = (
    (OPENAI_CHAT, "openai", "gpt-4.1"),
    (BEDROCK_CONVERSE, "bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0"),
    (ANTHROPIC_MESSAGES, "anthropic", "claude-sonnet-4-5"),
    (OPENAI_RESPONSES, "openai", "gpt-5.4"),
    (BEDROCK_CONVERSE, "bedrock", "us.amazon.nova-micro-v1:0"),
    (OPENAI_CHAT, "together", "m"),
    (BEDROCK_CONVERSE, "bedrock", "us.meta.llama4-maverick-17b-instruct-v1:0"),
    (ANTHROPIC_MESSAGES, "anthropic", "claude-opus-5-5"),
    (BEDROCK_CONVERSE, "bedrock", "mistral.mistral-large-2407-v1:0"),
    (OPENAI_RESPONSES, "openai", "o3"),
    (BEDROCK_CONVERSE, "bedrock", "qwen.qwen3-32b-v1:0"),
    (ANTHROPIC_MESSAGES, "anthropic", "claude-opus-4-8"),
    (BEDROCK_CONVERSE, "bedrock", "openai.gpt-oss-120b-1:0"),
    (OPENAI_CHAT, "deepseek", "deepseek-chat"),
    (BEDROCK_CONVERSE, "bedrock", "us.anthropic.claude-sonnet-5"),
    (BEDROCK_CONVERSE, "bedrock", "amazon.titan-text-express-v1"),
)
"""Models that differ in what they take."""
_TARGETS_OF_EACH = 3
FOLDER = Path(__file__).parent
ANSWER_ID = "a1"
NOW = 1_790_000_000
ALIAS = "asked"
"""The model as callers name it."""
EXPECTING = ("sent", "refused", "reply", "no_answer", "chunks", "error")
_SHARED = ("door", "target", "provider", "model", "toml", "framing", "abilities")


@frozen(kw_only=True)
class Case:
    """One of them; ``data`` is the case laid over what its file's cases share."""

    file: str
    data: Json

    @property
    def name(self) -> str:
        """Its number, or what it shows."""
        name: str = self.data["case"]
        return name

    @property
    def title(self) -> str:
        """For messages."""
        return f"{self.file}: {self.name}"

    def get(self, key: str, default: Any = None) -> Any:
        """What the case says."""
        return self.data.get(key, default)

    @property
    def door(self) -> str:
        """The caller's dialect."""
        door: str = self.data["door"]
        return door

    @property
    def target(self) -> str:
        """The provider's dialect."""
        target: str = self.data["target"]
        return target

    @property
    def model(self) -> str:
        """As the provider knows it."""
        model: str = self.data["model"]
        return model

    @property
    def rows(self) -> set[str]:
        """Rows of the tables and numbers of the cases that it stands for."""
        return {self.name, *self.data.get("rows", ())}

    def capabilities(self) -> Capabilities:
        """What the provider's model takes; or what the case says, for one that nobody offers."""
        if "abilities" in self.data:
            given: Capabilities = structured(Capabilities, self.data["abilities"])
            return given
        provider = made(self.data["provider"], self.data.get("toml", ""))
        return capabilities(provider, self.model, self.target)

    def translation(self) -> Translation:
        """An exchange, of which nothing was read yet."""
        return Translation(
            grammar(self.door), grammar(self.target), model=ALIAS, answer_id=ANSWER_ID, now=NOW
        )

    def written(self) -> Translation:
        """An exchange whose request was read and written.

        Raises:
            ApiError: It is refused.
        """
        translation = self.translation()
        request = translation.read(encode(self.data["request"]), self.model)
        translation.write(request, self.capabilities())
        return translation


def all_cases() -> tuple[Case, ...]:
    """Every case of every file."""
    return tuple(case for path in sorted((FOLDER / "data").glob("*.json")) for case in _of(path))


def cases_with(key: str) -> tuple[Case, ...]:
    """Those that say something."""
    return tuple(case for case in all_cases() if key in case.data)


def at_other_doors(case: Case) -> Iterator[Case]:
    """The same answer, to callers of the other doors that ask for something plain.

    Where the provider speaks the door's own dialect, nothing is translated.
    """
    for door, asking in _ASKING.items():
        if door not in (case.door, case.target):
            request = {**asking, "stream": "events" in case.data}
            yield Case(file=case.file, data={**case.data, "door": door, "request": request})


def at_other_targets(case: Case, number: int) -> Iterator[Case]:
    """The same request, to some of the models that it is not about.

    Args:
        case: Whose request it is.
        number: Chooses which, so that all cases together go to all of them.
    """
    shared = {key: value for key, value in case.data.items() if key not in ("abilities", "toml")}
    for step in range(_TARGETS_OF_EACH):
        target, provider, model = _MODELS[(number * _TARGETS_OF_EACH + step) % len(_MODELS)]
        if target != case.door:
            data = {**shared, "target": target, "provider": provider, "model": model}
            yield Case(file=case.file, data=data)


def _of(path: Path) -> Iterator[Case]:
    file = decode(path.read_bytes())
    shared = {key: file[key] for key in _SHARED if key in file}
    for raw in file["cases"]:
        case = {**shared, **raw, "request": over(file["request"], raw.get("request", {}))}
        if "sent" in raw:
            case["sent"] = over(file["sent"], raw["sent"])
        yield Case(file=path.stem, data=case)


def structured(kind: type[Any], fields: Mapping[str, Any]) -> Any:
    """Capabilities of their JSON."""
    types = {field.name: type(field.default) for field in attrs.fields(kind)}
    return kind(
        **{
            name: structured(types[name], value)
            if isinstance(value, dict)
            else types[name](value)
            if isinstance(value, list)
            else value
            for name, value in fields.items()
        }
    )


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Json:
    """One object laid over another; what is null above is taken away."""
    return {key: value for key, value in {**below, **above}.items() if value is not None}


def table(name: str) -> Json:
    """A file of ours that holds no cases."""
    found: Json = decode((FOLDER / name).read_bytes())
    return found
