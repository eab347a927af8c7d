from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.bedrock_converse.request_writer import write_request
from magicgateway.dialects.grammar import NoAnswer
from magicgateway.dialects.openai_chat.request_reader import read_request
from magicgateway.errors import ApiError
from tests.dialects.bedrock_converse.bodies import GOLDEN, judge, lines
from tests.dialects.bedrock_converse.streams import framed
from tests.dialects.bedrock_converse.ways import DONE, Way, chunks

FOLDER = Path(__file__).parents[2] / "golden" / "bedrock_converse"
IN_BYTES = {57, 61}
"""Cases of bytes and of how they are cut: ``test_stream_reader`` has them."""
CUTS = 5


def cases_in(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    cases: list[dict[str, Any]] = json.loads((FOLDER / name).read_text())
    return cases


def missing(cases: list[dict[str, Any]], first: int, last: int) -> list[int]:
    """Numbers that no case has."""
    seen = {case["case"] for case in cases}
    return [number for number in range(first, last + 1) if f"J{number}" not in seen]


class GoldenTests(SynchronousTestCase):
    """The reference's numbered cases, as data."""

    maxDiff = None

    def test_requests(self) -> None:
        """J16 to J47: what is sent for a chat's request, what is reported and what refused."""
        cases = cases_in("requests_from_chat.json")
        self.assertEqual([], missing(cases, 16, 47))
        for case in cases:
            ledger, capabilities = Ledger(), GOLDEN[case["model"]]
            request = read_request(case["request"], ledger)
            if "refused" in case:
                refused = self.assertRaises(ApiError, write_request, request, capabilities, ledger)
                self.assertEqual((400, case["refused"]), (refused.status, refused.param), case)
                continue
            sent = write_request(request, capabilities, ledger)
            judge(sent.body)
            self.assertEqual(case["body"], sent.body, case["case"])
            self.assertEqual(case["warnings"], lines(ledger), case["case"])
            self.assertEqual(case.get("names", {}), sent.names, case["case"])
            self.assertEqual(case.get("json_tool"), sent.json_tool, case["case"])

    def test_replies(self) -> None:
        """J48 to J55: what a chat's caller gets of an answer."""
        cases = cases_in("replies_to_chat.json")
        self.assertEqual([], missing(cases, 48, 55))
        for case in cases:
            way = Way(case["request"], capabilities=GOLDEN[case["model"]])
            if "failed" in case:
                self.assertRaises(NoAnswer, way.reply, case["reply"])
                continue
            written = way.reply(case["reply"])
            (choice,) = written["choices"]
            self.assertEqual(case["message"], choice["message"], case["case"])
            self.assertEqual(case["finish_reason"], choice["finish_reason"], case["case"])
            self.assertEqual(case["usage"], written["usage"], case["case"])

    def test_streams(self) -> None:
        """J56 to J65: what a chat's caller gets of a stream, however its bytes are cut."""
        cases = cases_in("streams_to_chat.json")
        self.assertEqual(IN_BYTES, set(missing(cases, 56, 65)))
        seed = random.randrange(2**32)  # noqa: S311 - it only chooses cuts
        chance = random.Random(seed)  # noqa: S311 - as above
        for case in cases:
            raw = framed(*((name, payload) for name, payload in case["events"]))
            sizes = [0, 1, *(chance.randint(2, 200) for _ in range(CUTS))]
            for size in sizes:
                stream = Way(case["request"]).stream(raw, size)
                told = [_told(chunk) for chunk in chunks(stream)]
                self.assertEqual(case["chunks"], told, (case["case"], size, seed))


def _told(chunk: Any) -> Any:
    """A chunk without what is the same in all."""
    if chunk == DONE:
        return chunk
    if "error" in chunk:
        return {"error": chunk["error"]["message"]}
    if not chunk["choices"]:
        return {"usage": chunk["usage"]}
    (choice,) = chunk["choices"]
    return {"delta": choice["delta"], "finish_reason": choice["finish_reason"]}
