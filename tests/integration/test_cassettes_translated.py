"""Recorded exchanges and every door: what official clients have of the answers, what is asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import anthropic
import openai
from attrs import evolve
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
    grammar,
)
from magicgateway.dialects.translation import Translation
from magicgateway.errors import ApiError
from magicgateway.providers.capabilities import capabilities
from magicgateway.wire.jsontext import encode
from tests.dialects.anthropic_messages import bodies as messages
from tests.dialects.bedrock_converse import bodies as converse
from tests.dialects.openai_chat import bodies as chat
from tests.dialects.openai_responses import judge as responses
from tests.gateway import start_gateway
from tests.integration.doors import NATIVE, Clients, LeftOut, doors_for, question
from tests.integration.own_recordings import own_recordings
from tests.integration.recordings import Json, Recording, of_reference
from tests.integration.replay import CUT, WHOLE, Replay
from tests.integration.told import Told, as_door, tell, tell_stream
from tests.providers.made import made

AWS = {
    "x-aws-access-key-id": "ASIADEMOPROVIDER0002",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000002",
    "x-aws-region": "eu-central-1",
}
SPOKEN = {
    OPENAI_CHAT: "openai",
    OPENAI_COMPLETIONS: "openai",
    OPENAI_RESPONSES: "responses",
    ANTHROPIC_MESSAGES: "anthropic",
    BEDROCK_CONVERSE: "converse",
}
"""The dialects as configurations name them."""
STATUSES = {
    "The provided model identifier is invalid.": 404,
    "The security token included in the request is expired": 401,
}
"""What AWS calls 400 and 403, and a door otherwise."""
TARGETS = (
    ("openai", "gpt-5.2", OPENAI_CHAT),
    ("openai", "gpt-5.2", OPENAI_RESPONSES),
    ("openai", "gpt-4o", OPENAI_CHAT),
    ("groq", "llama-3.3-70b-versatile", OPENAI_CHAT),
    ("anthropic", "claude-opus-5-5", ANTHROPIC_MESSAGES),
    ("anthropic", "claude-haiku-4-5", ANTHROPIC_MESSAGES),
    ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", BEDROCK_CONVERSE),
    ("bedrock", "us.amazon.nova-2-lite-v1:0", BEDROCK_CONVERSE),
    ("bedrock", "mistral.mistral-large-2407-v1:0", BEDROCK_CONVERSE),
)
"""Whom recorded requests go to: of each dialect models that take much, and such that do not."""
JUDGES: Mapping[str, Callable[[Json], None]] = {
    OPENAI_CHAT: chat.judge,
    OPENAI_RESPONSES: responses.judge_request,
    ANTHROPIC_MESSAGES: messages.judge,
    BEDROCK_CONVERSE: converse.judge,
}
LEFT_OUT = {
    ("anthropic", ANTHROPIC_MESSAGES): 20,
    ("bedrock", BEDROCK_CONVERSE): 15,
    ("groq", OPENAI_CHAT): 5,
    ("openai", OPENAI_CHAT): 23,
    ("openai", OPENAI_RESPONSES): 7,
    ("together", OPENAI_CHAT): 6,
    ("together", OPENAI_COMPLETIONS): 3,
}
"""At most so many pairs of a recording and a door have no question, or are refused by a rule."""
SENT = {OPENAI_CHAT: 255, OPENAI_RESPONSES: 90, ANTHROPIC_MESSAGES: 167, BEDROCK_CONVERSE: 239}
"""At least so many recorded requests are sent, each to each model that speaks the dialect."""
RULES = ("unsupported_parameter", "invalid_request", "unsupported_media")


def expected(recording: Recording, door: str) -> Told:
    """What a door's caller is to have of what was recorded."""
    dialect = recording.dialect
    if recording.stream:
        # What passes through stays where the SDK does not look for it.
        told = tell_stream(dialect, recording.answer, extended=door != dialect)
    else:
        told = tell(dialect, json.loads(recording.answer))
    return as_door(told, OPENAI_CHAT if door == NATIVE else door)


def message_of(recording: Recording) -> str:
    """Why a provider did not answer, up to an address: those are left out of errors."""
    body = json.loads(recording.answer)
    message: str = body["error"]["message"] if "error" in body else body["message"]
    return message.partition("http")[0]


def error_message(error: openai.APIStatusError | anthropic.APIStatusError) -> str:
    """Why there is no answer, as the client reads it."""
    body = error.response.json()
    message: str = (body.get("error") or body)["message"]
    return message


def own_door(recording: Recording, door: str) -> bool:
    """Whether a provider gets the door's bytes, and answers in the door's dialect."""
    row = made(recording.provider).row
    return door == OPENAI_COMPLETIONS and "completions" in row.operations


def ask(clients: Clients, recording: Recording, door: str) -> Told | tuple[int, str]:
    """What a door's caller has in the end: an answer, or the status and the text of an error.

    Raises:
        LeftOut: There is no such question, or the gateway refuses it.
    """
    if door != recording.dialect and own_door(recording, door):
        raise LeftOut("the provider has completions of its own")
    try:
        dialect, answer = clients.ask(door, question(recording, door))
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        status, said = error.status_code, error_message(error)
        if status == 400 and (recording.status == 200 or message_of(recording) not in said):
            raise LeftOut(f"refused: {said}") from None
        return status, said
    return tell(dialect, answer)


