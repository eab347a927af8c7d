"""Whatever the target, the same loss is told in the same way: refused, or reported in one word."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve
from openai.types.responses import ResponseCodeInterpreterToolCall
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Hosted
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import Choice, Finish, Reply
from magicgateway.dialects.catalogue import grammar
from magicgateway.dialects.grammar import Asked
from magicgateway.errors import ApiError
from tests.docs.mappings import ABLE, PNG
from tests.judging import unjudged

Json = dict[str, Any]

CHAT, RESPONSES = "openai_chat", "openai_responses"
MESSAGES, CONVERSE = "anthropic_messages", "bedrock_converse"
ODD: Json = {"type": "odd", "x": 1}
ASKS: Json = {"role": "user", "content": "hi"}


def chat(*messages: Json, **fields: Any) -> Json:
    """A caller's chat request."""
    return {"model": "m", "messages": list(messages), **fields}


def anthropic(*messages: Json, **fields: Any) -> Json:
    """A caller's Messages request."""
    return {"model": "m", "max_tokens": 4000, "messages": list(messages), **fields}


def responses(*items: Json, **fields: Any) -> Json:
    """A caller's Responses request."""
    return {"model": "m", "store": False, "input": list(items), **fields}


class AlikeTestCase(SynchronousTestCase):
    """Sends one body everywhere but to its own dialect."""

    maxDiff = None

    def told(self, door: str, target: str, body: Json) -> list[str] | str:
        """The lines of the warnings, or the field of the refusal."""
        ledger = Ledger()
        try:
            request = grammar(door).read_request(json.loads(json.dumps(body)), ledger)
            grammar(target).write_request(request, ABLE[target], ledger)
        except ApiError as refusal:
            self.assertEqual(400, refusal.status)
            return str(refusal.param)
        return [note.line() for note in ledger.notes]

    def sent(self, door: str, target: str, body: Json) -> tuple[Json, list[str]]:
        """What is sent, with what is reported."""
        ledger = Ledger()
        request = grammar(door).read_request(json.loads(json.dumps(body)), ledger)
        sent = grammar(target).write_request(request, ABLE[target], ledger).body
        return sent, [note.line() for note in ledger.notes]

    def everywhere(self, door: str, body: Json, *, own: bool = False) -> list[list[str] | str]:
        """What is told of it at each target, each answer once."""
        found = [self.told(door, name, body) for name in ABLE if own or name != door]
        return [one for at, one in enumerate(found) if one not in found[:at]]


