"""Blocking HTTP with plain sockets, for tests whose gateway is another process."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from attrs import frozen
from prometheus_client.parser import text_string_to_metric_families

from tests.daemon import Daemon

SECONDS = 15.0


@frozen
class Answer:
    """A whole answer; header names are in lower case."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error of the gateway's own."""
        return str(self.content["error"]["code"])


def ask(
    port: int,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    host: str = "127.0.0.1",
    source: str = "",
) -> Answer:
    """One request on a connection of its own.

    Args:
        port: The gateway's.
        path: With the query, if there is one.
        method: GET, POST ...
        headers: As they are; ``Host`` is made up if it is not there.
        body: For POST.
        host: Where the gateway is called.
        source: The caller's own address, if it matters.
    """
    connection = http.client.HTTPConnection(
        host, port, timeout=SECONDS, source_address=(source, 0) if source else None
    )
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, fields, answer.read())
    finally:
        connection.close()


def chat_body(model: str = "demo", *, stream: bool = False, text: str = "Hello") -> bytes:
    """A chat request's body."""
    message = {"role": "user", "content": text}
    return json.dumps({"model": model, "stream": stream, "messages": [message]}).encode()


def chat(port: int, model: str = "demo", *, text: str = "Hello", **headers: str) -> Answer:
    """A chat with the demo provider, or with the one that ``provider`` names.

    Further keywords are header fields, with ``_`` for ``-``.
    """
    fields = {"x-provider": headers.pop("provider", "demo"), "content-type": "application/json"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(
        port,
        "/v1/chat/completions",
        method="POST",
        headers=fields,
        body=chat_body(model, text=text),
    )


class Stream:
    """A streamed chat with the demo provider that is under way; a context manager.

    Args:
        port: The gateway's.
        model: A model of the demo provider's, with its faults.
        stream: False: an answer that is not streamed, but not waited for either.
    """

    def __init__(self, port: int, model: str, *, stream: bool = True) -> None:
        body = chat_body(model, stream=stream)
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._socket.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-provider: demo\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        self.received = b""

    def begun(self) -> Self:
        """Once the first events are there."""
        while b"data: " not in self.received:
            self._more()
        return self

    def rest(self) -> bytes:
        """Everything, once the gateway has closed the connection or the stream has ended."""
        while not self.received.endswith(b"0\r\n\r\n") and self._more():
            pass
        return self.received

    def _more(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            return False
        self.received += data
        return bool(data)

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def eventually(daemon: Daemon, condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """What a condition gives, once it gives something; the daemon must live meanwhile.

    A connection that is refused or reset is no more than "not yet".

    Raises:
        AssertionError: It does not in time.
    """
    end = time.monotonic() + seconds
    while not (found := _attempted(condition)):
        if time.monotonic() > end:
            raise AssertionError(f"it did not happen within {seconds:g} s; said:\n{daemon.said}")
        daemon.pause()
    return found


def _attempted(condition: Callable[[], Any]) -> Any:
    try:
        return condition()
    except (ConnectionError, http.client.BadStatusLine):
        return None


def figures(port: int, name: str, **labels: str) -> list[float]:
    """The values of a metric's samples that have these labels, of those that are there."""
    text = ask(port, "/metrics").body.decode()
    return [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
