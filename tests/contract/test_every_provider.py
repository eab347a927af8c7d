"""What each row promises, kept by the gateway: the same scenarios for every provider.

A scripted provider stands where each row's base URL points, below a path of the provider's own, so
that what arrives tells whose row was used. Providers of AWS are signed and translated, and have
tests of their own (``tests.integration.test_aws_cases``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from twisted.trial.unittest import TestCase

from magicgateway.providers.row import (
    ANTHROPIC_MESSAGES,
    ANTHROPIC_MODELS,
    AWS,
    OPENAI_MODELS,
    OPENAI_RESPONSES,
    OWN,
    X_API_KEY,
    Operation,
    ProviderRow,
)
from magicgateway.providers.rows import ROWS
from tests.gateway import start_gateway
from tests.integration.replay import CUT, Answer, Recorded, Replay, ask

KEY = "of-the-caller-0123456789"
OPERATORS = "of-the-operator-0123456789"
BODY = b'{ "model":"m-1", "stream" : true,\t"odd":[1e400, 12345678901234567890,"\\u00fc"] }\n'
EVENT = b'event: x\ndata: {"type" : "x",  "choices":[]}\n\n'
LAST_EVENTS = {
    ANTHROPIC_MESSAGES: b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    OPENAI_RESPONSES: b'data: {"type":"response.completed","response":{}}\n\n',
}
DONE = b"data: [DONE]\n\n"
EVENT_STREAM = (("content-type", "text/event-stream"),)
NEVER_SENT = {
    "cookie": "a=b",
    "x-provider": "",
    "x-forwarded-for": "192.0.2.1",
    "x-magicgateway-strict": "true",
    "x-of-nobody": "1",
}
CREDENTIAL_FIELDS = {"authorization", "x-api-key", "api-key", "x-goog-api-key"}
CONVERSATIONS = {"chat/completions", "completions", "messages", "responses"}
KEYED = [row for row in ROWS if row.auth != AWS]


def place(row: ProviderRow) -> str:
    """The path below which a row's provider stands."""
    return f"/at-{row.name}{urlsplit(row.base_url).path}"


def known_operations(row: ProviderRow) -> Iterator[tuple[str, Operation]]:
    """The operations whose bodies the gateway knows, lists of models apart, by their routes."""
    for route, operation in row.operations.items():
        if operation.envelope is None and not {OWN, OPENAI_MODELS, ANTHROPIC_MODELS} & {
            *operation.dialects
        }:
            yield route, operation


def credential_of(row: ProviderRow, key: str) -> dict[str, str]:
    """The one field that a provider takes a credential in."""
    return {"x-api-key": key} if row.auth == X_API_KEY else {"authorization": f"Bearer {key}"}


