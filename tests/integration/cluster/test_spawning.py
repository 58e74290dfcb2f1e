"""Nodes that a session starts itself, and starts that do not come to anything."""

from __future__ import annotations

import gc
import math
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from traitlets import Int

import murmur
from murmur.errors import ClusterError, JoinError


@pytest.mark.parametrize("number", [-1, 1.5, "x", True])
def test_a_number_of_nodes_is_a_whole_one(session: murmur.Session, number: Any) -> None:
    with pytest.raises(ClusterError, match=r"cannot spawn .* nodes: give a whole number from 0"):
        session.spawn_nodes(number)

    assert list(session.nodes) == ["local"]


def test_nodes_that_come_too_late_do_not_come_at_all(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Watched(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    with pytest.raises(JoinError, match="2 of 2 processes did not come in"):
        session.spawn_nodes(2, timeout=0.01)

    assert [process.returncode is not None for process in started] == [True, True]
    assert list(session.nodes) == ["local"]


def test_nodes_of_others_are_not_taken_for_spawned_ones(session: murmur.Session) -> None:
    with murmur.join(session.open(), name="guest"):
        (name,) = session.spawn_nodes(1)

        assert sorted(session.nodes) == sorted(["guest", name])
        assert session.spawn_nodes(0) == []


LOUD = '''
import murmur

class Loud(murmur.Scenario):
    """Users print."""
    async def start(self, user):
        print("hello from a user", flush=True)

if __name__ == "__main__":
    with murmur.Session() as session:
        session.spawn_nodes(1)
        session.do(Loud, 1, user_rate=float("inf"), end_when_idle=True).wait(60)
        print("done")
'''


def test_what_users_print_on_spawned_nodes_is_not_output_of_the_session(tmp_path: Path) -> None:
    script = tmp_path / "prints.py"
    script.write_text(LOUD, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "done\n"
    assert "hello from a user" in done.stderr


def test_nodes_that_are_asked_to_end_leave_in_order_and_the_plan_says_what_is_missing(
    session: murmur.Session,
) -> None:
    class Stay(murmur.Scenario):
        """Users stay until they are asked to leave."""

        async def start(self, user: murmur.User) -> None:
            await user.sleep(math.inf)

    session.spawn_nodes(2)
    run = session.do(Stay, 6, user_rate=math.inf, duration=60.0, end_when_idle=True)
    for node in session.nodes.values():
        if node.name != "local":
            os.kill(node.pid, signal.SIGTERM)
    run.wait(60)
    results = run.results

    assert set(results.users["outcome"]) == {"left"}
    assert set(results.users["reason"]) == {"node left"}
    assert set(results.nodes["outcome"]) == {"left"}
    assert results.verdict.state == "invalid"
    told = " ".join(results.verdict.reasons)  # a busy machine has reasons of its own among them
    assert "6 of 6 users were lost, or went with a node" in told
    assert "of the plan was not carried out" in told


class Circle(murmur.Scenario):
    """A user leaves a connection behind that refers to itself, as clients of libraries do."""

    port = Int(0, help="where to connect to").tag(required=True)

    async def init(self) -> None:
        gc.disable()  # a node that allocates little makes it come by as rarely

    async def start(self, user: murmur.User) -> None:
        circle: list[object] = [socket.create_connection(("127.0.0.1", self.port))]
        circle.append(circle)


def test_what_users_left_in_circles_on_a_node_goes_with_the_run(session: murmur.Session) -> None:
    session.spawn_nodes(1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        run = session.do(Circle, 1, port=server.getsockname()[1], end_when_idle=True)
        run.wait(timeout=60)
        with server.accept()[0] as connection:
            connection.settimeout(20.0)
            assert connection.recv(1) == b""
