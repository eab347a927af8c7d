"""Signatures, judged by AWS's published ones and by botocore's whole client."""

from __future__ import annotations

import calendar
import io
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.session import Session
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.secret import Secret
from magicgateway.providers import signing
from magicgateway.providers.aws_credentials import AwsCredential
from magicgateway.providers.aws_endpoints import model_path
from magicgateway.providers.signing import Field, payload_hash, sign

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = AwsCredential("AKIDEXAMPLE", Secret(SECRET))
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
BODY = (
    b'{"messages":[{"role":"user","content":[{"text":"Hello"}]}],'
    b'"inferenceConfig":{"maxTokens":64}}'
)
RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com"
CONTROL = "https://bedrock.us-east-1.amazonaws.com"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcd1234efgh"
JSON: Field = (b"content-type", b"application/json")
EMPTY = payload_hash([])


def at(text: str) -> float:
    return calendar.timegm(time.strptime(text, "%Y%m%dT%H%M%SZ"))


NOW = at("20250102T030405Z")


def with_token(token: str) -> AwsCredential:
    return AwsCredential("AKIDEXAMPLE", Secret(SECRET), Secret(token))


def signature(fields: list[Field]) -> str:
    return dict(fields)[b"authorization"].decode().rpartition("Signature=")[2]


class VectorTests(SynchronousTestCase):
    """Signatures that are known."""

    def test_worked_examples(self) -> None:
        """J1: The signatures of worked examples, with token, ARN, raw colon and query, come out."""
        converse = RUNTIME + model_path(HAIKU, "converse")
        for expected, credential, method, url, fields, body in (
            ("860997c9e1df289e3c7cde145a934cbd3205195f77191714c31b3d8d4753d02a",
             KEYS, "POST", converse, [JSON], BODY),
            ("be9e48d9b538d712a56325f71065adc0f43d075dd372a2d7a9a448fb639c4cb2",
             with_token("SESSIONTOKENEXAMPLE=="), "POST", converse, [JSON], BODY),
            ("eee7fd53952f3ad1432f782df9e22273cecd4789ad9f32440ffa6b84de37c508",
             KEYS, "POST", RUNTIME + model_path(PROFILE, "converse-stream"), [JSON], BODY),
            ("e89b76ecdbe98f41c5ceaf5f026fdd7fd993760971208d57504ffaae022e2afa",
             KEYS, "POST", f"{RUNTIME}/model/{HAIKU}/converse", [JSON], BODY),
            ("8e8e144dea9dab3091ad5bd82f8468a60488d481bcab5673f94ac50ed1648837",
             KEYS, "GET",
             f"{CONTROL}/foundation-models?byInferenceType=ON_DEMAND&byOutputModality=TEXT",
             [], b""),
        ):  # fmt: skip
            signed = sign(credential, "us-east-1", method, url, fields, payload_hash([body]), NOW)
            self.assertEqual(expected, signature(signed), url)

    def test_published_examples(self) -> None:
        """J2: The signatures that AWS publishes come out."""
        form: Field = (b"Content-Type", b"application/x-www-form-urlencoded")
        for expected, credential, method, path, fields, body in (
            ("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
             KEYS, "GET", "/", [], b""),
            ("8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
             KEYS, "GET", "/\u1234", [], b""),
            ("07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
             with_token(TOKEN), "GET", "/", [], b""),
            ("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
             KEYS, "POST", "/", [form], b"Param1=value1"),
        ):  # fmt: skip
            signed = sign(
                credential, "us-east-1", method, f"https://example.amazonaws.com{path}", fields,
                payload_hash([body]), at("20150830T123600Z"), "service",
            )  # fmt: skip
            self.assertEqual(expected, signature(signed), path)


