from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.bedrock_converse.request_writer import (
    fitting_id,
    nine_letters,
    write_request,
)
from magicgateway.dialects.openai_chat.request_reader import read_request
from magicgateway.errors import ApiError
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE_4_5,
    LLAMA,
    MISTRAL,
    NOVA,
    PLAIN,
    TITAN,
    Json,
    answers,
    calls,
    chat,
    from_chat,
    from_messages,
    function,
    judge,
    says,
)

USER = says("user", "U")


class RequestTests(SynchronousTestCase):
    maxDiff = None

    def test_least(self) -> None:
        """J16: a system message goes into ``system``, and nothing is added that was not given."""
        expected = {"messages": [{"role": "user", "content": [{"text": "U"}]}]}
        for role in ("system", "developer"):
            body, noted = from_chat(chat(says(role, "S"), USER))
            self.assertEqual({**expected, "system": [{"text": "S"}]}, body)
            self.assertEqual([], noted)
        self.assertEqual(expected, from_chat(chat(USER))[0])

    def test_ids(self) -> None:
        """J35: an id that does not fit is the same legal one in call and result."""
        strange = "call|" * 18
        body, _ = from_chat(chat(USER, calls(strange), answers(strange)))
        self.assertEqual([fitting_id(strange)] * 2, _ids(body))
        self.assertRegex(fitting_id(strange), r"\A[a-zA-Z0-9_.:-]{1,64}\Z")
        body, _ = from_chat(chat(USER, calls("tooluse_a.b:c-1"), answers("tooluse_a.b:c-1")))
        self.assertEqual(["tooluse_a.b:c-1"] * 2, _ids(body))

    def test_nine_letters(self) -> None:
        """J35: where nine letters are demanded, each id is its own nine, again each time."""
        body, _ = from_chat(chat(USER, calls("a", "b"), answers("a"), answers("b")), MISTRAL)
        first, second = nine_letters("a"), nine_letters("b")
        self.assertEqual([first, second, first, second], _ids(body))
        self.assertRegex(first, r"\A[A-Za-z0-9]{9}\Z")
        body, _ = from_chat(chat(USER, calls("abcdefgh1"), answers("abcdefgh1")), MISTRAL)
        self.assertEqual(["abcdefgh1"] * 2, _ids(body))

    def test_names(self) -> None:
        """J33: names that do not fit are renamed for this request alone, and the way back told."""
        for name in ("a.b", "a/b"):
            request = read_request(chat(USER, tools=[function(name)]), Ledger())
            sent = write_request(request, CLAUDE_4_5, Ledger())
            self.assertEqual({"a_b": name}, sent.names)
            self.assertEqual("a_b", sent.body["toolConfig"]["tools"][0]["toolSpec"]["name"])

    def test_streams(self) -> None:
        """J66, J67: the answer is streamed if it was asked so, and the model can with its tools."""
        cases: list[tuple[bool, Json, Any]] = [
            (True, chat(USER, stream=True), LLAMA),
            (False, chat(USER), CLAUDE_4_5),
            (True, chat(USER, stream=True, tools=[function()]), CLAUDE_4_5),
            (False, chat(USER, stream=True, tools=[function()]), LLAMA),
            (False, chat(USER, stream=True), _without_streams()),
        ]
        for expected, body, capabilities in cases:
            sent = write_request(read_request(body, Ledger()), capabilities, Ledger())
            self.assertEqual(expected, sent.stream, body)
            self.assertNotIn("stream", sent.body)
            self.assertNotIn("model", sent.body)

    def test_refused(self) -> None:
        """J47: what would change the kind of answer is refused by its name."""
        cases: list[tuple[str, Json]] = [
            ("n", {"n": 2}),
            ("logprobs", {"logprobs": True}),
            ("modalities", {"modalities": ["text", "audio"]}),
            ("web_search_options", {"web_search_options": {}}),
        ]
        for param, fields in cases:
            with self.assertRaises(ApiError) as caught:
                from_chat(chat(USER, **fields))
            self.assertEqual((400, param), (caught.exception.status, caught.exception.param))

    def test_reported(self) -> None:
        """Hints that Converse has no place for are dropped, and each is reported."""
        hints = {
            "seed": 1, "presence_penalty": 0.5, "frequency_penalty": 0.5, "store": True,
            "user": "u", "verbosity": "low", "metadata": {"a": "b"}, "logit_bias": {"1": 1},
            "prediction": {"type": "content", "content": "x"}, "unknown": 1,
        }  # fmt: skip
        body, noted = from_chat(chat(USER, **hints))
        self.assertEqual({"messages"}, body.keys())
        self.assertEqual({f"{name};dropped" for name in hints}, set(noted))
        idle = {"n": 1, "logprobs": False, "seed": None, "presence_penalty": 0, "store": False}
        self.assertEqual([], from_chat(chat(USER, **idle))[1])

    def test_own_fields(self) -> None:
        """Converse's own fields pass from any API, and win where both say something."""
        own = {
            "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"},
            "performanceConfig": {"latency": "optimized"},
            "requestMetadata": {"team": "search"},
            "promptVariables": {"name": {"text": "x"}},
            "additionalModelRequestFields": {"top_k": 3, "x": {"y": 1}},
            "additionalModelResponseFieldPaths": ["/a"],
        }
        body, noted = from_chat(chat(USER, top_k=40, **own), served=False)
        self.assertEqual({"messages": body["messages"], **own}, body)
        self.assertEqual([], noted)
        body, noted = from_messages(
            {"messages": [{"role": "user", "content": "U"}], **own}, served=False
        )
        self.assertEqual({"inferenceConfig", "messages", *own}, body.keys())
        nova: Json = {"additionalModelRequestFields": {"inferenceConfig": {"other": 1}}}
        body, _ = from_chat(chat(USER, top_k=40, **nova), NOVA, served=False)
        inner = body["additionalModelRequestFields"]["inferenceConfig"]
        self.assertEqual({"topK": 40, "other": 1}, inner)

    def test_own_fields_unfit(self) -> None:
        """A field of Converse's that is not of its kind is refused by its name."""
        for name in ("guardrailConfig", "additionalModelResponseFieldPaths"):
            with self.assertRaises(ApiError) as caught:
                from_chat(chat(USER, **{name: 1}))
            self.assertEqual(name, caught.exception.param)

    def test_asks_for_more(self) -> None:
        """A model that tells more is asked for the stop it met and for what it thought."""
        able = evolve(CLAUDE_4_5, converse=evolve(CLAUDE_4_5.converse, tells_more=True))
        paths = "additionalModelResponseFieldPaths"
        thinks = {"reasoning_effort": "low"}
        thought = "/usage/output_tokens_details"
        cases: list[tuple[list[str] | None, Json]] = [
            (["/stop_sequence"], {"stop": "x"}),
            (["/delta/stop_sequence", thought], {"stop": "x", "stream": True, **thinks}),
            (["/a", thought], {paths: ["/a"], **thinks}),
            ([thought], {paths: [thought], **thinks}),
            (None, {}),
            (None, {"stop": " "}),
        ]
        for expected, fields in cases:
            body, _ = from_chat(chat(USER, **fields), able)
            self.assertEqual(expected, body.get(paths), fields)
        many = [f"/{number}" for number in range(10)]
        body, _ = from_chat(chat(USER, **{paths: many}, **thinks), able)
        self.assertEqual(many, body[paths])

    def test_thinking_in_a_loop(self) -> None:
        """A budget is not asked for where the calls just answered were made without thinking."""
        turns = [USER, calls("a"), answers("a")]
        body, noted = from_chat(chat(*turns, tools=[function()], reasoning_effort="low"))
        self.assertNotIn("additionalModelRequestFields", body)
        self.assertEqual(["reasoning_effort;dropped;history-without-thinking"], noted)
        turns[1]["thinking_blocks"] = [{"type": "thinking", "thinking": "T", "signature": "S"}]
        body, noted = from_chat(
            chat(*turns, tools=[function()], reasoning_effort="low"), served=False
        )
        self.assertEqual("enabled", body["additionalModelRequestFields"]["thinking"]["type"])
        self.assertEqual([], noted)

    def test_mark_at_the_end(self) -> None:
        """A mark for the whole request is a cache point at its end, where there is none yet."""
        marked = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
        body, _ = from_chat(chat(USER, **marked))
        point = {"cachePoint": {"type": "default", "ttl": "1h"}}
        self.assertEqual([{"text": "U"}, point], body["messages"][0]["content"])
        part = {"type": "text", "text": "U", **marked}
        body, _ = from_chat(chat(says("user", [part]), **marked))
        self.assertEqual([{"text": "U"}, point], body["messages"][0]["content"])
        body, noted = from_chat(chat(USER, **marked), PLAIN)
        self.assertEqual([{"text": "U"}], body["messages"][0]["content"])
        self.assertEqual(["cache_control;dropped"], noted)

    def test_instructions_without_system(self) -> None:
        """Where there is no system, what it would have said begins the user's first message."""
        body, noted = from_chat(
            chat(says("system", "S"), USER, response_format={"type": "json_object"}), TITAN
        )
        (message,) = body["messages"]
        self.assertEqual(
            [
                {"text": "Answer with one JSON object and nothing else."},
                {"text": "S"},
                {"text": "U"},
            ],
            message["content"],
        )
        self.assertEqual(
            [
                "messages[0].content;rewritten;system-as-user-text",
                "response_format;emulated;by-prompt",
            ],
            noted,
        )

    def test_judge(self) -> None:
        """The judge of these tests refuses what Converse does."""
        self.assertRaises(AssertionError, judge, {"messages": [{"role": "tool", "content": 1}]})


def _ids(body: Json) -> list[str]:
    return [
        block[kind]["toolUseId"]
        for message in body["messages"]
        for block in message["content"]
        for kind in ("toolUse", "toolResult")
        if kind in block
    ]


def _without_streams() -> Any:
    return evolve(CLAUDE_4_5, converse=evolve(CLAUDE_4_5.converse, streaming=False))