class AnswerTests(TestCase):
    """A gateway before a provider that answers from recordings."""

    maxDiff = None
    timeout = 120

    async def replay(self, recordings: Iterable[Recording]) -> None:
        """Ask through every door for each of them."""
        groups: dict[tuple[str, str], list[Recording]] = {}
        for recording in recordings:
            groups.setdefault((recording.provider, recording.dialect), []).append(recording)
        for (provider, dialect), group in groups.items():
            await self._replay(provider, dialect, group)

    async def _replay(self, provider: str, dialect: str, recordings: list[Recording]) -> None:
        replay = Replay()
        self.addCleanup(replay.server.stop)
        prefix = "" if dialect == BEDROCK_CONVERSE else "/v1"
        toml = f"""
            [providers.{provider}]
            base_url = "{replay.address}{prefix}"
            dialect = "{SPOKEN[dialect]}"
        """
        gateway = await start_gateway(self, toml)
        headers = {"x-provider": provider, **(AWS if dialect == BEDROCK_CONVERSE else {})}
        clients = Clients(gateway.address, headers)
        self.addCleanup(clients.close)
        left_out: dict[str, str] = {}
        answered: Counter[str] = Counter()
        for seed, recording in enumerate(recordings):
            for door in doors_for(recording):
                for how in (WHOLE, CUT):
                    replay.clear()
                    replay.put(recording.served, how, seed)
                    try:
                        said = await deferToThread(ask, clients, recording, door)
                    except LeftOut as reason:
                        left_out[f"{recording.name} at {door}"] = str(reason)
                        continue
                    answered[door] += 1
                    self._check(recording, door, said)
        clients.close()
        for pair, rule in left_out.items():
            print(f"left out: {pair}: {rule}")
        print(f"{provider} {dialect}: {dict(answered)}, {len(left_out)} pairs left out")
        self.assertGreater(answered[dialect] + answered[NATIVE], 0)
        self.assertLessEqual(len(left_out), LEFT_OUT[provider, dialect])

    def _check(self, recording: Recording, door: str, said: Told | tuple[int, str]) -> None:
        title = f"{recording.name} at {door}"
        if isinstance(said, Told):
            told = expected(recording, door)
            if told.counts is None and door == ANTHROPIC_MESSAGES:
                said = evolve(said, counts=None)  # its SDK has to have some: an estimate
            self.assertEqual((200, told), (recording.status, said), title)
            return
        self.assertNotEqual(200, recording.status, f"{title}: {said}")
        self.assertEqual(self._status(recording, door), said[0], title)
        self.assertIn(message_of(recording), said[1], title)

    @staticmethod
    def _status(recording: Recording, door: str) -> int:
        overloaded = recording.status == 529 and door != ANTHROPIC_MESSAGES
        return 503 if overloaded else STATUSES.get(message_of(recording), recording.status)

    async def test_own(self) -> None:
        """What providers may answer, streamed or not, is the same at every door."""
        await self.replay(own_recordings())

    async def of(self, provider: str) -> None:
        """Replay what was recorded of a provider."""
        await self.replay(one for one in of_reference() if one.provider == provider)

    async def test_anthropic(self) -> None:
        """Anthropic's recorded answers are the same at every door."""
        await self.of("anthropic")

    async def test_bedrock(self) -> None:
        """Converse's recorded answers are the same at every door."""
        await self.of("bedrock")

    async def test_groq(self) -> None:
        """Groq's recorded answers are the same at every door."""
        await self.of("groq")

    async def test_openai(self) -> None:
        """OpenAI's recorded answers, of chat and of Responses, are the same at every door."""
        await self.of("openai")

    async def test_together(self) -> None:
        """Together's recorded answers are the same at every door."""
        await self.of("together")


class RequestTests(SynchronousTestCase):
    """What was asked of one provider, asked of all."""

    def test_requests(self) -> None:
        """A recorded request reaches every dialect as its owner describes it, or is refused."""
        sent: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        recorded = tuple(of_reference())
        for recording in (*own_recordings(), *recorded):
            if recording.dialect == OPENAI_COMPLETIONS:
                continue
            for provider, model, dialect in TARGETS:
                rule = self._send(recording, provider, model, dialect)
                if rule is None:
                    sent[dialect] += 1
                else:
                    refused[f"{recording.name} to {dialect}: {rule}"] += 1
        for line, count in sorted(refused.items()):
            print(f"refused by {count} models: {line}")
        print(f"sent: {dict(sent)}")
        self.assertEqual({dialect for _, _, dialect in TARGETS}, set(sent))
        if recorded:
            fewer = {dialect: count for dialect, count in SENT.items() if sent[dialect] < count}
            self.assertEqual({}, fewer)

    def _send(self, recording: Recording, provider: str, model: str, dialect: str) -> str | None:
        """The rule by which a target refuses it, None if it is sent."""
        door = grammar(recording.dialect)
        translation = Translation(door, grammar(dialect), model="m", answer_id="a", now=0)
        able = capabilities(made(provider), model, dialect)
        try:
            body = {"model": model, **recording.asked}
            request = translation.read(encode(body), model)
            sent = translation.write(request, able)
        except ApiError as refusal:
            self.assertIn((refusal.status, refusal.code), [(400, code) for code in RULES])
            self.assertTrue(refusal.param, refusal.message)
            return f"{refusal.code}: {refusal.param}"
        JUDGES[dialect](sent.body)
        return None
