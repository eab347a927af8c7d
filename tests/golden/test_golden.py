"""Walks the golden cases: what ``cases.py`` says of them is what is tested here."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from random import Random, SystemRandom
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.catalogue import ANTHROPIC_MESSAGES, OPENAI_RESPONSES, error_body
from magicgateway.dialects.failure_errors import as_error
from magicgateway.dialects.grammar import FailedReply, NoAnswer
from magicgateway.dialects.translation import Translation
from magicgateway.errors import ApiError
from magicgateway.wire.jsontext import decode
from tests.golden import judges
from tests.golden.cases import Case, at_other_doors, at_other_targets, cases_with
from tests.golden.patterns import differences
from tests.golden.walking import GoldenTestCase, Poured, broken_off, family_of, notes_of
from tests.golden.wires import earliest_end, other_line_ends, pieces_of
from tests.judging import unjudged

SEED = int(os.environ.get("GOLDEN_SEED", SystemRandom().randrange(2**32)))


def _judged(case: Case) -> AbstractContextManager[None]:
    """What is sent is judged as it is written, but for cases that say otherwise."""
    own_words = case.get("judged", True)
    return nullcontext() if own_words else unjudged("words of a provider's own")


class RequestTests(GoldenTestCase):
    """Requests, from a door to a provider."""

    def test_sent(self) -> None:
        """What is sent, under which names, with what reported; and its maker's types take it."""
        self.walk("sent", "_sent")

    def _sent(self, case: Case) -> list[str]:
        with _judged(case):
            translation = case.written()
        sent = translation.sent
        assert sent is not None
        body = {key: value for key, value in sent.body.items() if key != "model"}
        if case.get("served", True) and "abilities" not in case.data:
            judges.judge_served(case.target, sent, case.model)
        return [
            *differences(case.model, sent.body.get("model", case.model), "model"),
            *differences(case.get("sent"), body, whole=True),
            *differences(case.get("warnings", []), notes_of(translation), "warnings"),
            *differences(case.get("names", {}), dict(sent.names), "names", whole=True),
            *differences(case.get("json_tool"), sent.json_tool, "json_tool"),
        ]

    def test_refused(self) -> None:
        """What cannot be had is a 400 that names the field."""
        self.walk("refused", "_refused")

    def _refused(self, case: Case) -> list[str]:
        try:
            with _judged(case):
                sent = case.written().sent
        except ApiError as refusal:
            said = {"status": refusal.status, "param": refusal.param, "message": refusal.message}
            expected = {"status": 400, "param": case.get("refused")}
            if "message" in case.data:
                expected["message"] = case.get("message")
            return differences(expected, said)
        return [f"sent: {sent and sent.body}"]


class ReplyTests(GoldenTestCase):
    """Whole answers, from a provider to a door."""

    def test_replies(self) -> None:
        """What the caller gets, which the official SDK of the door takes."""
        self.walk("reply", "_reply")

    def _reply(self, case: Case) -> list[str]:
        translation = case.written()
        asked = len(notes_of(translation))
        body = translation.reply(judges.as_json(case.get("answer")))
        judges.judge_reply(case.door, body)
        found = differences(case.get("reply"), decode(body))
        if "reported" in case.data:
            found += differences(case.get("reported"), notes_of(translation)[asked:], "reported")
        return found

    def test_no_answers(self) -> None:
        """What is no answer is not made into one."""
        self.walk("no_answer", "_no_answer")

    def _no_answer(self, case: Case) -> list[str]:
        try:
            body = case.written().reply(judges.as_json(case.get("answer")))
        except NoAnswer as fault:
            return differences(case.get("no_answer"), str(fault))
        except FailedReply as fault:
            return differences(case.get("no_answer"), fault.failure.kind)
        return [f"made into {body!r}"]


