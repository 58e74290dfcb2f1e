"""A run on one node goes from init to terminate, whatever its scenario does."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import anyio
import pytest
from traitlets import Float, Int, Unicode, observe

import murmur
from murmur.errors import (
    CallbackError,
    InvalidArgumentError,
    InvalidRangeError,
    InvalidSettingError,
    RampInProgressError,
    RunStateError,
    UnknownNameError,
    UnknownSettingError,
    WaitTimeoutError,
)


class Idle(murmur.Scenario):
    """Users stay until asked."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(math.inf)


class Deaf(murmur.Scenario):
    """Users do not listen to anything but cancellation."""

    async def start(self, user: murmur.User) -> None:
        await anyio.sleep(math.inf)


class Brief(murmur.Scenario):
    """Users stay for a second."""

    stay = Float(1.0, help="seconds to stay").tag(live=True)

    async def start(self, user: murmur.User) -> None:
        await anyio.sleep(self.stay)


async def test_ctl_1_a_fresh_node_is_idle(stage: Any) -> None:
    """CTL-1."""
    assert (await stage.status()).state == "idle"


async def test_ctl_5_a_required_setting_without_a_value_is_named(stage: Any) -> None:
    """CTL-5 and LOC-1."""

    class Needy(Idle):
        key = Unicode(help="api key").tag(required=True)

    with pytest.raises(InvalidSettingError, match="key"):
        await stage.do(Needy)

    assert (await stage.status()).state == "idle"


async def test_ctl_6_7_a_run_starts_with_nobody(stage: Any) -> None:
    """CTL-6, CTL-7 and LOC-2."""
    await stage.do(Idle)

    status = await stage.status()
    assert (status.state, status.highest_id) == ("running", 0)
    assert await stage.counts() == {"waiting": 0, "running": 0, "leaving": 0, "gone": 0}


async def test_loc_3_4_users_start_with_the_run_and_later(stage: Any) -> None:
    """LOC-3 and LOC-4."""
    await stage.do(Idle, 1)
    assert await stage.running() == 1

    assert await stage.cluster.add(2) == range(2, 4)
    await anyio.sleep(0.001)
    assert await stage.running() == 3


async def test_ctl_8_9_12_ranges_of_ids(stage: Any) -> None:
    """CTL-8, CTL-9 and CTL-12."""
    await stage.do(Idle)

    with pytest.raises(InvalidRangeError):
        await stage.cluster.add_range(10, 1)
    assert await stage.cluster.add_range(6, 10) == range(6, 11)
    await anyio.sleep(0.001)

    assert await stage.running() == 5
    assert (await stage.status()).highest_id == 10
    with pytest.raises(InvalidRangeError):
        await stage.cluster.add_range(10, 12)
    assert await stage.cluster.add(1) == range(11, 12)


@pytest.mark.parametrize("verb", ["add", "remove", "update", "stop"])
async def test_ctl_10_11_17_nothing_can_be_steered_before_it_runs(stage: Any, verb: str) -> None:
    """CTL-10, CTL-11 and CTL-17."""
    calls = {
        "add": lambda: stage.cluster.add(1),
        "remove": lambda: stage.cluster.remove(1, force=False),
        "update": lambda: stage.cluster.update({}),
        "stop": stage.cluster.stop,
    }

    with pytest.raises(RunStateError, match="idle"):
        await calls[verb]()


@pytest.mark.parametrize(
    ("present", "asked", "answer", "left"),
    [(10, 1, 1, 9), (10, 7, 7, 3), (10, 999, 10, 0), (200, 120, 120, 80), (50, 10, 10, 40),
     (2, 1, 1, 1), (2, 10, 2, 0), (0, 10, 0, 0)],
)  # fmt: skip
async def test_ctl_13_to_16_forced_removal(
    stage: Any, present: int, asked: int, answer: int, left: int
) -> None:
    """CTL-13 to CTL-16, USR-2, USR-3, USR-5 and USR-6."""
    await stage.do(Deaf, present)

    assert await stage.cluster.remove(asked, force=True) == answer
    await anyio.sleep(3)

    assert await stage.running() == left
    status = await stage.status()
    assert (status.state, status.highest_id) == ("running", present)
    stage.run.flush()
    assert list(stage.users().values()) == ["killed"] * answer


