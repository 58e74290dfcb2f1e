"""Sessions with nodes that are real processes, over real TLS on the loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

import murmur
from murmur.cluster import Ticket


def wait_for(condition: Callable[[], object], *, within: float = 60.0) -> None:
    """Wait until `condition()` is true."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


class NodeProcess:
    """A node in a process of its own, to be treated badly."""

    def __init__(self, ticket: Ticket, name: str, *prefix: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "murmur.cluster", name],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        with self.process.stdin as pipe:
            pipe.write(ticket.text + "\n")
        self.process.stdin = None

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def wait(self, timeout: float = 20.0) -> tuple[int, str]:
        """Return its exit code and what it wrote to stderr."""
        _, text = self.process.communicate(timeout=timeout)
        return self.process.returncode, text

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # with what a prefix started
        self.process.communicate()


class Nodes:
    """Starts node processes for a session and sees them end."""

    wait_for = staticmethod(wait_for)

    def __init__(self, session: murmur.Session) -> None:
        self.session = session
        self.started: list[NodeProcess] = []

    def start(self, *names: str, prefix: tuple[str, ...] = ()) -> list[NodeProcess]:
        """Start processes, and return them once they have joined."""
        ticket = self.session.open()
        new = [NodeProcess(ticket, name, *prefix) for name in names]
        self.started += new
        wait_for(lambda: set(names) <= set(self.session.nodes))
        return new

    def launch(self, ticket: Ticket, name: str, *prefix: str) -> NodeProcess:
        """Start a process that need not get in."""
        process = NodeProcess(ticket, name, *prefix)
        self.started.append(process)
        return process


@pytest.fixture
def session(request: pytest.FixtureRequest) -> Iterator[murmur.Session]:
    """Return a session; a test may parametrize it by what `Session` takes."""
    with murmur.Session(**getattr(request, "param", {})) as made:
        yield made


@pytest.fixture
def nodes(session: murmur.Session) -> Iterator[Nodes]:
    made = Nodes(session)
    try:
        yield made
    finally:
        for process in made.started:
            process.close()
