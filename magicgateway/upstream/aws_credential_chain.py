"""The AWS credential that the operator's machine has: profile, SSO, web identity, ECS, IMDS.

botocore's chain looks for it (``aws_identity``), and every step of that blocks: files, programs,
services. So it runs in a thread, once for all who wait, and its answer is kept until shortly before
it expires.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from magicgateway.errors import ApiError
from magicgateway.providers.aws_credentials import AwsCredential
from magicgateway.upstream.aws_identity import (
    AwsIdentity,
    Found,
    find_identity,
    too_slow,
    unavailable,
)
from magicgateway.upstream.threads import Threads

AHEAD_SECONDS = 900.0
"""Before its end from which a credential is renewed while it still serves, as botocore does."""
LAST_SECONDS = 60.0
"""Before its end from which requests wait for a new one."""
PAUSE_SECONDS = 30.0
"""Between two renewals ahead of time: some credentials live no longer than ``AHEAD_SECONDS``."""
FAILURE_SECONDS = 5.0
"""For which a failure is everybody's answer."""
DRAIN_SECONDS = 2.0
"""For which stopping waits for a thread."""


class CredentialChain:
    """The identity of this machine, kept and renewed; one for the whole gateway.

    Args:
        reactor: The clock.
        threads: Where the chain runs.
        find: ``find_identity``, or what stands for it. It blocks.
        deadline: Seconds after which those who wait are told that it takes too long.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        threads: Threads,
        find: Callable[[], Found] = find_identity,
        deadline: float = 30.0,
    ) -> None:
        self._reactor = reactor
        self._threads = threads
        self._find = find
        self._deadline = deadline
        self._found: Found | None = None
        self._refused: AwsCredential | None = None
        self._waiting: list[Deferred[AwsIdentity]] = []
        self._running: Deferred[None] | None = None
        """Fires when the call in the thread has ended."""
        self._failure: ApiError | None = None
        self._failed_until = 0.0
        self._ahead_from = 0.0
        self._stopped = False

    def get(self) -> Deferred[AwsIdentity]:
        """The identity, at once as long as a kept one is good; each caller has its own Deferred.

        Raises:
            ApiError: Through the Deferred: 401 ``missing_credential``: there is none; 503
                ``stopping``.
            UpstreamError: Through the Deferred: 502 or 504 ``credential_unavailable``: it could
                not be had.
        """
        if self._stopped:
            return fail(_stopping())
        now = self._reactor.seconds()
        found = self._found
        if found is not None and not found.ends_within(LAST_SECONDS):
            if found.ends_within(AHEAD_SECONDS) and now >= self._ahead_from:
                self._begin()
            return succeed(found.identity)
        if self._failure is not None and now < self._failed_until:
            known = self._after(self._failure)
            return succeed(known) if isinstance(known, AwsIdentity) else fail(known)
        self._begin()
        done: Deferred[AwsIdentity] = Deferred(self._waiting.remove)
        self._waiting.append(done)
        return done.addTimeout(self._deadline, self._reactor, _too_slow)

    def renew(self, refused: AwsCredential) -> Deferred[AwsIdentity]:
        """The identity, other than with a credential that AWS has called expired.

        If somebody else has had it renewed meanwhile, that is the answer.

        Raises:
            ApiError: As ``get``.
            UpstreamError: As ``get``; also if the chain has no other credential.
        """
        if self._found is not None and self._found.identity.credential == refused:
            self._found = None
            self._refused = refused
        return self.get()

    def stop(self) -> Deferred[None]:
        """Tell everybody who waits, and end when nothing runs any more, or after two seconds."""
        self._stopped = True
        self._answer(_stopping())
        if self._running is None:
            return succeed(None)
        ended: Deferred[None] = Deferred()
        self._running.chainDeferred(ended)
        ended.addTimeout(DRAIN_SECONDS, self._reactor, lambda *_: None)
        return ended

    def _begin(self) -> None:
        if self._running is None:
            self._running = Deferred()
            self._threads.run(self._find).addCallback(self._took).addErrback(self._failed)

    def _took(self, found: Found) -> None:
        if found.identity.credential == self._refused:
            raise unavailable("it still gives a credential that has expired")
        self._found = found
        self._failure = None
        self._ended(found.identity)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, ApiError):
            error = unavailable(type(error).__name__)
        self._failure = error
        self._failed_until = self._reactor.seconds() + FAILURE_SECONDS
        if not self._waiting:
            self._log.warn(
                "The gateway's AWS credential could not be renewed: {reason}",
                reason=getattr(error, "detail", error.message),
            )
        self._ended(self._after(error))

    def _after(self, error: ApiError) -> AwsIdentity | ApiError:
        """What a failure means for requests: nothing yet, as long as the old credential lives."""
        found = self._found
        return error if found is None or found.ends_within(0) else found.identity

    def _ended(self, answer: AwsIdentity | ApiError) -> None:
        self._refused = None
        self._ahead_from = self._reactor.seconds() + PAUSE_SECONDS
        running, self._running = self._running, None
        self._answer(answer)
        assert running is not None
        running.callback(None)

    def _answer(self, answer: AwsIdentity | ApiError) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            if isinstance(answer, AwsIdentity):
                done.callback(answer)
            else:
                done.errback(answer)


def _too_slow(_: object, seconds: float) -> NoReturn:
    raise too_slow(seconds)


def _stopping() -> ApiError:
    return ApiError(503, "stopping", "The gateway is stopping.", retry_after=1)