async def test_usr_4_a_user_that_listens_goes_at_once(stage: Any) -> None:
    """USR-4."""
    await stage.do(Idle, 2)

    assert await stage.cluster.remove(1, force=False) == 1
    await anyio.sleep(0.01)

    assert await stage.counts() == {"waiting": 0, "running": 1, "leaving": 0, "gone": 1}
    stage.run.flush()
    assert stage.users() == {1: "left"}


async def test_usr_7_a_user_that_does_not_listen_stays_without_force(stage: Any) -> None:
    """USR-7."""
    await stage.do(Deaf, 2)

    assert await stage.cluster.remove(2, force=False) == 2
    await anyio.sleep(60)

    assert await stage.counts() == {"waiting": 0, "running": 0, "leaving": 2, "gone": 0}


async def test_nobody_is_asked_twice(stage: Any) -> None:
    """Mends 4.5: two removals in a row chose the same users."""
    await stage.do(Deaf, 100)

    assert await stage.cluster.remove(10, force=True) == 10
    assert await stage.cluster.remove(10, force=True) == 10
    await anyio.sleep(4)

    assert await stage.running() == 80


async def test_users_that_wait_are_counted_removed_and_dropped(stage: Any) -> None:
    """Mends 4.5: waiting users were invisible and came up after stop."""
    await stage.do(Idle, 20, user_rate=0)
    assert (await stage.counts())["waiting"] == 20

    assert await stage.cluster.remove(5, force=False) == 5
    assert (await stage.counts())["waiting"] == 15
    await stage.stop()

    assert set(stage.users().values()) == {"dropped"}
    assert sorted(stage.users()) == list(range(1, 21))


async def test_ctl_18_a_run_without_users_stops_at_once(stage: Any) -> None:
    """CTL-18."""
    await stage.do(Idle)
    began = anyio.current_time()

    await stage.stop()

    assert (await stage.status()).state == "finished"
    assert anyio.current_time() == pytest.approx(began, abs=0.1)


async def test_ctl_19_20_a_run_with_users_terminates_first(stage: Any) -> None:
    """CTL-19 and CTL-20."""
    await stage.do(Deaf, 10)

    await stage.cluster.stop()
    assert (await stage.status()).state == "terminating"
    with pytest.raises(RunStateError, match="terminating"):
        await stage.cluster.stop()
    await stage.cluster.wait_over()

    assert (await stage.status()).state == "finished"
    assert set(stage.users().values()) == {"killed"}


async def test_ctl_21_a_rate_of_zero_holds_everybody(stage: Any) -> None:
    """CTL-21."""
    await stage.do(Idle, 1_000, user_rate=0)
    await anyio.sleep(100)

    assert await stage.counts() == {"waiting": 1_000, "running": 0, "leaving": 0, "gone": 0}


async def test_ctl_22_an_infinite_rate_starts_everybody(stage: Any) -> None:
    """CTL-22."""
    await stage.do(Idle, 1_000)

    assert await stage.running() == 1_000


async def test_users_arrive_evenly_and_a_live_change_reaches_those_who_wait(stage: Any) -> None:
    await stage.do(Idle, 1_000, user_rate=60)
    await anyio.sleep(9.5)
    assert await stage.running() == 10

    await stage.cluster.update({"user_rate": 600})
    await anyio.sleep(10)

    assert 105 <= await stage.running() <= 110


async def test_raising_the_rate_from_zero_starts_users(stage: Any) -> None:
    """Mends 7.11-2: 13 of 20 users never came up after the rate was raised."""
    await stage.do(Idle, 20, user_rate=0)
    await stage.cluster.update({"user_rate": 60_000})
    await anyio.sleep(1)

    assert await stage.running() == 20


