from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.client_tools import as_function
from magicgateway.conversation.request import Tool


class AsFunctionTests(SynchronousTestCase):
    def test_functions_stay(self) -> None:
        """A function is one already."""
        tool = Tool(name="f")
        self.assertIs(tool, as_function(tool))

    def test_families_kinds(self) -> None:
        """Tools that a family's models know by their kind alone are told of in a schema."""
        for kind, needed in (
            ("bash_20250124", []),
            ("text_editor_20250728", ["command", "path"]),
            ("memory_20250818", ["command"]),
            ("computer_20251124", ["action"]),
        ):
            tool = as_function(Tool(name="t", kind=kind, raw={"type": kind}, family="anthropic"))
            assert tool is not None
            assert tool.schema is not None
            self.assertEqual(
                ("t", "function", needed, None),
                (tool.name, tool.kind, tool.schema["required"], tool.raw),
            )
            self.assertTrue(tool.description)

    def test_own_schema(self) -> None:
        """A reader that knows what its tool takes has said so."""
        tool = as_function(Tool(name="local_shell", kind="local_shell", schema={"type": "object"}))
        assert tool is not None
        self.assertEqual(("function", {"type": "object"}), (tool.kind, tool.schema))

    def test_unknown_kinds(self) -> None:
        """What nobody knows the arguments of cannot be declared."""
        self.assertIsNone(as_function(Tool(name="x", kind="x_20300101")))
