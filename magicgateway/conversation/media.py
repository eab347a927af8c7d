"""Pictures and files: data URLs, types, and what has to be fetched first.

Base64 text is passed on as it came, without being decoded: only its alphabet is looked at, and its
beginning, which tells what it really is.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

from attrs import evolve, frozen

from magicgateway.conversation.blocks import (
    Block,
    Document,
    Image,
    Inline,
    Media,
    Plain,
    Remote,
    ToolResult,
)
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, invalid
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import Request
from magicgateway.errors import ApiError

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
"""What every provider that sees takes."""

PDF = "application/pdf"
MEDIA_TYPE_OF_FORMAT: Mapping[str, str] = MappingProxyType({
    "pdf": PDF,
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "mpeg": "video/mpeg",
    "wmv": "video/x-ms-wmv",
    "three_gp": "video/3gpp",
})  # fmt: skip
"""By the short name that formats have, which is also the usual end of a file's name."""
FORMAT_OF_MEDIA_TYPE: Mapping[str, str] = MappingProxyType(
    {media_type: form for form, media_type in MEDIA_TYPE_OF_FORMAT.items()}
)
_SAME = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "text/x-markdown": "text/markdown",
    "application/csv": "text/csv",
    "application/x-pdf": PDF,
}
"""Other words for a type."""
_SUFFIXES = {"jpg": "jpeg", "htm": "html", "markdown": "md", "text": "txt", "3gp": "three_gp"}
_TEXTUAL = frozenset({"application/json", "application/xml", "application/yaml"})

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", PDF),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
_SLICE = 1024 * 1024
_SNIFFED = 24
"""Characters of base64, of which a type can be told: 18 bytes."""
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SPACE = b" \t\r\n\f\v"
_HEAD = re.compile(r"data:([^,]*),", re.IGNORECASE)
_LONGEST_HEAD = 512


def media_type(name: str) -> str:
    """A media type in the one spelling used here, without parameters."""
    bare = name.partition(";")[0].strip().lower()
    return _SAME.get(bare, bare)


def media_type_of_name(name: str | None) -> str | None:
    """What the end of a file's name says about its type."""
    suffix = (name or "").rpartition(".")[2].lower()
    return MEDIA_TYPE_OF_FORMAT.get(_SUFFIXES.get(suffix, suffix))


def is_textual(media_type: str) -> bool:
    """Whether a file of this type is text."""
    return media_type.startswith("text/") or media_type in _TEXTUAL


def is_data_url(url: str) -> bool:
    """Whether an address is its own content."""
    return url[:5].lower() == "data:"


def read_data_url(url: str, field: str) -> Inline | Plain:
    """What a data URL holds: text where its type is one of text, else base64.

    Raises:
        ApiError: 400: it is no data URL, or its content is not what it says.
    """
    head = _HEAD.match(url, 0, _LONGEST_HEAD)
    if head is None:
        raise invalid(field, "must be a data URL: data:TYPE;base64,DATA")
    kind, *options = (part.strip() for part in head[1].split(";"))
    named = media_type(kind or "text/plain")
    data = url[head.end() :]
    if any(option.lower() == "base64" for option in options):
        return inline(named, data, field)
    raw = unquote_to_bytes(data)
    if is_textual(named):
        text = _utf8(raw)
        if text is not None:
            return Plain(text, named)
    return Inline(named, base64.b64encode(raw).decode())


def inline(named: str, data: str, field: str) -> Inline | Plain:
    """Base64 text as a source: as text where its type is one of text.

    Args:
        named: Its media type.
        data: Base64; white space in it, and padding that it lacks, are no fault.
        field: Where it stood.

    Raises:
        ApiError: 400: it is not base64.
    """
    named = media_type(named)
    source = Inline(named, checked_base64(data, field))
    if not is_textual(named):
        return source
    text = _utf8(base64.b64decode(source.data))
    return source if text is None else Plain(text, named)


