"""Claude Code and Codex in front of the real daemon, with the demo provider behind it.

Outside of the ordinary suite, because the clients are large: ``make test-clients``.
"""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.daemon import Daemon, clean_environment
from tests.demo_process import DemoProcess
from tests.house import ROOT

PROGRAMS = ROOT / "tests" / "clients" / "node_modules" / ".bin"
SECONDS = 120
TOML = """
[providers.compatible]
dialect = "openai"
base_url = "{demo}/v1"
[providers.anthropic]
base_url = "{demo}/v1"
[providers.bedrock]
base_url = "{demo}"
"""
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_REGION": "eu-central-1",
    "ANTHROPIC_API_KEY": "sk-ant-of-the-operator",
}
"""The operator's; the clients have no keys of their own."""
PLACEHOLDER = "not-needed"
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-pro-v1:0"
QUESTION = "What is the weather?"
CODEX = """
model = "{model}"
model_provider = "gateway"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.gateway]
name = "gateway"
base_url = "{address}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
http_headers = {{ "x-provider" = "{provider}" }}
request_max_retries = 0
stream_max_retries = 0
"""
Json = dict[str, Any]


@functools.cache
def daemon() -> Daemon:
    """The gateway, started by whoever asks first."""
    demo = DemoProcess().start()
    atexit.register(demo.stop)
    running = Daemon(toml=TOML.replace("{demo}", demo.address), environment=ENVIRONMENT).start()
    atexit.register(running.__exit__)
    return running


@frozen
class Ran:
    """What a client printed, a JSON object a line, and what the gateway logged of its requests."""

    events: list[Json]
    requests: list[Json]


