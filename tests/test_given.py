"""Arguments of the wrong sort are refused in a sentence, before anything is done."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from traitlets import Float

import murmur
import murmur.charts
import murmur.results
from murmur import exporters
from murmur.errors import MurmurError
from murmur.testing import rehearse

ODD = [
    None, True, "5s", "", b"x", [], {}, (), object(), math.nan, math.inf, -1, -0.5, 1.5, 10**400,
    np.int64(-2), np.float32(1.5), pd.Timestamp("2026-01-01"), pd.Timedelta("2s"), Decimal("1.5"),
    Decimal("sNaN"), Fraction(3, 2), 1j, int, range(3), np.array([1, 2]), pd.Series([1, 2]),
    "x" * 300, "a\0b",
]  # fmt: skip


class Stays(murmur.Scenario):
    """Users stay; a throttle and a coordinator are there."""

    user_rate = Float(math.inf, help="users per minute").tag(live=True)
    pace = Float(1.0, min=0, help="seconds").tag(live=True)

    async def init(self) -> None:
        self.turns = await murmur.throttle("turns", rate=100, interval=1)
        await murmur.coordinator(("room", 1), [])

    async def start(self, user: murmur.User) -> None:
        await user.sleep(1e6)


@pytest.fixture(scope="module")
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        session.do(Stays, 2)
        yield session


@pytest.fixture(scope="module")
def results() -> murmur.results.Results:
    return rehearse(Stays, 1, duration=1)


IN_A_SESSION: dict[str, Callable[[murmur.Session, object], object]] = {
    "add_users": lambda session, odd: session.add_users(odd, odd),
    "remove_user": lambda session, odd: session.remove_user(odd),
    "send": lambda session, odd: session.send(odd, "x"),
    "user": lambda session, odd: session.user(odd),
    "update": lambda session, odd: session.update(pace=odd),
    "rate": lambda session, odd: session.throttles["turns"].change_rate(rate=odd),
    "interval": lambda session, odd: session.throttles["turns"].change_rate(rate=1, interval=odd),
    "throttles": lambda session, odd: session.throttles[odd],
    "nodes": lambda session, odd: session.add(0, nodes=odd),
    "seen_as": lambda session, odd: session.open(seen_as=odd),
    "revoke": lambda session, odd: session.revoke(odd),
    "by_name": lambda session, odd: session.observe(by_name=odd),
    "force": lambda session, odd: session.remove(0, force=odd),
    "get of coordinators": lambda session, odd: session.coordinators.get(odd),
    "get of throttles": lambda session, odd: session.throttles.get(odd),
    "a name of a throttle": lambda session, odd: session.throttle(odd, rate=1),
    "a throttle to call": lambda session, odd: session.call_throttle(odd, "pause", {}),
    "a verb of a throttle": lambda session, odd: session.call_throttle("turns", odd, {}),
    "what a verb takes": lambda session, odd: session.call_throttle("turns", "pause", odd),
    "nodes by name": lambda session, odd: session.nodes[odd],
    "planned": lambda session, odd: session.add(0, planned=odd),
    "ramp": lambda session, odd: session.throttles["turns"].ramp(
        from_rate=1, to_rate=2, duration=odd, cancel_ramp=True
    ),
    "read_only": lambda session, odd: session.open(read_only=odd),
    "spawn_nodes": lambda session, odd: session.spawn_nodes(0, timeout=odd),
    "coordinators": lambda session, odd: session.coordinators[odd],
}

OF_RESULTS: dict[str, Callable[[murmur.results.Results, object], object]] = {
    "check": lambda results, odd: results.check(odd),
    "join": lambda results, odd: results.join(odd, on="time"),
    "compare": murmur.results.compare,
    "chart": lambda results, odd: murmur.charts.population(odd),
}

OF_EXPORTERS: dict[str, Callable[[murmur.Session, object], object]] = {
    "session": lambda session, odd: exporters.Graphite(odd, "localhost"),
    "port": lambda session, odd: exporters.Prometheus(session, port=odd),
    "host": lambda session, odd: exporters.Prometheus(session, host=odd),
    "labels": lambda session, odd: exporters.Prometheus(session, labels=odd),
    "names": lambda session, odd: exporters.Prometheus(session, names=odd),
    "host of Graphite": exporters.Graphite,
    "port of Graphite": lambda session, odd: exporters.Graphite(session, "localhost", odd),
    "prefix": lambda session, odd: exporters.Graphite(session, "localhost", prefix=odd),
    "interval": lambda session, odd: exporters.Graphite(session, "localhost", interval=odd),
    "endpoint": exporters.OpenTelemetry,
    "spans": lambda session, odd: exporters.OpenTelemetry(session, spans=odd),
}

ALONE: dict[str, Callable[[object], object]] = {
    "allow": lambda odd: murmur.Session(allow=odd).close(),
    "load": murmur.load,
    "describe": murmur.describe,
    "scenarios_in": murmur.scenarios_in,
    "mix": lambda odd: murmur.mix({Stays: odd}),
    "on": lambda odd: murmur.on(odd, print),
    "on a handler": lambda odd: murmur.on("amoc.*", odd),
    "replay": murmur.replay,
}


def refuse(call: Callable[..., object], *args: object) -> None:
    """Call with each odd value: it works, or is refused in a line or a few."""
    said = []
    for odd in ODD:
        try:
            call(*args, odd)
        except MurmurError as error:
            said.append(str(error))
    assert all(said)
    assert not any("Traceback" in text for text in said)


@pytest.mark.parametrize("name", IN_A_SESSION)
def test_what_a_session_is_asked(session: murmur.Session, name: str) -> None:
    refuse(IN_A_SESSION[name], session)
    assert session.status().state == "running"


@pytest.mark.parametrize("name", OF_EXPORTERS)
def test_what_exporters_are_made_of(session: murmur.Session, name: str) -> None:
    refuse(OF_EXPORTERS[name], session)


def test_a_port_that_is_none_is_refused(session: murmur.Session) -> None:
    for odd in (10**400, -1, 65_536, "http", 1.5):
        with pytest.raises(MurmurError, match="give a port, from 0 to 65535"):
            exporters.Prometheus(session, port=odd)
    with exporters.Prometheus(session, port=np.int64(0)) as exporter:
        assert exporter.port


@pytest.mark.parametrize("odd", [math.nan, np.array([1, 2]), pd.NA])
def test_a_truth_that_is_none_ends_no_session(odd: object) -> None:
    with murmur.Session() as session:
        with contextlib.suppress(MurmurError):
            session.do(Stays, 1, end_when_idle=odd).stop()
        assert session.status().state != "failed"


@pytest.mark.parametrize("name", OF_RESULTS)
def test_what_results_are_asked(results: murmur.results.Results, name: str) -> None:
    refuse(OF_RESULTS[name], results)


@pytest.mark.parametrize("name", ALONE)
def test_what_is_asked_of_no_run(name: str) -> None:
    refuse(ALONE[name])


@pytest.mark.parametrize("odd", [None, 5, b"x", [], "x" * 300, "a\0b"])
def test_where_something_is_to_be_written(results: murmur.results.Results, odd: object) -> None:
    for write in (results.save, results.report, results.to_csv):
        with pytest.raises(MurmurError, match="give a path"):
            write(odd)


def test_a_duration_without_end_and_a_fraction_are_numbers() -> None:
    with murmur.Session() as session:
        run = session.do(Stays, 1, duration=10**18)
        session.throttles["turns"].change_rate(rate=Fraction(3, 2))
        assert session.throttles["turns"].statistics().rate == 1.5
        run.stop()
        assert run.wait(20).state == "finished"


def test_a_coordinator_is_found_by_whatever_can_be_hashed(session: murmur.Session) -> None:
    assert session.coordinators["room", 1].statistics().batches == 0
    assert [*session.coordinators.values()]


@pytest.mark.parametrize(
    "name", ["check", "by", "low", "hold", "warm_up", "within", "confirm", "users"]
)
def test_what_a_search_is_asked(name: str) -> None:
    """Numbers that make sense are left out: a search would begin."""
    asked = {"check": "p99(order) < 1s", "low": 1.0, "hold": 1.0, "warm_up": 0.5}
    if name == "users":
        asked["by"] = "turns"
    with murmur.Session() as session:
        for odd in (None, "5s", b"x", [], {}, object(), math.nan, -1, 10**400, 1j, int):
            with pytest.raises(MurmurError):
                session.find_capacity(Stays, **{**asked, name: odd})
        assert session.run is None


@pytest.mark.parametrize("odd", ["5s", b"x", [], object(), math.nan, -1, 10**400, 1j])
def test_how_long_a_run_is_waited_for(session: murmur.Session, odd: object) -> None:
    with pytest.raises(MurmurError, match="give seconds, such as 30"):
        session.run.wait(odd)
