"""What the environment says, ``./.env`` included, apart from ``MAGICGATEWAY__*``."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from attrs import frozen

from magicgateway.config import log_level
from magicgateway.config.layers import Layer, read_table
from magicgateway.config.references import is_sendable
from magicgateway.config.secret import Secret
from magicgateway.config.unfit import Origin
from magicgateway.errors import ConfigError

DOTENV = ".env"
CONFIG = "MAGICGATEWAY_CONFIG"
MAX_CONNECTIONS = "MAX_CONNECTIONS"
CREDENTIAL_ENDINGS = ("_API_KEY", "_TOKEN", "_SECRET_KEY")
AWS_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
)
AWS_PLACES = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")
"""What AWS calls where its services are, and whose credentials to look for; best first."""
WITHOUT_EFFECT: Mapping[str, str] = {
    "TCP_NODELAY": "small writes are always sent at once",
    "TCP_KEEPALIVE_INTERVAL": "dead connections are found by the timeouts of the configuration",
    "BUFFER_SIZE": "bytes are passed on as they arrive, without a buffer of fixed size",
    "WORKER_THREADS": "one process serves all connections from one event loop",
}
"""Variables of the gateway's Rust predecessor that people may still set, and why they need not."""


@frozen
class Variables:
    """The environment, completed from ``./.env``."""

    values: Mapping[str, str]
    sources: Mapping[str, str]
    """For each variable what to call its source."""
    warnings: tuple[str, ...] = ()

    def get(self, name: str) -> str:
        """A variable's text, stripped; empty when it is not set."""
        return self.values.get(name, "").strip()

    def origin(self, name: str) -> Origin:
        """Where a variable was set."""
        return Origin(self.sources[name], name)


def read_environment(environment: Mapping[str, str], read_text: Callable[[str], str]) -> Variables:
    """The environment; what it lacks is filled from ``./.env``, if there is one.

    Raises:
        ConfigError: ``./.env`` is there and cannot be read.
    """
    filled, warnings = _dotenv(read_text)
    sources = dict.fromkeys(filled, DOTENV) | dict.fromkeys(environment, "environment")
    return Variables({**filled, **environment}, sources, warnings)


def _dotenv(read_text: Callable[[str], str]) -> tuple[dict[str, str], tuple[str, ...]]:
    try:
        text = read_text(DOTENV).removeprefix("\ufeff")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return {}, ()
    except (OSError, ValueError) as error:
        # It may hold what closes the gateway, so it is not passed over.
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigError(
            f"it cannot be read ({reason}); correct that, or start in another folder",
            source=DOTENV,
        ) from None
    # Imported here because most gateways have no such file. The parser is what dotenv_values uses;
    # that itself would write about bad lines on standard error.
    from dotenv.parser import parse_stream  # noqa: PLC0415

    values: dict[str, str] = {}
    warnings = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
        elif binding.error or binding.key is not None:
            text = binding.original.string
            # A binding begins with the blank lines before it.
            line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            warnings.append(f"line {line} of {DOTENV} is not NAME=value and has no effect")
    return values, tuple(warnings)


def plain_layer(variables: Variables) -> Layer:
    """What ``MAX_CONNECTIONS`` asks for.

    Raises:
        ConfigError: It is no number.
    """
    text = variables.get(MAX_CONNECTIONS)
    if not text:
        return {}
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text
    origin = variables.origin(MAX_CONNECTIONS)
    return read_table({"max_connections": number}, origin, ("server",))


def level_layer(variables: Variables) -> Layer:
    """The log level that the environment asks for.

    Raises:
        ConfigError: ``MAGICGATEWAY_LOG`` names none. The other variables are not ours alone.
    """
    for name in log_level.VARIABLES:
        text = variables.get(name)
        level = log_level.level_in(text)
        if level is not None:
            return read_table({"level": level}, variables.origin(name), ("log",))
        if text and name == log_level.VARIABLES[0]:
            raise variables.origin(name).error(
                f"there is no such level; set it to one of {', '.join(log_level.LEVELS)}",
                "log.level",
            )
    return {}


def credentials(variables: Variables) -> tuple[dict[str, Secret], tuple[str, ...]]:
    """Every credential that the environment holds, by its variable; and warnings."""
    found: dict[str, Secret] = {}
    warnings = []
    for name in sorted(variables.values):
        text = variables.get(name)
        if not text or not (name.endswith(CREDENTIAL_ENDINGS) or name in AWS_CREDENTIALS):
            continue
        if is_sendable(text):
            found[name] = Secret(text, f"env:{name}")
        else:
            warnings.append(
                f"{name} is not used, because it is not one word of visible ASCII characters"
            )
    return found, tuple(warnings)


def aws_places(variables: Variables) -> dict[str, str]:
    """What AWS's variables say that is no secret, by their names."""
    return {name: text for name in AWS_PLACES if (text := variables.get(name))}


def seed_warnings(variables: Variables) -> tuple[str, ...]:
    """A sentence for each variable that people may expect something of in vain."""
    return tuple(
        f"{name} has no effect here because {reason}"
        for name, reason in WITHOUT_EFFECT.items()
        if variables.get(name)
    )