class StreamTests(GoldenTestCase):
    """Streams, from a provider to a door."""

    def test_chunks(self) -> None:
        """What the caller gets of a whole stream, which the official SDK of the door takes."""
        self.walk("chunks", "_chunks")

    def _chunks(self, case: Case) -> list[str]:
        translation = case.written()
        if "answer" in case.data:
            return self._at_once(case, translation)
        poured = Poured(case, translation).pour(b"".join(pieces_of(case)))
        expected = (not (case.get("failure") or case.get("cut")), case.get("failure", ""))
        found = differences(list(expected), list(poured.ended[:2]), "(finished, failure)")
        found += self._told(case, poured.out)
        if not poured.stream.finished and not poured.stream.begun:
            return found + self._answered(case, poured)
        if "answered" in case.data:
            found.append("it has begun, so that it cannot be answered plainly")
        if not poured.stream.finished:
            return found + broken_off(case, poured)
        return found + self._adds_up(case, judges.judge_stream(case.door, poured.out))

    def _told(self, case: Case, out: bytes) -> list[str]:
        """What the caller is told; chat's chunks repeat whose they are, which is not looked at."""
        whole = case.door in (ANTHROPIC_MESSAGES, OPENAI_RESPONSES)
        found = differences(case.get("chunks"), judges.frames_of(out), whole=whole)
        return found + differences(case.get("out", "*"), out.decode(), "out")

    def _adds_up(self, case: Case, judged: Any) -> list[str]:
        if "adds_up" not in case.data:
            return []
        made = judged.to_dict(mode="json", exclude_none=True)
        return differences(case.get("adds_up"), made, "adds up")

    def _answered(self, case: Case, poured: Poured) -> list[str]:
        """The plain answer that a stream becomes of which nothing was sent yet."""
        failure = poured.stream.failure
        if failure is None:
            return []
        error = as_error(failure, family_of(case), own_credential=False)
        said = {"status": error.status, "code": error.code}
        return differences(case.get("answered"), said, "answered")

    def _at_once(self, case: Case, translation: Translation) -> list[str]:
        """A stream for a caller whose provider answers with a whole."""
        out = translation.one_shot(judges.as_json(case.get("answer")))
        judged = judges.judge_stream(case.door, out)
        found = [*self._told(case, out), *self._adds_up(case, judged)]
        sent = translation.sent
        return [*found, *(["a stream was asked for"] if sent is not None and sent.stream else [])]

    def test_pieces(self) -> None:
        """However the bytes are cut on their way, the caller gets the same bytes.

        Whole, byte by byte, and in pieces that the seed chooses; lines may end in any way.
        """
        self.walk("events", "_pieces")

    def _pieces(self, case: Case) -> list[str]:
        wire = b"".join(pieces_of(case))
        translation = case.written()
        whole = Poured(case, translation).pour(*pieces_of(case))
        random = Random(f"{SEED} {case.title}")  # noqa: S311 - cuts are no secrets
        cuts = [[wire[at : at + size] for at in range(0, len(wire), size)] for size in (1, 7)]
        cuts += [_random_pieces(wire, random) for _ in range(_RANDOM_CUTS)]
        cuts += [_random_pieces(other, random) for other in other_line_ends(case)]
        return [
            f"seed {SEED}: {len(pieces)} pieces: {poured.ended} {poured.out!r}"
            for pieces in cuts
            if (poured := Poured(case, translation).pour(*pieces)).out != whole.out
            or poured.ended != whole.ended
        ]

    def test_cuts(self) -> None:
        """A stream that is cut before it was said why the answer ended never ends well.

        Here at every third byte, beginning at another one each time; ``make fuzz`` cuts at each.
        """
        self.walk("events", "_cuts")

    def _cuts(self, case: Case) -> list[str]:
        wire = b"".join(pieces_of(case))
        earliest = earliest_end(case)
        translation = case.written()
        return [
            f"cut after {at} of {len(wire)} bytes it is taken for whole: {wire[:at][-60:]!r}"
            for at in range(_FIRST_CUT, len(wire) if earliest is None else earliest, _STEP)
            if Poured(case, translation).pour(wire[:at]).stream.finished
        ]


