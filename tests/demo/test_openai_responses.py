from __future__ import annotations

from typing import Any

import openai
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import TERMINAL, Refusal
from magicgateway.demo.faults import parse
from magicgateway.demo.openai_responses import create, delete, one
from magicgateway.demo.signing import unsealed
from magicgateway.wire import jsontext
from magicgateway.wire.sse import events
from tests.demo.calls import WEATHER, call_of, json_of, stream_of
from tests.demo.sockets import ProviderTestCase

FUNCTION = {"type": "function", "name": "weather", "parameters": WEATHER}
CUSTOM = {"type": "custom", "name": "shell"}
ENCRYPTED = "reasoning.encrypted_content"
THINKING = {"effort": "low", "summary": "auto"}
EVERYTHING: Any = {
    "input": "the weather and the shell please",
    "tools": [FUNCTION, CUSTOM],
    "reasoning": THINKING,
    "include": [ENCRYPTED],
}


def request(**fields: Any) -> dict[str, Any]:
    return {"model": "demo", "input": "hello"} | fields


def asked(script: str = "", **fields: Any) -> Any:
    return json_of(create(call_of(request(**fields), script=parse(script))))


def without_ids(response: Any) -> Any:
    """A response without the ids that follow from the request's bytes."""
    items = [{**item, "id": ""} for item in response["output"]]
    return {**response, "id": "", "output": items}


def streamed(script: str = "", **fields: Any) -> list[Any]:
    call = call_of(request(stream=True, **fields), script=parse(script))
    return [value for _, value in stream_of(create(call))]


