from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    OPENAI,
    Audio,
    Block,
    Citation,
    Extras,
    Foreign,
    Hosted,
    Image,
    Inline,
    Refusal,
    Remote,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.reply import (
    CONTEXT_WINDOW,
    LENGTH,
    PAUSED,
    REFUSED,
    STOP,
    STOP_SEQUENCE,
    TOOL_CALLS,
    UNKNOWN,
    Choice,
    Finish,
    Reply,
    Usage,
)
from magicgateway.conversation.sealed import seal, unseal
from magicgateway.dialects.openai_responses.extras import ITEMS
from tests.dialects.openai_responses.judge import (
    CLOSED,
    NOW,
    Json,
    answer,
    asked,
    function,
    reply,
)
from tests.dialects.openai_responses.test_tool_reader import CRM

WANTED = {"include": ["reasoning.encrypted_content"]}
ZERO = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}


def text_part(text: str, *annotations: Json) -> Json:
    return {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": []}


def items(*blocks: Block, **fields: Any) -> list[Json]:
    output: list[Json] = answer(reply(*blocks), asked(**fields))[0]["output"]
    return output


class WriteReplyTests(SynchronousTestCase):
    maxDiff = None

    def test_message(self) -> None:
        """G.3: words are one message, whose id follows from the gateway's own."""
        self.assertEqual(
            [{"id": "msg_x1_0", "type": "message", "role": "assistant", "status": "completed",
              "content": [text_part("a"), text_part("b")]}],
            items(Text(text="a"), Text(text="b")),
        )  # fmt: skip

    def test_no_text(self) -> None:
        """G.3: no text, no message."""
        self.assertEqual([], items(Text(text="")))
        self.assertEqual([], items())

    def test_order(self) -> None:
        """Items stand in the order in which they were made; names and ids are the caller's."""
        made = items(
            Thinking(parts=("t",)),
            Text(text="a", phase="commentary"),
            ToolCall(id="c", name="f", arguments=""),
            Text(text="b", phase="final_answer"),
        )
        self.assertEqual(
            [("reasoning", "rs_x1_0"), ("message", "msg_x1_1"), ("function_call", "fc_x1_2"),
             ("message", "msg_x1_3")],
            [(item["type"], item["id"]) for item in made],
        )  # fmt: skip
        self.assertEqual(["commentary", "final_answer"], [made[1]["phase"], made[3]["phase"]])
        self.assertEqual("{}", made[2]["arguments"])

    def test_own_kinds(self) -> None:
        """Client-run tools, custom ones and members of a namespace are called as they were given.

        Arguments that do not fit make a call of a function by the tool's name.
        """
        tools = [{"type": "local_shell"}, {"type": "apply_patch"}, {"type": "custom", "name": "p"},
                 {"type": "tool_search", "execution": "client"}, {"type": "shell"},
                 CRM]  # fmt: skip
        action = {"type": "exec", "command": ["ls"], "env": {}}
        done = {"id": "?", "call_id": "c", "status": "completed"}
        cases: list[tuple[str, str, Json]] = [
            ("local_shell", '{"command":["ls"]}',
             {**done, "type": "local_shell_call", "action": action}),
            ("apply_patch", '{"type":"delete_file","path":"a"}',
             {**done, "type": "apply_patch_call",
              "operation": {"type": "delete_file", "path": "a"}}),
            ("shell", '{"commands":["ls"]}',
             {**done, "type": "shell_call", "action": {"commands": ["ls"]}}),
            ("tool_search", '{"query":"q"}',
             {**done, "type": "tool_search_call", "execution": "client",
              "arguments": {"query": "q"}}),
            ("local_shell", "{",
             {**done, "type": "function_call", "name": "local_shell", "arguments": "{"}),
            ("p", "free text", {"id": "?", "call_id": "c", "type": "custom_tool_call",
                                "name": "p", "input": "free text"}),
            ("crm__find", "{}", {**done, "type": "function_call", "name": "find",
                                 "namespace": "crm", "arguments": "{}"}),
            ("crm__note", "n", {"id": "?", "call_id": "c", "type": "custom_tool_call",
                                "namespace": "crm", "name": "note", "input": "n"}),
            ("other", "{}", {**done, "type": "function_call", "name": "other",
                             "arguments": "{}"}),
        ]  # fmt: skip
        for name, arguments, expected in cases:
            (item,) = items(ToolCall(id="c", name=name, arguments=arguments), tools=tools)
            self.assertEqual(expected, {**item, "id": "?"})

    def test_call_ids(self) -> None:
        """No two calls have one id, and none has no id."""
        calls = [ToolCall(id=i, name="f", arguments="{}") for i in ("c", "c", "", "")]
        ids = [item["call_id"] for item in items(*calls)]
        self.assertEqual(["c", "c_2", "call_x1", "call_x1_2"], ids)

    def test_provider_ids(self) -> None:
        """Ids that a provider of this API gave stay, each once."""
        blocks = [Text(text="a", item_id="msg_9"), ToolCall(id="c", name="f", item_id="fc_9"),
                  ToolCall(id="d", name="f", item_id="fc_9")]  # fmt: skip
        made = items(*blocks)
        self.assertEqual(["msg_9", "fc_9", "fc_x1_0"], [item["id"] for item in made])

    def test_reasoning(self) -> None:
        """G.1: reasoning is shown as a summary where one is asked for, else as it is."""
        shown = {"reasoning": {"summary": "auto"}}
        summary, words = {"type": "summary_text"}, {"type": "reasoning_text"}
        cases: list[tuple[Thinking, Json, list[Json], list[Json] | None]] = [
            (Thinking(parts=("t",)), shown, [{**summary, "text": "t"}], None),
            (Thinking(parts=("t",)), {}, [], [{**words, "text": "t"}]),
            (Thinking(parts=("a", "b"), summary=True), {},
             [{**summary, "text": "a"}, {**summary, "text": "b"}], None),
            (Thinking(redacted=True, token=Token("anthropic", "x")), shown, [], None),
        ]  # fmt: skip
        for block, fields, as_summary, as_words in cases:
            (item,) = items(block, **fields)
            self.assertEqual((as_summary, as_words), (item["summary"], item.get("content")))

    def test_tokens(self) -> None:
        """G.1: what has to come back is there if it was asked for, sealed unless it is OpenAI's."""
        foreign = Thinking(parts=("t",), token=Token("anthropic", "sig"))
        (item,) = items(foreign, **WANTED)
        self.assertEqual(foreign, unseal(item["encrypted_content"]))
        (item,) = items(Thinking(token=Token("openai", "gAAA"), item_id="rs_9"), **WANTED)
        self.assertEqual(("gAAA", "rs_9"), (item["encrypted_content"], item["id"]))
        for block, fields in ((foreign, {}), (Thinking(parts=("t",)), WANTED),
                              (Thinking(token=Token("a", "x" * 2**20)), WANTED)):  # fmt: skip
            (item,) = items(block, **fields)
            self.assertNotIn("encrypted_content", item)

    def test_finishes(self) -> None:
        """G.3: why an answer ended is its status; I.97: a limit makes it incomplete."""
        cases: list[tuple[str, str, str | None, str]] = [
            (STOP, "completed", None, "completed"),
            (STOP_SEQUENCE, "completed", None, "completed"),
            (TOOL_CALLS, "completed", None, "completed"),
            (PAUSED, "completed", None, "completed"),
            (UNKNOWN, "completed", None, "completed"),
            (LENGTH, "incomplete", "max_output_tokens", "incomplete"),
            (CONTEXT_WINDOW, "incomplete", "max_output_tokens", "incomplete"),
            (REFUSED, "incomplete", "content_filter", "incomplete"),
        ]
        for reason, status, why, last in cases:
            written, _ = answer(reply(Text(text="a"), reason=reason))
            details = written["incomplete_details"]
            self.assertEqual((status, why), (written["status"], details and details["reason"]))
            self.assertEqual(last, written["output"][0]["status"])
        waiting = reply(finish=Finish(reason=UNKNOWN, raw="queued"))
        self.assertEqual("queued", answer(waiting)[0]["status"])

    def test_refusal(self) -> None:
        """A refusal is a part of the message, also where only a reason was given."""
        (item,) = items(Text(text="a"), Refusal(text="no"))
        self.assertEqual([text_part("a"), {"type": "refusal", "refusal": "no"}], item["content"])
        explained = Finish(reason=REFUSED, explanation="E")
        written, _ = answer(reply(finish=explained))
        (item,) = written["output"]
        self.assertEqual([{"type": "refusal", "refusal": "E"}], item["content"])
        self.assertEqual("incomplete", item["status"])
        written, _ = answer(reply(Refusal(text="no"), finish=explained))
        self.assertEqual(1, len(written["output"][0]["content"]))

    def test_usage(self) -> None:
        """I.98: details are there even where nobody counted them, but no main count is made up."""
        cases: list[tuple[Usage, Any]] = [
            (Usage(), None),
            (Usage(input=9), None),
            (Usage(output=9, cache_read=9), None),
            (Usage(input=0, output=0), ZERO),
            (Usage(input=10, cache_read=100, cache_write=5, output=7, reasoning=3),
             {"input_tokens": 115,
              "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 5},
              "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 3},
              "total_tokens": 122}),
            (Usage(input=0, output=0, cache_write_by_ttl={"30m": 2}),
             {**ZERO, "input_tokens_details": {
                 "cached_tokens": 0, "cache_write_tokens": 0, "cache_write_tokens_details": {
                     "ttl_30m_tokens": 2, "ttl_12h_tokens": 0}}}),
        ]  # fmt: skip
        for usage, expected in cases:
            self.assertEqual(expected, answer(reply(usage=usage))[0]["usage"])

    def test_citations(self) -> None:
        """Citations count within their part; where nothing says what they are about, it is all."""
        note = {"type": "url_citation", "url": "u", "title": "t"}
        first = Citation(kind="url", url="u", title="t")
        second = Citation(kind="url", url="u", title="t", start=3, end=4)
        (item,) = items(Text(text="abc", citations=(first,)), Text(text="de", citations=(second,)))
        self.assertEqual(
            [text_part("abc", {**note, "start_index": 0, "end_index": 3}),
             text_part("de", {**note, "start_index": 0, "end_index": 1})],
            item["content"],
        )  # fmt: skip
        raw = {"type": "file_path", "file_id": "f", "index": 0}
        own = Citation(kind="file_path", family=ITEMS, raw=raw)
        (item,) = items(Text(text="a", citations=(own,)))
        self.assertEqual([raw], item["content"][0]["annotations"])

    def test_logprobs(self) -> None:
        """Logprobs stand with the words they are about."""
        listed = [{"token": t, "logprob": -1.0, "bytes": [1], "top_logprobs": []} for t in "abc"]
        choice = Choice(
            blocks=(Thinking(parts=("t",)), Text(text="abc")),
            finish=Finish(reason=STOP),
            logprobs={"content": listed},
        )
        written, _ = answer(Reply(id="", model="", choices=(choice,)))
        (part,) = written["output"][1]["content"]
        self.assertEqual(listed, part["logprobs"])

    def test_hosted(self) -> None:
        """Steps of the provider's own tools are items where this API has one."""
        own = {"type": "web_search_call", "id": "ws_9", "status": "completed",
               "action": {"type": "search", "query": "q"}}  # fmt: skip
        search = Hosted(family=ANTHROPIC, kind="server_tool_use",
                        raw={"name": "web_search", "input": {"query": "q"}})  # fmt: skip
        self.assertEqual(
            [own, {**own, "id": "ws_x1_0"}],
            items(Hosted(family=ITEMS, kind="web_search_call", raw=own), search),
        )
        (picture,) = items(Image(source=Inline("image/png", "AAAA")))
        self.assertEqual(("image_generation_call", "AAAA"), (picture["type"], picture["result"]))

    def test_tokens_of_calls(self) -> None:
        """What is wanted back with a call is an item before it, whether it was asked for or not."""
        token = Token("gemini", "S")
        calls = (ToolCall(id="c", name="f", token=token), ToolCall(id="d", name="g"))
        carrier, first, second = items(*calls)
        self.assertEqual(
            {
                "id": "rs_x1_0", "type": "reasoning", "summary": [], "status": "completed",
                "encrypted_content": seal(Thinking(token=token, call_id="c")),
            },
            carrier,
        )  # fmt: skip
        self.assertEqual(["c", "d"], [first["call_id"], second["call_id"]])

    def test_losses(self) -> None:
        """What this API has no item for is reported."""
        cited = Text(text="a", citations=(Citation(kind="char_location", family=ANTHROPIC),))
        cases: list[tuple[Block, str]] = [
            (Hosted(family=ANTHROPIC, kind="web_fetch_tool_result", raw={}),
             "output[0].web_fetch_tool_result"),
            (Foreign(family=ANTHROPIC, kind="novelty", raw={}), "output[0].novelty"),
            (Image(source=Remote("https://x.test")), "output[0].image"),
            (Audio(source=Inline("audio/wav", "AAAA")), "output[0].audio"),
            (ToolCall(id="c", name="f", token=Token("gemini", "x" * 2**21)), "output[0].token"),
            (Text(text="a", token=Token("gemini", "x")), "output[0].token"),
            (cited, "output[0].citation"),
        ]  # fmt: skip
        for block, lost in cases:
            _, notes = answer(reply(block))
            self.assertEqual([f"{lost};dropped;unsupported-by-target"], notes)
        _, notes = answer(reply(extras=Extras(ANTHROPIC, "", {"container": {}})))
        self.assertEqual(["container;dropped;unsupported-by-target"], notes)

    def test_required_keys(self) -> None:
        """G.3: every required key is there, and what was asked for is said again."""
        wiki = {"type": "mcp", "server_label": "w", "server_url": "https://x.test"}
        tools = [function("f"), {**wiki, "authorization": "secret", "headers": {"a": "secret"}}]
        question = asked(
            tools=tools, tool_choice="required", instructions="be", metadata={"a": "b"},
            temperature=0.5, top_p=0.9, max_output_tokens=99, max_tool_calls=2, user="u",
            parallel_tool_calls=False, reasoning={"effort": "low", "summary": "auto"},
            text={"format": {"type": "json_schema", "name": "n", "schema": CLOSED},
                  "verbosity": "low"},
            truncation="auto", prompt_cache_key="k", store=True, top_logprobs=1,
        )  # fmt: skip
        written, _ = answer(reply(service_tier="flex", created=5), question)
        expected = {
            "id": "resp_x1", "object": "response", "created_at": 5, "model": "alias",
            "error": None, "incomplete_details": None, "instructions": "be",
            "metadata": {"a": "b"}, "parallel_tool_calls": False, "tool_choice": "required",
            "tools": [function("f"), wiki],
            "temperature": 0.5, "top_p": 0.9, "max_output_tokens": 99, "max_tool_calls": 2,
            "previous_response_id": None, "reasoning": {"effort": "low", "summary": "auto"},
            "store": False, "truncation": "auto", "user": "u", "safety_identifier": None,
            "text": {"format": {"type": "json_schema", "name": "n", "schema": CLOSED},
                     "verbosity": "low"},
            "service_tier": "flex", "top_logprobs": 1, "prompt_cache_key": "k",
            "background": False, "status": "completed", "output": [], "usage": None,
        }  # fmt: skip
        self.assertEqual(expected, written)

    def test_others_words(self) -> None:
        """Tiers that this API has no word for, and a chat's ``prompt``, are no fields of it."""
        written, notes = answer(
            reply(service_tier="on_demand", extras=Extras(OPENAI, "", {"prompt": [], "odd": 1}))
        )
        self.assertEqual((None, 1), (written["service_tier"], written["odd"]))
        self.assertNotIn("prompt", written)
        self.assertEqual(["prompt;dropped;unsupported-by-target"], notes)

    def test_defaults(self) -> None:
        """What was not asked for has the values that say so."""
        written, _ = answer(reply())
        self.assertEqual(
            ("auto", [], None, {"format": {"type": "text"}}, True, NOW),
            (written["tool_choice"], written["tools"], written["temperature"], written["text"],
             written["parallel_tool_calls"], written["created_at"]),
        )  # fmt: skip

    def test_own_provider(self) -> None:
        """What a provider of this API says itself comes before what would be said again."""
        own = Reply(id="resp_9", model="m", choices=(), extras=Extras(ITEMS, "", {
            "temperature": 1.0, "store": True, "odd": 1, "status": "odd"}))  # fmt: skip
        written, notes = answer(own)
        self.assertEqual(("resp_9", 1.0, True, 1, "completed", []),
                         (written["id"], written["temperature"], written["store"], written["odd"],
                          written["status"], notes))  # fmt: skip
