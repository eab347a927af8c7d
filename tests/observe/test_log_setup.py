"""Where log lines go, and in which form."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import Logger, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.secret import Secret
from magicgateway.config.settings import LogSettings
from magicgateway.observe.log_setup import DAEMON_FILE, Logs, Twistd, open_logs
from tests.observe.sample import finished

KEY = Secret("a-key-that-nobody-may-see", "env:X")


class LogSetupTestCase(SynchronousTestCase):
    """A folder to log into."""

    def setUp(self) -> None:
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.folder = Path(keep.name).resolve()
        self.file = self.folder / "gateway.log"

    def opened(self, twistd: Twistd = Twistd(), **settings: Any) -> Logs:  # noqa: B008 - frozen
        """Logs; into ``self.file`` unless told otherwise."""
        settings.setdefault("file", str(self.file))
        logs = open_logs(LogSettings(**settings), twistd, Clock(), [KEY])
        self.addCleanup(logs.sink.stop)
        return logs

    def written(self, logs: Logs) -> list[str]:
        """Every line so far."""
        self.assertTrue(logs.sink.flush())
        return self.file.read_text().splitlines()


class TargetTests(LogSetupTestCase):
    """Where."""

    def test_where(self) -> None:
        """Flags of twistd beat the file; a daemon has a file, others have standard output."""
        before = Path.cwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        assert sys.__stdout__ is not None
        out = sys.__stdout__.fileno()
        there = self.folder
        for daemon, flag, file, target in (
            (False, "", "", out),
            (False, "", "a.log", str(there / "a.log")),
            (False, "b.log", "a.log", str(there / "b.log")),
            (False, "-", "a.log", out),
            (True, "", "", str(there / DAEMON_FILE)),
            (True, "", "a.log", str(there / "a.log")),
            (True, "b.log", "", str(there / "b.log")),
            (True, "-", "", out),
            (False, "", "-", out),
        ):
            with self.subTest(daemon=daemon, flag=flag, file=file):
                logs = self.opened(Twistd(daemon=daemon, file=flag), file=file)
                self.assertEqual(target, logs.sink._target)

    def test_no_standard_output(self) -> None:
        """Without standard output as Python knows it, descriptor 1 is used."""
        self.patch(sys, "__stdout__", None)
        self.assertEqual(1, self.opened(file="").sink._target)

    def test_nothing_yet(self) -> None:
        """Opening alone makes no file."""
        self.opened()
        self.assertFalse(self.file.exists())


class ReopenTests(LogSetupTestCase):
    """SIGUSR1, as logrotate sends it."""

    def said(self, logs: Logs) -> list[str]:
        """What is said of a reopening."""
        heard = EventLoggingObserver()
        globalLogPublisher.addObserver(heard)
        self.addCleanup(globalLogPublisher.removeObserver, heard)
        logs.reopen()
        return [formatEvent(event) for event in heard]

    def test_file(self) -> None:
        """A file that was renamed is begun again at once, and it is said."""
        logs = self.opened()
        logs.tell(["a"])
        self.assertEqual(["a"], self.written(logs))
        rotated = self.file.rename(self.folder / "gateway.log.1")
        self.assertEqual(["SIGUSR1: the log file is opened anew"], self.said(logs))
        self.assertEqual(([], "a\n"), (self.written(logs), rotated.read_text()))

    def test_no_file(self) -> None:
        """Where there is no file nothing happens but a line that says so."""
        logs = self.opened(file="-")
        self.assertEqual(["SIGUSR1 is not used: the log does not go to a file"], self.said(logs))


class FormTests(LogSetupTestCase):
    """In which form."""

    def test_human(self) -> None:
        """Human on request, or by itself on a terminal; JSON otherwise, in files always."""
        assert sys.__stdout__ is not None
        ours, terminal = os.openpty()
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, terminal)
        with os.fdopen(os.dup(terminal), "w") as stdout:
            self.patch(sys, "__stdout__", stdout)
            for form, file, human in (
                ("auto", "", True),
                ("json", "", False),
                ("human", "", True),
                ("auto", str(self.file), False),
                ("human", str(self.file), True),
            ):
                with self.subTest(form=form, file=file):
                    self.assertEqual(human, self.opened(format=form, file=file).human)

    def test_request_lines(self) -> None:
        """A request is one line, in the chosen form."""
        for form, begins in (("json", '{"time":"'), ("human", "2026-")):
            logs = self.opened(format=form)
            watch = logs.request_watcher("req_")
            assert watch is not None
            watch(finished())
            self.assertTrue(self.written(logs)[-1].startswith(begins))
            self.assertIn("req_0001", self.written(logs)[-1])

    def test_messages(self) -> None:
        """A message is one line, in the chosen form."""
        for form, begins in (("json", '{"time":"'), ("human", "2")):
            logs = self.opened(format=form)
            Logger(observer=logs.observer).warn("careful with {what}", what="that")
            self.assertTrue(self.written(logs)[-1].startswith(begins))
            self.assertIn("careful with that", self.written(logs)[-1])

    def test_banner(self) -> None:
        """Lines for a person go out as they are."""
        logs = self.opened(format="human")
        logs.tell(["MagicGateway listens", "  café \udc80"])
        self.assertEqual(["MagicGateway listens", "  café \\udc80"], self.written(logs))


class ContentTests(LogSetupTestCase):
    """What is let through."""

    def test_levels(self) -> None:
        """Requests are logged at info; messages from their level on."""
        for level, requests, messages in (
            ("debug", True, 2),
            ("info", True, 2),
            ("warn", False, 1),
            ("error", False, 0),
            ("off", False, 0),
        ):
            with self.subTest(level):
                self.file.unlink(missing_ok=True)
                logs = self.opened(level=level)
                self.assertEqual(requests, logs.request_watcher("req_") is not None)
                speaker = Logger(observer=logs.observer)
                speaker.info("one")
                speaker.warn("two")
                logs.sink.write(b"end\n")
                self.assertEqual(messages + 1, len(self.written(logs)))

    def test_secrets(self) -> None:
        """No secret gets into a line of any kind."""
        for form in ("json", "human"):
            logs = self.opened(format=form)
            watch = logs.request_watcher("req_")
            assert watch is not None
            watch(finished(detail=f"they said {KEY.reveal()}", model=KEY.reveal()))
            Logger(observer=logs.observer).error("{text}", text=KEY.reveal())
            text = "\n".join(self.written(logs))
            self.assertNotIn(KEY.reveal(), text)
            self.assertIn("[redacted]", text)

    def test_json(self) -> None:
        """Lines are JSON objects with a time."""
        logs = self.opened()
        Logger(observer=logs.observer).error("{text}", text='quotes " and\nlines')
        record = msgspec.json.decode(self.written(logs)[-1])
        self.assertEqual(("error", 'quotes " and\nlines'), (record["level"], record["message"]))
