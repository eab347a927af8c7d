"""What a request's target asks for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from magicgateway.routing.doors import DOORS, Target, needs_peek, read_target

PROVIDERS = {"groq", "openai", "demo"}


def read(raw: bytes) -> Target | None:
    return read_target(raw, PROVIDERS.__contains__)


class ReadTargetTests(SynchronousTestCase):
    def test_doors(self) -> None:
        """Every door answers below /v1, without it, folded, and behind a provider's name."""
        for name, door in DOORS.items():
            for raw in (
                f"/v1/{name}",
                f"/{name}",
                f"/v1/v1/{name}",
                f"/v1/v1/v1/{name}",
                f"/v1//{name}",
                f"/v1///v1//{name}",
                f"/v1/{name}/",
            ):
                self.assertEqual(Target(name, door=door), read(raw.encode()), raw)
            expected = Target(name, door=door, provider="groq")
            for raw in (f"/groq/v1/{name}", f"/groq/v1/v1/{name}", f"/groq/v1//{name}/"):
                self.assertEqual(expected, read(raw.encode()), raw)

    def test_methods(self) -> None:
        """Doors take POST; models are read, and stored chats listed."""
        for name, door in DOORS.items():
            expected: tuple[bytes, ...] = {
                "models": (b"GET", b"HEAD"),
                "chat/completions": (b"POST", b"GET"),
            }.get(name, (b"POST",))
            self.assertEqual(expected, door.methods, name)

    def test_provider_as_written(self) -> None:
        """The path's provider is kept as it was written; whether it is one is asked once."""
        found = read_target(b"/GROQ/v1/files", lambda name: name.lower() in PROVIDERS)
        self.assertEqual(Target("files", provider="GROQ"), found)

    def test_other_paths(self) -> None:
        """Any other path below /v1 belongs to an API, as the caller wrote it."""
        cases = {
            b"/v1/files": Target("files"),
            b"/v1/files/f-1/content": Target("files/f-1/content"),
            b"/openai/v1/audio/speech": Target("audio/speech", provider="openai"),
            b"/v1/chat/completions/cc-1": Target("chat/completions/cc-1"),
            b"/v1/files/a%2Fb%20c": Target("files/a%2Fb%20c"),
            b"/v1/%66iles": Target("%66iles"),
            b"/v1/chat%2Fcompletions": Target("chat%2Fcompletions"),
        }
        for raw, expected in cases.items():
            self.assertEqual(expected, read(raw), raw)

    def test_below_doors(self) -> None:
        """What a door keeps answers without /v1 as well, by the same name and with any query."""
        for route in (
            "responses/resp_1", "responses/resp_1/cancel", "responses/resp_1/input_items",
            "chat/completions/cc-1", "chat/completions/cc-1/messages",
        ):  # fmt: skip
            for raw in (f"/v1/{route}", f"/{route}", f"/{route}/"):
                self.assertEqual(Target(route), read(raw.encode()), raw)
            self.assertEqual(Target(route, b"?a=1"), read(f"/{route}?a=1".encode()))
        for path in (b"/responses/..", b"/responses/a//b", b"/chat/completions/%2e%2e/x"):
            self.assertRaises(ApiError, read, path)

    def test_query(self) -> None:
        """The query is kept to the byte, its question mark included."""
        for query in (b"?", b"?limit=2&after=%2F..%00", b"?a?b/../c"):
            found = read(b"/v1/files" + query)
            assert found is not None
            self.assertEqual(query, found.query)

    def test_models(self) -> None:
        """A model's id may have slashes, escaped or not; logs do not get it."""
        cases = {
            b"/v1/models/gpt-5": "gpt-5",
            b"/models/gpt-5": "gpt-5",
            b"/v1/models/groq/llama": "groq/llama",
            b"/v1/models/groq%2Fllama%203": "groq/llama 3",
            b"/v1/models/groq/openai%2fgpt-oss": "groq/openai/gpt-oss",
            b"/v1/models/a%23b%3Fc": "a#b?c",
            b"/v1/models/%252e%252e": "%2e%2e",
            b"/v1/models/m%C3%A9": "mé",
            b"/v1/models/gpt..5": "gpt..5",
            b"/groq/v1/models/x/": "x",
            b"/v1/models/chat/completions": "chat/completions",
        }
        for raw, expected in cases.items():
            found = read(raw)
            assert found is not None
            self.assertEqual((expected, "models"), (found.model_id, found.operation))
            self.assertIsNone(found.door)

    def test_no_api(self) -> None:
        """Everything else is not ours."""
        for raw in (
            b"/", b"*", b"/health", b"/v1", b"/v1/", b"/v1/v1", b"/nobody/v1/models",
            b"/files", b"//v1/models", b"/groq/chat/completions", b"/GROQ/models",
            b"", b"v1/models", b"x/v1/models", b"http://h/v1/models", b"h:443", b"?/v1/models",
            b"/v1%2Fmodels", b"/%761/models", b"/V1/models", b"/v2/models", b"/groq/v1",
            b"/groq/v1/", b"/%2e%2e/v1/models", b"/groq//v1/models", b"/groq%00/v1/models",
        ):  # fmt: skip
            self.assertIsNone(read(raw), raw)

    def test_refused(self) -> None:
        """Paths that two readers could understand differently are 400 bad_path."""
        for raw in (
            b"/v1/files/../models", b"/v1/./files", b"/v1/files/..", b"/v1/%2e%2e/files",
            b"/v1/files/%2E", b"/v1/files/a%2f..%2fb", b"/v1/files/a%5c..%5cb", b"/v1/files//x",
            b"/v1/%", b"/v1/%zz", b"/v1/%1", b"/v1/a%00b", b"/v1/a%0d%0ab", b"/v1/a%7f",
            b"/v1/a#b", b"/v1/a\\b", b"/v1/a\xffb", b"/v1/models/%ff",
            b"/v1/files/..;x/models", b"/v1/files/%2e%2e%3bx/models", b"/v1/files/..;",
            b"/v1/.", b"/v1/..", b"/v1/files/.%2e/x", b"/v1/files/%2e./x", b"/v1/x%5c..",
            b"/groq/v1/../../admin", b"/groq/v1/files/%2e%2e", b"/v1/models/..", b"/models/%2e%2e",
            b"/v1/models/groq/..", b"/v1/models/groq%2f..", b"/v1/models/groq%2f..%2f..%2fchat",
            b"/v1/models//x", b"/v1/models//", b"/v1/files//", b"/v1/chat//completions", b"/v1/a b",
            b"/v1/.;a", b"/v1/a\tb", b"/v1/a%09b", b"/v1/a%1fb", b"/v1/%00",
            b"/v1/files/%u0041", b"/v1/%%41",
        ):  # fmt: skip
            error = self.assertRaises(ApiError, read, raw)
            self.assertEqual((400, "bad_path"), (error.status, error.code), raw)

    def test_not_refused(self) -> None:
        """What only looks like it goes on as the caller wrote it."""
        for route in (
            "files/...", "files/.hidden", "files/a..b", "files/..a", "files/a.", "files/%252e%252e",
            "files/a;b", "files/a:b@c", "files/%2Fa", "files/%E2%82%AC", "files/%ff",
            "files/~a,(b)",
        ):  # fmt: skip
            self.assertEqual(Target(route), read(b"/v1/" + route.encode()), route)

    @given(st.binary(max_size=40))
    def test_whatever_comes(self, tail: bytes) -> None:
        """A target or None or a 400, whatever bytes a path has; a route is printable ASCII."""
        try:
            found = read(b"/v1/" + tail)
        except ApiError as error:
            self.assertEqual(400, error.status)
        else:
            self.assertTrue(found is None or (found.route.isascii() and found.route.isprintable()))


