"""Hosts of their own: skewed clocks, cut cables and slow ones.

Namespaces of Linux stand for hosts; where they cannot be made, the tests say so.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import shutil
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

import murmur

from .conftest import NodeProcess, wait_for


class Steady(murmur.Scenario):
    """Users do something small, again and again."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("act"):
                await user.sleep(0.05)


def run_quietly(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.fixture
def skewed() -> tuple[str, ...]:
    """Return words before a command that set its monotonic clock 1,000 s ahead."""
    words = ("unshare", "--time", "--fork", "--monotonic", "1000")
    if shutil.which("unshare") is None or not run_quietly(*words, "true"):
        pytest.skip("this machine lets us make no time namespace (it takes root, and Linux 5.6)")
    return words


class Cable:
    """A host behind a cable that can be pulled: a network namespace and a veth pair."""

    def __init__(self, number: int) -> None:
        self.space = f"murmur-{number}"
        self.near, self.far = f"mm{number}a", f"mm{number}b"
        self.here, self.there = f"10.213.{number % 250}.1", f"10.213.{number % 250}.2"

    def plug_in(self) -> bool:
        commands = [
            f"ip netns add {self.space}",
            f"ip link add {self.near} type veth peer name {self.far} netns {self.space}",
            f"ip addr add {self.here}/24 dev {self.near}",
            f"ip link set {self.near} up",
            f"ip -n {self.space} addr add {self.there}/24 dev {self.far}",
            f"ip -n {self.space} link set {self.far} up",
            f"ip -n {self.space} link set lo up",
        ]
        return all(run_quietly(*command.split()) for command in commands)

    def pull(self) -> None:
        run_quietly("ip", "link", "set", self.near, "down")

    def mend(self) -> None:
        run_quietly("ip", "link", "set", self.near, "up")

    def remove(self) -> None:
        run_quietly("ip", "link", "del", self.near)
        run_quietly("ip", "netns", "del", self.space)

    @property
    def prefix(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.space)


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable(os.getpid() % 10_000)
    try:
        if shutil.which("ip") is None or not made.plug_in():
            pytest.skip("this machine lets us make no network namespace (it takes root, iproute2)")
        yield made
    finally:
        made.remove()


class SlowWire:
    """Carries one connection, each byte late by so many seconds."""

    def __init__(self, target: tuple[str, int], there: float, back: float) -> None:
        self.delays = (there, back)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._target = target
        self._thread = threading.Thread(target=self._carry)
        self._is_over = threading.Event()
        self._thread.start()

    def _carry(self) -> None:
        self._listener.settimeout(20)
        one, _ = self._listener.accept()
        other = socket.create_connection(self._target)
        queues: dict[socket.socket, deque[tuple[float, bytes]]] = {one: deque(), other: deque()}
        with one, other, selectors.DefaultSelector() as selector:
            for stream in (one, other):
                selector.register(stream, selectors.EVENT_READ)
            while not self._is_over.is_set():
                for key, _ in selector.select(0.001):
                    source: Any = key.fileobj
                    data = source.recv(65536)
                    if not data:
                        return
                    sink, delay = (
                        (other, self.delays[0]) if source is one else (one, self.delays[1])
                    )
                    queues[sink].append((time.monotonic() + delay, data))
                for sink, queue in queues.items():
                    while queue and queue[0][0] <= time.monotonic():
                        sink.sendall(queue.popleft()[1])

    def close(self) -> None:
        self._is_over.set()
        self._listener.close()
        self._thread.join(60)


def test_times_of_a_node_with_another_clock_are_translated(
    session: murmur.Session, nodes: Any, skewed: tuple[str, ...]
) -> None:
    nodes.start("skewed", prefix=skewed)
    run = session.do(Steady, 4, user_rate=math.inf)
    wait_for(lambda: len(run.results.actions) > 100)
    session.stop()
    status = run.wait(timeout=60)
    frame = run.results.nodes.set_index("node").loc["skewed"]
    actions, users = run.results.actions, run.results.users

    error = frame["clock_error"]
    assert 0 < error < 0.5  # wide on a busy machine
    assert abs(frame["clock_offset"] - 1000) <= error
    assert actions["started_at"].between(-error, status.elapsed + error).all()
    assert users["admitted_at"].between(-error, status.elapsed + error).all()
    assert run.results.windows["window_at"].max() <= status.elapsed + error


class Whisper(murmur.Scenario):
    """Two users on two nodes write to each other; a message is held back for 0.3 s."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(0.5)
        for _ in range(5):
            stamp = user.stamp("whisper", expected=1)
            await user.sleep(0.3)
            murmur.send(3 - user.id, stamp)
            user.arrived(str(await user.receive(timeout=60)))


def test_messages_between_clocks_that_are_far_apart_take_as_long_as_they_took(
    session: murmur.Session, nodes: Any, skewed: tuple[str, ...]
) -> None:
    nodes.start("ahead", prefix=skewed)
    nodes.start("plain")
    run = session.do(Whisper, 2, user_rate=math.inf, end_when_idle=True)
    run.wait(timeout=60)
    (row,) = run.results.deliveries.to_dict("records")
    actions = run.results.actions

    assert set(run.results.users["node"]) == {"ahead", "plain"}
    assert (row["sent"], row["expected"], row["arrived"], row["lost"]) == (10, 10, 10, 0)
    assert (row["reach"], row["duplicates"]) == (1.0, 0)
    error = row["clock_error"]
    assert 0 < error < 0.5  # wide on a busy machine
    assert 0.3 - error <= row["p50"] <= row["p99"] < 5  # slow posts on a busy machine, not 1,000 s
    assert set(actions["node"]) == {"ahead", "plain"}  # both ways
    assert actions["response_time"].min() >= 0.3 - error


def join_by_cable(session: murmur.Session, cable: Cable) -> NodeProcess:
    session.open(host="0.0.0.0")
    node = NodeProcess(session.open(seen_as=cable.here), "remote", *cable.prefix)
    session.wait_for_nodes(1)
    return node


def test_a_cut_cable_costs_users_and_no_node(cable: Cable) -> None:
    with murmur.Session(silence=2.5) as session:
        node = join_by_cable(session, cable)
        try:
            run = session.do(Steady, 4, user_rate=math.inf, nodes=["remote"])
            wait_for(lambda: session.status().users["running"] == 4)
            before = time.monotonic()
            cable.pull()
            wait_for(lambda: "remote" not in session.nodes)
            assert time.monotonic() - before > 1.5
            cable.mend()
            wait_for(lambda: "remote" in session.nodes)
            wait_for(lambda: session.nodes["remote"].state == "running")
            session.add(2, nodes=["remote"])
            time.sleep(4.0)  # longer than a silence: whatever was left of the cut is over
            assert session.nodes["remote"].users["running"] == 2
            session.stop()
            run.wait(timeout=60)
        finally:
            node.close()

    outcomes = run.results.users.set_index("user_id")["outcome"].astype(str)
    assert outcomes.to_dict() == {1: "lost", 2: "lost", 3: "lost", 4: "lost", 5: "left", 6: "left"}


def test_a_cable_that_is_cut_for_a_moment_costs_nobody(cable: Cable) -> None:
    with murmur.Session() as session:
        node = join_by_cable(session, cable)
        try:
            run = session.do(Steady, 4, user_rate=math.inf)
            wait_for(lambda: session.status().users["running"] == 4)
            cable.pull()
            time.sleep(1.2)  # what was lost is sent again after 0.3 s, 0.9 s, 2.1 s
            cable.mend()
            time.sleep(1.5)
            assert session.status().users["running"] == 4
            session.stop()
            run.wait(timeout=60)
        finally:
            node.close()

    assert set(run.results.users["outcome"]) == {"left"}


def test_a_slow_and_lopsided_cable_is_allowed_for(session: murmur.Session, nodes: Any) -> None:
    """80 ms there and 20 ms back: the offset is wrong by 30 ms, within what it admits to."""
    ticket = session.open()
    host, _, port = ticket.address.rpartition(":")
    wire = SlowWire((host, int(port)), 0.08, 0.02)
    opening = session._host.entrance._opening
    assert opening is not None
    slow = opening._authority.ticket(f"127.0.0.1:{wire.port}", 60)
    try:
        nodes.launch(slow, "far")
        nodes.wait_for(lambda: "far" in session.nodes)
        run = session.do(Steady, 2, user_rate=math.inf)
        nodes.wait_for(lambda: session.nodes["far"].users["running"] == 2)
        nodes.wait_for(lambda: session.nodes["far"].clock_error < 0.08)  # not held up beside
        far = session.nodes["far"]
        assert 0.02 < abs(far.clock_offset) <= far.clock_error < 0.08
        session.stop()
        run.wait(timeout=60)
    finally:
        with contextlib.suppress(murmur.MurmurError):
            session.expel("far")
        wire.close()

    assert set(run.results.users["outcome"]) == {"left"}
