"""Paths of AWS's own API below a provider's name."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from magicgateway.providers.registry import Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from magicgateway.routing.destination import Router
from magicgateway.routing.doors import Target, needs_peek, read_target
from magicgateway.routing.passages import read_passage, unsigned_query
from tests.gateway import settings_of

GET, POST = (b"GET",), (b"POST",)


class PassageTests(SynchronousTestCase):
    def test_operations(self) -> None:
        """Those that run models, with the methods they take and the model they name."""
        for path, operation, methods, model in (
            ("/model/anthropic.claude-v2%3A1/converse", "converse", POST, "anthropic.claude-v2:1"),
            ("/model/m:0/converse-stream", "converse-stream", POST, "m:0"),
            ("/model/arn%3Ax%2Fy/invoke", "invoke", POST, "arn:x/y"),
            ("/model/m/invoke-with-response-stream", "invoke-with-response-stream", POST, "m"),
            ("/model/m/count-tokens", "count-tokens", POST, "m"),
            ("/guardrail/g/version/1/apply", "apply-guardrail", POST, ""),
            ("/guardrail-checks/invoke", "guardrail-checks", POST, ""),
            ("/async-invoke", "async-invoke", (b"GET", b"POST"), ""),
            ("/async-invoke/arn%3Aa%2Fb", "get-async-invoke", GET, ""),
        ):
            found = read_passage(path.encode())
            assert found is not None, path
            said = found.operation, found.methods, found.model, found.path.decode()
            self.assertEqual((operation, methods, model, path), said)
            self.assertEqual(operation != "async-invoke", found.repeatable)

    def test_nothing_else(self) -> None:
        """Neither a stream in both directions, nor another service's paths, nor parts of paths."""
        for path in (
            "/model/m/invoke-with-bidirectional-stream",
            "/model/arn:x/y/converse",
            "/model//converse",
            "/model/m/converse/",
            "/model/m",
            "/foundation-models",
            "/inference-profiles",
            "/guardrail/g/apply",
            "/async-invoke/a/b",
            "",
        ):
            self.assertEqual(None, read_passage(path.encode()), path)

    def test_queries(self) -> None:
        """A signature in a query is taken out; everything else stays as it was written."""
        signature = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2Fx&X-Amz-Date=1"
        rest = "X-Amz-Expires=9&X-Amz-SignedHeaders=host&X%2DAmz%2DSecurity%2DToken=t"
        rest += "&x-amz-signature=0"
        for query, expected in (
            ("", ""),
            ("?", "?"),
            ("?b=%20&a&=", "?b=%20&a&="),
            ("?X-Amz-Other=1", "?X-Amz-Other=1"),
            (f"?{signature}&{rest}", ""),
            (f"?a=%2f&{signature}&b=2&{rest}", "?a=%2f&b=2"),
        ):
            self.assertEqual(expected.encode(), unsigned_query(query.encode()), query)


class TargetTests(SynchronousTestCase):
    def target(self, raw: str) -> Target | None:
        return read_target(raw.encode(), lambda name: name in ("bedrock", "groq"))

    def test_target(self) -> None:
        """It is kept as it was written, and every body of it is collected."""
        target = self.target("/bedrock/model/a%3a0/converse?x=%20")
        assert target is not None
        assert target.passage is not None
        self.assertEqual(b"/model/a%3a0/converse", target.passage.path)
        self.assertEqual(b"?x=%20", target.query)
        signed = self.target("/bedrock/model/m/converse?X-Amz-Signature=0&x=%20")
        assert signed is not None
        self.assertEqual(b"?x=%20", signed.query)
        self.assertEqual(("bedrock", "converse"), (target.provider, target.operation))
        self.assertEqual((None, None), (target.door, target.model_id))
        self.assertEqual({"aws"}, {target.family(True), target.family(False)})
        for method in (b"GET", b"POST"):
            self.assertTrue(needs_peek(target, method, b""))

    def test_doors_stay_doors(self) -> None:
        """What stands below v1 is no such path, with any provider's name before it."""
        target = self.target("/bedrock/v1/chat/completions")
        assert target is not None
        self.assertEqual((None, True), (target.passage, target.door is not None))
        for raw in ("/model/m/converse", "/v1/model/m/converse", "/nobody/model/m/converse"):
            found = self.target(raw)
            self.assertEqual(None, found and found.passage)

    def test_strange(self) -> None:
        """A path that AWS could read otherwise than it is signed is refused."""
        for raw in ("a%2F..%2Fb", "..", "%2e%2e", "a\\b", "a%0d", "a%zz", "."):
            error = self.assertRaises(ApiError, self.target, f"/bedrock/model/{raw}/converse")
            self.assertEqual("bad_path", error.code, raw)

    def test_destination(self) -> None:
        """It goes to providers of AWS only, under each of their names."""
        settings = settings_of()
        registry = Registry(ROWS, GENERIC, settings)
        router = Router(registry, settings)

        def read(raw: str) -> Target:
            target = read_target(raw.encode(), lambda name: registry.get(name) is not None)
            assert target is not None
            return target

        found = router.resolve(read("/AWS/model/m/converse"), None, None, anthropic=False)
        self.assertEqual(("bedrock", "m"), (found.provider.name, found.upstream_model))
        found = router.resolve(read("/bedrock/async-invoke"), None, b"aws", anthropic=False)
        self.assertEqual(None, found.upstream_model)
        target = read("/groq/model/m/converse")
        error = self.assertRaises(ApiError, router.resolve, target, None, None, anthropic=False)
        self.assertEqual((404, "unsupported_endpoint"), (error.status, error.code))
