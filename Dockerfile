# Two stages: the first has what building needs, the second only what running needs.
FROM python:3.13-slim AS build

WORKDIR /src
COPY pyproject.toml setup.py README.md LICENSE-MIT LICENSE-APACHE ./
COPY magicgateway magicgateway
COPY twisted twisted
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /dist . \
    && python -m venv /opt/magicgateway \
    && /opt/magicgateway/bin/python -m pip install --no-cache-dir /dist/*.whl


FROM python:3.13-slim

LABEL org.opencontainers.image.title="MagicGateway" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

COPY --from=build /opt/magicgateway /opt/magicgateway

# HOST keeps the gateway reachable when the arguments of CMD are replaced.
ENV PATH=/opt/magicgateway/bin:$PATH \
    HOST=0.0.0.0 \
    PORT=3000 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

# Twisted keeps a list of its plugins beside them. It is written now, as root, because the user
# that runs the gateway owns nothing here and the file system may be read-only.
RUN python -c "from twisted.plugin import IPlugin, getPlugins; list(getPlugins(IPlugin))"

# A number, so that Kubernetes can check runAsNonRoot. It needs no name, no home and no shell.
USER 10001:10001
WORKDIR /

EXPOSE 3000
STOPSIGNAL SIGTERM

# http.client and not urllib: a configured proxy must not be asked about our own port.
HEALTHCHECK --interval=15s --timeout=4s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', 3000, timeout=3); c.request('GET', '/health/live'); sys.exit(c.getresponse().status != 200)"]

# Runs in the foreground as process 1 and writes no pid file.
ENTRYPOINT ["magicgateway", "run"]
CMD ["--listen", "tcp:3000"]
