"""Requests for Converse and ConverseStream; the model's name goes in the path.

See: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html; the service
model of botocore 1.44.5, 2026-11.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field

from magicgateway.conversation.blocks import Text
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.names import rename_calls, rename_tools
from magicgateway.conversation.parameters import AUTOMATIC_CACHE, REASONING
from magicgateway.conversation.plain import is_plain
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import Request
from magicgateway.dialects.bedrock_converse.block_writer import BlockWriter
from magicgateway.dialects.bedrock_converse.cache_points import movable_marks
from magicgateway.dialects.bedrock_converse.extras import SAID, put_back
from magicgateway.dialects.bedrock_converse.format_writer import FormatWriter
from magicgateway.dialects.bedrock_converse.reasoning_writer import (
    NOTHING,
    ReasoningWriter,
    Thought,
)
from magicgateway.dialects.bedrock_converse.settings_writer import SettingsWriter
from magicgateway.dialects.bedrock_converse.tool_writer import ToolWriter
from magicgateway.dialects.bedrock_converse.turn_writer import TurnWriter, led
from magicgateway.dialects.grammar import Sent

Written = dict[str, Any]
LONGEST_NAME = 64
LONGEST_ID = 64
MODEL_FIELDS = "additionalModelRequestFields"
FIELD_PATHS = "additionalModelResponseFieldPaths"
OWN = frozenset({
    "guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables", "outputConfig",
    "projectIdentifier", MODEL_FIELDS, FIELD_PATHS,
})  # fmt: skip
"""Fields of Converse that callers of any API may send beside their own."""
_MOST_PATHS = 10
_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_BAD_IN_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
_NINE = re.compile(r"[A-Za-z0-9]{9}")
_DIGITS = string.digits + string.ascii_letters


def write_request(request: Request, capabilities: Capabilities, ledger: Ledger) -> Sent:
    """The JSON object of an upstream request.

    Raises:
        ApiError: 400: the request cannot be had from this target; ``param`` is the field.
    """
    return _Writing(request, capabilities, ledger).write()


@define
class _Writing:
    """One request on its way out. State: what is written of it."""

    request: Request
    capabilities: Capabilities
    ledger: Ledger
    body: Written = field(factory=dict)

    def write(self) -> Sent:
        request, names = self._renamed()
        taking = request.parameters.taking()
        blocks = BlockWriter(self.capabilities, self.ledger)
        tools = ToolWriter(request, self.capabilities, self.ledger, blocks.points)
        tools.write(taking)
        settings = SettingsWriter(request.parameters, taking, self.capabilities, self.ledger)
        limit = settings.limit()
        writer = TurnWriter(self.capabilities, blocks, self.ledger)
        blocks.wrapped = tools.wrapped
        system, turns = writer.arranged(request)
        told = Ledger()  # of thinking that may have to give way, and then has no other fate
        thought = NOTHING
        if request.parameters.get(REASONING) is not None:
            thought = ReasoningWriter(
                request.parameters, self.capabilities, told, limit, tools.forced
            ).write(taking)
        said = FormatWriter(request.parameters, tools, self.ledger, thought.budget is not None)
        said.write(taking)
        instructions = tuple(Text(text=text, field="response_format") for text in said.instructions)
        if instructions and not self.capabilities.converse.system:
            turns = led(instructions, turns)
            instructions = ()
        written = writer.system((*system, *instructions))
        messages = writer.messages(turns)
        fits = self._fits(thought, messages)
        if fits:
            self.ledger.extend(told.notes)
        else:
            place = self.request.parameters.named(REASONING)
            self.ledger.drop(place, Reason.HISTORY_WITHOUT_THINKING)
            thought = NOTHING
        settings.write(thought)
        alone = tools.alone(taking)
        if alone is not None:
            settings.model["tool_choice"] = alone
        self._mark_end(messages, blocks, taking.take(AUTOMATIC_CACHE))
        self._assemble(messages, written, settings, tools, said)
        taking.settle(self.ledger, SAID)
        self._own_fields()
        self._response_fields(thought)
        abilities = self.capabilities.converse
        streams = abilities.streaming and (abilities.tool_streaming or not tools.tools)
        return Sent(
            body=self.body,
            names=names,
            json_tool=said.json_tool,
            wrapped=frozenset(names.get(name, name) for name in tools.wrapped),
            stream=request.stream and streams,
            origin=self.capabilities.origin,
        )

    def _renamed(self) -> tuple[Request, dict[str, str]]:
        if is_plain(self.request):
            return self.request, {}
        abilities = self.capabilities
        request, names = rename_tools(self.request, min(LONGEST_NAME, abilities.longest_tool_name))
        if abilities.converse.nine_letter_ids:
            request = rename_calls(request, lambda i: _NINE.fullmatch(i) is not None, nine_letters)
        else:
            request = rename_calls(request, lambda i: _ID.fullmatch(i) is not None, fitting_id)
        return movable_marks(request, abilities.converse, self.ledger), names

    def _assemble(
        self,
        messages: list[Written],
        system: list[Written],
        settings: SettingsWriter,
        tools: ToolWriter,
        said: FormatWriter,
    ) -> None:
        parts: tuple[tuple[str, Any], ...] = (
            ("messages", messages),
            ("system", system),
            ("inferenceConfig", settings.inference),
            ("toolConfig", tools.config()),
            (MODEL_FIELDS, settings.model),
            ("outputConfig", said.output),
            ("serviceTier", settings.tier),
        )
        self.body = {name: value for name, value in parts if value}

    def _fits(self, thought: Thought, messages: list[Written]) -> bool:
        """Thinking within a budget must have begun the turn whose calls were just answered."""
        if thought.budget is None or not any("toolResult" in b for b in messages[-1]["content"]):
            return True
        before = messages[-2]["content"] if len(messages) > 1 else []
        return bool(before) and "reasoningContent" in before[0]

    def _mark_end(self, messages: list[Written], blocks: BlockWriter, mark: Any) -> None:
        """A mark for the whole prompt stands at its end."""
        if mark is None:
            return
        content = messages[-1]["content"]
        if "cachePoint" not in content[-1]:
            is_file = bool({"document", "video"} & content[-1].keys())
            content += blocks.points.after(mark, "", is_file=is_file)

    def _own_fields(self) -> None:
        """Give Converse its own fields, whichever API the caller speaks."""
        extras = self.request.extras
        if not extras.fields:
            return
        own = {name: value for name, value in extras.fields.items() if name in OWN}
        rest = {name: value for name, value in extras.fields.items() if name not in OWN}
        put_back(self.body, evolve(extras, fields=rest), self.ledger, grow=True)
        for name, value in own.items():
            if isinstance(value, Mapping):
                self.body[name] = _merged(self.body.get(name), value)
            elif name == FIELD_PATHS and isinstance(value, list):
                self.body[name] = list(value)
            else:
                raise invalid(joined(extras.place, name), "is not what Converse has there")

    def _response_fields(self, thought: Thought) -> None:
        """Ask for what an answer does not say by itself, where it is of use."""
        if not self.capabilities.converse.tells_more:
            return
        wanted = []
        if self.body.get("inferenceConfig", {}).get("stopSequences"):
            wanted.append("/delta/stop_sequence" if self.request.stream else "/stop_sequence")
        if thought.thinking:
            wanted.append("/usage/output_tokens_details")
        asked: list[Any] = self.body.get(FIELD_PATHS, [])
        paths = [*asked, *(path for path in wanted if path not in asked)]
        if paths and len(paths) <= _MOST_PATHS:
            self.body[FIELD_PATHS] = paths


def fitting_id(id: str) -> str:  # noqa: A002 - it is an id
    """An id in the characters and the length that Converse takes, from one that is not."""
    digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_BAD_IN_ID.sub('_', id)[: LONGEST_ID - len(digest) - 1]}_{digest}"


def nine_letters(id: str) -> str:  # noqa: A002 - it is an id
    """Nine letters and digits that stand for an id."""
    number = int.from_bytes(hashlib.sha256(id.encode("utf-8", "surrogatepass")).digest())
    letters = []
    for _ in range(9):
        number, digit = divmod(number, len(_DIGITS))
        letters.append(_DIGITS[digit])
    return "".join(letters)


def _merged(ours: Any, callers: Mapping[str, Any]) -> Written:
    """Two objects as one, all the way down; of two values the caller's stays."""
    merged: Written = dict(ours) if isinstance(ours, Mapping) else {}
    for name, value in callers.items():
        inner = merged.get(name)
        both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        merged[name] = _merged(inner, value) if both else value
    return merged
