"""The machine's own AWS credential: real files, real services on sockets, real threads."""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase

from magicgateway.config.secret import Secret
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.providers.aws_credentials import AwsCredential
from magicgateway.upstream import aws_credential_chain as chains
from magicgateway.upstream.aws_credential_chain import CredentialChain
from magicgateway.upstream.aws_identity import AwsIdentity, Found
from magicgateway.upstream.threads import Threads
from tests.sockets import until
from tests.upstream.aws import AwsMachine, CredentialService, answer, keys
from tests.upstream.clocks import ShiftedReactor

NAME = "magicgateway-aws-test"
HOUR = 3600


async def turn() -> None:
    """Let the reactor run once."""
    from twisted.internet import reactor  # noqa: PLC0415 - importing must not install it

    clock: Any = reactor
    await deferLater(clock, 0)


class ChainTestCase(TestCase):
    """A chain on real threads, with a clock that can be put forward."""

    def setUp(self) -> None:
        self.machine = AwsMachine(self)
        self.reactor = ShiftedReactor()
        self.threads = Threads(self.reactor, NAME, 2)
        self.chain = CredentialChain(self.reactor, self.threads)
        self.addCleanup(self.let_go)

    async def let_go(self) -> None:
        await self.chain.stop()
        self.threads.stop()
        await until(lambda: not any(NAME in thread.name for thread in threading.enumerate()))

    async def name(self) -> str:
        """The access key id that a request gets."""
        identity: AwsIdentity = await self.chain.get()
        return identity.credential.access_key_id

    async def failed(self, waiting: Deferred[AwsIdentity]) -> UpstreamError:
        """What somebody who waits is told."""
        error: Any = await self.assertFailure(waiting, UpstreamError)
        assert isinstance(error, UpstreamError)
        return error


class KeepingTests(ChainTestCase):
    """How long an answer serves."""

    async def test_once_for_all(self) -> None:
        """However many wait, the chain is asked once, off the reactor; all get the answer."""
        service = self.machine.ecs(keys("ECS", HOUR))
        service.gate.clear()
        waiting = [self.chain.get() for _ in range(20)]
        await until(lambda: service.asked)
        for _ in range(20):
            await turn()
        for done in waiting:
            self.assertNoResult(done)
        service.gate.set()
        for done in waiting:
            self.assertEqual("AKIDECS", (await done).credential.access_key_id)
        self.assertEqual("AKIDECS", self.successResultOf(self.chain.get()).credential.access_key_id)
        self.assertEqual(1, service.asked)

    async def test_renewed_ahead(self) -> None:
        """Shortly before its end a credential still serves at once, and is renewed meanwhile."""
        service = self.machine.ecs(keys("OLD", HOUR))
        self.assertEqual("AKIDOLD", await self.name())
        self.end_within(chains.AHEAD_SECONDS)
        self.reactor.shift = chains.PAUSE_SECONDS + 1
        service.answers = [keys("NEW", HOUR)]
        service.gate.clear()
        for _ in range(3):
            self.assertEqual("AKIDOLD", self.successResultOf(Deferred.fromCoroutine(self.name())))
        await until(lambda: service.asked == 2)
        service.gate.set()
        await until(lambda: self.chain._running is None)
        self.assertEqual("AKIDNEW", await self.name())
        self.assertEqual(2, service.asked)

    def end_within(self, seconds: float) -> None:
        """The kept credential ends within so many seconds, and not within a second less."""
        found = self.chain._found
        assert found is not None
        self.chain._found = Found(found.identity, lambda within: within >= seconds)

    async def test_renewed_ahead_now_and_then(self) -> None:
        """A credential that never lives long is not renewed at every request."""
        service = self.machine.ecs(keys("SHORT", chains.AHEAD_SECONDS - 60))
        await self.name()
        asked = service.asked
        for _ in range(5):
            await self.name()
        self.assertIsNone(self.chain._running)
        self.assertEqual(asked, service.asked)
        self.reactor.shift += chains.PAUSE_SECONDS + 1
        await self.name()
        await until(lambda: service.asked > asked and self.chain._running is None)

    async def test_waits_at_the_end(self) -> None:
        """A credential that ends within a minute is waited for."""
        service = self.machine.ecs(keys("OLD", HOUR))
        await self.name()
        self.end_within(chains.LAST_SECONDS)
        service.answers = [keys("NEW", HOUR)]
        self.assertEqual("AKIDNEW", await self.name())

    async def test_old_one_serves_to_its_end(self) -> None:
        """If it cannot be renewed, the old credential serves until it ends, and not longer."""
        service = self.machine.ecs(keys("OLD", HOUR))
        await self.name()
        self.end_within(chains.LAST_SECONDS)
        service.answers = [answer("no", "500 Oops")]
        self.assertEqual("AKIDOLD", await self.name())
        self.assertEqual("AKIDOLD", self.successResultOf(Deferred.fromCoroutine(self.name())))
        self.end_within(0)
        await self.assertFailure(self.chain.get(), UpstreamError)

    async def test_static(self) -> None:
        """A credential that does not end is looked for once."""
        self.machine.write(
            "credentials", "[default]\naws_access_key_id = A1\naws_secret_access_key = s\n"
        )
        self.assertEqual("A1", await self.name())
        self.machine.write("credentials", "")
        self.reactor.shift = 10 * HOUR
        self.assertEqual("A1", await self.name())


