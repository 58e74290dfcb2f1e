"""Deployments of dask as nodes, each tried in every way.

Run it by ``python -m tests.by_hand.by_hand_engines``.  For each engine: join, scale up, scale
down, the death of a worker whose nanny starts it anew, `adapt(minimum=1)`, and an idle timeout
of 60 seconds, which would end the scheduler if its workers were idle, and does once they are
given back.  Needs the extra ``dask``; for ``ssh`` also openssh-server and asyncssh (an sshd of
its own, with keys of its own, on 127.0.0.1).  Two minutes for each engine; `by_hand_slurm`
does the same with a batch system.  The last table is in docs/how-to/use-several-nodes.md.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import logging
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster, SSHCluster

import murmur

IDLE = 60.0


class Steady(murmur.Scenario):
    """Users act, again and again."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("act"):
                await user.sleep(0.05)


def write(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def wait_for(is_so: Callable[[], bool], what: str, seconds: float = 60.0) -> float:
    """Wait until it is so; return the seconds that it took."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
    return time.monotonic() - began


class Engine:
    """A deployment; what a kind of deployment cannot do has no method."""

    def __init__(self, given: Any) -> None:
        self.given = given

    def scale(self, count: int) -> None:
        self.given.scale(count)

    def adapt(self) -> None:
        self.given.adapt(minimum=1, interval="500ms", wait_count=2)


@contextlib.contextmanager
def local() -> Iterator[Engine]:
    """Start `LocalCluster`: processes of this machine, each with a nanny."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.ERROR,
        scheduler_kwargs={"idle_timeout": f"{IDLE}s"},
    ) as cluster:
        yield Engine(cluster)


class ByCommand(Engine):
    """`dask scheduler` and `dask worker`; scaling is starting them, and SIGTERM."""

    def __init__(self, client: Client, address: str) -> None:
        super().__init__(client)
        self.address = address
        self.workers: list[subprocess.Popen[bytes]] = []
        self.adapt = None  # type: ignore[assignment]  # nobody is there to adapt them

    def scale(self, count: int) -> None:
        while len(self.workers) < count:
            name = f"worker-{len(self.workers)}"
            self.workers.append(dask("worker", self.address, "--name", name, "--nthreads", "1"))
        while len(self.workers) > count:
            self.workers.pop().send_signal(signal.SIGTERM)


def dask(*words: str) -> subprocess.Popen[bytes]:
    """Start a command of dask's."""
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words, "--no-dashboard"], stderr=subprocess.DEVNULL
    )