class FamilyTests(SynchronousTestCase):
    def test_families(self) -> None:
        """A door's errors have its words; elsewhere anthropic-version decides."""
        cases = {
            ("chat/completions", True): "openai",
            ("messages", False): "anthropic",
            ("messages/count_tokens", False): "anthropic",
            ("responses", True): "responses",
            ("models", True): "anthropic",
            ("models", False): "openai",
            ("files", True): "anthropic",
            ("files", False): "openai",
        }
        for (route, anthropic), expected in cases.items():
            found = read(f"/v1/{route}".encode())
            assert found is not None
            self.assertEqual(expected, found.family(anthropic), route)

    def test_operation_is_bounded(self) -> None:
        """A long path does not make a long name in logs."""
        self.assertEqual(128, len(Target("x" * 500).operation))


class PeekTests(SynchronousTestCase):
    def test_cases(self) -> None:
        """Only a POST whose model may decide where it goes has to be read first."""
        json, form = b"Application/JSON; charset=utf-8", b"multipart/form-data; boundary=x"
        cases = [
            (True, "chat/completions", b"POST", b""),
            (False, "chat/completions", b"GET", json),
            (True, "audio/speech", b"POST", json),
            (False, "audio/speech", b"POST", form),
            (False, "audio/transcriptions", b"POST", form),
            (False, "files", b"POST", json),
        ]
        for expected, route, method, kind in cases:
            target = read(f"/v1/{route}".encode())
            assert target is not None
            self.assertEqual(expected, needs_peek(target, method, kind), (route, method, kind))
