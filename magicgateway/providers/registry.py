"""Every provider that can be named: the rows with what the configuration changes about them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from attrs import evolve, field, fields_dict, frozen

from magicgateway.config.secret import Secret
from magicgateway.config.settings import ProviderSettings, Settings, TimeoutSettings
from magicgateway.errors import ConfigError
from magicgateway.providers import aws_settings, headers
from magicgateway.providers.aws_settings import AwsSettings
from magicgateway.providers.row import AWS, NO_AUTH, Operation, ProviderRow
from magicgateway.providers.speech import spoken_row, spoken_ways
from magicgateway.providers.ways import Way

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_RESERVED = frozenset({"v1", "health", "metrics", "models", "chat"})
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]+")
"""Underscores because networks of containers have them in names; IPv6 was checked by urlsplit."""
_NOT_IN_URL = frozenset("@?#\\ ")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_VALUE = re.compile(r"[\x20-\x7e]*")
_FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PORTS = {"http": 80, "https": 443}
_TIMEOUTS = fields_dict(TimeoutSettings)


@frozen(eq=False)
class Provider:
    """One provider, ready to be spoken to. Made once at start, read by every request.

    Each is its own, so that what is known about its models can be kept by it.
    """

    row: ProviderRow
    name: str
    base_url: str
    """As its parts below say it, however it was written."""
    scheme: str
    host: str
    port: int
    prefix: bytes
    """The base URL's path, before which nothing and after which an operation's path stands."""
    host_header: bytes
    operations: Mapping[str, Operation]
    """Those that bodies pass through to as they came; ``row.operations`` has the others too."""
    ways: tuple[Way, ...]
    """To have a conversation with it, best first; all those that the operator lets be used."""
    any_route: bool
    slashed_models: bool
    auth: str
    request_headers: frozenset[bytes]
    response_headers: frozenset[bytes]
    response_prefixes: tuple[bytes, ...]
    extra_headers: tuple[tuple[bytes, bytes], ...]
    timeouts: TimeoutSettings
    secret: Secret | None
    """The operator's credential: the configured one, else the environment's."""
    configured: bool
    """The operator has a credential for it, or has named it in the configuration.

    Of a server that asks for no credential only the latter tells that there is one.
    """
    table: ProviderSettings
    """What the operator says about its models."""
    aws: AwsSettings | None
    """Where and as whom it is asked, if it is one of AWS."""

    @property
    def environment(self) -> tuple[str, ...]:
        """The variables that may hold the operator's credential."""
        return self.row.environment

    def operation(self, route: str) -> tuple[str, Operation] | None:
        """The operation that covers a route below ``/v1/``, and the part of the route it names.

        ``files/f-1/content`` is covered by ``files``; the longest name wins.
        """
        operations = self.operations
        found = operations.get(route)
        if found is not None:
            return route, found
        covering = route
        while "/" in covering:
            covering = covering.rpartition("/")[0]
            found = operations.get(covering)
            if found is not None:
                return covering, found
        return None


@frozen
class Registry:
    """All providers by name and alias.

    Args:
        rows: The built-in rows.
        generic: For each dialect, the row of a provider that only the configuration knows.
        settings: What the operator says.

    Raises:
        ConfigError: A ``[providers.NAME]`` table cannot be used.
    """

    _rows: Iterable[ProviderRow]
    _generic: Mapping[str, ProviderRow]
    _settings: Settings
    _known: dict[str, Provider] = field(init=False, factory=dict)
    _names: dict[str, Provider] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        rows = {row.name: row for row in self._rows}
        aliases = {alias: name for name, row in rows.items() for alias in row.aliases}
        tables: dict[str, ProviderSettings] = {}
        for given, table in self._settings.providers.items():
            name = aliases.get(given, given)
            if name in tables:
                raise ConfigError(f"it is configured twice, also as {name}", key=_key(given))
            tables[name] = table
        spoken = {name: table.dialect for name, table in tables.items()}
        for name, table in tables.items():
            if name not in rows:
                rows[name] = self._new_row(name, table)
                spoken[name] = None
        for name, row in rows.items():
            ways = spoken_ways(row, spoken.get(name), f"{_key(name)}.dialect")
            self._names[name] = _resolve(row, tables.get(name), self._settings, ways)
        self._known.update(self._names)
        self._known.update({alias: self._names[name] for alias, name in aliases.items()})
        self._check_names()

    def _new_row(self, name: str, table: ProviderSettings) -> ProviderRow:
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise ConfigError(
                "a provider's name has lower-case letters, digits, - and _, and is none of"
                f" {', '.join(sorted(_RESERVED))}",
                key=_key(name),
            )
        row = spoken_row(self._generic, table.dialect or "openai", f"{_key(name)}.dialect")
        if table.base_url is None and not row.base_url:
            raise ConfigError(
                f"there is no built-in provider {name!r}, so it needs a base_url (or another"
                " name: magicgateway providers lists them)",
                key=f"{_key(name)}.base_url",
            )
        return evolve(row, name=name, title=name)

    def _check_names(self) -> None:
        settings = self._settings
        default = settings.server.default_provider
        if default and self.get(default) is None:
            raise ConfigError(
                f"there is no provider {default!r}; magicgateway providers lists them",
                key="server.default_provider",
            )
        for alias, model in settings.models.items():
            for target in model.targets:
                name, slash, rest = target.partition("/")
                if not slash or not rest or self.get(name) is None:
                    raise ConfigError(
                        f"{target!r} does not begin with a known provider; write provider/model",
                        key=f"models.{alias}.targets",
                    )

    def get(self, name: str) -> Provider | None:
        """The provider of that name or alias, in any case of letters."""
        return self._known.get(name) or self._known.get(name.lower())

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._names.values())

    def names(self) -> list[str]:
        """Every provider's name, without aliases."""
        return list(self._names)

    def configured(self) -> list[Provider]:
        """The providers that the operator has a credential for, or has named."""
        return [provider for provider in self if provider.configured]


