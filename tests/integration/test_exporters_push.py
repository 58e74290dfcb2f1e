"""The exporter of docs/how-to/write-an-exporter.md does what the page says."""

from __future__ import annotations

import importlib.util
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import murmur
import murmur.exporters
import murmur.telemetry

from .exporting import is_about_exporters

EXAMPLE = Path(__file__).parents[2] / "docs" / "how-to" / "statsd_exporter.py"


class Short(murmur.Scenario):
    """Users act ten times and go."""

    async def start(self, user):
        for _ in range(10):
            user.record("echo", 0.02)
            await user.sleep(0.01)


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        yield session


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("statsd_exporter", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_exporter_of_ones_own_sends_what_the_frames_say(session, example):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        with example.Statsd(session, *receiver.getsockname(), interval=30) as exporter:
            run = session.do(Short, 5, user_rate=float("inf"), end_when_idle=True)
            run.wait(timeout=60)
        values = {}
        while True:
            try:
                path, _, value = receiver.recv(4096).decode().partition(":")
            except BlockingIOError:
                break
            values[path] = value

    assert exporter.statistics().pushed == 1
    assert values["murmur.actions.echo.local"] == "50.0|g"
    assert values["murmur.service_time.echo.count"] == "50|g"
    assert values["murmur.users_gone.finished.local"] == "5.0|g"
    assert len(run.results.actions) == 50


class Broken(murmur.exporters.PushExporter):
    """Has a bug."""

    def push(self, reading):
        raise KeyError("no such thing")


def test_a_bug_in_an_exporter_is_told_once_and_hurts_nobody(session, caplog):
    exporter = Broken(session, "nowhere", interval=0.05)
    with caplog.at_level(logging.WARNING), exporter:
        run = session.do(Short, 5, user_rate=float("inf"), duration=1.5)
        status = run.wait(timeout=60)

    assert status.users["gone"] == 5
    assert exporter.statistics().failed >= 2
    assert [line.name for line in caplog.records if is_about_exporters(line)] == [
        "murmur.exporters._push"
    ]
    assert "Broken to nowhere: KeyError: 'no such thing'" in caplog.text


def test_a_follower_sees_every_action(session):
    class Count(murmur.exporters.Follower):
        actions = 0
        ended = 0

        def take(self, record, chunk):
            self.actions += len(chunk.actions)

        def end(self, record):
            self.ended += 1

    count = Count()
    session.relay.attach(count)
    run = session.do(Short, 5, user_rate=float("inf"), end_when_idle=True)
    run.wait(timeout=60)

    assert (count.actions, count.ended) == (50, 1)
