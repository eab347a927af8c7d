"""Secrets planted in every place where one can come in; none comes out where it should not."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.daemon import Daemon, clean_environment
from tests.gateway import exchange_bytes
from tests.integration.asking import Answer, ask
from tests.sockets import Peer, ScriptedServer

PLACES = (
    "authorization", "x-api-key", "api-key", "x-goog-api-key", "x-magicapi-api-key",
    "x-magicgateway-key", "x-aws-access-key-id", "x-aws-secret-access-key",
    "x-aws-session-token", "cookie", "proxy-authorization", "x-amz-security-token", "referer",
    "user-agent", "x-own-secret",
)  # fmt: skip
"""Header fields of a caller's request."""
CANARY = {
    place: f"cnry{number:02d}{''.join(filter(str.isalnum, place))}Zq7"
    for number, place in enumerate(
        (
            *PLACES, "query", "key in query", "user info", "prompt", "system", "tool", "image",
            "bad json", "bad head", "bad header", "form", "completion", "provider cookie",
            "provider garbage", "virtual key", "environment", "configured", "configured header",
            "dotenv", "file", "other provider",
        )
    )
}  # fmt: skip
CANARY["path"] = "sk-cnry99pathZq7" + 24 * "0"
"""A path is logged, so this one has to look like what it is."""
NEVER_UPSTREAM = (
    "x-magicgateway-key", "x-aws-access-key-id", "x-aws-secret-access-key", "x-aws-session-token",
    "cookie", "proxy-authorization", "x-amz-security-token", "x-own-secret", "virtual key",
    "environment", "dotenv", "other provider", "referer",
)  # fmt: skip
TOML = """
[providers.openai]
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:MY_OWN_NAME"
headers = {{ "x-organisation" = "{header}" }}
[providers.anthropic]
base_url = "https://127.0.0.1:{port}/v1"
[providers.groq]
base_url = "http://127.0.0.1:{closed}/v1"
api_key = "file:{file}"
[timeouts]
connect = 0.5
[log]
level = "debug"
"""


def provide(peer: Peer) -> None:
    """Be the worst provider: what the request's model names is what happens."""
    while True:
        request = peer.read_request()
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        credential = next((x for x in lines if x.lower().startswith(b"authorization")), b"")
        cookie = b"Set-Cookie: session=%b\r\n" % CANARY["provider cookie"].encode()
        if b'"echo"' in body:
            text = b'{"error":{"message":"Incorrect API key: %b"}}' % credential
            status = b"401 Unauthorized"
        elif b'"garbage"' in body:
            peer.send(
                b"HTTP/1.1 200 OK\r\n%b %b\r\n\r\n"
                % (CANARY["provider garbage"].encode(), credential)
            )
            peer.close()
            return
        elif b'"cut"' in body:
            event = b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % (
                CANARY["completion"].encode()
            )
            peer.send(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n"
                b"%b\r\n%b" % (cookie, event)
            )
            peer.close()
            return
        else:
            text = b'{"choices":[{"message":{"content":"%b"}}]}' % CANARY["completion"].encode()
            status = b"200 OK"
        peer.send(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b"
            % (status, cookie, len(text), text)
        )


def body(model: str, *, stream: bool = False) -> bytes:
    """A chat with a canary in each kind of content."""
    image = {"url": f"data:image/png;base64,{CANARY['image']}"}
    content = [
        {"type": "text", "text": CANARY["prompt"]},
        {"type": "image_url", "image_url": image},
    ]
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": CANARY["tool"]}}
    return json.dumps(
        {
            "model": model,
            "stream": stream,
            "messages": [
                {"role": "system", "content": CANARY["system"]},
                {"role": "user", "content": content},
                {"role": "assistant", "tool_calls": [call]},
            ],
        }
    ).encode()


