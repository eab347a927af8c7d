"""What a message carries beside its text, told in a few words so that callers see it arrived."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from magicgateway.demo.reading import text_of

_KINDS = ("image", "document", "video", "audio")
_NESTED = ("tool_result", "toolResult", "function_call_output")


def attachments(content: Any) -> tuple[str, ...]:
    """Every image, document, video and sound in a message, in the words of any dialect.

    Bytes are told by size and hash, what is fetched by its address.
    """
    return tuple(_found(content))


def _found(content: Any) -> Iterator[str]:
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, dict):
            continue
        kind = text_of(part.get("type"))
        if kind in _NESTED:
            yield from _found(part.get("content"))
        elif isinstance(inner := part.get("toolResult"), dict):
            yield from _found(inner.get("content"))
        elif told := _openai(kind, part) or _anthropic(kind, part) or _aws(part):
            yield told


def _openai(kind: str, part: Mapping[str, Any]) -> str:
    if kind in ("image_url", "input_image"):
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        return _told("image", text_of(url or part.get("file_id")))
    if kind == "file":
        file = part.get("file")
        return _file(file) if isinstance(file, dict) else ""
    if kind == "input_file":
        return _file(part)
    if kind == "input_audio" and isinstance(sound := part.get("input_audio"), dict):
        return _bytes(f"audio {text_of(sound.get('format'))}", text_of(sound.get("data")))
    return ""


def _file(file: Mapping[str, Any]) -> str:
    source = file.get("file_data") or file.get("file_url") or file.get("file_id")
    return _told("document", text_of(source))


def _anthropic(kind: str, part: Mapping[str, Any]) -> str:
    source = part.get("source")
    if kind not in _KINDS or not isinstance(source, dict):
        return ""
    if source.get("type") == "base64":
        return _bytes(f"{kind} {text_of(source.get('media_type'))}", text_of(source.get("data")))
    if source.get("type") == "text":
        return f"{kind} text {len(text_of(source.get('data')))} characters"
    return f"{kind} at {text_of(source.get('url') or source.get('file_id'))}"


def _aws(part: Mapping[str, Any]) -> str:
    for kind in _KINDS:
        if isinstance(block := part.get(kind), dict) and isinstance(block.get("source"), dict):
            source, form = block["source"], text_of(block.get("format"))
            if "bytes" in source:
                return _bytes(f"{kind} {form}", text_of(source["bytes"]))
            if isinstance(place := source.get("s3Location"), dict):
                return f"{kind} at {text_of(place.get('uri'))}"
            return f"{kind} {form}"
    return ""


def _told(kind: str, source: str) -> str:
    if source.startswith("data:"):
        head, _, data = source.partition(",")
        return _bytes(f"{kind} {head[5:].partition(';')[0]}", data)
    return f"{kind} at {source}"


def _bytes(what: str, text: str) -> str:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        return f"{what} that is no base64"
    return f"{what} {len(data)} bytes {hashlib.sha256(data).hexdigest()[:8]}"
