"""An answer put together item by item, with the events that tell of it.

Whole answers are made in the same way as streamed ones, without sending the events, so that both
say the same. One item is open at a time. An item is done when the next begins or the answer ends,
because only then is it known whether it is complete, and whether more goes into it.
"""

from __future__ import annotations

from collections.abc import Iterator

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    Block,
    Citation,
    Foreign,
    Hosted,
    Image,
    Inline,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    CitationDelta,
    Event,
    Finished,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
)
from magicgateway.conversation.names import qualified
from magicgateway.conversation.parameters import ENCRYPTED_REASONING, REASONING
from magicgateway.conversation.reply import REFUSED, Finish
from magicgateway.conversation.request import Tool
from magicgateway.conversation.sealed import seal
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_responses.client_run import CLIENT_RUN
from magicgateway.dialects.openai_responses.extras import ITEMS
from magicgateway.dialects.openai_responses.open_items import (
    Item,
    OpenCall,
    OpenClientCall,
    OpenItem,
    OpenMessage,
    OpenReasoning,
    Place,
)
from magicgateway.dialects.openai_responses.response_object import outcome

_CODE = {"code_execution": "code", "bash_code_execution": "command"}
"""Anthropic's tools that run code, to where it stands in what they are given."""
_PREFIXES = {
    "web_search_call": "ws", "file_search_call": "fs", "code_interpreter_call": "ci",
    "image_generation_call": "ig", "computer_call": "cu", "mcp_call": "mcp",
    "mcp_list_tools": "mcpl", "mcp_approval_request": "mcpr",
}  # fmt: skip


