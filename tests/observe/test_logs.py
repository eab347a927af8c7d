from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import ILogObserver, Logger, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from magicgateway.config.secret import Secret
from magicgateway.observe.logs import (
    Message,
    MessageObserver,
    human_message,
    json_message,
    secrets_from,
)
from magicgateway.observe.redaction import Redactor
from magicgateway.wire.jsontext import decode
from tests.house import ROOT

SECRET = "Zx81Qm2Vb7Lk0Pq9"


def failure(text: str) -> Failure:
    """A failure with a traceback that shows this text."""
    try:
        _raise(text)
    except ValueError:
        return Failure()
    raise AssertionError


def _raise(text: str) -> None:
    raise ValueError(text)


class MessageObserverTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.lines: list[bytes] = []
        self.observer = MessageObserver(
            self.lines.append, spell=json_message, redactor=Redactor([Secret(SECRET)])
        )
        self.log = Logger("test.place", observer=self.observer)

    def _last(self) -> dict[str, Any]:
        message = decode(self.lines[-1])
        assert isinstance(message, dict)
        return message

    def test_interface(self) -> None:
        """It is an observer as Twisted means it."""
        self.assertTrue(verifyObject(ILogObserver, self.observer))

    def test_message(self) -> None:
        """Time, level, place and text, and nothing that there is not."""
        self.observer(
            {
                "log_time": 1784000000.123,
                "log_level": LogLevel.warn,
                "log_namespace": "a.b",
                "log_format": "{what} happened",
                "what": "it",
                "request_id": "req_1",
            }
        )
        expected = {
            "time": "2026-07-14T03:33:20.123Z",
            "level": "warn",
            "namespace": "a.b",
            "message": "it happened",
            "request_id": "req_1",
        }
        self.assertEqual(list(expected.items()), list(self._last().items()))

    def test_levels(self) -> None:
        """Events below the level are left out, and it may be changed at any time."""
        shown = {"debug": 5, "info": 4, "warn": 3, "error": 2, "off": 0}
        for level, count in shown.items():
            self.lines.clear()
            self.observer.level = level
            for emit in (
                self.log.debug,
                self.log.info,
                self.log.warn,
                self.log.error,
                self.log.critical,
            ):
                emit("x")
            with self.subTest(level=level):
                self.assertEqual(count, len(self.lines))
        self.assertEqual([], self.lines)

    def test_failure(self) -> None:
        """A failure shows its type, its text and its last lines, on one line."""
        self.observer(
            {
                "log_level": LogLevel.critical,
                "log_failure": failure("two\nlines"),
                "log_format": "x",
            }
        )
        message = self._last()
        self.assertEqual(
            ("critical", "builtins.ValueError"), (message["level"], message["error_type"])
        )
        self.assertEqual("two\nlines", message["error"])
        self.assertIn("raise ValueError(text)", message["traceback"])
        self.assertNotIn("\n", message["traceback"])

    def test_secrets(self) -> None:
        """No secret is written, wherever it stands in an event."""
        self.log.info("a {key} b", key=f"x{SECRET}y")
        self.log.info(SECRET)
        self.log.info("x", request_id=SECRET)
        self.log.failure("x {key}", failure(f"key {SECRET}"), key=SECRET)
        self.assertEqual([], [line for line in self.lines if SECRET.encode() in line])
        self.assertEqual(4, len(self.lines))

    def test_no_half_secret(self) -> None:
        """Where a text is cut, no half of a secret is left, in a traceback neither."""
        for before in range(4096 - len(SECRET) - 20, 4096 + 2):
            text = "x" * before + SECRET
            self.log.info("{text}", text=text)
            self.assertNotIn(SECRET[:6].encode(), self.lines.pop())
        for before in range(4096 - len(SECRET) - 30, 4096 + 2, 3):
            self.log.failure("x", failure("x" * before + SECRET))
            self.assertNotIn(SECRET[:6].encode(), self.lines.pop())

    def test_sizes(self) -> None:
        """However large an event is, its line is not."""
        self.log.info("{text}", text="x" * 10_000_000)
        self.assertLess(len(self.lines[-1]), 5000)
        self.log.failure("x", failure("line\n" * 100_000 + "x" * 1_000_000))
        self.assertLess(len(self.lines[-1]), 20_000)

    def test_broken_events(self) -> None:
        """An event that cannot be formatted still makes a line, and nothing is raised."""

        class Broken:
            def __str__(self) -> str:
                raise ZeroDivisionError

            __repr__ = __str__

        events: list[dict[str, Any]] = [
            {},
            {"log_format": "{missing}"},
            {"log_format": "{x}", "x": Broken()},
            {"log_format": 5},
            {"log_format": "x", "log_level": None},
            {"log_format": "x", "log_level": "nonsense"},
            {"log_format": "x", "log_time": "yesterday"},
            {"log_format": "x", "log_namespace": Broken()},
            {"log_format": "x", "request_id": Broken()},
            {"log_format": "x", "log_failure": "none"},
            {"log_format": "x", "log_failure": Failure(ValueError("no traceback"))},
        ]
        for event in events:
            self.lines.clear()
            self.observer(event)
            with self.subTest(event=list(event)):
                self.assertEqual(1, len(self.lines))

    def test_a_sink_that_raises(self) -> None:
        """Twisted cuts an observer off that raises: this one does not."""

        def refuse(line: bytes) -> None:
            raise ZeroDivisionError(line)

        observer = MessageObserver(refuse, spell=json_message, redactor=Redactor())
        observer({"log_format": "x"})

    @given(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30))
    def test_one_line_whatever_comes(self, text: str, place: str) -> None:
        """One line that shows only what a terminal may, whatever the texts are."""
        event = {"log_format": "{text}", "text": text, "log_namespace": place}
        human: list[bytes] = []
        MessageObserver(human.append, spell=human_message, redactor=Redactor())(event)
        self.assertTrue(human[0].decode()[:-1].isprintable())
        self.lines.clear()
        self.observer(event)
        self.assertTrue(self.lines[0][:-1].decode("ascii").isprintable())
        self.assertIsInstance(self._last()["message"], str)


