"""A hundred users in a wait that would never end leave it as soon as they are asked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from traitlets import Unicode

import murmur

aiohttp = pytest.importorskip("aiohttp")

HERE = Path(__file__).parent
USERS = 100


class Listeners(murmur.Scenario):
    """Users who got one thing, and wait for the next."""

    base_url = Unicode("", help="server that says one thing")


class Events(Listeners):
    async def start(self, user: murmur.User) -> None:
        async with user.http.get("/events", stream=True) as response:
            async for _ in response.events():
                user.count("waiting")


class Socket(Listeners):
    async def start(self, user: murmur.User) -> None:
        async with user.websocket("/socket") as socket:
            while True:
                await socket.receive()
                user.count("waiting")


class EventsOfAiohttp(Listeners):
    async def start(self, user: murmur.User) -> None:
        async with (
            aiohttp.ClientSession(self.base_url) as session,
            session.get("/events", timeout=aiohttp.ClientTimeout(None)) as response,
        ):
            async for line in user.iterate(response.content):
                user.count("waiting", line.startswith(b"data"))


class SocketOfAiohttp(Listeners):
    async def start(self, user: murmur.User) -> None:
        async with (
            aiohttp.ClientSession(self.base_url) as session,
            session.ws_connect("/socket") as socket,
        ):
            async for _ in user.iterate(socket):
                user.count("waiting")


class PoolOfAiohttp(Listeners):
    """Ten have a connection, and the others wait for one."""

    async def init(self) -> Any:
        connector = aiohttp.TCPConnector(limit=10)
        return aiohttp.ClientSession(self.base_url, connector=connector)

    async def start(self, user: murmur.User, session: Any) -> None:
        user.count("waiting")
        async with await user.wait_for(session.get("/events")) as response:
            await user.wait_for(response.read())

    async def terminate(self, session: Any) -> None:
        await session.close()


@pytest.fixture(scope="module")
def server(serve: Callable[..., Any]) -> Any:
    program = str(HERE / "streams_server.py")
    return serve(lambda port, _: [sys.executable, program, str(port)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario",
    [Events, Socket, EventsOfAiohttp, SocketOfAiohttp, PoolOfAiohttp],
    ids=lambda scenario: scenario.__name__,
)
def test_a_hundred_users_leave_their_wait_at_once(
    scenario: type[murmur.Scenario], server: Any, trial: Any
) -> None:
    # An answer that is under way has three quarters of the grace to come to its end.
    grace = 8.0 if scenario is Events else 60.0
    run = trial.begin(scenario, USERS, base_url=f"http://127.0.0.1:{server.port}", grace=grace)
    trial.wait_until(lambda: trial.counted(run, "waiting") == USERS)
    seconds = trial.end(run)

    assert run.results.summary().users == {"left": USERS}
    assert seconds < 20  # 0.05 to 0.3 s, if the machine has nothing else to do
    trial.wait_until(lambda: server.connections() == 0)
    assert "amoc.user.leftovers" not in set(run.results.events["name"])
