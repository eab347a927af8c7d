from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.log_level import LEVELS, level_from, level_in, level_named


class LevelTests(SynchronousTestCase):
    def test_words(self) -> None:
        """Every level is known by its name in any case, and by names of other programs."""
        cases = [
            *((level, level) for level in LEVELS),
            ("warn", " WARNING "),
            ("debug", "Trace"),
            ("error", "critical"),
            ("error", "fatal"),
            (None, "verbose"),
            (None, ""),
        ]
        for expected, word in cases:
            with self.subTest(word=word):
                self.assertEqual(expected, level_named(word))

    def test_directives(self) -> None:
        """The first level without a module counts; modules are passed over."""
        cases = [
            ("warn", "warn,hyper=debug"),
            ("error", "hyper=debug, error"),
            (None, "hyper=debug"),
            (None, ""),
        ]
        for expected, text in cases:
            with self.subTest(text=text):
                self.assertEqual(expected, level_in(text))

    def test_environment(self) -> None:
        """The first variable that names a level decides; without any it is info."""
        cases = [
            ("info", {}),
            ("debug", {"MAGICGATEWAY_LOG": "debug", "LOG_LEVEL": "warn", "RUST_LOG": "error"}),
            ("warn", {"LOG_LEVEL": "WARN", "RUST_LOG": "error"}),
            ("error", {"LOG_LEVEL": "very much", "RUST_LOG": "magicapi=debug,error"}),
            ("off", {"RUST_LOG": "off"}),
        ]
        for expected, environment in cases:
            with self.subTest(environment=environment):
                self.assertEqual(expected, level_from(environment))