async def test_user_rate_cannot_change_while_it_ramps_and_nothing_is_changed(stage: Any) -> None:
    """Mends 6.11: an update could succeed while its effect failed."""
    await stage.do(Idle, 1, user_rate=60)
    plan = {"from_rate": 60, "to_rate": 600, "duration": 60}
    await stage.cluster.call_throttle("user_rate", "ramp", plan)

    with pytest.raises(RampInProgressError):
        await stage.cluster.update({"user_rate": 10})

    assert stage.run.scenario.user_rate == 60


async def test_scn_1_a_scenario_without_start_is_refused(stage: Any) -> None:
    """SCN-1."""

    class Nothing(murmur.Scenario):
        """Does nothing."""

    with pytest.raises(murmur.errors.InvalidScenarioError, match="start"):
        await stage.do(Nothing)


async def test_scn_2_an_init_that_raises_fails_the_run(stage: Any) -> None:
    """SCN-2; the traceback is kept, nobody starts, terminate is not called."""
    calls = []

    class Broken(Idle):
        async def init(self) -> None:
            raise OSError("no route")

        async def terminate(self) -> None:
            calls.append("terminate")

    with pytest.raises(CallbackError, match="OSError: no route") as caught:
        await stage.do(Broken, 5)

    assert "raise OSError" in caught.value.traceback_text
    assert (await stage.status()).state == "failed"
    assert calls == []
    await stage.do(Idle, 1)
    assert await stage.running() == 1


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
async def test_an_init_that_wants_to_end_the_process_fails_the_run(
    stage: Any, error: BaseException
) -> None:
    class Exits(Idle):
        async def init(self) -> None:
            raise error

    with pytest.raises(CallbackError, match=type(error).__name__):
        await stage.do(Exits)

    assert (await stage.status()).state == "failed"


async def test_an_init_that_hangs_is_given_up(stage: Any) -> None:
    """Mends 2.3: the caller timed out and the run came up later."""

    class Hangs(Idle):
        async def init(self) -> None:
            await anyio.sleep(math.inf)

    with pytest.raises(WaitTimeoutError, match="within 5 s") as told:
        await stage.do(Hangs, callback_timeout=5)

    assert (await stage.status()).state == "failed"
    first = Hangs.init.__code__.co_firstlineno
    assert f"it was still at {__file__}:{first + 1}; give it longer" in str(told.value)


@pytest.mark.parametrize("junk", [None, 3, "ok", {"a": 1}, object()])
async def test_whatever_init_returns_is_the_state(stage: Any, junk: object) -> None:
    seen = []

    class Stateful(murmur.Scenario):
        """Keeps a state."""

        async def init(self) -> object:
            return junk

        async def start(self, user: murmur.User, state: object) -> None:
            seen.append(state)

        async def terminate(self, state: object) -> None:
            seen.append(state)

    await stage.do(Stateful, 1)
    await stage.stop()

    assert [value is junk for value in seen] == [True, True]


async def test_scn_3_an_error_in_terminate_is_told_and_the_run_finishes(stage: Any) -> None:
    """SCN-3."""

    class BadEnd(Idle):
        async def terminate(self) -> None:
            raise ValueError("oh")

    await stage.do(BadEnd, 3)
    await stage.stop()

    status = await stage.status()
    assert status.state == "finished"
    assert "ValueError: oh" in status.nodes[0].problems[0]


