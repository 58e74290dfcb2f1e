"""Serves a target from a process of its own: ``python -m murmur.testing._serve router``.

The process reads commands from its standard input and answers on its standard output, one
JSON object a line; its first line tells the port.  It ends when its input does, so that it
never outlives the process that started it.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import signal
import sys
from collections.abc import Callable, Mapping

from murmur.errors import MurmurError

from ._process import OPEN_FILES_SPARE, raise_open_files_limit
from ._router import Router
from ._shop import Shop

_TAKEN = (
    "the port is taken, by another program or by one that was started before (`stop()` ends "
    "that); without port= a free one is found"
)


class _Commands(asyncio.Protocol):
    """Standard input, line by line."""

    def __init__(self, obey: Callable[[bytes], None], is_over: asyncio.Event) -> None:
        self._obey = obey
        self._is_over = is_over
        self._line = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._obey(line)

    def connection_lost(self, error: Exception | None) -> None:
        self._is_over.set()


def _tell(answer: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _target(options: argparse.Namespace) -> Router | Shop:
    if options.target == "router":
        return Router(options.host, options.port, delay=options.delay)
    return Shop(
        options.host,
        options.port,
        latency=options.delay,
        tills=options.tills,
        till_seconds=options.till_seconds,
    )


async def _serve(options: argparse.Namespace) -> None:
    is_over = asyncio.Event()
    async with _target(options) as target:

        def obey(line: bytes) -> None:
            command = json.loads(line)
            match command["do"]:
                case "freeze":
                    target.freeze(command["seconds"])
                case "stop":
                    is_over.set()
            _tell(target.counters.as_dict())

        await asyncio.get_running_loop().connect_read_pipe(
            lambda: _Commands(obey, is_over), sys.stdin
        )
        _tell({"port": target.port})
        await is_over.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m murmur.testing._serve", description=__doc__)
    parser.add_argument("target", choices=["router", "shop"], help="what to serve")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port; 0 lets the system choose")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds to hold back")
    parser.add_argument("--connections", type=int, default=0, help="clients that must fit")
    parser.add_argument("--tills", type=int, default=4, help="customers of a shop that pay at once")
    parser.add_argument("--till-seconds", type=float, default=0.02, help="seconds to pay")
    return parser.parse_args()


def main() -> int:
    """Serve until told to stop; return the exit code."""
    options = _options()
    if not sys.stdin.isatty():
        # An interrupt is meant for the process at the other end, which then stops this one.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    allowed = raise_open_files_limit()
    if options.connections + OPEN_FILES_SPARE > allowed:
        _tell(
            {
                "error": f"{options.connections} connections do not fit: this process may open "
                f"{allowed:g} files; raise the hard limit (ulimit -Hn)"
            }
        )
        return 2
    try:
        try:
            import uvloop
        except ImportError:
            asyncio.run(_serve(options))
        else:
            uvloop.run(_serve(options))
    except OSError as error:
        why = _TAKEN if error.errno == errno.EADDRINUSE else error.strerror
        _tell({"error": f"cannot listen on {options.host}:{options.port}: {why}"})
        return 2
    except MurmurError as error:  # a package that the target needs is not installed
        _tell({"error": str(error)})
        return 2
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