class SpellingTests(SynchronousTestCase):
    def test_human(self) -> None:
        """Time, level, place, text, and what went wrong."""
        message = Message(
            "T", "error", "a.b", "it\nfailed", "req_1", "x.Error", "why", "in f | in g"
        )
        self.assertEqual(
            b"T error a.b: it\\x0afailed [x.Error: why] in f | in g\n", human_message(message)
        )
        self.assertEqual(b"T info a.b: x\n", human_message(Message("T", "info", "a.b", "x")))

    def test_json(self) -> None:
        """What there is not has no key."""
        line = json_message(Message("T", "info", "a.b", "é"))
        self.assertEqual(
            b'{"time":"T","level":"info","namespace":"a.b","message":"\\u00e9"}\n', line
        )


class SecretsFromTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Values whose name says that they are credentials, each line of them."""
        environment = {
            "OPENAI_API_KEY": " key-1\n",
            "AWS_SECRET_ACCESS_KEY": "key-2",
            "AWS_ACCESS_KEY_ID": "key-3",
            "AWS_SESSION_TOKEN": "key-4",
            "AWS_BEARER_TOKEN_BEDROCK": "key-5",
            "GATEWAY_KEYS": "key-6\nkey-7\n",
            "DB_PASSWORD": "key-8",
            "magicgateway__providers__x__api_key": "key-9",
            "HOME": "no",
            "KEYBOARD": "no",
        }
        found = [secret.reveal() for secret in secrets_from(environment)]
        self.assertEqual([f"key-{number}" for number in range(1, 10)], found)


class JsonObserverTests(SynchronousTestCase):
    def test_as_twistd_uses_it(self) -> None:
        """What is logged before the reactor runs comes out at the end, filtered, as JSON lines."""
        code = (
            "from twisted.logger import Logger, globalLogBeginner\n"
            "from magicgateway.observe.logs import json_observer\n"
            "globalLogBeginner.beginLoggingTo([json_observer()], redirectStandardIO=False)\n"
            f"Logger('a').warn('key {SECRET}'); Logger('a').info('quiet')\n"
        )
        environment = {"MAGICGATEWAY_LOG": "warn", "OPENAI_API_KEY": SECRET, "PATH": "/usr/bin"}
        done = run(
            [sys.executable, "-c", code],
            capture_output=True, check=True, cwd=ROOT, env=environment, timeout=30,
        )  # fmt: skip
        lines = [decode(line) for line in done.stdout.splitlines()]
        self.assertEqual(["key [redacted]"], [line["message"] for line in lines])
        self.assertEqual(b"", done.stderr)

    def test_it_names_the_place(self) -> None:
        """The module says how twistd is told of it."""
        text = (Path(ROOT) / "magicgateway" / "observe" / "logs.py").read_text()
        self.assertIn("twistd --logger=magicgateway.observe.logs.json_observer", text)
