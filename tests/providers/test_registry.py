"""Providers as rows and configuration make them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.settings import (
    ModelSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
)
from magicgateway.errors import ConfigError
from magicgateway.providers.registry import Provider, Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from tests.gateway import settings_of


def registry(toml: str = "", **environment: str) -> Registry:
    return Registry(ROWS, GENERIC, settings_of(toml, environment))


def provider(name: str, toml: str = "", **environment: str) -> Provider:
    found = registry(toml, **environment).get(name)
    assert found is not None
    return found


def local(base_url: str) -> str:
    return f"[providers.local]\nbase_url = '{base_url}'\n"


class LookupTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Every row by its name and its aliases, in any case; nobody else."""
        known = registry()
        self.assertEqual([row.name for row in ROWS], known.names())
        for row in ROWS:
            for name in (row.name, row.name.upper(), *row.aliases):
                found = known.get(name)
                assert found is not None
                self.assertEqual(row.name, found.name)
        for name in ("", "nobody", "openai ", "open"):
            self.assertIsNone(known.get(name))

    def test_configured(self) -> None:
        """Configured is who has a credential or a table; a server that needs none has not."""
        self.assertEqual([], registry().configured())
        toml = '[providers.ollama]\nbase_url = "http://10.0.0.1/v1"\n' + local("http://h:1/v1")
        found = registry(toml, GROQ_API_KEY="gsk-1", LLAMA_API_KEY="x").configured()
        self.assertEqual({"groq", "ollama", "local"}, {one.name for one in found})

    def test_operation(self) -> None:
        """The longest route that covers a path."""
        openai = provider("openai")
        cases = {
            "chat/completions": "chat/completions",
            "chat/completions/cc-1/messages": "chat/completions",
            "files/f-1/content": "files",
        }
        for route, expected in cases.items():
            found = openai.operation(route)
            assert found is not None
            self.assertEqual(expected, found[0])
        for route in ("chat", "filesystem", "nothing/at/all", ""):
            self.assertIsNone(openai.operation(route), route)


