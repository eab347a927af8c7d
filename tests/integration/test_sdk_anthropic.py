"""Anthropic's Python client against the running daemon."""

from __future__ import annotations

from typing import Any

import anthropic
from anthropic import Anthropic
from anthropic.types import MessageParam, ToolParam
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.running import KEY, running

HELLO: list[MessageParam] = [{"role": "user", "content": "hello"}]
WEATHER: ToolParam = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


class AnthropicCase(SynchronousTestCase):
    """A client of the daemon; it does not retry, so that every answer is seen."""

    def setUp(self) -> None:
        self.client = self.client_of(running().address)

    def client_of(self, base_url: str, **options: Any) -> Anthropic:
        """A client that is closed when the test ends."""
        client = Anthropic(base_url=base_url, **{"api_key": KEY, "max_retries": 0, **options})
        self.addCleanup(client.close)
        return client

    def say(self, model: str = "demo") -> anthropic.types.Message:
        """Say something and return the answer."""
        return self.client.messages.create(model=model, max_tokens=100, messages=HELLO)


class MessageTests(AnthropicCase):
    """Messages, whole and streamed."""

    def test_whole(self) -> None:
        """A message arrives with text, usage, the stop reason and the provider's request id."""
        message = self.say()
        self.assertEqual("text", message.content[0].type)
        self.assertEqual("end_turn", message.stop_reason)
        self.assertGreater(message.usage.output_tokens, 10)
        self.assertTrue((message._request_id or "").startswith("req_"))

    def test_base_urls(self) -> None:
        """The base URL works with ``/v1``, without it, and with a provider's name in front."""
        expected = self.say().content
        for base_url in ("/v1", "/", "/anthropic", "/anthropic/v1", "/demo"):
            client = self.client_of(running().address + base_url)
            message = client.messages.create(model="demo", max_tokens=100, messages=HELLO)
            self.assertEqual(expected, message.content, base_url)

    def test_bearer_token(self) -> None:
        """A client that authenticates with ``auth_token`` is served as well."""
        client = self.client_of(running().address, api_key=None, auth_token=KEY)
        message = client.messages.create(model="demo", max_tokens=100, messages=HELLO)
        self.assertEqual(self.say().content, message.content)

    def test_streamed_with_thinking(self) -> None:
        """A stream has every event in order, thinking and its signature before the text."""
        asked: dict[str, Any] = {
            "model": "demo",
            "max_tokens": 2048,
            "messages": HELLO,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
        }
        with self.client.messages.stream(**asked) as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_message()
        self.assertEqual("message_start", kinds[0])
        self.assertEqual("message_stop", kinds[-1])
        self.assertEqual(["thinking", "text"], [block.type for block in final.content])
        self.assertLess(kinds.index("thinking"), kinds.index("text"))
        whole = self.client.messages.create(**asked)
        self.assertEqual(
            [block.model_dump(exclude_none=True) for block in whole.content],
            [block.model_dump(exclude_none=True) for block in final.content],
        )
        self.assertEqual(whole.usage.output_tokens, final.usage.output_tokens)

    def test_streamed_tools(self) -> None:
        """The client puts a streamed tool call together; its result gets an answer."""
        messages: list[MessageParam] = [{"role": "user", "content": "use get_weather please"}]
        with self.client.messages.stream(
            model="demo", max_tokens=200, messages=messages, tools=[WEATHER]
        ) as stream:
            final = stream.get_final_message()
        self.assertEqual("tool_use", final.stop_reason)
        call = final.content[-1]
        assert call.type == "tool_use"
        self.assertEqual("get_weather", call.name)
        self.assertIn("city", call.input)
        messages += [
            {"role": "assistant", "content": final.content},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "12"}],
            },
        ]
        answer = self.client.messages.create(
            model="demo", max_tokens=100, messages=messages, tools=[WEATHER]
        )
        self.assertEqual("end_turn", answer.stop_reason)

    def test_raw_headers(self) -> None:
        """An answer carries the gateway's fields and the provider's ``request-id``."""
        answer = self.client.messages.with_raw_response.create(
            model="anthropic/demo", max_tokens=10, messages=HELLO
        )
        self.assertEqual("anthropic", answer.headers["x-magicgateway-provider"])
        self.assertEqual("demo", answer.headers["x-magicgateway-model"])
        self.assertTrue(answer.headers["request-id"].startswith("req_"))
        record = running().logged(answer.headers["x-magicgateway-request-id"])
        self.assertEqual("messages", record["operation"])
        self.assertEqual(10, record["usage"]["output"])

    def test_count_tokens(self) -> None:
        """Tokens are counted; more text has more of them."""
        few = self.client.messages.count_tokens(model="demo", messages=HELLO)
        many = self.client.messages.count_tokens(
            model="demo", messages=[{"role": "user", "content": "hello " * 100}]
        )
        self.assertGreater(many.input_tokens, few.input_tokens)

    def test_models(self) -> None:
        """The model list has Anthropic's shape and its pages."""
        client = self.client_of(running().address, default_headers={"x-provider": "anthropic"})
        names = [model.id for model in client.models.list(limit=2)]
        self.assertIn("demo-transcribe", names)
        self.assertEqual("Demo", client.models.retrieve("demo").display_name)


