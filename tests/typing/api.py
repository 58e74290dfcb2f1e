"""What a user writes, as their type checker sees it: mypy reads this file, nothing runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import assert_type

import anyio
import pandas as pd
from traitlets import Enum, Float, Int, Unicode

import murmur
import murmur.errors
import murmur.exporters
import murmur.http
from murmur.coordinators import Member
from murmur.http import Response
from murmur.results import Checks, Verdict, compare
from murmur.telemetry import Event
from murmur.testing import rehearse, router_process


class Chat(murmur.Scenario):
    """Users write to their neighbours over a JSON/TCP router."""

    host = Unicode("127.0.0.1", help="host to connect to")
    port = Int(8888, min=1, max=65535, help="port to connect to")
    pace = Float(1.0, min=0, help="seconds between messages").tag(live=True)
    mode = Enum(["plain", "framed"], default_value="plain", help="how messages are cut")

    async def init(self) -> None:
        self.messages = await murmur.throttle("messages", rate=100, interval=60)

    async def start(self, user: murmur.User) -> None:
        assert_type(user.id, int)
        async with await anyio.connect_tcp(self.host, self.port) as stream:
            while not user.leaving.is_set():
                permit = await self.messages.wait()
                assert_type(permit.due_at, float)
                with user.timer("echo"):
                    await stream.send(b"...")
                    await stream.receive()
                await user.sleep(self.pace)

    async def terminate(self) -> None:
        murmur.count("ended")


class Blocking(murmur.Scenario):
    """A plain `start`, which runs in a thread, and a state made by `init`."""

    def init(self) -> dict[str, int]:
        return {"attempts": 0}

    def start(self, user: murmur.User, state: dict[str, int]) -> None:
        user.record("attempt", 0.1, ok=True)


def steer() -> pd.DataFrame:
    """Start, change, watch and stop a run from a notebook or a script."""
    with murmur.Session() as session:
        run = session.do(Chat, 100, port=8888, user_rate=6000, seed=1, duration=60)
        assert_type(session.add(50), range)
        assert_type(session.remove(20, force=True), int)
        changed: Mapping[str, tuple[object, object]] = session.update(pace=0.5)
        assert changed
        session.throttles["messages"].change_rate(rate=200)
        status = session.status()
        assert_type(status.highest_id, int)
        assert status.state == "running"
        session.stop()
        run.wait(timeout=30)
        assert_type(run.results.users, pd.DataFrame)
        return run.results.windows


async def meet(user: murmur.User) -> None:
    """Coordinate users, and speak to one by its id."""
    pairs = await murmur.coordinator("pairs", (2, lambda event: None), timeout=30.0)
    await pairs.add(user)
    murmur.send(user.id + 1, "hello")
    assert await user.receive(timeout=1.0) == "hello"


def catch(session: murmur.Session) -> None:
    """Catch by branch or by leaf."""
    try:
        session.update(nonsense=1)
    except murmur.errors.UnknownSettingError as error:
        assert_type(error.names, tuple[str, ...])
    except murmur.errors.ConfigError as error:
        assert_type(error.problems, tuple[str, ...])


async def pace(throttle: murmur.Throttle, user: murmur.User) -> None:
    """Change a throttle from inside a run, and use it in each way."""
    await throttle.change_rate(rate=10, interval=1)
    await throttle.ramp(from_rate=10, to_rate=100, duration=60)
    await throttle.pause()
    await throttle.resume()
    async with throttle as permit:
        assert_type(permit, murmur.Permit)
    throttle.send(user, "now")
    await throttle.run(user.count, "calls")
    assert_type(throttle.statistics().granted, int)


async def gather(hall: murmur.Coordinator, user: murmur.User) -> None:
    """Wait for others."""
    others = await hall.gather(user, 10)
    assert_type(others, tuple[Member, ...])
    await hall.reset()


class Shop(murmur.Scenario):
    """Visitors with accounts and a timetable, over HTTP."""

    accounts = murmur.Feeder("accounts.csv", columns=["name"], help="who logs in")
    day = murmur.Timetable(spread=5.0).at(0, "login").at(60, "logout")

    async def init(self) -> None:
        self.http = murmur.http.Options(base_url="http://127.0.0.1:8080", timeout=5)

    async def start(self, user: murmur.User) -> None:
        response = await user.http.get("/items/{id}", id=7, expect=200)
        assert_type(response, Response)
        assert_type(response.status, int)


def judge(results: murmur.Results) -> pd.DataFrame:
    """Check, keep, load and compare what was measured."""
    assert_type(results.verdict, Verdict)
    checks = results.check("p99(echo) < 200ms", "failed < 0.1%")
    assert_type(checks, Checks)
    path = results.save("runs/first", overwrite=True)
    assert_type(path, Path)
    results.report("first.html", checks=checks)
    return compare(murmur.load(path), results)


def rehearsed() -> float:
    """Rehearse a scenario, and put load on a target that murmur brings."""
    results = rehearse(Shop, 100, seed=1, duration=600, user_rate=60)
    assert_type(results, murmur.Results)
    with router_process(delay=0.1) as router:
        assert_type(router.port, int)
    return float(results.actions["response_time"].max())


def on_several_machines(session: murmur.Session) -> None:
    """Let nodes in, start some here, and steer some of them."""
    ticket = session.open(host="0.0.0.0")
    assert_type(ticket.save("ticket"), Path)
    names = session.spawn_nodes(2)
    assert_type(names, list[str])
    session.add(10, nodes=names)
    assert_type(list(session.nodes), list[str])


def listen(session: murmur.Session) -> None:
    """Hear of events, and export what is measured."""

    def hear(event: Event) -> None:
        assert_type(event.at, float)

    with murmur.on("amoc.throttle.*", hear), murmur.exporters.Prometheus(session) as exporter:
        assert_type(exporter.url, str)
