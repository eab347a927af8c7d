"""Pictures, files, sound and films as Converse has them: a format's short name and a source.

Converse takes bytes or an address in S3, and fetches nothing else. Base64 is passed on as it came.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from attrs import define, field

from magicgateway.conversation.blocks import (
    Audio,
    Document,
    Image,
    Inline,
    Media,
    Plain,
    Remote,
    Text,
    Video,
)
from magicgateway.conversation.ledger import Fields, Ledger, invalid, joined
from magicgateway.conversation.media import (
    FORMAT_OF_MEDIA_TYPE,
    MEDIA_TYPE_OF_FORMAT,
    checked_base64,
    checked_image,
    is_textual,
    media_type,
    media_type_of_name,
)
from magicgateway.conversation.reasons import Reason
from magicgateway.dialects.bedrock_converse.extras import SAID
from magicgateway.errors import ApiError

_IMAGES = frozenset({"png", "jpeg", "gif", "webp"})
_DOCUMENTS = frozenset({"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"})
_VIDEOS = frozenset({"mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"})
_AUDIOS = frozenset({
    "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg",
    "mpga", "pcm", "webm",
})  # fmt: skip
_S3 = "s3://"
_LONGEST_NAME = 200
_STRANGE = re.compile(r"[^A-Za-z0-9\-()\[\]_]+")

Written = dict[str, Any]


def type_of(kind: str, form: str) -> str:
    """The media type of a format; ``kind`` is ``image``, ``audio``, ``video``, ``document``."""
    known = MEDIA_TYPE_OF_FORMAT.get(form, "")
    if kind == "document":
        return known
    return known if known.startswith(f"{kind}/") else f"{kind}/{form}"


def read_source(source: Fields, named: str) -> tuple[Media | None, dict[str, Fields | None]]:
    """A source of bytes or of text, and the objects in it; None where it is of another kind.

    Args:
        source: The object; of a lenient reader's, base64 is not looked at.
        named: The media type, by the format beside it.
    """
    if "bytes" in source:
        data = source.needed("bytes")
        return Inline(named, checked_base64(data, source.at("bytes"))), {}
    place = source.fields("s3Location")
    if place is not None:
        return Remote(place.needed("uri"), named), {"s3Location": place}
    if "text" in source:
        return Plain(source.needed("text")), {}
    return None, {}


def s3_location(source: Remote) -> Written | None:
    """A source in S3; None for any other address."""
    return {"s3Location": {"uri": source.url}} if source.url.startswith(_S3) else None


def write_image(block: Image, ledger: Ledger) -> Written:
    """The inside of an image block.

    Raises:
        ApiError: 400: it is of a type that no model takes, or has no bytes.
    """
    source = block.source
    if block.detail not in (None, "auto"):
        ledger.drop(joined(block.field, "detail"))
    if block.name is not None:
        ledger.drop(joined(block.field, "filename"))
    if isinstance(source, Inline):
        checked = checked_image(source, block.field, ledger)
        form = checked.media_type.partition("/")[2]
        return {"format": form, "source": {"bytes": checked.data}}
    return _in_s3("image", source, block.field, _IMAGES)


def write_video(block: Video) -> Written:
    """The inside of a video block.

    Raises:
        ApiError: 400: as above.
    """
    if isinstance(block.source, Inline):
        form = _form_of("video", block.source.media_type, block.field, _VIDEOS)
        return {"format": form, "source": {"bytes": block.source.data}}
    return _in_s3("video", block.source, block.field, _VIDEOS)


def write_audio(block: Audio) -> Written:
    """The inside of an audio block.

    Raises:
        ApiError: 400: as above.
    """
    if isinstance(block.source, Inline):
        form = block.form
        if form not in _AUDIOS:
            form = _form_of("audio", block.source.media_type, block.field, _AUDIOS)
        return {"format": form, "source": {"bytes": block.source.data}}
    return _in_s3("audio", block.source, block.field, _AUDIOS)


def write_document(block: Document, name: str) -> Written:
    """The inside of a document block, but for what may be asked of it.

    Args:
        block: Its content, where it is given as blocks, must be texts.
        name: As it is to be sent.

    Raises:
        ApiError: 400: as above.
    """
    source = block.source
    if block.content:
        texts = [inner for inner in block.content if isinstance(inner, Text)]
        if len(texts) < len(block.content):
            raise invalid(block.field, f"has content other than text, which {SAID} cannot be given")
        return {"name": name, "source": {"content": [{"text": text.text} for text in texts]}}
    if isinstance(source, Plain):
        form = FORMAT_OF_MEDIA_TYPE.get(media_type(source.media_type), "txt")
        raw = base64.b64encode(source.text.encode("utf-8", "replace")).decode()
        form = form if form in _DOCUMENTS else "txt"
        return {"format": form, "name": name, "source": {"bytes": raw}}
    if isinstance(source, Inline):
        kind = media_type(source.media_type)
        if kind not in FORMAT_OF_MEDIA_TYPE:
            kind = media_type_of_name(block.name) or kind
        form = "txt" if is_textual(kind) else ""
        form = FORMAT_OF_MEDIA_TYPE.get(kind, form)
        if form not in _DOCUMENTS:
            raise invalid(block.field, f"is of the type {kind}, which no model reads")
        return {"format": form, "name": name, "source": {"bytes": source.data}}
    return {**_in_s3("document", source, block.field, _DOCUMENTS), "name": name}


def _form_of(kind: str, named: str, place: str, known: frozenset[str]) -> str:
    named = media_type(named)
    form = FORMAT_OF_MEDIA_TYPE.get(named, named.partition("/")[2])
    if form not in known:
        raise invalid(place, f"is {kind} of the type {named}, which no model takes")
    return form


def _in_s3(kind: str, source: Media, place: str, known: frozenset[str]) -> Written:
    """A format and a source for what stands at an address."""
    located = s3_location(source) if isinstance(source, Remote) else None
    if located is None or not isinstance(source, Remote):
        raise _not_bytes(place)
    named = source.media_type or media_type_of_name(source.url) or ""
    form = FORMAT_OF_MEDIA_TYPE.get(named, named.partition("/")[2])
    if form not in known:
        raise invalid(place, f"is {kind} of no type that its address tells")
    return {"format": form, "source": located}


def _not_bytes(place: str) -> ApiError:
    return invalid(place, f"must be given as bytes, which is all that {SAID} takes, or s3://")


@define
class DocumentNames:
    """Names that documents can be sent under. State: those that are taken.

    A name may hold letters, digits, single spaces and ``-()[]_``, and no two of a request may be
    the same. One that fits stays, and a conversation that grows keeps all it had.
    """

    taken: set[str] = field(factory=set)
    count: int = 0

    def name(self, block: Document, ledger: Ledger) -> str:
        """The name of the next document."""
        self.count += 1
        given = block.name or ""
        wanted = " ".join(_STRANGE.sub(" ", _without_end(given)).split())[:_LONGEST_NAME].strip()
        if given and _is_fit(given):
            wanted = given
        name = wanted = wanted or f"doc-{self.count}"
        number = 1
        while name in self.taken:
            number += 1
            suffix = f" ({number})"
            name = wanted[: _LONGEST_NAME - len(suffix)] + suffix
        self.taken.add(name)
        if given and name != given:
            ledger.rewrite(joined(block.field, "name"), Reason.RENAMED)
        return name


def _without_end(name: str) -> str:
    """A file's name without the end that says its type, which goes as the format."""
    return name.rpartition(".")[0] if media_type_of_name(name) and "." in name else name


def _is_fit(name: str) -> bool:
    return (
        len(name) <= _LONGEST_NAME
        and "  " not in name
        and name == name.strip()
        and not _STRANGE.search(name.replace(" ", ""))
    )
