from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.openai_responses.client_run import (
    BY_CALL,
    BY_OUTPUT,
    CLIENT_RUN,
    action_of,
    arguments_of,
)


class ClientRunTests(SynchronousTestCase):
    def test_actions(self) -> None:
        """Arguments that fit become what an item says is to be done; others fit nothing."""
        cases: list[tuple[str, Any, dict[str, Any] | None]] = [
            ("local_shell", {"command": ["ls"]}, {"type": "exec", "command": ["ls"], "env": {}}),
            ("local_shell", {"command": "ls -l", "env": {"A": "1"}, "user": "me"},
             {"type": "exec", "command": ["bash", "-lc", "ls -l"], "env": {"A": "1"},
              "user": "me"}),
            ("local_shell", {"command": [1]}, None),
            ("local_shell", {"command": ["ls"], "env": [1]}, None),
            ("local_shell", [], None),
            ("shell", {"commands": ["ls"], "timeout_ms": 5}, {"commands": ["ls"], "timeout_ms": 5}),
            ("shell", {"commands": "ls"}, {"commands": ["ls"]}),
            ("shell", {}, None),
            ("apply_patch", {"type": "create_file", "path": "a", "diff": "+x"},
             {"type": "create_file", "path": "a", "diff": "+x"}),
            ("apply_patch", {"type": "delete_file", "path": "a"},
             {"type": "delete_file", "path": "a"}),
            ("apply_patch", {"type": "update_file", "path": "a"}, None),
            ("apply_patch", {"type": "move_file", "path": "a", "diff": ""}, None),
            ("apply_patch", {"type": "delete_file"}, None),
            ("tool_search", {"query": "q"}, {"query": "q"}),
        ]  # fmt: skip
        for kind, given, expected in cases:
            self.assertEqual(expected, action_of(CLIENT_RUN[kind], json.dumps(given)), given)

    def test_bad_text(self) -> None:
        """Arguments that are no JSON fit nothing; none at all are an empty object."""
        self.assertIsNone(action_of(CLIENT_RUN["shell"], "{"))
        self.assertIsNone(action_of(CLIENT_RUN["shell"], "\ud800"))
        self.assertEqual({}, action_of(CLIENT_RUN["tool_search"], " "))

    def test_there_and_back(self) -> None:
        """What an item says is to be done is the same after it was a function's arguments."""
        actions: dict[str, Any] = {
            "local_shell": {"type": "exec", "command": ["ls"], "env": {"A": "1"}},
            "shell": {"commands": ["ls"], "max_output_length": 10},
            "apply_patch": {"type": "update_file", "path": "a", "diff": "@@"},
            "tool_search": {"query": "q"},
        }
        for kind, action in actions.items():
            tool = CLIENT_RUN[kind]
            self.assertEqual(action, action_of(tool, arguments_of(tool, action)))
        self.assertEqual("{}", arguments_of(CLIENT_RUN["shell"], None))

    def test_tables(self) -> None:
        """Each kind is found by the items that belong to it, and has a schema of an object."""
        self.assertEqual(len(CLIENT_RUN), len(BY_CALL))
        self.assertEqual(len(CLIENT_RUN), len(BY_OUTPUT))
        for tool in CLIENT_RUN.values():
            self.assertEqual("object", tool.schema["type"])
            self.assertLessEqual(set(tool.schema["required"]), set(tool.schema["properties"]))
