from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import NO_EXTRAS, Document, Text
from magicgateway.conversation.parameters import MAX_TOKENS, PARALLEL_TOOL_CALLS
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import chat, read


class RequestTests(SynchronousTestCase):
    def test_streams(self) -> None:
        """Whether the answer is streamed, and whether its usage is wanted in a chunk."""
        for fields, expected in (
            ({}, (False, False)),
            ({"stream": None}, (False, False)),
            ({"stream": True}, (True, False)),
            ({"stream": True, "stream_options": {"include_usage": True}}, (True, True)),
            ({"stream": True, "stream_options": {"include_usage": False}}, (True, False)),
        ):
            request, _ = read(chat(**fields))
            self.assertEqual(expected, (request.stream, request.include_usage))

    def test_one_function_call(self) -> None:
        """A: who asks by ``functions`` has room for one call, whatever else is asked for."""
        functions = [{"name": "f"}]
        for fields, lost in (
            ({}, []),
            ({"parallel_tool_calls": False}, []),
            ({"parallel_tool_calls": True}, ["parallel_tool_calls;dropped;one-function-call"]),
        ):
            request, notes = read(chat(functions=functions, **fields))
            self.assertIs(False, request.parameters.get(PARALLEL_TOOL_CALLS))
            self.assertEqual(lost, notes)

    def test_model(self) -> None:
        """The model is the caller's."""
        self.assertEqual("m", read(chat())[0].model)

    def test_native(self) -> None:
        """A body in Converse's own words is read as one; how it is streamed is said as here."""
        content = [{"text": "hi"}, {"document": {"format": "txt", "source": {"text": "x"}}}]
        body = {
            "model": "m",
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": content}],
            "inferenceConfig": {"maxTokens": 5},
        }
        request, notes = read(body)
        (turn,) = request.turns
        self.assertEqual([Text, Document], [type(block) for block in turn.blocks])
        self.assertEqual(5, request.parameters.get(MAX_TOKENS))
        self.assertEqual((True, True), (request.stream, request.include_usage))
        self.assertEqual((NO_EXTRAS, []), (request.extras, notes))
        refused = self.assertRaises(ApiError, read, {**body, "model": None})
        self.assertEqual((400, "model"), (refused.status, refused.param))

    def test_refusals(self) -> None:
        """Without a model or a message there is no request."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"messages": [{"role": "user", "content": "x"}]}, "model"),
            ({"model": "m"}, "messages"),
            ({"model": "m", "messages": []}, "messages"),
            ({"model": "m", "messages": "x"}, "messages"),
            ({"model": "m", "messages": ["x"]}, "messages[0]"),
            (chat(stream="yes"), "stream"),
        ]
        for body, place in cases:
            refused = self.assertRaises(ApiError, read, body)
            self.assertEqual((400, place), (refused.status, refused.param))