def run(command: list[str], path: str, files: Mapping[str, str], **variables: str) -> Ran:
    """Run a client in a home and a folder of its own.

    Args:
        command: The program's name and its arguments.
        path: Which requests of it are looked at.
        files: Text by path below its home.
        **variables: Of its environment.

    Raises:
        AssertionError: It failed.
    """
    before = len(_logged(path))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        work = home / "work"
        work.mkdir()
        for name, text in files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text)
        ran = subprocess.run(
            [str(PROGRAMS / command[0]), *command[1:]],
            cwd=work,
            env=clean_environment({"HOME": folder, **variables}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    said = ran.stdout.decode()
    assert ran.returncode == 0, said + ran.stderr.decode()
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return Ran(events, _logged(path)[before:])


def _logged(path: str) -> list[Json]:
    lines = (line for line in daemon().said.splitlines() if line.startswith("{"))
    records = (json.loads(line) for line in lines if line.endswith("}"))
    return [record for record in records if record.get("path") == path]


def claude(provider: str, model: str, prompt: str, *tools: str) -> Ran:
    """A one-shot run of Claude Code, which has these of its tools."""
    offered = ["--tools", ",".join(tools)] if tools else []
    output = ["--output-format", "stream-json", "--verbose", "--max-turns", "4"]
    return run(
        ["claude", "-p", prompt, *output, *offered],
        "/v1/messages",
        {},
        ANTHROPIC_BASE_URL=daemon().address,
        ANTHROPIC_API_KEY=PLACEHOLDER,
        ANTHROPIC_CUSTOM_HEADERS=f"x-provider: {provider}",
        ANTHROPIC_MODEL=model,
        ANTHROPIC_DEFAULT_HAIKU_MODEL=model,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1",
    )


def codex(provider: str, model: str, prompt: str) -> Ran:
    """A one-shot run of Codex."""
    config = CODEX.format(address=daemon().address, provider=provider, model=model)
    return run(
        ["codex", "exec", "--json", "--skip-git-repo-check", "--sandbox", "read-only", prompt],
        "/v1/responses",
        {".codex/config.toml": config},
        GATEWAY_KEY=PLACEHOLDER,
    )


class ClientTestCase(SynchronousTestCase):
    """What holds of every run."""

    def assert_served(self, ran: Ran, provider: str, least: int) -> None:
        """Check that all requests went well, and that there were so many of them at least."""
        ways = {(record["provider"], record["status"]) for record in ran.requests}
        self.assertEqual({(provider, 200)}, ways)
        self.assertGreaterEqual(len(ran.requests), least)
        self.assertEqual({"completed"}, {record["outcome"] for record in ran.requests})
        self.assertTrue(all(record["usage"]["output"] for record in ran.requests))


class ClaudeCodeTests(ClientTestCase):
    """Claude Code, which speaks Messages."""

    def _text(self, provider: str, model: str) -> None:
        ran = claude(provider, model, QUESTION, "TaskList")
        result = ran.events[-1]
        self.assertEqual(("success", False), (result["subtype"], result["is_error"]))
        self.assertEqual("end_turn", result["stop_reason"])
        self.assertTrue(result["result"].strip())
        self.assertGreater(result["usage"]["output_tokens"], 0)
        self.assert_served(ran, provider, 1)

    def _tool(self, provider: str, model: str) -> None:
        ran = claude(provider, model, "Please use the TaskList tool.", "TaskList")
        blocks = [
            block
            for event in ran.events
            if event["type"] in ("assistant", "user")
            for block in event["message"]["content"]
        ]
        called = [block for block in blocks if block["type"] == "tool_use"]
        answered = [block for block in blocks if block["type"] == "tool_result"]
        self.assertEqual({"TaskList"}, {block["name"] for block in called})
        self.assertEqual(
            {block["id"] for block in called}, {block["tool_use_id"] for block in answered}
        )
        self.assertFalse([block for block in answered if block.get("is_error")])
        self.assertEqual("success", ran.events[-1]["subtype"])
        self.assertTrue(ran.events[-1]["result"].strip())
        self.assert_served(ran, provider, 2)

    def test_compatible_text(self) -> None:
        """An OpenAI-compatible provider answers it."""
        self._text("compatible", "demo")

    def test_compatible_tool(self) -> None:
        """An OpenAI-compatible provider calls its tool, and goes on with the result."""
        self._tool("compatible", "demo")

    def test_all_tools(self) -> None:
        """All tools it comes with can be declared to whoever answers."""
        for provider, model in (("compatible", "demo"), ("bedrock", CLAUDE), ("bedrock", NOVA)):
            ran = claude(provider, model, QUESTION)
            self.assertEqual(("success", False), _ended(ran.events[-1]), (provider, model))
            self.assert_served(ran, provider, 1)

    def test_bedrock_text(self) -> None:
        """Bedrock answers it: Claude in its own words, and another maker's model."""
        self._text("bedrock", CLAUDE)
        self._text("bedrock", NOVA)

    def test_bedrock_tool(self) -> None:
        """Bedrock's models call its tool, and go on with the result."""
        self._tool("bedrock", CLAUDE)
        self._tool("bedrock", NOVA)


def _ended(result: Json) -> tuple[str, bool]:
    return result["subtype"], result["is_error"]


class CodexTests(ClientTestCase):
    """Codex, which speaks Responses, and declares tools of all kinds in each request."""

    def _text(self, provider: str, model: str) -> None:
        ran = codex(provider, model, QUESTION)
        self._completed(ran)
        self.assert_served(ran, provider, 1)

    def _tool(self, provider: str, model: str) -> None:
        ran = codex(provider, model, "Please call get_goal.")
        self._completed(ran)
        # The call itself is not among its events; that it asked again with the result is.
        self.assert_served(ran, provider, 2)

    def _completed(self, ran: Ran) -> None:
        self.assertEqual("turn.completed", ran.events[-1]["type"])
        self.assertGreater(ran.events[-1]["usage"]["output_tokens"], 0)
        items = [event["item"] for event in ran.events if event["type"] == "item.completed"]
        self.assertEqual("agent_message", items[-1]["type"])
        self.assertTrue(items[-1]["text"].strip())

    def test_anthropic_text(self) -> None:
        """Anthropic answers it."""
        self._text("anthropic", "claude-haiku-4-5")

    def test_anthropic_tool(self) -> None:
        """Anthropic calls its tool, and goes on with the result."""
        self._tool("anthropic", "claude-haiku-4-5")

    def test_bedrock_text(self) -> None:
        """Bedrock answers it: Claude, and another maker's model."""
        self._text("bedrock", CLAUDE)
        self._text("bedrock", NOVA)

    def test_bedrock_tool(self) -> None:
        """Bedrock's models call its tool, and go on with the result."""
        self._tool("bedrock", CLAUDE)
        self._tool("bedrock", NOVA)
