"""Every machine code that the source can raise, with its statuses, found without running it.

A code is the second argument of ``ApiError``, ``UpstreamError`` or ``BadHead``. Where it is a name,
the constants that the name can stand for are looked up in the same module: what is assigned to it,
and what callers pass for the parameter of that name.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.house import Source, python_files

ERRORS = {"ApiError", "UpstreamError", "BadHead"}


def find_codes() -> dict[str, set[int]]:
    """Code to statuses, of everything that can reach a caller; the demo provider's left out."""
    sources = python_files("magicgateway")
    return codes_in(source for source in sources if "/demo/" not in source.name)


def codes_in(sources: Iterable[Source]) -> dict[str, set[int]]:
    """Code to statuses, of some modules.

    Raises:
        ValueError: A code or a status cannot be told from the source.
    """
    found: dict[str, set[int]] = defaultdict(set)
    for source in sources:
        for call in _error_calls(source):
            status, code = call.args[:2]
            if isinstance(code, ast.Attribute):
                continue  # another error's own code, said again
            number = getattr(status, "value", None)
            if type(number) is not int:
                raise ValueError(f"{source.path}:{call.lineno}: the status is not a number")
            if not _is_internal(call, number):
                for text in _texts(source, code, call):
                    found[text].add(number)
    return dict(found)


def _error_calls(source: Source) -> Iterator[ast.Call]:
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ERRORS
            and len(node.args) > 1
        ):
            yield node


def _is_internal(call: ast.Call, status: int) -> bool:
    """A fault in a provider's head is told to the attempt, which has a code of its own for it."""
    return isinstance(call.func, ast.Name) and call.func.id == "BadHead" and status == 502


def _texts(source: Source, code: ast.expr, call: ast.Call) -> set[str]:
    """Everything that the expression of a code can be."""
    texts: set[str] = set()
    if isinstance(code, ast.JoinedStr):
        texts = {""}
        for part in code.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            texts = {left + right for left in texts for right in _texts(source, inner, call)}
    elif isinstance(code, ast.Name):
        texts = {
            node.value
            for value in _values_of(source, code.id, call)
            for node in ast.walk(value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    elif isinstance(code, ast.Constant):
        texts = {str(code.value)}
    if not texts:
        raise ValueError(f"{source.path}:{call.lineno}: what is the code here?")
    return texts


def _values_of(source: Source, name: str, call: ast.Call) -> Iterator[ast.expr]:
    """What is assigned to a name, or passed for it, around a call."""
    around = [node for node in source.functions() if call in ast.walk(node)][-1]
    for node in ast.walk(around):
        if isinstance(node, ast.Assign) and name in {
            target.id for target in node.targets if isinstance(target, ast.Name)
        }:
            yield node.value
    parameters = [argument.arg for argument in around.args.args if argument.arg != "self"]
    if name not in parameters:
        return
    position = parameters.index(name)
    for node in ast.walk(source.tree):
        called = node.func if isinstance(node, ast.Call) else None
        if getattr(called, "id", getattr(called, "attr", "")) == around.name:
            assert isinstance(node, ast.Call)
            yield node.args[position]
