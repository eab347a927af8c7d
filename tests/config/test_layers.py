from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.layers import Layer, read_table, read_variables
from magicgateway.config.unfit import Origin
from magicgateway.errors import ConfigError

FILE = Origin("gw.toml")


def of_variables(values: dict[str, str], below: Layer | None = None) -> Layer:
    return read_variables(values, dict.fromkeys(values, "environment"), below or {})


def refused(**values: str) -> ConfigError:
    try:
        layer = of_variables(values)
    except ConfigError as error:
        return error
    raise AssertionError(f"nothing was refused: {layer}")


class TableTests(SynchronousTestCase):
    def test_paths(self) -> None:
        """A table becomes typed values by path, and an entry for each table that is there."""
        layer = read_table({"server": {"drain_seconds": 5}, "providers": {"A": {}}}, FILE)
        self.assertEqual(
            {("server",): True, ("server", "drain_seconds"): 5.0, ("providers", "a"): True},
            {path: given.value for path, given in layer.items()},
        )

    def test_names(self) -> None:
        """Names of providers become lower-case, those of aliases stay."""
        layer = read_table({"providers": {"OpenAI": {}}, "models": {"Fast": {}}}, FILE)
        self.assertEqual({("providers", "openai"), ("models", "Fast")}, set(layer))
        given = {"server": {"default_provider": "Groq"}}
        self.assertEqual("groq", read_table(given, FILE)["server", "default_provider"].value)

    def test_refusals(self) -> None:
        """What does not belong there is refused with its dotted key."""
        cases = [
            ("sever", {"sever": {}}),
            ("environment", {"environment": {}}),
            ("server", {"server": 5}),
            ("server.cors.origin", {"server": {"cors": {"origin": []}}}),
            ("providers.a.adapt", {"providers": {"a": {"adapt": True}}}),
            ("providers.a", {"providers": {"a": {}, "A": {}}}),
            ("providers.a.timeouts.idel", {"providers": {"a": {"timeouts": {"idel": 1}}}}),
            ("providers.a.timeouts.idle", {"providers": {"a": {"timeouts": {"idle": 0}}}}),
            ("providers", {"providers": {" ": {}}}),
            ('models."a.b".targets', {"models": {"a.b": {"targets": ["x"]}}}),
        ]
        for expected, table in cases:
            with self.subTest(table=table):
                error = self.assertRaises(ConfigError, read_table, table, FILE)
                self.assertEqual((expected, "gw.toml"), (error.key, error.source))


class VariableTests(SynchronousTestCase):
    def test_paths(self) -> None:
        """Two underscores are a dot; single ones stay; case does not matter."""
        cases = [
            (("server", "drain_seconds"), 5.0, "MAGICGATEWAY__SERVER__DRAIN_SECONDS", "5"),
            (("server", "drain_seconds"), 5.0, "magicgateway__server__drain_seconds", "5"),
            (
                ("server", "cors", "credentials"),
                True,
                "MAGICGATEWAY__SERVER__CORS__CREDENTIALS",
                "true",
            ),
            (
                ("providers", "lm_studio", "base_url"),
                "http://h/v1",
                "MAGICGATEWAY__PROVIDERS__LM_STUDIO__BASE_URL",
                "http://h/v1",
            ),
            (
                ("providers", "a", "timeouts", "idle"),
                5.0,
                "MAGICGATEWAY__PROVIDERS__A__TIMEOUTS__IDLE",
                "5",
            ),
            (
                ("providers", "a", "headers"),
                {"X-A": "b"},
                "MAGICGATEWAY__PROVIDERS__A__HEADERS",
                '{"X-A": "b"}',
            ),
            (("models", "fast", "targets"), ("a/b",), "MAGICGATEWAY__MODELS__FAST__TARGETS", "a/b"),
            (
                ("server", "cors", "origins"),
                ("https://a",),
                "MAGICGATEWAY__SERVER__CORS",
                '{ origins = ["https://a"] }',
            ),
        ]
        for path, value, name, text in cases:
            with self.subTest(name=name):
                self.assertEqual(value, of_variables({name: text})[path].value)

    def test_names_of_the_file(self) -> None:
        """An alias of the file is found in any case of letters."""
        below = read_table({"models": {"Fast": {"targets": ["a/b"]}}}, FILE)
        layer = of_variables({"MAGICGATEWAY__MODELS__FAST__TARGETS": "c/d"}, below)
        self.assertEqual(("c/d",), layer["models", "Fast", "targets"].value)

    def test_single_key_beats_table(self) -> None:
        """A variable for one key wins over one for its whole table."""
        layer = of_variables(
            {
                "MAGICGATEWAY__TIMEOUTS__IDLE": "7",
                "MAGICGATEWAY__TIMEOUTS": "{idle = 1, total = 2}",
            }
        )
        self.assertEqual(7.0, layer["timeouts", "idle"].value)
        self.assertEqual(2.0, layer["timeouts", "total"].value)

    def test_others_are_ignored(self) -> None:
        """Only names with two underscores can be unknown settings."""
        self.assertEqual(
            {},
            of_variables(
                dict.fromkeys(("MAGICGATEWAY_PORT", "MAGICGATEWAY", "MAGICGATEWAY_X__Y"), "x")
            ),
        )

    def test_refusals(self) -> None:
        """An unknown setting and an unfit value are refused by key and variable."""
        cases = [
            (
                "server.drain_second",
                "did you mean MAGICGATEWAY__SERVER__DRAIN_SECONDS?",
                "MAGICGATEWAY__SERVER__DRAIN_SECOND",
                "5",
            ),
            ("foo", "there are server", "MAGICGATEWAY__FOO", "canary"),
            (
                "server.listen.x",
                "nothing below server.listen",
                "MAGICGATEWAY__SERVER__LISTEN__X",
                "",
            ),
            ("server.drain_seconds", "negative", "MAGICGATEWAY__SERVER__DRAIN_SECONDS", "-1"),
            (
                "server.drain_seconds",
                "not a number",
                "MAGICGATEWAY__SERVER__DRAIN_SECONDS",
                "canary",
            ),
            ("server.keys", "it is empty", "MAGICGATEWAY__SERVER__KEYS", ""),
            ("server.keys", "referred to", "MAGICGATEWAY__SERVER__KEYS", "sk-canary"),
            ("server", "write a table", "MAGICGATEWAY__SERVER", "[1]"),
            ("providers", "a name is empty", "MAGICGATEWAY__PROVIDERS__", "{}"),
            ("providers.a.api_key", "referred to", "MAGICGATEWAY__PROVIDERS__A__API_KEY", "canary"),
        ]
        for key, expected, name, text in cases:
            with self.subTest(name=name):
                error = refused(**{name: text})
                self.assertEqual((key, "environment"), (error.key, error.source))
                self.assertIn(expected, str(error))
                self.assertIn(f"(given by {name})", str(error))
                self.assertNotIn("canary", str(error))

    def test_twice(self) -> None:
        """Two spellings of one setting are an error, because neither can be seen to win."""
        error = refused(MAGICGATEWAY__TIMEOUTS__IDLE="1", magicgateway__timeouts__idle="2")
        self.assertIn("sets it too", str(error))
