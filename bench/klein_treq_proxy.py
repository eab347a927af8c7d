"""A proxy as the tutorials of Klein and treq write it; what the gateway is compared with.

``python -m bench.klein_treq_proxy PORT UPSTREAM_PORT`` listens on a port of loopback and passes
every POST below ``/v1/`` on.
"""

from __future__ import annotations

import sys
from typing import Any

import treq
from klein import Klein

_UPSTREAM = f"http://127.0.0.1:{sys.argv[2]}"
_DROPPED = {b"host", b"content-length", b"connection", b"transfer-encoding"}

app = Klein()


@app.route("/health")
def health(_: Any) -> bytes:
    """For the bench, which waits for it."""
    return b"ok"


@app.route("/v1/<path:path>", methods=["POST"])
async def proxy(request: Any, path: str) -> bytes:
    """One request in, one request out."""
    headers = {
        name: values
        for name, values in request.requestHeaders.getAllRawHeaders()
        if name.lower() not in _DROPPED
    }
    answer = await treq.request(
        "POST", f"{_UPSTREAM}/v1/{path}", headers=headers, data=request.content.read()
    )
    body: bytes = await treq.content(answer)
    request.setResponseCode(answer.code)
    for name, values in answer.headers.getAllRawHeaders():
        if name.lower() not in _DROPPED:
            request.responseHeaders.setRawHeaders(name, values)
    return body


def main() -> None:
    """Serve until terminated."""
    app.run("127.0.0.1", int(sys.argv[1]))


if __name__ == "__main__":
    main()
