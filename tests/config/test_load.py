from __future__ import annotations

import json
import traceback

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.listening import Flags
from magicgateway.config.load import load
from magicgateway.config.schema import leaves, root
from magicgateway.config.settings import (
    CorsSettings,
    ModelSettings,
    ProviderSettings,
    Settings,
    TimeoutSettings,
)
from magicgateway.config.show import effective
from magicgateway.errors import ConfigError
from tests.config.sources import files, loaded, refused

CANARY = "sk-canary-0123456789abcdef"
KEY = "gateway-key-0123456789"


class SourceTests(SynchronousTestCase):
    def test_nothing(self) -> None:
        """Without any source, the settings are the defaults."""
        self.assertEqual(Settings(), loaded())

    def test_file(self) -> None:
        """Every table of a file arrives, and what it leaves out keeps its default."""
        settings = loaded(
            """
            [server]
            cors = { origins = ["https://a"], credentials = true }
            [timeouts]
            idle = 7
            [providers.Local]
            dialect = "openai"
            base_url = "http://127.0.0.1:8000/v1"
            headers = { X-Org = "a" }
            timeouts = { idle = 9 }
            [providers.empty]
            [models.fast]
            targets = ["groq/a/b"]
            """
        )
        self.assertEqual(CorsSettings(("https://a",), credentials=True), settings.server.cors)
        self.assertEqual(TimeoutSettings(idle=7.0), settings.timeouts)
        expected = ProviderSettings(
            "openai", "http://127.0.0.1:8000/v1", None, {"X-Org": "a"}, {"idle": 9.0}
        )
        self.assertEqual({"local": expected, "empty": ProviderSettings()}, settings.providers)
        self.assertEqual({"fast": ModelSettings(("groq/a/b",))}, settings.models)

    def test_which_file(self) -> None:
        """--config beats MAGICGATEWAY_CONFIG, which .env may set; an empty one names none."""
        contents = {"a": "[log]\nlevel='off'", "b": "[log]\nlevel='debug'"}
        cases = [
            ("off", Flags(config="a"), {"MAGICGATEWAY_CONFIG": "b"}, {}),
            ("debug", Flags(), {"MAGICGATEWAY_CONFIG": "b"}, {}),
            ("debug", Flags(), {}, {".env": "MAGICGATEWAY_CONFIG=b"}),
            ("info", Flags(), {"MAGICGATEWAY_CONFIG": ""}, {".env": "MAGICGATEWAY_CONFIG=b"}),
        ]
        for expected, flags, environment, more in cases:
            settings = loaded(None, environment, flags, {**contents, **more})
            self.assertEqual(expected, settings.log.level)
        self.assertEqual("none", refused(flags=Flags(config="none")).source)

    def test_precedence(self) -> None:
        """MAGICGATEWAY__ beats the plain variables, which beat the file, which beats defaults."""
        toml = "[server]\nmax_connections = 1\n[log]\nlevel = 'off'"
        plain = {"MAX_CONNECTIONS": "2", "LOG_LEVEL": "warn"}
        own = {"MAGICGATEWAY__SERVER__MAX_CONNECTIONS": "3", "MAGICGATEWAY__LOG__LEVEL": "error"}
        cases = [
            ((10_000, "info"), loaded()),
            ((1, "off"), loaded(toml)),
            ((2, "warn"), loaded(toml, plain)),
            ((3, "error"), loaded(toml, {**plain, **own})),
        ]
        for expected, settings in cases:
            found = (settings.server.max_connections, settings.log.level)
            self.assertEqual(expected, found)

    def test_merging(self) -> None:
        """A variable replaces one key of a table and leaves its neighbours."""
        settings = loaded(
            "[providers.a]\nbase_url = 'http://h/v1'\ntimeouts = {idle = 1, total = 2}",
            {"MAGICGATEWAY__PROVIDERS__A__TIMEOUTS__IDLE": "3"},
        )
        expected = ProviderSettings(base_url="http://h/v1", timeouts={"idle": 3.0, "total": 2.0})
        self.assertEqual(expected, settings.providers["a"])

    def test_wrong_in_the_file_though_overridden(self) -> None:
        """A mistake in the file is told even where a variable would win."""
        error = refused("[timeouts]\nidle = 'x'", {"MAGICGATEWAY__TIMEOUTS__IDLE": "3"})
        self.assertEqual(("etc/gw.toml", "timeouts.idle"), (error.source, error.key))

    def test_base_urls_of_other_programs(self) -> None:
        """OPENAI_BASE_URL and its kin change nothing: people point them at the gateway."""
        environment = dict.fromkeys(("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"), "http://evil/v1")
        self.assertEqual(Settings(), loaded(None, environment))