class CanaryTests(SynchronousTestCase):
    """One daemon for each way to run it, and everything that was said."""

    def setUp(self) -> None:
        self.provider = ScriptedServer(provide)
        self.addCleanup(self.provider.stop)
        with socket.create_server(("127.0.0.1", 0)) as closed:
            self.closed = closed.getsockname()[1]
        self.emitted: dict[str, bytes] = {}
        self.allowed: dict[str, set[str]] = {}

    def start(self, toml: str = "", *twistd: str) -> Daemon:
        """A daemon with a secret in each of its own inputs."""
        daemon = Daemon(
            environment={
                "MY_OWN_NAME": CANARY["configured"],
                "ANTHROPIC_API_KEY": CANARY["environment"],
                "MISTRAL_API_KEY": CANARY["other provider"],
                "TEAM": CANARY["virtual key"],
            },
            twistd=("-n", "--pidfile=", *twistd),
            toml=" ",
        )
        (daemon.folder / "secret").write_text(CANARY["file"] + "\n")
        (daemon.folder / ".env").write_text(f"TOGETHER_API_KEY={CANARY['dotenv']}\n")
        (daemon.folder / "gateway.toml").write_text(
            TOML.format(
                port=self.provider.port,
                closed=self.closed,
                header=CANARY["configured header"],
                file=daemon.folder / "secret",
            )
            + toml
        )
        daemon.start()
        self.addCleanup(daemon.__exit__)
        return daemon

    def keep(self, name: str, data: bytes | Answer, *allowed: str) -> None:
        """Remember what was said, and which canaries the provider itself put there."""
        if isinstance(data, Answer):
            data = repr(data.fields).encode() + data.body
        self.emitted[name] = data
        self.allowed[name] = set(allowed)

    def ask_everything(self, port: int, **virtual: str) -> None:
        """Every kind of request, with secrets in it; ``virtual``: the key of a closed gateway."""
        everywhere = {place: CANARY[place] for place in PLACES} | {
            "authorization": f"Bearer {CANARY['authorization']}",
            "cookie": f"session={CANARY['cookie']}",
            "content-type": "application/json",
            **virtual,
        }
        one = {"content-type": "application/json", **virtual}
        query = f"?key={CANARY['key in query']}&q={CANARY['query']}"
        said = ("completion", "provider cookie")

        def send(name: str, path: str, content: bytes, headers: Any, *allowed: str) -> None:
            answer = ask(port, path + query, method="POST", headers=headers, body=content)
            self.keep(name, answer, *allowed)

        for place in PLACES[:6]:
            value = f"Bearer {CANARY[place]}" if place == "authorization" else CANARY[place]
            for model in ("ok", "echo"):
                headers = {"content-type": "application/json", place: value, **virtual}
                allowed = ("configured", place) if model == "echo" else said
                send(f"{place} {model}", "/v1/chat/completions", body(model), headers, *allowed)
        send("ok", "/v1/chat/completions", body("ok"), everywhere, *said)
        send("garbage", "/v1/chat/completions", body("garbage"), everywhere)
        send("operator's", "/v1/chat/completions", body("garbage"), one)
        send("cut", "/v1/chat/completions", body("cut", stream=True), everywhere, *said)
        send("tls", "/v1/messages", body("ok"), everywhere)
        send("tls operator's", "/v1/messages", body("ok"), one)
        send("closed port", "/groq/v1/chat/completions", body("ok"), one)
        send("no key", "/together/v1/nowhere", body("ok"), {**one, "x-own-secret": "1"})
        bad = b'{"model":"ok","messages":[{"content":"%b"},,' % CANARY["bad json"].encode()
        send("bad json", "/v1/chat/completions", bad, everywhere)
        form = f'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n{CANARY["form"]}\r\n--b--'
        multipart = {**everywhere, "content-type": "multipart/form-data; boundary=b"}
        send("form", "/v1/audio/transcriptions", form.encode(), multipart, *said)
        send("nowhere", "/nowhere", body("ok"), everywhere)
        send("path", f"/v1/files/{CANARY['path']}/content", b"", everywhere, *said)
        self.keep("models", ask(port, f"/v1/models{query}", headers=everywhere), *said)
        for name, head in (
            ("bad head", f"GET /{CANARY['bad head']} HTTP/1.1\r\nx y: {CANARY['bad header']}\r\n"),
            ("no host", f"GET / HTTP/1.1\r\nAuthorization: Bearer {CANARY['bad header']}\r\n"),
            ("user info", f"GET http://{CANARY['user info']}@h/ HTTP/1.1\r\nHost: h\r\n"),
        ):
            self.keep(name, exchange_bytes(port, f"{head}Connection: close\r\n\r\n".encode()))

    def check(self, daemon: Daemon, *logs: Path) -> None:
        """No canary is anywhere, except where the provider itself sent it."""
        self.keep("metrics", ask(daemon.port, "/metrics"))
        self.assertEqual(0, daemon.stop())
        for path in (daemon.folder / "said.txt", *logs):
            self.keep(str(path), path.read_bytes())
        leaks = [
            f"{place} in {name}: {line!r}"
            for name, data in self.emitted.items()
            for line in data.split(b"\n")
            for place, canary in CANARY.items()
            if canary.encode() in line and place not in self.allowed[name]
        ]
        self.assertEqual([], leaks)

    def check_upstream(self) -> None:
        """The provider never saw what is not for it."""
        requests = b"".join(self.provider.requests())
        leaks = [place for place in NEVER_UPSTREAM if CANARY[place].encode() in requests]
        self.assertEqual([], leaks)

    def test_enough(self) -> None:
        """There are at least 30 of them, all different, and none is part of another."""
        self.assertGreaterEqual(len(CANARY), 30)
        inside = [a for a in CANARY.values() for b in CANARY.values() if a != b and a in b]
        self.assertEqual((len(CANARY), []), (len(set(CANARY.values())), inside))

    def test_open(self) -> None:
        """An open gateway with JSON lines on standard output."""
        daemon = self.start()
        self.ask_everything(daemon.port)
        self.check(daemon)
        self.check_upstream()
        seen = b"".join(self.provider.requests())
        for place in ("authorization", "x-api-key", "configured", "configured header", "prompt"):
            self.assertIn(CANARY[place].encode(), seen)  # so it was on its way at all

    def test_closed(self) -> None:
        """A closed gateway with lines for people in a file."""
        toml = 'format = "human"\nfile = "gateway.log"\n[server]\nkeys = ["env:TEAM"]'
        daemon = self.start(toml)
        self.ask_everything(daemon.port)  # none of it is a virtual key
        self.ask_everything(daemon.port, **{"x-magicgateway-key": CANARY["virtual key"]})
        self.check(daemon, daemon.folder / "gateway.log")
        self.check_upstream()

    def test_commands(self) -> None:
        """What the commands print of settings and providers; headers are shown, as documented."""
        daemon = self.start()
        for command in ("check", "providers"):
            ended = subprocess.run(
                [sys.executable, "-m", "magicgateway", command, "-c", "gateway.toml"],
                cwd=daemon.folder,
                env=clean_environment(
                    {"MY_OWN_NAME": CANARY["configured"], "GROQ_API_KEY": CANARY["environment"]}
                ),
                capture_output=True,
                timeout=20,
                check=False,
            )
            self.assertEqual(0, ended.returncode, ended.stderr)
            self.keep(command, ended.stdout + ended.stderr, "configured header")
        self.check(daemon)