class FieldTests(SynchronousTestCase):
    """What is added to a request."""

    def test_fields(self) -> None:
        """J8: Time and signature are added, the token only where there is one."""
        signed = sign(KEYS, "us-east-1", "GET", f"{RUNTIME}/", [], EMPTY, NOW + 0.9)
        self.assertEqual([b"x-amz-date", b"authorization"], [name for name, _ in signed])
        self.assertEqual(b"20250102T030405Z", dict(signed)[b"x-amz-date"])
        self.assertTrue(
            dict(signed)[b"authorization"].startswith(
                b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250102/us-east-1/bedrock/aws4_request,"
                b" SignedHeaders=host;x-amz-date, Signature="
            )
        )
        signed = sign(with_token("T=="), "us-east-1", "GET", f"{RUNTIME}/", [], EMPTY, NOW)
        self.assertEqual(b"T==", dict(signed)[b"x-amz-security-token"])
        self.assertIn(b"host;x-amz-date;x-amz-security-token,", dict(signed)[b"authorization"])

    def test_every_time_anew(self) -> None:
        """A later signature differs, also by token or body, and one of the same second does not."""
        first, again, later = (
            sign(KEYS, "us-east-1", "GET", f"{RUNTIME}/", [], EMPTY, now)
            for now in (NOW, NOW, NOW + 1)
        )
        self.assertEqual(first, again)
        others = (
            sign(keys, "us-east-1", "GET", f"{RUNTIME}/", [], hashed, NOW)
            for keys, hashed in (
                (with_token("T=="), EMPTY),
                (with_token("U=="), EMPTY),
                (KEYS, EMPTY.replace("e", "f")),
            )
        )
        self.assertEqual(5, len({signature(signed) for signed in (first, later, *others)}))

    def test_derived_keys_are_of_their_credential(self) -> None:
        """Each day, region and service has its own key, and what is kept of them is bounded."""
        keys = AwsCredential("AKIDEXAMPLE", Secret(SECRET))
        days = [NOW + 86_400 * day for day in (0, 1, 0)]
        said = [
            signature(sign(keys, region, "GET", f"{RUNTIME}/", [], EMPTY, now, service))
            for now in days
            for region in ("us-east-1", "eu-west-1")
            for service in ("bedrock", "sts")
        ]
        self.assertEqual((8, said[:4]), (len(set(said)), said[8:]))
        for day in range(300):
            sign(keys, "us-east-1", "GET", f"{RUNTIME}/", [], EMPTY, NOW + 86_400 * day)
        self.assertLessEqual(len(keys.derived), 64)
        self.assertNotIn(SECRET, repr(keys))
        first = sign(keys, "us-east-1", "GET", f"{RUNTIME}/", [], EMPTY, NOW)
        self.assertEqual(said[0], signature(first))

    def test_further_fields_are_signed(self) -> None:
        """Fields that are to be sent are signed with their values, under any spelling."""
        signed = sign(
            KEYS, "us-east-1", "POST", f"{RUNTIME}/", [JSON, (b"X-Amzn-Bedrock-Trace", b"ENABLED")],
            EMPTY, NOW,
        )  # fmt: skip
        self.assertIn(
            b"SignedHeaders=content-type;host;x-amz-date;x-amzn-bedrock-trace,",
            dict(signed)[b"authorization"],
        )

    def test_own_fields(self) -> None:
        """Nobody sets the fields that the signature decides about."""
        for name in (b"Host", b"date", b"Authorization", b"X-Amz-Date", b"x-amz-content-sha256"):
            self.assertRaises(
                ValueError,
                sign,
                KEYS,
                "us-east-1",
                "GET",
                f"{RUNTIME}/",
                [(name, b"x")],
                EMPTY,
                NOW,
            )

    def test_body_hash(self) -> None:
        """A body has one hash, in however many pieces it is."""
        self.assertEqual(
            "f5b802cc64a01910fd197a46e9e959f3a5795f7728fa5710fb28f1ec3019f545", payload_hash([BODY])
        )
        self.assertEqual(payload_hash([BODY]), payload_hash([BODY[:10], b"", BODY[10:]]))

    def test_nothing_is_logged(self) -> None:
        """J80: With the signer's debug log on, no line has the token, the secret or the body."""
        lines: list[str] = []
        listener = logging.Handler()
        listener.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
        logger = logging.getLogger("botocore")
        self.addCleanup(logger.setLevel, logger.level)
        self.addCleanup(logger.removeHandler, listener)
        logger.addHandler(listener)
        logger.setLevel(logging.DEBUG)
        sign(with_token(TOKEN), "us-east-1", "POST", f"{RUNTIME}/", [JSON], EMPTY, NOW)
        self.assertEqual([], lines)

    def test_representation(self) -> None:
        """No representation of what is passed around shows a secret."""
        shown = repr((with_token(TOKEN), signing._Keys("AKIDEXAMPLE", SECRET, {})))
        self.assertNotIn(SECRET, shown)
        self.assertNotIn(TOKEN, shown)


