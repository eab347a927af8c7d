"""Large bodies, one after the other, while a probe watches how long the contender is away."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import subprocess
import sys
from time import monotonic

import msgspec

from bench import doors, large_bodies, mock_dialects, usage
from bench.client import CHAT
from bench.jobs import IMAGE, JSON_BODY, TURNS, Job, Outcome
from bench.probe import Stall

_BODY_SECONDS = 60.0
_PROBE_SECONDS = 10.0
_JSON = {
    JSON_BODY: large_bodies.json_body,
    IMAGE: large_bodies.image_body,
    TURNS: large_bodies.turns_body,
}


def large_bodies_sent(job: Job) -> Outcome:
    """Send ``count`` bodies; the outcome is the longest stall."""
    path, kind = CHAT, "application/json"
    if job.mode in _JSON:
        body = _JSON[job.mode]()
    else:
        path = "/v1/files"
        kind, body = large_bodies.upload()
    expected = mock_dialects.receipt(mock_dialects.said(body)) if job.door else ""
    outcome = Outcome()
    pids = usage.family(job.watch)
    probe = subprocess.Popen(
        [sys.executable, "-m", "bench.probe", str(job.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with probe:
        assert probe.stdout is not None
        if probe.stdout.readline() != "ready\n":
            outcome.failure = "the probe did not begin"
            return outcome
        before = usage.usage(pids)
        load_pids = [os.getpid(), *job.load]
        load_before = usage.usage(load_pids)
        began = monotonic()
        for _ in range(job.count):
            outcome.failure = outcome.failure or _send(job, path, kind, body, expected)
        outcome.seconds = monotonic() - began
        after = usage.usage(pids)
        load_after = usage.usage(load_pids)
        told, _ = probe.communicate(timeout=_PROBE_SECONDS)
    stall = msgspec.json.decode(told, type=Stall)
    outcome.failure = outcome.failure or stall.failure
    outcome.units = job.count
    outcome.cpu_seconds = after.cpu_seconds - before.cpu_seconds
    outcome.waited_seconds = after.waited_seconds - before.waited_seconds
    outcome.load_seconds = load_after.cpu_seconds - load_before.cpu_seconds
    outcome.stall_ms = stall.longest_ms
    outcome.own_lag_ms = stall.own_lag_ms
    return outcome


def _send(job: Job, path: str, kind: str, body: bytes, expected: str) -> str:
    """Send one body; what is wrong with the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", job.port, timeout=_BODY_SECONDS)
    try:
        connection.request("POST", path, body, {"Content-Type": kind} | job.headers)
        answer = connection.getresponse()
        text = answer.read()
    except OSError as error:
        return f"POST {path}: {error}"
    finally:
        connection.close()
    if answer.status != 200:
        return f"POST {path} was answered {answer.status}: {text[:200]!r}"
    if expected:
        whole = doors.answer_text(text).startswith(expected)
        return "" if whole else f"POST {path}: it was answered {text[:200]!r}"
    told = json.loads(text)
    if (told["bytes"], told["sha256"]) != (len(body), hashlib.sha256(body).hexdigest()):
        return f"POST {path}: the body did not arrive as it was sent"
    return ""
