from __future__ import annotations

import hashlib
import socket
from typing import Any

import anthropic
import openai
from twisted.internet import reactor
from twisted.internet.error import CannotListenError

from magicgateway.demo.server import DemoProvider
from magicgateway.wire.jsontext import BadJson
from tests.demo.calls import WEATHER
from tests.demo.sockets import ProviderTestCase, chat, get, post, read_to_end, read_until

ASKING: Any = [{"role": "user", "content": "the weather please"}]
CHAT_TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
TOOLS: Any = [{"name": "weather", "input_schema": WEATHER}]
SOUND = bytes(range(256)) * 5000


class ServiceTests(ProviderTestCase):
    async def test_address(self) -> None:
        """It listens on a free port of the loopback interface and says where."""
        self.assertTrue(self.provider.port)
        self.assertEqual(f"http://127.0.0.1:{self.provider.port}", self.provider.base_url)
        await self.in_thread(self.exchange, get("/", b"Connection: close"))

    async def test_stop(self) -> None:
        """Stopping drops every connection, whatever it is doing, and frees the port."""

        def begin(request: bytes) -> socket.socket:
            peer = self.connect()
            peer.sendall(request)
            return peer

        requests = (b"", b"GET", chat("silence"), chat("latency=60"), chat("rate=1", stream=True))
        for request in requests:
            self.addCleanup((await self.in_thread(begin, request)).close)
        await self.until(lambda: len(self.provider.journal) == 3)
        await self.until(lambda: len(self.provider.connections) == len(requests))
        await self.provider.stopService()
        self.assertEqual(0, len(self.provider.connections))
        with self.assertRaises(ConnectionRefusedError):
            await self.in_thread(self.connect)

    async def test_restart(self) -> None:
        """A provider that was stopped serves again, on the same port."""
        port = self.provider.port
        await self.provider.stopService()
        self.provider.startService()
        self.assertEqual(port, self.provider.port)
        await self.in_thread(self.exchange, get("/", b"Connection: close"))

    async def test_taken_port(self) -> None:
        """A port that is taken is an error at once."""
        second = DemoProvider(reactor, self.provider.port)
        self.assertRaises(CannotListenError, second.startService)

    async def test_reserved(self) -> None:
        """A reserved provider knows its port before it listens, and listens there."""
        second = DemoProvider.reserved(reactor)
        port = second.port
        second.startService()
        self.addCleanup(second.stopService)
        self.assertEqual(port, second.port)
        self.provider.port = port
        answer = await self.in_thread(self.exchange, get("/v1/files", b"Connection: close"))
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK"))

    async def test_reserved_and_never_started(self) -> None:
        """A reserved port is free again once a provider that never started was stopped."""
        second = DemoProvider.reserved(reactor)
        await second.stopService()
        third = DemoProvider(reactor, second.port)
        third.startService()
        await third.stopService()


