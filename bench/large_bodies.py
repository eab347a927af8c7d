"""The bodies of 50 MB and 20 MB of the bench, shaped like those that people send."""

from __future__ import annotations

import base64
import random

SIZE = 50_000_000
_BOUNDARY = "bench-7MA4YWxkTrZu0gW"
_MESSAGE_BYTES = 50_000
TRANSLATED_SIZE = 20_000_000
_TURN = 'He said \\"no\\",\\n then \\u00e9, {[braces]} and so on. ' * 18
_PNG = b"\x89PNG\r\n\x1a\n"


def json_body(size: int = SIZE) -> bytes:
    """A chat request: half of it one base64 text, half many messages, the model at the end.

    The official SDKs write ``model`` after ``messages``, so whoever looks for it has to read all.
    """
    source = random.Random(7)  # noqa: S311 - the bytes only have to be the same each time
    image = base64.b64encode(source.randbytes(size * 3 // 8)).decode("ascii")
    parts = [f'{{"messages":[{{"role":"user","content":"{image}"}}']
    length = len(parts[0])
    text = ('He said \\"no\\",\\n then \\u00e9, {[braces]} and "'[:-1] * 1200)[:_MESSAGE_BYTES]
    message = f',{{"role":"user","content":"{text.rstrip(chr(92))}."}}'
    while length + len(message) < size - 100:
        parts.append(message)
        length += len(message)
    parts.append('],"model":"bench","stream":false,"user":"')
    rest = size - length - len(parts[-1]) - 2
    parts.append("u" * rest + '"}')
    return "".join(parts).encode("ascii")


def upload(size: int = SIZE) -> tuple[str, bytes]:
    """A file upload as a form: content type and body."""
    source = random.Random(8)  # noqa: S311 - as above
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="bench.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode("ascii")
    tail = f"\r\n--{_BOUNDARY}--\r\n".encode("ascii")
    content = source.randbytes(size - len(head) - len(tail))
    return f"multipart/form-data; boundary={_BOUNDARY}", head + content + tail


def image_body(size: int = TRANSLATED_SIZE) -> bytes:
    """A chat request with one picture: its bytes are noise, but for how they begin."""
    source = random.Random(9)  # noqa: S311 - as above
    data = base64.b64encode(_PNG + source.randbytes(size * 3 // 4 - 200)).decode("ascii")
    start = '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":'
    end = '}},{"type":"text","text":"What is this?"}]}],"model":"bench"}'
    return f'{start}"data:image/png;base64,{data}"{end}'.encode("ascii")


def turns_body(size: int = TRANSLATED_SIZE) -> bytes:
    """A chat request of a very long conversation: turns of about a thousand bytes."""
    turn = ',{"role":"%s","content":"' + _TURN + '"}'
    pair = turn % "assistant" + turn % "user"
    start = '{"messages":[' + (turn % "user")[1:]
    count = (size - len(start)) // len(pair)
    return f'{start}{pair * count}],"model":"bench"}}'.encode("ascii")
