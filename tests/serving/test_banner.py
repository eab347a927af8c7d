"""What is said at start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.registry import Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from magicgateway.serving.banner import banner
from tests.config.sources import loaded

HERE = ("http://127.0.0.1:3000",)
CLOSED = '[server]\nkeys = ["env:TEAM"]'
SECRETS = {
    "TEAM": "team-key-9c1f2b7745d0",
    "OPENAI_API_KEY": "sk-openai-5d20",
    "GROQ_API_KEY": "gsk_groq-77aa",
}


def lines(
    addresses: Sequence[str] = HERE,
    toml: str = "",
    environment: Mapping[str, str] | None = None,
    *,
    demo: bool = False,
) -> list[str]:
    """The banner for some settings."""
    settings = loaded(toml, environment)
    return banner(settings, Registry(ROWS, GENERIC, settings), addresses, demo=demo)


class BannerTests(SynchronousTestCase):
    """The lines."""

    def test_addresses(self) -> None:
        """The first line has every address."""
        said = lines(["http://127.0.0.1:3000", "unix:gateway.sock"])
        self.assertTrue(
            said[0].endswith(" listens on http://127.0.0.1:3000, unix:gateway.sock"), said[0]
        )

    def test_names_of_keys(self) -> None:
        """The providers with a key are named; no key is shown."""
        said = lines(toml=CLOSED, environment=SECRETS)
        found = set(said[1].removeprefix("keys found for: ").split(", "))
        self.assertEqual({"openai", "groq"}, found)
        for secret in SECRETS.values():
            self.assertNotIn(secret, "\n".join(said))

    def test_no_keys(self) -> None:
        """Without any it says that callers bring their own."""
        self.assertEqual("keys found for: no provider (callers bring their own)", lines()[1])

    def test_closed(self) -> None:
        """A closed gateway says how many keys it knows."""
        self.assertEqual(
            "closed: every request needs one of 1 virtual keys (server.keys)",
            lines(toml=CLOSED, environment=SECRETS)[2],
        )

    def test_open(self) -> None:
        """An open one says whom the operator's keys serve, and what to set to serve others."""
        here = "open: callers bring their own credential; yours serve this machine only"
        exposed = (
            "open, on addresses that others can reach: your credentials serve this machine only;"
            " set server.keys to let others use them"
        )
        held = {"OPENAI_API_KEY": "sk-openai-5d20"}
        for addresses, environment, line in (
            (HERE, held, here),
            (("https://127.0.0.1:3000", "http://[::1]:3000", "unix:x.sock"), held, here),
            (("http://0.0.0.0:3000",), {}, here),
            (("http://0.0.0.0:3000",), held, exposed),
            (("http://127.0.0.1:3000", "https://[::]:3001"), held, exposed),
            (("http://192.0.2.2:3000",), held, exposed),
        ):
            with self.subTest(addresses=addresses, environment=environment):
                self.assertEqual(line, lines(addresses, environment=environment)[2])


class CurlTests(SynchronousTestCase):
    """The line to paste."""

    def command(
        self,
        *addresses: str,
        toml: str = "",
        environment: Mapping[str, str] | None = None,
        demo: bool = False,
    ) -> str:
        """The last line of the banner."""
        said = lines(addresses or HERE, toml, environment, demo=demo)
        self.assertEqual("try it:", said[3])
        return said[4].strip()

    def test_demo(self) -> None:
        """With the demo provider it needs no key and shows a stream."""
        command = self.command(demo=True)
        self.assertTrue(
            command.startswith("curl -N 'http://127.0.0.1:3000/v1/chat/completions' "), command
        )
        self.assertIn('-H "x-provider: demo"', command)
        self.assertIn('"stream":true', command)
        self.assertNotIn("$", command)

    def test_credential(self) -> None:
        """It names the variable of the key that the caller has to bring, if any."""
        self.assertIn('-H "authorization: Bearer $OPENAI_API_KEY"', self.command())
        self.assertNotIn("$", self.command(environment={"OPENAI_API_KEY": "sk-openai-5d20"}))

    def test_closed(self) -> None:
        """It names the variable of the virtual key."""
        command = self.command(toml=CLOSED, environment=SECRETS)
        self.assertIn('-H "x-magicgateway-key: $MAGICGATEWAY_KEY"', command)

    def test_all_interfaces(self) -> None:
        """It calls an address that one can connect to."""
        for listened, called in (
            ("http://0.0.0.0:3000", "http://127.0.0.1:3000"),
            ("https://[::]:3000", "https://[::1]:3000"),
            ("http://192.0.2.2:3000", "http://192.0.2.2:3000"),
        ):
            with self.subTest(listened):
                self.assertIn(f" '{called}/v1/", self.command(listened))

    def test_unix_only(self) -> None:
        """Where there is no address for curl, there is no line."""
        self.assertEqual(3, len(lines(["unix:gateway.sock"])))
