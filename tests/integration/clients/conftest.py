"""Real servers for client libraries, on a free port of the loopback, each in its own folder."""

from __future__ import annotations

import contextlib
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
DEADLINE = 60.0


def wait_until(condition: Callable[[], object], *, within: float = DEADLINE) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def family(pid: int) -> list[int]:
    """Return a process and all that it started, and these did."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has just ended
            parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


class Server:
    """A program that listens on a port; it can be killed, started again, and frozen."""

    def __init__(self, command: Callable[[int, Path], list[str]], user: str | None = None) -> None:
        self.port: int = free_port()
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
            self._signal(signal.SIGKILL)
            self._process.wait(60)

    def freeze(self) -> None:
        """Let it stand still with its connections open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        for pid in family(self._process.pid) if self._process.poll() is None else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def clients(self) -> int:
        """Return how many sockets of any process are connected to it."""
        there = f":{self.port:04X}"
        return sum(row[2].endswith(there) and row[3] == "01" for row in self._sockets())

    def connections(self) -> int:
        """Return how many sockets of this process are connected to it."""
        own = set()
        for name in Path("/proc/self/fd").iterdir():
            try:
                own.add(name.readlink().name)
            except OSError:
                continue
        there = f":{self.port:04X}"
        return sum(
            row[2].endswith(there) and f"socket:[{row[9]}]" in own for row in self._sockets()
        )

    def _sockets(self) -> list[list[str]]:
        tables = [Path(f"/proc/self/net/{name}").read_text() for name in ("tcp", "tcp6")]
        return [line.split() for table in tables for line in table.splitlines()[1:]]

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.home)


class Servers:
    """Starts servers, and ends them with the tests of a module."""

    free_port = staticmethod(free_port)

    def __init__(self) -> None:
        self._started: list[Server] = []

    def __call__(
        self, command: Callable[[int, Path], list[str]], user: str | None = None
    ) -> Server:
        """Start one; ``command(port, home)`` is its line."""
        self._started.append(Server(command, user))
        self._started[-1].start()
        return self._started[-1]

    def close(self) -> None:
        for server in self._started:
            server.close()


@pytest.fixture(scope="module")
def serve() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.close()


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

    def gone(self, run: murmur.Run, users: int) -> float:
        """Return the seconds until so many users were gone."""
        began = time.monotonic()
        wait_until(lambda: run.status().users["gone"] >= users)
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


@pytest.fixture(scope="module")
def pair() -> Iterator[Trial]:
    """Return a trial whose users run on two nodes, which bear that the machine is busy."""
    with murmur.Session(silence=60) as session:
        session.spawn_nodes(2)
        yield Trial(session)
