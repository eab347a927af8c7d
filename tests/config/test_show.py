from __future__ import annotations

import tomllib

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.schema import leaves, root
from magicgateway.config.secret import Secret
from magicgateway.config.settings import (
    LogSettings,
    ModelSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
)
from magicgateway.config.show import effective
from tests.config.sources import loaded


class EffectiveTests(SynchronousTestCase):
    def test_every_setting_is_there(self) -> None:
        """Each key that has a default is printed with it."""
        table = tomllib.loads(effective(Settings()))
        for path in leaves(root()):
            if "*" in path:
                continue
            shown = table
            value: object = Settings()
            for part in path:
                shown, value = shown[part], getattr(value, part)
            with self.subTest(path=path):
                self.assertEqual(list(value) if isinstance(value, tuple) else value, shown)

    def test_is_read_back(self) -> None:
        """What is printed is a configuration that gives the same settings."""
        settings = Settings(
            server=ServerSettings(listen=(r"tcp:1:interface=\:\:1", "unix:/a b")),
            log=LogSettings(level="off", file='/var/log/"log"'),
            providers={
                "a": ProviderSettings("openai", "http://h/v1", timeouts={"idle": 0.5}),
                "b": ProviderSettings(),
            },
            models={"a.b c": ModelSettings(("groq/x",))},
        )
        self.assertEqual(settings, loaded(effective(settings)))

    def test_secrets(self) -> None:
        """Secrets are named by their origin."""
        text = effective(
            Settings(
                server=ServerSettings(keys=(Secret("canary", "file:/k"),)),
                providers={"a": ProviderSettings(api_key=Secret("canary", "env:K"))},
                environment={"X_API_KEY": Secret("canary", "env:X_API_KEY")},
                warnings=("canary",),
            )
        )
        table = tomllib.loads(text)
        self.assertEqual(["<secret from file:/k>"], table["server"]["keys"])
        self.assertEqual({"api_key": "<secret from env:K>"}, table["providers"]["a"])
        self.assertNotIn("canary", text)

    def test_header_values(self) -> None:
        """Of a provider's header fields only the names are shown."""
        fields = {"OpenAI-Organization": "canary", "x-b": "canary"}
        text = effective(Settings(providers={"a": ProviderSettings(headers=fields)}))
        shown = tomllib.loads(text)["providers"]["a"]["headers"]
        self.assertEqual(dict.fromkeys(fields, "<value not shown>"), shown)
        self.assertNotIn("canary", text)

    def test_form(self) -> None:
        """It ends with one line end and has no empty first line."""
        text = effective(Settings())
        self.assertTrue(text.startswith("[server]\n"))
        self.assertTrue(text.endswith('"\n'))
