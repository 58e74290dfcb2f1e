"""Arguments of the wrong sort are refused in a sentence, before anything is done."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from fractions import Fraction

import anyio
import numpy as np
import pandas as pd
import pytest
from traitlets import Float

import murmur
import murmur.charts
import murmur.results
from murmur import exporters
from murmur._guard import error_text
from murmur.errors import MurmurError
from murmur.testing import rehearse


class Mute:
    """Raises whatever it is asked."""

    def __repr__(self) -> str:
        raise SystemExit("no text")

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __lt__ = __le__ = __gt__ = __ge__ = __eq__

    def __float__(self) -> float:
        raise RuntimeError("no number")

    __bool__ = __index__ = __float__


ODD = [
    None, True, "5s", "", b"x", [], {}, (), object(), math.nan, math.inf, -1, -0.5, 1.5, 10**400,
    np.int64(-2), np.float32(1.5), pd.Timestamp("2026-01-01"), pd.Timedelta("2s"), Decimal("1.5"),
    Decimal("sNaN"), Fraction(3, 2), 1j, int, range(3), np.array([1, 2]), pd.Series([1, 2]),
    "x" * 300, "a\0b", 10**5000, 1e308, Mute(),
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
        assert run.wait(60).state == "finished"


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


class Asked(murmur.Scenario):
    """One user calls a method with each odd value in turn."""

    user_rate = Float(math.inf, help="users per minute").tag(live=True)
    call: Callable[..., object]
    raw: list[str]

    async def init(self) -> None:
        self.turns = await murmur.throttle("turns", rate=100, interval=1)
        self.pairs = await murmur.coordinator("pairs", (2, lambda event: None), timeout=0.1)

    async def start(self, user: murmur.User) -> None:
        for number, odd in enumerate(ODD):
            try:
                with anyio.move_on_after(2):
                    await self._ask(user, odd, f"name {number}")
            except MurmurError as error:
                self.raw += [] if str(error) else ["an error without a text"]
            except BaseException as error:  # noqa: BLE001 - what a user must not see
                self.raw.append(f"{type(odd).__name__}: {error_text(error)}")
            await self.turns.change_rate(100, interval=1, cancel_ramp=True)
            await self.turns.wait()

    async def _ask(self, user: murmur.User, odd: object, name: str) -> None:
        answer = type(self).call(self, user, odd, name)
        if inspect.isawaitable(answer):
            await answer
        elif isinstance(answer, contextlib.AbstractContextManager):
            with answer:
                pass


async def nothing() -> None:
    """Come to nothing, at once."""


RAMP = {"from_rate": 100, "to_rate": 100, "cancel_ramp": True}

IN_A_RUN: dict[str, Callable[[Asked, murmur.User, object, str], object]] = {
    "sleep": lambda self, user, odd, name: user.sleep(odd),
    "receive": lambda self, user, odd, name: user.receive(odd),
    "wait_for": lambda self, user, odd, name: user.wait_for(nothing(), odd),
    "what is waited for": lambda self, user, odd, name: user.wait_for(odd),
    "iterate": lambda self, user, odd, name: anext(user.iterate(odd)),
    "timer": lambda self, user, odd, name: user.timer(odd),
    "due_at of a timer": lambda self, user, odd, name: user.timer("action", due_at=odd),
    "record": lambda self, user, odd, name: user.record("action", odd),
    "name of a record": lambda self, user, odd, name: user.record(odd, 1.0),
    "ok": lambda self, user, odd, name: user.record("action", 1.0, odd),
    "due_at of a record": lambda self, user, odd, name: user.record("action", 1.0, due_at=odd),
    "count": lambda self, user, odd, name: user.count("counter", odd),
    "name of a counter": lambda self, user, odd, name: user.count(odd),
    "gauge": lambda self, user, odd, name: user.gauge("gauge", odd),
    "name of a gauge": lambda self, user, odd, name: user.gauge(odd, 1.0),
    "choose": lambda self, user, odd, name: user.choose(odd),
    "weight": lambda self, user, odd, name: user.choose({"look": odd}),
    "stamp": lambda self, user, odd, name: user.stamp(odd),
    "expected": lambda self, user, odd, name: user.stamp("line", expected=odd),
    "due_at of a stamp": lambda self, user, odd, name: user.stamp("line", due_at=odd),
    "arrived": lambda self, user, odd, name: user.arrived(odd),
    "due_at of a message": lambda self, user, odd, name: user.send("hello", due_at=odd),
    "user_id": lambda self, user, odd, name: murmur.send(odd, "hello"),
    "path_to": lambda self, user, odd, name: self.path_to(odd),
    "throttle": lambda self, user, odd, name: murmur.throttle(odd, rate=1),
    "rate": lambda self, user, odd, name: murmur.throttle(name, rate=odd),
    "interval": lambda self, user, odd, name: murmur.throttle(name, rate=1, interval=odd),
    "interarrival": lambda self, user, odd, name: murmur.throttle(name, interarrival=odd),
    "limit": lambda self, user, odd, name: murmur.throttle(name, limit=odd),
    "shape": lambda self, user, odd, name: murmur.throttle(name, shape=odd),
    "arrivals": lambda self, user, odd, name: murmur.throttle(name, rate=1, arrivals=odd),
    "seed": lambda self, user, odd, name: murmur.throttle(
        name, rate=1, arrivals="poisson", seed=odd
    ),
    "catch_up": lambda self, user, odd, name: murmur.throttle(name, rate=1, catch_up=odd),
    "change_rate": lambda self, user, odd, name: self.turns.change_rate(odd),
    "another interval": lambda self, user, odd, name: self.turns.change_rate(1, interval=odd),
    "cancel_ramp": lambda self, user, odd, name: self.turns.unlock(cancel_ramp=odd),
    "to_rate": lambda self, user, odd, name: self.turns.ramp(from_rate=1, to_rate=odd, duration=1),
    "duration": lambda self, user, odd, name: self.turns.ramp(**RAMP, duration=odd),
    "steps": lambda self, user, odd, name: self.turns.ramp(**RAMP, steps=odd, step_interval=1),
    "step_interval": lambda self, user, odd, name: self.turns.ramp(
        **RAMP, steps=2, step_interval=odd
    ),
    "run": lambda self, user, odd, name: self.turns.run(odd),
    "whom a throttle sends to": lambda self, user, odd, name: self.turns.send(odd, "hello"),
    "coordinator": lambda self, user, odd, name: murmur.coordinator(odd, (1, print)),
    "plan": lambda self, user, odd, name: murmur.coordinator(name, odd),
    "timeout": lambda self, user, odd, name: murmur.coordinator(name, [], timeout=odd),
    "scope": lambda self, user, odd, name: murmur.coordinator(name, [], scope=odd),
    "add": lambda self, user, odd, name: self.pairs.add(odd),
    "gather": lambda self, user, odd, name: self.pairs.gather(odd, 1),
    "size of a group": lambda self, user, odd, name: self.pairs.gather(user, odd),
}


@pytest.mark.parametrize("name", IN_A_RUN)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, of 1e308
def test_what_a_user_calls(name: str) -> None:
    """Whatever is given, it works or is refused in a sentence, and the run goes on."""
    Asked.call, Asked.raw = IN_A_RUN[name], []
    results = rehearse(Asked, 1, duration=1_000)
    assert Asked.raw == []
    assert results.users["outcome"].tolist() == ["finished"]
    assert str(results.summary())


WAITS: dict[str, Callable[[murmur.User, object], Awaitable[object]]] = {
    "sleep": lambda user, odd: user.sleep(odd),
    "receive": lambda user, odd: user.receive(odd),
    "wait_for": lambda user, odd: user.wait_for(nothing(), odd),
}


@pytest.mark.parametrize("name", WAITS)
@pytest.mark.parametrize("odd", ["5s", b"x", [], object(), math.nan, 10**400, 1j])
def test_how_long_a_user_waits(name: str, odd: object) -> None:
    class Waits(murmur.Scenario):
        """One user waits."""

        async def start(self, user: murmur.User) -> None:
            with pytest.raises(MurmurError, match="give seconds, such as 30"):
                await WAITS[name](user, odd)
            await user.sleep(-1)  # what is below zero is no time
            await user.sleep(0.5)

    users = rehearse(Waits, 1).users
    assert users["outcome"].tolist() == ["finished"]
    assert users["duration"].round(6).tolist() == [0.5]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -1, "fast", None, 1.7e12])
def test_seconds_that_are_none_are_no_action(odd: object) -> None:
    class Records(murmur.Scenario):
        """One user records what somebody else measured."""

        async def start(self, user: murmur.User) -> None:
            with pytest.raises(MurmurError, match="give seconds, a number from 0 to 1e9"):
                user.record("action", odd)

    results = rehearse(Records, 1)
    assert results.users["outcome"].tolist() == ["finished"]
    assert len(results.actions) == 0
