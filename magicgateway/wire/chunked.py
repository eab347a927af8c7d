"""The chunked transfer coding, read strictly and without copying more than it must.

Strict: a size is one to sixteen hexadecimal digits, lines end in CR LF, extensions and trailers
are bounded and thrown away. See RFC 9112 section 7.1.
"""

from __future__ import annotations

import re

LAST_CHUNK = b"0\r\n\r\n"
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})((?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?)\r\n")
_SIZE_BEGINNING = re.compile(rb"[0-9A-Fa-f]{1,16}(?:[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?)?\r?")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")
_SIZE_LINE_LIMIT = 256
_TRAILERS_LIMIT = 8 * 1024


class BadChunk(ValueError):
    """The framing is broken: where the body ends can no longer be said.

    ``pieces`` is the body that stood before the fault in what was fed last.
    """

    pieces: tuple[bytes, ...] = ()


def frame(data: bytes) -> bytes:
    """One chunk with ``data`` in it, which must not be empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class ChunkedDecoder:
    """Reads one chunked body. It is a class because a chunk may be cut anywhere.

    After ``feed``: ``done`` says that the last chunk and the trailers were read, ``rest`` holds
    the bytes after them, and ``whole`` that what was just fed was nothing but complete chunks
    without extensions, so that it may be forwarded framed as it came.
    """

    __slots__ = ("_beginning", "_left", "_trailer_bytes", "_trailers", "done", "rest", "whole")

    def __init__(self) -> None:
        self._left = 0  # bytes of the current chunk still to come, with its CR LF
        self._beginning = b""  # of a size line, or of the trailers
        self._trailers = False
        self._trailer_bytes = 0  # of complete lines, without their ends
        self.done = False
        self.rest = b""
        self.whole = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, give the pieces of body in them.

        Raises:
            BadChunk: The framing is broken.
        """
        pieces: list[bytes] = []
        try:
            self._feed(data, pieces)
        except BadChunk as fault:
            fault.pieces = tuple(pieces)
            raise
        return pieces

    def _feed(self, data: bytes, pieces: list[bytes]) -> None:
        self.whole = not (self._left or self._beginning or self._trailers)
        if self._beginning:
            data = self._beginning + data
            self._beginning = b""
        position = 0
        size = len(data)
        if self._left:
            position = self._continue_chunk(data, pieces)
        while position < size and not self._trailers:
            match = _SIZE.match(data, position)
            if match is None:
                self._keep_beginning(data[position:])
                return
            if match[2]:
                self._refuse_long_extension(match)
                self.whole = False
            start = match.end()
            length = int(match[1], 16)
            end = start + length
            if length == 0:
                self._trailers = True
                position = start
            elif end + 2 <= size:
                if data[end : end + 2] != b"\r\n":
                    raise BadChunk("a chunk does not end in CR LF")
                pieces.append(data[start:end])
                position = end + 2
            else:
                self._left = length + 2
                self.whole = False
                position = start
                position += self._continue_chunk(data[start:], pieces)
        if self._trailers:
            self._read_trailers(data[position:])

    def _continue_chunk(self, data: bytes, pieces: list[bytes]) -> int:
        """Take what ``data`` holds of the current chunk; says how many bytes that was."""
        left = self._left
        body = left - 2
        if body > 0 and data:
            pieces.append(data[:body] if len(data) > body else data)
        end = data[max(body, 0) : left]
        expected = b"\r\n"[max(-body, 0) :]
        if not expected.startswith(end):
            raise BadChunk("a chunk does not end in CR LF")
        taken = min(len(data), left)
        self._left = left - taken
        return taken

    def _keep_beginning(self, beginning: bytes) -> None:
        if len(beginning) > _SIZE_LINE_LIMIT or not _SIZE_BEGINNING.fullmatch(beginning):
            raise BadChunk("a chunk's size is malformed")
        self._beginning = beginning
        self.whole = False

    @staticmethod
    def _refuse_long_extension(match: re.Match[bytes]) -> None:
        if match.end() - match.start() > _SIZE_LINE_LIMIT:
            raise BadChunk("a chunk's extension is too long")

    def _read_trailers(self, data: bytes) -> None:
        """Trailers are checked, bounded and thrown away; they never become header fields."""
        self.whole = False
        position = 0
        while (end := data.find(b"\r\n", position)) != position:
            line_end = len(data) - data.endswith(b"\r") if end < 0 else end
            self._trailer_bytes += line_end - position
            if self._trailer_bytes > _TRAILERS_LIMIT:
                raise BadChunk("the trailers are too long")
            if end < 0:
                if b"\n" in data[position:]:
                    raise BadChunk("a trailer is malformed")
                self._beginning = data[position:]
                self._trailer_bytes -= line_end - position
                return
            if not _TRAILER_LINE.fullmatch(data, position, end):
                raise BadChunk("a trailer is malformed")
            position = end + 2
        self.done = True
        self.rest = data[position + 2 :]
