"""What the operator says about a provider that is one of AWS: where it is, and as whom."""

from __future__ import annotations

from attrs import frozen

from magicgateway.config.secret import Secret
from magicgateway.config.settings import ProviderSettings, Settings
from magicgateway.errors import ConfigError
from magicgateway.providers.aws_credentials import (
    AwsSource,
    environment_source,
    operator_aws_credential,
)
from magicgateway.providers.aws_endpoints import RUNTIME, Region, host

REGION = "{region}"
"""Stands in a base URL for what the request, or the configuration, says."""
_KEYS = ("access_key_id", "secret_access_key", "session_token", "region", "profile")


@frozen
class AwsSettings:
    """Where and as whom AWS is asked.

    Attributes:
        sources: Places where the operator may have set credentials, best first; for
            ``operator_aws_credential``.
        regions: The operator's choices, best first; for ``choose_region``.
        profile: Of AWS's configuration files; None: as their own rules say.
    """

    sources: tuple[AwsSource, ...]
    regions: tuple[str, ...]
    profile: str | None

    @property
    def found(self) -> Secret | None:
        """The credential, or the part of it that is no secret's whole, that would serve."""
        parts = (part for at in self.sources for part in (at.bearer, at.access_key_id))
        return next((part for part in parts if part is not None), None)

    @property
    def bearer(self) -> Secret | None:
        """The Bedrock API key, if that is what would serve."""
        keys = {source.bearer for source in self.sources} - {None}
        return self.found if self.found in keys else None


def read(table: ProviderSettings, settings: Settings, key: str) -> AwsSettings:
    """What a provider's table and AWS's variables say together.

    Args:
        table: The provider's.
        settings: Everything.
        key: The table's dotted name.

    Raises:
        ConfigError: Half of a pair of keys is set, or a key that cannot be one.
    """
    own = AwsSource(
        access_key_id=table.access_key_id,
        secret_access_key=table.secret_access_key,
        session_token=table.session_token,
        bearer=table.api_key,
        names=(f"{key}.access_key_id", f"{key}.secret_access_key"),
    )
    operator_aws_credential((own,))
    if table.session_token is not None and table.access_key_id is None:
        raise ConfigError(
            "it belongs to a pair of keys; set access_key_id and secret_access_key too",
            key=f"{key}.session_token",
        )
    # Who names a profile means it, as in AWS's own programs: variables then do not come first.
    sources = (own,) if table.profile else (own, environment_source(settings.environment))
    places = settings.aws
    regions = (table.region or "", places.get("AWS_REGION", ""), places.get("AWS_DEFAULT_REGION"))
    return AwsSettings(
        sources=sources,
        regions=tuple(name for name in regions if name),
        profile=table.profile or places.get("AWS_PROFILE"),
    )


def check_absent(table: ProviderSettings, key: str) -> None:
    """Refuse what would have no effect at another provider.

    Raises:
        ConfigError: A key of AWS is set.
    """
    for name in _KEYS:
        if getattr(table, name) is not None:
            raise ConfigError("only providers of AWS have it; remove it", key=f"{key}.{name}")


def host_at(base_host: str, region: Region, service: str = "") -> str:
    """The host that a request goes to.

    Args:
        base_host: Of the provider's base URL; without a region's place it is the only one.
        region: Where the request goes.
        service: Of AWS; empty: the one that runs models.
    """
    return host(service or RUNTIME, region) if REGION in base_host else base_host
