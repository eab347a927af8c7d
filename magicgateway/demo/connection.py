"""One connection of the demo provider: reads requests in turn and carries out the steps of answers.

A protocol of its own, because Twisted's web server cannot break its framing on purpose. While an
answer is under way reading goes on, so that a peer that leaves is noticed; what it sends ahead is
held, and when that gets much, reading pauses.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IPullProducer, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from magicgateway.demo.call import Call, Refusal
from magicgateway.demo.delivery import Ending, Hold, Step, Wanted, steps
from magicgateway.demo.families import refused
from magicgateway.demo.faults import Script
from magicgateway.demo.gate import Gate
from magicgateway.demo.intake import Intake
from magicgateway.demo.journal import KEPT_BODY, Received, received
from magicgateway.demo.routes import Turn, answer_to
from magicgateway.wire.chunked import BadChunk
from magicgateway.wire.heads import BadHead, HeadLimits, find_fault, read_request_head

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
AHEAD = 256 * 1024
"""Bytes that a peer may send ahead while it is answered."""
_LIMITS = HeadLimits()
_NO_CALL = Call("GET", "/", (), b"", 0, "0" * 64)


@define(eq=False)
class Stage:
    """What all connections of a provider have in common; tests set it up."""

    journal: deque[Received]
    """The latest requests, oldest first."""
    kept_body: int = KEPT_BODY
    """Bytes of each body that the journal keeps."""
    clock: Callable[[], float] = time.time
    """What time the provider believes it is, in seconds since 1970."""
    scripts: deque[str] = field(factory=deque)
    """Scripts for the requests to come, one for each; the first one is for the next."""
    gate: Gate | None = None
    """What holds the answers to requests that come from now on."""


@implementer(IPushProducer)
class Connection(Protocol):
    """One peer.

    Args:
        reactor: Where waiting is done.
        number: Which connection this is.
        stage: What it has in common with the others.
        gone: Called with the connection once it is lost.
    """

    transport: Any  # a transport and a consumer, which no one interface says

    def __init__(
        self,
        reactor: Any,
        number: int,
        stage: Stage,
        gone: Callable[[Connection], None],
    ) -> None:
        self._reactor = reactor
        self._number = number
        self._stage = stage
        self._gone = gone
        self._buffer = b""
        self._intake: Intake | None = None
        self._steps: Iterator[Step] | None = None
        self._entry: Received | None = None
        self._reading = False
        self._held = False  # reading is paused
        self._paused = False  # the peer does not read
        self._timer: IDelayedCall | None = None
        self._due = 0.0
        self._gate: Gate | None = None
        self._held_back = False  # the answer stands at the gate

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gate is not None:
            self._gate.leave(self._pass)
        if self._steps is not None and self._entry is not None:
            self._entry.left_at = self._reactor.seconds()
        self._steps = self._entry = None
        self._gone(self)

    def dataReceived(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if self._steps is None:
            self._read()
        elif len(self._buffer) > AHEAD and not self._held:
            self._held = True
            self.transport.pauseProducing()

    def _read(self) -> None:
        """Read requests and answer them, until bytes are missing or an answer takes its time."""
        if self._reading:
            return
        self._reading = True
        while self._buffer and self._steps is None and self._read_more():
            pass
        self._reading = False
        if self._held and self._steps is None:
            self._held = False
            self.transport.resumeProducing()

    def _read_more(self) -> bool:
        """Take the next head or piece of body; False if bytes are missing."""
        intake = self._intake = self._intake or self._read_head()
        if intake is None:
            return False
        try:
            if not intake.done and self._buffer:
                self._buffer = intake.feed(self._buffer)
        except BadChunk as fault:
            self._refuse(400, f"The body's framing is broken: {fault}.")
            return False
        if intake.done:
            self._intake = None
            self._answer(intake)
        return True

    def _read_head(self) -> Intake | None:
        """Take a head; None if it is unfinished or was refused."""
        while self._buffer.startswith(b"\r\n"):
            self._buffer = self._buffer[2:]
        end = self._buffer.find(b"\r\n\r\n") + 4
        try:
            if end < 4:
                if fault := find_fault(self._buffer, _LIMITS):
                    raise fault
                return None
            head = read_request_head(self._buffer[:end], _LIMITS)
        except BadHead as refusal:
            self._refuse(refusal.status, refusal.message)
            return None
        self._buffer = self._buffer[end:]
        intake = Intake(head)
        if head.expects_continue and not self._buffer and not intake.done:
            self.transport.write(CONTINUE)
        return intake

    def _refuse(self, status: int, message: str) -> None:
        """Answer what cannot be read, and close."""
        self._buffer, self._intake = b"", None
        answer = refused(_NO_CALL, Refusal(status, message))
        self._send(steps(answer, Script(), Wanted(keep_alive=False)))

    def _answer(self, intake: Intake) -> None:
        stage, head = self._stage, intake.head
        laid = stage.scripts.popleft() if stage.scripts else ""
        call = intake.call(stage.clock(), laid)
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in head.raw
        )
        now = self._reactor.seconds()
        entry = received(call, headers, self._number, now, stage.kept_body)
        turn: Turn = answer_to(call)
        entry.status = turn.answer.status
        self._entry = entry
        stage.journal.append(entry)
        self._gate = stage.gate
        gated = self._gate is not None
        wanted = Wanted(head.version, head.keep_alive, head.method == b"HEAD", gated)
        self._send(steps(turn.answer, turn.script, wanted))

    def _send(self, sent: Iterator[Step]) -> None:
        self._steps = sent
        self._paused = False
        self._due = self._reactor.seconds()
        self.transport.registerProducer(self, True)
        self._go_on()

    def _go_on(self) -> None:
        """Carry out steps until one has to wait or the peer does not read."""
        while self._steps is not None and not self._paused and not self._held_back:
            step = next(self._steps)
            if isinstance(step, Hold):
                self._held_back = self._gate is not None and not self._gate.passes(self._pass)
            elif isinstance(step, bytes):
                if self._entry is not None:
                    self._entry.sent += len(step)
                self.transport.write(step)
            elif isinstance(step, Ending):
                self._end(step)
                return
            else:
                # Waiting times add up on a schedule of their own, so that delays do not.
                self._due += step
                wait = self._due - self._reactor.seconds()
                if wait > 0 or step == 0:
                    self._timer = self._reactor.callLater(max(wait, 0), self._wake)
                    return

    def _wake(self) -> None:
        self._timer = None
        self._go_on()

    def _pass(self) -> None:
        """The gate lets one event through."""
        self._held_back = False
        self._go_on()

    def pauseProducing(self) -> None:
        """The peer reads more slowly than the answer is made."""
        self._paused = True

    def resumeProducing(self) -> None:
        """The peer has read."""
        self._paused = False
        if self._timer is None:
            self._go_on()

    def stopProducing(self) -> None:
        """The connection is lost; ``connectionLost`` follows."""
        self._paused = True

    def _end(self, ending: Ending) -> None:
        if self._entry is not None:
            self._entry.whole = ending is not Ending.HANG
        if ending is Ending.HANG:
            self._paused = True
            self.transport.unregisterProducer()
            return
        self._steps = self._entry = None
        self.transport.unregisterProducer()
        if ending is Ending.KEEP:
            self._read()
            return
        # Whatever else arrives is not read as a request.
        self._steps = iter(())
        self._paused = True
        if ending is Ending.CLOSE:
            self.transport.loseConnection()
        else:
            self.transport.registerProducer(_Flushed(self.transport.abortConnection), False)
            self.transport.startWriting()  # or nothing is asked for when nothing is left already


@implementer(IPullProducer)
class _Flushed:
    """Calls back once everything that was written has been sent.

    A transport asks a pull producer for more when it is registered and whenever nothing is left.
    """

    def __init__(self, flushed: Callable[[], None]) -> None:
        self._flushed = flushed
        self._registered = False

    def resumeProducing(self) -> None:
        if self._registered:
            self._flushed()
        self._registered = True

    def stopProducing(self) -> None:
        """The peer was faster."""