class ErrorTests(AnthropicCase):
    """Every error is the exception that the client's users catch."""

    def test_of_the_provider(self) -> None:
        """A provider's error keeps its status, type, request id and retry-after."""
        classes: dict[int, tuple[type[anthropic.APIStatusError], str]] = {
            400: (anthropic.BadRequestError, "invalid_request_error"),
            401: (anthropic.AuthenticationError, "authentication_error"),
            403: (anthropic.PermissionDeniedError, "permission_error"),
            404: (anthropic.NotFoundError, "not_found_error"),
            413: (anthropic.RequestTooLargeError, "request_too_large"),
            429: (anthropic.RateLimitError, "rate_limit_error"),
            500: (anthropic.InternalServerError, "api_error"),
            529: (anthropic.OverloadedError, "overloaded_error"),
        }
        for status, (kind, name) in classes.items():
            with self.assertRaises(kind) as caught:
                self.say(f"demo-fault:status={status};retry-after=7")
            error = caught.exception
            assert isinstance(error, anthropic.APIStatusError)
            self.assertEqual(status, error.status_code)
            self.assertEqual(name, error.type)
            self.assertEqual("7", error.response.headers["retry-after"])
            self.assertTrue((error.request_id or "").startswith("req_"))

    def test_of_the_gateway(self) -> None:
        """The gateway's own errors have Anthropic's shape and carry its request id."""
        client = self.client_of(running().address, api_key="dummy")
        with self.assertRaises(anthropic.AuthenticationError) as caught:
            client.messages.create(model="demo", max_tokens=10, messages=HELLO)
        body: Any = caught.exception.body
        self.assertEqual("error", body["type"])
        self.assertEqual("missing_credential", body["error"]["details"]["error_code"])
        self.assertEqual(caught.exception.request_id, body["request_id"])

    def test_unreachable(self) -> None:
        """A provider that closes without an answer is a 502 that says whose fault it is."""
        with self.assertRaises(anthropic.InternalServerError) as caught:
            self.say("demo-fault:close-before-head")
        self.assertEqual(502, caught.exception.status_code)
        self.assertIn("provider", caught.exception.message)

    def test_mid_stream(self) -> None:
        """An error event of the provider, and a broken stream, raise after what came before."""
        faults = {
            "error-event=3": "overloaded_error",
            "reset=3": "broke off",
            "no-terminal": "broke off",
            "half-event=3": "broke off",
        }
        for fault, expected in faults.items():
            seen: list[Any] = []
            with (
                self.assertRaises(anthropic.APIStatusError, msg=fault) as caught,
                self.client.messages.stream(
                    model=f"demo-fault:{fault}", max_tokens=100, messages=HELLO
                ) as stream,
            ):
                seen.extend(stream)
            self.assertGreater(len(seen), 1, fault)
            self.assertIn(expected, str(caught.exception.body), fault)

    def test_cancel(self) -> None:
        """Leaving a stream ends it at the provider, as the log says."""
        with self.client.messages.stream(
            model="demo-fault:rate=50;tokens=5000", max_tokens=10_000, messages=HELLO
        ) as stream:
            next(iter(stream.text_stream))
            identity = stream.response.headers["x-magicgateway-request-id"]
        record = running().logged(identity)
        self.assertEqual(("caller_left", 499), (record["outcome"], record["status"]))
        self.assertLess(record["duration_ms"], 5000)