@contextlib.contextmanager
def command() -> Iterator[Engine]:
    """Start the commands of dask."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    words = ["--host", "127.0.0.1", "--port", str(port), "--idle-timeout", f"{IDLE}s"]
    scheduler = dask("scheduler", *words)
    with Client(address, timeout=30, set_as_default=False) as client:
        engine = ByCommand(client, address)
        engine.scale(2)
        try:
            client.wait_for_workers(2, timeout=60)
            yield engine
        finally:
            engine.scale(0)
            scheduler.terminate()
            scheduler.wait(20)


class OverSsh(Engine):
    """`SSHCluster`, which knows its hosts and no other, and whose workers have no names.

    One more host is one more specification.  Its `scale` to fewer signals the command over ssh,
    which OpenSSH refuses where that is root's, as it is here.
    """

    def scale(self, count: int) -> None:
        specifications = self.given.worker_spec
        if count > len(specifications):
            (host, *_) = specifications.values()
            specifications[max(specifications) + 1] = copy.deepcopy(host)
            self.given.scale(count)
        else:
            with Client(self.given, set_as_default=False) as client:
                client.retire_workers([*client.nthreads()][count:])


@contextlib.contextmanager
def ssh() -> Iterator[Engine]:
    """Start `SSHCluster` over an sshd of its own."""
    folder, port = Path(tempfile.mkdtemp(prefix="murmur-ssh-")), free_port()
    for name in ("host", "user"):
        words = ["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", str(folder / name)]
        subprocess.run(words, check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    (folder / "authorized").chmod(0o600)
    Path("/run/sshd").mkdir(exist_ok=True)
    options = {
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "authorized",
        "ListenAddress": "127.0.0.1",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "prohibit-password",
        "AcceptEnv": "*",
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    server = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", str(port), *words]
    )
    try:
        time.sleep(1.0)
        access = {"port": port, "known_hosts": None, "client_keys": [str(folder / "user")]}
        with SSHCluster(
            ["127.0.0.1"] * 3,
            connect_options=access | {"username": os.environ.get("USER", "root")},
            remote_python=f"env PYTHONPATH={os.getcwd()} {sys.executable}",
            scheduler_options={
                "host": "127.0.0.1",
                "port": 0,
                "dashboard": False,
                "idle_timeout": f"{IDLE}s",
            },
            worker_options={"nthreads": 1, "host": "127.0.0.1"},
        ) as cluster:
            yield OverSsh(cluster)
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(folder)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


ENGINES = {"local": local, "command": command, "ssh": ssh}


class Trial:
    """One engine under one session; each method is a column of the table."""

    def __init__(self, engine: Engine, session: murmur.Session) -> None:
        self.engine, self.session = engine, session

    @property
    def nodes(self) -> list[str]:
        return [name for name in self.session.nodes if name != "local"]

    def join(self) -> str:
        """Use it while two workers are there."""
        began = time.monotonic()
        self.deployment = self.session.use(self.engine.given)
        assert len(self.nodes) == 2, self.nodes
        return f"2 nodes in {time.monotonic() - began:.1f} s"

    def scale_up(self) -> str:
        """Have a third worker, in the midst of a run."""
        self.run = self.session.do(Steady, 20, user_rate=math.inf)
        wait_for(lambda: self.session.status().users["running"] == 20, "users")
        before = set(self.nodes)
        self.engine.scale(3)
        took = wait_for(lambda: len(self.nodes) == 3, "a third node")
        (self.late,) = set(self.nodes) - before
        wait_for(lambda: self.session.nodes[self.late].state == "running", "to take part")
        self.session.add(5, nodes=[self.late])
        return f"takes part, {took:.1f} s after"

    def scale_down(self) -> str:
        """Have one less."""
        count = len(self.nodes)
        self.engine.scale(count - 1)
        took = wait_for(lambda: len(self.nodes) == count - 1, "one less")
        time.sleep(0.5)
        users = self.run.results.users
        gone = users[users["outcome"].notna()]
        reasons = gone.groupby(["outcome", "reason"], observed=True).size()
        what = ", ".join(f"{n} {outcome} ({reason})" for (outcome, reason), n in reasons.items())
        return f"in {took:.1f} s; {what or 'no user had been there'}"

    def restart(self) -> str:
        """Kill a worker; its nanny starts another."""
        count, name = len(self.nodes), self.nodes[0]
        os.kill(self.session.nodes[name].pid, signal.SIGKILL)
        wait_for(lambda: name not in self.nodes, "its end")
        took = wait_for(lambda: len(self.nodes) == count, "another")
        time.sleep(3.0)  # until its task has begun, which `adapt` looks at
        lost = int((self.run.results.users["outcome"] == "lost").sum())
        return f"a node again after {took:.1f} s, without its {lost} users, which are lost"

    def adapt(self) -> str:
        """Let dask take away what is idle."""
        if self.engine.adapt is None:
            return "none"
        count = len(self.nodes)
        self.engine.adapt()
        time.sleep(8.0)
        return f"{len(self.nodes)} of {count} nodes are there after 8 s"

    def idle(self) -> str:
        """Stay longer than the idle timeout, then give the workers back."""
        time.sleep(1.2 * IDLE)
        count = len(self.nodes)
        self.session.stop()
        self.run.wait(timeout=30)
        self.deployment.release()
        with contextlib.suppress(OSError, TimeoutError):
            address = self.deployment.scheduler.removeprefix("tcp://").rpartition(":")
            took = wait_for(lambda: not listens(address[0], int(address[2])), "its end", 120.0)
            return f"{count} nodes after {1.2 * IDLE:g} s; released, it ended after {took:.0f} s"
        return f"{count} nodes after {1.2 * IDLE:g} s; released, it did not end in 120 s"


def listens(host: str, port: int) -> bool:
    """Return whether anybody listens there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1.0):
        return True
    return False


COLUMNS = ("join", "scale_up", "scale_down", "restart", "adapt", "idle")


def main() -> None:
    """Try the engines that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", default=list(ENGINES))
    for name in parser.parse_args().engines:
        with ENGINES[name]() as engine, murmur.Session() as session:
            trial = Trial(engine, session)
            for column in COLUMNS:
                try:
                    seen = getattr(trial, column)()
                except Exception as error:  # noqa: BLE001 - what was seen, then
                    seen = f"{type(error).__name__}: {error}"
                write(f"| {name} | {column} | {seen} |")
            write(f"| {name} | verdict | {trial.run.results.verdict} |")


if __name__ == "__main__":
    main()
