"""Whatever is asked of a run over nodes, in whatever order: every user has one end.

A machine of hypothesis draws joins, departures, losses and every verb of a run, in virtual
time, and a defect of murmur's own now and then.  Beside it stands a model that knows no more than
what was asked and answered; and nothing but that defect may be logged as an error.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from traitlets import Bool, Float

import murmur
from murmur.errors import MurmurError, RampInProgressError, RunStateError, UnknownNameError
from murmur.results import Results
from murmur.testing import virtual_backend

SEQUENCES = int(os.environ.get("MURMUR_SEQUENCES", "0"))
"""Sequences to draw anew; without it, the same few each time."""

MOST_NODES = 3
OUTCOMES = {"finished", "failed", "left", "killed", "dropped", "lost"}
PARTS = ("granted", "unasked", "withheld", "skipped")


class Crowd(murmur.Scenario):
    """Users of all kinds: patient, busy, failing, finishing, stubborn, slow to clean up."""

    pace = Float(1.0, min=0.01, help="seconds between actions").tag(live=True)
    breaks = Bool(False, help="whether init fails from now on").tag(live=True)

    async def init(self) -> None:
        if self.breaks:
            raise LookupError("no seat")
        self.acts = await murmur.throttle("acts", rate=20, interval=1)

    async def start(self, user: murmur.User) -> None:
        kind = user.id % 7
        if kind == 0:
            raise LookupError("order lost")
        if kind == 1:
            await user.sleep(3.0)
            return
        if kind == 2:
            await anyio.sleep(math.inf)  # goes when it is cancelled
        if kind == 3:
            try:
                await user.sleep(math.inf)
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(1.5)
        while kind == 4:
            with suppress(BaseException):
                await anyio.sleep(5.0)  # goes for nothing
        while True:
            await self.acts.wait()
            with user.timer("act"):
                await user.sleep(self.pace)


DEFECT = "a defect"


async def _raise() -> None:
    raise ArithmeticError(DEFECT)


class Errors(logging.Handler):
    """Keeps what is logged as an error, but for the defect."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        if str(cause) != DEFECT:
            self.lines.append(f"{record.name}: {record.getMessage()} {cause!r}")


