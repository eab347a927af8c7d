"""Heads of our own answers."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.notes import DROPPED, Note
from magicgateway.conversation.reasons import Reason
from magicgateway.serving.answer import (
    CLOSE,
    OwnFields,
    length_line,
    status_line,
    warnings,
    whole,
)


class AnswerTests(SynchronousTestCase):
    def test_status_lines(self) -> None:
        """Known statuses have their phrase, others none."""
        self.assertEqual(b"HTTP/1.1 404 Not Found\r\n", status_line(404))
        self.assertEqual(b"HTTP/1.1 529 \r\n", status_line(529))

    def test_own_fields(self) -> None:
        """Date, server and the rest, made anew each second; no version is told."""
        now = [784111777.9]
        fields = OwnFields(lambda: now[0])
        expected = (
            b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            b"Server: MagicGateway\r\nX-Content-Type-Options: nosniff\r\n"
        )
        self.assertEqual(expected, fields())
        self.assertIs(fields(), fields())
        now[0] += 1
        self.assertIn(b"08:49:38", fields())

    def test_warnings(self) -> None:
        """A line for each note; of more than sixteen the last line says how many are left."""
        notes = [Note(f"f{number}", DROPPED, Reason.BLANK) for number in range(18)]
        lines = [b"x-magicgateway-warning: f%d;dropped;blank\r\n" % n for n in range(16)]
        self.assertEqual([], warnings([]))
        self.assertEqual(lines, warnings(notes[:16]))
        counted = b"x-magicgateway-warning: *;dropped;others-3\r\n"
        self.assertEqual([*lines[:15], counted], warnings(notes))

    def test_whole(self) -> None:
        """A head with its length and the body; to HEAD the same head without it."""
        head = b"HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
        self.assertEqual(head + b"{}", whole(200, b"Date: x\r\n", [CLOSE], b"{}"))
        self.assertEqual(head, whole(200, b"Date: x\r\n", [CLOSE], b"{}", send_body=False))
        self.assertEqual(b"Content-Length: 0\r\n", length_line(0))

    def test_no_length_of_nothing(self) -> None:
        """204 has no body and no length (RFC 9110 8.6)."""
        self.assertEqual(b"HTTP/1.1 204 No Content\r\n\r\n", whole(204, b"", [], b""))
