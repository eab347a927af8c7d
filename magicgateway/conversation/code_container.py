"""Where OpenAI's interpreter of code runs, for providers whose own one stands for it."""

from __future__ import annotations

from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.request import HostedTool

_KNOWN = frozenset({"type", "name"})


def leave_container(tool: HostedTool, ledger: Ledger, target: str) -> None:
    """Report what another provider's interpreter is not told.

    A new container without files is what they all have. An old one, or files in it, are OpenAI's,
    and without them the code would run on nothing.

    Args:
        tool: The declaration.
        ledger: Told of options.
        target: Who lacks them, for people.

    Raises:
        ApiError: 400: the container or files in it are meant.
    """
    for name, value in tool.raw.items():
        place = joined(tool.field, name)
        if name in _KNOWN or value is None:
            continue
        if name != "container":
            ledger.drop(place)
        elif not isinstance(value, dict) or value.get("type") != "auto":
            raise ledger.unsupported(place, target, "only a new container can be had")
        elif value.get("file_ids"):
            raise ledger.unsupported(joined(place, "file_ids"), target, "files are given in parts")
        else:
            for option in sorted(value.keys() - {"type", "file_ids"}):
                if value[option] is not None:
                    ledger.drop(joined(place, option))
