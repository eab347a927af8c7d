"""The page of dependencies names what is declared."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions

from twisted.trial.unittest import SynchronousTestCase

from tests.house import ROOT, python_files

PAGE = ROOT / "docs" / "design" / "dependencies.md"
_NAME = re.compile(r"[A-Za-z0-9._-]+(?:\[[a-z,]+\])?")
_IMPORT = re.compile(r"^\s*(?:from|import) (\w+)", re.MULTILINE)


def declared() -> dict[str, list[str]]:
    """The sections of the page, and the names that ``pyproject.toml`` declares for each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"Runtime": project["dependencies"], "Tests": project["optional-dependencies"]["test"]}
    return {
        section: sorted(found[0] for text in texts if (found := _NAME.match(text)))
        for section, texts in groups.items()
    }


def described() -> dict[str, list[str]]:
    """The sections of the page, and the headings in each."""
    return {
        section.partition("\n")[0]: sorted(re.findall(r"^### (.+)$", section, re.MULTILINE))
        for section in PAGE.read_text().split("\n## ")[1:]
    }


def imported() -> set[str]:
    """The packages that some line of the gateway imports, anywhere in a module."""
    found: set[str] = set()
    for path in (ROOT / "magicgateway").rglob("*.py"):
        found.update(_IMPORT.findall(path.read_text()))
    return found


def plain(name: str) -> str:
    """A distribution's name as all its spellings have in common."""
    return name.partition("[")[0].lower().replace("_", "-")


class DependenciesPageTests(SynchronousTestCase):
    """``docs/design/dependencies.md``."""

    def test_every_dependency(self) -> None:
        """Every declared dependency has its heading, and no heading is left of an old one."""
        self.assertEqual(declared(), described())

    def test_every_reason(self) -> None:
        """Every heading has a text, and a runtime dependency's says who keeps it."""
        runtime, tests = PAGE.read_text().split("\n## ")[1:]
        silent = [part for part in tests.split("\n### ")[1:] if len(part.split()) < 5]
        unkept = [
            part.partition("\n")[0]
            for part in runtime.split("\n### ")[1:]
            if not re.search(r"\bKept (?:by|within)\b", part)
        ]
        self.assertEqual(([], []), (silent, unkept))

    def test_every_dependency_is_used(self) -> None:
        """Whatever is installed with the gateway is imported by it."""
        providing = packages_distributions()
        used = {plain(name) for package in imported() for name in providing.get(package, ())}
        self.assertEqual([], [n for n in declared()["Runtime"] if plain(n) not in used])

    def test_every_import_is_declared(self) -> None:
        """Whatever is imported is declared by name, and not only what another package needs."""
        groups, providing = declared(), packages_distributions()
        for folders, sections in (
            (("magicgateway", "twisted"), ("Runtime",)),
            (("tests", "bench"), ("Runtime", "Tests")),
        ):
            known = {plain(name) for section in sections for name in groups[section]}
            packages = {
                name.partition(".")[0]
                for one in python_files(*folders)
                for name in one.facts.imports
            }
            undeclared = {
                package
                for package in packages - {"magicgateway", "tests", "bench"}
                if (names := {plain(name) for name in providing.get(package, ())})
                and not names & known
            }
            self.assertEqual(set(), undeclared, folders)
