"""OpenAI Responses, as one of the dialects that are translated: see ``dialects.grammar``."""

from __future__ import annotations

from magicgateway.dialects.openai_responses.extras import FAMILY, SAID
from magicgateway.dialects.openai_responses.failures import read_failure
from magicgateway.dialects.openai_responses.reply_reader import read_reply
from magicgateway.dialects.openai_responses.reply_writer import write_reply
from magicgateway.dialects.openai_responses.request_reader import read_request
from magicgateway.dialects.openai_responses.request_writer import write_request
from magicgateway.dialects.openai_responses.stream_reader import open_reader
from magicgateway.dialects.openai_responses.stream_writer import open_writer

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