class RenewalTests(ChainTestCase):
    """After AWS has called a credential expired."""

    async def test_renewed_once(self) -> None:
        """Many requests that were refused have the credential renewed once, for all of them."""
        service = self.machine.ecs(keys("OLD", HOUR))
        refused = (await self.chain.get()).credential
        service.answers = [keys("NEW", HOUR)]
        waiting = [self.chain.renew(refused) for _ in range(5)]
        for done in waiting:
            self.assertEqual("AKIDNEW", (await done).credential.access_key_id)
        late = self.successResultOf(self.chain.renew(refused))
        self.assertEqual("AKIDNEW", late.credential.access_key_id)
        self.assertEqual(2, service.asked)

    async def test_changed_file(self) -> None:
        """Keys that were exchanged in a profile's file are found."""
        text = "[default]\naws_access_key_id = {}\naws_secret_access_key = s\n"
        self.machine.write("credentials", text.format("A1"))
        refused = (await self.chain.get()).credential
        self.machine.write("credentials", text.format("A2"))
        self.assertEqual("A2", (await self.chain.renew(refused)).credential.access_key_id)

    async def test_still_the_same(self) -> None:
        """If there is no other credential, that is the error, and for a while nobody asks again."""
        service = self.machine.ecs(keys("OLD", HOUR))
        refused = (await self.chain.get()).credential
        for _ in range(3):
            error = await self.failed(self.chain.renew(refused))
            self.assertIn("has expired", error.detail)
        self.assertEqual(2, service.asked)
        self.reactor.shift = chains.FAILURE_SECONDS + 1
        self.assertEqual("AKIDOLD", await self.name())


class FailureTests(ChainTestCase):
    """When there is no credential to be had."""

    async def test_remembered_briefly(self) -> None:
        """A failure is everybody's answer for a few seconds, then the chain is asked again."""
        service = self.machine.ecs(answer("no", "400 Bad"))
        for _ in range(3):
            await self.assertFailure(self.chain.get(), UpstreamError)
        asked = service.asked
        service.answers = [keys("ECS", HOUR)]
        await self.assertFailure(self.chain.get(), UpstreamError)
        self.assertEqual(asked, service.asked)
        self.reactor.shift = chains.FAILURE_SECONDS + 1
        self.assertEqual("AKIDECS", await self.name())

    async def test_nothing(self) -> None:
        """That there is nothing is a 401 for those who wait."""
        error: Any = await self.assertFailure(self.chain.get(), ApiError)
        self.assertEqual((401, "missing_credential"), (error.status, error.code))

    async def test_own_fault(self) -> None:
        """An error that nobody foresaw is no other error's cause, and shows only its name."""

        def find() -> Any:
            raise ZeroDivisionError("a-secret")

        chain = CredentialChain(self.reactor, self.threads, find)
        error = await self.failed(chain.get())
        self.assertEqual("AWS credential chain: ZeroDivisionError", error.detail)
        self.assertIsNone(chain._running)

    async def test_logged_when_nobody_waits(self) -> None:
        """A renewal ahead of time that fails is told to the operator, and harms no request."""
        service = self.machine.ecs(keys("OLD", chains.AHEAD_SECONDS - 60))
        await self.name()
        log = EventLoggingObserver.createWithCleanup(self, globalLogPublisher)
        service.answers = [answer("no", "500 Oops")]
        self.reactor.shift = chains.PAUSE_SECONDS + 1
        self.assertEqual("AKIDOLD", await self.name())
        await until(lambda: any("reason" in event for event in log))
        (reason,) = [event["reason"] for event in log if "reason" in event]
        self.assertIn("container-role", reason)
        self.assertEqual("AKIDOLD", await self.name())

    async def test_deadline(self) -> None:
        """Nobody waits for longer than the deadline; the answer serves those who come later."""
        service = self.stuck()
        chain = CredentialChain(self.reactor, self.threads, deadline=0.05)
        error = await self.failed(chain.get())
        self.assertEqual(
            (504, "credential_unavailable", "timeout"), (error.status, error.code, error.outcome)
        )
        service.gate.set()
        await until(lambda: chain._running is None)
        identity = self.successResultOf(chain.get())
        self.assertEqual("AKIDECS", identity.credential.access_key_id)
        self.assertEqual(1, service.asked)

    def stuck(self) -> CredentialService:
        service = self.machine.ecs(keys("ECS", HOUR))
        service.gate.clear()
        self.addCleanup(service.gate.set)
        return service

    async def test_cancelled(self) -> None:
        """A request that is given up takes nothing from the others."""
        service = self.stuck()
        first, second = self.chain.get(), self.chain.get()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        service.gate.set()
        self.assertEqual("AKIDECS", (await second).credential.access_key_id)

    async def test_stop(self) -> None:
        """Stopping tells everybody who waits at once, and is done when the thread is."""
        service = self.stuck()
        waiting = [self.chain.get() for _ in range(3)]
        await until(lambda: service.asked)
        stopped, again = self.chain.stop(), self.chain.stop()
        for done in waiting:
            self.assertEqual(503, self.failureResultOf(done, ApiError).value.status)
        self.failureResultOf(self.chain.get(), ApiError)
        self.failureResultOf(self.chain.renew(AwsCredential("A", Secret("s"))), ApiError)
        self.assertNoResult(stopped)
        service.gate.set()
        await stopped
        await again
        await self.chain.stop()

    async def test_stop_while_stuck(self) -> None:
        """A thread that is stuck holds up a stop for a moment only."""
        self.patch(chains, "DRAIN_SECONDS", 0.05)
        service = self.stuck()
        waiting = self.chain.get()
        await until(lambda: service.asked)
        await self.chain.stop()
        self.failureResultOf(waiting, ApiError)
