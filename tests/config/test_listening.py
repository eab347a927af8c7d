from __future__ import annotations

from twisted.internet.endpoints import _parse
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.environment import read_environment
from magicgateway.config.listening import Flags, environment_layer, flags_layer, port_endpoint
from magicgateway.errors import ConfigError
from tests.config.sources import files, loaded, refused

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens in these tests
LISTEN = ("server", "listen")


class EndpointTests(SynchronousTestCase):
    def test_twisted_reads_the_address_back(self) -> None:
        """Twisted finds port and interface in the endpoint string, colons included."""
        for host in ("127.0.0.1", "::1", "fe80::1%eth0"):
            arguments, named = _parse(port_endpoint(80, host))
            self.assertEqual((["tcp", "80"], {"interface": host}), (list(arguments), named))


class EnvironmentTests(SynchronousTestCase):
    def test_endpoints(self) -> None:
        """HOST and PORT make one endpoint; each has its default when the other is set."""
        cases = [
            ("tcp:80:interface=127.0.0.1", {"PORT": "80"}),
            ("tcp:3000:interface=0.0.0.0", {"HOST": EVERYWHERE}),
            ("tcp:80:interface=10.0.0.1", {"HOST": " 10.0.0.1 ", "PORT": " 80 "}),
            ("tcp:80:interface=127.0.0.1", {"HOST": "localhost", "PORT": "80"}),
            ("tcp:80:interface=127.0.0.1", {"HOST": "", "PORT": "80"}),
            (r"tcp:80:interface=\:\:", {"HOST": "::", "PORT": "80"}),
            (r"tcp:80:interface=\:\:1", {"HOST": "[::1]", "PORT": "80"}),
        ]
        for expected, environment in cases:
            with self.subTest(environment=environment):
                layer = environment_layer(read_environment(environment, files({})))
                self.assertEqual((expected,), layer[LISTEN].value)

    def test_nothing_set(self) -> None:
        """Neither of them, or empty ones, decide nothing; nor does what Kubernetes makes up."""
        for environment in (
            {},
            {"HOST": "", "PORT": ""},
            {"MAGICGATEWAY_PORT": "tcp://10.0.0.1:1"},
        ):
            layer = environment_layer(read_environment(environment, files({})))
            self.assertEqual({}, layer)

    def test_refusals(self) -> None:
        """What is no port or no address is refused by its variable's name."""
        cases = [
            ("PORT", {"PORT": "canary"}),
            ("PORT", {"PORT": "65536"}),
            ("PORT", {"PORT": "-1"}),
            ("PORT", {"PORT": "٣٠٠٠"}),
            ("HOST", {"HOST": "canary.example"}),
            ("HOST", {"HOST": "127.0.0.1:80"}),
        ]
        for expected, environment in cases:
            with self.subTest(environment=environment):
                error = self.assertRaises(
                    ConfigError, environment_layer, read_environment(environment, files({}))
                )
                self.assertIn(f"(given by {expected})", str(error))
                self.assertNotIn("canary", str(error))


class FlagsTests(SynchronousTestCase):
    def test_endpoints(self) -> None:
        """--port is short for a loopback endpoint, or one on HOST; --listen is taken as it is."""
        variables = read_environment({"HOST": EVERYWHERE}, files({}))
        none = read_environment({}, files({}))
        cases = [
            (("tcp:80:interface=127.0.0.1",), Flags(port=80), none),
            (("tcp:80:interface=0.0.0.0",), Flags(port=80), variables),
            (("tcp:0:interface=127.0.0.1",), Flags(port=0), none),
            (("unix:/a", "tcp:1"), Flags(listen=("unix:/a", "tcp:1")), variables),
            (("tcp:80:interface=127.0.0.1", "tcp:1"), Flags(port=80, listen=("tcp:1",)), none),
        ]
        for expected, flags, given in cases:
            self.assertEqual(expected, flags_layer(flags, given)[LISTEN].value)
        self.assertEqual({}, flags_layer(Flags(), variables))

    def test_refusals(self) -> None:
        """A port out of range and an empty endpoint are errors of the command line."""
        for flags in (Flags(port=65_536), Flags(port=-1), Flags(listen=("",)), Flags(config=" ")):
            self.assertEqual("command line", refused(flags=flags).source)


class PrecedenceTests(SynchronousTestCase):
    def test_order(self) -> None:
        """Flags beat MAGICGATEWAY__SERVER__LISTEN, that beats PORT, that beats the file."""
        toml = '[server]\nlisten = ["tcp:1"]'
        environment = {"PORT": "2", "MAGICGATEWAY__SERVER__LISTEN": "tcp:3"}
        cases = [
            ("tcp:4:interface=127.0.0.1", loaded(toml, environment, Flags(port=4))),
            ("tcp:5", loaded(toml, environment, Flags(listen=("tcp:5",)))),
            ("tcp:3", loaded(toml, environment)),
            ("tcp:2:interface=127.0.0.1", loaded(toml, {"PORT": "2"})),
            ("tcp:1", loaded(toml)),
            ("tcp:3000:interface=127.0.0.1", loaded()),
        ]
        for expected, settings in cases:
            self.assertEqual((expected,), settings.server.listen)

    def test_host_of_a_shell(self) -> None:
        """A HOST that is no address does not matter to --listen."""
        settings = loaded(None, {"HOST": "mybox"}, Flags(listen=("tcp:1",)))
        self.assertEqual(("tcp:1",), settings.server.listen)
