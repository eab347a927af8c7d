"""One running daemon for all tests of a process that only ask it, with every provider at hand.

Trial knows no fixtures of classes, so it starts when it is first asked for and ends with the
process. Each provider of ``PROVIDERS`` is a demo provider of its own process; ``x-provider: demo``
is the daemon's own one.
"""

from __future__ import annotations

import atexit
import functools
import json
import time
from typing import Any

from attrs import frozen

from tests.daemon import Daemon
from tests.demo_process import DemoProcess

PROVIDERS = ("openai", "anthropic", "groq", "fireworks", "together", "local")
KEY = "sk-of-the-caller-0123456789"


@frozen
class Running:
    """The daemon and the provider behind it."""

    daemon: Daemon
    provider: DemoProcess

    @property
    def address(self) -> str:
        """The daemon's, as a URL without a path."""
        return self.daemon.address

    def logged(self, request_id: str, seconds: float = 5.0) -> dict[str, Any]:
        """The log line of a request, once it has been written.

        Raises:
            AssertionError: It is not.
        """
        end = time.monotonic() + seconds
        while True:
            for line in self.daemon.said.splitlines():
                if request_id in line and line.startswith("{") and line.endswith("}"):
                    record: dict[str, Any] = json.loads(line)
                    if record.get("request_id") == request_id:
                        return record
            if time.monotonic() > end:
                raise AssertionError(f"no log line of {request_id}:\n{self.daemon.said[-4000:]}")
            self.daemon.pause()


@functools.cache
def running() -> Running:
    """The daemon, started by whoever asks first."""
    provider = DemoProcess().start()
    atexit.register(provider.stop)
    environment = {
        f"MAGICGATEWAY__PROVIDERS__{name.upper()}__BASE_URL": f"{provider.address}/v1"
        for name in PROVIDERS
    }
    environment["MAGICGATEWAY__PROVIDERS__BEDROCK__BASE_URL"] = provider.address
    environment["MAGICGATEWAY__PROVIDERS__LOCAL__DIALECT"] = "openai"
    environment["MAGICGATEWAY__PROVIDERS__LOCAL__API_KEY"] = "env:LOCAL_API_KEY"
    environment["LOCAL_API_KEY"] = KEY
    daemon = Daemon("--demo", environment=environment)
    daemon.start()
    atexit.register(daemon.__exit__)
    return Running(daemon, provider)
