from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.settings import ProviderSettings, Settings
from magicgateway.errors import ConfigError
from magicgateway.providers.aws_credentials import AwsBearer, AwsCredential, operator_aws_credential
from magicgateway.providers.aws_endpoints import CONTROL, find_region
from magicgateway.providers.aws_settings import AwsSettings, check_absent, host_at
from tests.providers.made import made

TABLE = "[providers.bedrock]\n"
PAIR = "access_key_id = 'env:MINE_ID'\nsecret_access_key = 'env:MINE_SECRET'\n"
MINE = {"MINE_ID": "AKIDMINE", "MINE_SECRET": "mine", "MINE_TOKEN": "token"}
THEIRS = {"AWS_ACCESS_KEY_ID": "AKIDTHEIRS", "AWS_SECRET_ACCESS_KEY": "theirs"}
BEARER = {"AWS_BEARER_TOKEN_BEDROCK": "ABSKtheirs"}


def settings(toml: str = "", **environment: str) -> AwsSettings:
    found = made("bedrock", toml, **environment).aws
    assert found is not None
    return found


class CredentialTests(SynchronousTestCase):
    def chosen(self, toml: str = "", **environment: str) -> str:
        found = operator_aws_credential(settings(toml, **environment).sources)
        if isinstance(found, AwsBearer):
            return found.key.reveal()
        return found.access_key_id if isinstance(found, AwsCredential) else "chain"

    def test_order(self) -> None:
        """The table's come before AWS's variables, unless a profile is named; then the chain."""
        cases = [
            ("chain", "", {}),
            ("AKIDTHEIRS", "", THEIRS),
            ("ABSKtheirs", "", {**THEIRS, **BEARER}),
            ("AKIDMINE", TABLE + PAIR, {**MINE, **THEIRS, **BEARER}),
            ("mine", TABLE + "api_key = 'env:MINE_SECRET'", {**MINE, **THEIRS}),
            ("chain", TABLE + "profile = 'work'", {**THEIRS, **BEARER}),
            ("AKIDMINE", TABLE + PAIR + "profile = 'work'", {**MINE, **THEIRS}),
        ]
        for expected, toml, environment in cases:
            self.assertEqual(expected, self.chosen(toml, **environment))

    def test_found(self) -> None:
        """What would serve is shown by its origin; only a bearer counts as a whole secret."""
        for origin, bearer, environment in [
            ("env:AWS_ACCESS_KEY_ID", None, THEIRS),
            ("env:AWS_BEARER_TOKEN_BEDROCK", "ABSKtheirs", {**THEIRS, **BEARER}),
        ]:
            found = settings(**environment)
            self.assertEqual(origin, found.found.origin if found.found else None)
            self.assertEqual(bearer, found.bearer.reveal() if found.bearer else None)
            provider = made("bedrock", **environment)
            self.assertEqual(found.bearer, provider.secret)
            self.assertTrue(provider.configured)
        self.assertIsNone(settings().found)
        self.assertIsNone(settings().bearer)
        self.assertFalse(made("bedrock").configured)

    def test_refused(self) -> None:
        """Half of a pair, or a token without one, is refused with its key."""
        cases = {
            "access_key_id": "access_key_id = 'env:MINE_ID'",
            "secret_access_key": "secret_access_key = 'env:MINE_SECRET'",
            "session_token": "session_token = 'env:MINE_TOKEN'",
        }
        for key, line in cases.items():
            error = self.assertRaises(ConfigError, settings, TABLE + line, **MINE)
            self.assertEqual(f"providers.bedrock.{key}", error.key)

    def test_elsewhere(self) -> None:
        """At a provider that is none of AWS these keys are refused."""
        for line in ("region = 'us-east-1'", "profile = 'x'", PAIR):
            error = self.assertRaises(
                ConfigError, made, "openai", f"[providers.openai]\n{line}", **MINE
            )
            self.assertTrue(error.key.startswith("providers.openai."))
        check_absent(ProviderSettings(), "providers.openai")


class PlaceTests(SynchronousTestCase):
    def test_regions(self) -> None:
        """The operator's choices of a region, best first."""
        variables = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}
        table = TABLE + "region = 'us-west-2'"
        self.assertEqual((), settings().regions)
        self.assertEqual(("eu-west-1", "eu-west-2"), settings(**variables).regions)
        self.assertEqual(
            ("us-west-2", "eu-west-1", "eu-west-2"), settings(table, **variables).regions
        )

    def test_profile(self) -> None:
        """The table's profile, else AWS's variable."""
        self.assertIsNone(settings().profile)
        self.assertEqual("a", settings(AWS_PROFILE="a").profile)
        self.assertEqual("b", settings(TABLE + "profile = 'b'", AWS_PROFILE="a").profile)

    def test_hosts(self) -> None:
        """The region's host of the service; a configured base URL has one host for all."""
        region = find_region("cn-north-1")
        assert region is not None
        host = made("bedrock").host
        self.assertEqual("bedrock-runtime.cn-north-1.amazonaws.com.cn", host_at(host, region))
        self.assertEqual("bedrock.cn-north-1.amazonaws.com.cn", host_at(host, region, CONTROL))
        toml = TABLE + "base_url = 'https://vpce-1.example.com'"
        self.assertEqual("vpce-1.example.com", host_at(made("bedrock", toml).host, region, CONTROL))

    def test_no_host_before(self) -> None:
        """Until a region is known there is no host that a request could reach."""
        provider = made("bedrock")
        self.assertEqual("bedrock-runtime.{region}.amazonaws.com", provider.host)
        self.assertEqual({}, dict(provider.operations))
        self.assertIsNone(made("openai").aws)
        self.assertEqual(Settings().aws, {})
