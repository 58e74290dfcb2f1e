"""Nodes that die, freeze, fail and leave: what the person sees, and that nobody is forgotten."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from traitlets import Float, Unicode

import murmur
from murmur.errors import (
    CallbackError,
    JoinError,
    NodeLostError,
    NodesFailedError,
    TicketError,
    UnknownNameError,
)

from .conftest import wait_for

AT_ONCE = math.inf


class Steady(murmur.Scenario):
    """Users do something small, again and again."""

    pace = Float(0.05, help="seconds between two actions").tag(live=True)
    broken_on = Unicode("", help="node on which init fails")
    slow_on = Unicode("", help="node on which everything blocks")

    async def init(self) -> None:
        from murmur.runtime import current_run

        self.node = current_run("init").node
        if self.node == self.broken_on:
            raise RuntimeError("no database here")

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("act"):
                await user.sleep(self.pace)
            if user.node == self.slow_on:
                time.sleep(0.3)  # noqa: ASYNC251 - what a careless scenario does


class SlowInit(Steady):
    """It takes a while to prepare."""

    async def init(self) -> None:
        await anyio.sleep(1.5)
        await super().init()


class Blocking(murmur.Scenario):
    """The first user never gives the loop back."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(0.2)
        while user.id == 1:
            pass
        await user.sleep(math.inf)


def outcomes(run: murmur.Run, node: str) -> set[str]:
    users = run.results.users
    return set(users[users["node"] == node]["outcome"])


def accounted(run: murmur.Run, announced: int) -> bool:
    """Whether every user has exactly one row with one outcome."""
    users = run.results.users
    return users["user_id"].tolist() == list(range(1, announced + 1)) and bool(
        users["outcome"].notna().all()
    )


@pytest.mark.parametrize("session", [{"silence": 60.0}], indirect=True)
def test_a_killed_node_is_noticed_at_once(session: murmur.Session, nodes: Any) -> None:
    """Its silence, which is waited for no longer than 20 s here, would take 60 s to be noticed."""
    (one, _) = nodes.start("one", "two")
    run = session.do(Steady, 20, user_rate=AT_ONCE)
    nodes.wait_for(lambda: session.status().users["running"] == 20)
    nodes.wait_for(lambda: (run.results.actions["node"] == "one").sum() > 10)
    one.signal(signal.SIGKILL)
    nodes.wait_for(lambda: "one" not in session.nodes)

    assert session.status().users == {"waiting": 0, "running": 10, "leaving": 0, "gone": 10}
    assert session.add(4) == range(21, 25)
    nodes.wait_for(lambda: session.status().users["running"] == 14)
    session.stop()
    run.wait(timeout=60)
    assert outcomes(run, "one") == {"lost"}
    assert outcomes(run, "two") == {"left"}
    assert accounted(run, 24)
    assert (run.results.actions["node"] == "one").sum() > 10  # what it sent before is there
    events = run.results.events
    assert (events["name"] == "amoc.cluster.nodedown").sum() == 1
    frame = run.results.nodes.set_index("node")
    assert frame.loc["one", "outcome"] == "lost"
    assert frame.loc["two", "outcome"] == "here"


def test_a_frozen_node_is_suspect_and_then_lost(session: murmur.Session, nodes: Any) -> None:
    (one, _) = nodes.start("one", "two")
    run = session.do(Steady, 10, user_rate=AT_ONCE)
    nodes.wait_for(lambda: session.status().users["running"] == 10)
    before = time.monotonic()
    one.signal(signal.SIGSTOP)
    nodes.wait_for(lambda: session.nodes["one"].is_suspect)
    assert time.monotonic() - before > 1.5
    assert "nothing was heard" in repr(session.nodes)
    nodes.wait_for(lambda: "one" not in session.nodes)
    assert time.monotonic() - before > 4.0
    one.signal(signal.SIGCONT)
    nodes.wait_for(lambda: "one" in session.nodes)  # thawed, it comes back, without users
    nodes.wait_for(lambda: session.nodes["one"].state == "running")
    assert session.nodes["one"].users["running"] == 0
    session.stop()
    run.wait(timeout=60)
    assert outcomes(run, "one") == {"lost"}
    assert accounted(run, 10)


