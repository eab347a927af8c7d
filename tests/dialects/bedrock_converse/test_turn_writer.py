from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Text
from magicgateway.conversation.request import Turn
from magicgateway.dialects.bedrock_converse.turn_writer import led
from magicgateway.errors import ApiError
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE_4_5,
    CLAUDE_4_6,
    LLAMA,
    NOVA,
    TITAN,
    Json,
    answers,
    calls,
    chat,
    from_chat,
    from_converse,
    from_messages,
    function,
    says,
)

USER = says("user", "U")
TOOLS = [function()]
PNG = "data:image/png;base64,iVBORw0KGgo="
PICTURE = {"type": "image_url", "image_url": {"url": PNG}}
FILE = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0x"}
PDF = {"type": "file", "file": FILE}


def shape(body: Json) -> list[tuple[str, list[str]]]:
    """Each message's role and its blocks, texts as they are and others by their kinds."""
    return [
        (message["role"], [_name(block) for block in message["content"]])
        for message in body["messages"]
    ]


def _name(block: Json) -> str:
    kind = next(iter(block))
    if kind == "text":
        return f"'{block['text']}'"
    return f"{kind} {block[kind].get('toolUseId', '')}".strip()


class TurnTests(SynchronousTestCase):
    maxDiff = None

    def test_parts(self) -> None:
        """J22: several texts are several blocks."""
        parts = [{"type": "text", "text": "text a"}, {"type": "text", "text": "text b"}]
        body, _ = from_chat(chat(says("user", parts)))
        self.assertEqual([("user", ["'text a'", "'text b'"])], shape(body))

    def test_blank(self) -> None:
        """J23, J24: blank texts are not sent, and a request of nothing else is refused."""
        for content in ("", "  "):
            with self.assertRaises(ApiError) as caught:
                from_chat(chat(says("user", content)))
            self.assertEqual("messages", caught.exception.param)
        body, _ = from_chat(chat(USER, calls("a", content=""), answers("a"), tools=TOOLS))
        self.assertEqual(("assistant", ["toolUse a"]), shape(body)[1])

    def test_gap(self) -> None:
        """A blank user's message between two of the assistant's says a dot."""
        body, noted = from_chat(
            chat(USER, says("assistant", "A"), says("user", " "), says("assistant", "B"), USER)
        )
        self.assertEqual(["user", "assistant", "user", "assistant", "user"], _roles(body))
        self.assertEqual(("user", ["'.'"]), shape(body)[2])
        self.assertIn("messages[2];dropped;blank", noted)

    def test_results(self) -> None:
        """J25: all results of a turn's calls stand in one message, in the calls' order."""
        body, _ = from_chat(chat(USER, calls("a", "b"), answers("b"), answers("a"), tools=TOOLS))
        self.assertEqual(
            [
                ("user", ["'U'"]),
                ("assistant", ["toolUse a", "toolUse b"]),
                ("user", ["toolResult a", "toolResult b"]),
            ],
            shape(body),
        )

    def test_text_with_results(self) -> None:
        """J26: text joins the results where it may, else a turn comes between."""
        turns = [USER, calls("a"), answers("a"), says("user", "go")]
        body, noted = from_chat(chat(*turns, tools=TOOLS))
        self.assertEqual(("user", ["toolResult a", "'go'"]), shape(body)[2])
        self.assertEqual([], noted)
        body, noted = from_chat(chat(*turns, tools=TOOLS), LLAMA)
        self.assertEqual(
            [("user", ["toolResult a"]), ("assistant", ["'.'"]), ("user", ["'go'"])],
            shape(body)[2:],
        )
        self.assertEqual(["messages[2];rewritten;apart-from-the-results"], noted)

    def test_files_with_results(self) -> None:
        """Beside results pictures may stand where documents may not."""
        turns = [USER, calls("a"), answers("a")]
        body, _ = from_chat(chat(*turns, says("user", [PICTURE]), tools=TOOLS))
        self.assertEqual(("user", ["toolResult a", "image"]), shape(body)[2])
        body, _ = from_chat(chat(*turns, says("user", [PDF]), tools=TOOLS))
        self.assertEqual(
            [("user", ["toolResult a"]), ("assistant", ["'.'"]), ("user", ["document", "'.'"])],
            shape(body)[2:],
        )
        body, _ = from_chat(chat(*turns, says("user", [PDF]), tools=TOOLS), NOVA)
        self.assertEqual(("user", ["toolResult a", "document", "'.'"]), shape(body)[2])

    def test_media_in_results(self) -> None:
        """What a model takes only outside of a result comes after it."""
        content: Any = [{"type": "text", "text": "r"}, PICTURE, PDF]
        turns = [USER, calls("a"), answers("a", content)]
        body, noted = from_chat(chat(*turns, tools=TOOLS), NOVA)
        kinds = [next(iter(b)) for b in body["messages"][2]["content"][0]["toolResult"]["content"]]
        self.assertEqual(["text", "image", "document"], kinds)
        bare = evolve(
            NOVA, converse=evolve(NOVA.converse, result_images=False, result_documents=False)
        )
        body, noted = from_chat(chat(*turns, tools=TOOLS), bare)
        self.assertEqual(("user", ["toolResult a", "image", "document", "'.'"]), shape(body)[2])
        moved = "rewritten;moved-after-the-result"
        self.assertIn(f"messages[2].content[1];{moved}", noted)
        self.assertIn(f"messages[2].content[2];{moved}", noted)

    def test_system_between(self) -> None:
        """J27: what the system says between a call and its result comes after the result."""
        body, noted = from_chat(
            chat(USER, calls("a"), says("system", "S"), answers("a"), tools=TOOLS)
        )
        said = "'<system-reminder>S</system-reminder>'"
        self.assertEqual(("user", ["toolResult a", said]), shape(body)[2])
        self.assertEqual(["messages[2];rewritten;system-as-user-text"], noted)

    def test_mid_system(self) -> None:
        """A model that takes the role in between is given it."""
        able = evolve(CLAUDE_4_6, claude=evolve(CLAUDE_4_6.claude, mid_system=True))
        body, noted = from_chat(chat(USER, says("system", "S"), says("assistant", "A"), USER), able)
        self.assertEqual(["user", "system", "assistant", "user"], _roles(body))
        self.assertEqual([], noted)

    def test_duplicates(self) -> None:
        """J36: of two results of one call the last stays."""
        body, noted = from_chat(
            chat(USER, calls("a"), answers("a", "1"), answers("a", "2"), tools=TOOLS)
        )
        (result,) = body["messages"][2]["content"]
        self.assertEqual([{"text": "2"}], result["toolResult"]["content"])
        self.assertEqual(["messages[2];dropped;duplicate"], noted)

    def test_orphans(self) -> None:
        """A call without its result is refused."""
        self.assertRaises(ApiError, from_chat, chat(USER, calls("a"), USER, tools=TOOLS))

    def test_prefill(self) -> None:
        """J46: a beginning of the answer loses its white space, or is refused."""
        body, _ = from_chat(chat(USER, says("assistant", "{ \n")))
        self.assertEqual(("assistant", ["'{'"]), shape(body)[1])
        with self.assertRaises(ApiError) as caught:
            from_chat(chat(USER, says("assistant", "{")), CLAUDE_4_6)
        self.assertEqual("messages[1]", caught.exception.param)

    def test_begins_with_the_user(self) -> None:
        """J46: a conversation that the assistant begins has a dot before it, where it must."""
        turns = [says("assistant", "A"), USER]
        body, noted = from_chat(chat(*turns), NOVA)
        self.assertEqual(("user", ["'.'"]), shape(body)[0])
        self.assertEqual(["messages[0];emulated;filler-added"], noted)
        free = evolve(NOVA, converse=evolve(NOVA.converse, first_user=False))
        body, _ = from_chat(chat(*turns), free)
        self.assertEqual(["assistant", "user"], _roles(body))

    def test_calls_last(self) -> None:
        """An assistant's words stand before its calls, unless it thought in between."""
        call = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
        text = {"type": "text", "text": "A"}
        thought = {"type": "thinking", "thinking": "T", "signature": "S"}
        result = {"type": "tool_result", "tool_use_id": "a"}
        tools = [{"name": "f", "input_schema": {"type": "object"}}]
        for content, expected in (
            ([call, text], ["'A'", "toolUse a"]),
            ([text, call, thought, text], ["'A'", "toolUse a", "reasoningContent", "'A'"]),
        ):
            turns = [
                {"role": "user", "content": "U"},
                {"role": "assistant", "content": content},
                {"role": "user", "content": [result]},
            ]
            body, _ = from_messages({"messages": turns, "tools": tools}, served=False)
            self.assertEqual(("assistant", expected), shape(body)[1])

    def test_nothing_left(self) -> None:
        """An assistant's turn of which nothing can be said is none, wherever it stands."""
        thought = {**says("assistant", None), "reasoning_content": "x"}
        kept = {**says("assistant", "A"), "reasoning_content": "x"}
        for turns, at, expected in (
            ((thought, USER), 0, [("user", ["'U'"])]),
            ((USER, thought, says("user", "V")), 1, [("user", ["'U'", "'V'"])]),
            ((USER, thought), 1, [("user", ["'U'"])]),
            ((USER, says("assistant", "B"), thought, USER), 2, None),
            ((USER, kept, USER), 1, [("user", ["'U'"]), ("assistant", ["'A'"]), ("user", ["'U'"])]),
        ):
            body, noted = from_chat(chat(*turns), CLAUDE_4_6)
            if expected is not None:
                self.assertEqual(expected, shape(body))
            lost = f"messages[{at}].reasoning_content;dropped;foreign-reasoning"
            self.assertEqual([lost], noted)
            self.assertEqual("user", body["messages"][-1]["role"])

    def test_names(self) -> None:
        """A participant's name is reported, as is what else a message holds."""
        _, noted = from_chat(chat({**USER, "name": "n", "x": 1}))
        self.assertEqual(["messages[0].name;dropped", "messages[0].x;dropped"], noted)

    def test_no_tools(self) -> None:
        """A model without tools refuses calls in the history."""
        with self.assertRaises(ApiError) as caught:
            from_chat(chat(USER, calls("a"), answers("a")), TITAN)
        self.assertEqual("messages[2]", caught.exception.param)


