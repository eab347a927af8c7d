from __future__ import annotations

from typing import Any

import openai
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.events import (
    Ended,
    Event,
    Failed,
    Finished,
    Ping,
    Started,
    UsageCounted,
)
from magicgateway.conversation.reply import Failure, Finish, Usage
from magicgateway.dialects.openai_completions.stream_writer import open_writer
from tests.dialects.openai_chat.sdk import text_chunks
from tests.dialects.openai_chat.streams import DONE, answered, payloads, told, words


def written(*events: Event, **fields: Any) -> bytes:
    writer = open_writer(answered(**fields))
    return b"".join(map(writer.write, events))


class CompletionStreamTests(SynchronousTestCase):
    maxDiff = None

    def test_chunks(self) -> None:
        """Words, a reason and the marker, which the SDK reads."""
        stream = written(*told(words(0, "a", "b")))
        choice = {"text": "a", "index": 0, "logprobs": None, "finish_reason": None}
        expected = {
            "id": "r", "object": "text_completion", "created": 9, "model": "asked",
            "choices": [choice],
        }  # fmt: skip
        found = payloads(stream)
        self.assertEqual((expected, DONE), (found[0], found[-1]))
        read = text_chunks(stream)
        self.assertEqual("ab", "".join(chunk.choices[0].text for chunk in read))
        self.assertEqual("stop", read[-1].choices[0].finish_reason)

    def test_usage(self) -> None:
        """Usage comes last where it was asked for, and not at all where nobody counted."""
        counted = [UsageCounted(Usage(input=1, output=2)), *words(0, "a")]
        *before, last, _ = payloads(written(*told(counted), include_usage=True))
        self.assertEqual({None}, {chunk["usage"] for chunk in before})
        self.assertEqual(([], 3), (last["choices"], last["usage"]["total_tokens"]))
        *_, last, _ = payloads(written(*told(words(0, "a")), include_usage=True))
        self.assertEqual(("stop", None), (last["choices"][0]["finish_reason"], last["usage"]))
        self.assertNotIn(b"usage", written(*told(counted)))

    def test_several(self) -> None:
        """Each choice ends in its own way."""
        events = [
            *words(0, "a"), *words(0, "b", choice=1), Finished(Finish(reason="stop")),
            Finished(Finish(reason="length"), 1), Ended(),
        ]  # fmt: skip
        ends = [
            (chunk.choices[0].index, chunk.choices[0].finish_reason)
            for chunk in text_chunks(written(*events))[-2:]
        ]
        self.assertEqual([(0, "stop"), (1, "length")], ends)

    def test_nothing(self) -> None:
        """An answer without a word, or without a reason, ends all the same."""
        for events in (told([]), [Ended()]):
            self.assertEqual(["stop", DONE], [
                item if item == DONE else item["choices"][0]["finish_reason"]
                for item in payloads(written(*events))
            ])  # fmt: skip

    def test_failures(self) -> None:
        """A failure is an error that the SDK raises, and then there is nothing more."""
        failed = Failed(Failure(status=500, kind="server", message="m"))
        stream = written(*words(0, "a"), failed, Ended(), Ping())
        self.assertNotIn(b"DONE", stream)
        self.assertRaises(openai.APIError, text_chunks, stream)

    def test_pings(self) -> None:
        """Signs of life are comments, and begin nothing before the provider does."""
        self.assertEqual(b"", written(Ping()))
        self.assertEqual(b": ping\n\n", written(Started("r"), Ping()))
