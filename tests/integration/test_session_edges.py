"""Where ends, starts and callers meet: each of these once hung, lied or lost a run."""

from __future__ import annotations

import contextlib
import gc
import math
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import anyio
import anyio.from_thread
import pytest
from traitlets import Float, observe

import murmur
from murmur.errors import (
    CallbackError,
    InvalidArgumentError,
    InvalidRangeError,
    RunStateError,
    ThrottleError,
    UnresponsiveError,
    WrongThreadError,
)

AT_ONCE = math.inf


class Idle(murmur.Scenario):
    """Users stay until asked."""

    pace = Float(1.0, help="a pace").tag(live=True)

    async def start(self, user: murmur.User) -> None:
        await user.sleep(math.inf)


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as made:
        yield made


def wait_for(condition: Callable[[], object], *, within: float = 60.0) -> None:
    """Wait until `condition()` is true."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def test_a_loop_that_is_stuck_costs_its_caller_patience_and_no_more() -> None:
    release, is_free = threading.Event(), threading.Event()

    class Spins(murmur.Scenario):
        """Holds the loop."""

        async def start(self, user: murmur.User) -> None:
            release.wait(60)
            is_free.set()

    session = murmur.Session()
    run = session.do(Spins, 0)
    assert session.add(1) == range(1, 2)  # the answer is there before the user's first step
    with pytest.raises(TimeoutError):
        run.wait(timeout=0.5)
    assert not is_free.is_set()  # the caller is back while the loop is held

    with pytest.raises(UnresponsiveError, match="user 1 has blocked the loop"):
        session.status()
    release.set()
    session.close()

    assert run.is_over


def test_a_stop_in_the_turn_of_the_runs_own_end_hurts_nothing(session: murmur.Session) -> None:
    class Blocks(murmur.Scenario):
        """Holds the loop while the run's time passes."""

        async def start(self, user: murmur.User) -> None:
            await anyio.sleep(0.1)
            time.sleep(0.5)  # noqa: ASYNC251 - the very thing

    run = session.do(Blocks, 1, duration=0.4, user_rate=AT_ONCE)
    time.sleep(0.2)
    with contextlib.suppress(RunStateError):
        session.stop()
    assert run.wait(timeout=60).state == "finished"

    assert session.do(Idle, 1, user_rate=AT_ONCE).status().state == "running"


def test_the_course_of_an_old_run_does_not_end_the_next(session: murmur.Session) -> None:
    first = session.do(Idle, duration=2.0)
    over_at = time.monotonic() + 2.0
    session.stop()
    first.wait(timeout=60)
    second = session.do(Idle)
    wait_for(lambda: time.monotonic() > over_at + 0.3)

    assert second.status().state == "running"


def test_an_old_run_keeps_its_own_status(session: murmur.Session) -> None:
    first = session.do(Idle, 5, user_rate=AT_ONCE)
    session.stop()
    first.wait(timeout=60)
    second = session.do(Idle, 3, user_rate=AT_ONCE)

    assert (first.status().state, first.status().run_id) == ("finished", first.id)
    assert first.status().users["gone"] == 5
    assert second.status().run_id == second.id
    assert len(first.results.users) == 5


def test_a_run_whose_start_is_given_up_can_be_reached(session: murmur.Session) -> None:
    may_start = threading.Event()

    class Slow(Idle):
        async def init(self) -> None:
            while not may_start.is_set():  # noqa: ASYNC110 - it is set in another thread
                await anyio.sleep(0.01)

    failures: list[BaseException] = []

    def start() -> None:
        try:
            session._host.ask("do", session._host.cluster("do").wait_over, patience=0.1)
        except UnresponsiveError as error:
            failures.append(error)

    starter = threading.Thread(target=session.do, args=(Slow,))
    starter.start()
    while session.run is None:
        time.sleep(0.01)
    start()
    may_start.set()
    run = session.run
    starter.join()

    assert len(failures) == 1
    assert run.status().state == "running"
    assert run.status().scenario == "Slow"


def test_a_scenario_that_cannot_be_made_fails_the_start(session: murmur.Session) -> None:
    class Bad(Idle):
        def __init__(self) -> None:
            super().__init__()
            raise OSError("no")

    with pytest.raises(CallbackError, match="__init__ failed on node local: OSError: no"):
        session.do(Bad, 2)

    assert session.status().state == "failed"