class SecretTests(SynchronousTestCase):
    def test_keys(self) -> None:
        """Keys are gathered from every place, each once."""
        settings = loaded(
            "[server]\nkeys = ['env:KEYS', 'file:/keys']",
            {"KEYS": f"{KEY}1"},
            others={"/keys": f"# team\n{KEY}2\n\n{KEY}1\n"},
        )
        found = [(key.reveal(), key.origin) for key in settings.server.keys]
        self.assertEqual([(f"{KEY}1", "env:KEYS"), (f"{KEY}2", "file:/keys")], found)

    def test_keys_are_never_missing_in_silence(self) -> None:
        """A gateway that was meant to be closed does not start open."""
        for environment, others in (
            ({}, {}),
            ({"K": ""}, {}),
            ({"K": "# comment"}, {}),
            ({}, {".env": PermissionError(13, "no")}),
        ):
            refused("[server]\nkeys = ['env:K']", environment, None, others)
        refused(None, {"MAGICGATEWAY__SERVER__KEYS": ""})

    def test_credential(self) -> None:
        """A provider's credential comes from where the file says, .env included."""
        toml = "[providers.a]\napi_key = 'env:MY_KEY'"
        secret = loaded(toml, {}, None, {".env": "MY_KEY=s3"}).providers["a"].api_key
        assert secret is not None
        self.assertEqual(("s3", "env:MY_KEY"), (secret.reveal(), secret.origin))
        error = refused(toml)
        self.assertEqual(("etc/gw.toml", "providers.a.api_key"), (error.source, error.key))
        self.assertIn("MY_KEY", str(error))

    def test_reference_that_lost_is_not_followed(self) -> None:
        """A reference of the file that a variable overrides need not exist."""
        settings = loaded(
            "[providers.a]\napi_key = 'env:GONE'",
            {"MAGICGATEWAY__PROVIDERS__A__API_KEY": "env:HERE", "HERE": "s3"},
        )
        secret = settings.providers["a"].api_key
        assert secret is not None
        self.assertEqual("s3", secret.reveal())

    def test_environment(self) -> None:
        """Credentials of the environment are there by name."""
        settings = loaded(None, {"GROQ_API_KEY": "s3", "EMPTY_API_KEY": " "})
        self.assertEqual({"GROQ_API_KEY"}, set(settings.environment))


class CrossTests(SynchronousTestCase):
    def test_cors(self) -> None:
        """Credentials with any origin are refused, wherever the two were written."""
        error = refused("[server.cors]\ncredentials = true")
        self.assertEqual("server.cors.credentials", error.key)
        error = refused(None, {"MAGICGATEWAY__SERVER__CORS__CREDENTIALS": "true"})
        self.assertEqual("environment", error.source)

    def test_alias_without_target(self) -> None:
        """An alias that stands for nothing is refused."""
        self.assertEqual("models.fast.targets", refused("[models.fast]").key)

    def test_warnings(self) -> None:
        """What was noticed on the way is kept to be logged."""
        settings = loaded(
            None, {"TCP_NODELAY": "true", "X_API_KEY": "a b"}, None, {".env": '"bad\n'}
        )
        self.assertEqual(3, len(settings.warnings))


PLACES = [".".join(path) for path in leaves(root())]
ANYWHERE = st.sampled_from([path.replace("*", "openai") for path in PLACES])
SHAPES = st.sampled_from(
    [
        "{}",
        "env:{}",
        "file:{}",
        "https://u:{}@h/v1",
        "https://h/v1?key={}",
        "Bearer {}",
        "{}\n",
        " {} ",
    ]
)
SHOWN = ("listen", "default_provider", "file", "ca_file", "dialect", "headers", "profile")
"""Keys that take any text, or names, and are shown as they are."""
HOLDERS = (
    ("PORT",), ("MAX_CONNECTIONS",), ("MAGICGATEWAY_LOG",), ("LOG_LEVEL",),
    ("OPENAI_API_KEY",), ("BUFFER_SIZE",), ("HOST",),
)  # fmt: skip


class CanaryTests(SynchronousTestCase):
    """A secret planted where it may or may not belong is never said."""

    def check(self, *, toml: str | None, environment: dict[str, str]) -> None:
        contents: dict[str, str | Exception] = {} if toml is None else {"f": toml}
        flags = Flags(config="f" if toml is not None else None)
        try:
            settings = load(flags, environment, files(contents))
        except ConfigError as error:
            said = "".join(traceback.format_exception(error)) + repr(vars(error))
            # The lines of source that a traceback quotes hold no values.
            self.assertNotIn(CANARY, said)
        else:
            said = repr(settings) + repr(settings.environment) + effective(settings)
            self.assertNotIn(CANARY, said + repr(settings.warnings))

    @given(ANYWHERE.filter(lambda path: "api_key" in path or "keys" in path), SHAPES)
    def test_secret_places_of_the_file(self, path: str, shape: str) -> None:
        """Where a secret is referred to, writing it out is refused without a word of it."""
        value = json.dumps(shape.format(CANARY))
        text = f"[{value}]" if path.endswith("keys") else value
        self.check(toml=f"{path} = {text}", environment={})

    @given(ANYWHERE.filter(lambda path: path.rpartition(".")[2] not in SHOWN), SHAPES)
    def test_wrong_type_or_value(self, path: str, shape: str) -> None:
        """Where a number, a list, a table or a known word belongs, a secret is not repeated."""
        value = shape.format(CANARY)
        self.check(toml=f"{path} = {json.dumps(value)}", environment={})
        name = "MAGICGATEWAY__" + path.replace(".", "__").upper()
        self.check(toml=None, environment={name: value})

    @given(st.sampled_from(HOLDERS), SHAPES)
    def test_variables(self, names: tuple[str], shape: str) -> None:
        """A secret in a variable that is read is not repeated."""
        self.check(toml=None, environment={names[0]: shape.format(CANARY)})

    def test_syntax_errors(self) -> None:
        """A file that is cut or broken around a secret does not show it."""
        text = f"[providers.openai]\napi_key = '{CANARY}'\n"
        for end in range(len(text) + 1):
            self.check(toml=text[:end], environment={})
        for broken in (
            CANARY,
            f"api_key = {CANARY}",
            f"{CANARY} =",
            f'x = "{CANARY}',
            f"[{CANARY}",
        ):
            self.check(toml=broken, environment={})

    def test_values_in_use(self) -> None:
        """Settings that hold secrets show where these came from instead."""
        environment = {"K": CANARY, "OPENAI_API_KEY": CANARY}
        toml = "[server]\nkeys = ['env:K']\n[providers.a]\napi_key = 'env:K'"
        self.check(toml=toml, environment=environment)
        self.assertIn("<secret from env:K>", effective(loaded(toml, environment)))
