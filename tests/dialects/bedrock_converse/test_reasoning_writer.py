from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import Capabilities, ConverseAbilities
from magicgateway.errors import ApiError
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE,
    CLAUDE_4_5,
    CLAUDE_4_6,
    GPT_OSS,
    LLAMA,
    NOVA_2,
    QWEN,
    Json,
    chat,
    from_chat,
    from_messages,
    from_responses,
    function,
)

OPENAI = Capabilities(converse=ConverseAbilities(reasoning="openai"))
R1 = Capabilities(converse=ConverseAbilities(always_thinks=True))
ALWAYS = evolve(CLAUDE, efforts=("low", "high"), claude=evolve(CLAUDE.claude, can_disable=False))
FIELDS = "additionalModelRequestFields"


def thinking(value: Json, *, most: int = 50000, **fields: Any) -> Json:
    """A Messages body that speaks of thinking."""
    messages = [{"role": "user", "content": "U"}]
    return {"max_tokens": most, "messages": messages, "thinking": value, **fields}


class EffortTests(SynchronousTestCase):
    """J43: an effort in the words of each family."""

    maxDiff = None

    def check(
        self, effort: str, expected: Json | None, noted: list[str], capabilities: Capabilities
    ) -> None:
        """Compare what a chat's effort becomes."""
        body, said = from_chat(chat(reasoning_effort=effort), capabilities, served=False)
        self.assertEqual((expected, noted), (body.get(FIELDS), said), (effort, capabilities.origin))

    def test_budgets(self) -> None:
        """A model that thinks within a budget has one by the effort, and room above it."""
        budgets = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768}
        for effort, budget in budgets.items():
            value = {"type": "enabled", "budget_tokens": budget}
            self.check(effort, {"thinking": value}, [], CLAUDE_4_5)
            body, _ = from_chat(chat(reasoning_effort=effort))
            self.assertEqual(budget + 32000, body["inferenceConfig"]["maxTokens"])
        self.check("none", None, [], CLAUDE_4_5)

    def test_model_limit(self) -> None:
        """The room above a budget is not more than a model has."""
        small = evolve(CLAUDE_4_5, max_output_tokens=10000)
        body, _ = from_chat(chat(reasoning_effort="medium"), small)
        self.assertEqual(10000, body["inferenceConfig"]["maxTokens"])
        body, noted = from_chat(chat(reasoning_effort="high"), small)
        self.assertEqual(9999, body[FIELDS]["thinking"]["budget_tokens"])
        self.assertEqual(["reasoning_effort;clamped;budget-in-bounds"], noted)

    def test_narrow(self) -> None:
        """A budget stays below the caller's limit; a limit too low for any leaves no thinking."""
        body, noted = from_chat(chat(reasoning_effort="low", max_tokens=1500))
        self.assertEqual(1499, body[FIELDS]["thinking"]["budget_tokens"])
        self.assertEqual(["reasoning_effort;clamped;budget-in-bounds"], noted)
        body, noted = from_chat(chat(reasoning_effort="low", max_tokens=1024))
        self.assertNotIn(FIELDS, body)
        self.assertEqual(["reasoning_effort;dropped;no-room-to-think"], noted)

    def test_adaptive(self) -> None:
        """A model that decides itself is told the effort, and to show a summary."""
        shown = {"type": "adaptive", "display": "summarized"}
        cases: list[tuple[str, str, list[str]]] = [
            ("minimal", "low", []),
            ("low", "low", []),
            ("xhigh", "high", ["reasoning_effort;clamped;nearest-effort-high"]),
            ("max", "max", []),
        ]
        for effort, expected, noted in cases:
            wanted = {"thinking": shown, "output_config": {"effort": expected}}
            self.check(effort, wanted, noted, CLAUDE_4_6)
        self.check("none", {"thinking": {"type": "disabled"}}, [], CLAUDE_4_6)
        self.check("low", {"thinking": shown}, ["reasoning_effort;dropped"], CLAUDE)

    def test_always(self) -> None:
        """A model that cannot but think does it with the least effort."""
        expected = {"output_config": {"effort": "low"}}
        self.check("none", expected, ["reasoning_effort;rewritten;always-thinks"], ALWAYS)

    def test_other_families(self) -> None:
        """Each other family has its own field, and its own levels."""
        nova = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}
        clamped = "reasoning_effort;clamped;nearest-effort-"
        cases: list[tuple[str, Json | None, list[str], Capabilities]] = [
            ("low", {"reasoning_effort": "low"}, [], GPT_OSS),
            ("minimal", {"reasoning_effort": "low"}, [f"{clamped}low"], GPT_OSS),
            ("none", None, ["reasoning_effort;dropped;always-thinks"], GPT_OSS),
            ("none", None, ["reasoning_effort;dropped;always-thinks"], R1),
            ("low", nova, [], NOVA_2),
            ("none", None, [], NOVA_2),
            ("low", {"reasoning": {"effort": "low"}}, [], OPENAI),
            ("none", {"reasoning": {"effort": "none"}}, [], OPENAI),
            ("medium", {"reasoning_config": "low"}, [f"{clamped}low"], QWEN),
            ("none", None, ["reasoning_effort;dropped;always-thinks"], QWEN),
            ("low", None, ["reasoning_effort;dropped"], LLAMA),
            ("none", None, [], LLAMA),
            ("strange", None, ["reasoning_effort;dropped"], GPT_OSS),
        ]
        for case in cases:
            self.check(*case)

    def test_summaries(self) -> None:
        """How reasoning is to be summed up cannot be said, and is reported."""
        reasoning = {"effort": "low", "summary": "detailed"}
        _, noted = from_responses({"input": "hi", "store": False, "reasoning": reasoning}, GPT_OSS)
        self.assertEqual(["reasoning.summary;dropped"], noted)

    def test_summary_alone(self) -> None:
        """Who only wants to see what is thought does not thereby ask for thinking."""
        for able in (CLAUDE_4_5, CLAUDE_4_6, GPT_OSS):
            asked = {"input": "hi", "store": False, "reasoning": {"summary": "auto"}}
            body, noted = from_responses(asked, able)
            self.assertEqual((None, []), (body.get(FIELDS), noted))
            self.assertNotIn("inferenceConfig", body)

    def test_unknown_effort(self) -> None:
        """An effort that there is not is refused, and never thought with in a budget of ours."""
        for able in (CLAUDE_4_5, CLAUDE_4_6):
            for effort in ("strange", ""):
                with self.assertRaises(ApiError) as caught:
                    from_chat(chat(reasoning_effort=effort), able)
                self.assertEqual(
                    (400, "reasoning_effort"), (caught.exception.status, caught.exception.param)
                )


