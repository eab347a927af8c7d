"""What is known of one family of models, as data: by which ids it goes, and what it changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import evolve, field, frozen

from magicgateway.conversation.capabilities import Capabilities

_NONE: Mapping[str, Any] = MappingProxyType({})


@frozen(kw_only=True)
class Family:
    """Models that take the same things.

    Attributes:
        pattern: Of the whole id, in lower case, without what says where or when it runs.
        takes: Attributes of ``Capabilities`` that differ from the provider's own.
        chat: Of ``ChatAbilities``. ``drops`` are added to the provider's.
        claude: Of ``ClaudeAbilities``.
        converse: Of ``ConverseAbilities``.
        not_in: Dialects that the provider does not offer these models in.
        source: Where it is documented.
        checked: ISO date of the last check.
    """

    pattern: str
    takes: Mapping[str, Any] = _NONE
    chat: Mapping[str, Any] = _NONE
    claude: Mapping[str, Any] = _NONE
    converse: Mapping[str, Any] = _NONE
    not_in: frozenset[str] = frozenset()
    source: str
    checked: str
    _form: re.Pattern[str] = field(init=False, eq=False, repr=False)

    @_form.default
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def has(self, name: str) -> bool:
        """Whether a model of that name is one of them."""
        return self._form.fullmatch(name) is not None

    def applied(self, able: Capabilities) -> Capabilities:
        """What its models take at a provider."""
        chat = dict(self.chat)
        if "drops" in chat:
            chat["drops"] = able.chat.drops | chat["drops"]
        return evolve(
            able,
            chat=evolve(able.chat, **chat),
            claude=evolve(able.claude, **self.claude),
            converse=evolve(able.converse, **self.converse),
            **self.takes,
        )


def find(families: Iterable[Family], name: str) -> Family | None:
    """The first family that a model belongs to."""
    return next((family for family in families if family.has(name)), None)
