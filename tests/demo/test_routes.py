from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import Refusal
from magicgateway.demo.families import refused
from magicgateway.demo.faults import Script
from magicgateway.demo.multipart import Form, Part
from magicgateway.demo.routes import NAMED_ROUTES, ROUTES, answer_to
from tests.demo.calls import HELLO, call_of, json_of

CHAT = {"model": "demo", "messages": HELLO}
VERSION = (("anthropic-version", "2023-06-01"),)
FORM = Form((Part("file", "f", "", 1, "ab" * 32, ""), Part("model", None, "", 4, "", "demo")), True)
MESSAGES = {**CHAT, "max_tokens": 50}

SERVED: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/v1/chat/completions?a=b", CHAT),
    ("POST", "/v1/completions", {"model": "demo", "prompt": "a"}),
    ("POST", "/v1/responses", {"model": "demo", "input": "a"}),
    ("GET", "/v1/responses/resp_1", None),
    ("DELETE", "/v1/responses/resp_1", None),
    ("POST", "/v1/embeddings", {"model": "demo", "input": "a"}),
    ("POST", "/v1/audio/transcriptions", FORM),
    ("POST", "/v1/audio/translations", FORM),
    ("POST", "/v1/audio/speech", {"model": "demo", "input": "a", "voice": "b"}),
    ("GET", "/v1/files", None),
    ("GET", "/v1/files/file-1", None),
    ("DELETE", "/v1/files/file-1", None),
    ("GET", "/v1/files/file-1/content", None),
    ("HEAD", "/v1/files/file-1/content", None),
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/a/b", None),
    ("POST", "/v1/messages", MESSAGES),
    ("POST", "/v1/messages/count_tokens", MESSAGES),
)


def asked(method: str, target: str, value: Any, *headers: tuple[str, str]) -> Any:
    if isinstance(value, Form):
        return answer_to(call_of(None, method, target, headers, form=value))
    return answer_to(call_of(value, method, target, headers))


class RouteTests(SynchronousTestCase):
    def test_served(self) -> None:
        """Every route answers."""
        for method, target, value in SERVED:
            with self.subTest(method=method, target=target):
                self.assertEqual(200, asked(method, target, value).answer.status)
        tried = {target.partition("?")[0] for _, target, _ in SERVED}
        self.assertEqual(set(), set(ROUTES) - tried)
        self.assertEqual(4, len(NAMED_ROUTES))

    def test_upload(self) -> None:
        """An upload without a purpose is told so: the route is there."""
        self.assertEqual(400, asked("POST", "/v1/files", FORM).answer.status)

    def test_unknown(self) -> None:
        """An unknown path is 404, a wrong method 405, and both say what would be right."""
        for method, target, status, code in (
            ("GET", "/", 404, "unknown_url"),
            ("GET", "/v1/models/", 404, "unknown_url"),
            ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
            ("POST", "/v1/models/x", 405, "method_not_allowed"),
        ):
            with self.subTest(method=method, target=target):
                answer = asked(method, target, None).answer
                self.assertEqual((status, code), (answer.status, json_of(answer)["error"]["code"]))

    def test_request_id(self) -> None:
        """Answers carry the request's id in the header of their family, errors too."""
        for target, name in (
            ("/v1/chat/completions", "x-request-id"),
            ("/v1/messages", "request-id"),
        ):
            for value in (MESSAGES, {}):
                with self.subTest(target=target):
                    headers = asked("POST", target, value).answer.headers
                    self.assertEqual([name], [key for key, _ in headers])


class ErrorTests(SynchronousTestCase):
    def test_shapes(self) -> None:
        """An error has the shape of the caller's family, and the type of its status."""
        for status, openai, anthropic in (
            (400, "invalid_request_error", "invalid_request_error"),
            (401, "invalid_request_error", "authentication_error"),
            (404, "invalid_request_error", "not_found_error"),
            (429, "requests", "rate_limit_error"),
            (500, "server_error", "api_error"),
            (529, "server_error", "overloaded_error"),
            (418, "invalid_request_error", "invalid_request_error"),
            (599, "server_error", "api_error"),
        ):
            with self.subTest(status=status):
                refusal = Refusal(status, "why", param="p")
                first = refused(call_of(target="/v1/models"), refusal)
                second = refused(call_of(target="/v1/models", headers=VERSION), refusal)
                self.assertEqual((status, status), (first.status, second.status))
                error = json_of(first)["error"]
                self.assertEqual({"message", "type", "param", "code"}, set(error))
                self.assertEqual(("why", openai, "p"), tuple(error.values())[:3])
                value = json_of(second)
                self.assertEqual("error", value["type"])
                self.assertEqual({"type": anthropic, "message": "why"}, value["error"])
                self.assertTrue(value["request_id"].startswith("req_"))


class ScriptTests(SynchronousTestCase):
    def test_sources(self) -> None:
        """The script comes from the JSON's model, the form's model or the header."""
        model = "demo-fault:cut=1"
        form = Form((FORM.parts[0], Part("model", None, "", 1, "", model)), True)
        for turn in (
            asked("POST", "/v1/chat/completions", {**CHAT, "model": model}),
            asked("POST", "/v1/audio/transcriptions", form),
            asked("GET", "/v1/models", None, ("x-demo-fault", "cut=1")),
        ):
            self.assertEqual((200, Script(cut=1)), (turn.answer.status, turn.script))

    def test_status(self) -> None:
        """An error answer on request has its status, its shape and its header."""
        turn = asked(
            "POST", "/v1/messages", MESSAGES, ("x-demo-fault", "status=529;retry-after=1.5")
        )
        self.assertEqual(529, turn.answer.status)
        self.assertIn(("retry-after", "1.5"), turn.answer.headers)
        self.assertEqual("overloaded_error", json_of(turn.answer)["error"]["type"])

    def test_bad_scripts(self) -> None:
        """A script that cannot be read or has no effect is a 400, and nothing happens to that."""
        for text in ("speed=1", "half-event", "retry-after=1"):
            with self.subTest(text=text):
                turn = asked("POST", "/v1/chat/completions", CHAT, ("x-demo-fault", text))
                self.assertEqual((400, Script()), (turn.answer.status, turn.script))
                self.assertEqual("bad_fault", json_of(turn.answer)["error"]["code"])
        turn = asked("GET", "/v1/models", None, ("x-demo-fault", "bytes=1"))
        self.assertEqual(400, turn.answer.status)

    def test_refusals_have_their_script(self) -> None:
        """A request that is refused is still subject to its script."""
        value = {"model": "demo-fault:latency=1"}
        turn = asked("POST", "/v1/chat/completions", value)
        self.assertEqual((400, 1.0), (turn.answer.status, turn.script.latency))

    def test_unreadable_bodies(self) -> None:
        """A body without a readable model is refused by its route."""
        for value in (b"", b"{", b"[1]", {"model": 3}):
            with self.subTest(value=value):
                self.assertEqual(400, asked("POST", "/v1/chat/completions", value).answer.status)
