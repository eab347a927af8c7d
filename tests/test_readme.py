"""The README cannot rot: every example in it is run, every link in it leads somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.environment import AWS_CREDENTIALS, AWS_PLACES
from magicgateway.config.listening import Flags
from magicgateway.config.load import load
from magicgateway.config.settings import Settings
from magicgateway.demo.wording import SENTENCES
from tests.daemon import Daemon, clean_environment
from tests.house import ROOT, python_files
from tests.integration.running import KEY, running

README = (ROOT / "README.md").read_text()
ADDRESS = "http://127.0.0.1:3000"
GATEWAY_KEY = "a-key-of-the-gateway-0123456789"
VARIABLES = {
    **dict.fromkeys(re.findall(r"\b[A-Z]+_API_KEY\b", README), KEY),
    "AWS_ACCESS_KEY_ID": "AKIADEMOPROVIDER0001",
    "AWS_SECRET_ACCESS_KEY": "demo-secret-key-that-is-no-secret-000001",
    "AWS_BEARER_TOKEN_BEDROCK": "ABSKdemo-provider-api-key",
    "GATEWAY_KEY": GATEWAY_KEY,
    "GATEWAY_KEYS": f"# who has it\n{GATEWAY_KEY}\n",
}
NODE = ROOT / "tests" / "integration" / "node"
SECONDS = 60
SHELL = """\
set -euo pipefail
curl() { command curl --fail-with-body --silent --show-error --max-time 30 "$@"; echo; }
"""
EXPECTED = {
    '"stream": true': ["data: [DONE]"],
    "audio/transcriptions": ["SHA-256", '"id":"demo-slow"'],
    "magicgateway providers": ["groq", "https://api.groq.com/openai/v1"],
    "magicgateway check": ["drain_seconds = 30"],
}
"""What an example prints that prints none of the demo provider's sentences, by a part of it."""
STARTED_ELSEWHERE = ("make run", "twistd", "x-magicgateway-key")
"""Parts of examples that have a test of their own below."""


@frozen
class Block:
    """A fenced block."""

    language: str
    text: str


BLOCKS = [
    Block(*found)
    for found in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
]


def blocks(*languages: str) -> list[Block]:
    """The blocks in some languages; there is at least one."""
    found = [block for block in BLOCKS if block.language in languages]
    assert found
    return found


def block_with(part: str) -> Block:
    """The one shell example that has something in it."""
    (found,) = [block for block in blocks("sh") if part in block.text]
    return found


