from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.secret import Secret
from magicgateway.observe.facts import Finished, Usage
from magicgateway.observe.redaction import Redactor
from magicgateway.observe.request_log import JsonLines, RequestLine, human_line, json_line
from magicgateway.wire.jsontext import decode
from tests.house import ROOT
from tests.observe.sample import bare, finished

TEXTS = ("request_id", "client", "method", "path", "operation", "provider", "model",
         "upstream_model", "outcome", "error", "detail")  # fmt: skip


class JsonLineTests(SynchronousTestCase):
    def test_everything(self) -> None:
        """Every key, in order, with rounded durations."""
        expected = {
            "time": "2026-07-14T03:33:20.123Z",
            "request_id": "req_0001",
            "client": "203.0.113.7",
            "method": "POST",
            "path": "/v1/chat/completions",
            "operation": "chat/completions",
            "provider": "openai",
            "model": "fast",
            "upstream_model": "gpt-5-mini",
            "status": 200,
            "outcome": "completed",
            "stream": True,
            "request_bytes": 512,
            "response_bytes": 2048,
            "duration_ms": 1834.206,
            "first_byte_ms": 310.555,
            "upstream_ms": 300.25,
            "overhead_ms": 0.731,
            "attempts": 1,
            "usage": {
                "input": 12,
                "output": 34,
                "cached_input": 5,
                "cache_write": 6,
                "reasoning": 7,
            },
            "error": "x",
            "detail": "y",
        }
        line = decode(json_line(finished(error="x", detail="y")))
        self.assertEqual(list(expected.items()), list(line.items()))
        self.assertEqual(tuple(expected), RequestLine.__struct_fields__)

    def test_what_is_unknown_is_absent(self) -> None:
        """No key stands for what is not known; those that every line has are always there."""
        self.assertEqual(
            {
                "time": "2026-07-14T03:33:20.000Z",
                "request_id": "req_0002",
                "client": "127.0.0.1",
                "method": "GET",
                "path": "/nowhere",
                "status": 404,
                "outcome": "refused",
                "stream": False,
                "request_bytes": 0,
                "response_bytes": 0,
                "duration_ms": 0.25,
                "attempts": 0,
            },
            decode(json_line(bare())),
        )
        self.assertNotIn("usage", decode(json_line(bare(usage=Usage()))))
        self.assertEqual({"output": 0}, decode(json_line(bare(usage=Usage(output=0))))["usage"])

    @given(st.dictionaries(st.sampled_from(TEXTS), st.text(st.characters(), max_size=20)))
    def test_one_line_whatever_comes(self, texts: dict[str, str]) -> None:
        """One line of printable ASCII that is JSON, whatever the strings are."""
        line = json_line(finished(**texts))
        self.assertEqual(b"\n", line[-1:])
        self.assertTrue(line[:-1].decode("ascii").isprintable())
        read = decode(line)
        for name, text in texts.items():
            expected = text.encode("utf-8", "backslashreplace").decode()
            self.assertEqual(expected, read.get(name, ""))

    def test_keys_are_documented(self) -> None:
        """``docs/observability.md`` has a row for each key, in order, and no other."""
        text = (ROOT / "docs" / "observability.md").read_text()
        table = text.split("<!-- keys -->")[1]
        rows = [row.split("`")[1] for row in table.splitlines() if row.startswith("| `")]
        usage = [f"usage.{name}" for name in Usage.__struct_fields__]
        at = RequestLine.__struct_fields__.index("usage") + 1
        fields = list(RequestLine.__struct_fields__)
        self.assertEqual([*fields[:at], *usage, *fields[at:]], rows)


class JsonLinesTests(SynchronousTestCase):
    """The quick way to the same lines."""

    def setUp(self) -> None:
        self.lines = JsonLines(Redactor([Secret("canary-1234", "env:X")]).clean, "req_00")

    def assert_same(self, fact: Finished) -> None:
        """Both ways spell the same keys, in the same order, with the same values."""
        expected = list(decode(json_line(fact)).items())
        for _ in ("spelled", "remembered"):
            self.assertEqual(expected, list(decode(self.lines(fact)).items()))

    def test_same(self) -> None:
        """Whole facts, bare ones, and those with an error, the first time and the second."""
        for fact in (
            finished(),
            finished(usage=None, stream=False),
            finished(usage=Usage(), first_byte_ms=None),
            finished(model='a "quoted" name', path='/v1/x"status":1'),
            bare(),
            bare(error="upstream_dns", detail="no such name"),
            finished(request_id="theirs"),
        ):
            self.assert_same(fact)

    @given(
        st.dictionaries(st.sampled_from(TEXTS[1:8]), st.text(st.characters(), max_size=20)),
        st.floats(0, 1e7),
        st.integers(0, 2**40),
    )
    def test_same_whatever_comes(self, texts: dict[str, str], number: float, count: int) -> None:
        """One line of printable ASCII with the same content, whatever the strings are."""
        fact = finished(**texts, duration_ms=number, response_bytes=count)
        self.assert_same(fact)
        self.assertTrue(self.lines(fact)[:-1].decode("ascii").isprintable())

    def test_no_secret(self) -> None:
        """A secret in any text is removed, however often it comes."""
        for name in TEXTS:
            for _ in range(3):
                line = self.lines(finished(**{name: "canary-1234"}))
                self.assertNotIn(b"canary-1234", line, name)
                self.assertIn(b"[redacted]", line)

    def test_bounded(self) -> None:
        """However many paths callers think of, few are remembered."""
        for number in range(3000):
            self.lines(finished(path=f"/v1/{number}"))
        self.assertLessEqual(len(self.lines._known), 1024)


class HumanLineTests(SynchronousTestCase):
    def test_cases(self) -> None:
        """What a person looks for, in few words."""
        broken = bare(
            status=502,
            provider="p",
            model="m",
            outcome="failed",
            attempts=3,
            usage=Usage(output=1),
            error="upstream_dns",
            detail="no such name",
        )
        cases = {
            "20.123Z 200 POST /v1/chat/completions openai/gpt-5-mini 1834.2ms first=310.6ms"
            " overhead=0.73ms 512>2048B 12+34tok 203.0.113.7 req_0001": finished(),
            "20.000Z 404 GET /nowhere 0.2ms 0>0B 127.0.0.1 req_0002 refused": bare(),
            "20.000Z 502 GET /nowhere p/m 0.2ms 0>0B ?+1tok 127.0.0.1 req_0002 failed attempts=3"
            " - upstream_dns no such name": broken,
        }
        for expected, fact in cases.items():
            self.assertEqual(f"2026-07-14T03:33:{expected}\n", human_line(fact).decode())

    @given(st.dictionaries(st.sampled_from(TEXTS), st.text(st.characters(), max_size=20)))
    def test_one_line_whatever_comes(self, texts: dict[str, str]) -> None:
        """One line without anything that a terminal obeys, whatever the strings are."""
        line = human_line(finished(**texts)).decode()
        self.assertEqual("\n", line[-1:])
        self.assertTrue(line[:-1].isprintable())

    def test_fields_cannot_be_forged(self) -> None:
        """A path with spaces does not look like a path, a status and more."""
        line = human_line(finished(path="/x 200 GET /y")).decode()
        self.assertIn(" /x\\x20200\\x20GET\\x20/y ", line)
