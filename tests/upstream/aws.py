"""What botocore's chain asks, played on real sockets; and the environment that leads it there."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from botocore.utils import ContainerMetadataFetcher
from twisted.trial.unittest import SynchronousTestCase

from tests.sockets import Peer, ScriptedServer


def answer(body: str, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return (head + body).encode()


def expiry(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def keys(name: str, seconds: float) -> bytes:
    """The answer of a service that gives keys, which end after so many seconds."""
    return answer(
        f'{{"Code": "Success", "AccessKeyId": "AKID{name}", "SecretAccessKey": "secret-{name}",'
        f' "Token": "token-{name}", "Expiration": "{expiry(seconds)}"}}'
    )


class CredentialService:
    """Answers one request per connection, the last answer again and again.

    ``gate``: while it is closed, no answer goes out.
    """

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.gate = threading.Event()
        self.gate.set()
        self.server = ScriptedServer(self._serve)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def asked(self) -> int:
        return len(self.server.requests())

    def stop(self) -> None:
        self.gate.set()
        self.server.stop()

    def _serve(self, peer: Peer) -> None:
        peer.read_request()
        self.gate.wait(10)
        peer.send(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        peer.close()


class AwsMachine:
    """A machine that botocore finds nothing on but what the test puts there."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self._case = case
        folder = tempfile.TemporaryDirectory()
        case.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        before = dict(os.environ)
        case.addCleanup(os.environ.update, before)
        case.addCleanup(os.environ.clear)
        for name in before:
            if name.startswith("AWS_"):
                del os.environ[name]
        os.environ.update(
            HOME=folder.name,
            AWS_CONFIG_FILE=str(self.folder / "config"),
            AWS_SHARED_CREDENTIALS_FILE=str(self.folder / "credentials"),
            AWS_EC2_METADATA_DISABLED="true",
        )
        # It would sleep a second between its tries.
        case.patch(ContainerMetadataFetcher, "SLEEP_TIME", 0)

    def set(self, variables: Mapping[str, str]) -> None:
        os.environ.update(variables)

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def service(self, *answers: bytes) -> CredentialService:
        service = CredentialService(*answers)
        self._case.addCleanup(service.stop)
        return service

    def ecs(self, *answers: bytes) -> CredentialService:
        """A container's service; the environment names it."""
        service = self.service(*answers)
        self.set({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{service.url}/keys"})
        return service
