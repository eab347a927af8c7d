"""Turns as targets want them: no blanks, roles in turn, results where they belong.

The usual order for a target with Anthropic's rules is: ``leading``, ``settled``,
``without_blanks``, ``results_first``, ``placed_systems``, ``merged``, ``checked_results``,
``prefill``. All are pure functions, and a conversation that has grown is sent as what was sent
before and something after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import is_

from attrs import evolve

from magicgateway.conversation.blocks import (
    NO_EXTRAS,
    Block,
    CacheMark,
    Document,
    Extras,
    Hosted,
    Refusal,
    SearchResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.marks import MARK, capped_marks
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import ASSISTANT, DEVELOPER, SYSTEM, TOOL, USER, Turn
from magicgateway.errors import ApiError

__all__ = [
    "arranged",
    "capped_marks",
    "checked_results",
    "has_calls",
    "leading",
    "merged",
    "placed_systems",
    "prefill",
    "results_first",
    "settled",
    "without_blanks",
]

Turns = tuple[Turn, ...]

SYSTEMS = frozenset({SYSTEM, DEVELOPER})
_SIDES = {TOOL: USER, DEVELOPER: SYSTEM}


def leading(turns: Sequence[Turn]) -> tuple[Turns, Turns]:
    """The run of system and developer turns at the front, and the rest."""
    count = 0
    while count < len(turns) and turns[count].role in SYSTEMS:
        count += 1
    return tuple(turns[:count]), tuple(turns[count:])


def settled(turns: Iterable[Turn], family: str, ledger: Ledger) -> Turns:
    """Turns without what only other families can read, and without names, which are reported."""

    def one(turn: Turn) -> Turn:
        if turn.name is not None:
            ledger.drop(joined(turn.field, "name"))
        kept = bool(ledger.carry(turn.extras, family))
        return evolve(turn, name=None, extras=turn.extras if kept else NO_EXTRAS)

    return tuple(
        turn if turn.name is None and not turn.extras.fields else one(turn) for turn in turns
    )


def without_blanks(turns: Iterable[Turn], ledger: Ledger, *, filler: str = "") -> Turns:
    """Turns without blank text, and then without those that are empty.

    A cache mark on a blank text moves to the block before it. What is reported are messages that
    are gone, and texts of white space; an empty text beside others is nothing.

    Args:
        turns: In order.
        ledger: Is told of losses.
        filler: What a user turn says instead of nothing where it stands between two of the
            assistant's; empty where these are to become one.
    """
    kept: list[Turn] = []
    gap: Turn | None = None
    for turn in turns:
        blocks, stray = _without_blanks(turn.blocks, ledger)
        if stray is not None and not (kept and _marked(kept, stray)):
            ledger.drop(joined(stray.field, MARK), Reason.BLANK)
        if blocks:
            if gap and kept and kept[-1].role == turn.role == ASSISTANT:
                kept.append(evolve(gap, blocks=(Text(text=filler, field=gap.field),)))
            kept.append(turn if blocks is turn.blocks else evolve(turn, blocks=blocks))
            gap = None
            continue
        if turn.role == USER and filler:
            gap = turn
        if turn.role not in SYSTEMS:
            ledger.drop(turn.field or "messages", Reason.BLANK)
        ledger.carry(turn.extras, "")
    return tuple(kept)


def _without_blanks(
    blocks: tuple[Block, ...], ledger: Ledger
) -> tuple[tuple[Block, ...], Block | None]:
    """The blocks that say something, and a blank one whose mark found no block before it."""
    kept: list[Block] = []
    stray: Block | None = None
    for block in blocks:
        if isinstance(block, Text | Refusal) and _is_blank(block.text):
            if block.text:
                ledger.drop(block.field, Reason.BLANK)
            ledger.carry(block.extras, "")
            if block.cache is not None and not _bears(kept, block.cache):
                stray = block
        elif isinstance(block, ToolResult | Document | SearchResult) and block.content:
            content, lost = _without_blanks(block.content, ledger)
            changed = block if content is block.content else evolve(block, content=content)
            if lost is not None and changed.cache is None:
                changed = evolve(changed, cache=lost.cache)
            kept.append(changed)
        else:
            kept.append(block)
    if len(kept) == len(blocks) and all(map(is_, kept, blocks)):
        return blocks, stray
    return tuple(kept), stray


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _bears(blocks: list[Block], mark: CacheMark | None) -> bool:
    """Put a mark on the last block that can have one; whether there is any."""
    for index in range(len(blocks) - 1, -1, -1):
        if not isinstance(blocks[index], Thinking):
            if blocks[index].cache is None:
                blocks[index] = evolve(blocks[index], cache=mark)
            return True
    return False


def _marked(kept: list[Turn], stray: Block) -> bool:
    blocks = list(kept[-1].blocks)
    done = _bears(blocks, stray.cache)
    kept[-1] = evolve(kept[-1], blocks=tuple(blocks))
    return done


def merged(turns: Iterable[Turn]) -> Turns:
    """Neighbours of one role as one turn, where tool is user and developer is system."""
    return tuple(_joined(tuple(group), role) for (role, _), group in groupby(turns, _side))


def _side(turn: Turn) -> tuple[str, bool]:
    return _SIDES.get(turn.role, turn.role), turn.lead


def _joined(turns: Turns, role: str) -> Turn:
    first = turns[0]
    if len(turns) == 1:
        return first if first.role == role else evolve(first, role=role)
    return evolve(
        first,
        role=role,
        blocks=tuple(block for turn in turns for block in turn.blocks),
        whole=False,
        extras=_joined_extras(turn.extras for turn in turns),
    )


def _joined_extras(all_extras: Iterable[Extras]) -> Extras:
    """Extras of several turns, which in one request are all of one family."""
    given = [extras for extras in all_extras if extras.fields]
    if len(given) < 2:
        return given[0] if given else NO_EXTRAS
    fields = {name: value for extras in given for name, value in extras.fields.items()}
    return evolve(given[0], fields=fields)


def has_calls(turns: Iterable[Turn]) -> bool:
    """Whether a tool was called in them; results count as well."""
    for turn in turns:
        for block in turn.blocks:
            if isinstance(block, ToolCall | ToolResult):
                return True
    return False


def _runs(turns: Iterable[Turn]) -> Iterator[tuple[Turns, Turns]]:
    """Turns of the assistant that follow each other, with the others that follow them."""
    before: Turns = ()
    for is_assistant, group in groupby(turns, lambda turn: turn.role == ASSISTANT):
        if is_assistant:
            before = tuple(group)
        else:
            yield before, tuple(group)
            before = ()
    if before:
        yield before, ()


def _calls(turns: Turns) -> list[ToolCall]:
    return [block for turn in turns for block in turn.blocks if isinstance(block, ToolCall)]


def _results(turns: Turns) -> list[ToolResult]:
    return [block for turn in turns for block in turn.blocks if isinstance(block, ToolResult)]


def results_first(turns: Iterable[Turn]) -> Turns:
    """All results of an assistant's calls in one user turn right after it, in the calls' order.

    What stood between a call and its results comes after these.
    """
    given = tuple(turns)
    if not has_calls(given):
        return given
    return tuple(
        turn for before, after in _runs(given) for turn in (*before, *_sorted(before, after))
    )


def _sorted(before: Turns, after: Turns) -> Iterator[Turn]:
    results = _results(after)
    if not results:
        yield from after
        return
    order = {call.id: index for index, call in reversed(list(enumerate(_calls(before))))}
    results.sort(key=lambda result: order.get(result.call_id, len(order)))
    emptied = [turn for turn in after if all(isinstance(b, ToolResult) for b in turn.blocks)]
    first = next(turn for turn in after if any(isinstance(b, ToolResult) for b in turn.blocks))
    yield Turn(
        role=USER,
        blocks=tuple(results),
        field=first.field,
        extras=_joined_extras(turn.extras for turn in emptied),
    )
    for turn in after:
        blocks = tuple(block for block in turn.blocks if not isinstance(block, ToolResult))
        if len(blocks) == len(turn.blocks):
            yield turn
        elif blocks:
            yield evolve(turn, blocks=blocks, whole=False)


def checked_results(turns: Iterable[Turn], ledger: Ledger | None = None) -> Turns:
    """Turns in which each call has one result right after it; of several the last stays.

    Raises:
        ApiError: 400 naming ids: calls without a result, or a result without its call.
    """
    given = tuple(turns)
    if not has_calls(given):
        return given
    return tuple(
        turn
        for before, after in _runs(given)
        for turn in _paired(before, after, ledger or Ledger())
    )


def _paired(before: Turns, after: Turns, ledger: Ledger) -> Iterator[Turn]:
    calls, results = _calls(before), _results(after)
    made, answered = {call.id for call in calls}, {result.call_id for result in results}
    missing = [call for call in calls if call.id not in answered]
    if missing:
        ids = ", ".join(dict.fromkeys(call.id for call in missing))
        raise invalid(missing[0].field or "messages", f"is a call without its result: {ids}")
    for result in results:
        if result.call_id not in made:
            reason = f"is the result of no call that was made just before: {result.call_id}"
            raise invalid(result.field or "messages", reason)
    kept: dict[tuple[bool, str], tuple[int, int]] = {}
    doubles: set[tuple[int, int]] = set()
    turns = (*before, *after)
    for at, block in _placed(turns):
        if isinstance(block, ToolCall) and kept.setdefault((True, block.id), at) != at:
            doubles.add(at)
        elif isinstance(block, ToolResult):
            doubles |= {kept.pop((False, block.call_id), at)} - {at}
            kept[False, block.call_id] = at
    if not doubles:
        yield from turns
        return
    for at, block in _placed(turns):
        if at in doubles:
            ledger.drop(block.field, Reason.DUPLICATE)
            ledger.carry(block.extras, "")
    for row, turn in enumerate(turns):
        blocks = tuple(b for column, b in enumerate(turn.blocks) if (row, column) not in doubles)
        if blocks:
            yield evolve(turn, blocks=blocks)


def _placed(turns: Turns) -> Iterator[tuple[tuple[int, int], Block]]:
    for row, turn in enumerate(turns):
        for column, block in enumerate(turn.blocks):
            yield (row, column), block


def arranged(turns: Turns, mid_system: bool, ledger: Ledger) -> Turns:
    """The turns after the leading ones in the order that targets with Anthropic's rules take.

    Results come right after their calls, systems where they may, neighbours of one role together.

    Args:
        turns: Without blanks.
        mid_system: As for ``placed_systems``.
        ledger: Is told of what is put elsewhere, and of double results.

    Raises:
        ApiError: 400: calls and results do not match.
    """
    if _alternate(turns):
        return turns
    placed = placed_systems(results_first(turns), mid_system, ledger)
    return checked_results(merged(placed), ledger)


def _alternate(turns: Turns) -> bool:
    """Whether user and assistant take turns and no tools: then nothing is to be put elsewhere."""
    last = ""
    for turn in turns:
        role = turn.role
        if role == last or (role not in (USER, ASSISTANT)) or turn.lead:
            return False
        last = role
    return not has_calls(turns)


def placed_systems(turns: Iterable[Turn], mid_system: bool, ledger: Ledger) -> Turns:
    """Later system turns where a target can take them.

    Args:
        turns: Without the leading ones; the results of tools come first.
        mid_system: The target has such turns, after one of the user's and before one of the
            assistant's. Else they become the user's text, in ``<system-reminder>``.
        ledger: Is told of the latter.
    """
    given = tuple(turns)
    if not any(turn.role in SYSTEMS for turn in given):
        return given
    placed: list[Turn] = []
    for before, after in _runs(given):
        placed += before
        systems = tuple(turn for turn in after if turn.role in SYSTEMS)
        if mid_system and systems and len(systems) < len(after):
            placed += [turn for turn in after if turn.role not in SYSTEMS]
            placed.append(_joined(systems, SYSTEM))
        else:
            placed += [_reminder(t, ledger) if t.role in SYSTEMS else t for t in after]
    return tuple(placed)


def _reminder(turn: Turn, ledger: Ledger) -> Turn:
    ledger.rewrite(turn.field or "messages", Reason.SYSTEM_AS_USER_TEXT)
    return evolve(turn, role=USER, whole=False, blocks=tuple(map(_reminding, turn.blocks)))


def _reminding(block: Block) -> Block:
    if not isinstance(block, Text) or block.text.startswith("<system-reminder>"):
        return block
    return evolve(block, text=f"<system-reminder>{block.text}</system-reminder>")


def prefill(turns: Turns, allowed: bool) -> Turns:
    """Turns whose last may be a beginning of the answer, which must not end in white space.

    Raises:
        ApiError: 400: it is one, and the target does not go on with it.
    """
    last = turns[-1] if turns else None
    if last is None or last.role != ASSISTANT or not last.blocks:
        return turns
    if isinstance(last.blocks[-1], ToolCall | Hosted):
        return turns
    if not allowed:
        raise _prefilled(last)
    block = last.blocks[-1]
    if not isinstance(block, Text) or block.text == (text := block.text.rstrip()):
        return turns
    end = (evolve(block, text=text),) if text else ()
    blocks = (*last.blocks[:-1], *end)
    return (*turns[:-1], evolve(last, blocks=blocks)) if blocks else turns[:-1]


def _prefilled(turn: Turn) -> ApiError:
    said = "is the assistant's: this model does not go on with an answer, so the conversation"
    return invalid(turn.field or "messages", f"{said} must end with a user message")
