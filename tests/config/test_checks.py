from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.checks import MAY_BE_ZERO, check, check_cors
from magicgateway.config.schema import leaves, root
from magicgateway.config.settings import CorsSettings, Settings
from magicgateway.config.unfit import Unfit

PROVIDER = ("providers", "x")

GOOD: list[tuple[tuple[str, ...], list[Any]]] = [
    (("server", "listen"), [("tcp:1",), ("unix:/a", "tcp:1")]),
    (("server", "trusted_proxies"), [(), ("10.0.0.0/8", "::1", "fd00::/8", "10.0.0.1/8")]),
    (("server", "cors", "origins"), [("*",), ("https://a.b:8", "http://[::1]:3", "null")]),
    (("server", "cors", "methods"), [("*",), ("GET", "POST")]),
    (("server", "cors", "headers"), [("x-a",)]),
    (("server", "cors", "credentials"), [False, True]),
    (("server", "drain_seconds"), [0.0, 5.0]),
    (("log", "level"), ["off", "warn"]),
    (("log", "format"), ["auto", "json", "human"]),
    ((*PROVIDER, "base_url"), ["http://127.0.0.1:8000/v1"]),
    ((*PROVIDER, "headers"), [{"X-Org": "a"}]),
    ((*PROVIDER, "timeouts", "total"), [0.0]),
    ((*PROVIDER, "default_max_tokens"), [1]),
    ((*PROVIDER, "hosted_tools"), [(), ("web_search", "code_execution")]),
    ((*PROVIDER, "drop"), [(), ("logit_bias", "n")]),
    ((*PROVIDER, "rename"), [{"seed": "random_seed", "stop": "stopWords"}]),
    ((*PROVIDER, "region"), ["us-east-1", "us-gov-west-1", "eusc-de-east-1"]),
    (("models", "m", "targets"), [("groq/a",), ("openrouter/a/b",)]),
]
BAD: list[tuple[tuple[str, ...], list[Any]]] = [
    (("server", "listen"), [()]),
    (("server", "trusted_proxies"), [("canary",), ("10.0.0.0/33",)]),
    (
        ("server", "cors", "origins"),
        [("canary",), ("https://a/",), ("https://a/canary",), ("https://*.canary",), ("https://",)],
    ),
    (("server", "cors", "methods"), [("GET POST",), ("canary",)]),
    (("server", "cors", "headers"), [("x-a: canary",)]),
    (("server", "drain_seconds"), [-1.0]),
    (("server", "max_body_bytes"), [0, -1]),
    (("timeouts", "connect"), [0.0]),
    (("log", "level"), ["canary", "", "warning"]),
    (("log", "format"), ["canary", ""]),
    (
        (*PROVIDER, "base_url"),
        [
            "https://u:canary@h/v1",
            "https://h/v1?k=canary",
            "https://h/#canary",
            "https://h /canary",
            "canary",
        ],
    ),
    (
        (*PROVIDER, "headers"),
        [{"a b": "canary"}, {"X-Api-Key": "canary"}, {"cookie": "canary"}, {"x": "Bearer canary"}],
    ),
    ((*PROVIDER, "timeouts", "idle"), [0.0]),
    ((*PROVIDER, "default_max_tokens"), [0, -1]),
    ((*PROVIDER, "hosted_tools"), [("canary",), ("web_search", "canary")]),
    ((*PROVIDER, "drop"), [("sk-canary",), ("Canary",)]),
    ((*PROVIDER, "rename"), [{"seed": "sk-canary"}, {"sk-canary": "seed"}]),
    ((*PROVIDER, "region"), ["canary", "us-east-1.canary", "us-east-1\n", "us-east-1#"]),
    (
        ("models", "m", "targets"),
        [(), ("a/b", "c/d"), ("canary",), ("/canary",), ("https://canary",), ("canary/",)],
    ),
]


class CheckTests(SynchronousTestCase):
    def test_good_values(self) -> None:
        """What makes sense passes."""
        for path, values in GOOD:
            for value in values:
                with self.subTest(path=path, value=value):
                    check(path, value)

    def test_bad_values(self) -> None:
        """What makes no sense is refused, and not repeated."""
        for path, values in BAD:
            for value in values:
                with self.subTest(path=path, value=value):
                    error = self.assertRaises(Unfit, check, path, value)
                    self.assertNotIn("canary", str(error))

    def test_zero_keys_exist(self) -> None:
        """Every key that may be zero is a setting."""
        self.assertEqual(set(), MAY_BE_ZERO - {".".join(path) for path in leaves(root())})

    def test_defaults_pass(self) -> None:
        """Every default of the code would be accepted in a file."""
        for path in leaves(root()):
            if "*" in path:
                continue
            value: Any = Settings()
            for part in path:
                value = getattr(value, part)
            with self.subTest(path=path):
                check(path, value)


class CorsTests(SynchronousTestCase):
    def test_credentials(self) -> None:
        """Credentials go with named origins only."""
        check_cors(CorsSettings())
        check_cors(CorsSettings(origins=("https://a",), credentials=True))
        for origins in (("*",), ("https://a", "*")):
            self.assertRaises(Unfit, check_cors, CorsSettings(origins=origins, credentials=True))
