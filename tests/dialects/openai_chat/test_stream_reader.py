from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.events import (
    Ended,
    Event,
    Failed,
    Finished,
    Started,
    TextDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import Usage
from magicgateway.dialects.grammar import Sent
from magicgateway.dialects.openai_chat.choice_reader import LONGEST_HELD, MOST_BLOCKS, MOST_CALLS
from magicgateway.dialects.openai_chat.grammar import read_reply
from magicgateway.dialects.openai_chat.stream_reader import MOST_CHOICES, open_reader
from magicgateway.wire import sse
from tests.dialects.cassettes import body_of, recorded
from tests.dialects.openai_chat.streams import DONE, HEAD, Json, delta, piece, read

COUNTS = {"prompt_tokens": 100, "completion_tokens": 9,
          "prompt_tokens_details": {"cached_tokens": 60}}  # fmt: skip
COUNTED = UsageCounted(Usage(input=40, cache_read=60, output=9))


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def failure(*chunks: Any, name: str = "") -> tuple[int, str]:
    *_, last = read(*chunks, name=name)
    assert isinstance(last, Failed)
    return last.failure.status, last.failure.kind


class StreamTests(SynchronousTestCase):
    maxDiff = None

    def test_ends(self) -> None:
        """I.87, I.88: a stream ends with its marker, or with a reason and the body's end."""
        whole = ["Started", "BlockStarted", "TextDelta", "BlockStopped", "Finished", "Ended"]
        a, stop = delta(content="a"), delta("stop")
        for chunks in ((a, stop, DONE), (a, stop), (a, DONE), (a, stop, DONE, a, DONE)):
            self.assertEqual(whole, kinds(read(*chunks)))
        self.assertEqual(whole[:3], kinds(read(a)))
        self.assertEqual([], read(DONE))
        self.assertEqual([], read())
        self.assertEqual(["Started"], kinds(read({**HEAD, "choices": []}, DONE)))

    def test_half_finished(self) -> None:
        """Of several choices all have to have ended."""
        one = (delta("stop", 0, content="a"), delta(None, 1, content="b"))
        self.assertNotIn("Ended", kinds(read(*one)))
        events = read(*one, delta("stop", 1))
        self.assertEqual([0, 1], [e.choice for e in events if isinstance(e, Finished)])
        self.assertEqual([0, 1], [e.choice for e in events if isinstance(e, TextDelta)])

    def test_start(self) -> None:
        """The first chunk that says anything begins the answer, once."""
        events = read(
            {"choices": [], "prompt_filter_results": []}, delta(content="a"), delta("stop")
        )
        self.assertEqual(Started("r", "m", 5), events[0])
        self.assertEqual(1, kinds(events).count("Started"))
        odd = {"choices": [{"delta": {"content": "a"}}], "id": 3, "model": None, "created": True}
        self.assertEqual(Started(), read(odd)[0])

    def test_usage(self) -> None:
        """I.85: counts are taken from wherever they come."""
        for chunks in (
            (delta("stop"), {**HEAD, "choices": [], "usage": COUNTS}, DONE),
            ({**delta("stop"), "usage": COUNTS}, DONE),
            ({**delta("stop"), "usage": None, "x_groq": {"usage": COUNTS}}, DONE),
        ):
            self.assertIn(COUNTED, read(*chunks))
        self.assertNotIn("UsageCounted", kinds(read({**delta("stop"), "usage": {}}, DONE)))

    def test_tier(self) -> None:
        """The tier that served is told at the end."""
        self.assertEqual(Ended("flex"), read({**delta("stop"), "service_tier": "flex"})[-1])

    def test_errors(self) -> None:
        """I.89: an error in the stream is the end, with the provider's words for it."""
        a = delta(content="a")
        cases: list[tuple[tuple[Any, ...], tuple[int, str]]] = [
            ((a, {"error": {"message": "m", "code": 429}}), (429, "rate_limit")),
            (({"error": {"message": "m", "type": "overloaded_error"}},), (503, "overloaded")),
            ((a, {"x_groq": {"error": "boom"}}), (502, "server")),
            ((a, {"base_resp": {"status_code": 1, "status_msg": "m"}}), (502, "server")),
            ((a, delta("error")), (502, "server")),
            ((a, delta("network_error")), (502, "server")),
            ((a, "{"), (502, "server")),
            ((a, "[1]"), (502, "server")),
        ]
        for chunks, expected in cases:
            self.assertEqual(expected, failure(*chunks, delta("stop"), DONE), chunks)
        self.assertEqual((503, "overloaded"), failure({"message": "m", "code": 503}, name="error"))

    def test_without_data(self) -> None:
        """An event without data is a sign of life."""
        self.assertEqual(kinds(read(delta("stop"))), kinds(read("", delta("stop"), "")))

    def test_hostile(self) -> None:
        """Values of wrong types are left aside, and choices are not without end."""
        odd: list[Any] = [
            {**HEAD, "choices": 7},
            {**HEAD, "choices": [7, {}, {"delta": 7}, {"index": "x", "delta": {"content": 7}}]},
            {**HEAD, "choices": [{"delta": {"tool_calls": 7, "function_call": 7}}], "usage": 7},
        ]
        events = read(*odd, delta("stop"))
        self.assertEqual(["Started", "Finished", "Ended"], kinds(events))
        many = [delta(None, index, content="a") for index in range(MOST_CHOICES + 1)]
        self.assertEqual((502, "server"), failure(*many))

    def test_too_much(self) -> None:
        """A choice that has more calls than are made, or says too much of what is kept, fails."""
        calls = [piece(n, id=f"c{n}", name="f") for n in range(MOST_CALLS)]
        self.assertEqual(MOST_CALLS, kinds(read(*calls)).count("BlockStarted"))
        self.assertEqual((502, "server"), failure(*calls, piece(MOST_CALLS, name="f")))
        both = [delta(content="a", reasoning_content="b")] * (MOST_BLOCKS // 2 + 1)
        self.assertEqual((502, "server"), failure(*both))
        long = "x" * (LONGEST_HELD // 4)
        for chunk in (
            piece(0, arguments=long),
            delta(reasoning_details=[{"type": "t", "text": long}]),
            delta(
                content="a", annotations=[{"type": "url_citation", "url_citation": {"url": long}}]
            ),
            {**HEAD, "choices": [{"index": 0, "logprobs": {"content": [{"token": long}]}}]},
        ):
            self.assertNotIn("Failed", kinds(read(*[chunk] * 3)))
            self.assertEqual((502, "server"), failure(*[chunk] * 6))

    def test_recorded(self) -> None:
        """Recorded streams end well; recorded answers can be read."""
        for name, cassette in recorded("chat_completions", stream=True).items():
            reader = open_reader(Sent(body={}, origin="o", stream=True))
            splitter = sse.EventSplitter()
            found: list[Event] = []
            for event, data in sse.events(splitter.feed(body_of(cassette))):
                found += reader.feed(event, data)
            found += reader.close()
            self.assertEqual(("Started", "Ended"), (kinds(found)[0], kinds(found)[-1]), name)
        for name, cassette in recorded("chat_completions", stream=False).items():
            body: Json = cassette["response"]["body"]
            self.assertTrue(read_reply(body, Sent(body={})).choices[0].blocks, name)
