"""HTTP/1.1 message heads: llhttp reads the fields, our own rules decide what is acceptable.

A head is read whole: the caller collects bytes up to the empty line, counts them, and hands them
over in one piece. One regular expression first refuses everything that two readers could
understand differently (bare CR or LF, folded lines, control bytes, odd names or versions), then
llhttp takes the head apart, then the framing fields are judged. Both must agree.

See RFC 9112 sections 2.2, 3, 5 and 6, RFC 9110 sections 5.5, 7.2 and 10.1.1.
"""

from __future__ import annotations

import re
from typing import Any

import httptools
import msgspec

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
FIELDS = rb"(?:" + TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n"
_REQUEST = re.compile(
    rb"(" + TOKEN + rb"++) ([\x21-\x7e]++) (HTTP/(?:[0-9])\.(?:[0-9]))\r\n" + FIELDS
)
_AUTHORITY = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.%A-Za-z_~-]+\])(?::[0-9]{0,5})?"
)
LENGTH = re.compile(rb"[0-9]{1,18}")
_SUSPICIOUS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n|\Z)|\n[ \t]")
_UNREPEATABLE = frozenset(
    {
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"content-type",
        b"expect",
        b"origin",
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
        b"x-magicapi-api-key",
        b"x-magicgateway-key",
        b"x-provider",
        b"x-request-id",
        b"anthropic-version",
    }
)
_lower_names: dict[bytes, bytes] = {}
"""Field names as they came -> lower case. Callers use few names, so this saves a copy of each;
bounded in number and length, because names are the peer's to choose."""
_LOWER_NAMES_LIMIT = 2048
_LONGEST_NAME = 64


class HeadLimits(msgspec.Struct, frozen=True):
    """How large a head may be: bytes in all, per line, of the target, and the number of fields."""

    head_bytes: int = 64 * 1024
    line_bytes: int = 16 * 1024
    target_bytes: int = 8 * 1024
    fields: int = 100


class BadHead(ValueError):
    """A head that is refused: with the status to answer and a sentence that says what is wrong."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class RequestHead(msgspec.Struct):
    """A request's head, judged.

    ``target`` is in origin form, ``raw`` the fields as they came, ``fields`` the same by
    lower-case name (repeated ones joined with a comma). ``length`` is the declared body size, 0
    without a body, -1 when the body is chunked. ``version`` is 10 or 11.
    """

    method: bytes
    target: bytes
    version: int
    raw: list[tuple[bytes, bytes]]
    fields: dict[bytes, bytes]
    length: int
    keep_alive: bool
    expects_continue: bool
    standing: Any = None
    """What its reader concluded from it, for the next head that says the same."""


CHUNKED = -1
UNTIL_CLOSE = -2


class Collector:
    """What llhttp calls while it reads one head."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))


def lower_name(name: bytes) -> bytes:
    """A field name in lower case, remembered."""
    low = _lower_names.get(name)
    if low is None:
        if len(name) > _LONGEST_NAME:
            return name.lower()
        if len(_lower_names) >= _LOWER_NAMES_LIMIT:
            _lower_names.clear()
        low = _lower_names[name] = name.lower()
    return low


def find_fault(partial: bytes, limits: HeadLimits, seen: int = 0) -> BadHead | None:
    """What is already wrong with a head of which only a part has arrived, if anything is.

    So that a peer that does not speak HTTP learns it at once and not after the head's deadline.
    ``seen`` bytes were looked at before.
    """
    if _SUSPICIOUS.search(partial, max(seen - 2, 0)):
        return BadHead(400, "bad_request_head", _explain(partial))
    line_end = partial.find(b"\r\n", 0, limits.line_bytes + 2)
    if line_end < 0 and len(partial) > limits.target_bytes:
        target = partial.split(b" ", 2)[1:2]
        if target and len(target[0]) > limits.target_bytes:
            return _target_too_long(limits)
    # A line's own CR LF does not count, and a head may be cut between the two.
    line = len(partial) - (partial.rfind(b"\n") + 1) - (partial[-1:] == b"\r")
    if line > limits.line_bytes:
        return _line_too_long(limits)
    if len(partial) > limits.head_bytes:
        return _head_too_large(limits)
    return None


def read_request_head(head: bytes, limits: HeadLimits) -> RequestHead:
    """Read a request's head, from its first byte through the empty line.

    Raises:
        BadHead: The head is malformed, ambiguous or too large.
    """
    match = _REQUEST.fullmatch(head)
    if match is None:
        raise _refuse_request(head, limits)
    size = len(head)
    if size > limits.target_bytes or size > limits.line_bytes or size > limits.head_bytes:
        _check_sizes(head, match[2], limits)
    version = _VERSIONS.get(match[3])
    if version is None:
        raise BadHead(505, "http_version", "Speak HTTP/1.1 (or HTTP/1.0) to this gateway.")
    method = match[1]
    if method in (b"CONNECT", b"TRACE"):
        raise BadHead(405, "method_not_allowed", f"{method.decode()} is not allowed here.")
    collector = Collector()
    parser = httptools.HttpRequestParser(collector)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # an offer we decline: the request is served as plain HTTP/1.1
    except httptools.HttpParserError as error:
        raise BadHead(400, "bad_request_head", f"The request head is malformed: {error}.") from None
    raw = collector.fields
    if b" \r\n" in head or b"\t\r\n" in head:  # llhttp leaves white space after values
        raw = [(name, value.rstrip(b" \t")) for name, value in raw]
    if len(raw) > limits.fields:
        raise BadHead(
            431, "too_many_fields", f"More than {limits.fields} header fields (limits.fields)."
        )
    fields = _by_name(raw)
    return RequestHead(
        method=method,
        target=_origin_form(method, match[2], _host(fields)),
        version=version,
        raw=raw,
        fields=fields,
        length=_request_length(fields, version),
        keep_alive=persists(fields.get(b"connection"), version),
        expects_continue=b"expect" in fields and _expectation(fields[b"expect"], version),
    )


