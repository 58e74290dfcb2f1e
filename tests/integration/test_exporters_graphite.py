"""Carbon gets what the frames say; whatever becomes of it, the run goes on."""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

import murmur
from murmur.exporters import Graphite

from .exporting import DEADLINE, is_about_exporters, serving, wait_until


class Carbon(socketserver.ThreadingTCPServer):
    """Takes lines as carbon does, and remembers the latest value of each path."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        self.values: dict[str, float] = {}
        self.malformed: list[str] = []
        self.pushes = 0
        super().__init__(("127.0.0.1", port), Receiver)

    @property
    def port(self) -> int:
        return self.server_address[1]


class Receiver(socketserver.StreamRequestHandler):
    server: Carbon

    def handle(self) -> None:
        for line in self.rfile:
            try:
                path, value, at = line.decode("ascii").split()
                assert abs(int(at) - time.time()) < 60
                self.server.values[path] = float(value)
            except (AssertionError, ValueError):
                self.server.malformed.append(line.decode("ascii", "replace"))
        self.server.pushes += 1


class Steady(murmur.Scenario):
    """Users beat until they are asked to leave."""

    async def start(self, user):
        while True:
            user.record("beat", 0.025)
            user.count("beats")
            await user.sleep(0.01)


def carbon(port: int = 0) -> AbstractContextManager[Carbon]:
    return serving(Carbon(port))


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        yield session


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_quiet(server: Carbon) -> bool:
    """Whether nothing comes for twenty of the intervals in which something might."""
    before = server.pushes
    time.sleep(1)
    return server.pushes == before


def test_carbon_gets_what_the_frames_say(session):
    with carbon() as server:
        exporter = Graphite(session, "127.0.0.1", server.port, "amoc.one", interval=0.2)
        with exporter, session.do(Steady, 5, user_rate=float("inf")) as run:
            wait_until(lambda: exporter.statistics().pushed >= 3)
        wait_until(lambda: server.pushes >= exporter.statistics().pushed)

    beats = len(run.results.actions)
    values = server.values
    assert server.malformed == []
    assert values["amoc.one.murmur_actions_total.action.beat.node.local"] == beats
    assert values["amoc.one.murmur_counted_total.counter.beats.node.local"] == beats
    assert values["amoc.one.murmur_users_gone_total.node.local.outcome.left"] == 5
    assert values["amoc.one.murmur_users.node.local.state.running"] == 0
    assert values["amoc.one.murmur_service_time_seconds_count.action.beat"] == beats
    median = values["amoc.one.murmur_service_time_seconds.action.beat.quantile.0_5"]
    assert 0.02 <= median <= 0.03


def test_nothing_is_sent_while_nothing_happens(session):
    with carbon() as server, Graphite(session, "127.0.0.1", server.port, interval=0.05) as exporter:
        with session.do(Steady, 1, user_rate=float("inf")):
            wait_until(lambda: exporter.statistics().pushed >= 1)
        wait_until(lambda: server.values.get("murmur.murmur_run_active") == 0)
        wait_until(lambda: is_quiet(server) and exporter.statistics().pushed == server.pushes)


def test_with_nobody_there_the_run_goes_on_and_it_is_told_once(session, free_port, caplog):
    exporter = Graphite(session, "127.0.0.1", free_port, interval=0.05)
    with caplog.at_level(logging.WARNING), exporter:
        run = session.do(Steady, 5, user_rate=float("inf"), duration=1.5)
        status = run.wait(timeout=DEADLINE)

    assert status.users["gone"] == 5
    assert len(run.results.actions) > 0
    assert exporter.statistics().pushed == 0
    assert exporter.statistics().failed >= 2
    assert "ConnectionRefusedError" in repr(exporter)
    assert [line.name for line in caplog.records if is_about_exporters(line)] == [
        "murmur.exporters._push"
    ]


def test_a_receiver_that_dies_and_comes_back_has_the_right_totals(session):
    with carbon() as server:
        port = server.port
        exporter = Graphite(session, "127.0.0.1", port, interval=0.05).start()
        run = session.do(Steady, 5, user_rate=float("inf"))
        wait_until(lambda: exporter.statistics().pushed >= 2)
    wait_until(lambda: exporter.statistics().failed >= 2)
    with carbon(port) as server:
        pushed = exporter.statistics().pushed
        wait_until(lambda: exporter.statistics().pushed > pushed)
        run.stop()
        run.wait(timeout=DEADLINE)
        exporter.stop()
        path = "murmur.murmur_actions_total.action.beat.node.local"
        wait_until(lambda: server.values.get(path) == len(run.results.actions))


def test_a_receiver_that_never_reads_delays_nobody(session):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        port = silent.getsockname()[1]
        with Graphite(session, "127.0.0.1", port, interval=0.05) as exporter:
            run = session.do(Steady, 5, user_rate=float("inf"), duration=1.5)
            status = run.wait(timeout=DEADLINE)
            began = time.monotonic()

    assert status.users["gone"] == 5
    assert time.monotonic() - began < 30
    assert exporter.statistics().pushed + exporter.statistics().failed > 0


def closes_at_once(peer: socket.socket) -> None:
    peer.close()


def reads_a_little(peer: socket.socket) -> None:
    peer.recv(10)
    peer.close()


def never_reads(peer: socket.socket) -> None:
    time.sleep(5)


def talks_instead(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"x" * 100)
        time.sleep(0.1)


@pytest.mark.parametrize(
    "treat", [closes_at_once, reads_a_little, never_reads, talks_instead], ids=lambda f: f.__name__
)
def test_what_the_receiver_did_not_read_was_not_pushed(session, treat):
    def serve() -> None:
        with contextlib.suppress(OSError), server.accept()[0] as peer:  # who sent may give up
            treat(peer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = threading.Thread(target=serve)
        listener.start()
        exporter = Graphite(session, "127.0.0.1", server.getsockname()[1], interval=3600)
        with exporter:
            session.do(Steady, 1, user_rate=float("inf"), duration=0.2).wait(timeout=DEADLINE)
        listener.join()

    assert (exporter.statistics().pushed, exporter.statistics().failed) == (0, 1)
    told = [line for line in session.status().problems if line.startswith("Graphite to")]
    assert len(told) == 1
    assert "1 of 1 pushes failed" in told[0]