async def test_a_terminate_that_hangs_is_given_up(stage: Any) -> None:
    class Hangs(Idle):
        async def terminate(self) -> None:
            await anyio.sleep(math.inf)

    await stage.do(Hangs, callback_timeout=5)
    began = anyio.current_time()
    await stage.stop()

    assert (await stage.status()).state == "finished"
    assert anyio.current_time() - began < 7


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyboardInterrupt(), SystemExit(1), BaseException("odd")]
)
async def test_a_user_that_fails_takes_nobody_with_it(stage: Any, error: BaseException) -> None:
    class OneFails(murmur.Scenario):
        """User 2 fails."""

        async def start(self, user: murmur.User) -> None:
            await anyio.sleep(1)
            if user.id == 2:
                raise error

    await stage.do(OneFails, 3)
    await anyio.sleep(2)
    stage.run.flush()

    assert stage.users() == {1: "finished", 2: "failed", 3: "finished"}
    assert stage.reasons()[2].startswith(type(error).__name__)
    assert (await stage.status()).state == "running"


async def test_one_traceback_of_each_kind_of_failure_is_kept(stage: Any) -> None:
    class Fails(murmur.Scenario):
        """Everybody fails alike."""

        async def start(self, user: murmur.User) -> None:
            raise ValueError("alike")

    events = []
    stage.bus.subscribe("amoc.user.failure", events.append)
    await stage.do(Fails, 10)

    assert len(events) == 1
    assert 'raise ValueError("alike")' in events[0].metadata["traceback"]
    stage.run.flush()
    errors = stage.record.table("errors")
    assert (errors["source"], errors["name"]) == (["user"], ["Fails"])
    assert (errors["count"].tolist(), errors["users"].tolist()) == ([10], [10])


async def test_leaving_inside_a_task_group_is_a_clean_exit(stage: Any) -> None:
    class Grouped(murmur.Scenario):
        """Sleeps inside a task group."""

        async def start(self, user: murmur.User) -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(user.sleep, math.inf)
                tasks.start_soon(user.leaving.wait)

    await stage.do(Grouped, 2)
    await stage.stop()

    assert set(stage.users().values()) == {"left"}


async def test_a_user_that_delays_its_cancellation_is_given_a_second(stage: Any) -> None:
    class Reluctant(murmur.Scenario):
        """Swallows one cancellation."""

        async def start(self, user: murmur.User) -> None:
            with contextlib.suppress(BaseException):
                await anyio.sleep(math.inf)
            await anyio.sleep(math.inf)

    await stage.do(Reluctant, 2)
    await stage.stop()

    assert set(stage.users().values()) == {"killed"}
    assert (await stage.status()).nodes[0].abandoned == 0


async def test_loc_5_6_a_new_run_may_follow(stage: Any) -> None:
    """LOC-5 is refused by amoc; here a run may follow a finished one.  LOC-6: reset."""
    await stage.do(Idle, 3)
    with pytest.raises(RunStateError, match="running"):
        await stage.do(Idle)
    await stage.stop()

    await stage.do(Idle, 2)
    assert await stage.running() == 2
    await stage.cluster.reset()

    assert (await stage.status()).state == "idle"
    assert stage.users() == {1: "left", 2: "left"}
    await stage.do(Idle, 1)
    assert (await stage.status()).highest_id == 1


async def test_a_run_stays_when_its_users_are_gone(stage: Any) -> None:
    await stage.do(Brief, 3)
    await anyio.sleep(100)

    assert (await stage.status()).state == "running"
    assert await stage.counts() == {"waiting": 0, "running": 0, "leaving": 0, "gone": 3}


async def test_a_run_may_end_with_its_last_user(stage: Any) -> None:
    await stage.do(Brief, 3, end_when_idle=True)
    began = anyio.current_time()
    await stage.cluster.wait_over()

    assert (await stage.status()).state == "finished"
    assert anyio.current_time() - began == pytest.approx(1, abs=0.2)
    assert stage.users() == dict.fromkeys((1, 2, 3), "finished")


async def test_a_run_is_as_old_as_its_record_even_if_it_had_to_wait_for_the_one_before(
    stage: Any,
) -> None:
    await stage.do(Idle, 1, archived_within=3.0)
    await stage.cluster.stop()
    await anyio.sleep(0.5)
    await stage.do(Idle, 1)

    age = anyio.current_time() - stage.record.started_at
    assert (await stage.status()).elapsed == pytest.approx(age) == pytest.approx(2.5, abs=0.1)


