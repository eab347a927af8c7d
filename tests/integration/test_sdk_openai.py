"""OpenAI's Python client against the running daemon."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import openai
from openai import OpenAI
from openai.types.chat import ChatCompletionToolParam
from twisted.trial.unittest import SynchronousTestCase

from tests.daemon import Daemon
from tests.integration.running import KEY, running
from tests.sockets import Gone, Peer, ScriptedServer

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CHUNK = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":"tick "},"finish_reason":null}]}\n\n'
)


class OpenAICase(SynchronousTestCase):
    """A client of the daemon; it does not retry, so that every answer is seen."""

    def setUp(self) -> None:
        self.client = self.client_of(f"{running().address}/v1")

    def client_of(self, base_url: str, **options: Any) -> OpenAI:
        """A client that is closed when the test ends."""
        client = OpenAI(api_key=KEY, base_url=base_url, **{"max_retries": 0, **options})
        self.addCleanup(client.close)
        return client

    def chat(self, model: str = "demo", text: str = "hello") -> str:
        """Say something and return the answer's text."""
        answer = self.client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": text}]
        )
        return answer.choices[0].message.content or ""


class ChatTests(OpenAICase):
    """Chat, whole and streamed."""

    def test_whole(self) -> None:
        """A chat completion arrives with text, usage and the provider's request id."""
        answer = self.client.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "hello"}]
        )
        self.assertEqual("stop", answer.choices[0].finish_reason)
        self.assertTrue(answer.choices[0].message.content)
        assert answer.usage is not None
        self.assertEqual(
            answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens
        )
        self.assertTrue((answer._request_id or "").startswith("req_"))

    def test_streamed(self) -> None:
        """A streamed chat has the same text in pieces, then the usage that was asked for."""
        chunks = list(
            self.client.chat.completions.create(
                model="demo",
                messages=[{"role": "user", "content": "hello"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
        self.assertEqual(self.chat(), "".join(pieces))
        self.assertGreater(len(pieces), 10)
        self.assertEqual("stop", chunks[-2].choices[0].finish_reason)
        assert chunks[-1].usage is not None
        self.assertGreater(chunks[-1].usage.completion_tokens, 10)

    def test_providers_by_model_and_by_path(self) -> None:
        """A prefix of the model, and the first segment of the path, name the provider."""
        self.assertEqual(self.chat(), self.chat("groq/demo"))
        by_path = self.client_of(f"{running().address}/together/v1")
        answer = by_path.models.with_raw_response.list()
        self.assertEqual("together", answer.headers["x-magicgateway-provider"])

    def test_provider_by_header(self) -> None:
        """The client's default headers can name the provider; here the daemon's own."""
        client = self.client_of(f"{running().address}/v1", default_headers={"x-provider": "demo"})
        answer = client.chat.completions.with_raw_response.create(
            model="groq/demo", messages=[{"role": "user", "content": "hello"}]
        )
        self.assertEqual("demo", answer.headers["x-magicgateway-provider"])
        self.assertEqual("groq/demo", answer.parse().model)

    def test_without_version_prefix(self) -> None:
        """A base URL that forgot ``/v1`` works too."""
        client = self.client_of(running().address)
        answer = client.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "hello"}]
        )
        self.assertEqual(self.chat(), answer.choices[0].message.content)

    def test_tools(self) -> None:
        """A tool is called, its result is sent back, and the model answers."""
        messages: list[Any] = [{"role": "user", "content": "use get_weather please"}]
        asked = self.client.chat.completions.create(
            model="demo", messages=messages, tools=[WEATHER]
        )
        self.assertEqual("tool_calls", asked.choices[0].finish_reason)
        (call,) = asked.choices[0].message.tool_calls or []
        assert call.type == "function"
        self.assertEqual("get_weather", call.function.name)
        self.assertIn("city", call.function.arguments)
        messages += [
            asked.choices[0].message,
            {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"},
        ]
        answer = self.client.chat.completions.create(
            model="demo", messages=messages, tools=[WEATHER]
        )
        self.assertEqual("stop", answer.choices[0].finish_reason)

    def test_streamed_tools(self) -> None:
        """The client puts a streamed tool call together from its pieces."""
        with self.client.chat.completions.stream(
            model="demo",
            messages=[{"role": "user", "content": "use get_weather please"}],
            tools=[WEATHER],
        ) as stream:
            final = stream.get_final_completion()
        (call,) = final.choices[0].message.tool_calls or []
        self.assertEqual("get_weather", call.function.name)
        self.assertIn("city", call.function.arguments)

    def test_raw_headers(self) -> None:
        """An answer carries the gateway's fields, and names one request in its log."""
        answer = self.client.chat.completions.with_raw_response.create(
            model="fireworks/demo",
            messages=[{"role": "user", "content": "hello"}],
            extra_headers={"x-request-id": "mine-1234"},
        )
        fields = answer.headers
        self.assertEqual("fireworks", fields["x-magicgateway-provider"])
        self.assertEqual("demo", fields["x-magicgateway-model"])
        self.assertEqual("1", fields["x-magicgateway-attempts"])
        self.assertEqual("mine-1234", fields["x-magicgateway-request-id"])
        self.assertTrue(fields["x-request-id"].startswith("req_"))
        self.assertEqual(200, running().logged("mine-1234")["status"])


class OtherOperationTests(OpenAICase):
    """Everything that is not chat."""

    def test_embeddings(self) -> None:
        """Embeddings have the asked size; the client decodes their base64."""
        answer = self.client.embeddings.create(model="demo", input=["one", "two"], dimensions=8)
        self.assertEqual([8, 8], [len(item.embedding) for item in answer.data])
        as_floats = self.client.embeddings.create(
            model="demo", input=["one", "two"], dimensions=8, encoding_format="float"
        )
        for packed, plain in zip(answer.data, as_floats.data, strict=True):
            for one, other in zip(packed.embedding, plain.embedding, strict=True):
                self.assertAlmostEqual(other, one, places=5)

    def test_models(self) -> None:
        """One provider's models are listed, and one of them can be looked at."""
        client = self.client_of(f"{running().address}/v1", default_headers={"x-provider": "demo"})
        names = [model.id for model in client.models.list()]
        self.assertIn("demo-slow", names)
        self.assertEqual("demo-slow", client.models.retrieve("demo-slow").id)
        with self.assertRaises(openai.NotFoundError):
            client.models.retrieve("demo-missing")

    def test_transcription(self) -> None:
        """An uploaded file reaches the provider byte for byte."""
        sound = bytes(range(256)) * 3000
        upload = io.BytesIO(sound)
        answer = self.client.audio.transcriptions.create(
            model="demo", file=("talk.mp3", upload, "audio/mpeg")
        )
        self.assertIn(hashlib.sha256(sound).hexdigest(), answer.text)
        self.assertIn(f"{len(sound)} bytes", answer.text)

    def test_speech(self) -> None:
        """Speech arrives whole, and in pieces while it is made."""
        answer = self.client.audio.speech.create(
            model="demo-fault:bytes=300000", input="hello", voice="alloy"
        )
        self.assertEqual(300000, len(answer.content))
        with self.client.audio.speech.with_streaming_response.create(
            model="demo-fault:bytes=300000", input="hello", voice="alloy"
        ) as streamed:
            pieces = list(streamed.iter_bytes(4096))
        self.assertEqual(answer.content, b"".join(pieces))
        self.assertGreater(len(pieces), 10)

    def test_text_completion(self) -> None:
        """The older text completions work as well."""
        answer = self.client.completions.create(model="demo", prompt="hello", max_tokens=5)
        self.assertEqual("length", answer.choices[0].finish_reason)


class ErrorTests(OpenAICase):
    """Every error is the exception that the client's users catch."""

    def test_of_the_provider(self) -> None:
        """A provider's error keeps its status, message, code, request id and retry-after."""
        classes: dict[int, type[openai.APIStatusError]] = {
            400: openai.BadRequestError,
            401: openai.AuthenticationError,
            403: openai.PermissionDeniedError,
            404: openai.NotFoundError,
            409: openai.ConflictError,
            422: openai.UnprocessableEntityError,
            429: openai.RateLimitError,
            500: openai.InternalServerError,
            503: openai.InternalServerError,
        }
        for status, kind in classes.items():
            with self.assertRaises(kind) as caught:
                self.chat(f"demo-fault:status={status};retry-after=7")
            error = caught.exception
            assert isinstance(error, openai.APIStatusError)
            self.assertEqual(status, error.status_code)
            self.assertIn(f"told to answer with status {status}", error.message)
            self.assertEqual("7", error.response.headers["retry-after"])
            self.assertTrue((error.request_id or "").startswith("req_"))

    def test_code(self) -> None:
        """The provider's own code is there for programs."""
        with self.assertRaises(openai.RateLimitError) as caught:
            self.chat("demo-fault:status=429")
        self.assertEqual("rate_limit_exceeded", caught.exception.code)

    def test_of_the_gateway(self) -> None:
        """The gateway's own errors are of the same classes and carry its request id."""
        with self.assertRaises(openai.NotFoundError) as unknown:
            self.client.get("/nothing/here", cast_to=object)
        self.assertTrue(unknown.exception.request_id)
        with self.assertRaises(openai.BadRequestError) as refused:
            self.client.chat.completions.create(
                model="demo", messages=[], extra_headers={"x-provider": "nobody"}
            )
        self.assertEqual("unknown_provider", refused.exception.code)
        self.assertEqual("x-provider", refused.exception.param)
        placeholder = self.client_of(f"{running().address}/v1").with_options(api_key="not-needed")
        with self.assertRaises(openai.AuthenticationError) as closed:
            placeholder.models.retrieve("demo", extra_headers={"x-provider": "openai"})
        self.assertEqual("missing_credential", closed.exception.code)

    def test_mid_stream(self) -> None:
        """An error event of the provider, and a broken stream, raise after what came before."""
        for fault in ("error-event=3", "reset=3", "no-finish", "half-event=3"):
            stream = self.client.chat.completions.create(
                model=f"demo-fault:{fault}",
                messages=[{"role": "user", "content": "hello"}],
                stream=True,
            )
            seen: list[Any] = []
            with self.assertRaises(openai.APIError, msg=fault) as caught:
                seen.extend(stream)
            self.assertGreater(len(seen), 1, fault)
            expected = "told to fail here" if fault == "error-event=3" else "broke off"
            self.assertIn(expected, str(caught.exception), fault)

    def test_unreachable(self) -> None:
        """A provider that closes without an answer is a 502 that says whose fault it is."""
        with self.assertRaises(openai.InternalServerError) as caught:
            self.chat("demo-fault:close-before-head")
        self.assertEqual(502, caught.exception.status_code)
        self.assertIn("provider", caught.exception.message)

    def test_retries_of_the_client(self) -> None:
        """The client's own retries go through: each is a request, with the provider's wait."""
        client = self.client_of(f"{running().address}/v1", max_retries=2)
        with self.assertRaises(openai.RateLimitError) as caught:
            client.chat.completions.create(
                model="demo-fault:status=429;retry-after=0.01",
                messages=[{"role": "user", "content": "hello"}],
            )
        counted = caught.exception.response.request.headers["x-stainless-retry-count"]
        self.assertEqual("2", counted)


class CancelTests(OpenAICase):
    """A client that leaves stops the provider."""

    def setUp(self) -> None:
        self.ticks = ScriptedServer(self.tick_until_gone)
        self.addCleanup(self.ticks.stop)
        self.daemon = Daemon(
            environment={
                "MAGICGATEWAY__PROVIDERS__OPENAI__BASE_URL": (
                    f"http://127.0.0.1:{self.ticks.port}/v1"
                )
            }
        )
        self.addCleanup(self.daemon.__exit__)
        self.daemon.start()
        self.client = self.client_of(f"{self.daemon.address}/v1")

    def tick_until_gone(self, peer: Peer) -> None:
        """A stream without end."""
        peer.read_request()
        peer.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        while not self.ticks.stopping.wait(0.01):
            peer.send(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))
        raise Gone

    def test_closed_stream(self) -> None:
        """Closing a stream closes the provider's connection at once."""
        stream = self.client.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "hello"}], stream=True
        )
        seen = [next(stream).choices[0].delta.content for _ in range(3)]
        self.assertEqual(["tick "] * 3, seen)
        (peer,) = self.ticks.peers
        self.assertFalse(peer.finished.is_set())
        stream.close()
        self.assertTrue(peer.finished.wait(1.0), "the provider was not stopped")
        self.assertEqual("reset", peer.end)
        self.assertEqual(0, self.daemon.stop())
        self.assertIn('"outcome":"caller_left"', self.daemon.said)