class SystemTests(SynchronousTestCase):
    maxDiff = None

    def test_billing(self) -> None:
        """A text of Claude Code's that differs each time is no prompt."""
        system = [
            {"type": "text", "text": "x-anthropic-billing-header: 1", "x": 1},
            {"type": "text", "text": "S"},
        ]
        messages = [{"role": "user", "content": "U"}]
        body, noted = from_messages({"system": system, "messages": messages})
        self.assertEqual([{"text": "S"}], body["system"])
        self.assertEqual(["system[0];dropped;not-a-prompt", "system[0].x;dropped"], noted)

    def test_media(self) -> None:
        """The system says only text."""
        self.assertRaises(ApiError, from_chat, chat(says("system", [PICTURE]), USER))

    def test_led(self) -> None:
        """Without a system its words begin the user's first message, or are one."""
        words = (Text(text="S"),)
        answer = Turn(role="assistant", blocks=(Text(text="A"),))
        user = Turn(role="user", blocks=(Text(text="U"),))
        self.assertEqual((Turn(role="user", blocks=words), answer), led(words, (answer,)))
        self.assertEqual(
            (answer, evolve(user, blocks=(*words, *user.blocks))), led(words, (answer, user))
        )

    def test_native(self) -> None:
        """A system of Converse's own, points and guards in it, stays as it is."""
        guard = {"guardContent": {"text": {"text": "g", "qualifiers": ["query"]}}}
        system = [{"text": "S"}, {"cachePoint": {"type": "default"}}, guard]
        body, noted = from_converse(
            {"system": system, "messages": [{"role": "user", "content": [{"text": "U"}]}]},
            CLAUDE_4_5,
        )
        self.assertEqual((system, []), (body["system"], noted))


def _roles(body: Json) -> list[str]:
    return [message["role"] for message in body["messages"]]
