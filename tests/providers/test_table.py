"""The table of ``magicgateway providers``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.registry import Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from magicgateway.providers.table import provider_table
from tests.gateway import settings_of


class TableTests(SynchronousTestCase):
    def test_lines(self) -> None:
        """Name, dialect, base URL and where a key was found, never the key, in columns."""
        toml = '[providers.mine]\nbase_url = "http://10.0.0.1/v1"\n'
        settings = settings_of(toml, {"OPENAI_API_KEY": "sk-canary-canary"})
        table = provider_table(Registry(ROWS, GENERIC, settings))

        lines = {line.split()[0]: line.split(maxsplit=3) for line in table.splitlines()}
        self.assertEqual(["PROVIDER", "DIALECT", "BASE", "URL"], table.split()[:4])
        self.assertEqual(
            ["openai", "openai", "https://api.openai.com/v1", "found (env:OPENAI_API_KEY)"],
            lines["openai"],
        )
        self.assertEqual("none (set ANTHROPIC_API_KEY)", lines["anthropic"][3])
        self.assertEqual("none", lines["mine"][3])
        self.assertEqual("not needed", lines["lmstudio"][3])
        self.assertEqual(len(ROWS) + 2, len(table.splitlines()))
        starts = {line.index("http") for line in table.splitlines()[1:]}
        self.assertEqual(1, len(starts))
        self.assertNotIn("canary", table)
