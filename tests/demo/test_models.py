from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import Refusal
from magicgateway.demo.families import speaks_anthropic
from magicgateway.demo.models import MODELS, list_models, one_model
from tests.demo.calls import call_of, json_of

VERSION = (("anthropic-version", "2023-06-01"),)
NAMES = list(MODELS)


def page(query: str) -> Any:
    call = call_of(method="GET", target=f"/v1/models?{query}", headers=VERSION)
    return json_of(list_models(call))


class FamilyTests(SynchronousTestCase):
    def test_family(self) -> None:
        """A path of messages or the version header tells Anthropic's callers."""
        for target, headers, expected in (
            ("/v1/messages", (), True),
            ("/v1/messages/count_tokens?beta=true", (), True),
            ("/v1/models", VERSION, True),
            ("/v1/models", (), False),
            ("/v1/messages2", (), False),
        ):
            with self.subTest(target=target):
                self.assertIs(expected, speaks_anthropic(call_of(target=target, headers=headers)))


class ModelTests(SynchronousTestCase):
    def test_openai_list(self) -> None:
        """OpenAI's callers get all models in one list."""
        value = json_of(list_models(call_of(method="GET", target="/v1/models")))
        self.assertEqual("list", value["object"])
        self.assertEqual(NAMES, [model["id"] for model in value["data"]])

    def test_pages(self) -> None:
        """Anthropic's callers get pages, forwards and backwards."""
        for query, names, more in (
            ("", NAMES, False),
            ("limit=2", NAMES[:2], True),
            (f"limit=2&after_id={NAMES[1]}", NAMES[2:4], True),
            (f"after_id={NAMES[-1]}", [], False),
            (f"limit=1&before_id={NAMES[2]}", NAMES[1:2], True),
            (f"before_id={NAMES[1]}", NAMES[:1], False),
        ):
            with self.subTest(query=query):
                value = page(query)
                self.assertEqual(names, [model["id"] for model in value["data"]])
                self.assertEqual(more, value["has_more"])
                ends = (names[0], names[-1]) if names else (None, None)
                self.assertEqual(ends, (value["first_id"], value["last_id"]))

    def test_bad_pages(self) -> None:
        """A page that cannot be is refused and named."""
        for query, param in (
            ("limit=0", "limit"),
            ("limit=x", "limit"),
            ("limit=1001", "limit"),
            ("after_id=nobody", "after_id"),
            ("before_id=nobody", "before_id"),
        ):
            with self.subTest(query=query):
                self.assertEqual(param, self.assertRaises(Refusal, page, query).param)

    def test_one_model(self) -> None:
        """Any name is a model in either shape, but for the missing one."""
        call = call_of(method="GET", target="/v1/models/x")
        self.assertEqual("a/b c", json_of(one_model(call, "a/b%20c"))["id"])
        call = call_of(method="GET", target="/v1/models/demo", headers=VERSION)
        self.assertEqual(
            ("model", "Demo"),
            tuple(json_of(one_model(call, "demo"))[key] for key in ("type", "display_name")),
        )
        self.assertEqual(404, self.assertRaises(Refusal, one_model, call, "demo-missing").status)