class AnyOrder(RuleBasedStateMachine):
    """A session's cluster and what is asked of it."""

    def __init__(self, network_type: type[Any]) -> None:
        super().__init__()
        self.errors = Errors()
        logging.getLogger().addHandler(self.errors)
        loops = virtual_backend("asyncio")[1]
        self.runner = asyncio.Runner(loop_factory=loops["loop_factory"])
        self.is_on = False
        self.announced: set[int] = set()
        self.named = 0
        self.until = asyncio.Event()
        self.net: Any = None
        self.life = self.runner.get_loop().create_task(self._live(network_type))
        self.wait(0.01)

    async def _live(self, network_type: type[Any]) -> None:
        async with anyio.create_task_group() as tasks:
            self.net = network_type(tasks)
            await self.net.open()
            await self.until.wait()
            await self.net.cluster.reset()
            tasks.cancel_scope.cancel()

    def do(self, work: Coroutine[Any, Any, Any], within: float = 400.0) -> Any:
        """Run a coroutine in virtual time; nothing may take for ever."""

        async def bounded() -> Any:
            with anyio.fail_after(within):
                return await work

        assert not self.life.done(), self.life
        return self.runner.run(bounded())

    def wait(self, seconds: float) -> None:
        self.do(anyio.sleep(seconds))

    @property
    def others(self) -> list[str]:
        return list(self.net.cluster.roster.others)

    @property
    def state(self) -> str:
        return str(self.do(self.net.cluster.status()).state)

    @property
    def highest_id(self) -> int:
        run = self.net.cluster._run
        return 0 if run is None else run.homes.highest_id

    # --- nodes

    @precondition(lambda self: len(self.others) < MOST_NODES)
    @rule()
    def join(self) -> None:
        self.named += 1
        self.do(self.net.join(f"n{self.named}"))

    @precondition(lambda self: self.others)
    @rule(which=st.integers(0, MOST_NODES - 1))
    def leave(self, which: int) -> None:
        name = self.others[which % len(self.others)]
        self.do(self.net.agents[name].leave())
        self.wait(0.01)

    @precondition(lambda self: self.others)
    @rule(which=st.integers(0, MOST_NODES - 1))
    def cut(self, which: int) -> None:
        self.net.links[self.others[which % len(self.others)]].is_cut = True

    @precondition(lambda self: self.is_on)
    @rule(which=st.integers(0, MOST_NODES))
    def break_one(self, which: int) -> None:
        """Have a task of murmur's own raise on a node, as a defect would."""
        places = [
            self.net.cluster.roster.nodes["local"],
            *(a.local for a in self.net.agents.values()),
        ]

        async def broken() -> None:
            run = places[which % len(places)]._run
            if run is not None and str(run.state) == "running":
                run._tasks.start_soon(_raise)
                await anyio.sleep(0.01)

        self.do(broken())

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 2.5, 6.0, 30.0]))
    def pass_time(self, seconds: float) -> None:
        self.wait(seconds)

    # --- the run

    @rule(
        users=st.integers(0, 40),
        user_rate=st.sampled_from([60.0, 600.0, math.inf]),
        grace=st.sampled_from([0.0, 0.5, 2.0]),
        duration=st.sampled_from([1.0, 5.0, 1e6]),
        end_when_idle=st.booleans(),
    )
    def start(self, users: int, **given: Any) -> None:
        was_on, record = False, getattr(self.net, "record", None)

        async def started() -> None:
            nonlocal was_on  # likewise
            was_on = not self.net.cluster._state.is_over
            await self.net.do(Crowd, users, **given)

        try:
            self.do(started())
        except RunStateError:
            assert was_on
            self.net.record = record
            return
        except MurmurError as error:
            assert not was_on
            self.announced = set()
            self.lost_at_the_start(error)
            return
        assert not was_on
        self.is_on = True
        self.announced = set(range(1, users + 1))

    def lost_at_the_start(self, error: MurmurError) -> None:
        """See that a run that cannot begin has failed, and that another may."""
        self.is_on = False
        assert self.net.cluster._state.is_over, error

    @rule(count=st.integers(0, 30))
    def add(self, count: int) -> None:
        before = self.highest_id
        if (ids := self.ask(self.net.cluster.add(count))) is not None:
            assert list(ids) == list(range(before + 1, before + count + 1))

    @rule(gap=st.integers(0, 3), count=st.integers(1, 5))
    def add_range(self, gap: int, count: int) -> None:
        first = self.highest_id + 1 + gap
        self.ask(self.net.cluster.add_range(first, first + count - 1), skipped=gap)

    @rule(count=st.integers(0, 30), force=st.booleans())
    def remove(self, count: int, force: bool) -> None:
        asked = self.ask(self.net.cluster.remove(count, force=force))
        assert asked is None or 0 <= asked <= count

    @rule(user_id=st.integers(0, 60), force=st.booleans())
    def remove_one(self, user_id: int, force: bool) -> None:
        self.ask(self.net.cluster.remove_one(user_id, force))

    @rule(pace=st.sampled_from([0.05, 1.0, 10.0]), breaks=st.booleans())
    def update(self, pace: float, breaks: bool) -> None:
        self.ask(self.net.cluster.update({"pace": pace, "breaks": breaks}))

    @rule(rate=st.sampled_from([0.0, 6.0, 600.0, math.inf]))
    def admit(self, rate: float) -> None:
        self.ask(self.net.cluster.update({"user_rate": rate}))

    @rule(
        call=st.sampled_from(
            [
                ("pause", {}),
                ("resume", {}),
                ("unlock", {}),
                ("change_rate", {"rate": 50.0, "interval": 1.0}),
                ("change_rate", {"rate": 0.0}),
                ("ramp", {"from_rate": 1.0, "to_rate": 50.0, "interval": 1.0, "duration": 5.0}),
            ]
        )
    )
    def steer(self, call: tuple[str, dict[str, Any]]) -> None:
        self.ask(self.net.cluster.call_throttle("acts", *call))

    @rule(user_id=st.integers(0, 60))
    def send(self, user_id: int) -> None:
        self.ask(self.net.cluster.send(user_id, "hello"))

    @rule()
    def stop(self) -> None:
        self.ask(self.net.cluster.stop())

    @rule()
    def stop_and_wait(self) -> None:
        if self.ask(self.net.cluster.stop()) is None and self.is_on:
            self.do(self.net.cluster.wait_over())
            self.check_the_end()

    @rule()
    def reset(self) -> None:
        was_on = self.is_on
        self.do(self.net.cluster.reset())
        if was_on:
            self.check_the_end()
        assert self.state == "idle"

    def ask(self, verb: Coroutine[Any, Any, Any], skipped: int = 0) -> Any:
        """Do a verb; it is refused exactly if no run is on, or it says which node failed."""
        before, was_running = self.highest_id, False

        async def asked() -> Any:
            nonlocal was_running  # as it is when the verb begins: what was due comes first
            was_running = str(self.net.cluster._state) == "running"
            return await verb

        try:
            answer = self.do(asked())
        except RunStateError as refusal:
            answer, is_refused_rightly = None, not was_running or "without nodes" in str(refusal)
            assert is_refused_rightly
        except (RampInProgressError, UnknownNameError):
            answer = None  # of a throttle that ramps, or that no node has opened yet
        except MurmurError:
            assert was_running
            answer = None
        highest = self.highest_id
        self.announced |= set(range(before + 1 + skipped, highest + 1))
        return answer

    # --- what holds at any time

    @invariant()
    def every_user_is_somewhere_once(self) -> None:
        if self.net is None or not self.is_on or self.net.cluster._run is None:
            return
        users = self.do(self.net.users())
        assert set(users) == self.announced
        assert {outcome for _, outcome in users.values()} <= OUTCOMES | {""}

    @invariant()
    def a_run_that_is_over_has_an_end_of_everybody(self) -> None:
        if self.is_on and self.net.cluster._state.is_over:
            self.check_the_end()

    def check_the_end(self) -> None:
        self.is_on = False
        table = self.net.record.table("users")
        ids, outcomes = table["user_id"].tolist(), table["outcome"].decode()
        assert sorted(ids) == sorted(self.announced)
        assert set(outcomes) <= OUTCOMES, set(outcomes)
        results = Results(self.net.record)
        throttles = results.throttles
        for name, rows in throttles.groupby("name", observed=True):
            due, parts = rows["due"].sum(), rows[list(PARTS)].sum().sum()
            assert due == pytest.approx(parts), (name, rows)
        counted = results.windows.query("node == 'all'")["count"].sum()
        assert counted == len(results.actions)
        assert results.verdict.state in ("valid", "suspect", "invalid", "failed")
        results.summary()

    def teardown(self) -> None:
        try:
            if self.net is not None and not self.life.done():
                self.until.set()
                self.runner.run(self._end())
        finally:
            self.runner.close()
            logging.getLogger().removeHandler(self.errors)
        assert not self.errors.lines

    async def _end(self) -> None:
        with anyio.fail_after(400):
            await self.life


def test_whatever_is_asked_in_whatever_order_every_user_has_one_end(
    network_type: type[Any],
) -> None:
    run_state_machine_as_test(
        lambda: AnyOrder(network_type),
        settings=settings(
            max_examples=SEQUENCES or 20,
            derandomize=not SEQUENCES,
            stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )
