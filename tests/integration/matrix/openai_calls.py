"""OpenAI's Python client in the table's cells: what its own types say of each answer."""

from __future__ import annotations

import json
from typing import Any

import openai
from pydantic import BaseModel

from tests.integration.matrix.cells import (
    CHAT,
    CITY,
    FUNCTIONS,
    KEY,
    PARALLEL,
    PNG,
    RESPONSES,
    RESULTS,
    STRUCTURED,
    THINKING,
    Cell,
)

DATA_URL = f"data:image/png;base64,{PNG}"


class Weather(BaseModel):
    """What structured answers are of."""

    city: str
    degrees: int


def failure(call: Any) -> dict[str, Any]:
    """What a call raises, as its callers see it."""
    try:
        call()
    except openai.APIStatusError as error:
        return {
            "kind": type(error).__name__,
            "status": error.status_code,
            "message": error.message,
            "retry_after": error.response.headers.get("retry-after"),
        }
    except openai.APIError as error:
        return {"kind": type(error).__name__, "status": None, "message": error.message}
    return {"kind": None}


class OpenAIDoor:
    """What both of OpenAI's doors have in common.

    Args:
        address: The gateway's.
    """

    def __init__(self, address: str) -> None:
        self.client = openai.OpenAI(api_key=KEY, base_url=f"{address}/v1", max_retries=0)
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

    def _tools(self, cell: Cell) -> dict[str, Any]:
        return self.called(cell, cell)

    def _parallel(self, cell: Cell) -> dict[str, Any]:
        return self.called(cell, cell)

    def _thinking(self, cell: Cell) -> dict[str, Any]:
        return self.called(cell, cell)

    def called(self, cell: Cell, then: Cell) -> dict[str, Any]:
        """What comes of a tool's call, and of its result, which may go to somebody else."""
        raise AssertionError(cell, then)

    def _answer(self, cell: Cell, model: str) -> Any:
        raise AssertionError(cell, model)

    def _pieces(self, cell: Cell, model: str, pieces: list[str]) -> None:
        raise AssertionError(cell, model, pieces)

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


class ChatDoor(OpenAIDoor):
    """``/v1/chat/completions``."""

    def _ask(self, cell: Cell, messages: list[Any], **more: Any) -> Any:
        asked = {"model": cell.model, "extra_headers": cell.headers, "messages": messages, **more}
        if not cell.streamed:
            return self.client.chat.completions.create(**asked)
        asked["stream_options"] = {"include_usage": True}
        with self.client.chat.completions.stream(**asked) as stream:
            return stream.get_final_completion()

    def _text(self, cell: Cell) -> dict[str, Any]:
        return self._said(self._ask(cell, [{"role": "user", "content": cell.prompt}]))

    def _said(self, answer: Any) -> dict[str, Any]:
        (choice,) = answer.choices
        counts = [answer.usage.prompt_tokens, answer.usage.completion_tokens]
        return {
            "text": choice.message.content,
            "finish": choice.finish_reason,
            "usage": counts,
        }

    def called(self, cell: Cell, then: Cell) -> dict[str, Any]:
        """What comes of a tool's call, and of its result, which may go to somebody else."""
        tools = [
            {
                "type": "function",
                "function": {"name": name, "description": said, "parameters": CITY},
            }
            for name, said in FUNCTIONS.items()
        ]
        more: dict[str, Any] = {"tools": tools if cell.scenario == PARALLEL else tools[:1]}
        if cell.scenario == THINKING:
            more["extra_body"] = cell.thinking
        messages: list[Any] = [{"role": "user", "content": cell.prompt}]
        (first,) = self._ask(cell, messages, **more).choices
        calls = first.message.tool_calls or []
        messages.append(first.message.to_dict())
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": result}
            for call, result in zip(calls, RESULTS, strict=False)
        ]
        more |= {"extra_body": then.thinking} if cell.scenario == THINKING else {}
        second = self._ask(then, messages, **more)
        return {
            "calls": [[call.function.name, json.loads(call.function.arguments)] for call in calls],
            "called": first.finish_reason,
            "reasoning": getattr(first.message, "reasoning_content", None),
            **self._said(second),
        }

    def _image(self, cell: Cell) -> dict[str, Any]:
        parts = [
            {"type": "text", "text": cell.prompt},
            {"type": "image_url", "image_url": {"url": DATA_URL}},
        ]
        return self._said(self._ask(cell, [{"role": "user", "content": parts}]))

    def _structured(self, cell: Cell) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": cell.model,
            "extra_headers": cell.headers,
            "messages": [{"role": "user", "content": cell.prompt}],
            "response_format": Weather,
        }
        if cell.streamed:
            with self.client.chat.completions.stream(**asked) as stream:
                answer: Any = stream.get_final_completion()
        else:
            answer = self.client.chat.completions.parse(**asked)
        (choice,) = answer.choices
        return {"parsed": choice.message.parsed.model_dump(), "finish": choice.finish_reason}

    def _answer(self, cell: Cell, model: str) -> Any:
        return self.client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": cell.prompt}],
            stream=cell.streamed,
            extra_headers=cell.headers,
        )

    def _pieces(self, cell: Cell, model: str, pieces: list[str]) -> None:
        # 1.x does not close a stream that fails. Left to the collector, which may come while the
        # pool of connections is locked, it would lock the client up.
        with self._answer(cell, model) as stream:
            for chunk in stream:
                pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]


