"""Whose AWS credential a request goes with."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.secret import Secret
from magicgateway.errors import ApiError, ConfigError
from magicgateway.providers.aws_credentials import (
    AwsBearer,
    AwsCredential,
    AwsSource,
    asked_region,
    aws_credential,
    check_operator_serves,
    environment_source,
    operator_aws_credential,
    own_aws_credential,
)
from magicgateway.providers.credentials import Admission, Keyring
from tests.config.sources import loaded
from tests.gateway import settings_of

ID, KEY, TOKEN = b"x-aws-access-key-id", b"x-aws-secret-access-key", b"x-aws-session-token"
PAIR = {ID: b"AKIDCALLER", KEY: b"caller/secret+key"}
UNSET = (b"", b" ", b"undefined", b"null", b"None")


def own(fields: dict[bytes, bytes]) -> AwsCredential | AwsBearer | None:
    return own_aws_credential(fields, Admission())


class OwnTests(SynchronousTestCase):
    """What a caller brings."""

    def pair(self, fields: dict[bytes, bytes]) -> AwsCredential:
        found = own(fields)
        assert isinstance(found, AwsCredential)
        self.assertTrue(found.own)
        return found

    def refused(self, fields: dict[bytes, bytes]) -> tuple[int, str, str | None]:
        error = self.assertRaises(ApiError, own, fields)
        for value in fields.values():
            self.assertNotIn(value.decode("latin-1"), error.message)
        return error.status, error.code, error.param

    def test_pair(self) -> None:
        """Both keys are a credential, white space around them apart."""
        found = self.pair({ID: b" AKIDCALLER\t", KEY: b"\tcaller/secret+key "})
        self.assertEqual("AKIDCALLER", found.access_key_id)
        self.assertEqual(Secret("caller/secret+key"), found.secret_access_key)
        self.assertIsNone(found.session_token)

    def test_token(self) -> None:
        """A token belongs to the pair; one that was never set counts as none."""
        self.assertEqual(Secret("T=="), self.pair({**PAIR, TOKEN: b"T=="}).session_token)
        for unset in UNSET:
            with self.subTest(unset=unset):
                self.assertIsNone(self.pair({**PAIR, TOKEN: unset}).session_token)

    def test_half_a_pair(self) -> None:
        """J10: One key without the other is refused by the missing one, whatever else is there."""
        for fields, missing in (
            ({ID: b"AKIDCALLER"}, KEY),
            ({ID: b"AKIDCALLER", TOKEN: b"a-token-value"}, KEY),
            ({KEY: b"a-secret-value"}, ID),
            ({TOKEN: b"a-token-value"}, ID),
            *(({ID: b"AKIDCALLER", KEY: unset}, KEY) for unset in UNSET[2:]),
            *(({ID: unset, KEY: b"a-secret-value"}, ID) for unset in UNSET[2:]),
        ):
            for more in ({}, {b"authorization": b"Bearer a-bedrock-key"}):
                with self.subTest(fields=fields, more=more):
                    self.assertEqual(
                        (400, "incomplete_credential", missing.decode()),
                        self.refused({**fields, **more}),
                    )

    def test_impossible(self) -> None:
        """What would break a header or the signature is refused, naming its header."""
        for name, value in (
            (ID, b"AKID/20250102"),
            (ID, b"AKID,x"),
            (ID, b"AK ID"),
            (ID, b"AKID\xe9"),
            (ID, b"Z" * 129),
            (KEY, b"two words"),
            (KEY, b"caf\xe9"),
            (KEY, b"s" * 1025),
            (TOKEN, b"T\r\nx: y"),
            (TOKEN, b"T" * 16385),
        ):
            with self.subTest(name=name, value=value[:20]):
                self.assertEqual(
                    (400, "invalid_credential", name.decode()), self.refused({**PAIR, name: value})
                )

    def test_pair_before_bearer(self) -> None:
        """A bearer beside a pair is ignored, a placeholder or not."""
        for bearer in (b"Bearer not-needed", b"Bearer dummy", b"Bearer a-bedrock-key"):
            self.assertEqual(
                "AKIDCALLER", self.pair({**PAIR, b"authorization": bearer}).access_key_id
            )

    def test_bearer(self) -> None:
        """Without a pair, a key that stands where credentials stand goes as bearer."""
        for fields in (
            {b"authorization": b"Bearer a-bedrock-key"},
            {b"x-magicapi-api-key": b"a-bedrock-key", b"authorization": b"Bearer other"},
            {b"x-api-key": b"a-bedrock-key", ID: b"undefined", KEY: b"undefined", TOKEN: b""},
        ):
            self.assertEqual(AwsBearer(Secret("a-bedrock-key"), own=True), own(fields))

    def test_none(self) -> None:
        """Placeholders, a foreign signature and a region alone are no credential."""
        for fields in (
            {},
            {b"authorization": b"Bearer not-needed"},
            {b"authorization": b"AWS4-HMAC-SHA256 Credential=AKID/20250102/us-east-1/bedrock"},
            {ID: b"undefined", KEY: b"null", TOKEN: b"undefined"},
            {b"x-aws-region": b"us-east-1"},
        ):
            self.assertIsNone(own(fields))

    def test_virtual_key(self) -> None:
        """The gateway's own key is never a credential for AWS."""
        settings = settings_of('[server]\nkeys = ["env:KEYS"]\n', {"KEYS": "virtual-key-number-1"})
        fields = {b"authorization": b"Bearer virtual-key-number-1"}
        admission = Keyring(settings).admit(fields)
        self.assertIsNone(own_aws_credential(fields, admission))
        found = own_aws_credential({**fields, **PAIR}, admission)
        assert isinstance(found, AwsCredential)
        self.assertEqual("AKIDCALLER", found.access_key_id)

    def test_region(self) -> None:
        """The region is what the header says, if it says one."""
        self.assertEqual("eu-west-1", asked_region({b"x-aws-region": b" eu-west-1 "}))
        self.assertEqual("us-east-1\n", asked_region({b"x-aws-region": b"us-east-1\n"}))
        for unset in UNSET:
            self.assertEqual("", asked_region({b"x-aws-region": unset}))
        self.assertEqual("", asked_region({}))

    def test_nothing_is_shown(self) -> None:
        """No representation shows a key or a token."""
        shown = repr([own({**PAIR, TOKEN: b"T-T-T"}), own({b"x-api-key": b"a-bedrock-key"})])
        for secret in ("caller/secret+key", "T-T-T", "a-bedrock-key"):
            self.assertNotIn(secret, shown)


