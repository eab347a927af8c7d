"""The account of one translation: what arrived, what did not, and why.

Readers go through a body with ``Fields``: what they take is the hub's, the rest is carried along as
``Extras`` for the family that can read it. Writers report here what they could not say. So every
field of a source ends as consumed, carried, reported or refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import NO_EXTRAS, Extras
from magicgateway.conversation.notes import (
    CLAMPED,
    DROPPED,
    EMULATED,
    MOST_LINES,
    REWRITTEN,
    Note,
)
from magicgateway.conversation.reasons import Reason
from magicgateway.errors import ApiError

_MOST_SAID = 16


class Ledger:
    """The notes of one translation, in order, none twice. State: the notes."""

    def __init__(self) -> None:
        self._notes: dict[Note, None] = {}

    @property
    def notes(self) -> tuple[Note, ...]:
        """All that was reported."""
        return tuple(self._notes)

    def extend(self, notes: Iterable[Note]) -> None:
        """Take over what another ledger was told."""
        self._notes.update(dict.fromkeys(notes))

    def drop(self, field: str, reason: Reason = Reason.UNSUPPORTED) -> None:
        """A field, or a block, does not arrive."""
        self._notes[Note(field, DROPPED, reason)] = None

    def clamp(self, field: str, reason: Reason, detail: str | int | None = None) -> None:
        """A value arrives as the nearest one the target allows, which ``detail`` may name."""
        self._notes[Note(field, CLAMPED, reason, detail)] = None

    def emulate(self, field: str, reason: Reason) -> None:
        """The target has no such thing and is asked for it in another way."""
        self._notes[Note(field, EMULATED, reason)] = None

    def rewrite(self, field: str, reason: Reason) -> None:
        """The same arrives in another form."""
        self._notes[Note(field, REWRITTEN, reason)] = None

    def respell(self, spelled: Callable[[str], str]) -> None:
        """Name fields otherwise, as far as there are lines to tell of them."""
        notes = self.notes
        told = (evolve(note, field=spelled(note.field)) for note in notes[:MOST_LINES])
        self._notes = dict.fromkeys((*told, *notes[MOST_LINES:]))

    def carry(self, extras: Extras, family: str) -> Mapping[str, Any]:
        """The extras that a target of ``family`` is given; those of others are reported.

        Every writer calls it for every object it has written or left out.
        """
        if extras.family == family or not extras.fields:
            return extras.fields
        for name in extras.fields:
            self.drop(joined(extras.place, name))
        return NO_EXTRAS.fields

    def check(self, *, strict: bool) -> None:
        """See whether the differences can be borne.

        Raises:
            ApiError: 422 ``strict_refusal``: there are some, and the caller wants none.
        """
        notes = self.notes
        if strict and notes:
            differences = "; ".join(note.line() for note in notes[:_MOST_SAID])
            raise ApiError(
                422,
                "strict_refusal",
                "x-magicgateway-strict forbids what this request needs to be translated:"
                f" {differences}.",
                param=notes[0].field,
            )

    def unsupported(self, field: str, target: str, remedy: str = "") -> ApiError:
        """The refusal of something that a target lacks and that no answer is right without."""
        said = f"{target} has nothing like {field}" + (f": {remedy}" if remedy else "")
        return ApiError(400, "unsupported_parameter", f"{said}.", param=field)


def invalid(field: str, reason: str) -> ApiError:
    """The refusal of a body that says something it cannot say; ``reason`` follows the field."""
    return ApiError(400, "invalid_request", f"{field} {reason}.", param=field)


def joined(place: str, name: str) -> str:
    """The path of a field in an object."""
    return f"{place}.{name}" if place else name


class Fields:
    """One JSON object while it is read. State: what nobody has taken yet.

    A field that is null is as good as absent. With ``lenient``, as replies are read, a value of
    another type than was asked for is left among the rest; else it is a refusal.

    Args:
        value: The object; it is not changed.
        place: Where it stands, empty for a body itself.
        lenient: See above.
    """

    __slots__ = ("_lenient", "_rest", "place")

    def __init__(self, value: Mapping[str, Any], place: str = "", *, lenient: bool = False) -> None:
        self._rest = dict(value)
        self._lenient = lenient
        self.place = place

    def at(self, name: str) -> str:
        """The path of one of its fields."""
        return joined(self.place, name)

    def __contains__(self, name: str) -> bool:
        return self._rest.get(name) is not None

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether one of these fields is there, be it null."""
        return not names.isdisjoint(self._rest)

    def given(self, names: frozenset[str]) -> frozenset[str]:
        """Those of these fields that are there, be they null."""
        return names.intersection(self._rest)

    def peek(self, name: str) -> Any:
        """A value that stays, None where there is none."""
        return self._rest.get(name)

    def take(self, name: str) -> Any:
        """A value of any type, None where there is none."""
        return self._rest.pop(name, None)

    def text(self, name: str) -> str | None:
        """A string."""
        value = self._rest.pop(name, None)
        if value is None or isinstance(value, str):
            return value
        return self._unfit(name, value, "a string")  # type: ignore[no-any-return]

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        value = self._rest.pop(name, None)
        if value is None or isinstance(value, bool):
            return value
        return self._unfit(name, value, "true or false")  # type: ignore[no-any-return]

    def integer(self, name: str) -> int | None:
        """A whole number; 5.0 is one."""
        value = self._rest.pop(name, None)
        if value is None or type(value) is int:
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return self._unfit(name, value, "a whole number")  # type: ignore[no-any-return]

    def number(self, name: str) -> float | None:
        """A number, an int where it was written as one."""
        value = self._rest.pop(name, None)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        return self._unfit(name, value, "a number")  # type: ignore[no-any-return]

    def object(self, name: str) -> dict[str, Any] | None:
        """An object as it is."""
        value = self._rest.pop(name, None)
        if value is None or isinstance(value, dict):
            return value
        return self._unfit(name, value, "an object")  # type: ignore[no-any-return]

    def fields(self, name: str) -> Fields | None:
        """An object to be read like this one."""
        value = self._rest.pop(name, None)
        if value is None:
            return None
        if isinstance(value, dict):
            return Fields(value, joined(self.place, name), lenient=self._lenient)
        return self._unfit(name, value, "an object")  # type: ignore[no-any-return]

    def list(self, name: str) -> list[Any] | None:
        """An array as it is."""
        value = self._rest.pop(name, None)
        if value is None or isinstance(value, list):
            return value
        return self._unfit(name, value, "an array")  # type: ignore[no-any-return]

    def each(self, name: str) -> Iterator[Fields]:
        """The objects of an array, each to be read like this one."""
        whole = joined(self.place, name)
        for index, item in enumerate(self.list(name) or ()):
            place = f"{whole}[{index}]"
            if isinstance(item, dict):
                yield Fields(item, place, lenient=self._lenient)
            elif not self._lenient:
                raise invalid(place, "must be an object")

    def strings(self, name: str) -> tuple[str, ...] | None:
        """An array of strings."""
        values = self.list(name)
        if values is None:
            return None
        for index, value in enumerate(values):
            if not isinstance(value, str):
                place = f"{name}[{index}]"
                self._unfit(name, values, "an array of strings", place)
                return None
        return tuple(values)

    def needed(self, name: str) -> str:
        """A string that has to be there; empty where a lenient reader does not find it."""
        value = self._rest.pop(name, None)
        if isinstance(value, str):
            return value
        if value is not None:
            self._unfit(name, value, "a string")
        if not self._lenient:
            raise invalid(self.at(name), "is required")
        return ""

    def leave(self, name: str, inner: Fields) -> None:
        """Put what nobody has taken of an object in this one among the rest, by dotted names."""
        self._rest.update((joined(name, key), value) for key, value in inner._rest.items())

    def rest(self, family: str) -> Extras:
        """What nobody has taken, nulls left out. The last call on an object."""
        if not self._rest:
            return NO_EXTRAS
        left = {name: value for name, value in self._rest.items() if value is not None}
        return Extras(family, self.place, left) if left else NO_EXTRAS

    def rest_with(self, family: str, inner: Mapping[str, Fields | None]) -> Extras:
        """What nobody has taken of an object and of objects in it. The last call on all of them.

        Args:
            family: Who can read it.
            inner: The objects in it, by their paths from here; what is left of them is kept by
                dotted names, ``source.checksum``, so that it is named rightly when it is lost.
        """
        left = {name: value for name, value in self._rest.items() if value is not None}
        for path, nested in inner.items():
            if nested is not None:
                for key, value in nested.rest(family).fields.items():
                    left[f"{path}.{key}"] = value
        return Extras(family, self.place, left) if left else NO_EXTRAS

    def _unfit(self, name: str, value: Any, wanted: str, place: str | None = None) -> Any:
        if not self._lenient:
            raise invalid(self.at(place or name), f"must be {wanted}")
        self._rest[name] = value
        return None