class ContractCase(TestCase):
    """A gateway, and one scripted provider in every provider's place."""

    async def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start both."""
        self.provider = Replay()
        self.addCleanup(self.provider.server.stop)
        tables = (
            f'[providers.{row.name}]\nbase_url = "{self.provider.address}{place(row)}"\n'
            for row in KEYED
        )
        self.gateway = await start_gateway(self, "".join(tables), environment)

    async def ask(
        self, target: str, recorded: Recorded, *, how: str = CUT, **fields: str
    ) -> Answer:
        """Ask the gateway, whose provider then answers this."""
        self.provider.clear()
        self.provider.put(recorded, how)
        given = {"Authorization": "", **{n.replace("_", "-"): v for n, v in fields.items()}}
        return await ask(self.gateway, target, BODY, fields=given)

    def assert_arrived(self, row: ProviderRow, path: str, key: str) -> Mapping[str, str]:
        """Check where the latest request went, with which credential and body; gives its fields."""
        line, fields, body = self.provider.asked()
        self.assertEqual(f"POST {place(row)}{path} HTTP/1.1", line)
        self.assertEqual(BODY, body, row.name)
        found = {name: fields[name] for name in CREDENTIAL_FIELDS & fields.keys()}
        self.assertEqual(credential_of(row, key), found, row.name)
        return fields


class RequestTests(ContractCase):
    """What arrives."""

    async def test_paths_bodies_credentials(self) -> None:
        """Each operation reaches its path, with the same bytes and the caller's credential."""
        await self.start()
        for row in KEYED:
            for route, operation in known_operations(row):
                stream = EVENT + LAST_EVENTS.get(operation.dialects[0], DONE)
                answer = await self.ask(
                    f"/{row.name}/v1/{route}",
                    Recorded(200, stream, EVENT_STREAM),
                    authorization=f"Bearer {KEY}",
                )
                self.assertEqual((200, stream), (answer.status, answer.body), (row.name, route))
                self.assertEqual(row.name, answer.fields["x-magicgateway-provider"])
                self.assert_arrived(row, operation.path, KEY)

    async def test_own_operations(self) -> None:
        """What a row says is the provider's own reaches its path too, and what stands below it."""
        await self.start()
        for row in KEYED:
            for route, operation in row.operations.items():
                if operation.dialects == (OWN,):
                    answer = await self.ask(
                        f"/{row.name}/v1/{route}/of/it?x=%2F",
                        Recorded(200, b"\0any"),
                        authorization=f"Bearer {KEY}",
                    )
                    self.assertEqual((200, b"\0any"), (answer.status, answer.body))
                    self.assert_arrived(row, f"{operation.path}/of/it?x=%2F", KEY)

    async def test_fields(self) -> None:
        """A row's fields are sent, those of callers that it allows pass, and no others."""
        await self.start()
        for row in KEYED:
            for route, operation in known_operations(row):
                allowed = {name: f"value of {name}" for name in row.request_headers}
                given = {"authorization": f"Bearer {KEY}", **NEVER_SENT, **allowed}
                await self.ask(f"/{row.name}/v1/{route}", Recorded(200, b"{}"), **given)
                fields = self.assert_arrived(row, operation.path, KEY)
                expected = {**row.headers, **allowed}
                self.assertEqual(expected, {name: fields.get(name) for name in expected})
                self.assertEqual(set(), NEVER_SENT.keys() & fields.keys(), row.name)

    async def test_operators_credential(self) -> None:
        """A caller on this machine without a credential gets the operator's, where there is one."""
        keys = {row.environment[0]: OPERATORS for row in KEYED if row.environment}
        await self.start(keys)
        for row in KEYED:
            for route, operation in known_operations(row):
                await self.ask(f"/{row.name}/v1/{route}", Recorded(200, b"{}"))
                if row.environment:
                    self.assert_arrived(row, operation.path, OPERATORS)
                else:
                    self.assertEqual(set(), CREDENTIAL_FIELDS & self.provider.asked()[1].keys())


class AnswerTests(ContractCase):
    """What comes back."""

    async def test_errors(self) -> None:
        """A provider's error has its status, its body and what it says of coming back."""
        await self.start()
        fields = (("content-type", "application/json"), ("retry-after", "7"), ("set-cookie", "a"))
        for row in KEYED:
            for route, _ in known_operations(row):
                for status, body in ((400, b'{"error" : "no"}'), (429, b"{}"), (500, b"<html>")):
                    answer = await self.ask(
                        f"/{row.name}/v1/{route}",
                        Recorded(status, body, fields),
                        authorization=f"Bearer {KEY}",
                    )
                    self.assertEqual((status, body), (answer.status, answer.body), row.name)
                    self.assertEqual("7", answer.fields["retry-after"])
                    self.assertNotIn("set-cookie", answer.fields)

    async def test_broken_streams(self) -> None:
        """A stream that ends before its end is told as broken, and never as complete."""
        await self.start()
        half = Recorded(200, EVENT, EVENT_STREAM)
        for row in KEYED:
            for route, _ in known_operations(row):
                if route not in CONVERSATIONS:
                    continue
                answer = await self.ask(
                    f"/{row.name}/v1/{route}", half, authorization=f"Bearer {KEY}"
                )
                self.assertTrue(answer.body.startswith(EVENT), row.name)
                self.assertIn(b'"error"', answer.body[len(EVENT) :], (row.name, route))
                for last in (DONE, *LAST_EVENTS.values()):
                    self.assertNotIn(last, answer.body)

    async def test_absent_operations(self) -> None:
        """What a row has not is 404, and asks nobody; a server of unknown extent is asked."""
        await self.start()
        for row in KEYED:
            answer = await self.ask(
                f"/{row.name}/v1/of-nobody", Recorded(200, b"{}"), authorization=f"Bearer {KEY}"
            )
            if row.any_route:
                self.assertEqual(200, answer.status, row.name)
                self.assert_arrived(row, "/of-nobody", KEY)
            else:
                self.assertEqual(404, answer.status, row.name)
                self.assertIn(b'"unsupported_endpoint"', answer.body)
