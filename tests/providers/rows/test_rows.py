"""The rows are data, so the tests are a table of what each has to be."""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import fields_dict
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.settings import Settings, TimeoutSettings
from magicgateway.providers import row as words
from magicgateway.providers.headers import REQUEST, RESPONSE, is_rate_limit, may_be_allowed
from magicgateway.providers.registry import Registry
from magicgateway.providers.row import ANTHROPIC_MODELS, AWS, NO_AUTH, OPENAI_CHAT, OWN, ProviderRow
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.demo import demo_row
from magicgateway.providers.rows.generic import GENERIC
from magicgateway.providers.ways import NAMES

DIALECTS = {
    words.OPENAI_CHAT,
    words.OPENAI_COMPLETIONS,
    words.OPENAI_EMBEDDINGS,
    words.OPENAI_RESPONSES,
    words.OPENAI_MODELS,
    words.ANTHROPIC_MESSAGES,
    words.ANTHROPIC_MODELS,
    words.BEDROCK_CONVERSE,
    words.BEDROCK_EMBEDDINGS,
    words.BEDROCK_MODELS,
    words.BEDROCK_TOKENS,
    words.OWN,
}
ROUTES = {
    "chat/completions": {words.OPENAI_CHAT, words.BEDROCK_CONVERSE},
    "completions": {words.OPENAI_COMPLETIONS},
    "embeddings": {words.OPENAI_EMBEDDINGS, words.BEDROCK_EMBEDDINGS, words.OWN},
    "responses": {words.OPENAI_RESPONSES, words.BEDROCK_CONVERSE},
    "models": {words.OPENAI_MODELS, words.ANTHROPIC_MODELS, words.BEDROCK_MODELS, words.OWN},
    "messages": {words.ANTHROPIC_MESSAGES},
    "messages/count_tokens": {words.ANTHROPIC_MESSAGES, words.BEDROCK_TOKENS},
}
"""The dialects that a route may have; every other route has only the provider's own."""
AUTHS = {
    words.AWS,
    words.BEARER,
    words.X_API_KEY,
    words.API_KEY,
    words.X_GOOG_API_KEY,
    words.NO_AUTH,
}
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
ROUTE = re.compile(r"[a-z0-9_-]+(?:/[a-z0-9_-]+)*")
FIELD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
NO_SECRETS = ("_URL", "_BASE", "_HOST", "_ENDPOINT")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
NOT_OFFERED = {"azure", "cloudflare", "replicate", "vertex"}
"""What the reference knows and no row can say: another grammar, or an account in the URL."""
BY_NAME = {row.name: row for row in ROWS}


def every_row() -> Iterator[ProviderRow]:
    """All rows, those without a name or URL of their own too."""
    yield from ROWS
    yield from GENERIC.values()
    yield demo_row("http://127.0.0.1:9/v1")


def doubles(values: Iterator[str]) -> list[str]:
    """The values that come more than once."""
    return [value for value, times in Counter(values).items() if times > 1]


