"""Where requests go: which provider, which model, which path."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from magicgateway.providers.registry import Registry
from magicgateway.providers.row import OPENAI_CHAT, Operation, ProviderRow
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from magicgateway.routing.destination import Destination, Router
from magicgateway.routing.doors import read_target
from tests.gateway import settings_of

LOCAL = '[providers.local]\nbase_url = "http://127.0.0.1:8000/v1"\n'
OTHER = '[providers.other]\nbase_url = "http://127.0.0.1:9/x"\ndialect = "anthropic"\n'
ALIASES = (
    '[models.fast]\ntargets = ["groq/llama-3"]\n[models."groq/own"]\ntargets = ["openai/o/1"]\n'
)


def resolve(
    raw: str,
    model: str | None = None,
    named: str | None = None,
    *,
    anthropic: bool = False,
    toml: str = "",
) -> tuple[str, str | None, str, bool]:
    """Provider, upstream model, upstream path, and whether the model is rewritten."""
    found = destination(raw, model, named, toml=toml, anthropic=anthropic)
    path = found.upstream_path.decode()
    return found.provider.name, found.upstream_model, path, found.rewrite


def destination(
    raw: str,
    model: str | None,
    named: str | None = None,
    *,
    toml: str = "",
    anthropic: bool = False,
) -> Destination:
    """Where a request goes."""
    settings = settings_of(toml + LOCAL + OTHER + ALIASES)
    registry = Registry(ROWS, GENERIC, settings)
    target = read_target(raw.encode(), lambda name: registry.get(name) is not None)
    assert target is not None
    return Router(registry, settings).resolve(
        target, model, None if named is None else named.encode("latin-1"), anthropic=anthropic
    )


CHAT = "/v1/chat/completions"
CHAT_OPERATION = {"chat/completions": Operation("/chat/completions", (OPENAI_CHAT,))}
Resolved = tuple[str, str | None, str, bool]
Case = tuple[Resolved, tuple[str, str | None, str | None]]


class ResolveTests(SynchronousTestCase):
    def assert_cases(self, cases: list[Case], toml: str = "") -> None:
        for expected, (raw, model, named) in cases:
            self.assertEqual(expected, resolve(raw, model, named, toml=toml), (raw, model, named))

    def test_named(self) -> None:
        """Path or x-provider decide, in any case; the model is not split and no alias applies."""
        groq, together = "/openai/v1/chat/completions", "/v1/chat/completions"
        self.assert_cases(
            [
                (("groq", "openai/gpt-oss", groq, False), (CHAT, "openai/gpt-oss", "groq")),
                (("groq", "fast", groq, False), (CHAT, "fast", " GROQ ")),
                (("groq", "groq/x", groq, False), (CHAT, "groq/x", "groq")),
                (("groq", None, groq, False), (CHAT, None, "groq")),
                (
                    ("together", "m", together, False),
                    ("/together_ai/v1/chat/completions", "m", "Together"),
                ),
                (("groq", "x", groq, False), ("/groq/v1/chat/completions", "x", None)),
                (("groq", "x", groq, False), ("/Groq/v1/chat/completions", "x", "groq")),
                (("together", "a/b", together, False), (CHAT, "a/b", "together_ai")),
            ]
        )

    def test_by_model(self) -> None:
        """An alias, then a known provider's name before a slash, decide and are rewritten."""
        groq, openai = "/openai/v1/chat/completions", "/v1/chat/completions"
        self.assert_cases(
            [
                (("groq", "llama-3", groq, True), (CHAT, "fast", None)),
                (("openai", "o/1", openai, True), (CHAT, "groq/own", None)),
                (("groq", "other/x", groq, True), (CHAT, "groq/other/x", None)),
                (("groq", "x", groq, True), (CHAT, "GROQ/x", None)),
                (("groq", "openai/gpt-oss", groq, True), (CHAT, "groq/openai/gpt-oss", None)),
                (("groq", "/x", groq, True), (CHAT, "groq//x", None)),
                (("together", "a/b", openai, True), (CHAT, "Together_AI/a/b", None)),
                (("openai", "/x", openai, False), (CHAT, "/x", None)),
                (("openai", "Fast", openai, False), (CHAT, "Fast", None)),
                (("openai", "", openai, False), (CHAT, "", None)),
                (("openai", "groq", openai, False), (CHAT, "groq", None)),
                (("openai", "groq/", openai, False), (CHAT, "groq/", None)),
                (("openai", "nobody/x", openai, False), (CHAT, "nobody/x", None)),
                (("openai", "gpt-5", openai, False), (CHAT, "gpt-5", None)),
                (("openai", None, openai, False), (CHAT, None, None)),
            ]
        )

    def test_default(self) -> None:
        """The configured default; one whose own ids have slashes keeps them whole."""
        default = '[server]\ndefault_provider = "{}"\n'
        self.assert_cases(
            [
                (("groq", "x", "/openai/v1/chat/completions", False), (CHAT, "x", None)),
                (("groq", None, "/openai/v1/models", False), ("/v1/models", None, None)),
                (("openai", "x", CHAT, False), (CHAT, "x", "openai")),
            ],
            default.format("GROQ"),
        )
        self.assert_cases(
            [
                (("local", "openai/gpt-oss", CHAT, False), (CHAT, "openai/gpt-oss", None)),
                (("local", None, "", False), ("/v1/responses", None, None)),
                (("openai", "gpt-oss", CHAT, False), (CHAT, "gpt-oss", "openai")),
            ],
            default.format("local"),
        )
        path = "/api/v1/chat/completions"
        self.assert_cases(
            [
                (("openrouter", "groq/x", path, False), (CHAT, "groq/x", None)),
                (("groq", "llama-3", "/openai/v1/chat/completions", True), (CHAT, "fast", None)),
            ],
            default.format("openrouter"),
        )

    def test_fallback(self) -> None:
        """Without any of these: anthropic for its own door and version, else openai."""
        self.assertEqual("anthropic", resolve("/v1/messages", "claude")[0])
        self.assertEqual("anthropic", resolve("/v1/models", anthropic=True)[0])
        self.assertEqual("openai", resolve("/v1/models")[0])
        self.assertEqual("openai", resolve("/v1/files")[0])

    def test_paths(self) -> None:
        """What follows an operation's route is kept; an id that was split is rewritten."""
        cases = {
            "/v1/files/f%2F1/content": ("openai", None, "/v1/files/f%2F1/content", False),
            "/v1/models/gpt-5": ("openai", "gpt-5", "/v1/models/gpt-5", False),
            "/v1/models/groq/llama%203": ("groq", "llama 3", "/openai/v1/models/llama%203", True),
            "/v1/models/openai%2Fa%2Fb": ("openai", "a/b", "/v1/models/a%2Fb", True),
            "/local/v1/whatever/x": ("local", None, "/v1/whatever/x", False),
            "/local/v1/completions": ("local", None, "/v1/completions", False),
            "/other/v1/messages/batches": ("other", None, "/x/messages/batches", False),
            "/other/v1/chat/completions/cc-1": ("other", None, "/x/chat/completions/cc-1", False),
            "/local/v1/models/groq%2fx": ("local", "groq/x", "/v1/models/groq%2fx", False),
            "/v1/models/groq%2Fa%23b%3Fc": ("groq", "a#b?c", "/openai/v1/models/a%23b%3Fc", True),
            "/v1/models/groq%2F%252e%252e": (
                "groq",
                "%2e%2e",
                "/openai/v1/models/%252e%252e",
                True,
            ),
            "/v1/models/fast": ("groq", "llama-3", "/openai/v1/models/llama-3", True),
            "/v1/models/OTHER/a/b": ("other", "a/b", "/x/models/a%2Fb", True),
            "/v1/models/groq%2F": ("openai", "groq/", "/v1/models/groq%2F", False),
            "/v1/models/m%C3%A9": ("openai", "mé", "/v1/models/m%C3%A9", False),
            "/models/gpt-5/": ("openai", "gpt-5", "/v1/models/gpt-5", False),
            "/v1/chat/completions/cc-1": ("openai", None, "/v1/chat/completions/cc-1", False),
        }
        for raw, expected in cases.items():
            self.assertEqual(expected, resolve(raw), raw)

    def test_any_route(self) -> None:
        """A server of unknown extent gets what its row does not name, models lists included."""
        bare = ProviderRow("bare", "", "http://h/v1", CHAT_OPERATION, any_route=True)
        registry = Registry((*ROWS, bare), GENERIC, settings_of())
        router = Router(registry, settings_of())
        cases = {
            "/bare/v1/models": b"/v1/models",
            "/bare/v1/models/a%2Fb": b"/v1/models/a%2Fb",
            "/v1/models/bare%2Fa%2Fb": b"/v1/models/a%2Fb",
            "/bare/v1/embeddings": b"/v1/embeddings",
            "/bare/v1/tokenize": b"/v1/tokenize",
            "/bare/v1/chat%2Fcompletions": b"/v1/chat%2Fcompletions",
        }
        for raw, expected in cases.items():
            target = read_target(raw.encode(), lambda name: registry.get(name) is not None)
            assert target is not None
            self.assertEqual(
                expected, router.resolve(target, None, None, anthropic=False).upstream_path, raw
            )

    def test_other_dialects(self) -> None:
        """What a row offers in another dialect than the door's is refused, whatever its extent."""
        strange = ProviderRow(
            "strange",
            "",
            "http://h/v1",
            {
                **CHAT_OPERATION,
                "embeddings": Operation("/embed", ("klingon",)),
                "messages": Operation("/messages", ("klingon",)),
                "completions": Operation("/complete"),
            },
            any_route=True,
        )
        registry = Registry((*ROWS, strange), GENERIC, settings_of())
        router = Router(registry, settings_of())
        cases = {
            "/strange/v1/embeddings": (404, "unsupported_endpoint"),
            "/strange/v1/messages": b"",
            "/strange/v1/completions": b"/v1/complete",
        }
        for raw, expected in cases.items():
            target = read_target(raw.encode(), lambda name: registry.get(name) is not None)
            assert target is not None
            found: object
            try:
                found = router.resolve(target, "m", None, anthropic=False).upstream_path
            except ApiError as error:
                found = error.status, error.code
            self.assertEqual(expected, found, raw)

    def test_translated(self) -> None:
        """Who speaks another dialect than the door is spoken to in the best of its own."""
        for dialect, raw, named in (
            (None, CHAT, "openai"),
            (None, "/v1/responses", "openai"),
            ("openai_responses", "/v1/messages", "openai"),
            ("anthropic_messages", "/v1/responses", "anthropic"),
            ("anthropic_messages", CHAT, "anthropic"),
            ("anthropic_messages", CHAT, "other"),
            ("openai_chat", "/v1/messages", "groq"),
            ("openai_chat", "/v1/messages", "local"),
            ("openai_chat", "/v1/responses", "together"),
        ):
            way = destination(raw, "m", named).way
            with self.subTest(raw=raw, named=named):
                self.assertEqual(dialect, way.dialect if way else None)

    def test_refused(self) -> None:
        """Who cannot be found, and what a provider does not have."""
        cases = [
            (400, "unknown_provider", CHAT, "nobody"),
            (400, "unknown_provider", CHAT, "gr\xffq"),
            (400, "unknown_provider", CHAT, ""),
            (400, "unknown_provider", CHAT, "groq, openai"),
            (400, "unknown_provider", CHAT, "groq/x"),
            (400, "unknown_provider", "/groq/v1/chat/completions", "nobody"),
            (400, "provider_conflict", "/groq/v1/chat/completions", "openai"),
            (404, "unsupported_endpoint", "/v1/models/x", "perplexity"),
            (404, "unsupported_endpoint", "/v1/chat%2Fcompletions", "openai"),
            (404, "unsupported_endpoint", "/v1/chat", "openai"),
            (404, "unsupported_endpoint", "/v1/rerank", "openai"),
            (404, "unsupported_endpoint", "/v1/embeddings", "anthropic"),
        ]
        for status, code, raw, named in cases:
            error = self.assertRaises(ApiError, resolve, raw, "m", named)
            self.assertEqual((status, code), (error.status, error.code), (raw, named))

    def test_echo_is_bounded(self) -> None:
        """A refusal shows no more of what was asked than helps, and nothing that breaks a line."""
        error = self.assertRaises(ApiError, resolve, CHAT, "m", "\r\n" + "x" * 5000)
        self.assertNotIn("\n", error.message)
        self.assertNotIn("x" * 65, error.message)
        error = self.assertRaises(ApiError, resolve, "/v1/" + "x" * 5000, "m", "openai")
        self.assertNotIn("x" * 129, error.message)

    def test_conflict_message(self) -> None:
        """Both names are said."""
        error = self.assertRaises(ApiError, resolve, "/Groq/v1/files", None, "OPENAI")
        self.assertIn("The path names groq and x-provider names openai.", error.message)
        self.assertEqual("x-provider", error.param)
