"""JSON bodies with the verdict that every reader of them must reach, and a strict oracle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NoReturn

from magicgateway.wire.json_context import MAX_DEPTH

Verdict = tuple[str | None, bool] | str
"""Model and stream, or the error's code."""


def deep(levels: int) -> bytes:
    """A valid object nested to exactly so many levels."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


CASES: list[tuple[bytes, Verdict]] = [
    (b"{}", (None, False)),
    (b" \t\r\n{ } \n", (None, False)),
    (b'{"model":"m"}', ("m", False)),
    (b'{"model":"m","stream":true}', ("m", True)),
    (b'{ "stream" : true , "model" : "m" }', ("m", True)),
    (b'{"stream":false,"model":"m"}', ("m", False)),
    (b'{"stream":null}', (None, False)),
    (b'{"stream":"true"}', (None, False)),
    (b'{"stream":1}', (None, False)),
    (b'{"stream":[true]}', (None, False)),
    (b'{"stream":{"stream":true}}', (None, False)),
    (b'{"x":"model","model":"m"}', ("m", False)),
    (b'{"x":{"model":1,"model":2},"model":"m"}', ("m", False)),
    (b'{"x":[{"model":"n"}],"model":"m"}', ("m", False)),
    (b'{"x":"\\"model\\":\\"n\\"","model":"m"}', ("m", False)),
    (b'{"x":"say \\"model"}', (None, False)),
    (b'{"mod\\u0065l":"m"}', ("m", False)),
    (b'{"\\u006D\\u006f\\u0064\\u0065\\u006c":"m","\\u0073tream":true}', ("m", True)),
    (b'{"model\\u0000":"m","\\u006dodels":1}', (None, False)),
    (b'{"model":"a\\u002fb\\"\\\\"}', ('a/b"\\', False)),
    ('{"model":"\u00e9\U0001f600"}'.encode(), ("\u00e9\U0001f600", False)),
    (b'{"model":"\\ud83d\\ude00"}', ("\U0001f600", False)),
    (b'{"model":""}', ("", False)),
    (b'{"x":"\\ud800","\\udfff":0}', (None, False)),
    (b'{"x":1e999,"y":-0,"z":' + b"9" * 400 + b"}", (None, False)),
    (b'{"model":"' + b"m" * 2048 + b'"}', ("m" * 2048, False)),
    (deep(MAX_DEPTH), (None, False)),
    (b'{"x":[' + b"{}," * 600 + b'0],"model":"m"}', ("m", False)),
    (b'{"model":"' + b"m" * 2049 + b'"}', "invalid_model"),
    (b'{"model":"' + b"m" * 99_999 + b'"}', "invalid_model"),
    (b'{"model":null}', "invalid_model"),
    (b'{"model":1}', "invalid_model"),
    (b'{"model":["m"]}', "invalid_model"),
    (b'{"model":{"model":"m"}}', "invalid_model"),
    (b'{"model":true,"model":"m"}', "invalid_model"),
    (b'{"model":"\\ud800"}', "invalid_model"),
    (b'{"model":"m","model":"m"}', "duplicate_field"),
    (b'{"model":"m","mod\\u0065l":"n"}', "duplicate_field"),
    (b'{"stream":true,"x":[],"stream":true}', "duplicate_field"),
    (b'{"stream":true,"s\\u0074ream":false}', "duplicate_field"),
    (b'{"stream":true,"stream":false,"model":1}', "duplicate_field"),
    (b'{"model":1,"model":2', "invalid_json"),
    (deep(MAX_DEPTH + 1), "invalid_json"),
    (b'{"x":' + b'{"":[' * 50_000, "invalid_json"),
    (b'{"x":"' + b"[" * 600 + b'","y":' + b"[" * 256 + b"]" * 256 + b"}", "invalid_json"),
    (b"", "invalid_json"),
    (b"   ", "invalid_json"),
    (b"[]", "invalid_json"),
    (b'"model"', "invalid_json"),
    (b"null", "invalid_json"),
    (b"\xef\xbb\xbf{}", "invalid_json"),
    (b"{", "invalid_json"),
    (b"{}{}", "invalid_json"),
    (b"{}x", "invalid_json"),
    (b"{}1", "invalid_json"),
    (b"{}}", "invalid_json"),
    (b"{}\x00", "invalid_json"),
    (b'{"a":1,}', "invalid_json"),
    (b'{"a":[1,]}', "invalid_json"),
    (b'{"a":[}}', "invalid_json"),
    (b'{"a"}', "invalid_json"),
    (b'{"a":1 "b":2}', "invalid_json"),
    (b'{"a":"" .5}', "invalid_json"),
    (b'{"a":""5}', "invalid_json"),
    (b'{"a":01}', "invalid_json"),
    (b'{"a":' + b"0" * 99 + b"}", "invalid_json"),
    (b'{"a":' + b"1.2" * 40 + b"}", "invalid_json"),
    (b'{"a":-}', "invalid_json"),
    (b'{"a":1e}', "invalid_json"),
    (b'{"a":NaN}', "invalid_json"),
    (b'{"a":tru}', "invalid_json"),
    (b'{"a":truetrue}', "invalid_json"),
    (b"{a:1}", "invalid_json"),
    (b'{"a":"\x01"}', "invalid_json"),
    (b'{"a":"\\x"}', "invalid_json"),
    (b'{"a":"\\ud8"}', "invalid_json"),
    (b'{"a":"\\u00g0"}', "invalid_json"),
    (b'{\\"a":1}', "invalid_json"),
    (b'{"a":"\xff"}', "invalid_json"),
    (b'{"a":"\xed\xa0\x80"}', "invalid_json"),
    (b'{"a":"\xc3', "invalid_json"),
    (b'{"a":"\xc3"}', "invalid_json"),
    (b'{"model":"\xc0\x80"}', "invalid_json"),
    (b'{"a":1}\xa0', "invalid_json"),
    (b'{"model":"x', "invalid_json"),
]


def _refuse(_: str) -> NoReturn:
    raise ValueError


class _Object(list[tuple[str, Any]]):
    pass


def _depth(value: object) -> int:
    if isinstance(value, _Object):
        return 1 + max((_depth(item) for _, item in value), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def oracle(body: bytes) -> Verdict:
    """The verdict of the standard library's reader, with the gateway's rules on top."""
    try:
        value = json.loads(
            body.decode(), parse_constant=_refuse, parse_int=len, object_pairs_hook=_Object
        )
        if not isinstance(value, _Object) or _depth(value) > MAX_DEPTH:
            return "invalid_json"
    except (ValueError, RecursionError):
        return "invalid_json"
    found: dict[str, Any] = {}
    for key, item in value:
        if key in {"model", "stream"}:
            if key in found:
                return "duplicate_field"
            if key == "model" and not _is_model(item):
                return "invalid_model"
            found[key] = item
    return found.get("model"), found.get("stream") is True


def _is_model(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return len(value) <= 2048


def suite() -> dict[str, bytes]:
    """The JSON test-suite's files by name; empty when the reference data is not there."""
    root = os.environ.get("MAGICGATEWAY_REFERENCE")
    folder = Path(root or "/nonexistent") / "corpora" / "json-test-suite"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("**/[yni]_*.json"))}
