"""Who waits for one of few connections has a long response time, and a short service time."""

from __future__ import annotations

import anyio

import murmur
from murmur.http import Options
from murmur.testing import TokenServer

FIRST = 0.25
"""Seconds that the server takes for each answer."""


class Queueing(murmur.Scenario):
    """One user that asks three times at once, over one connection."""

    timeouts = (60.0, 60.0, 60.0)

    async def start(self, user: murmur.User) -> None:
        async with TokenServer(tokens=1, first=FIRST, gap=0.0) as server:
            url = f"http://127.0.0.1:{server.port}/"
            options = Options(max_connections=1)
            async with (
                murmur.http.Client(user, options=options) as client,
                anyio.create_task_group() as tasks,
            ):
                for timeout in self.timeouts:
                    tasks.start_soon(self.ask, client, url, timeout)

    async def ask(self, client: murmur.http.Client, url: str, timeout: float) -> None:
        await client.post(url, json={}, name="ask", timeout=timeout)


class Impatient(Queueing):
    """The same; the last two give up before the first has its answer."""

    timeouts = (60.0, 0.6 * FIRST, 0.6 * FIRST)


def actions_of(scenario: type[murmur.Scenario]) -> murmur.results.Results:
    with murmur.Session() as session:
        run = session.do(scenario, 1, end_when_idle=True, user_rate=float("inf"))
        run.wait(60)
        return run.results.actions.sort_values("started_at")


def test_waiting_for_a_connection_is_response_time_and_no_service_time() -> None:
    actions = actions_of(Queueing)
    started, ended = actions["started_at"], actions["started_at"] + actions["service_time"]

    assert actions["ok"].all()
    assert actions["due_at"].max() - actions["due_at"].min() < FIRST / 2  # asked together
    assert actions["service_time"].min() > 0.99 * FIRST
    assert actions["response_time"].iloc[2] > 2.9 * FIRST
    assert (started.to_numpy()[1:] > ended.to_numpy()[:-1] - 0.001).all()  # one after the other


def test_who_never_gets_a_connection_was_not_served() -> None:
    actions = actions_of(Impatient)
    lost = actions[actions["error"].str.contains("no free connection", na=False)]

    assert len(lost) == 2
    assert lost["service_time"].max() < 0.1 * FIRST
    assert lost["response_time"].min() > 0.5 * FIRST
