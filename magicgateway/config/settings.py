"""Every setting, its default and its unit. Frozen: a running gateway never changes its settings.

The names are those of ``etc/magicgateway.toml``: one class per table, one field per key. Where a
key's name does not carry its unit, the class says it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import field, frozen

from magicgateway.config.secret import Secret

_NONE: Mapping[str, str] = MappingProxyType({})


@frozen
class CorsSettings:
    """``[server] cors``: which web pages may call. Configured origins are matched exactly."""

    origins: tuple[str, ...] = ("*",)
    methods: tuple[str, ...] = ("*",)
    headers: tuple[str, ...] = ("*",)
    max_age_seconds: int = 3600
    credentials: bool = False


@frozen
class ServerSettings:
    """``[server]``: where the gateway listens, who may call, and how much one request may be."""

    listen: tuple[str, ...] = ("tcp:3000:interface=127.0.0.1",)
    """Twisted endpoint strings."""
    keys: tuple[Secret, ...] = ()
    """Virtual keys; any at all closes the gateway. In the file: ``env:NAME`` or ``file:PATH``."""
    trusted_proxies: tuple[str, ...] = ()
    """CIDRs whose X-Forwarded-For is believed."""
    default_provider: str = ""
    """Provider of requests that name none; empty: openai, and anthropic for /v1/messages."""
    drain_seconds: float = 30.0
    unready_seconds: float = 0.0
    max_body_bytes: int = 64 * 1024 * 1024
    """Bodies that are read before routing (JSON)."""
    max_upload_bytes: int = 512 * 1024 * 1024
    """Bodies that are streamed to the provider as they arrive."""
    max_connections: int = 10_000
    cors: CorsSettings = field(factory=CorsSettings)


@frozen
class LimitSettings:
    """``[limits]``: what one downstream connection may ask of us."""

    head_bytes: int = 64 * 1024
    line_bytes: int = 16 * 1024
    target_bytes: int = 8 * 1024
    fields: int = 100
    head_seconds: float = 10.0
    """For the whole head, from its first byte."""
    body_gap_seconds: float = 30.0
    """Between two reads of a request body."""
    keep_alive_seconds: float = 75.0
    write_progress_seconds: float = 60.0
    """Without the caller taking a byte that waits for it."""


@frozen
class TimeoutSettings:
    """``[timeouts]``, in seconds, of one attempt; a provider's own table overrides single keys."""

    connect: float = 5.0
    """Name lookup, TCP and TLS together."""
    response_head: float = 600.0
    first_event: float = 600.0
    idle: float = 300.0
    """Between two reads of a live body; suspended while the caller makes us pause."""
    total: float = 0.0
    """For the whole attempt; 0: no limit."""


@frozen
class UpstreamSettings:
    """``[upstream]``: the connections to providers, per origin (scheme, host and port)."""

    max_in_flight: int = 1024
    wait_seconds: float = 1.0
    """How long a request waits for a free place before it gets a 503."""
    max_idle: int = 256
    idle_seconds: float = 45.0
    max_age_seconds: float = 600.0
    dns_seconds: float = 5.0
    ca_file: str = ""
    """PEM file with further trusted roots, beside the platform's."""
    keep_alive_comment_seconds: float = 15.0
    """Silence after which a stream gets ``: keep-alive``; 0: never."""


@frozen
class MediaSettings:
    """``[media]``: pictures and documents given as addresses, for providers that take only bytes.

    Only https to public addresses is fetched, without redirects.
    """

    fetch: bool = True
    """False: a request that would need it gets a 400."""
    timeout_seconds: float = 10.0
    """For all of one request's together."""
    max_image_bytes: int = 3_932_160
    max_document_bytes: int = 4_718_592
    max_total_bytes: int = 20 * 1024 * 1024
    """All of one request's together."""


@frozen
class LogSettings:
    """``[log]``: one line per request, and the gateway's own messages."""

    level: str = "info"
    """``debug``, ``info``, ``warn``, ``error`` or ``off``; requests are logged at info."""
    format: str = "auto"
    """``json``, ``human``, or ``auto``: human on a terminal, else JSON."""
    file: str = ""
    """Empty: standard output; when daemonized, the file that twistd logs to."""


@frozen
class MetricsSettings:
    """``[metrics]``: who may read ``/metrics``."""

    listen: str = ""
    """A listener of its own, for example ``tcp:9464``; empty: /metrics for loopback peers only."""


@frozen
class ProviderSettings:
    """``[providers.NAME]``: overrides a known provider's row, or adds a provider.

    ``None`` and empty mean: as the row says.
    """

    dialect: str | tuple[str, ...] | None = None
    """What it is spoken to in, best first: ``openai`` (chat completions), ``responses``,
    ``anthropic``, ``converse``."""
    base_url: str | None = None
    """Ends where the provider's version prefix ends: ``https://api.openai.com/v1``."""
    api_key: Secret | None = None
    """In the file: ``env:NAME`` or ``file:PATH``."""
    headers: Mapping[str, str] = _NONE
    """Sent with every request to this provider, for example an organisation id."""
    timeouts: Mapping[str, float] = MappingProxyType({})
    """Keys of ``[timeouts]``, in seconds."""
    default_max_tokens: int | None = None
    """Most tokens of an answer where the dialect demands a limit and the caller gave none."""
    base_model: Mapping[str, str] = _NONE
    """A model's id that does not say which model it is (an ARN, a deployment), to one that does."""
    hosted_tools: tuple[str, ...] | None = None
    """Tools run by the provider that callers may use across dialects."""
    drop: tuple[str, ...] | None = None
    """Fields of OpenAI's chat that a translated request is sent without, beside its row's."""
    rename: Mapping[str, str] = _NONE
    """Fields of OpenAI's chat to what this provider calls them, beside its row's."""
    region: str | None = None
    """Of AWS, where a request names none."""
    profile: str | None = None
    """Of AWS's own configuration files."""
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    """AWS's keys. In the file: ``env:NAME`` or ``file:PATH``."""


@frozen
class ModelSettings:
    """``[models.NAME]``: an alias that callers may name."""

    targets: tuple[str, ...] = ()
    """Exactly one ``provider/model``."""


@frozen
class Settings:
    """Everything that was configured, after all sources were read and checked."""

    server: ServerSettings = field(factory=ServerSettings)
    limits: LimitSettings = field(factory=LimitSettings)
    timeouts: TimeoutSettings = field(factory=TimeoutSettings)
    upstream: UpstreamSettings = field(factory=UpstreamSettings)
    media: MediaSettings = field(factory=MediaSettings)
    log: LogSettings = field(factory=LogSettings)
    metrics: MetricsSettings = field(factory=MetricsSettings)
    providers: Mapping[str, ProviderSettings] = MappingProxyType({})
    models: Mapping[str, ModelSettings] = MappingProxyType({})
    environment: Mapping[str, Secret] = field(factory=dict, repr=False)
    """Credentials found in the environment by name (``OPENAI_API_KEY`` …); not a TOML table."""
    aws: Mapping[str, str] = _NONE
    """What AWS's own variables say that is no secret (``AWS_REGION`` …); not a TOML table."""
    warnings: tuple[str, ...] = ()
    """What was noticed while reading; not a TOML table. Logged once at start."""
