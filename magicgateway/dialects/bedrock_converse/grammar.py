"""Converse as a dialect: see ``magicgateway.dialects.grammar``."""

from __future__ import annotations

from magicgateway.dialects.bedrock_converse.extras import FAMILY, SAID
from magicgateway.dialects.bedrock_converse.failures import read_failure
from magicgateway.dialects.bedrock_converse.reply_reader import read_reply
from magicgateway.dialects.bedrock_converse.reply_writer import write_reply
from magicgateway.dialects.bedrock_converse.request_reader import read_request
from magicgateway.dialects.bedrock_converse.request_writer import write_request
from magicgateway.dialects.bedrock_converse.stream_reader import open_reader
from magicgateway.dialects.bedrock_converse.stream_writer import open_writer

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
