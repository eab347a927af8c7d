"""OpenAI's files. Nothing is stored: what a file is like follows from its id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from magicgateway.demo.audio import file_of
from magicgateway.demo.call import CREATED, Answer, Call, Event, Refusal, json_answer
from magicgateway.demo.reading import MISSING_MODEL
from magicgateway.demo.wording import digest

_LINE = b'{"line":%12d,"text":"Bytes that need no change should pass untouched."}\n'
_LINE_SIZE = len(_LINE % 0)
_LINES_AT_ONCE = 200


def upload(call: Call) -> Answer:
    """``POST /v1/files``: the id holds the beginning of the file's SHA-256."""
    form, part = file_of(call)
    purpose = form.value("purpose")
    if not purpose:
        raise Refusal(400, "purpose must be given.", param="purpose")
    value = _file("file-" + part.sha256[:24], part.filename or "", part.size)
    return json_answer({**value, "purpose": purpose})


def list_files(_: Call) -> Answer:
    """``GET /v1/files``: always empty."""
    return json_answer({"object": "list", "data": [], "has_more": False})


def one_file(_: Call, name: str) -> Answer:
    """``GET /v1/files/{id}``."""
    _check(name)
    return json_answer(_file(name, name + ".jsonl", _lines(name) * _LINE_SIZE))


def delete_file(_: Call, name: str) -> Answer:
    """``DELETE /v1/files/{id}``."""
    _check(name)
    return json_answer({"id": name, "object": "file", "deleted": True})


def content(call: Call, name: str) -> Answer:
    """``GET /v1/files/{id}/content``: numbered lines, as many bytes as the script says."""
    _check(name)
    size = call.script.bytes
    if size is None:
        size = _lines(name) * _LINE_SIZE

    def body() -> Iterator[Event]:
        for start in range(0, size, _LINES_AT_ONCE * _LINE_SIZE):
            first = start // _LINE_SIZE
            numbers = tuple(range(first, first + _LINES_AT_ONCE))
            yield Event(((_LINE * _LINES_AT_ONCE) % numbers)[: size - start])

    return Answer("application/octet-stream", body, size, generated=True)


def _check(name: str) -> None:
    """Every id that looks like one is a file, but for the one that is said to be missing."""
    if not name.startswith("file-") or name == f"file-{MISSING_MODEL}":
        raise Refusal(404, f"No such File object: {name}", param="id")


def _lines(name: str) -> int:
    return 3 + digest(name)[0] % 16


def _file(name: str, filename: str, size: int) -> dict[str, Any]:
    return {
        "id": name,
        "object": "file",
        "bytes": size,
        "created_at": CREATED,
        "filename": filename,
        "purpose": "user_data",
        "status": "processed",
    }