class JournalTests(ProviderTestCase):
    async def test_entries(self) -> None:
        """Requests are recorded as they came, with the connection they came on."""

        def talk() -> None:
            with self.connect() as peer:
                for _ in range(2):
                    peer.sendall(chat("", b"X-Odd: a", b"x-odd: B"))
                    read_until(peer, b"}}}")
            self.exchange(get("/v1/nothing", b"Connection: close"))

        await self.in_thread(talk)
        first, second, third = self.provider.journal
        self.assertEqual((1, 1, 2), (first.connection, second.connection, third.connection))
        self.assertEqual(
            [("Host", "demo"), ("X-Odd", "a"), ("x-odd", "B")], list(first.headers[:3])
        )
        self.assertEqual(hashlib.sha256(first.body).hexdigest(), first.body_sha256)
        self.assertEqual((200, 404), (first.status, third.status))
        self.assertTrue(first.whole and third.whole)
        self.assertIsNone(first.left_at)

    async def test_scripts(self) -> None:
        """A script that was laid out counts for one request, in turn, whatever its model is."""
        self.provider.scripts.extend(["status=429", "", "status=503"])

        def talk() -> bytes:
            with self.connect() as peer:
                peer.sendall(b"".join(chat() for _ in range(3)) + get("/", b"Connection: close"))
                return read_to_end(peer)

        await self.in_thread(talk)
        self.assertEqual([429, 200, 503, 404], [entry.status for entry in self.provider.journal])

    async def test_kept_bodies(self) -> None:
        """A provider keeps as much of the bodies as it was told to, and reads them."""
        provider = DemoProvider(reactor, kept_body=40)
        provider.startService()
        self.addCleanup(provider.stopService)
        self.provider.port = provider.port
        short, long = post({"a": 1}, "/"), post({"a": "x" * 50}, "/", b"Connection: close")
        await self.in_thread(self.exchange, short + long)
        first, second = provider.journal
        self.assertEqual({"a": 1}, first.json())
        self.assertEqual((40, 58), (len(second.body), second.body_size))
        self.assertRaises(BadJson, second.json)

    async def test_bound(self) -> None:
        """The journal forgets the oldest."""
        provider = DemoProvider(reactor, journal_size=2)
        provider.startService()
        self.addCleanup(provider.stopService)
        self.provider.port = provider.port
        request = b"".join(get(f"/{number}") for number in range(5))
        request += get("/5", b"Connection: close")
        await self.in_thread(self.exchange, request)
        self.assertEqual(["/4", "/5"], [entry.target for entry in provider.journal])


class OpenAITests(ProviderTestCase):
    """The official client, against a real socket."""

    async def run_client(self, use: Any) -> Any:
        def talk() -> Any:
            url = self.provider.base_url + "/v1"
            with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
                return use(client)

        return await self.in_thread(talk)

    def ask(self, client: openai.OpenAI, model: str = "demo", **more: Any) -> Any:
        return client.chat.completions.create(model=model, **{"messages": ASKING, **more})

    async def test_chat(self) -> None:
        """A chat says the same whole and streamed."""

        def use(client: openai.OpenAI) -> tuple[str, str]:
            whole = self.ask(client).choices[0].message.content
            chunks = list(self.ask(client, stream=True))
            return whole, "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

        whole, streamed = await self.run_client(use)
        self.assertEqual(whole, streamed)
        self.assertTrue(whole)

    async def test_tools(self) -> None:
        """Tools are called, whole and streamed."""

        def use(client: openai.OpenAI) -> tuple[str, str]:
            call = self.ask(client, tools=CHAT_TOOLS).choices[0].message.tool_calls[0]
            with client.chat.completions.stream(
                model="demo", messages=ASKING, tools=CHAT_TOOLS
            ) as stream:
                final = stream.get_final_completion().choices[0].message.tool_calls
            assert final
            return call.function.arguments, final[0].function.arguments

        whole, streamed = await self.run_client(use)
        self.assertEqual(whole, streamed)
        self.assertIn("city", whole)

    async def test_embeddings_and_models(self) -> None:
        """Vectors are decoded, models listed and found."""

        def use(client: openai.OpenAI) -> None:
            vectors = client.embeddings.create(model="demo", input=["a", "b"], dimensions=3).data
            self.assertEqual([3, 3], [len(item.embedding) for item in vectors])
            self.assertIn("demo", [model.id for model in client.models.list()])
            self.assertEqual("demo-slow", client.models.retrieve("demo-slow").id)
            self.assertRaises(openai.NotFoundError, client.models.retrieve, "demo-missing")

        await self.run_client(use)

    async def test_audio(self) -> None:
        """A file goes up and is described; speech comes down, as long as was asked."""

        def use(client: openai.OpenAI) -> None:
            upload = ("a.mp3", SOUND)
            text = client.audio.transcriptions.create(model="demo", file=upload).text
            self.assertIn(f"{len(SOUND)} bytes", text)
            self.assertIn(hashlib.sha256(SOUND).hexdigest(), text)
            model = "demo-fault:bytes=3000000"
            with client.audio.speech.with_streaming_response.create(
                model=model, input="hello", voice="alloy"
            ) as answer:
                self.assertEqual(3_000_000, sum(map(len, answer.iter_bytes())))

        await self.run_client(use)

    async def test_streamed_transcription(self) -> None:
        """A transcription can be streamed."""

        def use(client: openai.OpenAI) -> list[Any]:
            upload = ("a.mp3", SOUND)
            return list(client.audio.transcriptions.create(model="demo", file=upload, stream=True))

        parts = await self.run_client(use)
        text = "".join(part.delta for part in parts[:-1])
        self.assertEqual(("transcript.text.done", text), (parts[-1].type, parts[-1].text))

    async def test_files(self) -> None:
        """A file goes up, is described, comes down and is deleted."""

        def use(client: openai.OpenAI) -> None:
            uploaded = client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
            self.assertEqual(2, uploaded.bytes)
            size = client.files.retrieve(uploaded.id).bytes
            self.assertEqual(size, len(client.files.content(uploaded.id).read()))
            self.assertTrue(client.files.delete(uploaded.id).deleted)
            self.assertEqual([], list(client.files.list()))

        await self.run_client(use)

    async def test_errors(self) -> None:
        """Errors arrive as the client's own classes."""

        def use(client: openai.OpenAI) -> None:
            for script, expected in (
                ("status=400", openai.BadRequestError),
                ("status=401", openai.AuthenticationError),
                ("status=429;retry-after=1", openai.RateLimitError),
                ("status=503", openai.InternalServerError),
                ("reset=head", openai.APIConnectionError),
                ("nonsense", openai.BadRequestError),
            ):
                with self.assertRaises(expected):
                    self.ask(client, f"demo-fault:{script}")
            with self.assertRaises(openai.APIError):
                list(self.ask(client, "demo-fault:error-event=2", stream=True))

        await self.run_client(use)