class UnknownPartTests(AlikeTestCase):
    """Parts of a kind that the other API has not."""

    def test_said(self) -> None:
        """What a user says, a system message or a tool's result holds is refused."""
        text, spoken = {"type": "text", "text": "t"}, {"type": "input_text", "text": "t"}
        called: Json = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        result: Json = {"type": "tool_result", "tool_use_id": "c", "content": [text, ODD]}
        item: Json = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
        output: Json = {"type": "function_call_output", "call_id": "c", "output": [spoken, ODD]}
        for door, body, field in (
            (CHAT, chat({"role": "user", "content": [text, ODD]}), "messages[0].content[1]"),
            (CHAT, chat({"role": "system", "content": [ODD]}, ASKS), "messages[0].content[0]"),
            (CHAT, chat(ASKS, {"role": "assistant", "content": None, "tool_calls": [called]},
                        {"role": "tool", "tool_call_id": "c", "content": [text, ODD]}),
             "messages[2].content[1]"),
            (MESSAGES, anthropic({"role": "user", "content": [text, ODD]}),
             "messages[0].content[1]"),
            (MESSAGES, anthropic(ASKS, system=[text, ODD]), "system[1]"),
            (MESSAGES, anthropic(ASKS, {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
                {"role": "user", "content": [result]}), "messages[2].content[0].content[1]"),
            (RESPONSES, responses({"role": "user", "content": [spoken, ODD]}),
             "input[0].content[1]"),
            (RESPONSES, responses(ASKS, item, output), "input[2].output[1]"),
        ):  # fmt: skip
            self.assertEqual([field], self.everywhere(door, body), body)

    def test_hits(self) -> None:
        """A hit of a search that holds more than text is refused, where only text can be told."""
        picture = {"type": "image", "source": {
            "type": "base64", "media_type": "image/png", "data": PNG}}  # fmt: skip
        for inner in (ODD, picture):
            hit = {"type": "search_result", "source": "s", "title": "t", "content": [inner]}
            for target in (CHAT, RESPONSES, CONVERSE):
                told = self.told(MESSAGES, target, anthropic({"role": "user", "content": [hit]}))
                self.assertIn(told, ("messages[0].content[0]", "messages[0].content[0].content[0]"))

    def test_of_an_answer(self) -> None:
        """What a model once answered is another's business: it is left out, and reported."""
        for door, body, field in (
            (MESSAGES, anthropic(ASKS, {"role": "assistant", "content": [
                {"type": "text", "text": "t"}, ODD]}, ASKS), "messages[1].content[1]"),
            (CHAT, chat(ASKS, {"role": "assistant", "content": [
                {"type": "text", "text": "t"}, ODD]}, ASKS), "messages[1].content[1]"),
            (RESPONSES, responses(ASKS, ODD, {"role": "user", "content": "x"}), "input[1]"),
        ):  # fmt: skip
            line = f"{field};dropped;unsupported-by-target"
            for target in ABLE.keys() - {door}:
                lines = self.told(door, target, body)
                self.assertEqual([line], [one for one in lines if one.startswith(f"{field};")])

    def test_pictures_of_an_answer(self) -> None:
        """No model says pictures, sound or files in a message: who sends that is refused."""
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
        sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
        for part in (picture, sound):
            body = chat(ASKS, {"role": "assistant", "content": [part]}, ASKS)
            told = self.everywhere(CHAT, body, own=True)
            self.assertEqual(["messages[1].content[0]"], told, part)


class NothingInSilenceTests(AlikeTestCase):
    """Things that some dialects left out without a word."""

    def test_metadata(self) -> None:
        """``metadata`` that the target cannot carry is reported, whichever it is."""
        line = "metadata;dropped;unsupported-by-target"
        body = chat(ASKS, metadata={"team": "x"})
        self.assertEqual([line], self.told(CHAT, MESSAGES, body))
        self.assertEqual([line], self.told(CHAT, CONVERSE, body))
        self.assertEqual([], self.told(CHAT, RESPONSES, body))

    def test_marks(self) -> None:
        """What else stands in a cache mark is reported at every other API."""
        for door, mark, body in (
            (CHAT, "cache_control", {"type": "ephemeral", "scope": "x"}),
            (CHAT, "prompt_cache_breakpoint", {"mode": "explicit", "scope": "x"}),
            (MESSAGES, "cache_control", {"type": "ephemeral", "scope": "x"}),
        ):
            asks = {"role": "user", "content": [{"type": "text", "text": "t", mark: body}]}
            line = f"messages[0].content[0].{mark}.scope;dropped;unsupported-by-target"
            sent = chat(asks) if door == CHAT else anthropic(asks)
            self.assertEqual([[line]], self.everywhere(door, sent), mark)
        part = {"type": "input_text", "text": "t",
                "prompt_cache_breakpoint": {"mode": "explicit", "scope": "x"}}  # fmt: skip
        line = "input[0].content[0].prompt_cache_breakpoint.scope;dropped;unsupported-by-target"
        sent = responses({"role": "user", "content": [part]})
        told = [self.told(RESPONSES, name, sent) for name in ABLE.keys() - {RESPONSES}]
        self.assertEqual([True] * 3, [line in one for one in told])

    def test_blank_parts(self) -> None:
        """A text of nothing but white space that is left out is reported."""
        parts = [{"type": "text", "text": " \n"}, {"type": "text", "text": "x"}]
        line = "messages[0].content[0];dropped;blank"
        body = anthropic({"role": "user", "content": parts})
        self.assertEqual([line], self.told(MESSAGES, CHAT, body))
        self.assertEqual([line], self.told(MESSAGES, CONVERSE, body))
        self.assertEqual(
            [line], self.told(CHAT, MESSAGES, chat({"role": "user", "content": parts}))
        )

    def test_blank_messages(self) -> None:
        """So is a message of which nothing is left, once."""
        body = anthropic(ASKS, {"role": "assistant", "content": [{"type": "text", "text": ""}]},
                         {"role": "user", "content": "x"})  # fmt: skip
        for target in (CHAT, CONVERSE):
            self.assertIn("messages[1];dropped;blank", self.told(MESSAGES, target, body))
        lines = self.told(RESPONSES, MESSAGES, responses(ODD, ASKS))
        self.assertEqual(1, len([one for one in lines if one.startswith("input[0];")]))

    def test_names_of_pictures(self) -> None:
        """A picture that came as a file loses its name, which is reported."""
        data = f"data:image/png;base64,{PNG}"
        body = chat({"role": "user", "content": [
            {"type": "file", "file": {"filename": "a.png", "file_data": data}}]})  # fmt: skip
        line = "messages[0].content[0].filename;dropped;unsupported-by-target"
        self.assertEqual([[line]], self.everywhere(CHAT, body, own=True))
        part = {"type": "input_file", "filename": "a.png", "file_data": data}
        line = "input[0].content[0].filename;dropped;unsupported-by-target"
        for target in ABLE:
            told = self.told(RESPONSES, target, responses({"role": "user", "content": [part]}))
            self.assertIn(line, told)


class SilentTurnTests(AlikeTestCase):
    """Turns of the assistant's of which another API has nothing to say."""

    def test_left_out(self) -> None:
        """They are no turns there: what they held is reported, once, and nobody speaks for them."""
        thought = {"role": "assistant", "content": None, "reasoning_content": "x"}
        signed = {"type": "thinking", "thinking": "a", "signature": "b"}
        hidden = {"type": "redacted_thinking", "data": "zz"}
        reasoning = {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "abc"}
        step = {"type": "web_search_call", "id": "w", "status": "completed"}
        foreign, unsupported = "dropped;foreign-reasoning", "dropped;unsupported-by-target"
        for door, asking, silent, below, said in (
            (CHAT, chat, thought, ".reasoning_content", foreign),
            (
                MESSAGES,
                anthropic,
                {"role": "assistant", "content": [signed]},
                ".content[0]",
                foreign,
            ),
            (
                MESSAGES,
                anthropic,
                {"role": "assistant", "content": [hidden]},
                ".content[0]",
                foreign,
            ),
            (RESPONSES, responses, reasoning, "", foreign),
            (RESPONSES, responses, step, "", unsupported),
        ):
            listed = "input" if door == RESPONSES else "messages"
            for turns in ((silent, ASKS), (ASKS, silent, ASKS), (ASKS, silent)):
                expected = [f"{listed}[{turns.index(silent)}]{below};{said}"]
                for target in ABLE.keys() - {door} - ({CONVERSE} if door == MESSAGES else set()):
                    sent, notes = self.sent(door, target, asking(*turns))
                    roles = {one["role"] for one in sent.get("messages") or sent["input"]}
                    self.assertEqual(({"user"}, expected), (roles, notes), (door, target, turns))

    def test_blank(self) -> None:
        """One that says nothing from the start is reported as that."""
        for target in (MESSAGES, CONVERSE):
            silent = {"role": "assistant", "content": ""}
            sent, notes = self.sent(CHAT, target, chat(ASKS, silent, ASKS))
            self.assertEqual(["user"], [one["role"] for one in sent["messages"]])
            self.assertEqual(["messages[1];dropped;blank"], notes)


class LifetimeTests(AlikeTestCase):
    """How long a cache is to live."""

    def test_anthropics(self) -> None:
        """Anthropic's hour is OpenAI's shorter lifetime in both of its APIs, and reported."""
        for ttl, lasting in ((None, {}), ("5m", {}), ("1h", {"ttl": "30m"})):
            mark = {"type": "ephemeral", **({} if ttl is None else {"ttl": ttl})}
            text = {"type": "text", "text": "t", "cache_control": mark}
            line = "messages[0].content[0].cache_control.ttl;rewritten;nearest-lifetime"
            for target, path in ((CHAT, "messages"), (RESPONSES, "input")):
                sent, notes = self.sent(MESSAGES, target, anthropic(dict(ASKS, content=[text])))
                found = sent[path][0]["content"][0]["prompt_cache_breakpoint"]
                self.assertEqual({"mode": "explicit", **lasting}, found)
                self.assertEqual([] if ttl is None else [line], notes)

    @unjudged("chat's SDK lists one of the lifetimes only")
    def test_openais(self) -> None:
        """Options of OpenAI's are the same in both of its APIs, but for chat's one lifetime."""
        for more in ({}, {"ttl": "30m"}, {"ttl": "12h"}, {"ttl": "12h", "odd": 1}):
            options = {"mode": "implicit", **more}
            for door, target, asking in ((CHAT, RESPONSES, chat), (RESPONSES, CHAT, responses)):
                body = asking(ASKS, prompt_cache_options=options)
                sent, notes = self.sent(door, target, body)
                lost = [note for note in notes if "cache" in note]
                expected, reported = options, []
                if target == CHAT and options == {"mode": "implicit", "ttl": "12h"}:
                    expected = {"mode": "implicit", "ttl": "30m"}  # all that chat takes
                    reported = ["prompt_cache_options.ttl;rewritten;nearest-lifetime"]
                self.assertEqual((expected, reported), (sent["prompt_cache_options"], lost), door)

    def test_openais_for_claude(self) -> None:
        """Claude has OpenAI's shorter lifetime within its hour; the longer one becomes that."""
        for ttl, lasting in ((None, {}), ("30m", {"ttl": "1h"}), ("12h", {"ttl": "1h"})):
            mark = {"mode": "explicit", **({} if ttl is None else {"ttl": ttl})}
            part = {"type": "text", "text": "t", "prompt_cache_breakpoint": mark}
            body = chat({"role": "user", "content": [part]})
            direct, told = self.sent(CHAT, MESSAGES, body)
            bedrocks, said = self.sent(CHAT, CONVERSE, body)
            direct_mark = direct["messages"][0]["content"][0]["cache_control"]
            self.assertEqual({"type": "ephemeral", **lasting}, direct_mark)
            point = bedrocks["messages"][0]["content"][1]["cachePoint"]
            self.assertEqual({"type": "default", **lasting}, point)
            self.assertEqual((told, 1 if ttl == "12h" else 0), (said, len(told)))

    def test_whole_prompt(self) -> None:
        """A mark for a whole prompt that lives longer than there is a lifetime is reported."""
        body = anthropic(ASKS, cache_control={"type": "ephemeral", "ttl": "1h"})
        sent, notes = self.sent(MESSAGES, CHAT, body)
        self.assertEqual({"mode": "implicit", "ttl": "30m"}, sent["prompt_cache_options"])
        self.assertEqual(["cache_control.ttl;rewritten;nearest-lifetime"], notes)


class InterpreterTests(AlikeTestCase):
    """OpenAI's ``code_interpreter`` for Anthropic."""

    def test_alone(self) -> None:
        """As the only tool it is Anthropic's, and may be the one that has to be called."""
        tool: Json = {"type": "code_interpreter", "container": {"type": "auto"}}
        anthropics = {"type": "code_execution_20250825", "name": "code_execution"}
        for choice, expected in (
            ("auto", {"type": "auto"}),
            ({"type": "code_interpreter"}, {"type": "tool", "name": "code_execution"}),
            ({"type": "allowed_tools", "mode": "required", "tools": [
                {"type": "code_interpreter"}]}, {"type": "any"}),
        ):  # fmt: skip
            ledger = Ledger()
            body = responses(ASKS, tools=[tool], tool_choice=choice)
            request = grammar(RESPONSES).read_request(body, ledger)
            sent = grammar(MESSAGES).write_request(request, ABLE[MESSAGES], ledger).body
            self.assertEqual([anthropics], sent["tools"])
            self.assertEqual((expected, ()), (sent["tool_choice"], ledger.notes))

    def test_steps(self) -> None:
        """What it ran is told to the caller as an item of OpenAI's."""
        for name, given, code in (
            ("code_execution", {"code": "1+1"}, "1+1"),
            ("bash_code_execution", {"command": "ls"}, "ls"),
            ("code_execution", {}, None),
        ):
            raw = {"type": "server_tool_use", "id": "srvtoolu_1", "name": name, "input": given}
            step = Hosted(family="anthropic", kind="server_tool_use", raw=raw)
            reply = Reply(
                id="r", model="m", choices=(Choice(blocks=(step,), finish=Finish(reason="stop")),)
            )
            request = grammar(RESPONSES).read_request(responses(ASKS), Ledger())
            asked = Asked(request=request, model="m", answer_id="a", now=1)
            ledger = Ledger()
            (item,) = grammar(RESPONSES).write_reply(reply, asked, ledger)["output"]
            expected = {
                "type": "code_interpreter_call", "id": "ci_a_0", "status": "completed",
                "code": code, "container_id": "", "outputs": None,
            }  # fmt: skip
            self.assertEqual((expected, ()), (item, ledger.notes))
            ResponseCodeInterpreterToolCall.model_validate(item, strict=True)


class OnceTests(AlikeTestCase):
    """One setting has one fate."""

    def test_forced_tool(self) -> None:
        """Thinking that gives way to a forced tool is not also told to be clamped."""
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        body = chat(ASKS, tools=[tool], tool_choice="required", reasoning_effort="high",
                    max_completion_tokens=2000)  # fmt: skip
        manual = ABLE[MESSAGES].claude
        for target in (MESSAGES, CONVERSE):
            ledger = Ledger()
            able = evolve(
                ABLE[target], efforts=(),
                claude=evolve(manual, thinking=frozenset({"enabled"})),
            )  # fmt: skip
            request = grammar(CHAT).read_request(body, ledger)
            grammar(target).write_request(request, able, ledger)
            lines = [note.line() for note in ledger.notes]
            self.assertEqual(["reasoning_effort;dropped;tool-is-forced"], lines, target)
