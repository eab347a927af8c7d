"""The words of ``x-magicgateway-warning``: where they are given, and how a page lists them."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from magicgateway.conversation.notes import CLAMPED, DROPPED, EMULATED, REWRITTEN
from magicgateway.conversation.reasons import Reason
from tests.house import Source

ACTIONS = {"drop": DROPPED, "clamp": CLAMPED, "emulate": EMULATED, "rewrite": REWRITTEN}
_LINE = re.compile(r"[^\s;`\"]+;(?:dropped|clamped|emulated|rewritten);([\w-]+)")


def table() -> str:
    """A Markdown table of all words and what they mean."""
    rows = [["Reason", "Meaning"], ["---", "---"]]
    rows += [[f"`{reason.shown}`", reason.about] for reason in sorted(Reason)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def is_known(word: str) -> bool:
    """Whether a reason in a header line is one of the vocabulary's."""
    return any(
        word.startswith(f"{reason.value}-") if reason.detail else word == reason.value
        for reason in Reason
    )


def words_in(text: str) -> Iterator[str]:
    """The reasons of all header lines that a text quotes."""
    yield from (found[1] for found in _LINE.finditer(text))


def strange_reasons(sources: Iterable[Source]) -> list[str]:
    """Places where a difference is told for a reason that is no member of the vocabulary.

    A variable may stand there: the type checker sees to it that it is one.
    """
    return [
        f"{source.path.name}:{reason.lineno}: {ast.unparse(reason)}"
        for source in sources
        for reason in _reasons(source)
        if isinstance(reason, ast.Constant | ast.JoinedStr | ast.BinOp)
    ]


def used(sources: Iterable[Source]) -> dict[str, set[str]]:
    """The names of the members that are spoken of, to the modules that do."""
    found: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "Reason":
                found[node.attr].add(source.path.name)
    return dict(found)


def _reasons(source: Source) -> Iterator[ast.expr]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        position = {"Note": 2, **dict.fromkeys(ACTIONS, 1)}.get(name)
        if position is None or not node.args:
            continue
        yield from node.args[position : position + 1]
        yield from (keyword.value for keyword in node.keywords if keyword.arg == "reason")
