from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config import environment, log_level
from magicgateway.config.schema import leaves, root
from magicgateway.config.settings import Settings
from tests.config.sources import loaded
from tests.house import ROOT

SAMPLE = (ROOT / "etc" / "magicgateway.toml").read_text()
PAGE = (ROOT / "docs" / "configuration.md").read_text()
_EXAMPLE = re.compile(r"^# (?=# |\w+ = |\[)", re.MULTILINE)


class SampleTests(SynchronousTestCase):
    def test_holds_the_defaults(self) -> None:
        """The sample file changes nothing: each value in it is the code's default."""
        self.assertEqual(Settings(), loaded(SAMPLE))

    def test_has_every_key(self) -> None:
        """Every key stands in its own table, as a line; those of chosen names as an example."""
        text = _EXAMPLE.sub("", SAMPLE)
        tables: dict[str, set[str]] = {}
        name = ""
        for line in text.splitlines():
            if found := re.fullmatch(r"\[([\w.]+)\]", line):
                name = re.sub(r"^(providers|models)\.\w+", r"\1.*", found[1])
            elif found := re.match(r"(\w+) = ", line):
                tables.setdefault(name, set()).add(found[1])
        wanted = {".".join(path) for path in leaves(root())}
        timeouts = {path for path in wanted if path.startswith("providers.*.timeouts.")}
        missing = {
            path
            for path in wanted - timeouts
            if path.rpartition(".")[2] not in tables.get(path.rpartition(".")[0], ())
        }
        self.assertEqual(set(), missing)
        self.assertIn("[providers.openai.timeouts]", text)

    def test_every_key_has_an_example(self) -> None:
        """Each default stands below an example with another value."""
        lines = SAMPLE.splitlines()
        for number, line in enumerate(lines):
            if found := re.match(r"(\w+) = ", line):
                before = lines[number - 1]
                with self.subTest(line=line):
                    self.assertTrue(before.startswith(f"# {found[1]} = "), before)
                    self.assertNotEqual(f"# {line}", before)

    def test_examples_are_accepted(self) -> None:
        """The commented examples of providers and aliases are valid when they are let in."""
        examples = _EXAMPLE.sub("", SAMPLE[SAMPLE.index("# [providers.openai]") :])
        kept = "\n".join(line for line in examples.splitlines() if re.match(r"\[|\w+ = ", line))
        secrets = ("openai", "aws-key-id", "aws-secret-key", "aws-token")
        settings = loaded(kept, None, None, {f"/run/secrets/{name}": "s3" for name in secrets})
        self.assertEqual({"openai", "local", "frankfurt"}, set(settings.providers))
        self.assertEqual({"fast"}, set(settings.models))


class PageTests(SynchronousTestCase):
    def test_every_key(self) -> None:
        """The page names every setting in full."""
        names = (".".join(path).replace("*", "NAME") for path in leaves(root()))
        self.assertEqual([], [name for name in names if f"`{name}`" not in PAGE])

    def test_defaults(self) -> None:
        """The page's defaults are the code's."""
        rows = dict(re.findall(r"^\| `([a-z_.]+)` \| `(.*?)` \|", PAGE, re.MULTILINE))
        text = "\n".join(f"{name} = {value}" for name, value in rows.items())
        self.assertEqual(Settings(), loaded(text))
        wanted = {".".join(path) for path in leaves(root()) if "*" not in path}
        self.assertEqual(wanted, set(rows))

    def test_every_variable(self) -> None:
        """The page names every variable that is read, and those that have no effect."""
        names = [
            "HOST",
            "PORT",
            environment.CONFIG,
            environment.MAX_CONNECTIONS,
            *log_level.VARIABLES,
            *environment.AWS_CREDENTIALS,
            *environment.AWS_PLACES,
            *environment.CREDENTIAL_ENDINGS,
            *environment.WITHOUT_EFFECT,
        ]
        self.assertEqual([], [name for name in names if f"`{name}`" not in PAGE])

    def test_examples(self) -> None:
        """The page's TOML examples are accepted."""
        secrets = {
            "/run/secrets/openai": "s3",
            "/etc/magicgateway/keys": "0123456789abcdef",
        }
        examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
        self.assertNotEqual([], examples)
        for example in examples:
            self.assertNotEqual(Settings(), loaded(example, None, None, dict(secrets)))