class OperatorTests(SynchronousTestCase):
    """What the operator has set."""

    def test_environment(self) -> None:
        """The environment's pair and token serve; its Bedrock API key wins over them."""
        names = {
            "AWS_ACCESS_KEY_ID": "AKIDOPERATOR",
            "AWS_SECRET_ACCESS_KEY": "operator/secret",
            "AWS_SESSION_TOKEN": "operator-token",
        }
        for environment, expected in (
            (names, AwsCredential(
                "AKIDOPERATOR", Secret("operator/secret"), Secret("operator-token"))),
            ({**names, "AWS_SESSION_TOKEN": " "},
             AwsCredential("AKIDOPERATOR", Secret("operator/secret"))),
            ({**names, "AWS_SESSION_TOKEN": "undefined"},
             AwsCredential("AKIDOPERATOR", Secret("operator/secret"))),
            ({**names, "AWS_BEARER_TOKEN_BEDROCK": "k"}, AwsBearer(Secret("k"))),
            ({"AWS_SESSION_TOKEN": "alone"}, None),
            ({}, None),
        ):  # fmt: skip
            source = environment_source(loaded("", environment=environment).environment)
            self.assertEqual(expected, operator_aws_credential([source]))
            self.assertNotIn("operator/secret", repr(source))

    def test_origin(self) -> None:
        """Where a secret came from stays known."""
        environment = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}
        found = operator_aws_credential(
            [environment_source(settings_of("", environment).environment)]
        )
        assert isinstance(found, AwsCredential)
        self.assertEqual("env:AWS_SECRET_ACCESS_KEY", found.secret_access_key.origin)

    def test_first_source_wins(self) -> None:
        """The first source with a credential is used, without anything of another."""
        table = AwsSource(Secret("AKIDTABLE"), Secret("table-secret"))
        environment = AwsSource(Secret("AKIDENV"), Secret("env-secret"), Secret("env-token"))
        self.assertEqual(
            AwsCredential("AKIDTABLE", Secret("table-secret")),
            operator_aws_credential([AwsSource(), table, environment]),
        )
        self.assertIsNone(operator_aws_credential([AwsSource(), AwsSource()]))

    def test_half_a_pair(self) -> None:
        """One key without the other is an error that names both, not a reason to look elsewhere."""
        whole = AwsSource(Secret("AKIDENV"), Secret("env-secret"))
        for half, here, missing in (
            (AwsSource(access_key_id=Secret("a-value")), "access_key_id", "secret_access_key"),
            (AwsSource(secret_access_key=Secret("a-value")), "secret_access_key", "access_key_id"),
            (environment_source({"AWS_ACCESS_KEY_ID": Secret("a-value")}),
             "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ):  # fmt: skip
            error = self.assertRaises(ConfigError, operator_aws_credential, [half, whole])
            self.assertEqual(here, error.key)
            self.assertIn(missing, error.message)
            self.assertNotIn("a-value", str(error))

    def test_impossible(self) -> None:
        """Text that is no key is refused without being shown."""
        for parts, named in (
            (("AKID/x", "s", None), "access key id"),
            (("AKID", "two words", None), "secret access key"),
            (("AKID", "s", "T\n"), "session token"),
        ):
            error = self.assertRaises(ConfigError, aws_credential, *parts)
            self.assertIn(named, error.message)
            for part in parts:
                self.assertNotIn(f" {part} ", f" {error.message} ")

    def test_who_is_served(self) -> None:
        """The operator's credentials serve holders of a virtual key and callers on the machine."""
        check_operator_serves(Admission(closed=True), local=False)
        check_operator_serves(Admission(), local=True)
        with self.assertRaises(ApiError) as caught:
            check_operator_serves(Admission(), local=False)
        self.assertEqual(
            (401, "missing_credential"), (caught.exception.status, caught.exception.code)
        )
        self.assertIn("x-aws-access-key-id", caught.exception.message)
        self.assertIn("server.keys", caught.exception.message)
