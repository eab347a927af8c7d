"""nginx as the yardstick: found or installed, with a configuration written for the run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_INSTALL = (("apt-get", "update"), ("apt-get", "install", "-y", "nginx-light"))
_INSTALL_SECONDS = 180.0

_CONFIG = """\
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections {connections}; }}
http {{
    access_log {folder}/nginx-access.log;
    client_max_body_size 100m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    upstream plain {{
        server 127.0.0.1:{upstream};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    upstream secure {{
        server 127.0.0.1:{tls_upstream};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering off;
    proxy_request_buffering on;
    proxy_read_timeout 300s;
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate {authority};
    proxy_ssl_name localhost;
    proxy_ssl_server_name on;
    proxy_ssl_session_reuse on;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://plain; }}
        location = /health {{ return 200 "ok"; }}
    }}
    server {{
        listen 127.0.0.1:{tls_port} backlog=4096;
        location / {{ proxy_pass https://secure; }}
    }}
}}
"""


def config(
    *, folder: Path, port: int, tls_port: int, upstream: int, tls_upstream: int, authority: Path
) -> str:
    """The text of ``nginx.conf``.

    Args:
        folder: Where logs and temporary files go.
        port: Where nginx listens in front of the plain upstream.
        tls_port: Where it listens, without TLS itself, in front of the TLS upstream.
        upstream: The mock provider's plain port.
        tls_upstream: Its TLS port.
        authority: PEM file with the root that the upstream's certificate is checked against.
    """
    return _CONFIG.format(
        user="user root;" if os.geteuid() == 0 else "",
        files=20_000,
        connections=16_384,
        folder=folder,
        port=port,
        tls_port=tls_port,
        upstream=upstream,
        tls_upstream=tls_upstream,
        authority=authority,
    )


def find_nginx(log: Path) -> str | None:
    """The program's path; installed through apt-get if that is possible."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    found = shutil.which("nginx", path=path)
    if found or os.geteuid() or not shutil.which("apt-get"):
        return found
    with log.open("w") as output:
        for command in _INSTALL:
            subprocess.run(
                command, stdout=output, stderr=output, timeout=_INSTALL_SECONDS, check=False
            )
    return shutil.which("nginx", path=path)