_ALL = os.environ.get("GOLDEN_CUTS") == "all"
_RANDOM_CUTS = 100 if _ALL else 3
_STEP = 1 if _ALL else 3
_FIRST_CUT = SEED % _STEP


def _random_pieces(wire: bytes, random: Random) -> list[bytes]:
    pieces = []
    at = 0
    while at < len(wire):
        size = random.choice((1, 2, 7, 30, 200))
        pieces.append(wire[at : at + size])
        at += size
    return pieces


class EveryTargetTests(SynchronousTestCase):
    """What was meant for one provider, as others get it."""

    maxDiff = None

    def test_requests(self) -> None:
        """Every request is one that its target takes, or a 400 that names a field."""
        wrong = []
        for number, case in enumerate(cases_with("sent")):
            for other in at_other_targets(case, number):
                try:
                    self._judge(other)
                except Exception as fault:  # noqa: BLE001 - any of them is shown beside its case
                    place = f"{case.title} to {other.target}, {other.model}"
                    wrong.append(f"{place}: {type(fault).__name__}: {str(fault)[:400]}")
        self.assertEqual("", "\n".join(wrong))

    def _judge(self, case: Case) -> None:
        try:
            with _judged(case):
                sent = case.written().sent
        except ApiError as refusal:
            self.assertEqual((400, True), (refusal.status, bool(refusal.param)), refusal.message)
            return
        assert sent is not None
        if case.get("served", True):
            judges.judge_served(case.target, sent, case.model)


class EveryDoorTests(GoldenTestCase):
    """What one door's callers get, callers of the others get in their own words."""

    def test_replies(self) -> None:
        """Every whole answer becomes one of every door, which its official SDK takes."""
        self.walk("reply", "_reply")

    def _reply(self, case: Case) -> list[str]:
        for other in at_other_doors(case):
            body = other.written().reply(judges.as_json(case.get("answer")))
            judges.judge_reply(other.door, body)
        return []

    def test_streams(self) -> None:
        """Every stream ends at every door as it ends at its own."""
        self.walk("events", "_stream")

    def _stream(self, case: Case) -> list[str]:
        wire = b"".join(pieces_of(case))
        found = []
        for other in at_other_doors(case):
            poured = Poured(other, other.written()).pour(wire)
            expected = not (case.get("failure") or case.get("cut"))
            found += differences(
                [expected, case.get("failure", "")], list(poured.ended[:2]), f"at {other.door}"
            )
            if poured.stream.finished:
                judges.judge_stream(other.door, poured.out)
            elif poured.stream.begun:
                found += broken_off(other, poured)
        return found


class FailureTests(GoldenTestCase):
    """Error answers, from a provider to a door."""

    def test_errors(self) -> None:
        """The status and the error that the caller gets, as the official SDK of the door has it."""
        self.walk("error", "_error")

    def _error(self, case: Case) -> list[str]:
        translation, failing = case.written(), case.get("failing")
        failure = translation.failure(
            failing["status"], judges.as_json(failing["body"]), failing.get("headers", {})
        )
        family = family_of(case)
        error = as_error(failure, family, own_credential=failing.get("own", False))
        body = error_body(family, error, "req_1")
        decoded: Any = decode(body)
        said: Any = {
            "status": error.status, **decoded["error"],
            "retry_after": error.retry_after, "should_retry": error.should_retry,
        }  # fmt: skip
        said.pop("request_id", None)
        kind = judges.judge_error(case.door, error.status, body)
        if family == "anthropic" and decoded["request_id"] != "req_1":
            return [f"it does not say which request: {decoded}"]
        return [
            *differences(case.get("error"), said, whole=True),
            *differences([error.status, decoded["error"]["type"]], list(kind), "SDK"),
        ]
