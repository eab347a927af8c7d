from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.reply import Failure
from magicgateway.dialects.openai_chat.failures import LONGEST, is_error, read_failure


def said(status: int, body: Any, **headers: str) -> Failure:
    return read_failure(status, body, {k.replace("_", "-"): v for k, v in headers.items()})


class FailureTests(SynchronousTestCase):
    maxDiff = None

    def test_openai(self) -> None:
        """OpenAI's own shape says everything."""
        error = {"message": "No.", "type": "requests", "param": "p", "code": "rate_limit_exceeded"}
        expected = Failure(
            status=429, kind="rate_limit", message="No.", param="p", code="rate_limit_exceeded",
            retry_after=7,
        )  # fmt: skip
        self.assertEqual(expected, said(429, {"error": error}, retry_after="7"))

    def test_shapes(self) -> None:
        """I.94 among others: the message is found wherever a provider puts it."""
        for body in (
            {"error": {"message": "No."}},
            {"error": "No."},
            {"message": "No.", "type": "x"},
            {"id": "1", "error": {"message": "No.", "type": None}},
            [{"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT"}}],
            {"object": "error", "message": "No.", "code": 40001},
            {"object": "error", "message": {"detail": [{"msg": "No.", "loc": ["body"]}]}},
            {"detail": [{"msg": "No.", "loc": ["body"]}]},
            {"detail": "No."},
            {"fault": {"faultstring": "No.", "detail": {"errorcode": "x"}}},
            {"success": False, "errors": [{"code": 1, "message": "No."}], "messages": []},
            {"base_resp": {"status_code": 1, "status_msg": "No."}},
            {"title": "Bad", "detail": "No.", "status": 400},
            {"error": "No.", "error_type": "validation"},
            "No.",
        ):
            self.assertEqual("No.", said(400, body).message, body)

    def test_nothing_said(self) -> None:
        """Markup and silence are told by the status alone."""
        silent: list[Any] = ["<!DOCTYPE html><p>x</p>", "  <html>", "", {}, [], None, 7]
        for body in (*silent, {"error": {}}):
            self.assertEqual("The provider answered with status 502.", said(502, body).message)

    def test_kinds(self) -> None:
        """I.93: the status says the kind, but a prompt that is too long and an empty purse."""
        cases: list[tuple[int, dict[str, Any], str]] = [
            (400, {}, "invalid_request"), (401, {}, "authentication"), (402, {}, "quota"),
            (403, {}, "permission"), (404, {}, "not_found"), (408, {}, "timeout"),
            (409, {}, "conflict"), (413, {}, "too_large"), (418, {}, "invalid_request"),
            (422, {}, "invalid_request"), (429, {"type": "requests"}, "rate_limit"),
            (429, {"code": "insufficient_quota"}, "quota"),
            (429, {"type": "insufficient_quota"}, "quota"),
            (498, {}, "overloaded"), (500, {}, "server"), (502, {}, "server"),
            (503, {}, "overloaded"), (504, {}, "timeout"), (520, {}, "server"),
            (529, {}, "overloaded"),
            (400, {"code": "context_length_exceeded"}, "context_length"),
            (400, {"message": "This model's maximum context length is 8 tokens."},
             "context_length"),
            (400, {"message": "prompt is too long: 9 tokens"}, "context_length"),
            (404, {"code": "unknown_url"}, "not_found"),
        ]  # fmt: skip
        for status, error, kind in cases:
            self.assertEqual((status, kind), _found(said(status, {"error": error})), error)

    def test_chunks(self) -> None:
        """I.89: without a status the code or the type says it, and else it is the provider's."""
        cases: list[tuple[dict[str, Any], tuple[int, str]]] = [
            ({"message": "m", "code": 429}, (429, "rate_limit")),
            ({"message": "m", "code": "503"}, (503, "overloaded")),
            ({"message": "m", "code": "rate_limit_exceeded"}, (429, "rate_limit")),
            ({"message": "m", "type": "overloaded_error"}, (503, "overloaded")),
            ({"message": "m", "status": "RESOURCE_EXHAUSTED"}, (429, "rate_limit")),
            ({"message": "m", "code": True}, (502, "server")),
            ({"message": "m"}, (502, "server")),
        ]
        for error, expected in cases:
            self.assertEqual(expected, _found(said(0, {"error": error})), error)
        nested = {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}
        self.assertEqual((503, "overloaded"), _found(said(0, nested)))

    def test_secrets(self) -> None:
        """Nothing of the operator's is passed on, and nothing endless."""
        message = said(
            401,
            {"error": {"message": "Incorrect API key provided: sk-proj-abcdefgh12345678. See"
             " https://platform.openai.com/keys, Bearer abc, abcd****wxyz"}},
        ).message  # fmt: skip
        for secret in ("abcdefgh", "platform", "abc", "wxyz"):
            self.assertNotIn(secret, message)
        self.assertTrue(message.startswith("Incorrect API key provided: …"))
        self.assertEqual(LONGEST, len(said(400, "x y " * 2000).message))

    def test_retry_after(self) -> None:
        """Waits are whole seconds; a date counts from the answer's own."""
        now = "Wed, 25 Nov 2026 00:00:00 GMT"
        cases: list[tuple[dict[str, str], int | None]] = [
            ({"retry_after": "2.1"}, 3),
            ({"retry_after_ms": "1500", "retry_after": "9"}, 2),
            ({"retry_after": "Wed, 25 Nov 2026 00:00:30 GMT", "date": now}, 30),
            ({"retry_after": "Wed, 25 Nov 2026 00:00:30 GMT"}, None),
            ({"retry_after": "soon"}, None),
            ({"retry_after": "nan"}, None),
            ({}, None),
        ]
        for headers, expected in cases:
            self.assertEqual(expected, said(429, {}, **headers).retry_after)

    def test_errors_of_success(self) -> None:
        """An error that came as a success is known as one."""
        for body in (
            {"error": {"message": "m"}}, {"error": "m"}, {"type": "error"}, {"object": "error"},
            {"base_resp": {"status_code": 1004}},
        ):  # fmt: skip
            self.assertTrue(is_error(body))
        fine: list[dict[str, Any]] = [{}, {"error": None}, {"error": {}}, {"base_resp": {"x": 0}}]
        for body in fine:
            self.assertFalse(is_error(body))


def _found(failure: Failure) -> tuple[int, str]:
    return failure.status, failure.kind
