"""Anthropic's Messages API as a dialect: see ``magicgateway.dialects.grammar``."""

from __future__ import annotations

from magicgateway.dialects.anthropic_messages.extras import FAMILY, SAID
from magicgateway.dialects.anthropic_messages.failures import read_failure
from magicgateway.dialects.anthropic_messages.reply_reader import read_reply
from magicgateway.dialects.anthropic_messages.reply_writer import write_reply
from magicgateway.dialects.anthropic_messages.request_reader import read_request
from magicgateway.dialects.anthropic_messages.request_writer import write_request
from magicgateway.dialects.anthropic_messages.stream_reader import open_reader
from magicgateway.dialects.anthropic_messages.stream_writer import open_writer
from magicgateway.dialects.anthropic_messages.token_count import (
    read_count,
    write_count,
    write_counted,
)

__all__ = [
    "FAMILY",
    "SAID",
    "open_reader",
    "open_writer",
    "read_count",
    "read_failure",
    "read_reply",
    "read_request",
    "write_count",
    "write_counted",
    "write_reply",
    "write_request",
]
