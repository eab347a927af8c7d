"""Whether a conversation is nothing but words, as most are: then most passes have nothing to do."""

from __future__ import annotations

from magicgateway.conversation.blocks import Text
from magicgateway.conversation.parameters import AUTOMATIC_CACHE
from magicgateway.conversation.request import Request


def is_plain(request: Request) -> bool:
    """Whether all that a request says is unmarked text, with nothing besides, and no tools.

    No renaming, no cap of marks and no pass for blanks, results or foreign blocks changes such a
    request. The order of its turns may still be one that a target does not take.
    """
    if request.tools or request.parameters.get(AUTOMATIC_CACHE) is not None:
        return False
    for turn in request.turns:
        if turn.name is not None or turn.extras.fields or not turn.blocks:
            return False
        for block in turn.blocks:
            if type(block) is not Text or not block.text or block.text.isspace():
                return False
            if block.cache is not None or block.token is not None or block.extras.fields:
                return False
    return True
