from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.unfit import Origin


class OriginTests(SynchronousTestCase):
    def test_error_says_where(self) -> None:
        """An error names the source, the key, and the variable when it was one."""
        cases = [
            ("gw.toml: a.b: bad", Origin("gw.toml")),
            ("environment: a.b: bad (given by PORT)", Origin("environment", "PORT")),
        ]
        for expected, origin in cases:
            error = origin.error("bad", "a.b")
            self.assertEqual(expected, str(error))
            self.assertEqual((origin.source, "a.b"), (error.source, error.key))
