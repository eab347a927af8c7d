"""Every metric that ``/metrics`` shows: name, help, labels and buckets. Data only.

Where OpenTelemetry's GenAI conventions have a metric, its name is used as its Prometheus exporter
spells it: dots become underscores and the unit is appended. Everything else is ``magicgateway_*``.

See: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/ (in development; checked
2026-07-14).
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

COUNTER = "counter"
GAUGE = "gauge"
HISTOGRAM = "histogram"


@frozen
class Metric:
    """One family. A counter's ``name`` is without the ``_total`` that its samples have."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The name under which Prometheus finds it (a histogram adds ``_bucket`` and so on)."""
        return f"{self.name}_total" if self.kind == COUNTER else self.name


_CALL = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")

REQUESTS = Metric(
    "magicgateway_requests",
    COUNTER,
    "Finished requests, whoever answered them.",
    ("provider", "operation", "model", "status", "outcome"),
)
ERRORS = Metric(
    "magicgateway_errors",
    COUNTER,
    "Error answers made by the gateway, by machine code.",
    ("provider", "code"),
)
TOKENS = Metric(
    "magicgateway_tokens",
    COUNTER,
    "Tokens as the providers counted them.",
    ("provider", "operation", "model", "kind"),
)
CLIENT_DURATION = Metric(
    "gen_ai_client_operation_duration_seconds",
    HISTOGRAM,
    "From the first byte sent to the provider until the end of the exchange.",
    (*_CALL, "error_type"),
)
SERVER_DURATION = Metric(
    "gen_ai_server_request_duration_seconds",
    HISTOGRAM,
    "Whole exchange as the caller sees it, of requests that went to a provider.",
    (*_CALL, "error_type"),
)
FIRST_CHUNK = Metric(
    "gen_ai_server_time_to_first_token_seconds",
    HISTOGRAM,
    "Until the first byte of a streamed answer's body went to the caller.",
    _CALL,
)
OVERHEAD = Metric(
    "magicgateway_overhead_seconds",
    HISTOGRAM,
    "Spent in the gateway between the end of the request and the first byte to the provider.",
    ("provider", "operation", "model"),
)
TOKEN_USAGE = Metric(
    "gen_ai_client_token_usage",
    HISTOGRAM,
    "Tokens per exchange, input and output.",
    (*_CALL, "gen_ai_token_type"),
)
START_TIME = Metric(
    "magicgateway_start_time_seconds", GAUGE, "When the gateway started, since the epoch."
)
BUILD_INFO = Metric(
    "magicgateway_build_info", GAUGE, "Always 1; the labels say what runs.", ("version", "python")
)

WATCHED: Mapping[str, Metric] = {
    "in_flight": Metric(
        "magicgateway_requests_in_flight", GAUGE, "Requests that are being served."
    ),
    "downstream_connections": Metric(
        "magicgateway_downstream_connections", GAUGE, "Open connections from callers."
    ),
    "upstream_connections": Metric(
        "magicgateway_upstream_connections",
        GAUGE,
        "Open connections to providers; state is idle or in_use.",
        ("origin", "state"),
    ),
    "loop_lag": Metric(
        "magicgateway_loop_lag_seconds", GAUGE, "How late the event loop's latest tick was."
    ),
    "loop_lag_max": Metric(
        "magicgateway_loop_lag_max_seconds",
        GAUGE,
        "The worst lag of the event loop in the last one to two minutes.",
    ),
    "loop_stalls": Metric(
        "magicgateway_loop_stalls", COUNTER, "Ticks that came more than 50 ms late."
    ),
    "log_lines_dropped": Metric(
        "magicgateway_log_lines_dropped",
        COUNTER,
        "Log lines that were lost because the output was full, closed or not read.",
    ),
}
"""What ``Metrics.watch`` takes: figures that others keep and that are read at each scrape."""

METRICS: tuple[Metric, ...] = (
    REQUESTS,
    ERRORS,
    TOKENS,
    CLIENT_DURATION,
    SERVER_DURATION,
    FIRST_CHUNK,
    OVERHEAD,
    TOKEN_USAGE,
    START_TIME,
    BUILD_INFO,
    *WATCHED.values(),
)

# Upper bounds in milliseconds. OpenTelemetry's advice, with room for reasoning above its 82 s.
DURATION_MS = tuple(10.0 * 2**power for power in range(17))
FIRST_CHUNK_MS = (5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 750.0, 1e3, 2.5e3, 5e3, 1e4, 3e4, 1e5)
OVERHEAD_MS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 1000.0)
TOKEN_COUNTS = tuple(4.0**power for power in range(11))

OPERATIONS: Mapping[str, str] = {
    "chat/completions": "chat",
    "messages": "chat",
    "responses": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
    **{
        name: name
        for name in (
            "messages/count_tokens",
            "audio/speech",
            "audio/transcriptions",
            "audio/translations",
            "images/generations",
            "images/edits",
            "images/variations",
            "assistants",
            "batches",
            "files",
            "fine_tuning",
            "moderations",
            "models",
            "rerank",
            "threads",
            "uploads",
            "vector_stores",
            "videos",
            "health",
            "metrics",
        )
    },
}
"""Every value of the label ``operation`` but ``other``, and OpenTelemetry's name for it."""
OTHER = "other"
