"""Where requests go: which provider, which model, which path."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from magicgateway.providers.registry import Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from magicgateway.routing.destination import Router
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
    settings = settings_of(toml + LOCAL + OTHER + ALIASES)
    registry = Registry(ROWS, GENERIC, settings)
    target = read_target(raw.encode(), lambda name: registry.get(name) is not None)
    assert target is not None
    found = Router(registry, settings).resolve(
        target, model, None if named is None else named.encode("latin-1"), anthropic=anthropic
    )
    path = found.upstream_path.decode()
    return found.provider.name, found.upstream_model, path, found.rewrite


CHAT = "/v1/chat/completions"
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
            ],
            default.format("groq"),
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
            "/v1/chat/completions/cc-1": ("openai", None, "/v1/chat/completions/cc-1", False),
        }
        for raw, expected in cases.items():
            self.assertEqual(expected, resolve(raw), raw)

    def test_refused(self) -> None:
        """Who cannot be found, and what a provider does not have."""
        cases = [
            (400, "unknown_provider", CHAT, "nobody"),
            (400, "unknown_provider", CHAT, "gr\xffq"),
            (400, "provider_conflict", "/groq/v1/chat/completions", "openai"),
            (404, "unsupported_endpoint", "/v1/rerank", "openai"),
            (404, "unsupported_endpoint", "/v1/embeddings", "anthropic"),
            (404, "unsupported_endpoint", "/v1/messages/count_tokens", "groq"),
            (501, "translation_unavailable", CHAT, "anthropic"),
            (501, "translation_unavailable", CHAT, "other"),
            (501, "translation_unavailable", "/v1/messages", "groq"),
            (501, "translation_unavailable", "/v1/messages", "local"),
            (501, "translation_unavailable", "/v1/responses", "together"),
        ]
        for status, code, raw, named in cases:
            error = self.assertRaises(ApiError, resolve, raw, "m", named)
            self.assertEqual((status, code), (error.status, error.code), (raw, named))

    def test_translation_message(self) -> None:
        """Who asks for a translation is told what is missing and what would work."""
        error = self.assertRaises(ApiError, resolve, CHAT, "claude", "anthropic")
        self.assertIn("OpenAI chat completions", error.message)
        self.assertIn("/v1/messages", error.message)
        error = self.assertRaises(ApiError, resolve, "/v1/messages", "gpt", "openai")
        self.assertIn("/v1/chat/completions", error.message)
        self.assertIn("/v1/responses", error.message)
