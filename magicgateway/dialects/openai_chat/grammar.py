"""OpenAI chat completions as a dialect: see ``magicgateway.dialects.grammar``."""

from __future__ import annotations

from magicgateway.conversation.blocks import OPENAI as FAMILY
from magicgateway.dialects.openai_chat.failures import read_failure
from magicgateway.dialects.openai_chat.part_writer import SAID
from magicgateway.dialects.openai_chat.reply_reader import read_reply
from magicgateway.dialects.openai_chat.reply_writer import write_reply
from magicgateway.dialects.openai_chat.request_reader import read_request
from magicgateway.dialects.openai_chat.request_writer import write_request
from magicgateway.dialects.openai_chat.stream_reader import open_reader
from magicgateway.dialects.openai_chat.stream_writer import open_writer

__all__ = [
    "FAMILY",
    "SAID",
    "open_reader",
    "open_writer",
    "read_failure",
    "read_reply",
    "read_request",
    "write_reply",
    "write_request",
]
