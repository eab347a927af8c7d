"""The project's own source as the house rules see it: files, trees, imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path

from attrs import define, field, frozen

ROOT = Path(__file__).resolve().parent.parent
CODE = ("magicgateway", "tests", "bench", "twisted")
_FOREIGN = {"node_modules", "__pycache__", "build", "dist", "results"}
_TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".service", ".mjs", ".json", ".cfg", ".txt", ""}


@frozen
class Definition:
    """A function, a method or a class."""

    name: str
    line: int
    lines: int
    documented: bool


@define
class Facts:
    """What the house rules ask of one file. It stays, the file's tree does not."""

    functions: list[Definition] = field(factory=list)
    """Methods and nested ones too."""
    classes: list[Definition] = field(factory=list)
    tests: list[Definition] = field(factory=list)
    """The methods that trial would run."""
    imports: list[str] = field(factory=list)
    """Dotted names, ``package.name`` for ``from package import name``."""
    imports_at_once: list[str] = field(factory=list)
    """Those of them that importing the module imports: all but what stands in functions."""
    attributes: set[str] = field(factory=set)
    """Every ``name.attribute`` that is used, for example ``os.environ``."""
    names: set[str] = field(factory=set)
    """Every name that is imported, defined or used, as a whole or behind a dot."""
    strings: list[tuple[int, str]] = field(factory=list)
    """Constants, each with its line."""


@define(slots=False)
class Source:
    """One Python file. It is a class because it is parsed once, on demand."""

    path: Path

    @property
    def name(self) -> str:
        """The path from the project's root, with slashes."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def module(self) -> str:
        """The dotted name; a package's ``__init__`` is the package."""
        return self.name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    @cached_property
    def text(self) -> str:
        """The file's text."""
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, self.name)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    @cached_property
    def facts(self) -> Facts:
        """What the house rules ask; found in one walk."""
        tree = ast.parse(self.text, self.name)
        facts = Facts()
        for node in _nodes(tree):
            _learn(facts, node)
        facts.imports_at_once = [name for node in _at_import(tree) for name in _imported(node)]
        return facts


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node, in no order; three times as fast as ``ast.walk``, which knows less of nodes."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        for value in node.__dict__.values():
            if isinstance(value, ast.AST):
                left.append(value)
            elif isinstance(value, list):
                left += [inner for inner in value if isinstance(inner, ast.AST)]


def _learn(facts: Facts, node: ast.AST) -> None:
    """Add what one node tells."""
    if isinstance(node, ast.Name):
        facts.names.add(node.id)
    elif isinstance(node, ast.Attribute):
        facts.names.add(node.attr)
        if isinstance(node.value, ast.Name):
            facts.attributes.add(f"{node.value.id}.{node.attr}")
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            facts.strings.append((node.lineno, node.value))
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        facts.names.add(node.name)
        facts.functions.append(_definition(node))
    elif isinstance(node, ast.ClassDef):
        facts.names.add(node.name)
        facts.classes.append(_definition(node))
        facts.tests.extend(
            _definition(item)
            for item in node.body
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
            and item.name.startswith("test_")
        )
    elif isinstance(node, ast.Import | ast.ImportFrom):
        facts.names.update(alias.name for alias in node.names)
        facts.imports.extend(_imported(node))


def _definition(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Definition:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    return Definition(node.name, node.lineno, lines, ast.get_docstring(node) is not None)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported: all but the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _at_import(child)


@cache
def python_files(*folders: str) -> tuple[Source, ...]:
    """The Python files below some folders, by default all of the project's; each is parsed once."""
    if not folders:
        return tuple(source for folder in CODE for source in python_files(folder))
    return tuple(
        Source(path)
        for folder in folders
        for path in sorted(_files(ROOT / folder))
        if path.suffix == ".py"
    )


def _files(folder: Path) -> Iterator[Path]:
    """Every file below a folder, without what is not the project's own."""
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink() and path.name not in _FOREIGN:
            yield from _files(path)


def text_files() -> Iterator[Path]:
    """Every text file of the project, hidden folders left out but for the one of the checks."""
    top = [path for path in ROOT.iterdir() if path.is_file()]
    folders = [
        path
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith("_trial_temp") and path.name not in _FOREIGN
    ]
    shown = (path for path in folders if path.name == ".ci" or not path.name.startswith("."))
    for path in sorted((*top, *(found for folder in shown for found in _files(folder)))):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(("_trial_temp", ".")) for part in parts)
        if hidden and parts[0] not in (".ci", ".dockerignore", ".gitignore"):
            continue
        foreign = _FOREIGN & set(parts) or any(part.endswith(".egg-info") for part in parts)
        if path.is_file() and path.suffix in _TEXT and not foreign:
            yield path


def room_of(module: str) -> str:
    """The room of a dotted name: ``magicgateway.wire.sse`` is in ``wire``; else empty."""
    parts = module.split(".")
    return parts[1] if parts[0] == "magicgateway" and len(parts) > 1 else ""