class Body(io.BytesIO):
    """The body of an answer, as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


class ClientTests(SynchronousTestCase):
    """botocore's client makes the same URL and the same signature."""

    def sent(self, model: str, operation: str, **arguments: Any) -> Any:
        """The request that botocore's client would send."""
        requests: list[Any] = []

        def keep(request: Any, **_: Any) -> Any:
            requests.append(request)
            return AWSResponse(request.url, 400, {}, Body(b"{}"))

        client = Session().create_client(
            "bedrock-runtime",
            region_name="us-east-1",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key=SECRET,
            aws_session_token=TOKEN,
        )
        client.meta.events.register("before-send.bedrock-runtime", keep)
        self.addCleanup(client.close)
        self.assertRaises(ClientError, getattr(client, operation), modelId=model, **arguments)
        return requests[0]

    def test_judge_agrees(self) -> None:
        """Path, scope and signature are those of AWS's own client, for ids and ARNs."""
        messages = [{"role": "user", "content": [{"text": "Hé"}]}]
        for model in (HAIKU, PROFILE, "us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0:300k"):
            request = self.sent(model, "converse", messages=messages)
            url = RUNTIME + model_path(model, "converse")
            self.assertEqual(request.url, url)
            theirs = _text(request.headers["Authorization"])
            names = theirs.partition("SignedHeaders=")[2].partition(",")[0].split(";")
            received = {name.lower(): _text(value) for name, value in request.headers.items()}
            fields = [
                (name.encode(), received[name].encode())
                for name in names
                if name not in ("host", "x-amz-date", "x-amz-security-token")
            ]
            ours = sign(
                with_token(TOKEN), "us-east-1", "POST", url, fields, payload_hash([request.body]),
                at(received["x-amz-date"]),
            )  # fmt: skip
            self.assertEqual(theirs, dict(ours)[b"authorization"].decode())


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


class ImportTests(SynchronousTestCase):
    """What AWS needs is imported when AWS is used."""

    def lines(self, program: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.splitlines()

    def test_start_without_aws(self) -> None:
        """A gateway that was started and serves no AWS request has not imported botocore."""
        program = (
            "import sys, importlib, pkgutil, magicgateway\n"
            "from magicgateway import tap\n"
            "from twisted.internet import reactor\n"
            "options = tap.Options()\n"
            "options.parseOptions(['--port', '0'])\n"
            "service = tap.makeService(options)\n"
            "def stop():\n"
            "    listening = [it for it in reactor.getReaders() if hasattr(it, 'getHost')]\n"
            "    print(len(listening), file=sys.__stdout__)\n"
            "    service.stopService().addBoth(lambda _: reactor.stop())\n"
            "def start():\n"
            "    service.privilegedStartService()\n"
            "    service.startService()\n"
            "    reactor.callLater(0, stop)\n"
            "reactor.callWhenRunning(start)\n"
            "reactor.run()\n"
            "for _, name, _ in pkgutil.walk_packages(magicgateway.__path__, 'magicgateway.'):\n"
            "    if not name.endswith('__main__'):\n"
            "        importlib.import_module(name)\n"
            "found = [name for name in sys.modules if name.startswith('botocore')]\n"
            "print(found, file=sys.__stdout__)\n"
        )
        self.assertEqual(["1", "[]"], self.lines(program)[-2:])

    def test_load(self) -> None:
        """Loading imports all that a signature and a region need."""
        program = (
            "import sys\n"
            "from magicgateway.config.secret import Secret\n"
            "from magicgateway.providers import aws_endpoints, signing\n"
            "from magicgateway.providers.aws_credentials import AwsCredential\n"
            "print(signing.is_loaded())\n"
            "signing.load()\n"
            "print(signing.is_loaded())\n"
            "before = set(sys.modules)\n"
            "keys = AwsCredential('A', Secret('s'))\n"
            "aws_endpoints.find_region('us-east-1')\n"
            "signing.sign(keys, 'us-east-1', 'GET', 'https://h/', [], '0', 0.0)\n"
            "print(set(sys.modules) - before)\n"
        )
        self.assertEqual(["False", "True", "set()"], self.lines(program))