def test_closing_from_a_scenario_is_refused(session: murmur.Session) -> None:
    caught = []

    class Closes(murmur.Scenario):
        """Closes the session it runs in."""

        async def start(self, user: murmur.User) -> None:
            try:
                session.close()
            except WrongThreadError as error:
                caught.append(error)

    run = session.do(Closes, 1, user_rate=AT_ONCE, end_when_idle=True)
    run.wait(timeout=60)

    assert len(caught) == 1
    assert not session.is_closed


def test_closing_leaves_the_grace_and_calls_terminate() -> None:
    ends, is_here = [], threading.Event()

    class Polite(murmur.Scenario):
        """Takes a while to say goodbye."""

        async def start(self, user: murmur.User) -> None:
            try:
                is_here.set()
                await user.sleep(math.inf)
            finally:
                await anyio.sleep(1.0)
                ends.append("goodbye")

        async def terminate(self) -> None:
            ends.append("terminate")

    with murmur.Session() as session:
        session.do(Polite, 1, user_rate=AT_ONCE, grace=5.0)
        assert is_here.wait(60)

    assert ends == ["goodbye", "terminate"]


def test_a_killed_user_has_time_to_clean_up(session: murmur.Session) -> None:
    ends, is_here = [], threading.Event()

    class Slow(murmur.Scenario):
        """Needs half a second after its cancellation."""

        async def start(self, user: murmur.User) -> None:
            try:
                is_here.set()
                await anyio.sleep(math.inf)
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.5)
                ends.append("clean")

    run = session.do(Slow, 1, user_rate=AT_ONCE, grace=0.1)
    assert is_here.wait(60)
    session.stop()
    run.wait(timeout=60)

    assert ends == ["clean"]


def test_the_throttle_of_arrivals_can_be_held_but_not_stopped(session: murmur.Session) -> None:
    session.do(Idle, 100, user_rate=60)
    arrivals = session.throttles["user_rate"]

    with pytest.raises(ThrottleError, match="admits the users"):
        arrivals.stop()
    with pytest.raises(ThrottleError, match="admits the users"):
        arrivals.change_rate(limit=5)

    assert session.status().state == "running"
    assert session.status().users["waiting"] > 90


def test_a_user_rate_with_rules_of_its_own_does_not_break_updates(
    session: murmur.Session,
) -> None:
    class Fixed(Idle):
        user_rate = Float(600.0, max=1000, help="users per minute")

    session.do(Fixed)
    session.throttles["user_rate"].change_rate(rate=2_000)

    assert session.update(pace=2.0) == {"pace": (1.0, 2.0)}


def test_a_block_around_a_run_that_is_ending_ends_quietly(session: murmur.Session) -> None:
    class Lingers(Idle):
        async def start(self, user: murmur.User) -> None:
            await anyio.sleep(1.0)

    with session.do(Lingers, 1, duration=0.2, user_rate=AT_ONCE) as run:
        time.sleep(0.5)

    assert run.status().state == "finished"


@pytest.mark.usefixtures("thawed")
def test_the_collector_is_put_back_whoever_leaves_last() -> None:
    before = gc.get_threshold()
    one, two = murmur.Session(), murmur.Session(tune_collector=False)
    one.do(Idle)
    two.do(Idle)
    one.close()
    two.close()

    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_nobody_is_added_to_a_run_that_is_being_reset(session: murmur.Session) -> None:
    class Reluctant(murmur.Scenario):
        """Does not go when cancelled once."""

        async def start(self, user: murmur.User) -> None:
            with contextlib.suppress(BaseException):
                await anyio.sleep(math.inf)
            await anyio.sleep(math.inf)

    run = session.do(Reluctant, 10, user_rate=AT_ONCE)
    wait_for(lambda: session.status().users["running"] == 10)
    resetting = threading.Thread(target=session.reset)
    resetting.start()
    wait_for(lambda: session.status().users["leaving"] == 10)
    with pytest.raises(RunStateError, match="being reset"):
        session.add(5)
    resetting.join()

    assert len(run.results.users) == 10


