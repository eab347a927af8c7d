"""What botocore's chain finds: real files, real services on sockets."""

from __future__ import annotations

import logging

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.secret import Secret
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.providers.aws_credentials import AwsCredential
from magicgateway.upstream.aws_identity import AwsIdentity, find_identity
from tests.upstream.aws import AwsMachine, answer, expiry, keys

HOUR = 3600
STS = (
    "<AssumeRoleWithWebIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
    "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKIDROLE</AccessKeyId>"
    "<SecretAccessKey>secret-role</SecretAccessKey><SessionToken>token-role</SessionToken>"
    "<Expiration>{expiry}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
    "</AssumeRoleWithWebIdentityResponse>"
)


class FindTests(SynchronousTestCase):
    """What botocore's chain finds."""

    def setUp(self) -> None:
        self.machine = AwsMachine(self)

    def unavailable(self, profile: str | None = None) -> str:
        """What the operator reads of a chain that fails; callers read no detail."""
        error = self.assertRaises(UpstreamError, find_identity, profile)
        assert isinstance(error, UpstreamError)
        self.assertEqual((502, "credential_unavailable"), (error.status, error.code))
        self.assertIn("its log says more", error.message)
        self.assertNotIn("\n", error.detail)
        return error.detail

    def test_profile(self) -> None:
        """A profile's keys and region are found; its keys do not end."""
        self.machine.write(
            "credentials",
            "[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = secret-d\n"
            "[team]\naws_access_key_id = AKIDTEAM\naws_secret_access_key = secret-t\n"
            "aws_session_token = token-t\n",
        )
        self.machine.write("config", "[profile team]\nregion = eu-west-3\n")
        found = find_identity()
        self.assertEqual(
            AwsIdentity(
                AwsCredential("AKIDDEFAULT", Secret("secret-d")), "", "shared-credentials-file"
            ),
            found.identity,
        )
        self.assertFalse(found.ends_within(10 * 365 * 24 * HOUR))
        team = AwsCredential("AKIDTEAM", Secret("secret-t"), Secret("token-t"))
        self.assertEqual(team, find_identity("team").identity.credential)
        self.machine.set({"AWS_PROFILE": "team"})
        self.assertEqual(
            (team, "eu-west-3"),
            (find_identity().identity.credential, find_identity().identity.region),
        )

    def test_container(self) -> None:
        """A container's service is asked; its keys end when it says."""
        service = self.machine.ecs(keys("ECS", HOUR))
        found = find_identity()
        self.assertEqual(
            AwsIdentity(
                AwsCredential("AKIDECS", Secret("secret-ECS"), Secret("token-ECS")),
                "",
                "container-role",
            ),
            found.identity,
        )
        self.assertTrue(found.ends_within(HOUR + 1))
        self.assertFalse(found.ends_within(HOUR - 60))
        self.assertEqual(1, service.asked)

    def test_instance(self) -> None:
        """An instance's service is asked for a token, a role and the role's keys."""
        service = self.machine.service(answer("a-token"), answer("a-role"), keys("IMDS", HOUR))
        self.machine.set(
            {
                "AWS_EC2_METADATA_DISABLED": "false",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url,
            }
        )
        found = find_identity()
        self.assertEqual(
            ("AKIDIMDS", "iam-role"),
            (found.identity.credential.access_key_id, found.identity.source),
        )

    def test_web_identity(self) -> None:
        """A web identity is exchanged for keys; nothing of it is logged, at any level."""
        lines: list[str] = []
        listener = logging.Handler()
        listener.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
        logger = logging.getLogger("botocore")
        self.addCleanup(logger.setLevel, logger.level)
        self.addCleanup(logger.removeHandler, listener)
        logger.addHandler(listener)
        logger.setLevel(logging.DEBUG)
        service = self.machine.service(answer(STS.format(expiry=expiry(HOUR))))
        self.machine.set(
            {
                "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/gateway",
                "AWS_WEB_IDENTITY_TOKEN_FILE": self.machine.write("token", "web-token"),
                "AWS_ENDPOINT_URL_STS": service.url,
                "AWS_DEFAULT_REGION": "eu-west-1",
            }
        )
        identity = find_identity().identity
        self.assertEqual(
            AwsIdentity(
                AwsCredential("AKIDROLE", Secret("secret-role"), Secret("token-role")),
                "eu-west-1",
                "assume-role-with-web-identity",
            ),
            identity,
        )
        self.assertIn(b"web-token", service.server.requests()[0])
        for secret in ("secret-role", "token-role", "web-token"):
            self.assertNotIn(secret, repr(lines) + repr(identity))

    def test_nothing(self) -> None:
        """Where there is nothing, the answer says so, and what to send or set up."""
        error = self.assertRaises(ApiError, find_identity)
        self.assertEqual((401, "missing_credential"), (error.status, error.code))
        self.assertIn("No AWS credentials found", error.message)
        self.assertIn("x-aws-access-key-id", error.message)

    def test_failures(self) -> None:
        """Whatever fails in the chain is one sentence for the operator."""
        self.assertIn("ProfileNotFound", self.unavailable("none"))
        self.machine.write(
            "config",
            "[profile half]\naws_access_key_id = AKIDHALF\n"
            "[profile sso]\nsso_start_url = https://example.com/start\nsso_region = us-east-1\n"
            "sso_account_id = 123456789012\nsso_role_name = r\n"
            "[profile code]\nrole_arn = arn:aws:iam::123456789012:role/r\n"
            "source_profile = half\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n"
            "[profile program]\ncredential_process = sh -c 'echo a-secret >&2; exit 3'\n"
            "[profile odd]\naws_access_key_id = AKID/x\naws_secret_access_key = s\n",
        )
        for profile, said in (
            ("half", "PartialCredentialsError"),
            ("sso", "SSO"),
            ("code", "one-time code"),
            ("program", "credential_process failed"),
            ("odd", "the AWS access key id has characters that none has"),
        ):
            with self.subTest(profile=profile):
                detail = self.unavailable(profile)
                self.assertIn(said, detail)
                self.assertNotIn("a-secret", detail)

    def test_service_fails(self) -> None:
        """A service that answers with an error, or with nothing useful, is named."""
        service = self.machine.ecs(answer("overloaded" * 500, "500 Oops"))
        self.assertIn("container-role", self.unavailable())
        self.assertLess(len(self.unavailable()), 400)
        service.answers = [answer('{"AccessKeyId": "AKID"}')]
        self.assertIn("KeyError", self.unavailable())
        service.answers = [keys("OLD", -HOUR)]
        self.assertIn("expired", self.unavailable())
