"""Section G and the cases I.95 to I.99: this door over a chat provider."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import EFFORTS, Capabilities
from magicgateway.conversation.events import Event
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Request
from magicgateway.conversation.undo import Undo, undo_reply
from magicgateway.dialects.grammar import Asked, Sent
from magicgateway.dialects.openai_chat import grammar as chat
from magicgateway.dialects.openai_responses.grammar import read_request
from magicgateway.errors import ApiError
from tests.dialects.openai_responses.judge import ANSWER_ID, NOW, Json, answer, stream
from tests.house import ROOT

CASES = ROOT / "tests" / "golden" / "openai_responses"
PROVIDER = Capabilities(origin="plain", efforts=EFFORTS, audio=True)
HI = [{"role": "user", "content": "hi"}]


def cases(name: str) -> list[Json]:
    loaded: list[Json] = json.loads((CASES / f"{name}.json").read_text())
    assert loaded
    return loaded


def sent(request: Json) -> tuple[Request, Sent, list[str]]:
    ledger = Ledger()
    read = read_request(request, ledger)
    written = chat.write_request(read, PROVIDER, ledger)
    return read, written, [note.line() for note in ledger.notes]


def asked(request: Request) -> Asked:
    return Asked(request=request, model="alias", answer_id=ANSWER_ID, now=NOW)


class GoldenTests(SynchronousTestCase):
    maxDiff = None

    def test_requests(self) -> None:
        """Each row of G.1 and G.2 is sent, reported or refused as its case says."""
        for case in cases("requests_to_chat"):
            if "refused" in case:
                error = self.assertRaises(ApiError, sent, case["request"])
                self.assertEqual((400, case["refused"]), (error.status, error.param), case)
                continue
            _, written, warnings = sent(case["request"])
            expected = {"model": "m", "messages": HI, **case["body"]}
            self.assertEqual(expected, written.body, case["case"])
            self.assertEqual(case["warnings"], warnings, case["case"])

    def test_answers(self) -> None:
        """Each row of G.3 is answered as its case says."""
        for case in cases("answers_from_chat"):
            request, written, _ = sent(case["request"])
            reply = undo_reply(chat.read_reply(case["answer"], written), written, request.tools)
            given, _ = answer(reply, asked(request))
            found = {name: given[name] for name in case["response"]}
            self.assertEqual(case["response"], found, case["case"])

    def test_streams(self) -> None:
        """Each order of G.4 is as its case says."""
        for case in cases("streams_from_chat"):
            request, written, _ = sent(case["request"])
            reader, undo = chat.open_reader(written), Undo(written, request.tools)
            wire = [json.dumps(chunk).encode() for chunk in case["chunks"]]
            wire += [b"[DONE]"] if case["done"] else []
            events: list[Event] = []
            for data in wire:
                for event in reader.feed("", data):
                    events += undo.feed(event)
            for event in reader.close():
                events += undo.feed(event)
            given, _ = stream(*events, question=asked(request))
            for number, (expected, found) in enumerate(zip(case["events"], given, strict=True)):
                self.assertEqual(number, found.pop("sequence_number"))
                self.assertEqual(expected, _short(found, expected), case["case"])


def _short(found: Json, expected: Json) -> Json:
    """An event with as much of its response as a case names."""
    response: Any = expected.get("response")
    if response is None:
        return found
    return {**found, "response": {name: found["response"][name] for name in response}}