def test_a_timed_out_request_is_a_failed_action(session: murmur.Session) -> None:
    class Impatient(murmur.Scenario):
        """Gives up on its requests."""

        async def start(self, user: murmur.User) -> None:
            with anyio.move_on_after(0.1), user.timer("slow"):
                await anyio.sleep(10)

    run = session.do(Impatient, 5, user_rate=AT_ONCE, end_when_idle=True)
    run.wait(timeout=60)
    actions = run.results.actions

    assert actions["ok"].tolist() == [False] * 5
    assert actions["service_time"].min() >= 0.09
    assert "timeout" in run.results.errors["error"].iloc[0]


def test_a_permit_is_due_for_one_action_also_of_a_thread(session: murmur.Session) -> None:
    class Blocking(murmur.Scenario):
        """Waits for a permit from a thread, is late, and acts twice."""

        async def init(self) -> None:
            self.acts = await murmur.throttle("acts", rate=100, interval=1)

        def start(self, user: murmur.User) -> None:
            anyio.from_thread.run(self.acts.wait)
            time.sleep(0.2)
            with user.timer("first"):
                pass
            with user.timer("second"):
                pass

    run = session.do(Blocking, 1, user_rate=AT_ONCE, end_when_idle=True)
    run.wait(timeout=60)
    late = run.results.actions.set_index("name").eval("started_at - due_at")

    assert late["first"] >= 0.2
    assert late["second"] == 0


def test_tasks_of_a_user_do_not_share_a_permit(session: murmur.Session) -> None:
    class Forks(murmur.Scenario):
        """Waits once and acts in three tasks, the last of them late."""

        async def init(self) -> None:
            self.acts = await murmur.throttle("acts", rate=100, interval=1)

        async def act(self, user: murmur.User, delay: float) -> None:
            await anyio.sleep(delay)
            with user.timer("act"):
                pass

        async def start(self, user: murmur.User) -> None:
            await self.acts.wait()
            async with anyio.create_task_group() as tasks:
                for delay in (0.0, 0.2, 0.4):
                    tasks.start_soon(self.act, user, delay)

    run = session.do(Forks, 1, user_rate=AT_ONCE, end_when_idle=True)
    run.wait(timeout=60)

    late = run.results.actions.eval("started_at - due_at").sort_values()
    assert late.iloc[:2].tolist() == [0, 0]  # the permit was for one action alone


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_a_task_of_a_user_cannot_end_the_loop(
    session: murmur.Session, error: BaseException
) -> None:
    class Exits(murmur.Scenario):
        """User 1 exits in a task of its own."""

        async def exit(self) -> None:
            raise error

        async def start(self, user: murmur.User) -> None:
            if user.id == 1:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self.exit)
            await user.sleep(math.inf)

    run = session.do(Exits, 3, user_rate=AT_ONCE)
    wait_for(lambda: (session.status().users["gone"], session.status().users["running"]) == (1, 2))
    session.stop()
    run.wait(timeout=60)

    assert run.results.users["outcome"].tolist() == ["failed", "left", "left"]


def test_nothing_can_be_opened_while_the_run_ends(session: murmur.Session) -> None:
    caught = []

    class Late(Idle):
        async def terminate(self) -> None:
            try:
                await murmur.throttle("late", rate=1)
            except RunStateError as error:
                caught.append(str(error))

    run = session.do(Late)
    session.stop()
    run.wait(timeout=60)

    assert caught == ["cannot start a throttle: the run is terminating"]


