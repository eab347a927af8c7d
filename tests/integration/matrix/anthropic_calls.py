"""Anthropic's Python client in the table's cells: what its own types say of each answer."""

from __future__ import annotations

from typing import Any

import anthropic
from pydantic import BaseModel

from tests.integration.matrix.cells import (
    CITY,
    FUNCTIONS,
    KEY,
    MESSAGES,
    PARALLEL,
    PNG,
    RESULTS,
    THINKING,
    Cell,
)


class Weather(BaseModel):
    """What structured answers are of."""

    city: str
    degrees: int


def failure(call: Any) -> dict[str, Any]:
    """What a call raises, as its callers see it."""
    try:
        call()
    except anthropic.APIStatusError as error:
        return {
            "kind": type(error).__name__,
            "status": error.status_code,
            "message": error.message,
            "retry_after": error.response.headers.get("retry-after"),
        }
    except anthropic.APIError as error:
        return {"kind": type(error).__name__, "status": None, "message": error.message}
    return {"kind": None}


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def counted(message: Any) -> list[int]:
    usage = message.usage
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    return [usage.input_tokens + (read or 0) + (written or 0), usage.output_tokens]


class MessagesDoor:
    """``/v1/messages``.

    Args:
        address: The gateway's.
    """

    def __init__(self, address: str) -> None:
        self.client = anthropic.Anthropic(api_key=KEY, base_url=address, max_retries=0)
        self.reported: list[list[str]] = []
        """What was reported of each answer."""
        self.client._client.event_hooks["response"].append(self._note)

    def _note(self, response: Any) -> None:
        self.reported.append(response.headers.get_list("x-magicgateway-warning"))

    def see(self, cell: Cell) -> dict[str, Any]:
        """What comes of a cell."""
        self.reported.clear()
        seen: dict[str, Any] = getattr(self, f"_{cell.scenario}")(cell)
        return {**seen, "reported": [line for lines in self.reported for line in lines]}

    def _ask(self, cell: Cell, messages: list[Any], **more: Any) -> Any:
        asked = {
            "model": cell.model,
            "max_tokens": 4096,
            "messages": messages,
            "extra_headers": cell.headers,
            **more,
        }
        if cell.streamed:
            with self.client.messages.stream(**asked) as stream:
                return stream.get_final_message()
        create = self.client.messages
        return (create.parse if "output_format" in more else create.create)(**asked)

    def _text(self, cell: Cell) -> dict[str, Any]:
        message = self._ask(cell, [{"role": "user", "content": cell.prompt}])
        return {"text": text_of(message), "finish": message.stop_reason, "usage": counted(message)}

    def _tools(self, cell: Cell) -> dict[str, Any]:
        return self.called(cell, cell)

    def _parallel(self, cell: Cell) -> dict[str, Any]:
        return self.called(cell, cell)

    def _thinking(self, cell: Cell) -> dict[str, Any]:
        return self.called(cell, cell)

    def called(self, cell: Cell, then: Cell) -> dict[str, Any]:
        """What comes of a tool's call, and of its result, which may go to somebody else."""
        tools = [
            {"name": name, "description": said, "input_schema": CITY}
            for name, said in FUNCTIONS.items()
        ]
        more: dict[str, Any] = {"tools": tools if cell.scenario == PARALLEL else tools[:1]}
        if cell.scenario == THINKING:
            more["thinking"] = {"type": "enabled", "budget_tokens": 2048}
        messages: list[Any] = [{"role": "user", "content": cell.prompt}]
        first = self._ask(cell, messages, **more)
        calls = [block for block in first.content if block.type == "tool_use"]
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": result}
            for call, result in zip(calls, RESULTS, strict=False)
        ]
        content = [block.to_dict() for block in first.content]
        messages += [{"role": "assistant", "content": content}]
        messages += [{"role": "user", "content": results}]
        second = self._ask(then, messages, **more)
        return {
            "calls": [[call.name, call.input] for call in calls],
            "called": first.stop_reason,
            "reasoning": "".join(
                block.thinking for block in first.content if block.type == "thinking"
            ),
            "text": text_of(second),
            "finish": second.stop_reason,
            "usage": counted(second),
        }

    def _image(self, cell: Cell) -> dict[str, Any]:
        source = {"type": "base64", "media_type": "image/png", "data": PNG}
        parts = [{"type": "image", "source": source}, {"type": "text", "text": cell.prompt}]
        message = self._ask(cell, [{"role": "user", "content": parts}])
        return {"text": text_of(message), "finish": message.stop_reason, "usage": counted(message)}

    def _structured(self, cell: Cell) -> dict[str, Any]:
        messages = [{"role": "user", "content": cell.prompt}]
        if hasattr(self.client.messages, "parse"):
            message = self._ask(cell, messages, output_format=Weather)
            parsed = message.parsed_output
        else:
            # What 0.x has no words for is said in the API's own ones.
            form = {"type": "json_schema", "schema": CITY}
            message = self._ask(cell, messages, extra_body={"output_config": {"format": form}})
            parsed = Weather.model_validate_json(text_of(message))
        return {"parsed": parsed.model_dump(), "finish": message.stop_reason}

    def _answer(self, cell: Cell, model: str) -> Any:
        return self.client.messages.create(
            model=model,
            max_tokens=500,
            messages=[{"role": "user", "content": cell.prompt}],
            stream=cell.streamed,
            extra_headers=cell.headers,
        )

    def _pieces(self, cell: Cell, model: str, pieces: list[str]) -> None:
        with self._answer(cell, model) as stream:
            pieces.extend(
                event.delta.text
                for event in stream
                if event.type == "content_block_delta" and event.delta.type == "text_delta"
            )

    def _error(self, cell: Cell) -> dict[str, Any]:
        seen: dict[str, Any] = {
            name: failure(lambda model=model: self._answer(cell, model))
            for name, model in cell.faults.items()
            if name != "late"
        }
        if cell.streamed:
            pieces: list[str] = []
            late = failure(lambda: self._pieces(cell, cell.faults["late"], pieces))
            seen["late"] = {**late, "pieces": len(pieces)}
        return seen


DOORS = {MESSAGES: MessagesDoor}