class ResponsesDoor(OpenAIDoor):
    """``/v1/responses``, with nothing kept by the provider."""

    def _ask(self, cell: Cell, items: Any, **more: Any) -> Any:
        asked = {
            "model": cell.model,
            "extra_headers": cell.headers,
            "input": items,
            "store": False,
            **more,
        }
        if cell.streamed:
            with self.client.responses.stream(**asked) as stream:
                return stream.get_final_response()
        create = self.client.responses
        return (create.parse if cell.scenario == STRUCTURED else create.create)(**asked)

    def _text(self, cell: Cell) -> dict[str, Any]:
        return self._said(self._ask(cell, cell.prompt))

    def _said(self, answer: Any) -> dict[str, Any]:
        counts = [answer.usage.input_tokens, answer.usage.output_tokens]
        return {"text": answer.output_text, "finish": answer.status, "usage": counts}

    def called(self, cell: Cell, then: Cell) -> dict[str, Any]:
        """What comes of a tool's call, and of its result, which may go to somebody else."""
        tools = [
            {"type": "function", "name": name, "description": said, "parameters": CITY}
            | {"strict": False}
            for name, said in FUNCTIONS.items()
        ]
        more: dict[str, Any] = {"tools": tools if cell.scenario == PARALLEL else tools[:1]}
        if cell.scenario == THINKING:
            more["reasoning"] = {"effort": "high", "summary": "auto"}
            more["include"] = ["reasoning.encrypted_content"]
        items: list[Any] = [{"role": "user", "content": cell.prompt}]
        first = self._ask(cell, items, **more)
        calls = [item for item in first.output if item.type == "function_call"]
        thoughts = [item for item in first.output if item.type == "reasoning"]
        items += [item.to_dict(exclude_unset=True) for item in first.output]
        for item in items:
            item.pop("parsed_arguments", None)
        items += [
            {"type": "function_call_output", "call_id": call.call_id, "output": result}
            for call, result in zip(calls, RESULTS, strict=False)
        ]
        second = self._ask(then, items, **more)
        return {
            "calls": [[call.name, json.loads(call.arguments)] for call in calls],
            "called": first.status,
            "reasoning": "".join(part.text for item in thoughts for part in item.summary)
            or "".join(part.text for item in thoughts for part in item.content or []),
            **self._said(second),
        }

    def _image(self, cell: Cell) -> dict[str, Any]:
        parts = [
            {"type": "input_text", "text": cell.prompt},
            {"type": "input_image", "image_url": DATA_URL, "detail": "auto"},
        ]
        answer = self._ask(cell, [{"role": "user", "content": parts}])
        return self._said(answer)

    def _structured(self, cell: Cell) -> dict[str, Any]:
        answer = self._ask(cell, cell.prompt, text_format=Weather)
        return {"parsed": answer.output_parsed.model_dump(), "finish": answer.status}

    def _answer(self, cell: Cell, model: str) -> Any:
        return self.client.responses.create(
            model=model, input=cell.prompt, stream=cell.streamed, extra_headers=cell.headers
        )

    def _pieces(self, cell: Cell, model: str, pieces: list[str]) -> None:
        with self._answer(cell, model) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    pieces.append(event.delta)
                elif event.type == "error":
                    raise openai.APIError(event.message, None, body=event)  # type: ignore[arg-type]
                elif event.type == "response.failed":
                    error = event.response.error
                    raise openai.APIError(error.message, None, body=error)  # type: ignore[arg-type]


DOORS = {CHAT: ChatDoor, RESPONSES: ResponsesDoor}
