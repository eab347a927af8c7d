"""Reading the heads of one connection, which mostly say what the last one said.

A client that keeps its connection sends the same fields with every request, save the length of the
body. Comparing costs a tenth of reading, and whatever was concluded from a head (``standing``)
holds for the next one too.
"""

from __future__ import annotations

from magicgateway.wire.heads import HeadLimits, RequestHead, lower_name, read_request_head

_LENGTH = b"content-length"
_DIGITS = 18
"""Of a length, at most; see ``heads``."""


class HeadReader:
    """Reads one head after the other. It is a class because it remembers the last one.

    Args:
        limits: How large a head may be.
    """

    __slots__ = ("_after", "_before", "_head", "_limits", "_place", "_raw")

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        self._head: RequestHead | None = None
        self._raw = b""
        self._before = b""
        """What stands before the digits of the length; empty if there are none."""
        self._after = b""
        self._place = 0

    def read(self, raw: bytes) -> RequestHead:
        """Read a head, from its first byte through the empty line.

        Raises:
            BadHead: As ``read_request_head``.
        """
        head = self._head
        if head is not None:
            if raw == self._raw:
                return head
            if self._before and raw.startswith(self._before) and raw.endswith(self._after):
                digits = raw[len(self._before) : len(raw) - len(self._after)]
                if digits.isdigit() and len(digits) <= _DIGITS:
                    return self._with_length(head, digits)
        head = read_request_head(raw, self._limits)
        self._remember(raw, head)
        return head

    def _remember(self, raw: bytes, head: RequestHead) -> None:
        self._head = head
        self._raw = raw
        self._before = b""
        for place, (name, value) in enumerate(head.raw):
            if lower_name(name) == _LENGTH:
                start = raw.find(b"\r\n%b:" % name) + len(name) + 3
                start = raw.find(value, start)
                self._before, self._after = raw[:start], raw[start + len(value) :]
                self._place = place

    def _with_length(self, head: RequestHead, digits: bytes) -> RequestHead:
        name = head.raw[self._place][0]
        fields = dict(head.fields)
        fields[_LENGTH] = digits
        return RequestHead(
            method=head.method,
            target=head.target,
            version=head.version,
            raw=[*head.raw[: self._place], (name, digits), *head.raw[self._place + 1 :]],
            fields=fields,
            length=int(digits),
            keep_alive=head.keep_alive,
            expects_continue=head.expects_continue,
            standing=head.standing,
        )
