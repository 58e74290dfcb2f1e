"""A worker of a dask deployment becomes a node by its own command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import murmur
from murmur.cluster.preload import dask_setup
from murmur.errors import TicketError


class Brief(murmur.Scenario):
    """Users come and go."""

    async def start(self, user: murmur.User) -> None:
        user.count("was here")


@contextmanager
def killed(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the process, and see to it that it ends."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_a_dask_worker_runs_users(session: murmur.Session, nodes: Any, tmp_path: Path) -> None:
    ticket = session.open().save(tmp_path / "ticket")
    environment = {**os.environ, "MURMUR_TICKET": str(ticket)}
    file = tmp_path / "scheduler.json"
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    shared = ["--scheduler-file", str(file), "--no-dashboard"]
    scheduler = ["-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    worker = ["-m", "dask", "worker", "--name", "seven", "--no-nanny"]
    preload = ["--preload", "murmur.cluster.preload"]
    with killed(subprocess.Popen([sys.executable, *scheduler, *shared], **quiet)):
        nodes.wait_for(file.exists)
        command = [sys.executable, *worker, *shared, *preload]
        with killed(subprocess.Popen(command, env=environment, **quiet)) as process:
            nodes.wait_for(lambda: "worker-seven" in session.nodes)
            run = session.do(Brief, 3, user_rate=float("inf"), end_when_idle=True)
            run.wait(timeout=60)
            process.terminate()
            nodes.wait_for(lambda: "worker-seven" not in session.nodes)

    assert set(run.results.users["node"]) == {"worker-seven"}


def test_without_a_ticket_the_worker_says_what_is_missing(monkeypatch: Any) -> None:
    monkeypatch.delenv("MURMUR_TICKET", raising=False)

    with pytest.raises(TicketError, match="MURMUR_TICKET"):
        dask_setup(object())
