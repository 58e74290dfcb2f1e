"""A rehearsal is a run in virtual time: same rules, same frames, no wait."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import anyio.lowlevel
import pandas as pd
import pytest
from traitlets import Float, Unicode

import murmur
from murmur.errors import (
    CallbackError,
    InvalidArgumentError,
    InvalidScenarioError,
    UnknownSettingError,
)
from murmur.testing import _clock, rehearse


class Visit(murmur.Scenario):
    """Users act at a common pace and take a random time for it."""

    longest = Float(1.0, help="seconds that an answer takes at most")

    async def init(self) -> None:
        self.visits = await murmur.throttle("visits", rate=10, interval=1)

    async def start(self, user: murmur.User) -> None:
        for _ in range(6):
            await self.visits.wait()
            with user.timer("visit"):
                await user.sleep(user.random.random() * self.longest)


class Stay(murmur.Scenario):
    """Users stay until they are asked to go."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(float("inf"))


def test_users_arrive_at_the_rate_and_no_time_is_waited() -> None:
    began = time.monotonic()

    results = rehearse(Stay, 3, user_rate=60, duration=600)

    assert time.monotonic() - began < 300
    assert results.users["admitted_at"].tolist() == pytest.approx([0.0, 1.0, 2.0])
    assert results.users["outcome"].tolist() == ["left"] * 3
    assert results.users["duration"].tolist() == pytest.approx([600.0, 599.0, 598.0])


def test_throttles_hold_their_rate() -> None:
    results = rehearse(Visit, 10, user_rate=float("inf"), longest=0)

    assert results.actions["due_at"].diff().iloc[1:].round(6).eq(0.1).all()


def test_the_same_seed_gives_the_same_results() -> None:
    first, again, other = (rehearse(Visit, 5, seed=seed).actions for seed in (1, 1, 2))

    assert first.equals(again)
    assert not first.equals(other)


def test_it_ends_when_its_last_user_is_gone() -> None:
    results = rehearse(Visit, 2, user_rate=float("inf"))

    assert results.users["outcome"].tolist() == ["finished"] * 2
    assert results.population["window_at"].max() < 5


def test_a_wrong_setting_is_refused_and_the_environment_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AMOC_LONGEST", "nonsense")
    with pytest.raises(UnknownSettingError, match="longset"):
        rehearse(Visit, 1, longset=2)

    assert rehearse(Visit, 1).summary().to_dict()["actions"]


def test_an_init_that_raises_is_the_error_of_a_run() -> None:
    class Broken(Stay):
        async def init(self) -> None:
            raise OSError("no table")

    with pytest.raises(CallbackError, match="no table"):
        rehearse(Broken, 1)


def test_a_callback_that_needs_a_thread_is_refused() -> None:
    class Plain(Stay):
        def init(self) -> None: ...

    with pytest.raises(InvalidScenarioError, match="init is no async def"):
        rehearse(Plain, 1)


async def test_it_works_where_a_loop_runs_already() -> None:
    assert len(rehearse(Visit, 1).actions) == 6


@pytest.mark.parametrize("place", ["init", "start", "stubborn"])
def test_a_rehearsal_without_progress_says_so(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Spinning(murmur.Scenario):
        """Asks for something that never comes, without letting time pass."""

        async def init(self) -> None:
            while place == "init":
                await anyio.lowlevel.checkpoint()

        async def start(self, user: murmur.User) -> None:
            await user.sleep(5)
            while True:
                try:
                    await anyio.lowlevel.checkpoint()
                except BaseException:
                    if place != "stubborn":
                        raise

    monkeypatch.setattr(_clock, "MOST_TURNS", 5_000)
    began = 0 if place == "init" else 5

    with pytest.raises(InvalidScenarioError, match=f"no progress: no time passed after {began} s"):
        rehearse(Spinning, 2, user_rate=float("inf"), grace=1.0)


def test_a_rehearsal_has_an_end() -> None:
    with pytest.raises(InvalidArgumentError, match="cannot rehearse for ever"):
        rehearse(Stay, 1, duration=float("inf"))

    waits = rehearse(Stay, 1, duration=60)

    assert waits.users["outcome"].tolist() == ["left"]
    assert waits.users["duration"].tolist() == [60.0]


def test_dates_and_times_of_a_rehearsal_count_from_1970() -> None:
    class Nap(murmur.Scenario):
        """Users nap."""

        async def start(self, user: murmur.User) -> None:
            await user.sleep(5)

    results = rehearse(Nap, 1)

    for frame in (results.events, results.changes):
        assert len(frame)
        seconds = (frame["wall_at"] - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
        assert seconds.tolist() == pytest.approx(frame["at"].tolist(), abs=1e-6)


def test_a_rehearsal_is_never_taken_for_a_measurement(tmp_path: Path) -> None:
    results = rehearse(Visit, 5, duration=30)

    results.report(tmp_path / "report.html")
    kept = murmur.load(results.save(tmp_path / "kept"))

    for each in (results, kept):
        assert "s of virtual time, rehearsed, verdict: valid" in repr(each.summary())
        assert each.manifest["plan"]["rehearsed"] is True
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "rehearsed in virtual time" in page
    assert "nothing was measured" in page
    assert "can be relied on" not in page


def test_a_rehearsal_beside_a_run_is_noted_as_one() -> None:
    plan = rehearse(Visit, 1, duration=5).manifest
    run = {**plan, "plan": {}}

    assert plan.diff(run) == ["plan rehearsed is told of the first alone: True"]


class Forgets(murmur.Scenario):
    """Users, or `init`, forget to await what they call."""

    forgotten = Unicode("start", help="where")

    async def init(self) -> object:
        return self.shop(None) if self.forgotten == "init" else None

    async def start(self, user: murmur.User) -> object:
        return self.shop(user)

    async def shop(self, user: murmur.User | None) -> None:
        """Would act, if anybody awaited it."""


def test_a_coroutine_that_start_forgot_to_await_fails_its_user() -> None:
    users = rehearse(Forgets, 2).users

    assert users["outcome"].tolist() == ["failed"] * 2
    assert users["reason"].tolist() == [
        "TypeError: `start` returned a coroutine: write `await` before the call of Forgets.shop"
    ] * 2  # fmt: skip


def test_a_coroutine_that_init_forgot_to_await_fails_the_run() -> None:
    with pytest.raises(CallbackError, match="`init` returned a coroutine: write `await` before"):
        rehearse(Forgets, 1, forgotten="init")
