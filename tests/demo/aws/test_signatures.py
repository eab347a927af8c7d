from __future__ import annotations

from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws.refusals import AwsRefusal
from magicgateway.demo.aws.signatures import API_KEY, IDENTITIES, SKEW, signer
from magicgateway.demo.call import Call
from tests.demo.aws.clients import HOST, SIGNED_AT, signed
from tests.demo.calls import call_of

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "demo.md"
PATH = "/model/anthropic.claude-3-haiku-20240307-v1"
BODY = (
    b'{"messages":[{"role":"user","content":[{"text":"Hello"}]}],'
    b'"inferenceConfig":{"maxTokens":64}}'
)
SCOPE = "/20250102/us-east-1/bedrock/aws4_request"
ROOT, SESSION, EXPIRED, EXAMPLE = IDENTITIES


def changed(call: Call, name: str, value: str | None) -> Call:
    """The same request with another value of a header, or without it."""
    rest = [field for field in call.headers if field[0] != name]
    return evolve(call, headers=(*rest, *([(name, value)] if value is not None else [])))


class SignerTests(SynchronousTestCase):
    def refused(self, call: Call) -> AwsRefusal:
        with self.assertRaises(AwsRefusal) as caught:
            signer(call)
        refusal: AwsRefusal = caught.exception
        return refusal

    def request(self, target: str = PATH + "%3A0/converse") -> Call:
        return call_of(BODY, target=target)

    def test_examples(self) -> None:
        """Signatures that were made elsewhere, encoded and raw colons alike, are accepted."""
        for colon, signature in (
            ("%3A", "860997c9e1df289e3c7cde145a934cbd3205195f77191714c31b3d8d4753d02a"),
            (":", "e89b76ecdbe98f41c5ceaf5f026fdd7fd993760971208d57504ffaae022e2afa"),
        ):
            with self.subTest(colon=colon):
                authorization = (
                    f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE{SCOPE}, "
                    f"SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
                )
                headers = (
                    ("host", HOST),
                    ("content-type", "application/json"),
                    ("x-amz-date", "20250102T030405Z"),
                    ("authorization", authorization),
                )
                target = f"{PATH}{colon}0/converse"
                call = call_of(BODY, target=target, headers=headers, at=SIGNED_AT)
                self.assertEqual("AKIDEXAMPLE", signer(call))

    def test_identities(self) -> None:
        """Everybody may ask who signs with what belongs together and is not expired."""
        for identity in (ROOT, SESSION, EXAMPLE):
            self.assertEqual(identity.access_key, signer(signed(self.request(), identity)))
        self.assertEqual(
            "ExpiredTokenException", self.refused(signed(self.request(), EXPIRED)).kind
        )
        for identity in (
            evolve(ROOT, access_key="AKIANOBODY"),
            evolve(SESSION, token="another"),
            evolve(SESSION, token=""),
            evolve(ROOT, token="superfluous"),
        ):
            with self.subTest(identity=identity):
                refusal = self.refused(signed(self.request(), identity))
                self.assertEqual("UnrecognizedClientException", refusal.kind)

    def test_api_keys(self) -> None:
        """An API key stands in place of a signature; a wrong one is told by its form."""
        for key, words in (("demo", "pre-defined prefix"), ("ABSKother", "Authentication failed")):
            call = call_of(headers=(("authorization", f"Bearer {key}"),))
            refusal = self.refused(call)
            self.assertIn(words, refusal.message)
            self.assertEqual((403, "Message"), (refusal.status, refusal.key))
        good = call_of(headers=(("authorization", f"Bearer {API_KEY}"),))
        self.assertEqual(API_KEY, signer(good))

    def test_every_part_counts(self) -> None:
        """A change of anything that was signed is noticed, and the refusal tells how to sign."""
        call = signed(self.request(), SESSION)
        body = call.body + b" "
        for other in (
            evolve(call, body=body, body_size=len(body)),
            evolve(call, method="PUT"),
            evolve(call, target=PATH + "%253A0/converse"),
            evolve(call, target=PATH + ":0/converse"),
            evolve(call, target=call.target + "?a=b"),
            changed(call, "host", "bedrock.us-east-1.amazonaws.com"),
            changed(call, "content-type", "application/json; charset=utf-8"),
            signed(self.request(), evolve(ROOT, secret_key="another")),
        ):
            with self.subTest(target=other.target):
                refusal = self.refused(other)
                self.assertEqual((403, "InvalidSignatureException"), (refusal.status, refusal.kind))
                self.assertIn("Canonical String", refusal.message)

    def test_clock(self) -> None:
        """A signature is good for five minutes before and after, and for its own day."""
        call = signed(self.request())
        for shift in (-SKEW, 0, SKEW):
            self.assertTrue(signer(evolve(call, at=SIGNED_AT + shift)))
        late = self.refused(evolve(call, at=SIGNED_AT + SKEW + 1))
        self.assertIn("Signature expired: 20250102T030405Z is now earlier than", late.message)
        early = self.refused(evolve(call, at=SIGNED_AT - SKEW - 1))
        self.assertIn("Signature not yet current", early.message)
        other_day = self.refused(changed(call, "x-amz-date", "20250103T030405Z"))
        self.assertIn("Date in Credential scope", other_day.message)

    def test_headers(self) -> None:
        """AWS's own headers must be signed, the host too, each once and in order."""
        call = signed(self.request())
        unsigned = evolve(call, headers=(*call.headers, ("x-amzn-bedrock-trace", "ENABLED")))
        self.assertIn("x-amzn-bedrock-trace", self.refused(unsigned).message)
        extra = (("x-amzn-bedrock-trace", "ENABLED"),)
        self.assertTrue(signer(signed(self.request(), extra=extra)))
        text = call.header("authorization")
        for names in ("content-type;x-amz-date", "host;content-type;x-amz-date", "a;host"):
            with self.subTest(names=names):
                other = text.replace("content-type;host;x-amz-date", names)
                refusal = self.refused(changed(call, "authorization", other))
                self.assertEqual("InvalidSignatureException", refusal.kind)

    def test_form(self) -> None:
        """What is no whole signature is told what it lacks."""
        call = signed(self.request())
        text = call.header("authorization")
        for value, kind in (
            (None, "MissingAuthenticationTokenException"),
            ("Basic abc", "IncompleteSignatureException"),
            ("AWS4-HMAC-SHA256 Credential=a", "IncompleteSignatureException"),
            (text.replace("/aws4_request", ""), "InvalidSignatureException"),
            (text.replace("/bedrock/", "/bedrock-runtime/"), "InvalidSignatureException"),
            (text.replace(SCOPE, ""), "IncompleteSignatureException"),
        ):
            with self.subTest(value=value):
                refusal = self.refused(changed(call, "authorization", value))
                self.assertEqual((403, kind), (refusal.status, refusal.kind))
        undated = self.refused(changed(call, "x-amz-date", "yesterday"))
        self.assertEqual("IncompleteSignatureException", undated.kind)
        long = evolve(call, body_size=len(call.body) + 1)
        self.assertEqual(413, self.refused(long).status)


class DocumentTests(SynchronousTestCase):
    def test_keys(self) -> None:
        """The documentation lists everybody who may ask, and the API key."""
        text = DOCUMENT.read_text()
        for identity in IDENTITIES:
            self.assertIn(f"| `{identity.access_key}` | `{identity.secret_key}` | ", text)
            self.assertIn(f"`{identity.token}`" if identity.token else "| none |", text)
        self.assertIn(f"`{API_KEY}`", text)