def test_nodes_end_their_load_when_the_steering_kernel_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import math, os, signal, subprocess, sys, time
        import murmur
        class Chatty(murmur.Scenario):
            async def start(self, user):
                with open(os.environ["TRACE"], "a") as trace:
                    trace.write("up\\n")
                try:
                    await user.sleep(math.inf)
                finally:
                    with open(os.environ["TRACE"], "a") as trace:
                        trace.write("gone\\n")
            async def terminate(self):
                with open(os.environ["TRACE"], "a") as trace:
                    trace.write("terminated\\n")
        if __name__ == "__main__":
            session = murmur.Session()
            session.spawn_nodes(2)
            session.do(Chatty, 4, user_rate=math.inf)
            pids = [node.pid for node in session.nodes.values()]
            while open(os.environ["TRACE"]).read().count("up") < 4:
                time.sleep(0.01)
            print(*pids, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    trace = tmp_path / "trace"
    trace.touch()
    (tmp_path / "steer.py").write_text(script)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "steer.py")],
        env={**os.environ, "TRACE": str(trace)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in done.stdout.split()):
        assert time.monotonic() < deadline, "a node outlived its session"
        time.sleep(0.05)
    lines = trace.read_text().split()
    assert (lines.count("gone"), lines.count("terminated")) == (4, 2)