class WellFormedTests(SynchronousTestCase):
    """Each test goes through every row and shows all that is wrong."""

    maxDiff = None

    def test_names(self) -> None:
        """Names and aliases fit into a path and a model's name, and belong to one row only."""
        names = [name for row in ROWS for name in (row.name, *row.aliases)]
        self.assertEqual([], [name for name in names if not NAME.fullmatch(name)])
        self.assertEqual([], doubles(iter(names)))
        self.assertEqual([], [row.name for row in ROWS if not row.title])

    def test_base_urls(self) -> None:
        """Base URLs are https, or on this machine for servers that people run themselves."""
        wrong = []
        for row in ROWS:
            url = urlsplit(row.base_url)
            extra = url.query or url.fragment or url.username or row.base_url.endswith("/")
            local = url.scheme == "http" and ip_address(url.hostname or "").is_loopback
            fits = local and row.any_route if row.auth == NO_AUTH else url.scheme == "https"
            if extra or not url.hostname or not fits:
                wrong.append(f"{row.name}: {row.base_url}")
        self.assertEqual([], wrong)

    def test_operations(self) -> None:
        """Routes are relative, paths begin with a slash, and both stand for the same thing."""
        wrong = [
            f"{row.name}: {route} -> {operation.path}"
            for row in every_row()
            for route, operation in row.operations.items()
            if not ROUTE.fullmatch(route)
            or not operation.path.startswith("/")
            or not (operation.envelope or ROUTE.fullmatch(operation.path[1:]))
            or not (operation.envelope or operation.path.endswith(f"/{route}"))
        ]
        self.assertEqual([], wrong)

    def test_dialects(self) -> None:
        """A route is spoken in the dialects that belong to it, and in no unknown one."""
        wrong = [
            f"{row.name}: {route} in {operation.dialects}"
            for row in every_row()
            for route, operation in row.operations.items()
            if not operation.dialects
            or not set(operation.dialects) <= ROUTES.get(route, {OWN}) & DIALECTS
        ]
        self.assertEqual([], wrong)
        self.assertEqual(set(NAMES), {row.dialect for row in every_row()})
        self.assertEqual(set(), {row.auth for row in every_row()} - AUTHS)

    def test_headers(self) -> None:
        """Fields are lower-case, sorted out of the general ones, and never the gateway's own."""
        wrong = []
        for row in every_row():
            asked = [(name, REQUEST) for name in row.request_headers]
            answered = [
                (name.removesuffix("*").rstrip("-"), RESPONSE) for name in row.response_headers
            ]
            for name, general in (*asked, *answered):
                raw = name.encode()
                if not FIELD.fullmatch(name) or raw in general or not may_be_allowed(raw):
                    wrong.append(f"{row.name}: {name}")
            wrong += [
                f"{row.name}: {name} passes only with the caller's own credential"
                for name in row.response_headers
                if is_rate_limit(name.encode())
            ]
            wrong += [
                f"{row.name}: {name}: {value}"
                for name, value in row.headers.items()
                if not FIELD.fullmatch(name) or not value.isascii() or not value.isprintable()
            ]
            for names in (row.request_headers, row.response_headers):
                wrong += [f"{row.name}: {name} twice" for name in doubles(iter(names))]
        self.assertEqual([], wrong)

    def test_environment(self) -> None:
        """Variables are names of credentials, never of base URLs, and each belongs to one row."""
        names = [name for row in ROWS for name in row.environment]
        wrong = [
            name for name in names if not VARIABLE.fullmatch(name) or name.endswith(NO_SECRETS)
        ]
        self.assertEqual([], wrong)
        self.assertEqual([], doubles(iter(names)))
        keyless = [row.name for row in ROWS if row.auth != NO_AUTH and not row.environment]
        self.assertEqual([], keyless)

    def test_timeouts(self) -> None:
        """Timeouts are keys of ``[timeouts]`` with positive seconds."""
        wrong = [
            f"{row.name}: {key}"
            for row in every_row()
            for key, seconds in row.timeouts.items()
            if key not in fields_dict(TimeoutSettings) or seconds <= 0
        ]
        self.assertEqual([], wrong)

    def test_sources(self) -> None:
        """Every row and every quirk says where it is documented and when that was read."""
        wrong = []
        for row in ROWS:
            facts = [(row.name, row.source, row.checked)]
            facts += [(f"{row.name}: {q.subject}", q.source, q.checked) for q in row.quirks]
            for name, source, checked in facts:
                url = urlsplit(source)
                if url.scheme != "https" or not url.hostname:
                    wrong.append(f"{name}: {source!r}")
                if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", checked):
                    wrong.append(f"{name}: {checked!r}")
                else:
                    date.fromisoformat(checked)
        self.assertEqual([], wrong)

    def test_quirks(self) -> None:
        """Quirks have a known kind and a reason; a rename has a new name, and nothing else has."""
        wrong = [
            f"{row.name}: {quirk.kind} {quirk.subject}"
            for row in ROWS
            for quirk in row.quirks
            if quirk.kind not in ("drop", "rename", "header", "note")
            or not quirk.reason
            or not quirk.subject
            or (quirk.kind == "rename") != bool(quirk.replacement)
        ]
        self.assertEqual([], wrong)
        for row in ROWS:
            told = (f"{quirk.kind} {quirk.subject}" for quirk in row.quirks)
            self.assertEqual([], doubles(told), row.name)

    def test_registry_takes_them(self) -> None:
        """The registry accepts every row, under its name and its aliases."""
        registry = Registry(ROWS, GENERIC, Settings())
        for row in ROWS:
            for name in (row.name, *row.aliases):
                provider = registry.get(name)
                assert provider
                self.assertEqual((row.name, row.base_url), (provider.name, provider.base_url))


