"""What the daemon writes of each request, and what it does when it cannot write."""

from __future__ import annotations

import json
import os
import re
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.daemon import Daemon
from tests.integration.asking import Stream, ask, chat, chat_body, eventually, figures

ALWAYS = {
    "time", "request_id", "client", "method", "path", "operation", "status", "outcome", "stream",
    "request_bytes", "response_bytes", "duration_ms", "attempts",
}  # fmt: skip
WHEN_SENT_ON = {
    "provider", "model", "upstream_model", "first_byte_ms", "upstream_ms", "overhead_ms", "usage",
}  # fmt: skip
SECRET = "a-secret-in-the-query"


def request_line(daemon: Daemon, request_id: str) -> dict[str, Any]:
    """The JSON line of a request, and there is one only."""

    def lines() -> list[dict[str, Any]]:
        found = [line for line in daemon.said.splitlines(keepends=True) if request_id in line]
        return [json.loads(line) for line in found if line.endswith("\n")]

    found: list[dict[str, Any]] = eventually(daemon, lines)
    if len(found) != 1:
        raise AssertionError(f"{len(found)} lines of {request_id}: {found}")
    return found[0]


class JsonLineTests(SynchronousTestCase):
    """Lines for programs."""

    def test_lines(self) -> None:
        """Each request has one line with the promised keys, the right client, and no query."""
        with Daemon("--demo", toml='[server]\ntrusted_proxies = ["127.0.0.2/32"]') as daemon:
            port = daemon.port
            self.assertEqual(200, chat(port, x_request_id="whole-1").status)
            line = request_line(daemon, "whole-1")
            self.assertEqual(ALWAYS | WHEN_SENT_ON, set(line))
            self.assertEqual(
                ("127.0.0.1", "POST", "/v1/chat/completions", "demo", "demo", 200, "completed", 1),
                tuple(
                    line[name]
                    for name in (
                        "client", "method", "path", "provider", "model", "status", "outcome",
                        "attempts",
                    )
                ),
            )  # fmt: skip
            self.assertEqual(len(chat_body()), line["request_bytes"])
            self.assertEqual({"input", "output", "cached_input", "reasoning"}, set(line["usage"]))
            with Stream(port, "demo") as stream:
                head = stream.rest().partition(b"\r\n\r\n")[0]
            request_id = re.findall(rb"x-magicgateway-request-id: (\S+)", head)[0].decode()
            self.assertEqual(True, request_line(daemon, request_id)["stream"])

            headers = {"x-request-id": "refused-1", "x-provider": "nobody"}
            self.assertEqual(400, ask(port, f"/v1/models?key={SECRET}", headers=headers).status)
            line = request_line(daemon, "refused-1")
            self.assertEqual(ALWAYS | {"error"}, set(line))
            self.assertEqual(("/v1/models", "refused"), (line["path"], line["outcome"]))
            ask(port, f"/nowhere?key={SECRET}", headers={"x-request-id": "refused-2"})
            self.assertEqual("/nowhere", request_line(daemon, "refused-2")["path"])
            ask(port, f"/v1/models?key={SECRET}", headers={"x-provider": "demo"})
            self.assertNotIn(SECRET, daemon.said)

    def test_client(self) -> None:
        """A trusted proxy is believed as to whom it speaks for; nobody else is."""
        with Daemon(toml='[server]\ntrusted_proxies = ["127.0.0.2/32"]') as daemon:
            for name, source, forwarded, client in (
                ("direct-1", "127.0.0.1", "203.0.113.9", "127.0.0.1"),
                ("proxy-1", "127.0.0.2", "203.0.113.9", "203.0.113.9"),
                ("proxy-2", "127.0.0.2", "198.51.100.1, 203.0.113.9, 127.0.0.2", "203.0.113.9"),
            ):
                headers = {"x-request-id": name, "x-forwarded-for": forwarded}
                ask(daemon.port, "/health", headers=headers, source=source)
                self.assertEqual((name, client), (name, request_line(daemon, name)["client"]))


class HumanLineTests(SynchronousTestCase):
    """Lines for people."""

    def test_line(self) -> None:
        """With ``log.format = "human"`` a line starts with time, status, method and path."""
        with Daemon("--demo", toml='[log]\nformat = "human"') as daemon:
            chat(daemon.port, x_request_id="human-1")
            line = eventually(
                daemon,
                lambda: next((x for x in daemon.said.splitlines() if "human-1" in x), None),
            )
            self.assertRegex(line, r"^\d{4}-\S+Z 200 POST /v1/chat/completions demo/demo [\d.]+ms ")
            self.assertIn("try it:", daemon.said)


class OutputTests(SynchronousTestCase):
    """Output that takes nothing."""

    def test_full_disk(self) -> None:
        """On a full disk requests go on, and lost lines are counted."""
        with Daemon("--demo", toml='[log]\nfile = "/dev/full"') as daemon:
            for _ in range(20):
                self.assertEqual(200, chat(daemon.port).status)
            eventually(
                daemon, lambda: sum(figures(daemon.port, "magicgateway_log_lines_dropped_total"))
            )
            self.assertEqual(0, daemon.stop())

    def test_blocked_pipe(self) -> None:
        """A reader of standard output that stops reading stops nobody else, not even the end."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        daemon = Daemon("--demo")
        self.addCleanup(daemon.__exit__)
        daemon.start(writing)
        os.close(writing)
        request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        wanted = 500  # lines of 200 bytes and more, and the pipe holds 64 KiB
        with socket.create_connection(("127.0.0.1", daemon.port), 20) as caller:
            caller.sendall(request * wanted)
            received = b""
            while received.count(b"HTTP/1.1 200 ") < wanted:
                received += caller.recv(65536)
        self.assertEqual(200, chat(daemon.port).status)
        self.assertEqual(0, daemon.stop())