async def test_a_run_may_end_after_a_while(stage: Any) -> None:
    await stage.do(Idle, 3, duration=30)
    began = anyio.current_time()
    await stage.cluster.wait_over()

    assert anyio.current_time() - began == pytest.approx(30, abs=0.1)
    assert (await stage.status()).elapsed == pytest.approx(30, abs=0.1)
    assert set(stage.users().values()) == {"left"}


@pytest.mark.parametrize("count", [-1, 1.5, "3", True, None])
async def test_a_number_of_users_is_a_whole_number(stage: Any, count: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        await stage.do(Idle, count)
    await stage.do(Idle)
    with pytest.raises(InvalidArgumentError):
        await stage.cluster.add(count)
    with pytest.raises(InvalidArgumentError):
        await stage.cluster.remove(count, force=True)


@pytest.mark.parametrize("duration", [0, -1, math.nan])
async def test_a_duration_is_above_zero(stage: Any, duration: float) -> None:
    with pytest.raises(InvalidArgumentError):
        await stage.do(Idle, duration=duration)


async def test_a_node_that_does_not_exist_is_named(stage: Any) -> None:
    await stage.do(Idle)

    with pytest.raises(UnknownNameError, match="locla"):
        await stage.cluster.add(1, ["locla"])


async def test_an_update_reaches_running_users_and_is_recorded(stage: Any) -> None:
    await stage.do(Brief, 1, stay=5)

    assert await stage.cluster.update({"stay": 7.0}) == {"stay": (5.0, 7.0)}
    assert await stage.cluster.update({"stay": 7.0}) == {}
    with pytest.raises(UnknownSettingError, match="stay"):
        await stage.cluster.update({"sty": 1.0})
    stage.run.flush()

    changes = stage.record.table("changes")
    assert ("stay", 5.0, 7.0) in list(
        zip(stage.labels(changes["what"]), changes["old"], changes["new"], strict=True)
    )


async def test_observers_see_old_and_new_and_their_failure_comes_back(stage: Any) -> None:
    """Mends 6.11: an update's effect could fail unseen."""
    seen = []

    class Watched(Idle):
        size = Int(1, help="a size").tag(live=True)

        @observe("size")
        def _size_changed(self, change: Any) -> None:
            seen.append(("observer", change.old, change.new))

        async def changed(self, name: str, old: object, new: object) -> None:
            seen.append((name, old, new))
            if new == 13:
                raise ValueError("unlucky")

    await stage.do(Watched)
    await stage.cluster.update({"size": 2})
    assert seen == [("observer", 1, 2), ("size", 1, 2)]

    with pytest.raises(CallbackError, match="size: ValueError: unlucky"):
        await stage.cluster.update({"size": 13})
    assert stage.run.scenario.size == 13


async def test_the_same_seed_gives_the_same_random_numbers(stage: Any) -> None:
    drawn: list[tuple[int, float]] = []

    class Draws(murmur.Scenario):
        """Everybody draws once."""

        async def start(self, user: murmur.User) -> None:
            drawn.append((user.id, user.random.random()))

    await stage.do(Draws, 3, seed=5)
    await stage.stop()
    await stage.do(Draws, 3, seed=5)
    await stage.stop()
    await stage.do(Draws, 3, seed=6)

    assert sorted(drawn[:3]) == sorted(drawn[3:6])
    assert len({value for _, value in drawn}) == 6


async def test_functions_of_a_run_need_one() -> None:
    with pytest.raises(murmur.errors.WrongThreadError, match=r"murmur\.throttle") as error:
        await murmur.throttle("x", rate=1)
    assert "in a notebook, call session.throttle;" in str(error.value)
    assert callable(murmur.Session.throttle)
    with pytest.raises(murmur.errors.WrongThreadError, match=r"murmur\.count"):
        murmur.count("x")