class ResponseTests(SynchronousTestCase):
    maxDiff = None

    def test_stream_is_the_whole(self) -> None:
        """What a stream ends with is what the whole answer would be."""
        cases: tuple[dict[str, Any], ...] = (
            {},
            EVERYTHING,
            {"max_output_tokens": 16, "reasoning": THINKING},
            {"input": "please refuse"},
            {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
        )
        for fields in cases:
            with self.subTest(fields=fields):
                end = streamed(**fields)[-1]["response"]
                whole = asked(**fields)
                self.assertEqual(without_ids(whole), without_ids(end))

    def test_order(self) -> None:
        """Events are numbered without gaps, items open and close one after the other."""
        values = streamed(**EVERYTHING)
        self.assertEqual(list(range(len(values))), [v["sequence_number"] for v in values])
        kinds = [v["type"].removeprefix("response.") for v in values]
        self.assertEqual(["created", "in_progress"], kinds[:2])
        self.assertEqual("completed", kinds[-1])
        items = [kind for kind in kinds if kind.startswith("output_item")]
        self.assertEqual(["output_item.added", "output_item.done"] * 3, items)
        done = [v["item"] for v in values if v["type"] == "response.output_item.done"]
        self.assertEqual(
            ["reasoning", "function_call", "custom_tool_call"], [item["type"] for item in done]
        )
        for kind, key in (
            ("response.function_call_arguments.delta", "arguments"),
            ("response.custom_tool_call_input.delta", "input"),
        ):
            text = "".join(v["delta"] for v in values if v["type"] == kind)
            self.assertEqual([text], [item[key] for item in done if key in item])

    def test_terminal(self) -> None:
        """The last event alone says that the answer is whole."""
        answer = create(call_of(request(stream=True)))
        stages = [event.stage for event in answer.body()]
        self.assertEqual(TERMINAL, stages[-1])
        self.assertEqual({0}, set(stages[:-1]))

    def test_reasoning(self) -> None:
        """Reasoning is summed up and sealed only on request; what was sealed can be unsealed."""
        [item, *_] = asked(reasoning={"effort": "high"})["output"]
        self.assertEqual(([], False), (item["summary"], "encrypted_content" in item))
        [item, *_] = asked(reasoning=THINKING, include=[ENCRYPTED])["output"]
        self.assertEqual(item["summary"][0]["text"], unsealed(item["encrypted_content"]))
        self.assertEqual("message", asked(reasoning={"effort": "none"})["output"][0]["type"])

    def test_limit(self) -> None:
        """An answer that the limit cuts is incomplete and says why."""
        value = asked(max_output_tokens=16, reasoning=THINKING)
        self.assertEqual("incomplete", value["status"])
        self.assertEqual({"reason": "max_output_tokens"}, value["incomplete_details"])
        self.assertEqual(
            "response.incomplete", streamed(max_output_tokens=16, reasoning=THINKING)[-1]["type"]
        )

    def test_refusal(self) -> None:
        """A refusal is a part of its own kind."""
        [part] = asked(input="please refuse")["output"][0]["content"]
        self.assertEqual("refusal", part["type"])

    def test_structured(self) -> None:
        """An answer by schema is JSON of that schema."""
        schema = {"type": "object", "properties": {"a": {"const": 7}}}
        form = {"format": {"type": "json_schema", "name": "r", "schema": schema}}
        text = asked(text=form)["output"][0]["content"][0]["text"]
        self.assertEqual({"a": 7}, jsontext.decode(text.encode()))
        text = asked(text={"format": {"type": "json_object"}, "verbosity": "low"})
        self.assertEqual("low", text["text"]["verbosity"])

    def test_echoes(self) -> None:
        """The response repeats what the request said."""
        value = asked(instructions="be kind", metadata={"a": "b"}, temperature=0.5)
        self.assertEqual(
            ("be kind", {"a": "b"}, 0.5, True),
            tuple(value[name] for name in ("instructions", "metadata", "temperature", "store")),
        )

    def test_bytes(self) -> None:
        """The script's bytes are exact, whole and streamed."""
        whole = asked("bytes=100000")["output"][0]["content"][0]["text"]
        self.assertEqual(100_000, len(whole))
        values = streamed("bytes=100000")
        text = [v["delta"] for v in values if v["type"] == "response.output_text.delta"]
        self.assertEqual(100_000, sum(map(len, text)))

    def test_error_event(self) -> None:
        """The event that breaks a stream is an ``error`` event with its number."""
        answer = create(call_of(request(stream=True)))
        script = parse("error-event=3;kind=rate_limit_exceeded;message=No.")
        [(name, data)] = events(answer.error(script))
        value = jsontext.decode(data)
        self.assertEqual(("error", 3), (name, value["sequence_number"]))
        self.assertEqual(("rate_limit_exceeded", "No."), (value["code"], value["message"]))


class StoredTests(SynchronousTestCase):
    def test_stored(self) -> None:
        """What was stored can be asked for, named as the previous one, and deleted."""
        name = asked()["id"]
        self.assertEqual(name, json_of(one(call_of(), name))["id"])
        self.assertTrue(json_of(delete(call_of(), name))["deleted"])
        self.assertEqual(name, asked(previous_response_id=name)["previous_response_id"])

    def test_not_stored(self) -> None:
        """What was not stored is unknown later."""
        name = asked(store=False)["id"]
        for serve in (one, delete):
            refusal = self.assertRaises(Refusal, serve, call_of(), name)
            self.assertEqual(404, refusal.status)
        refusal = self.assertRaises(Refusal, asked, previous_response_id=name)
        self.assertEqual("previous_response_not_found", refusal.code)


class ClientTests(ProviderTestCase):
    """The official client, against a real socket."""

    async def run_client(self, use: Any) -> Any:
        def talk() -> Any:
            url = self.provider.base_url + "/v1"
            with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
                return use(client)

        return await self.in_thread(talk)

    async def test_create(self) -> None:
        """The client reads a response the same whole and streamed, with every kind of item."""
        wanted: Any = {"model": "demo", **EVERYTHING}

        def use(client: openai.OpenAI) -> tuple[Any, Any]:
            whole = client.responses.create(**wanted)
            with client.responses.stream(**wanted) as stream:
                for _ in stream:
                    pass
                return whole, stream.get_final_response()

        whole, final = await self.run_client(use)
        self.assertEqual(
            ["reasoning", "function_call", "custom_tool_call"], [i.type for i in whole.output]
        )
        self.assertEqual(
            [item.model_dump(exclude={"parsed_arguments", "id"}) for item in whole.output],
            [item.model_dump(exclude={"parsed_arguments", "id"}) for item in final.output],
        )
        self.assertEqual(whole.usage, final.usage)

    async def test_second_turn(self) -> None:
        """The model's items go back with the tools' results."""
        wanted: Any = {"model": "demo", **EVERYTHING}

        def use(client: openai.OpenAI) -> str:
            first = client.responses.create(**wanted)
            back: list[Any] = [{"role": "user", "content": EVERYTHING["input"]}]
            back += [item.model_dump(exclude_none=True) for item in first.output]
            for item in first.output:
                if item.type in ("function_call", "custom_tool_call"):
                    back.append(
                        {"type": f"{item.type}_output", "call_id": item.call_id, "output": "rain"}
                    )
            text: str = client.responses.create(**{**wanted, "input": back}).output_text
            return text

        self.assertTrue(await self.run_client(use))

    async def test_later(self) -> None:
        """A response can be retrieved and deleted; errors are the client's own."""

        def use(client: openai.OpenAI) -> None:
            name = client.responses.create(model="demo", input="hello").id
            self.assertTrue(client.responses.retrieve(name).output_text)
            client.responses.delete(name)
            with self.assertRaises(openai.NotFoundError):
                client.responses.retrieve("resp_demo-missing")
            with self.assertRaises(openai.BadRequestError):
                client.responses.create(model="demo", input="a", extra_body={"messages": []})

        await self.run_client(use)
