"""What is told of a request names fields that its caller knows."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from magicgateway.wire.jsontext import encode
from tests.golden.cases import Case, all_cases, at_other_targets
from tests.judging import unjudged

STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
ABSENT = {
    "store": "Responses keep answers unless they are told not to",
    "tools": "tools that were called before are declared",
    "input": "there is nothing in the request that could be sent",
}
"""Fields that are told of because they are not there."""
ELSEWHERE = {
    "signature": "a call's stands in a block of its own",
    "cache_control": "the mark of a blank text is one of the part before",
}
"""Last names of what the caller has said, but not at that place."""


def stands(body: Any, place: str) -> bool:
    """Whether there is something at a place."""
    at = body
    for name, index in STEP.findall(place):
        if index:
            if not isinstance(at, list) or int(index) >= len(at):
                return False
            at = at[int(index)]
        elif isinstance(at, dict) and name in at:
            at = at[name]
        else:
            return False
    return True


def places_told(case: Case) -> list[str]:
    """The fields of the notes about a request, or the one it is refused for."""
    translation = case.translation()
    try:
        request = translation.read(encode(case.get("request")), case.model)
        with unjudged("it is not about what is sent"):
            translation.write(request, case.capabilities())
    except ApiError as refusal:
        return [str(refusal.param)]
    return [note.field for note in translation.ledger.notes]


class PlaceTests(SynchronousTestCase):
    maxDiff = None

    def test_stand_in_the_body(self) -> None:
        """Whatever is reported or refused stands in the caller's body under that very name."""
        wrong, found, excused = [], 0, set()
        requests: set[bytes] = set()
        for number, case in enumerate(all_cases()):
            if "request" not in case.data:
                continue
            request = encode([case.door, case.target, case.model, case.get("request")])
            if request in requests:
                continue  # cases about answers share theirs
            requests.add(request)
            for one in (case, *islice(at_other_targets(case, number), 1)):
                for place in places_told(one):
                    found += 1
                    last = place.rpartition(".")[2]
                    if stands(case.get("request"), place):
                        continue
                    if place in ABSENT or last in ELSEWHERE:
                        excused.add(place if place in ABSENT else last)
                    else:
                        wrong.append(f"{one.title} to {one.target}: {place}")
        self.assertEqual([], wrong)
        self.assertGreater(found, 400)
        self.assertEqual(ABSENT.keys() | ELSEWHERE.keys(), excused)
