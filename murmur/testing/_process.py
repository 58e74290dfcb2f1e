"""Targets in processes of their own, so that they take no time from the generator."""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Generic, Self, TypeVar

from murmur.errors import MurmurError

from ._router import RouterCounters
from ._shop import ShopCounters

START_WITHIN = 60.0  # s until Python has started; one that died is noticed at once
ANSWER_WITHIN = 10.0  # s; for a machine that is busy with something else
STOP_WITHIN = 5.0  # s

OPEN_FILES_SPARE = 100
"""Open files that a process needs beside its connections."""


C = TypeVar("C")


class TargetProcess(Generic[C]):
    """A running target in another process.

    Stop it with `stop` or by leaving its ``with`` block.  It also ends by itself when the
    process that started it does, however that ends.

    Attributes
    ----------
    host : str
        Address it listens on.
    port : int
        Port it listens on.
    """

    def __init__(
        self, target: str, count: Callable[..., C], arguments: list[str], host: str
    ) -> None:
        self.host = host
        self._target = target
        self._count = count
        self._process = subprocess.Popen(
            [sys.executable, "-m", "murmur.testing._serve", target, "--host", host, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
        )
        self._unread = b""
        self._counters = count()
        atexit.register(self.stop)
        try:
            self.port: int = int(self._answer("start", START_WITHIN)["port"])
        except BaseException:
            self._kill()
            raise

    def __repr__(self) -> str:
        state = "running" if self.is_running else "stopped"
        return f"<{type(self).__name__} {self.host}:{self.port} {state}>"

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def counters(self) -> C:
        """Return what the target did so far; after `stop`, what it did in all.

        Raises
        ------
        MurmurError
            If the target ended by itself, or does not answer.
        """
        if not self._is_stopped:
            self._ask({"do": "counters"})
        return self._counters

    def freeze(self, seconds: float) -> None:
        """Make the target answer nothing for `seconds`, as a server in trouble would."""
        self._ask({"do": "freeze", "seconds": seconds})

    def stop(self) -> C:
        """Close all connections and end the process; return the last counts.

        A process that does not end within 5 seconds is killed.  Stopping twice is the same
        as stopping once.
        """
        if not self._is_stopped:
            with contextlib.suppress(MurmurError):
                self._ask({"do": "stop"})
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_WITHIN)
            self._kill()
        return self._counters

    def __enter__(self) -> Self:
        """Return the process, which runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def _is_stopped(self) -> bool:
        return self._output.closed

    def _ask(self, command: dict[str, object]) -> None:
        verb = str(command["do"])
        try:
            self._input.write(json.dumps(command).encode() + b"\n")
            self._input.flush()
        except (OSError, ValueError):  # ValueError: stopped before
            raise MurmurError(f"{self._target}: cannot {verb}, its process has ended") from None
        self._counters = self._count(**self._answer(verb, ANSWER_WITHIN))

    def _answer(self, verb: str, within: float) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._line(verb, within))
        if "error" in answer:
            raise MurmurError(f"{self._target}: {answer['error']}")
        return answer

    def _line(self, verb: str, within: float) -> bytes:
        """Return the next line of its output, waiting for it with a deadline."""
        deadline = time.monotonic() + within
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise MurmurError(f"{self._target}: no answer to {verb!r} in {within:g} s")
                data = os.read(self._output.fileno(), 65536)
                if not data:
                    code = self._process.wait()
                    raise MurmurError(f"{self._target}: its process ended with exit code {code}")
                self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _kill(self) -> None:
        atexit.unregister(self.stop)
        if self.is_running:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(OSError):  # an unsent command, and nobody to read it
            self._input.close()
        self._output.close()


class RouterProcess(TargetProcess[RouterCounters]):
    """A running `Router` in another process; made by `router_process`.

    Examples
    --------
    >>> from murmur.testing import router_process
    >>> with router_process() as router:
    ...     router.is_running, router.counters().connected
    (True, 0)
    """

    def __init__(self, arguments: list[str], host: str) -> None:
        super().__init__("router", RouterCounters, arguments, host)


def router_process(
    host: str = "127.0.0.1", port: int = 0, *, delay: float = 0.0, connections: int = 0
) -> RouterProcess:
    """Start the message router in a process of its own, and return once it listens.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        Address to listen on.
    port : int, default 0
        Port to listen on; 0 lets the system choose one, see `RouterProcess.port`.
    delay : float, default 0.0
        Seconds by which the router holds every document back.
    connections : int, default 0
        Clients that are to come.  The router raises its limit of open files in any case;
        with this it refuses to start if they cannot fit.

    Raises
    ------
    MurmurError
        If it cannot listen there, or cannot hold so many connections.

    Examples
    --------
    >>> import murmur.testing
    >>> with murmur.testing.router_process() as router:
    ...     router.counters().open
    0
    """
    arguments = ["--port", port, "--delay", delay, "--connections", connections]
    return RouterProcess([str(each) for each in arguments], host)


def _environment() -> dict[str, str]:
    """Return this process's environment, in which the child finds the same murmur."""
    here = str(Path(__file__).parents[2])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


class ShopProcess(TargetProcess[ShopCounters]):
    """A running `Shop` in another process; made by `shop_process`."""

    def __init__(self, arguments: list[str], host: str) -> None:
        super().__init__("shop", ShopCounters, arguments, host)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.host}:{self.port}"


def shop_process(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    latency: float = 0.002,
    tills: int = 4,
    till_seconds: float = 0.02,
    connections: int = 0,
) -> ShopProcess:
    """Start the shop in a process of its own, and return once it is open.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        Address to listen on.
    port : int, default 0
        Port to listen on; 0 lets the system choose one, see `ShopProcess.url`.
    latency : float, default 0.002
        Seconds that every answer takes.
    tills : int, default 4
        Customers that can pay at a time.
    till_seconds : float, default 0.02
        Seconds that paying takes.
    connections : int, default 0
        Customers that are to come; the shop refuses to open if they cannot fit.

    Raises
    ------
    MurmurError
        If it cannot listen there, or cannot hold so many connections.

    Examples
    --------
    >>> from murmur.testing import shop_process
    >>> with shop_process() as shop:
    ...     shop.counters().sold
    0
    """
    arguments = {
        "--port": port,
        "--delay": latency,
        "--tills": tills,
        "--till-seconds": till_seconds,
        "--connections": connections,
    }
    return ShopProcess([str(part) for pair in arguments.items() for part in pair], host)


def raise_open_files_limit() -> float:
    """Let this process open as many files as the system allows it to.

    Returns
    -------
    float
        How many that is; ``math.inf`` where the system knows no such limit.

    Examples
    --------
    >>> from murmur.testing._process import raise_open_files_limit
    >>> raise_open_files_limit() > 100
    True
    """
    try:
        import resource
    except ImportError:  # Windows
        return math.inf
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS reports no limit, and refuses to set it
            return soft
    return math.inf if hard == resource.RLIM_INFINITY else hard
