"""All pages: links lead somewhere, and examples work."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.house import ROOT
from tests.integration.running import running
from tests.test_readme import ADDRESS, ReadmeCase, settings_of

PAGES = sorted((ROOT / "docs").rglob("*.md"))
EXAMPLES = ("bedrock.md", "translation.md", "doors/chat.md", "doors/responses.md",
            "doors/messages.md", "doors/embeddings.md")  # fmt: skip
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PATH = re.compile(r"`((?:magicgateway|tests|docs|etc)/[\w./-]+)`")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The headings of a page as addresses have them."""
    found = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in
             _HEADING.findall(page.read_text()))  # fmt: skip
    return {heading.replace(" ", "-") for heading in found}


def lost_links(page: Path) -> Iterator[str]:
    """Links to files of the project, or headings in them, that are not there."""
    for link in _LINK.findall(page.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield f"{page.relative_to(ROOT)}: {link}"


class LinkTests(SynchronousTestCase):
    def test_links(self) -> None:
        """Every link from one page to another leads to a file, and to a heading if it names one."""
        self.assertEqual([], [lost for page in PAGES for lost in lost_links(page)])

    def test_paths(self) -> None:
        """Every module, folder or file of the project that a page names is there."""
        named = {(page.name, path) for page in PAGES for path in _PATH.findall(page.read_text())}
        self.assertTrue(named)
        self.assertEqual([], sorted(one for one in named if not (ROOT / one[1]).exists()))


class ClientsTests(SynchronousTestCase):
    """``docs/clients.md``."""

    def setUp(self) -> None:
        self.text = (ROOT / "docs" / "clients.md").read_text()

    def test_versions(self) -> None:
        """The versions that it names are those that the clients' own tests install."""
        package = ROOT / "tests" / "clients" / "package.json"
        versions = json.loads(package.read_text())["dependencies"]
        named = {
            "@anthropic-ai/claude-code": re.findall(r"Claude Code (\d[\d.]*\d)", self.text),
            "@openai/codex": re.findall(r"Codex (\d[\d.]*\d)", self.text),
        }
        self.assertEqual({name: [version] for name, version in versions.items()}, named)

    def test_codex(self) -> None:
        """Codex's configuration names a provider that it has, at the gateway's address."""
        ((_, text),) = [block for block in _BLOCK.findall(self.text) if block[0] == "toml"]
        given = tomllib.loads(text)
        chosen = given["model_providers"][given["model_provider"]]
        self.assertEqual((f"{ADDRESS}/v1", "responses"), (chosen["base_url"], chosen["wire_api"]))


class ExampleTests(ReadmeCase):
    """What the pages about translation show."""

    def test_requests(self) -> None:
        """Every request is answered."""
        asked = 0
        for name in EXAMPLES:
            for language, text in _BLOCK.findall((ROOT / "docs" / name).read_text()):
                if language == "sh":
                    self.assertIn(ADDRESS, text)
                    self.assertTrue(self.run_shell(text, address=running().address), text)
                    asked += 1
        self.assertGreaterEqual(asked, len(EXAMPLES))

    def test_configuration(self) -> None:
        """Every piece of configuration is a whole file that is accepted."""
        read = 0
        for name in EXAMPLES:
            for language, text in _BLOCK.findall((ROOT / "docs" / name).read_text()):
                if language == "toml":
                    settings_of(text)
                    read += 1
        self.assertGreater(read, 1)