class BaseUrlTests(SynchronousTestCase):
    def test_taken_apart(self) -> None:
        """Scheme, host, port, prefix and Host field."""
        cases = {
            "https://api.x.com/v1": ("https", "api.x.com", 443, b"/v1", b"api.x.com"),
            "http://127.0.0.1:8000/v1/": ("http", "127.0.0.1", 8000, b"/v1", b"127.0.0.1:8000"),
            "https://x.com:443": ("https", "x.com", 443, b"", b"x.com"),
            "http://[::1]:80/a/b": ("http", "::1", 80, b"/a/b", b"[::1]"),
            "http://[::1]:81/": ("http", "::1", 81, b"", b"[::1]:81"),
            "https://API.X.com": ("https", "api.x.com", 443, b"", b"api.x.com"),
            "https://bücher.example/v1": (
                "https", "xn--bcher-kva.example", 443, b"/v1", b"xn--bcher-kva.example",
            ),
            "http://llm_server:8000": ("http", "llm_server", 8000, b"", b"llm_server:8000"),
            "HTTPS://x.com:/v1//": ("https", "x.com", 443, b"/v1", b"x.com"),
            "http://[2001:DB8::1]": ("http", "2001:db8::1", 80, b"", b"[2001:db8::1]"),
            "http://[::ffff:10.0.0.1]": (
                "http", "::ffff:10.0.0.1", 80, b"", b"[::ffff:10.0.0.1]",
            ),
        }  # fmt: skip
        for url, expected in cases.items():
            one = provider("local", local(url))
            self.assertEqual(
                expected, (one.scheme, one.host, one.port, one.prefix, one.host_header), url
            )

    def test_one_spelling(self) -> None:
        """The base URL is told as its parts say it, so that nothing can go elsewhere by it."""
        cases = {
            "https://api.x.com/v1": "https://API.X.com:443/v1/",
            "http://[::1]:81": "http://[::1]:81/",
            "https://xn--bcher-kva.example/v1": "https://bücher.example/v1",
        }
        for expected, url in cases.items():
            self.assertEqual(expected, provider("local", local(url)).base_url)

    def test_refused(self) -> None:
        """Anything that is not a plain http(s) URL, with the key that says it."""
        for url in (
            "ftp://x.com", "x.com/v1", "https://", "https:///v1", "https://u@x.com",
            "https://u:p@x.com/v1", "https://x.com/v1?key=1", "https://x.com/v1#a",
            "https://x.com/a b", "https://x.com/../v1", "https://x.com/./v1", "https://x.com/%2e",
            "https://x.com:99999/v1", "https://x.com:port", "https://x_y.com\\@evil.com",
            "https://-x.com", "https://x.com//v1",
        ):  # fmt: skip
            error = self.assertRaises(ConfigError, registry, local(url))
            self.assertIn("providers.local.base_url", str(error), url)

    def test_refused_without_the_file(self) -> None:
        """The same, and more, where no configuration file was read that could have refused it."""
        for url in (
            "ftp://x.com", "//x.com", "https://u@x.com", "https://u:p@x.com", "https://@x.com",
            "https://x.com?", "https://x.com?a", "https://x.com#", "https://x.com#a",
            "https://x.com\\.evil.com", "https://x.com/\\evil.com", "https://x.com/a%2fb",
            " https://x.com", "https://x.com ", "https://x.com/\tv1", "https://x\n.com",
            "https://x.com\r\nHost: evil.com", "https://x\x00.com", "https://x.com/\x7f",
            "https://x.com/v1/..", "https://x.com/.", "https://x.com/a//b", "https://x.com/é",
            "https://", "https:x.com", "https:///v1", "https://:443", "https://.", "https://..",
            "https://x..com", "https://.x.com", "https://x.com.", "https://abc.de.", "https://x-.com",
            "https://" + "a" * 64 + ".com", "https://" + "a." * 127 + "com",
            "https://x.com:0", "https://x.com:-1", "https://x.com:65536", "https://x.com:1:2",
            "https://[::1", "https://[::g]", "https://[fe80::1%25eth0]", "https://::1", "https://[]",
            "https://ü..com", "https://" + "ü" * 64 + ".com", "https://faß.de", "https://x。com",
        ):  # fmt: skip
            settings = Settings(providers={"local": ProviderSettings(base_url=url)})
            error = self.assertRaises(ConfigError, Registry, ROWS, GENERIC, settings)
            self.assertIn("providers.local.base_url", str(error), url)