class Assembly:
    """The items of one answer. State: those that are done, and the open one.

    Args:
        asked: What is answered.
    """

    def __init__(self, asked: Asked) -> None:
        given = asked.request.parameters
        reasoning = given.get(REASONING)
        self._answer_id = asked.answer_id
        self._tools = {
            qualified(tool.name, tool.namespace): tool
            for tool in asked.request.tools
            if isinstance(tool, Tool)
        }
        self._encrypted = given.get(ENCRYPTED_REASONING) is True
        self._summarized = reasoning is not None and reasoning.summary is not None
        self._open: OpenItem | None = None
        self._late: Thinking | None = None
        """What is wanted back with the open call, where it came after the call's start."""
        self._pending: Text | Refusal | None = None
        """A part of which no word has come; one without any is no part."""
        self._ids: set[str] = set()
        self._calls: set[str] = set()
        self._made = 0
        self._length = 0
        self._refused = False
        self.output: list[Item] = []
        """The items that are done."""
        self.lost: list[str] = []
        """What this API has no item for, by where it would stand."""
        self.finish: Finish | None = None

    def feed(self, event: Event) -> Iterator[Item]:
        """The events that follow of one of the hub's; the iterator has to be used up."""
        item = self._open
        match event:
            case BlockStarted(block=block):
                yield from self._start(block)
            case TextDelta():
                yield from self._say(event)
            case ThinkingDelta() if isinstance(item, OpenReasoning):
                yield from item.think(event.text, event.part)
            case ArgumentsDelta() if isinstance(item, OpenCall | OpenClientCall):
                yield from item.argue(event.text)
            case CitationDelta() if isinstance(item, OpenMessage):
                self._cite(item, event.citation)
            case TokenDelta() if isinstance(item, OpenReasoning):
                item.token = event.token
            case TokenDelta() if isinstance(item, OpenCall | OpenClientCall):
                self._late = Thinking(token=event.token, call_id=item.call_id)
            case TokenDelta():
                self._lose("token")
            case BlockStopped() if item is not None:
                self._pending = None
                yield from item.stop()
            case Finished():
                yield from self._finish(event.finish)
            case _:
                pass

    def _start(self, block: Block) -> Iterator[Item]:
        if block.token is not None and not isinstance(block, Thinking | ToolCall):
            self._lose("token")
        if isinstance(block, Text | Refusal):
            self._pending = block
            return
        yield from self._done()
        match block:
            case Thinking():
                yield from self._start_reasoning(block)
            case ToolCall():
                yield from self._start_call(block)
            case Hosted() | Foreign() if block.family == ITEMS and block.kind:
                yield from self._whole(dict(block.raw))
            case Hosted() if block.family == ANTHROPIC and block.raw.get("name") == "web_search":
                yield from self._search(block)
            case Hosted() if block.family == ANTHROPIC and str(block.raw.get("name")) in _CODE:
                yield from self._run(block)
            case Image(source=Inline() as source):
                yield from self._whole({"type": "image_generation_call", "result": source.data})
            case Hosted() | Foreign():
                self._lose(block.kind)
            case _:
                self._lose(type(block).__name__.lower())

    def _say(self, event: TextDelta) -> Iterator[Item]:
        if self._pending is not None:
            yield from self._start_part(self._pending)
        if isinstance(self._open, OpenMessage):
            self._length += len(event.text)
            yield from self._open.say(event.text, event.logprobs)

    def _start_part(self, block: Text | Refusal) -> Iterator[Item]:
        self._pending = None
        phase = block.phase if isinstance(block, Text) else None
        self._refused = self._refused or isinstance(block, Refusal)
        item = self._open
        if not isinstance(item, OpenMessage) or not item.takes(block.item_id, phase):
            yield from self._done()
            place = self._place("msg", block.item_id)
            item = OpenMessage(place, phase=phase, given_id=block.item_id)
            yield from self._begin(item)
        yield from item.begin(refusal=isinstance(block, Refusal), offset=self._length)

    def _start_reasoning(self, block: Thinking) -> Iterator[Item]:
        summary = block.summary or self._summarized
        place = self._place("rs", block.item_id)
        item = OpenReasoning(place, block, summary=summary, encrypted=self._encrypted)
        yield from self._begin(item)

    def _start_call(self, call: ToolCall) -> Iterator[Item]:
        tool = self._tools.get(qualified(call.name, call.namespace))
        kind = call.kind if tool is None else tool.kind
        name = call.name if tool is None else tool.name
        namespace = call.namespace if tool is None else tool.namespace
        call_id = self._call_id(call.id)
        if call.token is not None:
            yield from self._call_token(Thinking(token=call.token, call_id=call_id))
        client_run = CLIENT_RUN.get(kind)
        item: OpenCall | OpenClientCall
        if client_run is not None:
            place = self._place(client_run.prefix, call.item_id)
            item = OpenClientCall(place, client_run, call_id)
            self._open = item
        else:
            custom = kind == "custom"
            place = self._place("ctc" if custom else "fc", call.item_id)
            item = OpenCall(place, call_id, name, namespace, custom=custom)
            yield from self._begin(item)
        if call.arguments:
            yield from item.argue(call.arguments)

    def _call_token(self, thinking: Thinking) -> Iterator[Item]:
        """What is wanted back with a call, as an item of its own that has no words.

        It is there whether the caller includes such things or not: without it the provider may
        refuse the next turn.
        """
        if seal(thinking) is None:
            self._lose("token")
            return
        item = OpenReasoning(self._place("rs", None), thinking, summary=True, encrypted=True)
        yield item.place.added(item.begun())
        whole = item.whole("completed")
        self.output.append(whole)
        yield item.place.done(whole)

    def _search(self, block: Hosted) -> Iterator[Item]:
        """A search of Anthropic's as one of OpenAI's."""
        given = block.raw.get("input")
        query = given.get("query") if isinstance(given, dict) else None
        action = {"type": "search", "query": query if isinstance(query, str) else ""}
        yield from self._whole({"type": "web_search_call", "action": action})

    def _run(self, block: Hosted) -> Iterator[Item]:
        """Code that ran at Anthropic's, as if OpenAI's interpreter had run it."""
        given = block.raw.get("input")
        code = given.get(_CODE[block.raw["name"]]) if isinstance(given, dict) else None
        code = code if isinstance(code, str) else None
        item = {"type": "code_interpreter_call", "code": code, "container_id": "", "outputs": None}
        yield from self._whole(item)

    def _whole(self, item: Item) -> Iterator[Item]:
        """An item without deltas."""
        given = item.get("id")
        kind = str(item.get("type"))
        prefix = _PREFIXES.get(kind, "item")
        place = self._place(prefix, given if isinstance(given, str) else None)
        item = {**item, "id": place.id}
        item.setdefault("status", "completed")
        yield place.added({**item, "status": "in_progress"} if given is None else item)
        self.output.append(item)
        yield place.done(item)

    def _lose(self, kind: str) -> None:
        self.lost.append(f"output[{len(self.output)}].{kind}")

    def _cite(self, item: OpenMessage, citation: Citation) -> None:
        if not item.cite(citation):
            self._lose("citation")

    def _begin(self, item: OpenItem) -> Iterator[Item]:
        self._open = item
        yield item.place.added(item.begun())

    def _done(self, status: str = "completed") -> Iterator[Item]:
        """Close the open item."""
        item, self._open = self._open, None
        if item is not None:
            yield from item.stop()
            yield from item.late()
            whole = item.whole(status)
            self.output.append(whole)
            yield item.place.done(whole)
        late, self._late = self._late, None
        if late is not None:
            yield from self._call_token(late)

    def _finish(self, finish: Finish) -> Iterator[Item]:
        status, _ = outcome(finish)
        explained = finish.reason == REFUSED and finish.explanation and not self._refused
        self.finish = finish
        yield from self._done(status if status == "incomplete" and not explained else "completed")
        if explained and finish.explanation:
            yield from self._start_part(Refusal(text=""))
            assert isinstance(self._open, OpenMessage)
            yield from self._open.say(finish.explanation, None)
            yield from self._done("incomplete")

    def close(self) -> Iterator[Item]:
        """Close what the end of an answer finds open."""
        yield from self._done()

    def _place(self, prefix: str, given: str | None) -> Place:
        """An item's place in the answer; the provider's id stays, unless it has been used."""
        item_id = given
        if not item_id or item_id in self._ids:
            item_id = f"{prefix}_{self._answer_id}_{self._made}"
            self._made += 1
        self._ids.add(item_id)
        return Place(item_id, len(self.output))

    def _call_id(self, given: str) -> str:
        """A call's id, which no other call of the answer has."""
        call_id, count = given or f"call_{self._answer_id}", 1
        while call_id in self._calls:
            count += 1
            call_id = f"{given or 'call_' + self._answer_id}_{count}"
        self._calls.add(call_id)
        return call_id
