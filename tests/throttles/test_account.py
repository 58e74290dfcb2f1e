"""Every permit that falls due is booked once: granted, or lost for a reason."""

from __future__ import annotations

import asyncio
import math

import pytest
from traitlets import Float

import murmur
from murmur.testing import rehearse

OUTCOMES = ["granted", "unasked", "withheld", "skipped"]


class Held(murmur.Scenario):
    """Users want permits all the time; one holds the loop for 49 of 100 ms."""

    async def init(self):
        self.permits = await murmur.throttle("permits", rate=1000, interval=1)

    async def start(self, user):
        if user.id == 1:
            while True:
                await user.sleep(0.051)
                asyncio.get_running_loop().jump(0.049)
        while True:
            await self.permits.wait()


class Busy(murmur.Scenario):
    """Twenty users, each busy for 200 ms after every permit: 100 of 200/s find nobody."""

    async def init(self):
        self.permits = await murmur.throttle("permits", rate=200, interval=1)

    async def start(self, user):
        while True:
            await self.permits.wait()
            await user.sleep(0.2)


def permits_of(scenario: type[murmur.Scenario], users: int):
    throttles = rehearse(scenario, users, user_rate=math.inf, duration=10, grace=0).throttles
    rows = throttles[throttles["name"] == "permits"]
    assert (rows["due"] == rows[OUTCOMES].sum(axis=1)).all()
    return rows[rows["window_at"] < 10]


def test_permits_that_a_late_loop_missed_are_skipped():
    rows = permits_of(Held, 40)

    assert (rows["due"] == 1000).all()
    assert rows["skipped"].sum() == pytest.approx(0.48 * 10_000, rel=0.02)
    assert rows["unasked"].sum() == 0


def test_permits_that_busy_users_missed_are_unasked():
    rows = permits_of(Busy, 20)

    assert rows["due"].sum() == pytest.approx(2000, abs=1)
    assert rows["unasked"].sum() == pytest.approx(1000, rel=0.1)
    assert rows["skipped"].sum() == 0


class Late(murmur.Scenario):
    """The second of three users holds the loop, so that the third comes late."""

    hold = Float(0.0, help="for how many seconds")

    async def start(self, user):
        if user.id == 2:
            asyncio.get_running_loop().jump(self.hold)
        await user.sleep(2.0)


@pytest.mark.parametrize("hold", [0.0, 0.0015, 0.0035])
def test_permits_of_users_are_due_while_users_wait_and_in_the_second_in_which_they_do(hold):
    """Three users at 1,000/s: a fourth permit has no user, however late the third one came."""
    rows = rehearse(Late, 3, user_rate=60_000, hold=hold).throttles

    assert rows[["due", *OUTCOMES]].iloc[0].tolist() == [3, 3, 0, 0, 0]
    assert rows["due"].sum() == 3
