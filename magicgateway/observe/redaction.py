"""The last filter before anything is written: no credential gets into a log.

Credentials are kept out by construction (``magicgateway.config.secret``); this is for what slips
past it, for example a provider's error text that echoes a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from magicgateway.config.secret import Secret
from magicgateway.observe.escaping import ascii_json, encodable, printable, word
from magicgateway.wire.jsontext import encode

REDACTED = b"[redacted]"
SHORTEST = 6
"""Characters. A shorter secret is a word: removing it would only tear holes into lines."""
_PLACEHOLDER = re.compile(r"[a-z]+(?:-[a-z]+)*")
_LONGEST_PLACEHOLDER = 12
"""What local servers want as a key (``ollama``, ``lm-studio``) is a name, not a secret."""

# Each search costs next to nothing while its hint is absent. The value classes hold neither quote
# nor backslash, so a JSON text stays one; no pattern can backtrack over more than a separator.
_VALUE = rb"[A-Za-z0-9._~+/=%:-]"
_QUOTE = rb"(?:b?\\{0,2}[\"'])?"
_START = rb"(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4}))"
_FIELDS = (
    rb"proxy-authorization|authorization|api[-_]?key|access[-_]key(?:[-_]id)?"
    rb"|(?:session|security)[-_]token|magicgateway[-_]key"
)
_SHAPES: tuple[tuple[tuple[bytes, ...], re.Pattern[bytes], bytes], ...] = (
    (
        (b"bearer",),
        re.compile(rb"(?i)(bearer)(?:[ \t+]|%20){1,4}" + _VALUE + rb"{6,}"),
        rb"\1 " + REDACTED,
    ),
    (
        (b"authorization", b"key", b"session", b"security"),
        re.compile(
            rb"(?i)((?:"
            + _FIELDS
            + rb")"
            + _QUOTE
            + rb" {0,2}[:=,] {0,2}\[?"
            + _QUOTE
            # The scheme of an Authorization field may stay, what follows it may not.
            + rb"(?:[A-Za-z][A-Za-z0-9-]{2,23} )?)(?!bearer[ +%])"
            + _VALUE
            # What a colon follows is the next key of a JSON line, not a value.
            + rb"{6,}+(?!\\{0,2}[\"']:)"
        ),
        rb"\1" + REDACTED,
    ),
    (
        (b"sk-",),
        re.compile(_START + rb"sk-[A-Za-z0-9_-]{8,}"),
        REDACTED,
    ),
    (
        (b"akia", b"asia"),
        re.compile(_START + rb"(?:AKIA|ASIA)[A-Z0-9]{12,}"),
        REDACTED,
    ),
    (
        (b"gsk_", b"xai-", b"pplx-", b"nvapi-", b"aiza", b"absk", b"hf_", b"csk-", b"fw_", b"tgp_"),
        re.compile(
            _START + rb"(?:gsk_|xai-|pplx-|nvapi-|AIza|ABSK|hf_|csk-|fw_|tgp_)[A-Za-z0-9_+/=-]{16,}"
        ),
        REDACTED,
    ),
    (
        (b"key=", b"token=", b"secret=", b"signature=", b"credential=", b"password="),
        re.compile(
            rb"(?i)((?:key|token|secret|signature|credential|password)=)" + _VALUE + rb"{4,}"
        ),
        rb"\1" + REDACTED,
    ),
)


def _is_placeholder(text: str) -> bool:
    return len(text) <= _LONGEST_PLACEHOLDER and _PLACEHOLDER.fullmatch(text) is not None


def _spellings(text: str) -> set[bytes]:
    """Every form in which a secret may stand in a line; one or two for most of them."""
    raw = text.encode("utf-8", "surrogateescape")
    plain = encodable(text)
    json_text = encode(plain)
    percent = quote(raw, safe="")
    forms = {raw, plain.encode(), printable(plain).encode(), word(plain).encode(), percent.encode()}
    forms.add(re.sub("%..", lambda match: match[0].lower(), percent).encode())
    for spelled in (json_text, ascii_json(json_text), json_text.replace(b"/", b"\\/")):
        forms.add(spelled[1:-1])
        # JSON in a JSON string: a provider's error text that quotes what it got.
        forms.add(ascii_json(encode(spelled.decode()))[3:-3])
    forms |= {repr(form)[2:-1].encode() for form in tuple(forms)}
    return forms


class Redactor:
    """Removes what is, or looks like, a credential.

    Args:
        secrets: What the gateway was configured with. Each is looked for as it is, as JSON, Python
            and this package's own escapes spell it, and percent-encoded.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        needles: set[bytes] = set()
        for secret in secrets:
            text = secret.reveal()
            if len(text) >= SHORTEST and not _is_placeholder(text):
                needles |= _spellings(text)
        # A secret may contain another one: the longest goes first.
        self._needles = sorted(needles, key=len, reverse=True)

    def clean(self, data: bytes) -> bytes:
        """The same bytes without credentials. It may be one line or many."""
        for needle in self._needles:
            if needle in data:
                data = data.replace(needle, REDACTED)
        lowered = data.lower()
        for hints, shape, replacement in _SHAPES:
            if any(hint in lowered for hint in hints):
                data = shape.sub(replacement, data)
        return data

    def clean_text(self, text: str) -> str:
        """As ``clean``, for text that is not encoded yet."""
        return self.clean(text.encode("utf-8", "backslashreplace")).decode("utf-8", "replace")
