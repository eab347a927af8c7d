"""Options of OpenAI's interpreter of code."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import OPENAI
from magicgateway.conversation.code_container import leave_container
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import HostedTool
from magicgateway.errors import ApiError


def left(**options: Any) -> list[str]:
    """What is reported of a declaration with these options."""
    raw = {"type": "code_interpreter", **options}
    ledger = Ledger()
    tool = HostedTool(kind="code_execution", raw=raw, family=OPENAI, name="c", field="t")
    leave_container(tool, ledger, "Theirs")
    return [note.line() for note in ledger.notes]


class ContainerTests(SynchronousTestCase):
    def test_new(self) -> None:
        """A new container is what everybody has; what else is said of it is reported."""
        self.assertEqual([], left(container={"type": "auto"}))
        self.assertEqual([], left(container={"type": "auto", "file_ids": [], "memory_limit": None}))
        self.assertEqual([], left())
        self.assertEqual(
            [
                "t.container.memory_limit;dropped;unsupported-by-target",
                "t.container.network_policy;dropped;unsupported-by-target",
                "t.allowed_callers;dropped;unsupported-by-target",
            ],
            left(
                container={"type": "auto", "network_policy": {}, "memory_limit": "4g"},
                allowed_callers=["direct"],
            ),
        )

    def test_old(self) -> None:
        """A container of OpenAI's, or its files, cannot be had elsewhere."""
        for container, field in (
            ("cntr_1", "t.container"),
            ({"type": "odd"}, "t.container"),
            ({"type": "auto", "file_ids": ["file-1"]}, "t.container.file_ids"),
        ):
            refused = self.assertRaises(ApiError, left, container=container)
            self.assertEqual((400, field), (refused.status, refused.param))
