"""Reading this dialect and writing it again: the same, up to what ``dialects.md`` lists."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.dialects.openai_responses.judge import (
    CLOSED,
    HI,
    Json,
    again,
    body,
    call,
    function,
    output,
    says,
)
from tests.dialects.openai_responses.test_item_writer import MIXED
from tests.dialects.openai_responses.test_part_writer import PARTS
from tests.dialects.openai_responses.test_settings_writer import SETTINGS
from tests.dialects.openai_responses.test_tool_writer import TOOLS

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
PHASES = st.sampled_from(["commentary", "final_answer"])
ENCRYPTED = {"include": ["reasoning.encrypted_content"]}


def _told(text: str, number: int, phase: str) -> Json:
    parts = [{"type": "output_text", "text": text, "annotations": []}]
    return says("assistant", parts, id=f"msg_{number}", status="completed", phase=phase)


ITEMS = st.one_of(
    st.sampled_from(MIXED),
    st.builds(lambda text: says("user", text), WORDS),
    st.builds(lambda parts: says("user", parts),
              st.lists(st.sampled_from(PARTS), min_size=1, max_size=3)),
    st.builds(_told, WORDS, st.integers(0, 99), PHASES),
    st.builds(lambda text: says("assistant", text), WORDS),
    st.builds(lambda n, text: call(f"c{n}", "f", text), st.integers(0, 9), WORDS),
    st.builds(lambda n, text: output(f"c{n}", text), st.integers(0, 9), WORDS),
)  # fmt: skip
REQUESTS = st.builds(
    lambda items, chosen, tools, odd: {
        **ENCRYPTED, **body(*items), **{k: v for one in chosen for k, v in one.items()},
        **({"tools": tools} if tools else {}), **({"odd": odd} if odd else {}),
    },
    st.lists(ITEMS, min_size=1, max_size=8),
    st.lists(st.sampled_from(SETTINGS), max_size=4),
    st.lists(st.sampled_from(TOOLS), max_size=4, unique_by=id),
    st.none() | WORDS,
)  # fmt: skip
NO_TYPE = {"role": "user", "content": "hi"}
TEXT = {"type": "output_text", "text": "a", "annotations": []}
SHELL = {"type": "local_shell_call", "id": "l", "call_id": "c", "status": "completed"}
SAME: list[tuple[Json, Json]] = [
    (body(NO_TYPE, **ENCRYPTED), body(HI)),
    ({"model": "m", "input": "hi", "store": True}, {"model": "m", "input": "hi"}),
    (body(HI, temperature=None), body(HI)),
    (body(HI, stream=False), body(HI)),
    (body(HI, max_output_tokens=20.0), body(HI, max_output_tokens=20)),
    (body(HI, tools=[]), body(HI)),
    (body(HI, tool_choice="auto"), body(HI)),
    (body(HI, parallel_tool_calls=True), body(HI)),
    (body(HI, reasoning={"generate_summary": "auto"}), body(HI, reasoning={"summary": "auto"})),
    (body(HI, tools=[function(strict=None)]),
     body(HI, tools=[{k: v for k, v in function().items() if k != "strict"}])),
    (body(HI, tools=[function(parameters=None)]),
     body(HI, tools=[function(parameters={"type": "object", "properties": {}})])),
    (body(says("assistant", [TEXT])), body(says("assistant", "a"))),
    (body(call("c", status="completed")), body(call("c"))),
    (body(call("c"), says("assistant", "")), body(call("c"))),
    (body(call("c", arguments={"a": 1})),  # type: ignore[arg-type]
     body(call("c", arguments='{"a":1}'))),
    (body(output("c", [{"type": "input_text", "text": "r"}])), body(output("c", "r"))),
    (body(output("c", [])), body(output("c", ""))),
    (body(says("user", [{"type": "input_image", "image_url": "data:image/jpg;base64,AA"}])),
     body(says("user", [{"type": "input_image", "detail": "auto",
                         "image_url": "data:image/jpeg;base64,AA=="}]))),
    (body(says("user", [{"type": "input_file", "file_data": "JVBERi0x", "filename": "a"}])),
     body(says("user", [{"type": "input_file", "filename": "a",
                         "file_data": "data:application/pdf;base64,JVBERi0x"}]))),
    (body({**SHELL, "action": {"type": "exec", "command": ["ls"]}}),
     body({**SHELL, "action": {"type": "exec", "command": ["ls"], "env": {}}})),
    (body({"type": "local_shell_call_output", "call_id": "c", "id": "x", "output": "r"}),
     body({"type": "local_shell_call_output", "id": "c", "output": "r"})),
    (body(HI, tools=[{"type": "custom", "name": "p"}], tool_choice={
        "type": "custom", "name": "p"}),
     body(HI, tools=[{"type": "custom", "name": "p"}], tool_choice={
         "type": "function", "name": "p"})),
]  # fmt: skip
"""Pairs that are written alike: the list in ``docs/design/dialects.md``."""


class IdentityTests(SynchronousTestCase):
    maxDiff = None

    @settings(max_examples=60, deadline=None)
    @given(REQUESTS)
    def test_requests(self, request: Json) -> None:
        """A request that was read and written is the request, and is none but the SDK's types."""
        self.assertEqual(request, again(request))

    def test_equivalences(self) -> None:
        """What may differ says the same."""
        for one, other in SAME:
            self.assertEqual(again(other, judged=False), again(one, judged=False))

    def test_streams(self) -> None:
        """A stream is asked for again as one."""
        asked: dict[str, Any] = {**ENCRYPTED, **body(HI, stream=True, tools=[function()])}
        self.assertEqual(asked, again(asked))
        self.assertEqual(CLOSED, again(asked)["tools"][0]["parameters"])
