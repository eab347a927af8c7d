"""Which refusals are answered by asking once more in another way."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.policy.repair import repair_after

ALL = {"shaped": True, "streamed": True, "renewable": True}


class RepairTests(SynchronousTestCase):
    def test_table(self) -> None:
        """Each way is tried once, and only where there is something to change."""
        everything = {"schema", "unary", "credentials"}
        cases: list[tuple[str | None, str | None, set[str], dict[str, bool]]] = [
            (None, None, set(), {}),
            (None, "no-such", set(), {}),
            ("schema", "schema", set(), {}),
            ("schema", "schema", {"unary", "credentials"}, {}),
            (None, "schema", {"schema"}, {}),
            (None, "schema", set(), {"shaped": False}),
            ("schema", "schema", set(), {"streamed": False, "renewable": False}),
            ("unary", "unary", set(), {}),
            ("unary", "unary", {"schema"}, {}),
            (None, "unary", {"unary"}, {}),
            (None, "unary", set(), {"streamed": False}),
            ("unary", "unary", set(), {"shaped": False, "renewable": False}),
            ("credentials", "credentials", set(), {}),
            ("credentials", "credentials", {"schema", "unary"}, {}),
            (None, "credentials", {"credentials"}, {}),
            (None, "credentials", set(), {"renewable": False}),
            ("credentials", "credentials", set(), {"shaped": False, "streamed": False}),
            *((None, outcome, everything, {}) for outcome in (None, *everything)),
        ]
        for expected, outcome, tried, change in cases:
            with self.subTest(outcome=outcome, tried=tried, change=change):
                self.assertEqual(expected, repair_after(outcome, tried, **{**ALL, **change}))