class ContentTests(SynchronousTestCase):
    """What the rows say, in words of this test."""

    def test_how_many(self) -> None:
        """There are at least 25 providers beside Anthropic, most of them with OpenAI's chat."""
        compatible = [row for row in ROWS if row.dialect == "openai"]
        chatting = [
            row
            for row in compatible
            if OPENAI_CHAT in row.operations.get("chat/completions", words.Operation("")).dialects
        ]
        self.assertGreaterEqual(len(chatting), 25)
        others = [row.name for row in ROWS if row not in compatible]
        self.assertEqual(["anthropic", "bedrock"], others)

    def test_order(self) -> None:
        """The principal ones come first, servers on one's own machine last."""
        self.assertEqual(
            ["openai", "anthropic", "groq", "fireworks", "together", "bedrock"],
            [r.name for r in ROWS[:6]],
        )
        keyed = [row.auth != NO_AUTH for row in ROWS]
        self.assertEqual(sorted(keyed, reverse=True), keyed)

    def test_principal(self) -> None:
        """The URLs of the principal providers, letter by letter."""
        for name, route, expected in [
            ("openai", "chat/completions", "https://api.openai.com/v1/chat/completions"),
            ("openai", "completions", "https://api.openai.com/v1/completions"),
            ("openai", "embeddings", "https://api.openai.com/v1/embeddings"),
            ("openai", "responses", "https://api.openai.com/v1/responses"),
            ("openai", "models", "https://api.openai.com/v1/models"),
            ("openai", "audio", "https://api.openai.com/v1/audio"),
            ("openai", "images", "https://api.openai.com/v1/images"),
            ("openai", "files", "https://api.openai.com/v1/files"),
            ("openai", "moderations", "https://api.openai.com/v1/moderations"),
            ("anthropic", "messages", "https://api.anthropic.com/v1/messages"),
            (
                "anthropic",
                "messages/count_tokens",
                "https://api.anthropic.com/v1/messages/count_tokens",
            ),
            ("anthropic", "messages/batches", "https://api.anthropic.com/v1/messages/batches"),
            ("anthropic", "models", "https://api.anthropic.com/v1/models"),
            ("groq", "chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
            ("groq", "models", "https://api.groq.com/openai/v1/models"),
            ("groq", "audio/speech", "https://api.groq.com/openai/v1/audio/speech"),
            (
                "fireworks",
                "chat/completions",
                "https://api.fireworks.ai/inference/v1/chat/completions",
            ),
            ("fireworks", "messages", "https://api.fireworks.ai/inference/v1/messages"),
            ("fireworks", "models", "https://api.fireworks.ai/inference/v1/models"),
            ("together", "chat/completions", "https://api.together.xyz/v1/chat/completions"),
            ("together", "models", "https://api.together.xyz/v1/models"),
            ("together", "rerank", "https://api.together.xyz/v1/rerank"),
        ]:
            row = BY_NAME[name]
            self.assertEqual(expected, row.base_url + row.operations[route].path)

    def test_principal_credentials(self) -> None:
        """How the principal providers want their credential, and where the operator keeps it."""
        for name, auth, variable in [
            ("openai", "bearer", "OPENAI_API_KEY"),
            ("anthropic", "x-api-key", "ANTHROPIC_API_KEY"),
            ("groq", "bearer", "GROQ_API_KEY"),
            ("fireworks", "bearer", "FIREWORKS_API_KEY"),
            ("together", "bearer", "TOGETHER_API_KEY"),
        ]:
            row = BY_NAME[name]
            self.assertEqual((name, auth, variable), (row.name, row.auth, row.environment[0]))
        self.assertEqual(("sk-ant-oat",), BY_NAME["anthropic"].bearer_prefixes)
        self.assertEqual({"anthropic-version": "2023-06-01"}, dict(BY_NAME["anthropic"].headers))

    def test_absent(self) -> None:
        """What a provider lacks has no route, so that the gateway can say so itself."""
        for name, route in [
            ("openai", "messages"),
            ("openai", "rerank"),
            ("anthropic", "chat/completions"),
            ("anthropic", "embeddings"),
            ("groq", "completions"),
            ("together", "responses"),
            ("deepseek", "messages"),
            ("moonshot", "messages"),
        ]:
            row = BY_NAME[name]
            self.assertNotIn(route, row.operations)
            self.assertFalse(row.any_route)

    def test_model_lists(self) -> None:
        """Together's list is no list of OpenAI's; Anthropic's comes in pages."""
        for name, dialect in [
            ("together", OWN),
            ("anthropic", ANTHROPIC_MODELS),
            ("openai", words.OPENAI_MODELS),
        ]:
            self.assertEqual((dialect,), BY_NAME[name].operations["models"].dialects)

    def test_generic(self) -> None:
        """Either dialect has a row for servers that only the configuration knows."""
        self.assertEqual(["openai", "responses", "anthropic", "converse"], list(GENERIC))
        openai, anthropic = GENERIC["openai"], GENERIC["anthropic"]
        self.assertEqual(("bearer", True), (openai.auth, openai.any_route))
        self.assertEqual(
            ["chat/completions", "completions", "embeddings", "models", "responses"],
            sorted(openai.operations),
        )
        self.assertEqual(("x-api-key", True), (anthropic.auth, anthropic.any_route))
        self.assertEqual(
            ["messages", "messages/batches", "messages/count_tokens", "models"],
            sorted(anthropic.operations),
        )
        self.assertEqual("2023-06-01", anthropic.headers["anthropic-version"])


class ReferenceTests(SynchronousTestCase):
    """The rows beside the catalogue that their facts were taken from, where it is there."""

    def setUp(self) -> None:
        root = os.environ.get("MAGICGATEWAY_REFERENCE")
        path = Path(root or "/nonexistent") / "providers.toml"
        self.known: list[dict[str, Any]] = []
        if path.exists():
            self.known = tomllib.loads(path.read_text())["provider"]
        else:
            print(f"comparison of {len(ROWS)} provider rows with the reference left out")

    def test_base_urls(self) -> None:
        """Base URLs, ways of authentication and variables are those of the catalogue."""
        for fact in self.known:
            name = fact["name"]
            if name in NOT_OFFERED:
                self.assertNotIn(name, BY_NAME)
                continue
            row = BY_NAME[name]
            url = fact.get("path_prefix_openai") or fact["base_url"] + fact["path_prefix"]
            self.assertEqual(url.replace("//localhost:", "//127.0.0.1:"), row.base_url)
            variables = {*fact["env"], *fact.get("env_alt", ())}
            if row.auth != NO_AUTH:
                self.assertEqual(fact["auth"].replace("sigv4", AWS), row.auth, name)
                self.assertEqual(set(), set(row.environment) - variables, name)
                self.assertEqual(fact["env"][0], row.environment[0])

    def test_paths(self) -> None:
        """The conversation and list routes of a row are in the catalogue under the same path."""
        for fact in self.known:
            row = BY_NAME.get(fact["name"])
            if row is None or "path_prefix_openai" in fact:
                continue
            entries = (entry.split(" ")[0] for entry in fact["endpoints"].values())
            paths = {urlsplit(e).path.replace("{modelId}", "{model}") for e in entries}
            unknown = [
                operation.path
                for operation in row.operations.values()
                if OWN not in operation.dialects and operation.path not in paths
            ]
            # The servers' own documents name it; the catalogue leaves it out.
            extra = {"/messages/count_tokens"} if row.auth == NO_AUTH else set()
            self.assertEqual(set(), set(unknown) - extra, row.name)
