from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.environment import (
    WITHOUT_EFFECT,
    Variables,
    aws_places,
    credentials,
    level_layer,
    plain_layer,
    read_environment,
    seed_warnings,
)
from magicgateway.errors import ConfigError
from tests.config.sources import files


def variables(**values: str) -> Variables:
    return read_environment(values, files({}))


class DotenvTests(SynchronousTestCase):
    def test_fills_what_is_lacking(self) -> None:
        """A variable of .env counts where the environment has none, not even an empty one."""
        text = '\ufeffA=file\nexport B="file b" # comment\nC=$A${B}\n\n# comment\nE=file\n'
        found = read_environment({"A": "env", "E": ""}, files({".env": text}))
        self.assertEqual({"A": "env", "B": "file b", "C": "$A${B}", "E": ""}, found.values)
        self.assertEqual(("environment", ".env"), (found.sources["A"], found.sources["B"]))
        self.assertEqual((), found.warnings)

    def test_absent(self) -> None:
        """Without a file of that name nothing is filled in; a folder of that name is none."""
        for missing in (FileNotFoundError(2, "x"), IsADirectoryError(21, "x")):
            found = read_environment({"A": "1"}, files({".env": missing}))
            self.assertEqual({"A": "1"}, found.values)

    def test_unreadable(self) -> None:
        """A file that is there and cannot be read is an error: it may close the gateway."""
        for error in (
            PermissionError(13, "Permission denied"),
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        ):
            refused = self.assertRaises(ConfigError, read_environment, {}, files({".env": error}))
            self.assertTrue(str(refused).startswith(".env: "))

    def test_bad_line(self) -> None:
        """A line that sets nothing is reported by its number and not repeated."""
        found = read_environment({}, files({".env": 'A=1\n"canary\nB=2\n\n\n=canary\n'}))
        self.assertEqual({"A": "1", "B": "2"}, found.values)
        said = "line {} of .env is not NAME=value and has no effect"
        self.assertEqual((said.format(2), said.format(6)), found.warnings)


class LayerTests(SynchronousTestCase):
    def test_max_connections(self) -> None:
        """MAX_CONNECTIONS sets the connection cap; what is no positive number is refused."""
        layer = plain_layer(variables(MAX_CONNECTIONS=" 50 "))
        self.assertEqual(50, layer["server", "max_connections"].value)
        self.assertEqual({}, plain_layer(variables(MAX_CONNECTIONS="")))
        for text in ("canary", "0", "-1", "1.5", "9" * 50):
            error = self.assertRaises(ConfigError, plain_layer, variables(MAX_CONNECTIONS=text))
            self.assertEqual("server.max_connections", error.key)
            self.assertIn("(given by MAX_CONNECTIONS)", str(error))
            self.assertNotIn("canary", str(error))

    def test_level(self) -> None:
        """The first variable that names a level sets it."""
        layer = level_layer(variables(LOG_LEVEL="what", RUST_LOG="warn,hyper=debug"))
        self.assertEqual("warn", layer["log", "level"].value)
        self.assertEqual("RUST_LOG", layer["log", "level"].origin.name)
        self.assertEqual({}, level_layer(variables(RUST_LOG="hyper=debug")))

    def test_own_level_must_be_one(self) -> None:
        """MAGICGATEWAY_LOG is ours alone, so a wrong word in it is an error."""
        error = self.assertRaises(
            ConfigError, level_layer, variables(MAGICGATEWAY_LOG="canary", LOG_LEVEL="info")
        )
        self.assertIn("debug, info, warn, error, off", str(error))
        self.assertNotIn("canary", str(error))


class CredentialTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Credentials are found by their names; regions, base URLs and empty ones are none."""
        names = (
            "GROQ_API_KEY",
            "HF_TOKEN",
            "SCW_SECRET_KEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_BEARER_TOKEN_BEDROCK",
        )
        others = dict.fromkeys(("OPENAI_BASE_URL", "AWS_REGION", "HOME", "API_KEYS"), "x")
        found, warnings = credentials(
            variables(**dict.fromkeys(names, " s3 "), **others, EMPTY_API_KEY=" ")
        )
        self.assertEqual(set(names), set(found))
        self.assertEqual((), warnings)
        self.assertEqual("s3", found["HF_TOKEN"].reveal())
        self.assertEqual("env:HF_TOKEN", found["HF_TOKEN"].origin)

    def test_unsendable(self) -> None:
        """What no header field can hold is left out, with a warning that does not repeat it."""
        found, warnings = credentials(variables(A_API_KEY="canary\r\nX: y", B_API_KEY="b"))
        self.assertEqual({"B_API_KEY"}, set(found))
        self.assertEqual(1, len(warnings))
        self.assertIn("A_API_KEY is not used", warnings[0])
        self.assertNotIn("canary", warnings[0])


class SeedTests(SynchronousTestCase):
    def test_warnings(self) -> None:
        """Each variable without effect that is set gets a sentence, the others none."""
        self.assertEqual((), seed_warnings(variables(BUFFER_SIZE="", PATH="x")))
        found = seed_warnings(variables(**dict.fromkeys(WITHOUT_EFFECT, "1")))
        self.assertEqual(
            ["TCP_NODELAY", "TCP_KEEPALIVE_INTERVAL", "BUFFER_SIZE", "WORKER_THREADS"],
            [sentence.partition(" has no effect here because ")[0] for sentence in found],
        )


class AwsPlacesTests(SynchronousTestCase):
    def test_places(self) -> None:
        """Region and profile are kept under AWS's names, where they say something."""
        found = aws_places(variables(AWS_REGION=" eu-west-1 ", AWS_PROFILE="", AWS_OTHER="x"))
        self.assertEqual({"AWS_REGION": "eu-west-1"}, found)