def test_a_stuck_node_does_not_outlive_its_steering_kernel(tmp_path: Path) -> None:
    """With less patience than it has: 15 s are too long for a test."""
    (tmp_path / "node.py").write_text(
        "import sys\n"
        + textwrap.dedent("""
        import murmur.cluster._membership as membership
        membership.LEAVE = 1.0
        sys.exit(membership.serve_node(sys.stdin.readline(), name="stuck"))
    """)
    )
    script = textwrap.dedent("""
        import math, os, signal, subprocess, sys, time
        import murmur
        class Blocking(murmur.Scenario):
            async def start(self, user):
                while True:
                    pass
        if __name__ == "__main__":
            session = murmur.Session()
            node = subprocess.Popen([sys.executable, sys.argv[1]], stdin=subprocess.PIPE)
            node.stdin.write(session.open().text.encode() + b"\\n")
            node.stdin.close()
            while "stuck" not in session.nodes:
                time.sleep(0.01)
            session.do(Blocking, 1, user_rate=math.inf, grace=0.1)
            while session.nodes["stuck"].stuck_for < 1:
                time.sleep(0.01)
            print(node.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    (tmp_path / "steer.py").write_text(script)
    with (tmp_path / "stderr").open("w") as stderr:
        done = subprocess.run(
            [sys.executable, str(tmp_path / "steer.py"), str(tmp_path / "node.py")],
            stdout=subprocess.PIPE,
            stderr=stderr,
            timeout=180,
            check=False,
        )

    assert done.returncode == -signal.SIGKILL
    node = int(done.stdout)
    deadline = time.monotonic() + 60
    try:
        while is_alive(node):
            assert time.monotonic() < deadline, "a stuck node outlived its session"
            time.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(node, signal.SIGKILL)
    assert "its run does not end by itself" in (tmp_path / "stderr").read_text()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended may wait for somebody to take note of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_node_whose_init_fails_is_named(session: murmur.Session, nodes: Any) -> None:
    nodes.start("one", "two")

    with pytest.raises(NodesFailedError) as caught:
        session.do(Steady, 4, user_rate=AT_ONCE, broken_on="two")
    error = caught.value.failures["two"]
    assert isinstance(error, CallbackError)
    assert "no database here" in error.traceback_text
    assert caught.value.succeeded == ("one",)
    assert session.status().state == "failed"
    run = session.do(Steady, 4, user_rate=AT_ONCE)
    session.stop()
    assert run.wait(timeout=60).state == "finished"


def test_a_node_that_is_slow_keeps_its_place(session: murmur.Session, nodes: Any) -> None:
    nodes.start("one", "two")
    run = session.do(Steady, 6, user_rate=AT_ONCE, slow_on="two")
    time.sleep(1.5)

    assert set(session.nodes) == {"one", "two"}
    nodes.wait_for(lambda: not session.nodes["two"].is_suspect)
    session.stop()
    run.wait(timeout=60)
    assert accounted(run, 6)


def test_a_reset_loses_the_users_of_a_node_that_is_stuck(
    session: murmur.Session, nodes: Any
) -> None:
    nodes.start("one", "two")
    run = session.do(Blocking, 4, user_rate=AT_ONCE)
    nodes.wait_for(lambda: session.nodes["one"].stuck_for > 1)
    session.reset()

    assert outcomes(run, "one") == {"lost"}
    assert accounted(run, 4)


def test_a_node_joins_in_the_middle_and_after_the_end(session: murmur.Session, nodes: Any) -> None:
    nodes.start("one")
    run = session.do(Steady, 4, user_rate=AT_ONCE, pace=0.2)
    session.update(pace=0.1)
    nodes.start("two")
    nodes.wait_for(lambda: session.nodes["two"].state == "running")
    session.add(4, nodes=["two"])
    nodes.wait_for(lambda: session.nodes["two"].users["running"] == 4)
    session.stop()
    run.wait(timeout=60)
    nodes.start("three")

    assert session.status().state == "finished"
    assert session.nodes["three"].state == "idle"
    assert outcomes(run, "two") == {"left"}
    assert accounted(run, 8)


def test_a_node_may_leave_in_order_and_come_back(session: murmur.Session, nodes: Any) -> None:
    nodes.start("one")
    run = session.do(Steady, 4, user_rate=AT_ONCE)
    with murmur.join(session.open(), name="guest") as guest:
        nodes.wait_for(lambda: session.nodes["guest"].state == "running")
        session.add(6, nodes=["guest"])
        nodes.wait_for(lambda: session.nodes["guest"].users["running"] == 6)
    assert guest.is_over
    assert not guest.is_lost
    nodes.wait_for(lambda: "guest" not in session.nodes)

    assert outcomes(run, "guest") == {"left"}
    with murmur.join(session.open(), name="guest"):
        nodes.wait_for(lambda: "guest" in session.nodes)
        assert session.status().users["gone"] == 6
        session.stop()
        run.wait(timeout=60)
    assert accounted(run, 10)


def test_five_nodes_come_and_go_and_one_of_them_fails_beside_a_run(
    session: murmur.Session, nodes: Any
) -> None:
    nodes.start("one")
    run = session.do(Steady, 4, user_rate=AT_ONCE, broken_on="guest-3")
    for number in range(1, 6):
        name = f"guest-{number}"
        with murmur.join(session.open(), name=name):
            if name == "guest-3":
                nodes.wait_for(lambda: "node" in set(run.results.errors["source"]))
                continue
            nodes.wait_for(lambda name=name: session.nodes[name].state == "running")
            session.add(2, nodes=[name])
            nodes.wait_for(lambda name=name: session.nodes[name].users["running"] == 2)
        nodes.wait_for(lambda name=name: name not in session.nodes)
        assert session.status().state == "running"
        assert session.nodes["one"].users["running"] == 4
    session.stop()
    last = run.wait(timeout=60)

    assert last.state == "finished"
    assert last.users == {"waiting": 0, "running": 0, "leaving": 0, "gone": 12}
    assert accounted(run, 12)
    assert set(run.results.users["outcome"]) == {"left"}
    failed = run.results.errors.set_index("source").loc["node"]
    assert (failed["name"], "no database here" in failed["error"]) == ("guest-3", True)


def test_a_node_that_is_killed_while_the_run_starts_leaves_nobody_behind(
    session: murmur.Session, nodes: Any
) -> None:
    (_, two) = nodes.start("one", "two")
    threading.Timer(0.5, two.signal, (signal.SIGKILL,)).start()
    with contextlib.suppress(NodesFailedError, NodeLostError):
        session.do(SlowInit, 20, user_rate=AT_ONCE)
    run = session.run
    assert run is not None
    nodes.wait_for(lambda: "two" not in session.nodes)
    if not run.is_over:
        session.stop()
    run.wait(timeout=60)

    assert run.results.users["outcome"].notna().all()
    assert session.nodes["one"].users["running"] == 0
    again = session.do(Steady, 2, user_rate=AT_ONCE)
    again.stop()
    assert again.wait(timeout=60).state == "finished"
    assert accounted(again, 2)


def test_an_expelled_node_is_gone_at_once(session: murmur.Session, nodes: Any) -> None:
    (one, _) = nodes.start("one", "two")
    run = session.do(Steady, 4, user_rate=AT_ONCE)
    session.expel("one")

    assert set(session.nodes) == {"two"}
    assert one.wait()[0] == 0
    session.stop()
    run.wait(timeout=60)
    assert outcomes(run, "one") == {"lost"}
    with pytest.raises(UnknownNameError):
        session.expel("one")


FOREIGN = ("pandas", "altair", "IPython", "ipywidgets", "pyarrow", "distributed", "tornado")


def test_a_spawned_node_imports_nothing_that_it_has_no_use_for(session: murmur.Session) -> None:
    class Looks(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            import sys

            for name in FOREIGN:
                if name in sys.modules:
                    user.count(name)
            user.count("looked")

    session.spawn_nodes(1)
    run = session.do(Looks, 1, user_rate=AT_ONCE, end_when_idle=True)
    run.wait(timeout=60)

    assert run.results.counters["name"].unique().tolist() == ["looked"]


def test_what_lets_nobody_in_says_so(session: murmur.Session, tmp_path: Path) -> None:
    ticket = session.open()
    with pytest.raises(TicketError, match="damaged"):
        murmur.join(ticket.text[:-40])
    with pytest.raises(TicketError, match="neither the text"):
        murmur.join(tmp_path / "none")
    with pytest.raises(TicketError, match="expired"):
        murmur.join(session.open(lifetime=1e-6))
    path = ticket.save(tmp_path / "ticket")
    assert path.stat().st_mode & 0o777 == 0o600
    with murmur.join(path, name="by-file") as node:
        assert node.name == "by-file"
    session.close()
    with pytest.raises(JoinError, match="refused"):
        murmur.join(ticket)


def test_a_node_waits_for_a_session_that_is_not_there_yet(nodes: Any) -> None:
    with murmur.Session() as first:
        ticket = first.open()
        with murmur.join(ticket, wait=5.0, name="there"):
            assert list(first.nodes) == ["there"]
    before = time.monotonic()
    with pytest.raises(JoinError, match="refused"):
        murmur.join(ticket, wait=0.7)
    assert 0.6 < time.monotonic() - before < 60


def test_a_ctrl_c_while_a_node_joins_ends_the_attempt(
    session: murmur.Session, press_ctrl_c: Callable[[], None]
) -> None:
    ticket = session.open()
    before = set(threading.enumerate())
    press_ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        murmur.join(ticket, name="there", wait=30.0)

    assert set(threading.enumerate()) <= before
    with murmur.join(ticket, name="there"):
        assert list(session.nodes) == ["there"]


def test_the_ticket_of_another_session_says_so(session: murmur.Session) -> None:
    with murmur.Session() as other:
        ticket = replace(other.open(), address=session.open().address)
    before = time.monotonic()
    with pytest.raises(JoinError, match="another one; ask for its ticket"):
        murmur.join(ticket, wait=120.0)

    assert time.monotonic() - before < 60  # waiting is of no use


@pytest.mark.parametrize("seconds", [2.0, 8.0])
def test_a_steering_kernel_may_stand_still_for_a_while(
    session: murmur.Session, seconds: float
) -> None:
    session.spawn_nodes(1)
    run = session.do(Steady, 6, user_rate=AT_ONCE)
    wait_for(lambda: session.status().users["running"] == 6)
    freeze = "import os, sys, time; pid, s = int(sys.argv[1]), float(sys.argv[2]);"
    freeze += "os.kill(pid, 19); time.sleep(s); os.kill(pid, 18)"  # SIGSTOP, SIGCONT
    subprocess.run([sys.executable, "-c", freeze, str(os.getpid()), str(seconds)], check=True)
    time.sleep(0.5)
    session.wait_for_nodes(1, timeout=60)
    is_short = seconds < 5.0
    wait_for(lambda: session.status().users["gone"] == (0 if is_short else 6))
    wait_for(lambda: session.nodes["spawned-1"].state == "running")
    session.add(2)
    session.stop()
    run.wait(timeout=60)

    users = run.results.users
    first = set(users[users["user_id"] <= 6]["outcome"])
    assert first == ({"left"} if is_short else {"lost"})
    assert accounted(run, 8)
    assert ("6 of 8 users were lost" in str(run.results.verdict)) is not is_short
    assert any("the steering kernel stood still for " in each for each in run.status().problems)
    assert "The steering kernel stood still for " in str(run.results.verdict)
    assert is_short or all("the steering kernel stood still" in each for each in lost_because(run))


def lost_because(run: murmur.Run) -> list[str]:
    users = run.results.users
    return users[users["outcome"] == "lost"]["reason"].astype(str).tolist()
