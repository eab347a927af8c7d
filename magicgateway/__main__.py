"""The console script ``magicgateway``, and ``python -m magicgateway``.

``run`` is what ``twistd -n --pidfile= magicgateway`` is, and the default.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

USAGE = """\
Usage: magicgateway [COMMAND] [OPTION]...

Commands:
  run        start the gateway in the foreground (the default)
  check      check the settings, print those in effect, and exit
  demo       start the gateway with its demo provider
  providers  list the providers, and for which of them a key was found

magicgateway run --help lists the options; as a daemon: twistd magicgateway --port 3000
"""


_INTERRUPTED = 130
"""The status of a process that Ctrl-C ended, as shells have it: 128 and the signal's number."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends in ``SystemExit`` or, for ``run``, when the gateway stops."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] in (["-h"], ["--help"], ["help"]):
        sys.stdout.write(USAGE)
        return
    command = given.pop(0) if given and not given[0].startswith("-") else "run"
    chosen = _COMMANDS.get(command)
    if chosen is None:
        sys.exit(f"magicgateway: there is no command {command!r}; magicgateway --help lists them")
    try:
        chosen(given)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _run(arguments: Sequence[str]) -> None:
    # Until the reactor runs and the drain has handlers of its own. An exception would not do:
    # looking for plugins, Twisted logs every one and goes on. What somebody has a shell ignore,
    # stays ignored.
    early = [number for number, usual in _USUAL.items() if signal.getsignal(number) == usual]
    for number in early:
        signal.signal(number, _signalled)
    try:
        from twisted.scripts import twistd  # noqa: PLC0415 - not for a usage text

        sys.argv = ["twistd", "--nodaemon", "--pidfile=", "--no_save", "magicgateway", *arguments]
        twistd.run()
    finally:
        for number in early:
            if signal.getsignal(number) is _signalled:
                signal.signal(number, _USUAL[number])


def _signalled(number: int, _: object) -> None:
    """End a gateway that serves nobody yet, as the first process of a container too."""
    if number != signal.SIGHUP:
        os._exit(_INTERRUPTED if number == signal.SIGINT else 0)


_USUAL: Mapping[int, Any] = {
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


def _check(arguments: Sequence[str]) -> None:
    _run([*arguments, "--check-config"])


def _demo(arguments: Sequence[str]) -> None:
    _run(["--demo", *arguments])


def _providers(arguments: Sequence[str]) -> None:
    from magicgateway.tap import Options, fail, provider_table  # noqa: PLC0415 - as above

    options = Options()
    options.parseOptions(arguments)
    if {**options, "config": None} != {**Options()}:
        fail("command line: providers takes --config only")
    from magicgateway.errors import MagicGatewayError  # noqa: PLC0415 - as above

    try:
        sys.stdout.write(provider_table(options.flags, os.environ))
    except MagicGatewayError as error:
        fail(str(error))


_COMMANDS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "run": _run,
    "check": _check,
    "demo": _demo,
    "providers": _providers,
}

if __name__ == "__main__":
    main()
