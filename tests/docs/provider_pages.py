"""A page for each provider, made of its row. ``python -m tests.docs.provider_pages`` writes all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from magicgateway.providers.row import ProviderRow
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.compatible import COMPATIBLE
from tests.house import ROOT
from tests.providers.rows.test_documented import code, differing, quirks_table, table

FOLDER = ROOT / "docs" / "providers"
MADE = "<!-- Made of the provider's row by `python -m tests.docs.provider_pages`. -->"
_AUTH = {
    "aws": "signed with AWS's keys, or a Bedrock API key as `Authorization: Bearer`",
    "bearer": "`Authorization: Bearer`",
    "x-api-key": "`x-api-key`",
    "api-key": "`api-key`",
    "x-goog-api-key": "`x-goog-api-key`",
    "none": "none",
}
_MORE = {
    "bedrock": "Credentials, regions, models, and which of its APIs is used:"
    " [Amazon Bedrock](../bedrock.md).",
}


def page(row: ProviderRow) -> str:
    """The text of a provider's page."""
    return "\n\n".join((f"# {row.title}", MADE, *_parts(row))) + "\n"


def path_of(row: ProviderRow) -> Path:
    """Where its page is."""
    return FOLDER / f"{row.name}.md"


def _parts(row: ProviderRow) -> Iterator[str]:
    names = f" ({code(row.aliases)} too)" if row.aliases else ""
    yield (
        f"`x-provider: {row.name}`{names}, `/{row.name}/v1/…`, or `{row.name}/` before the model's"
        f" name. Documentation: [{row.title}]({row.source}), checked {row.checked}."
    )
    if row.name in _MORE:
        yield _MORE[row.name]
    yield table(["", ""], _facts(row))
    yield "## Operations"
    if row.any_route:
        yield "Every other path below `/v1/` is passed on as it came."
    yield table(
        ["Route below `/v1/`", "Path at the provider", "Dialects"],
        [
            [code([route]), code([operation.path]), code(operation.dialects)]
            for route, operation in sorted(row.operations.items())
        ],
    )
    yield "## What translated requests may hold"
    yield (
        "A body in a dialect that the operation has passes unchanged. What becomes of each field of"
        " another is told for [chat completions](../doors/chat.md),"
        " [Responses](../doors/responses.md) and [Messages](../doors/messages.md), what is lost in"
        " `x-magicgateway-warning` ([translation](../translation.md))."
    )
    if row.dialect == "openai" and row.name != "openai":
        yield _abilities(row)
    if row.quirks:
        yield "## Quirks"
        yield "`drop` and `rename` are applied to translated requests only; a `note` is for people."
        yield quirks_table(row)


def _facts(row: ProviderRow) -> Iterator[list[str]]:
    yield ["Base URL", code([row.base_url])]
    keyless = ", which may be left out" if row.keyless else ""
    yield ["Credential", _AUTH[row.auth] + keyless]
    yield ["The operator's, from", code(row.environment) or "the configuration alone"]
    if row.bearer_prefixes:
        yield ["Sent as bearer", f"what begins with {code(row.bearer_prefixes)}"]
    if row.request_headers:
        yield [
            "Headers of the caller's that pass, beside the general ones",
            code(row.request_headers),
        ]
    if row.response_headers:
        yield [
            "Headers of the answer's that pass, beside the general ones",
            code(row.response_headers),
        ]
    if row.headers:
        yield ["Always sent", code(f"{name}: {value}" for name, value in row.headers.items())]
    if row.timeouts:
        yield ["Timeouts", code(f"{name} = {value:g} s" for name, value in row.timeouts.items())]
    spoken = [name for name in row.order if _speaks(row, name)]
    yield ["Conversations of another dialect are had in", code(spoken) or "none"]


def _speaks(row: ProviderRow, dialect: str) -> bool:
    return any(dialect in operation.dialects for operation in row.operations.values())


def _abilities(row: ProviderRow) -> str:
    found = differing(row.abilities, COMPATIBLE)
    if not found:
        return "It is taken for the [usual](../providers.md#what-translated-requests-may-hold) one."
    usual = "[usual](../providers.md#what-translated-requests-may-hold)"
    return f"It differs from the {usual} provider of OpenAI's chat in this: {code(found)}."


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for row in ROWS:
        path_of(row).write_text(page(row))


if __name__ == "__main__":
    main()