class ThinkingTests(SynchronousTestCase):
    """What callers of Anthropic's API say of thinking."""

    maxDiff = None

    def check(
        self, body: Json, expected: Json | None, noted: list[str], capabilities: Capabilities
    ) -> None:
        """Compare what a Messages body's thinking becomes."""
        written, said = from_messages(body, capabilities, served=False)
        self.assertEqual((expected, noted), (written.get(FIELDS), said), body)

    def test_enabled(self) -> None:
        """A budget passes as it is, within its limits."""
        given = {"type": "enabled", "budget_tokens": 3000, "display": "omitted"}
        self.check(thinking(given), {"thinking": given}, [], CLAUDE_4_5)
        least = {"type": "enabled", "budget_tokens": 100}
        expected = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
        noted = ["thinking;clamped;budget-in-bounds"]
        self.check(thinking(least), expected, noted, CLAUDE_4_5)

    def test_effort_in_a_budget(self) -> None:
        """An effort beside a budget is said where the model knows it, else reported."""
        able = evolve(CLAUDE_4_5, efforts=("low", "high"))
        budget = {"type": "enabled", "budget_tokens": 3000}
        output: Json = {"output_config": {"effort": "low"}}
        self.check(thinking(budget, **output), {"thinking": budget, **output}, [], able)
        noted = ["output_config.effort;dropped"]
        self.check(thinking(budget, **output), {"thinking": budget}, noted, CLAUDE_4_5)
        body, _ = from_chat(chat(reasoning_effort="low"), able)
        self.assertEqual(output["output_config"], body[FIELDS]["output_config"])

    def test_other_kind(self) -> None:
        """The kind that a model lacks becomes the one it has."""
        budget = {"type": "enabled", "budget_tokens": 3000}
        expected: Json = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
        able = evolve(CLAUDE, efforts=("low", "high"))
        self.check(thinking(budget), expected, ["thinking;rewritten;budget-as-effort"], able)
        expected = {"thinking": {"type": "enabled", "budget_tokens": 16384}}
        noted = ["thinking;rewritten;effort-as-budget"]
        self.check(thinking({"type": "adaptive"}), expected, noted, CLAUDE_4_5)
        neither = evolve(CLAUDE, claude=evolve(CLAUDE.claude, thinking=frozenset()))
        self.check(thinking({"type": "adaptive"}), None, ["thinking;dropped"], neither)

    def test_effort(self) -> None:
        """An effort of the whole answer goes alone; with thinking it goes beside it."""
        output: Json = {"output_config": {"effort": "low"}}
        messages = {"messages": [{"role": "user", "content": "U"}]}
        self.check({**messages, **output}, output, [], CLAUDE_4_6)
        self.check({**messages, **output}, None, ["output_config.effort;dropped"], CLAUDE_4_5)
        adaptive = {"type": "adaptive"}
        self.check(thinking(adaptive, **output), {"thinking": adaptive, **output}, [], CLAUDE_4_6)

    def test_disabled(self) -> None:
        """No thinking is said where it has to be, and no such effort is made without."""
        off = {"type": "disabled"}
        self.check(thinking(off), {"thinking": off}, [], CLAUDE_4_6)
        self.check(thinking(off), None, [], CLAUDE_4_5)
        self.check(thinking(off), None, [], LLAMA)
        loud = thinking(off, output_config={"effort": "max"})
        expected: Json = {"thinking": off, "output_config": {"effort": "max"}}
        self.check(loud, expected, [], CLAUDE_4_6)
        quiet = evolve(CLAUDE_4_6, claude=evolve(CLAUDE_4_6.claude, quiet_effort="high"))
        expected = {"thinking": off, "output_config": {"effort": "high"}}
        noted = ["output_config.effort;clamped;nearest-effort-high"]
        self.check(loud, expected, noted, quiet)

    def test_unknown(self) -> None:
        """A kind that nobody knows is reported."""
        for able in (CLAUDE_4_6, GPT_OSS):
            self.check(thinking({"type": "deep"}), None, ["thinking.type;dropped"], able)

    def test_other_families(self) -> None:
        """Other families are told an effort by the budget."""
        for budget, effort in ((1024, "low"), (9000, "medium"), (20000, "high"), (40000, "high")):
            given = {"type": "enabled", "budget_tokens": budget, "display": "omitted"}
            noted = ["thinking.display;dropped"]
            noted += ["thinking;clamped;nearest-effort-high"] if budget == 40000 else []
            self.check(thinking(given), {"reasoning_effort": effort}, noted, GPT_OSS)
        self.check(thinking({"type": "adaptive"}), None, [], GPT_OSS)

    def test_forced_calls(self) -> None:
        """J32: a call that is demanded beats derived thinking, and refuses what was asked for."""
        tools = {"tools": [function()], "tool_choice": "required"}
        body, noted = from_chat(chat(reasoning_effort="low", **tools))
        self.assertEqual({"any": {}}, body["toolConfig"]["toolChoice"])
        self.assertNotIn(FIELDS, body)
        self.assertEqual(["reasoning_effort;dropped;tool-is-forced"], noted)
        with self.assertRaises(ApiError) as caught:
            from_chat(chat(thinking={"type": "enabled", "budget_tokens": 2000}, **tools))
        self.assertEqual("tool_choice", caught.exception.param)
        body, noted = from_chat(chat(reasoning_effort="low", **tools), CLAUDE_4_6)
        self.assertEqual("adaptive", body[FIELDS]["thinking"]["type"])
        self.assertEqual([], noted)
