"""A scenario that ends the loop it runs on ends its run, not the notebook."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable

import pytest

import murmur
from murmur.errors import MurmurError


def exit_soon() -> None:
    asyncio.get_running_loop().call_soon(sys.exit)


def stop_loop() -> None:
    asyncio.get_running_loop().stop()


def cancel_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("take", [exit_soon, stop_loop, cancel_all])
def test_a_loop_that_is_taken_away(take: Callable[[], None]) -> None:
    class Taker(murmur.Scenario):
        """The second user takes the loop away."""

        async def start(self, user: murmur.User) -> None:
            with user.timer("step"):
                await user.sleep(0.1)
            if user.id == 2:
                take()
            await user.sleep(60)

    session = murmur.Session()
    run = session.do(Taker, 3, user_rate=float("inf"))
    status = run.wait(60)

    assert status.state == "failed"
    assert any("loop was taken away" in problem for problem in status.problems)
    assert len(run.results.users) == 3
    assert set(run.results.users["outcome"]) <= {"lost", "failed", "killed"}
    assert run.results.summary().verdict.state == "invalid"
    with pytest.raises(MurmurError, match="loop"):
        session.add(1)
    session.close()

    with murmur.Session() as again:
        assert again.do(Taker, 1, duration=0.5).wait(60).state == "finished"
    assert [thread.name for thread in threading.enumerate() if "murmur" in thread.name] == []
