from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import json_answer
from magicgateway.demo.families import has_version, named, speaks_anthropic, told_to_fail
from magicgateway.demo.faults import parse
from tests.demo.calls import body_of, call_of, json_of

VERSION = (("anthropic-version", "2023-06-01"),)


class FamilyTests(SynchronousTestCase):
    def test_anthropic(self) -> None:
        """Anthropic's callers are known by path or by their header."""
        self.assertTrue(speaks_anthropic(call_of(target="/v1/messages/count_tokens")))
        self.assertFalse(speaks_anthropic(call_of(target="/v1/messages-of-others")))
        versioned = call_of(target="/v1/models", headers=VERSION)
        self.assertTrue(has_version(versioned) and speaks_anthropic(versioned))

    def test_request_id(self) -> None:
        """The request's id stands in the family's own header."""
        for target, name in (
            ("/v1/messages", "request-id"),
            ("/v1/models", "x-request-id"),
            ("/model/m/converse", "x-amzn-requestid"),
        ):
            with self.subTest(target=target):
                answer = named(json_answer({}), call_of(target=target))
                self.assertEqual([name], [key for key, _ in answer.headers])


class ToldTests(SynchronousTestCase):
    def test_words(self) -> None:
        """An error on request is called and says what the script says, in every family."""
        script = parse("status=400;kind=odd_one;message=Not today.;retry-after=2")
        for target, path in (
            ("/v1/models", ("error", "code")),
            ("/v1/messages", ("error", "type")),
        ):
            with self.subTest(target=target):
                answer = told_to_fail(call_of(target=target), script)
                value = json_of(answer)[path[0]]
                self.assertEqual(("odd_one", "Not today."), (value[path[1]], value["message"]))
                self.assertIn(("retry-after", "2"), answer.headers)
        answer = told_to_fail(call_of(target="/model/m/converse"), script)
        self.assertEqual({"message": "Not today."}, json_of(answer))
        self.assertIn(("x-amzn-errortype", "odd_one"), answer.headers)

    def test_bodies_of_proxies(self) -> None:
        """An error can be a page, or nothing at all."""
        page = told_to_fail(call_of(), parse("status=503;html"))
        self.assertEqual((503, "text/html"), (page.status, page.content_type))
        self.assertTrue(body_of(page).startswith(b"<html>"))
        empty = told_to_fail(call_of(), parse("status=500;empty-body"))
        self.assertEqual((500, 0, b""), (empty.status, empty.length, body_of(empty)))