class AnthropicTests(ProviderTestCase):
    """The official client, against a real socket."""

    async def run_client(self, use: Any) -> Any:
        def talk() -> Any:
            url = self.provider.base_url
            with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
                return use(client)

        return await self.in_thread(talk)

    async def test_messages(self) -> None:
        """With thinking and tools a message is the same whole and streamed."""
        wanted: Any = {
            "model": "demo",
            "max_tokens": 2000,
            "messages": ASKING,
            "tools": TOOLS,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
        }

        def use(client: anthropic.Anthropic) -> tuple[Any, Any]:
            whole = client.messages.create(**wanted)
            with client.messages.stream(**wanted) as stream:
                streamed = stream.get_final_message()
            return whole, streamed

        whole, streamed = await self.run_client(use)
        self.assertEqual(["thinking", "text", "tool_use"], [block.type for block in whole.content])
        self.assertEqual(
            [block.model_dump(exclude={"parsed_output"}) for block in whole.content],
            [block.model_dump(exclude={"parsed_output"}) for block in streamed.content],
        )
        self.assertEqual("tool_use", streamed.stop_reason)
        self.assertEqual(whole.usage.output_tokens, streamed.usage.output_tokens)

    async def test_count_and_models(self) -> None:
        """Tokens are counted; models are listed page by page."""

        def use(client: anthropic.Anthropic) -> None:
            counted = client.messages.count_tokens(model="demo", messages=ASKING)
            self.assertEqual(6, counted.input_tokens)
            names = [model.id for model in client.models.list(limit=2)]
            self.assertEqual(5, len(names))
            self.assertEqual("Demo", client.models.retrieve("demo").display_name)

        await self.run_client(use)

    async def test_errors(self) -> None:
        """Errors arrive as the client's own classes."""

        def use(client: anthropic.Anthropic) -> None:
            def ask(script: str, **more: Any) -> Any:
                model = f"demo-fault:{script}"
                return client.messages.create(model=model, max_tokens=50, messages=ASKING, **more)

            for script, expected in (
                ("status=400", anthropic.BadRequestError),
                ("status=404", anthropic.NotFoundError),
                ("status=429", anthropic.RateLimitError),
                ("status=529", anthropic.InternalServerError),
                ("close-before-head", anthropic.APIConnectionError),
            ):
                with self.assertRaises(expected):
                    ask(script)
            with self.assertRaises(anthropic.APIStatusError):
                list(ask("error-event=3", stream=True))

        await self.run_client(use)
