"""The content of a chat message, part by part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    OPENAI,
    Audio,
    Block,
    Document,
    Foreign,
    Image,
    Inline,
    Media,
    Refusal,
    Remote,
    Stored,
    Text,
    Video,
)
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.media import (
    PDF,
    inline,
    is_data_url,
    media_type_of_name,
    read_data_url,
)
from magicgateway.dialects.openai_chat.extras import MESSAGES, rest_of
from magicgateway.dialects.openai_chat.reasoning import read_cache, read_thinking

_PDF = "JVBERi"
"""How base64 of a PDF begins."""
_ADDRESSES = ("https://", "http://", "s3://")
_ANTHROPIC_FILE = "file_"
"""How Anthropic's ids of files begin; OpenAI's begin with ``file-``."""


def read_content(message: Fields, ledger: Ledger) -> tuple[tuple[Block, ...], bool]:
    """The blocks of a message's ``content``, and whether it was one string."""
    value = message.take("content")
    place = message.at("content")
    if value is None:
        return (), False
    if isinstance(value, str):
        return (Text(text=value, field=place),), True
    if not isinstance(value, list):
        raise invalid(place, "must be a string or an array of parts")
    return tuple(_part(part, f"{place}[{i}]", ledger) for i, part in enumerate(value)), False


def _part(value: Any, place: str, ledger: Ledger) -> Block:
    if isinstance(value, str):  # not in the specification, and understood everywhere
        return Text(text=value, field=place)
    if not isinstance(value, dict):
        raise invalid(place, "must be an object")
    fields = Fields(value, place)
    if fields.peek("type") in ("thinking", "redacted_thinking"):
        return read_thinking(fields, ledger)
    kind = fields.text("type") or ("text" if "text" in value else "")
    read = _PARTS.get(kind)
    if read is None:
        if not kind:
            raise invalid(fields.at("type"), "is required")
        return Foreign(family=MESSAGES, kind=kind, raw=value, field=place)
    return read(fields)


def _text(part: Fields) -> Block:
    return Text(
        text=part.needed("text"), cache=read_cache(part), field=part.place, extras=rest_of(part)
    )


def _refusal(part: Fields) -> Block:
    return Refusal(text=part.needed("refusal"), field=part.place, extras=rest_of(part))


def _image(part: Fields) -> Block:
    inner = None
    if isinstance(part.peek("image_url"), str):
        url, detail = part.needed("image_url"), part.text("detail")
    else:
        inner = part.fields("image_url")
        if inner is None:
            raise invalid(part.at("image_url"), "is required")
        url, detail = inner.needed("url"), inner.text("detail")
    place = part.at("image_url.url")
    source = _at_url(url, place)
    cache = read_cache(part)
    extras = rest_of(part, image_url=inner)
    if isinstance(source, Inline) and source.media_type.startswith("image/"):
        return Image(source=source, detail=detail, cache=cache, field=part.place, extras=extras)
    if isinstance(source, Remote):
        return Image(source=source, detail=detail, cache=cache, field=part.place, extras=extras)
    return Document(source=source, cache=cache, field=part.place, extras=extras)


def _video(part: Fields) -> Block:
    """Moving pictures, which OpenAI does not know and many others take."""
    inner = None
    if isinstance(part.peek("video_url"), str):
        url = part.needed("video_url")
    else:
        inner = part.fields("video_url")
        if inner is None:
            raise invalid(part.at("video_url"), "is required")
        url = inner.needed("url")
    cache = read_cache(part)
    return Video(
        source=_at_url(url, part.at("video_url.url")), cache=cache, field=part.place,
        extras=rest_of(part, video_url=inner),
    )  # fmt: skip


def _at_url(url: str, place: str) -> Media:
    if is_data_url(url):
        return read_data_url(url, place)
    if url[:8].lower().startswith(_ADDRESSES):
        return Remote(url)
    raise invalid(place, "must be an http(s), s3 or data URL")


def _audio(part: Fields) -> Block:
    inner = part.fields("input_audio")
    if inner is None:
        raise invalid(part.at("input_audio"), "is required")
    form = inner.text("format") or ""
    source = Inline(f"audio/{form or 'wav'}", inner.needed("data"))
    cache = read_cache(part)
    return Audio(
        source=source, form=form, cache=cache, field=part.place,
        extras=rest_of(part, input_audio=inner),
    )  # fmt: skip


def _file(part: Fields) -> Block:
    inner = part.fields("file")
    if inner is None:
        raise invalid(part.at("file"), "is required")
    name = inner.text("filename")
    source = _file_source(inner, name)
    cache = read_cache(part)
    extras = rest_of(part, file=inner)
    if isinstance(source, Inline) and source.media_type.startswith("image/"):
        return Image(source=source, name=name, cache=cache, field=part.place, extras=extras)
    return Document(source=source, name=name, cache=cache, field=part.place, extras=extras)


def _file_source(inner: Fields, name: str | None) -> Media:
    data = inner.text("file_data")
    if data is not None:
        place = inner.at("file_data")
        if is_data_url(data):
            return read_data_url(data, place)
        return inline(_type_of(data, name), data, place)
    stored = inner.text("file_id")
    if stored is not None:
        return Stored(stored, ANTHROPIC if stored.startswith(_ANTHROPIC_FILE) else OPENAI)
    url = inner.text("file_url")
    if url is not None:
        return _at_url(url, inner.at("file_url"))
    raise invalid(inner.place, "must have file_data or file_id")


def _type_of(data: str, name: str | None) -> str:
    if data.startswith(_PDF):
        return PDF
    return media_type_of_name(name) or "application/octet-stream"


_PARTS: dict[str, Callable[[Fields], Block]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
    "video_url": _video,
}