class TableTests(SynchronousTestCase):
    def test_credential(self) -> None:
        """The configured credential, else the first of the row's variables that is set."""
        toml = '[providers.openai]\napi_key = "env:MINE"\n'
        secret = provider("openai", toml, MINE="sk-1", OPENAI_API_KEY="sk-2").secret
        assert secret is not None
        self.assertEqual("sk-1", secret.reveal())
        secret = provider("openai", OPENAI_API_KEY="sk-2").secret
        assert secret is not None
        self.assertEqual("env:OPENAI_API_KEY", secret.origin)
        self.assertIsNone(provider("openai").secret)
        self.assertEqual(("OPENAI_API_KEY",), provider("openai").environment[:1])

    def test_headers(self) -> None:
        """The operator's fields replace a row's of the same name, however it is spelled."""
        toml = "[providers.anthropic.headers]\nAnthropic-Version = '2099-01-01'\nx-team = 'blue'\n"
        expected = {b"anthropic-version": b"2099-01-01", b"x-team": b"blue"}
        found = provider("anthropic", toml).extra_headers
        self.assertEqual(expected, dict(found))
        self.assertEqual(2, len(found))

    def test_headers_refused(self) -> None:
        """Not fields that the gateway writes, not twice the same, not what no field can hold."""
        for field in (
            "authorization = 'x'", "Host = 'x'", "x-forwarded-for = 'x'", "'a b' = 'x'",
            "x-a = 'é'", "x-a = 'a'\nX-A = 'b'", "cookie = 'x'", "User-Agent = 'x'",
            "accept-encoding = 'gzip'", "X-MagicGateway-Strict = 'true'", "Content-Length = '1'",
            'x-a = "a\\r\\nx-b: c"', 'x-a = "\\u0000"', '"" = "x"', '"x:y" = "z"',
        ):  # fmt: skip
            toml = f"[providers.openai.headers]\n{field}\n"
            self.assertRaises(ConfigError, registry, toml)

    def test_timeouts(self) -> None:
        """A provider's own table, then the general one, then the row's, then ours."""
        row = next(row for row in ROWS if row.timeouts)
        name, seconds = next(iter(row.timeouts.items()))
        self.assertEqual(seconds, getattr(provider(row.name).timeouts, name))
        general = f"[timeouts]\n{name} = 7\n"
        self.assertEqual(7, getattr(provider(row.name, general).timeouts, name))
        own = f"{general}[providers.{row.name}.timeouts]\n{name} = 8\nconnect = 9\n"
        self.assertEqual(8, getattr(provider(row.name, own).timeouts, name))
        self.assertEqual(9, provider(row.name, own).timeouts.connect)

    def test_lists(self) -> None:
        """F.4 organisation, F.4 time: The allow-lists are the general ones and the row's."""
        openai = provider("openai")
        self.assertLessEqual({b"content-type", b"openai-organization"}, openai.request_headers)
        self.assertNotIn(b"openai-organization", provider("groq").request_headers)
        self.assertLessEqual({b"content-type", b"openai-processing-ms"}, openai.response_headers)
        self.assertNotIn(b"openai-organization", openai.response_headers)
        self.assertTrue(all(not name.endswith(b"*") for name in openai.response_prefixes))

    def test_new(self) -> None:
        """A table with another name adds a provider of the dialect that it names."""
        self.assertEqual("openai", provider("local", local("http://h/v1")).row.dialect)
        toml = local("http://h/v1") + "dialect = 'anthropic'\n"
        one = provider("local", toml)
        self.assertEqual(("anthropic", "local", "x-api-key"), (one.row.dialect, one.name, one.auth))
        self.assertTrue(one.any_route)

    def test_refused(self) -> None:
        """Tables that make no provider, and names that no provider has."""
        cases = {
            "[providers.mine]\n": "providers.mine.base_url",
            "[providers.v1]\nbase_url = 'http://h'\n": "providers.v1",
            "[providers.'a b']\nbase_url = 'http://h'\n": "providers.a b",
            "[providers.openai]\ndialect = 'anthropic'\n": "providers.openai.dialect",
            "[providers.together]\n[providers.together_ai]\n": "providers.together",
            "[server]\ndefault_provider = 'nobody'\n": "server.default_provider",
            "[models.fast]\ntargets = ['nobody/x']\n": "models.fast.targets",
        }
        for toml, key in cases.items():
            error = self.assertRaises(ConfigError, registry, toml)
            self.assertIn(key, str(error), toml)

    def test_refused_without_the_file(self) -> None:
        """The same where no configuration file was read that could have refused it."""
        somewhere = "http://h/v1"
        cases = {
            "providers.x.dialect": Settings(
                providers={"x": ProviderSettings(dialect="klingon", base_url=somewhere)}
            ),
            "providers.x.timeouts": Settings(
                providers={"x": ProviderSettings(base_url=somewhere, timeouts={"nap": 1.0})}
            ),
            "providers.x.headers": Settings(
                providers={"x": ProviderSettings(base_url=somewhere, headers={"a b": "c"})}
            ),
            "providers.Local": Settings(providers={"Local": ProviderSettings(base_url=somewhere)}),
            "models.a.targets": Settings(models={"a": ModelSettings(("openai/",))}),
            "models.b.targets": Settings(models={"b": ModelSettings(("openai",))}),
            "server.default_provider": Settings(server=ServerSettings(default_provider="openai/")),
        }
        for key, settings in cases.items():
            error = self.assertRaises(ConfigError, Registry, ROWS, GENERIC, settings)
            self.assertIn(key, str(error))

    def test_names_in_any_case(self) -> None:
        """Where the configuration names a provider, it does so like callers do."""
        toml = "[server]\ndefault_provider = 'OpenAI'\n[models.fast]\ntargets = ['GROQ/x']\n"
        self.assertIsNotNone(registry(toml).get("openai"))

    def test_alias(self) -> None:
        """A table under an alias changes the provider that it means, and adds none."""
        toml = "[providers.together_ai]\nbase_url = 'http://h/v1'\n"
        self.assertEqual("http://h/v1", provider("together", toml).base_url)
        self.assertEqual(len(ROWS), len(registry(toml).names()))
