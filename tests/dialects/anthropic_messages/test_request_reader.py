from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Text, Thinking, Token
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import TEMPERATURE, TOP_K, TOP_P
from magicgateway.conversation.sealed import seal
from magicgateway.dialects.anthropic_messages.request_reader import read_request, read_uncapped
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import messages, read, says, text

BILLING = "x-anthropic-billing-header: cc_version=2.1; cc_entrypoint=cli;"


class RequestReaderTests(SynchronousTestCase):
    def test_system(self) -> None:
        """The system prompt, a string or blocks, is the leading turn (case I.75)."""
        for given, whole, expected in (
            ("S", True, ["S"]),
            ([text(BILLING), text("S")], False, [BILLING, "S"]),
        ):
            request, _ = read(messages(system=given))
            lead, first = request.turns
            self.assertEqual((True, whole, "system"), (lead.lead, lead.whole, lead.role))
            self.assertEqual(expected, [b.text for b in lead.blocks if isinstance(b, Text)])
            self.assertEqual(("user", False), (first.role, first.lead))

    def test_roles(self) -> None:
        """Messages of the user, the assistant, and of the system amid them."""
        request, _ = read(messages(
            says("user", "a"), says("system", "s"), says("assistant", "b", "c", odd=1)
        ))  # fmt: skip
        self.assertEqual(
            [("user", True, 1), ("system", True, 1), ("assistant", False, 2)],
            [(turn.role, turn.whole, len(turn.blocks)) for turn in request.turns],
        )
        self.assertEqual({"odd": 1}, dict(request.turns[2].extras.fields))

    def test_either_version(self) -> None:
        """Sampling, documents of the assistant and citations of the user are read always."""
        document = {"type": "document", "source": {"type": "text", "data": "d"}}
        cited = text("x", citations=[{"type": "page_location", "cited_text": "x"}])
        request, _ = read(messages(
            says("user", cited), says("assistant", document), says("user", "y"),
            temperature=0.5, top_p=0.9, top_k=3,
        ))  # fmt: skip
        given = request.parameters
        self.assertEqual(
            (0.5, 0.9, 3), (given.get(TEMPERATURE), given.get(TOP_P), given.get(TOP_K))
        )
        self.assertEqual(1, len(request.turns[0].blocks[0].citations))  # type: ignore[attr-defined]

    def test_unknown(self) -> None:
        """What nobody knows is kept with its path, at every level."""
        request, _ = read(messages(
            inference_geo="eu", metadata={"user_id": "u", "odd": 1},
            thinking={"type": "adaptive", "odd": 2}, output_config={"effort": "low", "odd": 3},
            tools=[{"name": "f", "input_schema": {}}],
            tool_choice={"type": "auto", "odd": 4},
        ))  # fmt: skip
        self.assertEqual(
            {
                "inference_geo": "eu",
                "metadata.odd": 1,
                "thinking.odd": 2,
                "output_config.odd": 3,
                "tool_choice.odd": 4,
            },
            dict(request.extras.fields),
        )

    def test_stream(self) -> None:
        """Whether the answer is to be streamed."""
        for fields, expected in (({}, False), ({"stream": False}, False), ({"stream": True}, True)):
            self.assertEqual(expected, read(messages(**fields))[0].stream)

    def test_tokens_of_calls(self) -> None:
        """A block that brings a call's token is none in the conversation: the call has it."""
        token = Token("gemini", "S")
        sealed = seal(Thinking(token=token, call_id="c"))
        used = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
        for name in ("thinking", "redacted_thinking"):
            brought = {"type": name, "thinking": "", "signature": sealed, "data": sealed}
            del brought["data" if name == "thinking" else "signature"]
            body = messages(says("user", "q"), {"role": "assistant", "content": [brought, used]})
            ledger = Ledger()
            (call,) = read_request(body, ledger).turns[1].blocks
            self.assertEqual(("ToolCall", token), (type(call).__name__, call.token))

    def test_refusals(self) -> None:
        """Without model, messages or limit there is no request; only counting needs no limit."""
        body = messages()
        cases: list[tuple[dict[str, Any], str]] = [
            ({**body, "model": None}, "model"),
            ({**body, "messages": []}, "messages"),
            ({**body, "messages": [{"content": "x"}]}, "messages[0].role"),
            ({**body, "messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
            ({**body, "messages": [{"role": "user"}]}, "messages[0].content"),
            ({**body, "max_tokens": None}, "max_tokens"),
            ({**body, "system": 1}, "system"),
        ]
        for given, place in cases:
            refused = self.assertRaises(ApiError, read_request, given, Ledger())
            self.assertEqual((400, place), (refused.status, refused.param))
        uncapped = read_uncapped({**body, "max_tokens": None}, Ledger())
        self.assertEqual("m", uncapped.model)
