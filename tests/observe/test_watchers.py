from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.facts import Finished
from magicgateway.observe.watchers import Observers, request_log
from tests.observe.sample import finished


class ObserversTests(SynchronousTestCase):
    def test_order(self) -> None:
        """Every watcher is called with each fact, in order."""
        calls: list[tuple[str, Finished]] = []
        observers = Observers([lambda f: calls.append(("a", f)), lambda f: calls.append(("b", f))])
        fact = finished()
        observers.finished(fact)
        self.assertEqual([("a", fact), ("b", fact)], calls)

    def test_a_failure_hurts_nobody(self) -> None:
        """A watcher that raises hides no fact from the others, and is told of once."""
        seen: list[Finished] = []

        def broken(fact: Finished) -> None:
            raise ZeroDivisionError(fact.method)

        observers = Observers([broken, seen.append])
        for _ in range(3):
            observers.finished(finished())
        self.assertEqual(3, len(seen))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_one_bad_fact_does_not_end_the_log(self) -> None:
        """A watcher that could not take one fact gets the next one."""
        seen: list[str] = []

        def picky(fact: Finished) -> None:
            if fact.method == "BAD":
                raise ValueError
            seen.append(fact.method)

        observers = Observers([picky])
        for method in ("GET", "BAD", "POST"):
            observers.finished(finished(method=method))
        self.assertEqual(["GET", "POST"], seen)
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))


class RequestLogTests(SynchronousTestCase):
    def test_one_line_per_exchange(self) -> None:
        """Each fact is spelled and written once."""
        lines: list[bytes] = []
        watch = request_log(lines.append, lambda fact: fact.request_id.encode() + b"\n")
        watch(finished(request_id="req_1"))
        self.assertEqual([b"req_1\n"], lines)