def checked_base64(data: str, field: str) -> str:
    """Base64 text without white space and with its padding.

    Raises:
        ApiError: 400: it is something else.
    """
    try:
        strange = _without(data, _ALPHABET)
        if strange.strip("="):
            data = _without(data, _SPACE)
            strange = _without(data, _ALPHABET)
    except UnicodeEncodeError:
        raise invalid(field, "must be base64") from None
    length = len(data) - len(strange)
    padding = "=" * (-length % 4)
    fits = not strange or strange == padding
    if not length or length % 4 == 1 or not fits or not data.endswith(strange):
        raise invalid(field, "must be base64")
    return data if strange else data + padding


def _without(data: str, characters: bytes) -> str:
    """What is left of ASCII text without some characters, in slices: other threads may go on."""
    slices = (data[start : start + _SLICE] for start in range(0, len(data), _SLICE))
    return "".join(part.encode("ascii").translate(None, characters).decode() for part in slices)


def _utf8(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def sniffed(source: Inline) -> str | None:
    """The media type that the first bytes tell; None where they tell nothing."""
    try:
        start = base64.b64decode(source.data[:_SNIFFED])
    except (binascii.Error, ValueError):
        return None
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    if start[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(start[8:12])
    return None


def checked_image(
    source: Inline,
    field: str,
    ledger: Ledger | None = None,
    types: frozenset[str] = IMAGE_TYPES,
) -> Inline:
    """A picture under the type that it has.

    Args:
        source: As the caller declared it.
        field: Where it stood.
        ledger: Is told when its bytes are of another type than was declared.
        types: What the target takes.

    Raises:
        ApiError: 400: the target does not take pictures of its type.
    """
    declared = media_type(source.media_type)
    real = sniffed(source) or declared
    if real not in types:
        raise ApiError(
            400,
            "invalid_request",
            f"{field} is {real or 'of no type'}; only {', '.join(sorted(types))} can be sent.",
            param=field,
        )
    if real == declared == source.media_type:
        return source
    if real != declared and ledger is not None:
        ledger.rewrite(field, Reason.MEDIA_TYPE_CORRECTED)
    return evolve(source, media_type=real)


@frozen
class Wanted:
    """One thing to be fetched before a request can be written.

    Attributes:
        url: Its address, ``https``.
        field: Where it stood.
        image: A picture is expected, else any file.
    """

    url: str
    field: str
    image: bool


def remote_sources(request: Request, capabilities: Capabilities) -> tuple[Wanted, ...]:
    """What the target takes only as bytes and the caller gave as an address, each once.

    Raises:
        ApiError: 400: an address is not ``https``, and the target would not fetch it.
    """
    found: dict[str, Wanted] = {}
    for block in _media_blocks(block for turn in request.turns for block in turn.blocks):
        source = block.source
        if not isinstance(source, Remote) or source.url in found:
            continue
        image = isinstance(block, Image)
        if capabilities.image_urls if image else capabilities.document_urls:
            continue
        scheme = source.url.partition(":")[0].lower()
        if scheme == "http":
            raise invalid(block.field, "must be an https address or a data URL")
        if scheme == "https":
            found[source.url] = Wanted(source.url, block.field, image)
    return tuple(found.values())


def with_fetched(request: Request, fetched: Mapping[str, Inline | Plain]) -> Request:
    """The request with bytes in the place of the addresses in ``fetched``."""

    def change(source: Media) -> Media:
        return fetched.get(source.url, source) if isinstance(source, Remote) else source

    if not fetched:
        return request
    return evolve(
        request,
        turns=tuple(
            evolve(turn, blocks=tuple(_with_sources(block, change) for block in turn.blocks))
            for turn in request.turns
        ),
    )


def _media_blocks(blocks: Iterable[Block]) -> Iterator[Image | Document]:
    for block in blocks:
        if isinstance(block, Image | Document):
            yield block
        if isinstance(block, ToolResult | Document):
            yield from _media_blocks(block.content)


def _with_sources(block: Block, change: Callable[[Media], Media]) -> Block:
    if isinstance(block, ToolResult | Document) and block.content:
        content = tuple(_with_sources(inner, change) for inner in block.content)
        block = evolve(block, content=content)
    if isinstance(block, Image | Document):
        source = change(block.source)
        return block if source is block.source else evolve(block, source=source)
    return block
