"""The content of messages and of tools' outputs, part by part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    OPENAI,
    Audio,
    Block,
    CacheMark,
    Citation,
    Document,
    Foreign,
    Image,
    Inline,
    Media,
    Plain,
    Refusal,
    Remote,
    Stored,
    Text,
)
from magicgateway.conversation.ledger import Fields, invalid
from magicgateway.conversation.media import (
    inline,
    is_data_url,
    media_type_of_name,
    read_data_url,
    sniffed,
)
from magicgateway.dialects.openai_responses.extras import ITEMS, rest_of

_ANTHROPIC_FILE = "file_"
"""How Anthropic's ids of files begin; OpenAI's begin with ``file-``."""
_URL_CITATION = "url_citation"


def read_content(value: Any, place: str) -> tuple[tuple[Block, ...], bool]:
    """The blocks of a content, and whether it was one string.

    Raises:
        ApiError: 400: it is no content.
    """
    if isinstance(value, str):
        return (Text(text=value, field=place),), True
    if not isinstance(value, list):
        raise invalid(place, "must be a string or an array of parts")
    return tuple(_part(part, f"{place}[{i}]") for i, part in enumerate(value)), False


def _part(value: Any, place: str) -> Block:
    if not isinstance(value, dict):
        raise invalid(place, "must be an object")
    fields = Fields(value, place)
    kind = fields.needed("type")
    read = _PARTS.get(kind)
    if read is None:
        return Foreign(family=ITEMS, kind=kind, raw=value, field=place)
    return read(fields)


def read_cache(part: Fields) -> CacheMark | None:
    """The cache mark of a part."""
    mark = part.fields("prompt_cache_breakpoint")
    if mark is None:
        return None
    if mark.needed("mode") != "explicit":
        raise invalid(mark.at("mode"), "must be explicit")
    ttl = mark.text("ttl")
    part.leave("prompt_cache_breakpoint", mark)
    return CacheMark(ttl)


def read_citation(annotation: Fields, offset: int = 0) -> Citation:
    """One annotation of a text.

    Args:
        annotation: The object, which stays as it is.
        offset: Characters of the answer before the text that it is about.
    """
    raw = dict(annotation.rest(ITEMS).fields)
    kind = annotation.text("type") or ""
    start, end = annotation.integer("start_index"), annotation.integer("end_index")
    return Citation(
        kind="url" if kind == _URL_CITATION else kind,
        url=annotation.text("url"),
        title=annotation.text("title") or annotation.text("filename"),
        start=None if start is None else start + offset,
        end=None if end is None else end + offset,
        family=ITEMS,
        raw=raw,
    )


def _text(part: Fields) -> Block:
    text = part.needed("text")
    citations = tuple(map(read_citation, part.each("annotations")))
    if part.peek("logprobs") == []:
        part.take("logprobs")
    return Text(
        text=text, citations=citations, cache=read_cache(part), field=part.place,
        extras=rest_of(part),
    )  # fmt: skip


def _refusal(part: Fields) -> Block:
    return Refusal(text=part.needed("refusal"), field=part.place, extras=rest_of(part))


def _image(part: Fields) -> Block:
    detail, cache = part.text("detail"), read_cache(part)
    url, stored = part.text("image_url"), part.text("file_id")
    source: Media
    if url is not None:
        source = _at_url(url, part.at("image_url"))
    elif stored is not None:
        source = _stored(stored)
    else:
        raise invalid(part.place, "must have image_url or file_id")
    extras = rest_of(part)
    inlined = isinstance(source, Inline) and source.media_type.startswith("image/")
    if isinstance(source, Inline | Plain) and not inlined:
        return Document(source=source, cache=cache, field=part.place, extras=extras)
    return Image(source=source, detail=detail, cache=cache, field=part.place, extras=extras)


def _file(part: Fields) -> Block:
    name, cache = part.text("filename"), read_cache(part)
    data, stored, url = part.text("file_data"), part.text("file_id"), part.text("file_url")
    source: Media
    if data is not None:
        source = _file_data(data, name, part.at("file_data"))
    elif stored is not None:
        source = _stored(stored)
    elif url is not None:
        source = _at_url(url, part.at("file_url"))
    else:
        raise invalid(part.place, "must have file_data, file_id or file_url")
    extras = rest_of(part)
    if isinstance(source, Inline) and source.media_type.startswith("image/"):
        return Image(source=source, name=name, cache=cache, field=part.place, extras=extras)
    return Document(source=source, name=name, cache=cache, field=part.place, extras=extras)


def _file_data(data: str, name: str | None, place: str) -> Media:
    if is_data_url(data):
        return read_data_url(data, place)
    known = sniffed(Inline("", data)) or media_type_of_name(name)
    return inline(known or "application/octet-stream", data, place)


def _audio(part: Fields) -> Block:
    inner = part.fields("input_audio")
    if inner is None:
        raise invalid(part.at("input_audio"), "is required")
    data, form = inner.needed("data"), inner.text("format") or "wav"
    return Audio(
        source=Inline(f"audio/{form}", data),
        form=form,
        field=part.place,
        extras=rest_of(part, input_audio=inner),
    )


def _stored(file_id: str) -> Media:
    return Stored(file_id, ANTHROPIC if file_id.startswith(_ANTHROPIC_FILE) else OPENAI)


def _at_url(url: str, place: str) -> Media:
    if is_data_url(url):
        return read_data_url(url, place)
    if url[:8].lower().startswith(("https://", "http://")):
        return Remote(url)
    raise invalid(place, "must be an http(s) or data URL")


_PARTS: dict[str, Callable[[Fields], Block]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}