_VERSIONS = {b"HTTP/1.1": 11, b"HTTP/1.0": 10}


def _by_name(raw: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    known = _lower_names
    for name, value in raw:
        low = known.get(name) or lower_name(name)
        if low in fields:
            if low in _UNREPEATABLE:
                raise BadHead(
                    400, "repeated_field", f"The header {low.decode('latin-1')} is given twice."
                )
            fields[low] += b", " + value
        else:
            fields[low] = value
    return fields


def _host(fields: dict[bytes, bytes]) -> bytes:
    host = fields.get(b"host")
    if host is None:
        raise BadHead(400, "missing_host", "The Host header is missing.")
    if not _AUTHORITY.fullmatch(host):
        raise BadHead(400, "bad_host", "The Host header is not a host name and port.")
    return host


def _origin_form(method: bytes, target: bytes, host: bytes) -> bytes:
    """The target as path and query; an absolute form must name the same host (RFC 9112 3.2)."""
    if b"#" in target:
        raise BadHead(400, "bad_target", "The request target contains a fragment.")
    if target[:1] == b"/":
        return target
    if target == b"*":
        if method == b"OPTIONS":
            return target
        raise BadHead(400, "bad_target", "The target * is for OPTIONS only.")
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        raise BadHead(400, "bad_target", "The request target is neither a path nor a URL.")
    cut = re.search(rb"[/?]", rest)
    authority = rest[: cut.start()] if cut else rest
    if authority.lower() != host.lower():
        raise BadHead(400, "bad_target", "The target's host differs from the Host header.")
    path = rest[cut.start() :] if cut else b"/"
    return path if path[:1] == b"/" else b"/" + path


def _request_length(fields: dict[bytes, bytes], version: int) -> int:
    length = fields.get(b"content-length")
    coding = fields.get(b"transfer-encoding")
    if coding is not None:
        if length is not None:
            raise BadHead(
                400, "ambiguous_length", "Content-Length and Transfer-Encoding exclude each other."
            )
        if version == 10 or coding.lower() != b"chunked":
            raise BadHead(
                400,
                "bad_transfer_encoding",
                "The only transfer coding taken is chunked (HTTP/1.1).",
            )
        return CHUNKED
    if length is None:
        return 0
    if not LENGTH.fullmatch(length):
        raise BadHead(400, "bad_length", "Content-Length is not one plain number.")
    return int(length)


def persists(connection: bytes | None, version: int) -> bool:
    """Whether the connection stays open, by version and Connection tokens in any spelling."""
    if connection is None:
        return version == 11
    tokens = {token.strip() for token in connection.lower().split(b",")}
    if b"close" in tokens:
        return False
    return version == 11 or b"keep-alive" in tokens


def _expectation(value: bytes, version: int) -> bool:
    if value.lower() != b"100-continue":
        raise BadHead(417, "unknown_expectation", "The only expectation met is 100-continue.")
    return version == 11


def _refuse_request(head: bytes, limits: HeadLimits) -> BadHead:
    target = head.split(b" ", 2)[1:2]
    if target and len(target[0]) > limits.target_bytes and b"\n" not in target[0]:
        return _target_too_long(limits)
    return find_fault(head[:-2], limits) or BadHead(400, "bad_request_head", _explain(head))


def _explain(head: bytes) -> str:
    """Which rule a malformed head breaks, in words that do not repeat the head's bytes."""
    if re.search(rb"(?<!\r)\n", head) or re.search(rb"\r(?!\n)", head):
        return "Lines of the request head must end in CR LF."
    if re.search(rb"\n[ \t]", head):
        return "Folded header lines are not taken."
    if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", head):
        return "The request head contains a control byte."
    return "The request head is malformed."


def _check_sizes(head: bytes, target: bytes, limits: HeadLimits) -> None:
    if len(target) > limits.target_bytes:
        raise _target_too_long(limits)
    if len(head) > limits.head_bytes:
        raise _head_too_large(limits)
    if len(head) > limits.line_bytes and max(map(len, head.split(b"\r\n"))) > limits.line_bytes:
        raise _line_too_long(limits)


def _target_too_long(limits: HeadLimits) -> BadHead:
    return BadHead(
        414,
        "target_too_long",
        f"The request target is longer than {limits.target_bytes} bytes (limits.target_bytes).",
    )


def _line_too_long(limits: HeadLimits) -> BadHead:
    return BadHead(
        431,
        "field_too_large",
        f"A header line is longer than {limits.line_bytes} bytes (limits.line_bytes).",
    )


def _head_too_large(limits: HeadLimits) -> BadHead:
    return BadHead(
        431,
        "head_too_large",
        f"The request head is larger than {limits.head_bytes} bytes (limits.head_bytes).",
    )
