from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import FINISH, TERMINAL, Refusal
from magicgateway.demo.faults import Script, parse
from magicgateway.demo.openai_chat import chat, completions, error_event
from magicgateway.wire import jsontext
from magicgateway.wire.sse import events
from tests.demo.calls import HELLO, WEATHER, call_of, json_of, stream_of

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
ASKING = [{"role": "user", "content": "the weather please"}]


def asked(script: str = "", **fields: Any) -> Any:
    """The whole answer to a chat."""
    value = {"model": "demo", "messages": HELLO} | fields
    return json_of(chat(call_of(value, script=parse(script))))


def streamed(script: str = "", **fields: Any) -> list[Any]:
    """The values of a streamed chat."""
    value = {"model": "demo", "messages": HELLO, "stream": True} | fields
    return [item for _, item in stream_of(chat(call_of(value, script=parse(script))))]


def joined(chunks: list[Any], name: str, index: int = 0) -> str:
    """One field of all deltas of a choice, put together."""
    choices = [choice for chunk in chunks[:-1] for choice in chunk["choices"]]
    return "".join(c["delta"].get(name) or "" for c in choices if c["index"] == index)


class ChatTests(SynchronousTestCase):
    def test_whole(self) -> None:
        """A chat has one choice, a reason, and usage that adds up."""
        value = asked()
        usage = value["usage"]
        self.assertEqual("chat.completion", value["object"])
        self.assertEqual("stop", value["choices"][0]["finish_reason"])
        self.assertTrue(value["choices"][0]["message"]["content"])
        self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])

    def test_stream_says_the_same(self) -> None:
        """A stream's deltas put together are the whole answer, for every choice."""
        for fields in ({}, {"n": 2}, {"reasoning_effort": "low"}, {"max_tokens": 5}):
            with self.subTest(fields=fields):
                whole, chunks = asked(**fields)["choices"], streamed(**fields)
                self.assertEqual(b"[DONE]", chunks[-1])
                for index, choice in enumerate(whole):
                    message = choice["message"]
                    self.assertEqual(message["content"], joined(chunks, "content", index))
                    reasoning = message.get("reasoning_content", "")
                    self.assertEqual(reasoning, joined(chunks, "reasoning_content", index))

    def test_usage_chunk(self) -> None:
        """Usage comes last and only when asked for, equal to the whole answer's."""
        chunks = streamed(stream_options={"include_usage": True})
        self.assertEqual(([], asked()["usage"]), (chunks[-2]["choices"], chunks[-2]["usage"]))
        self.assertIsNone(chunks[0]["usage"])
        self.assertFalse([chunk for chunk in streamed()[:-1] if "usage" in chunk])

    def test_tools(self) -> None:
        """A tool call is there whole, and in pieces that put together are the same."""
        message = asked(messages=ASKING, tools=TOOLS)["choices"][0]["message"]
        call = message["tool_calls"][0]
        chunks = streamed(messages=ASKING, tools=TOOLS)
        deltas = [c["choices"][0]["delta"] for c in chunks[:-1]]
        pieces = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
        self.assertIsNone(message["content"])
        self.assertEqual("weather", pieces[0]["function"]["name"])
        self.assertEqual(call["id"], pieces[0]["id"])
        arguments = "".join(piece["function"]["arguments"] for piece in pieces)
        self.assertEqual(call["function"]["arguments"], arguments)
        self.assertEqual("tool_calls", chunks[-2]["choices"][0]["finish_reason"])

    def test_tool_choices(self) -> None:
        """The choice of tools is obeyed in each of its forms."""
        named = {"type": "function", "function": {"name": "weather"}}
        for choice, called in ((named, True), ("required", True), ("none", False), ("auto", False)):
            with self.subTest(choice=choice):
                message = asked(tools=TOOLS, tool_choice=choice)["choices"][0]["message"]
                self.assertEqual(called, "tool_calls" in message)

    def test_schema(self) -> None:
        """A response format gives JSON of its kind."""
        schema = {"type": "json_schema", "json_schema": {"name": "w", "schema": WEATHER}}
        for form, keys in ((schema, {"city", "days"}), ({"type": "json_object"}, {"answer"})):
            with self.subTest(form=form):
                text = asked(response_format=form)["choices"][0]["message"]["content"]
                self.assertEqual(keys, set(jsontext.decode(text.encode())))

    def test_custom_tools(self) -> None:
        """A custom tool is called with free text, whole and in pieces."""
        tools = [{"type": "custom", "custom": {"name": "shell"}}]
        choice = {"type": "custom", "custom": {"name": "shell"}}
        [call] = asked(tools=tools, tool_choice=choice)["choices"][0]["message"]["tool_calls"]
        self.assertEqual(("custom", "shell"), (call["type"], call["custom"]["name"]))
        chunks = streamed(tools=tools, tool_choice=choice)
        deltas = [c["choices"][0]["delta"] for c in chunks[:-1]]
        pieces = [delta["tool_calls"][0]["custom"] for delta in deltas if "tool_calls" in delta]
        text = "".join(piece["input"] for piece in pieces)
        self.assertEqual(call["custom"]["input"], text)

    def test_refusal(self) -> None:
        """A refusal stands in its own field."""
        fields: Any = {"messages": [{"role": "user", "content": "please refuse"}]}
        message = asked(**fields)["choices"][0]["message"]
        self.assertEqual((None, "I cannot help with that."), tuple(message.values())[1:3])
        deltas = [c["choices"][0]["delta"] for c in streamed(**fields)[:-1]]
        self.assertEqual(message["refusal"], "".join(d.get("refusal") or "" for d in deltas))

    def test_logprobs(self) -> None:
        """Probabilities come for every token of every choice when they are asked for."""
        fields: Any = {"logprobs": True, "top_logprobs": 2, "n": 2}
        for choice in asked(**fields)["choices"]:
            told = choice["logprobs"]["content"]
            self.assertEqual(choice["message"]["content"], "".join(t["token"] for t in told))
            self.assertEqual(2, len(told[0]["top_logprobs"]))
        for chunk in streamed(**fields)[:-1]:
            for choice in chunk["choices"]:
                told = (choice["logprobs"] or {"content": []})["content"]
                word = choice["delta"].get("content") or ""
                self.assertEqual(word, "".join(t["token"] for t in told))
        self.assertEqual(
            [], asked(logprobs=True)["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        )
        for wrong in ({"top_logprobs": 2}, {"logprobs": True, "top_logprobs": 21}):
            self.assertRaises(Refusal, asked, **wrong)

    def test_attachments(self) -> None:
        """What came beside the text is mentioned."""
        image = {"type": "image_url", "image_url": {"url": "https://x"}}
        messages = [{"role": "user", "content": [{"type": "text", "text": "hello"}, image]}]
        text = asked(messages=messages)["choices"][0]["message"]["content"]
        self.assertIn("I see image at https://x.", text)

    def test_bytes(self) -> None:
        """The script's bytes are exact, whole and streamed; a limit does not matter."""
        for size in (1, 100_000):
            with self.subTest(size=size):
                whole = asked(f"bytes={size}", max_tokens=1)["choices"][0]["message"]["content"]
                chunks = streamed(f"bytes={size}", max_tokens=1)
                self.assertEqual(size, len(whole))
                self.assertEqual(size, len(joined(chunks, "content")))
        self.assertRaises(Refusal, asked, "bytes=9", n=2)

    def test_stages(self) -> None:
        """Only the last events count as the end, so that faults can leave them out."""
        value = {
            "model": "demo",
            "messages": HELLO,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        stages = [event.stage for event in chat(call_of(value)).body()]
        self.assertEqual([FINISH, FINISH, TERMINAL], stages[-3:])
        self.assertEqual({0}, set(stages[:-3]))

    def test_refusals(self) -> None:
        """What is missing or out of range is refused and named."""
        for fields, status, param in (
            ({"messages": []}, 400, "messages"),
            ({"model": "demo-missing"}, 404, "model"),
            ({"model": 7}, 400, "model"),
            ({"n": 9}, 400, "n"),
            ({"max_tokens": 0}, 400, "max_tokens"),
            ({"tools": [{}]}, 400, "tools"),
        ):
            with self.subTest(fields=fields):
                refusal = self.assertRaises(Refusal, asked, **fields)
                self.assertEqual((status, param), (refusal.status, refusal.param))

    def test_error_event(self) -> None:
        """The event that breaks a stream has an error object."""
        [(name, data)] = events(error_event(Script()))
        self.assertEqual("message", name)
        self.assertEqual("server_error", jsontext.decode(data)["error"]["type"])


class CompletionTests(SynchronousTestCase):
    def test_stream_says_the_same(self) -> None:
        """A text completion says the same whole and streamed."""
        value = {"model": "demo", "prompt": ["a", "b"], "max_tokens": 9}
        whole = json_of(completions(call_of(value)))
        chunks = [item for _, item in stream_of(completions(call_of({**value, "stream": True})))]
        self.assertEqual(
            ("text_completion", 9), (whole["object"], whole["usage"]["completion_tokens"])
        )
        self.assertEqual(b"[DONE]", chunks[-1])
        text = "".join(chunk["choices"][0]["text"] for chunk in chunks[:-1])
        self.assertEqual(whole["choices"][0]["text"], text)
        self.assertEqual("length", chunks[-2]["choices"][0]["finish_reason"])