class ReadmeCase(SynchronousTestCase):
    """Runs examples in an empty folder with what they presume."""

    def setUp(self) -> None:
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.folder = Path(keep.name)
        (self.folder / "etc").symlink_to(ROOT / "etc")
        (self.folder / "speech.mp3").write_bytes(bytes(range(256)))

    def run_it(
        self,
        command: Sequence[str],
        text: str,
        *,
        address: str = "",
        folder: Path | None = None,
        environment: Mapping[str, str] = VARIABLES,
    ) -> str:
        """What an example printed; a failure of it is one of the test."""
        code = text.replace(ADDRESS, address or running().address)
        given = clean_environment(environment)
        given["PATH"] = f"{Path(sys.executable).parent}:{given['PATH']}"
        ran = subprocess.run(
            [*command, code],
            cwd=folder or self.folder,
            env=given,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
        said = ran.stdout.decode()
        self.assertEqual(0, ran.returncode, f"{text}\n{said}\n{ran.stderr.decode()}")
        return said

    def run_shell(self, text: str, *, address: str = "") -> str:
        """What a shell example printed."""
        return self.run_it(["bash", "-c"], SHELL + text, address=address)

    def assert_answered(self, said: str, text: str) -> None:
        """Check that the demo provider's words have arrived."""
        self.assertTrue(any(sentence in said for sentence in SENTENCES), f"{text}\n{said}")


class ExampleTests(ReadmeCase):
    """Every block is run."""

    def test_every_block_is_run(self) -> None:
        """There is no block in a language that these tests do not run."""
        kinds = {block.language for block in BLOCKS}
        self.assertEqual({"sh", "toml", "python", "js"}, kinds)
        self.assertEqual(2 * len(BLOCKS), len(re.findall(r"^```", README, re.MULTILINE)))

    def test_shell(self) -> None:
        """Shell examples succeed, and print what a reader expects."""
        for block in blocks("sh"):
            if any(part in block.text for part in STARTED_ELSEWHERE):
                continue
            said = self.run_shell(block.text)
            wanted = [words for part, words in EXPECTED.items() if part in block.text]
            for word in wanted[0] if wanted else ():
                self.assertIn(word, said, block.text)
            if not wanted:
                self.assert_answered(said, block.text)

    def test_python(self) -> None:
        """Python examples print an answer."""
        for block in blocks("python"):
            said = self.run_it([sys.executable, "-c"], block.text)
            self.assert_answered(said, block.text)

    def test_node(self) -> None:
        """Node examples print an answer."""
        for block in blocks("js"):
            said = self.run_it(["node", "--input-type=module", "-e"], block.text, folder=NODE)
            self.assert_answered(said, block.text)

    def test_configuration(self) -> None:
        """Each piece of configuration is a whole file that is accepted, and means what is said."""
        read = [settings_of(block.text) for block in blocks("toml")]
        local, alias, closed = read
        self.assertEqual("http://127.0.0.1:8000/v1", local.providers["local"].base_url)
        self.assertEqual(("groq/openai/gpt-oss-20b",), tuple(alias.models["fast"].targets))
        self.assertEqual(1, len(closed.server.keys))

    def test_closed(self) -> None:
        """With the keys of the example, its request is served; one without the key is not."""
        (toml,) = [block.text for block in blocks("toml") if "[server]" in block.text]
        base = {
            "MAGICGATEWAY__PROVIDERS__OPENAI__BASE_URL": f"{running().provider.address}/v1",
        }
        example = block_with("x-magicgateway-key").text
        with Daemon(toml=toml, environment=VARIABLES | base) as daemon:
            self.assert_answered(self.run_shell(example, address=daemon.address), example)
            keyless = re.sub(r'-H "x-magicgateway-key[^"]*"', "", example)
            with self.assertRaises(self.failureException) as refused:
                self.run_shell(keyless, address=daemon.address)
        self.assertIn("_key", str(refused.exception))


class StartTests(ReadmeCase):
    """How it is started."""

    def test_first_words(self) -> None:
        """The README opens with the two commands, and make knows both."""
        self.assertIs(BLOCKS[0], block_with("make run"))
        lines = [line.split("#")[0].split() for line in BLOCKS[0].text.splitlines()]
        self.assertEqual([["make", "run"], ["make", "test"]], lines)
        planned = [
            subprocess.run(
                ["make", "--no-print-directory", "--dry-run", goal],
                cwd=ROOT,
                capture_output=True,
                check=True,
            ).stdout.decode()
            for _, goal in lines
        ]
        self.assertIn("magicgateway run --demo", planned[0])
        self.assertIn("tests.run", planned[1])

    def test_daemon(self) -> None:
        """The command lines of twistd are right; here they only check the configuration."""
        for line in block_with("twistd").text.splitlines():
            said = self.run_shell(f"{line} --check-config")
            self.assertIn("tcp:3000:interface=127.0.0.1", said, line)


class ReferenceTests(SynchronousTestCase):
    """What the README points at."""

    def test_links(self) -> None:
        """Every link leads to a file of the project."""
        links = re.findall(r"\]\(([^)]+)\)", README)
        self.assertGreater(len(links), 10)
        self.assertEqual([], [link for link in links if not (ROOT / link).is_file()])

    def test_documents(self) -> None:
        """Every page for users is linked."""
        pages = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
        self.assertEqual([], [page for page in pages if f"({page})" not in README])

    def test_variables(self) -> None:
        """The table has AWS's variables too, and each of its variables is read somewhere."""
        table = [line for line in README.splitlines() if line.startswith("| `")]
        names = {name for line in table for name in re.findall(r"`([A-Z_]+)`", line.split("|")[1])}
        self.assertLessEqual({"HOST", "PORT", "MAX_CONNECTIONS"}, names)
        self.assertLessEqual({*AWS_CREDENTIALS, *AWS_PLACES}, names)
        text = "\n".join(source.text for source in python_files("magicgateway"))
        unknown = {name for name in names if not re.search(rf"\b{name}\b", text)}
        self.assertEqual(set(), unknown)


def settings_of(toml: str) -> Settings:
    """Settings from a configuration file of that text.

    Raises:
        ConfigError: It is not accepted.
    """
    return load(Flags(config="example.toml"), VARIABLES, lambda _: toml)
