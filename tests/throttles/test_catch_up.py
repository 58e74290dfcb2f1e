"""A throttle that catches up: what a freeze cost comes back evenly, and within one interval.

Its window holds no more than the rate, the frozen time included, so with demand that takes
all of the rate the hole is there again one interval later; these tests end before that.
"""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

import murmur
from murmur.testing import rehearse

RATE = 100  # per second
INTERVAL = 10
FREEZE = (2.0, 0.4)  # begins, lasts


class Frozen(murmur.Scenario):
    """Users want permits all the time; one holds the loop once."""

    async def init(self) -> None:
        self.begun_at = asyncio.get_running_loop().time()
        self.permits = await murmur.throttle(
            "m", rate=RATE * INTERVAL, interval=INTERVAL, catch_up=True
        )
        self.granted: list[float] = []
        granted_of.append(self.granted)

    async def start(self, user: murmur.User) -> None:
        if user.id == 1:
            await user.sleep(FREEZE[0])
            asyncio.get_running_loop().jump(FREEZE[1])
            return
        while True:
            permit = await self.permits.wait()
            self.granted.append(permit.granted_at - self.begun_at)


granted_of: list[list[float]] = []


@pytest.fixture(scope="module")
def granted() -> np.ndarray:
    rehearse(Frozen, 41, user_rate=math.inf, duration=11.9, grace=0)
    return np.sort(granted_of[-1])


def most_within(times: np.ndarray, seconds: float) -> int:
    """Return how many moments at most lie in a window of so many seconds, its end excluded."""
    return int((np.searchsorted(times, times + seconds - 1e-9) - np.arange(len(times))).max())


def test_the_freeze_was_one(granted: np.ndarray) -> None:
    frozen = (granted > FREEZE[0] + 0.001) & (granted < sum(FREEZE) - 0.001)

    assert frozen.sum() == 0


def test_the_grid_is_reached_again_within_one_interval(granted: np.ndarray) -> None:
    for at in np.arange(2 * sum(FREEZE), INTERVAL, 0.1):
        assert (granted <= at).sum() == pytest.approx(RATE * at, abs=1.5)


def test_no_window_holds_more_than_the_rate(granted: np.ndarray) -> None:
    assert most_within(granted, INTERVAL) <= RATE * INTERVAL


def test_what_is_made_good_is_spread_at_twice_the_even_share_at_most(granted: np.ndarray) -> None:
    assert RATE / 10 < most_within(granted, 0.1) <= 2 * RATE / 10


def test_what_the_window_holds_back_at_the_end_of_a_run_is_withheld() -> None:
    """At 12.0 s the hole of the freeze is back, and the run ends in it."""
    throttles = rehearse(Frozen, 41, user_rate=math.inf, duration=12.2, grace=0).throttles
    rows = throttles[throttles["name"] == "m"]

    assert rows["withheld"].sum() == pytest.approx(0.2 * RATE, abs=1)
    assert rows["unasked"].sum() == 0