@pytest.mark.parametrize("seed", [-1, 1.5, "abc", True])
def test_a_seed_is_a_whole_number(session: murmur.Session, seed: object) -> None:
    with pytest.raises(InvalidArgumentError):
        session.do(Idle, seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("duration", ["5", True])
def test_a_duration_is_a_number(session: murmur.Session, duration: object) -> None:
    with pytest.raises(InvalidArgumentError):
        session.do(Idle, duration=duration)  # type: ignore[arg-type]


def test_an_id_fits_into_the_records(session: murmur.Session) -> None:
    session.do(Idle)

    with pytest.raises(InvalidRangeError):
        session.add_users(2**32, 2**32 + 1)


def test_failing_observers_of_the_arrival_rate_come_back(session: murmur.Session) -> None:
    class Watched(Idle):
        @observe("user_rate")
        def _rate_changed(self, change: object) -> None:
            raise ValueError("seen")

    session.do(Watched)

    with pytest.raises(CallbackError, match="user_rate: ValueError: seen"):
        session.update(user_rate=7)


def test_leftovers_of_a_session_are_few() -> None:
    before = threading.active_count()
    for _ in range(5):
        with murmur.Session() as session:
            session.do(Idle, 10, user_rate=AT_ONCE)

    wait_for(lambda: threading.active_count() <= before + 1)
    assert sys.getswitchinterval() == pytest.approx(0.005)


@pytest.mark.parametrize("where", ["job", "action"])
def test_code_of_a_run_that_ignores_cancellation_does_not_hang_its_end(
    session: murmur.Session, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    is_on = threading.Event()

    async def immortal(*_: object) -> None:
        is_on.set()
        while True:
            with contextlib.suppress(BaseException):
                await anyio.sleep(0.5)

    async def act(event: murmur.runtime.CoordinatorEvent) -> None:
        await immortal()

    class Leaves(murmur.Scenario):
        """Leaves something behind that does not end."""

        async def start(self, user: murmur.User) -> None:
            if where == "job":
                throttle = await murmur.throttle("jobs", rate=100, interval=1)
                throttle.run(immortal)
            else:
                one = await murmur.coordinator("ones", (1, act))
                await one.add(user)
            await user.sleep(math.inf)

    run = session.do(Leaves, 1, user_rate=AT_ONCE)
    assert is_on.wait(60)
    assert session.status().users["running"] == 1
    session.stop()

    assert run.wait(timeout=60).state == "finished"
    assert "ignores its cancellation and is left behind" in caplog.text


def test_a_call_that_fails_says_what_becomes_of_the_run(session: murmur.Session) -> None:
    class Refuses(Idle):
        async def init(self) -> None:
            if self.pace == 3.0:
                raise LookupError("no seat")

        async def changed(self, name: str, old: object, new: object) -> None:
            raise LookupError("no seat")

    session.do(Refuses, 1)
    with pytest.raises(
        CallbackError, match=r"LookupError: no seat; the run goes on; stop\(\) ends"
    ):
        session.update(pace=2.0)
    session.stop()
    assert session.run is not None
    session.run.wait(60)
    with pytest.raises(CallbackError, match=r"LookupError: no seat; no run is on$"):
        session.do(Refuses, 1, pace=3.0)


STOPPED = """
import math, murmur

class Echo(murmur.Scenario):
    async def init(self):
        self.pace = await murmur.throttle("pace", rate=100, interval=1)

    async def start(self, user):
        while True:
            await self.pace.wait()  # its permits are late as well, in the same second
            with user.timer("echo"):
                await user.sleep(0.05)

with murmur.Session() as session:
    run = session.do(Echo, 40, user_rate=math.inf, duration=7)
    print("on", flush=True)
    problems = run.wait(60).problems
    verdict = run.results.verdict
    print(verdict)
    print(*problems, sep="; ")
"""


def test_a_process_that_stood_still_says_so() -> None:
    command = [sys.executable, "-c", STOPPED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        time.sleep(1.5)
        stopped_at = time.monotonic()
        process.send_signal(signal.SIGSTOP)
        time.sleep(3.5)
        process.send_signal(signal.SIGCONT)
        stood = time.monotonic() - stopped_at
        verdict, problems = process.communicate(timeout=60)[0].splitlines()
    assert verdict.startswith("invalid: The generator was late or silent for ")
    assert "loop lag while the process stood still" in verdict
    told = re.search(r"the process stood still for (\d+\.\d) s", problems)
    assert told is not None
    assert 3.0 <= float(told[1]) < stood + 1.5  # the machine may take it the core as well


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_a_clock_that_is_set_amid_a_run_moves_nothing(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    wall = time.time

    class Steps(murmur.Scenario):
        """The clock is set while users are here."""

        async def start(self, user: murmur.User) -> None:
            with user.timer("echo"):
                await user.sleep(0.05)
            monkeypatch.setattr(time, "time", lambda: wall() + step)
            with user.timer("echo"):
                await user.sleep(0.05)

    run = session.do(Steps, 1, user_rate=AT_ONCE, end_when_idle=True)
    run.wait(60)
    monkeypatch.undo()
    results = run.results

    assert results.actions["service_time"].between(0.04, 20).all()
    assert results.elapsed < 60
    for frame in (results.events, results.changes):
        ran = (frame["wall_at"] - results.wall_started_at).dt.total_seconds()
        assert ran.tolist() == pytest.approx(frame["at"].tolist(), abs=0.01)
    assert any(f"clock was set by {step:+,.0f} s" in reason for reason in results.verdict.reasons)
