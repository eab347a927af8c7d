"""OpenAI's legacy completions as a door's dialect: see ``magicgateway.dialects.grammar``.

Nobody is asked in it but providers that have it, and these get the caller's bytes: so there is only
the door's half.
"""

from __future__ import annotations

from magicgateway.conversation.blocks import OPENAI as FAMILY
from magicgateway.dialects.openai_completions.reply_writer import write_reply
from magicgateway.dialects.openai_completions.request_reader import read_request
from magicgateway.dialects.openai_completions.stream_writer import open_writer

SAID = "OpenAI completions"

__all__ = ["FAMILY", "SAID", "open_writer", "read_request", "write_reply"]
