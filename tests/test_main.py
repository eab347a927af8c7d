"""The console script's own part; what it starts is tested with the running daemon."""

from __future__ import annotations

import io
import os
import sys

from twisted.scripts import twistd
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.__main__ import USAGE, main

TWISTD = ["twistd", "--nodaemon", "--pidfile=", "--no_save", "magicgateway"]


class MainTests(SynchronousTestCase):
    """Commands."""

    def setUp(self) -> None:
        self.out, self.errors = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "__stderr__", self.errors)
        self.patch(sys, "argv", ["magicgateway"])
        self.started: list[list[str]] = []
        self.patch(twistd, "run", lambda: self.started.append(sys.argv))
        for name in ("MAGICGATEWAY_CONFIG", "OPENAI_API_KEY"):
            value = os.environ.pop(name, None)
            if value is not None:
                self.addCleanup(os.environ.__setitem__, name, value)

    def test_usage(self) -> None:
        """``--help``, ``-h`` and ``help`` list the commands and start nothing."""
        for word in ("--help", "-h", "help"):
            self.out.truncate(self.out.seek(0))
            main([word])
            self.assertEqual((USAGE, []), (self.out.getvalue(), self.started))

    def test_twistd(self) -> None:
        """Each command is twistd in the foreground; without one it is ``run``."""
        for given, rest in (
            ([], []),
            (["--port", "3000"], ["--port", "3000"]),
            (["run", "--port", "3000"], ["--port", "3000"]),
            (["check", "--config", "g.toml"], ["--config", "g.toml", "--check-config"]),
            (["demo", "--port", "3000"], ["--demo", "--port", "3000"]),
        ):
            main(given)
            self.assertEqual([*TWISTD, *rest], self.started[-1])

    def test_own_arguments(self) -> None:
        """Without arguments given, those of the process count."""
        self.patch(sys, "argv", ["magicgateway", "demo"])
        main()
        self.assertEqual([*TWISTD, "--demo"], self.started[-1])

    def test_interrupted(self) -> None:
        """Ctrl-C before anything runs ends with status 130, and without a traceback."""

        def interrupt() -> None:
            raise KeyboardInterrupt

        self.patch(twistd, "run", interrupt)
        self.assertEqual(130, self.assertRaises(SystemExit, main, ["run"]).code)
        self.assertEqual("", self.errors.getvalue())

    def test_unknown(self) -> None:
        """An unknown command ends with status 1 and one sentence."""
        ended = self.assertRaises(SystemExit, main, ["serve"])
        # A text as the code goes to standard error, with status 1.
        self.assertEqual(
            "magicgateway: there is no command 'serve'; magicgateway --help lists them", ended.code
        )

    def test_providers(self) -> None:
        """``providers`` prints the table and starts nothing."""
        main(["providers"])
        self.assertIn("https://api.groq.com/openai/v1", self.out.getvalue())
        self.assertEqual([], self.started)

    def test_providers_fails(self) -> None:
        """``providers`` says what is wrong with the settings, or with its options."""
        for arguments, said in (
            (["--config", "/nonexistent.toml"], "the configuration file cannot be read"),
            (["--bogus"], "option --bogus not recognized"),
            (["--port", "0"], "providers takes --config only"),
            (["--demo", "-c", "x.toml"], "providers takes --config only"),
        ):
            ended = self.assertRaises(SystemExit, main, ["providers", *arguments])
            self.assertEqual(1, ended.code)
            self.assertIn(said, self.errors.getvalue())
