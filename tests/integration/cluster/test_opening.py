"""What a session says when it cannot listen as it was asked to."""

from __future__ import annotations

import math
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import murmur
from murmur.errors import ClusterError, JoinError, SessionClosedError, TicketError


class Idle(murmur.Scenario):
    """Users stay until they are asked to leave."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(math.inf)


@pytest.mark.parametrize("port", [-1, 65536, 99999, "x", 1.5, True])
def test_a_port_that_is_none_is_refused(session: murmur.Session, port: Any) -> None:
    with pytest.raises(ClusterError, match="give one from 0 to 65535"):
        session.open(port=port)


@pytest.mark.parametrize("lifetime", [math.inf, math.nan, 0, -5, 366 * 86_400, "1h", True])
def test_a_lifetime_that_is_none_is_refused(session: murmur.Session, lifetime: Any) -> None:
    with pytest.raises(ClusterError, match="a ticket cannot be good for"):
        session.open(lifetime=lifetime)


def test_where_it_cannot_listen_is_said_and_another_port_may_follow(
    session: murmur.Session,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ClusterError) as caught:
            session.open(port=port)

    reason = f"cannot listen at 127.0.0.1:{port}: address already in use"
    assert str(caught.value).startswith(reason)
    with pytest.raises(ClusterError, match=r"cannot listen at nohost\.invalid:0: "):
        session.open("nohost.invalid")
    with murmur.join(session.open(), name="guest"):
        assert list(session.nodes) == ["guest"]


def test_a_second_place_is_refused_and_the_one_that_is_open_is_not(
    session: murmur.Session,
) -> None:
    """A ticket for an address where nobody listens would let nobody in."""
    first = session.open()
    port = int(first.address.rpartition(":")[2])

    assert session.open(port=port).address == session.open().address == first.address
    for place in ({"host": "0.0.0.0"}, {"port": port - 1}):
        with pytest.raises(ClusterError, match=f"at 127.0.0.1:{port} already, and not at .* first"):
            session.open(**place)


def test_a_run_that_waits_for_its_nodes_begins_when_they_are_there(
    session: murmur.Session,
) -> None:
    ticket, may_join = session.open(), threading.Event()
    with ThreadPoolExecutor() as pool:
        joining = pool.submit(lambda: may_join.wait(60) and murmur.join(ticket, name="late"))
        with pytest.raises(murmur.errors.InvalidArgumentError):  # at once
            session.do(Idle, -1, nodes=1)
        assert not joining.done()
        threading.Timer(0.5, may_join.set).start()
        run = session.do(Idle, 1, nodes=1)
        with joining.result(timeout=60):
            session.stop()
            run.wait(timeout=60)

    assert run.results.nodes["node"].tolist() == ["late"]
    assert run.results.nodes["joined_at"].max() < 0


def test_a_node_waits_for_the_file_of_its_ticket(session: murmur.Session, tmp_path: Path) -> None:
    with pytest.raises(TicketError, match="No such file"):
        murmur.join(tmp_path / "ticket")
    with ThreadPoolExecutor() as pool:
        joining = pool.submit(murmur.join, tmp_path / "ticket", name="early", wait=60.0)
        time.sleep(0.7)
        assert not joining.done()
        session.open().save(tmp_path / "ticket")
        with joining.result(timeout=60):
            assert list(session.nodes) == ["early"]


def test_another_program_at_the_port_is_no_reason_to_give_up(session: murmur.Session) -> None:
    def answer(server: socket.socket) -> None:
        with server.accept()[0] as stranger:
            stranger.recv(1000)
            stranger.sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:
        told = pool.submit(answer, server)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(JoinError, match="what answers there is no session") as caught:
            murmur.join(replace(session.open(), address=address))
        told.result(timeout=60)

    assert not caught.value.is_final


def test_who_waits_for_nodes_of_a_session_that_is_closed_is_told() -> None:
    session = murmur.Session()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(session.wait_for_nodes, 1)
        time.sleep(0.3)
        session.close()
        with pytest.raises(SessionClosedError):
            waiting.result(timeout=60)
