from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import Capabilities, ChatAbilities
from magicgateway.dialects import catalogue
from magicgateway.dialects.translation import Translation
from magicgateway.providers.envelopes import SSE
from tests.dialects.openai_chat.bodies import Json, chat, says
from tests.dialects.openai_chat.sdk import text_chunks, text_completion
from tests.dialects.openai_chat.streams import DONE, HEAD, delta, payloads

ECHO = Capabilities(origin="deep", chat=ChatAbilities(reasoning_echo=True))


def sent(door: str, body: Json) -> Translation:
    """A request of a door's that a chat provider answers."""
    translation = Translation(
        catalogue.grammar(door), catalogue.grammar("openai_chat"),
        model="asked", answer_id="a1", now=9,
    )  # fmt: skip
    translation.write(translation.read(json.dumps(body).encode(), "up"), ECHO)
    return translation


def poured(translation: Translation, *chunks: Any) -> bytes:
    """The caller's stream of a provider's chunks."""
    work = translation.open_stream(SSE)
    out = [
        work.feed(b"data: %b\n\n" % (c if isinstance(c, str) else json.dumps(c)).encode())
        for c in chunks
    ]
    return b"".join((*out, work.end()))


class GrammarTests(SynchronousTestCase):
    """Chat as both sides of a translation, and legacy completions as its door."""

    maxDiff = None

    def test_chat_to_chat(self) -> None:
        """Where a provider needs it, chat is translated to chat."""
        translation = sent("openai_chat", chat(stream=True))
        stream = poured(translation, delta(content="a"), delta("stop"), DONE)
        said = [c["choices"][0]["delta"] for c in payloads(stream) if isinstance(c, dict)]
        self.assertEqual([{"role": "assistant", "content": ""}, {"content": "a"}, {}], said)

    def test_reasoning_returns(self) -> None:
        """A provider's own reasoning goes out, comes back, and is given to it again."""
        details = [{"type": "reasoning.text", "text": "w", "signature": "S"}]
        message = {"role": "assistant", "content": "a", "reasoning": "w",
                   "reasoning_details": details}  # fmt: skip
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps({**HEAD, "choices": [choice]}).encode()
        answer = json.loads(sent("openai_chat", chat()).reply(body))["choices"][0]["message"]
        again = sent("openai_chat", chat(says("user", "q"), answer, says("user", "z"))).sent
        assert again is not None
        expected = says("assistant", "a", reasoning_content="w", reasoning_details=details)
        self.assertEqual(expected, again.body["messages"][1])

    def test_completions(self) -> None:
        """A prompt becomes a chat, and its answer a completion, whole and streamed."""
        prompt = {"model": "m", "prompt": "Once", "max_tokens": 5}
        translation = sent("openai_completions", prompt)
        assert translation.sent is not None
        self.assertEqual([says("user", "Once")], translation.sent.body["messages"])
        message = {"role": "assistant", "content": "upon"}
        choice = {"index": 0, "message": message, "finish_reason": "length"}
        body = json.dumps({**HEAD, "choices": [choice]}).encode()
        read = text_completion(json.loads(translation.reply(body)))
        self.assertEqual(("upon", "length"), (read.choices[0].text, read.choices[0].finish_reason))
        streamed = sent("openai_completions", {**prompt, "stream": True})
        stream = poured(streamed, delta(content="up"), delta(content="on"), delta("stop"), DONE)
        read_chunks = text_chunks(stream)
        self.assertEqual("upon", "".join(c.choices[0].text for c in read_chunks))
        self.assertEqual(DONE, payloads(stream)[-1])