def _key(name: str) -> str:
    return f"providers.{name}"


def _resolve(
    row: ProviderRow, table: ProviderSettings | None, settings: Settings, ways: tuple[Way, ...]
) -> Provider:
    key = _key(row.name)
    table = table or ProviderSettings()
    base_url = table.base_url or row.base_url
    # A region's place is filled in when a request has said its region; until then it is no host.
    whole = base_url.replace(aws_settings.REGION, "region")
    scheme, host, port, prefix = _split_url(whole, f"{key}.base_url")
    if whole != base_url:
        host = urlsplit(base_url).hostname or ""
    aws = None
    if row.auth == AWS:
        aws = aws_settings.read(table, settings, key)
        secret = aws.bearer
    else:
        aws_settings.check_absent(table, key)
        environment = (settings.environment.get(name) for name in row.environment)
        secret = table.api_key or next((found for found in environment if found is not None), None)
    aws_found = aws is not None and aws.found is not None
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == _PORTS[scheme] else f"{shown}:{port}"
    local = row.auth == NO_AUTH and table == ProviderSettings()
    return Provider(
        row=row,
        name=row.name,
        base_url=f"{scheme}://{authority}{prefix}",
        scheme=scheme,
        host=host,
        port=port,
        prefix=prefix.encode("ascii"),
        host_header=authority.encode("ascii"),
        operations={
            route: operation
            for route, operation in row.operations.items()
            if operation.envelope is None
        },
        ways=ways,
        any_route=row.any_route,
        slashed_models=row.slashed_models,
        auth=row.auth,
        request_headers=headers.REQUEST | frozenset(map(str.encode, row.request_headers)),
        response_headers=headers.RESPONSE
        | frozenset(name.encode() for name in row.response_headers if not name.endswith("*")),
        response_prefixes=tuple(
            name.rstrip("*").encode() for name in row.response_headers if name.endswith("*")
        ),
        extra_headers=_extra_headers(row.headers, table.headers, f"{key}.headers"),
        timeouts=_timeouts(settings.timeouts, row.timeouts, table.timeouts, f"{key}.timeouts"),
        secret=secret,
        configured=(secret is not None or aws_found or table != ProviderSettings()) and not local,
        table=table,
        aws=aws,
    )


def _split_url(base_url: str, key: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and path of a base URL.

    Raises:
        ConfigError: It is not one.
    """
    try:
        url = urlsplit(base_url.rstrip("/"))
        port = _PORTS.get(url.scheme, 0) if url.port is None else url.port
    except ValueError as error:
        raise ConfigError(f"it is not a URL: {error}", key=key) from None
    if url.scheme not in _PORTS:
        raise ConfigError("a base URL begins with https:// or http://", key=key)
    # Of the text and not of its parts: urlsplit says nothing of an empty query, and drops tabs.
    if not base_url.isprintable() or not _NOT_IN_URL.isdisjoint(base_url):
        raise ConfigError(
            "a base URL has a host and a path, and neither user, password, query, fragment nor"
            " blanks",
            key=key,
        )
    host = _ascii_host(url.hostname or "", key)
    if not _HOST.fullmatch(host):
        raise ConfigError("the base URL has no valid host", key=key)
    if port == 0:
        raise ConfigError("the base URL's port is not one that can be connected to", key=key)
    if not _PATH.fullmatch(url.path) or {"..", "."} & set(url.path.split("/")):
        raise ConfigError("the base URL's path is not plain, like /v1 or /openai/v1", key=key)
    return url.scheme, host, port, url.path


def _ascii_host(host: str, key: str) -> str:
    """The name that is looked up.

    Raises:
        ConfigError: It has no such form, or one that stands for another name as well.
    """
    if host.isascii():
        return host
    try:
        encoded = host.encode("idna")
        same = encoded.decode("idna") == host
    except UnicodeError:
        same = False
    if not same:
        raise ConfigError(
            "the base URL's host has letters that are no plain part of a name; write its ASCII"
            " form, which begins with xn--",
            key=key,
        )
    return encoded.decode("ascii")


def _extra_headers(
    row: Mapping[str, str], table: Mapping[str, str], key: str
) -> tuple[tuple[bytes, bytes], ...]:
    """The fields that are always sent; the operator's replace the row's of the same name.

    Raises:
        ConfigError: A field is none, is given twice, or is not the operator's to write.
    """
    if len({name.lower() for name in table}) < len(table):
        raise ConfigError("a field is given twice, in different spellings", key=key)
    given = {name.lower(): value for name, value in row.items()}
    given |= {name.lower(): value for name, value in table.items()}
    for name, value in given.items():
        if not _FIELD.fullmatch(name) or not headers.may_be_allowed(name.encode()):
            raise ConfigError(f"the field {name!r} is written by the gateway itself", key=key)
        if not _VALUE.fullmatch(value):
            raise ConfigError(f"the value of {name!r} is not printable ASCII", key=key)
    return tuple((name.encode(), value.encode()) for name, value in given.items())


def _timeouts(
    general: TimeoutSettings, row: Mapping[str, float], table: Mapping[str, float], key: str
) -> TimeoutSettings:
    for name in table:
        if name not in _TIMEOUTS:
            raise ConfigError(f"there is no timeout {name!r}", key=key)
    # A row's value is a provider's need over our default; what the operator wrote beats it.
    wanted = {
        name: seconds
        for name, seconds in row.items()
        if getattr(general, name) == _TIMEOUTS[name].default
    }
    return evolve(general, **{**wanted, **table})
