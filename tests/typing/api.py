"""What a user writes, as their type checker sees it: mypy reads this file, nothing runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_type

import anyio
import pandas as pd
from traitlets import Enum, Float, Int, Unicode

import murmur
import murmur.errors


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
