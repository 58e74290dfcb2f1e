"""Real servers for client libraries, on a free port of the loopback, each in its own folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import murmur

DOCS = Path(__file__).parents[3] / "docs" / "how-to"
DEADLINE = 30.0


def wait_until(condition: Callable[[], object], *, within: float = DEADLINE) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


class Server:
    """A program that listens on a port; it can be killed, started again, and frozen."""

    def __init__(self, command: Callable[[int, Path], list[str]], user: str | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.home = Path(tempfile.mkdtemp(prefix="murmur-server-"))
        self._user = user
        if user is not None:
            shutil.chown(self.home, user)
        self._command = command(self.port, self.home)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it listens."""
        with (self.home / "output").open("ab") as output:
            process = self._process = subprocess.Popen(
                self._command,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=self._user,
            )
        wait_until(lambda: self.listens() or process.poll() is not None)
        assert process.poll() is None, (self.home / "output").read_text()

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def freeze(self) -> None:
        """Let it stand still with its connections open."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def connections(self) -> int:
        """Return how many sockets of this process are connected to it."""
        own = set()
        for name in Path("/proc/self/fd").iterdir():
            try:
                own.add(name.readlink().name)
            except OSError:
                continue
        tables = [Path(f"/proc/self/net/{name}").read_text() for name in ("tcp", "tcp6")]
        rows = [line.split() for table in tables for line in table.splitlines()[1:]]
        there = f":{self.port:04X}"
        return sum(row[2].endswith(there) and f"socket:[{row[9]}]" in own for row in rows)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.home)


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., Server]]:
    """Return ``serve(command)``, which starts a `Server`; ``command(port, home)`` is its line."""
    started: list[Server] = []

    def start(command: Callable[[int, Path], list[str]], user: str | None = None) -> Server:
        started.append(Server(command, user))
        started[-1].start()
        return started[-1]

    yield start
    for server in started:
        server.close()


class Trial:
    """A session, and what was seen of its runs."""

    wait_until = staticmethod(wait_until)

    def __init__(self, session: murmur.Session) -> None:
        self.session = session

    def begin(self, scenario: str | type, users: int, **settings: Any) -> murmur.Run:
        """Start a run of a scenario of the how-tos, with all users at once."""
        reference = f"{DOCS / scenario}" if isinstance(scenario, str) else scenario
        return self.session.do(reference, users, user_rate=float("inf"), **settings)

    def end(self, run: murmur.Run) -> float:
        """Stop a run; return the seconds until the last user was gone."""
        began = time.monotonic()
        run.stop()
        run.wait(timeout=DEADLINE)
        return time.monotonic() - began

    def counted(self, run: murmur.Run, name: str) -> float:
        frame = run.results.counters
        return float(frame.loc[frame["name"] == name, "value"].sum())

    def done(self, run: murmur.Run, name: str, *, failed: bool = False) -> int:
        """Return how many actions of a name ended, or of them failed."""
        frame = run.results.windows
        column = "failed" if failed else "count"
        return int(frame.loc[frame["name"] == name, column].sum())


@pytest.fixture
def trial() -> Iterator[Trial]:
    with murmur.Session() as session:
        yield Trial(session)
