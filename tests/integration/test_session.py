"""The session over its real thread: cells that block, callbacks, forks, ends."""

from __future__ import annotations

import contextlib
import math
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from traitlets import Float, Int, Unicode

import murmur
from murmur.errors import (
    RunStateError,
    SessionClosedError,
    UnknownScenarioError,
    UnknownSettingError,
    WaitTimeoutError,
    WrongThreadError,
)
from murmur.telemetry import Event, check

AT_ONCE = math.inf

BUSY = "the load generator is the bottleneck"
"""Of which a busy machine is told."""


class Idle(murmur.Scenario):
    """Users stay until asked."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(math.inf)


class Threaded(murmur.Scenario):
    """Users block a thread each."""

    seconds = Float(0.2, help="seconds to block")

    def start(self, user: murmur.User) -> None:
        with user.timer("block"):
            time.sleep(self.seconds)
        user.count("done")


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as made:
        yield made


def wait_for(condition: object, *, within: float = 60.0) -> None:
    """Wait until `condition()` is true."""
    deadline = time.monotonic() + within
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def test_making_a_session_starts_no_thread() -> None:
    before = threading.active_count()
    session = murmur.Session()

    assert session.status().state == "idle"
    assert threading.active_count() == before
    session.close()


def test_the_story_of_a_run(session: murmur.Session) -> None:
    run = session.do(Idle, 10, user_rate=AT_ONCE, seed=7)
    assert session.add(5) == range(11, 16)
    wait_for(lambda: session.status().users["running"] == 15)
    assert session.remove(3) == 3
    wait_for(lambda: session.status().users["gone"] == 3)
    session.stop()
    status = run.wait(timeout=60)

    assert (status.state, status.highest_id, status.scenario) == ("finished", 15, "Idle")
    assert status.users == {"waiting": 0, "running": 0, "leaving": 0, "gone": 15}
    assert run.results.users["outcome"].value_counts()["left"] == 15
    assert run.results.users["user_id"].tolist() == list(range(1, 16))
    assert (run.seed, run.is_over, session.run) == (7, True, run)


def test_leaving_the_session_ends_run_and_thread() -> None:
    before = {thread.name for thread in threading.enumerate()}
    with murmur.Session() as session:
        run = session.do(Idle, 100, user_rate=AT_ONCE)
        wait_for(lambda: session.status().users["running"] == 100)

    assert run.is_over
    assert "murmur-loop" not in {thread.name for thread in threading.enumerate()} - before
    assert run.results.users["outcome"].value_counts()["left"] == 100
    with pytest.raises(SessionClosedError):
        session.do(Idle)


def test_a_cell_that_blocks_does_not_delay_users(session: murmur.Session) -> None:
    """A second of pure Python in the caller delays nobody by more than 50 ms of its own.

    They are seconds of the caller's processor: other programs delay users as well.
    """
    caller = time.pthread_getcpuclockid(threading.get_ident())

    class Ticks(murmur.Scenario):
        """Measures what the caller does after it should have woken."""

        async def start(self, user: murmur.User) -> None:
            while True:
                before = time.clock_gettime(caller)
                await user.sleep(0.02)
                user.record("late", max(0.0, time.clock_gettime(caller) - before - 0.02))

    began = time.monotonic()
    while time.monotonic() < began + 60:  # the best second of a minute, on a busy machine
        session.reset()
        run = session.do(Ticks, 20, user_rate=AT_ONCE)
        end = time.thread_time() + 1.0
        while time.thread_time() < end:
            sum(range(1_000))
        late = run.results.actions["service_time"]
        if len(late) > 500 and late.max() < 0.05:
            return
    pytest.fail(f"{len(late)} wake-ups in a second, up to {late.max():.3f} s late")


def test_plain_functions_run_in_threads_of_their_own(session: murmur.Session) -> None:
    everybody = threading.Barrier(60)  # more than anyio's default of 40 at a time

    class Together(Threaded):
        """Nobody goes before all are there."""

        def start(self, user: murmur.User) -> None:
            everybody.wait(60)
            super().start(user)

    run = session.do(Together, 60, user_rate=AT_ONCE, end_when_idle=True)
    run.wait(timeout=120)

    assert run.results.users["outcome"].value_counts()["finished"] == 60
    assert len(run.results.actions) == 60


def test_a_user_in_a_thread_that_does_not_return_is_reported(session: murmur.Session) -> None:
    run = session.do(Threaded, 2, user_rate=AT_ONCE, seconds=6.0, grace=0.2)
    wait_for(lambda: session.status().users["running"] == 2)
    session.stop()
    status = run.wait(timeout=60)

    assert status.state == "finished"
    assert "2 users ignore their cancellation" in status.problems[-1]
    assert set(run.results.users["reason"]) == {"its thread still runs"}
    assert "2 users were abandoned: cancellation was ignored." in run.results.verdict.reasons


def test_a_user_that_ignores_cancellation_cannot_hang_stop_or_close() -> None:
    class Immortal(murmur.Scenario):
        """Swallows everything."""

        async def start(self, user: murmur.User) -> None:
            while True:
                with contextlib.suppress(BaseException):
                    await anyio.sleep(0.5)

    session = murmur.Session()
    run = session.do(Immortal, 3, user_rate=AT_ONCE, grace=0.2)
    session.stop()
    status = run.wait(timeout=60)
    began = time.monotonic()
    session.close()

    assert status.state == "finished"
    assert time.monotonic() - began < 5
    assert set(run.results.users["outcome"]) == {"killed"}
    assert set(run.results.users["reason"]) == {"ignores cancellation, abandoned"}


@pytest.mark.parametrize("is_blocking", [False, True])
def test_a_run_says_that_users_of_an_earlier_one_go_on(
    session: murmur.Session, *, is_blocking: bool
) -> None:
    """They load the machine and the target, and nothing of it is in the new run's frames."""
    let_go = threading.Event()

    class Immortal(murmur.Scenario):
        """Swallows everything until it is let go."""

        async def start(self, user: murmur.User) -> None:
            while not let_go.is_set():
                with contextlib.suppress(BaseException):
                    await anyio.sleep(0.05)

    class Blocking(murmur.Scenario):
        """Waits in a thread until it is let go."""

        def start(self, user: murmur.User) -> None:
            let_go.wait(60)

    first = session.do(Blocking if is_blocking else Immortal, 3, user_rate=AT_ONCE, grace=0.2)
    session.stop()
    first.wait(timeout=60)
    second = session.do(Idle, 1, user_rate=AT_ONCE)
    told = "3 users of earlier runs go on here: they were abandoned"

    assert told in session.status().problems
    let_go.set()
    wait_for(lambda: told not in session.status().problems)
    session.stop()
    second.wait(timeout=60)
    third = session.do(Idle, 1, user_rate=AT_ONCE)
    session.stop()
    third.wait(timeout=60)
    said = "of earlier runs, who ignored their cancellation, went on as this one began."
    assert second.results.verdict.state != "valid"
    assert f"3 users {said}" in second.results.verdict.reasons
    assert said not in str(third.results.verdict)


def test_code_that_blocks_the_loop_is_named(session: murmur.Session) -> None:
    class Blocks(murmur.Scenario):
        """User 2 blocks."""

        async def start(self, user: murmur.User) -> None:
            while user.id == 2:
                time.sleep(1.2)  # noqa: ASYNC251 - the very thing
                await user.sleep(0.3)
            await user.sleep(math.inf)

    session.do(Blocks, 3, user_rate=AT_ONCE)
    # Nobody is blamed while other programs have the cores: on a busy machine not the first time.
    told = "user 2 has blocked the loop"
    wait_for(lambda: told in str(session.status().problems), within=60)

    (problem,) = (each for each in session.status().problems if each.startswith(told))
    assert "test_session.py" in problem


def test_a_loop_that_was_blocked_for_long_is_in_all_answers(
    session: murmur.Session, tmp_path: Path
) -> None:
    is_told = threading.Event()

    class Blocks(murmur.Scenario):
        """User 2 blocks for more than half of the run."""

        async def start(self, user: murmur.User) -> None:
            await user.sleep(1.5)
            # Nobody is blamed while other programs have the cores: then once more.
            while user.id == 2 and not is_told.is_set():
                time.sleep(3.0)  # noqa: ASYNC251 - the very thing
                await user.sleep(0.3)
            await user.sleep(math.inf)

    run = session.do(Blocks, 3, user_rate=AT_ONCE)
    problem = r"user 2 has blocked the loop for (\d+\.\d) s (in \d+ times )?at"
    wait_for(lambda: re.search(problem, " ".join(run.status().problems)), within=60)
    is_told.set()
    run.stop()
    run.wait(60)
    results, told = run.results, r"blocked for (\d+\.\d) s at test_session\.py:\d+"

    assert results.verdict.state == "invalid"
    longest = re.search(told, results.verdict.reasons[0])
    assert longest is not None, results.verdict
    assert float(longest[1]) >= 2.9  # 3 s, give or take half a beat; longer if the machine is busy
    assert re.search(told, repr(results.summary()))
    assert re.search(told, results.report(tmp_path / "run.html").read_text(encoding="utf-8"))
    assert re.search(told, str(murmur.load(results.save(tmp_path / "run")).verdict))
    assert (results.health["reason"] == "no sign of life").any()
    assert re.match(problem, run.status().problems[0])
    assert not results.check("failed == 0")


def test_a_loop_that_never_answers_is_an_error_that_names_the_user() -> None:
    code = """
    import time, murmur
    from murmur.errors import UnresponsiveError

    class Stuck(murmur.Scenario):
        '''Blocks for good.'''
        async def start(self, user):
            time.sleep(3600)

    session = murmur.Session()
    session.do(Stuck, 1, user_rate=float("inf"))
    try:
        session.add(1)
    except UnresponsiveError as error:
        print(error)
    """
    done = run_python(code)

    assert "user 1 has blocked the loop for" in done.stdout, done.stderr
    assert done.stdout.strip().endswith(
        "What was asked is not done; the run goes on; stop() ends it"
    )
    assert done.returncode == 0


def test_the_scenario_cannot_wait_for_its_own_loop(session: murmur.Session) -> None:
    caught = []

    class Calls(murmur.Scenario):
        """Calls back into the session."""

        async def start(self, user: murmur.User) -> None:
            for call in (session.status, lambda: session.add(1), session.stop):
                try:
                    call()
                except WrongThreadError as error:
                    caught.append(str(error))

    session.do(Calls, 1, user_rate=AT_ONCE)
    wait_for(lambda: session.status().users["gone"] == 1)

    assert len(caught) == 3
    assert "session.add cannot be called from inside a running scenario" in caught[1]


def test_many_threads_may_steer_one_session(session: murmur.Session) -> None:
    session.do(Idle, 0, user_rate=AT_ONCE)
    ids: list[int] = []
    threads = [threading.Thread(target=lambda: ids.extend(session.add(10))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ids) == list(range(1, 201))


def test_two_starts_at_once_give_one_run(session: murmur.Session) -> None:
    class Slow(Idle):
        async def init(self) -> None:
            await anyio.sleep(0.5)

    results: list[object] = []

    def start() -> None:
        try:
            results.append(session.do(Slow))
        except RunStateError as error:
            results.append(str(error))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(type(result).__name__ for result in results) == ["Run", "str"]


def test_sessions_run_side_by_side() -> None:
    with murmur.Session() as one, murmur.Session() as two:
        first = one.do(Idle, 3, user_rate=AT_ONCE)
        second = two.do(Threaded, 2, user_rate=AT_ONCE, end_when_idle=True)
        second.wait(timeout=60)

        assert first.status().users["running"] == 3
        assert second.results.users["outcome"].tolist() == ["finished"] * 2
        assert len(first.results.actions) == 0


def test_a_wait_ends_in_time_and_the_run_goes_on(session: murmur.Session) -> None:
    run = session.do(Idle, 1, user_rate=AT_ONCE)

    with pytest.raises(WaitTimeoutError, match="still on"):
        run.wait(timeout=0.3)

    assert session.status().state == "running"


def test_a_run_can_be_awaited(session: murmur.Session) -> None:
    async def cell() -> murmur.Status:
        return await session.do(Idle, 3, user_rate=AT_ONCE, duration=0.3)

    assert anyio.run(cell).state == "finished"


def test_a_run_as_a_context_manager_ends_with_its_block(session: murmur.Session) -> None:
    with session.do(Idle, 3, user_rate=AT_ONCE) as run:
        assert not run.is_over

    assert run.status().state == "finished"


def test_reset_forces_idle_from_any_state(session: murmur.Session) -> None:
    session.reset()
    assert session.status().state == "idle"

    session.do(Idle, 3, user_rate=AT_ONCE)
    session.reset()

    assert session.status().state == "idle"
    assert session.status().users == {"waiting": 0, "running": 0, "leaving": 0, "gone": 0}
    session.do(Idle, 1, user_rate=AT_ONCE).stop()


def test_the_session_shows_throttles_and_changes_them(session: murmur.Session) -> None:
    class Paced(murmur.Scenario):
        """Users act at a rate."""

        async def init(self) -> None:
            self.acts = await murmur.throttle("acts", rate=0, interval=1)

        async def start(self, user: murmur.User) -> None:
            while True:
                await self.acts.wait()
                user.count("acts")

    session.do(Paced, 5, user_rate=AT_ONCE)
    assert sorted(session.throttles) == ["acts", "user_rate"]
    assert "acts" in session.throttles
    assert "atcs" not in session.throttles
    assert session.throttles.get("atcs") is None
    assert "acts" not in session.coordinators
    acts = session.throttles["acts"]
    wait_for(lambda: acts.statistics().waiting == 5)

    acts.change_rate(rate=1_000, interval=1)
    wait_for(lambda: acts.statistics().granted > 50)
    acts.pause()
    assert acts.statistics().paused
    with pytest.raises(LookupError, match="atcs"):
        session.throttles["atcs"]


def test_the_rate_of_arrival_is_one_thing_by_either_name(session: murmur.Session) -> None:
    session.do(Idle, 10, user_rate=60)

    session.throttles["user_rate"].change_rate(rate=120)

    assert session.update(user_rate=60) == {"user_rate": (120.0, 60.0)}
    assert session.throttles["user_rate"].statistics().rate == 60


def test_the_environment_is_read_and_complained_about(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Sized(Idle):
        size = Int(1, help="a size")
        width = Int(2, help="a width")

    monkeypatch.setenv("AMOC_SIZE", "7")
    monkeypatch.setenv("AMOC_WIDTH", "wide")
    run = session.do(Sized)

    assert run.settings["size"] == 7
    assert run.settings["width"] == 2
    assert "AMOC_WIDTH" in caplog.text
    assert "amoc.config.env" in set(run.results.events["name"])


def test_a_typo_starts_nothing(session: murmur.Session) -> None:
    with pytest.raises(UnknownSettingError, match="did you mean 'user_rate'"):
        session.do(Idle, 3, user_rat=5)

    assert session.status().state == "idle"


def test_a_forked_child_is_told_and_the_parent_goes_on(session: murmur.Session) -> None:
    session.do(Idle, 1, user_rate=AT_ONCE)
    code = """
    import os, sys, math, warnings, murmur
    warnings.simplefilter("ignore")
    class Idle(murmur.Scenario):
        '''Waits.'''
        async def start(self, user):
            await user.sleep(math.inf)
    session = murmur.Session()
    session.do(Idle, 1)
    child = os.fork()
    if not child:
        try:
            session.add(1)
        except murmur.errors.SessionClosedError as error:
            os._exit(7)
        os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), list(session.add(1)))
    """
    done = run_python(code)

    assert done.stdout.split("\n")[0] == "7 [2]", done.stderr


def test_the_interpreter_ends_the_default_session_in_order() -> None:
    code = """
    import math, murmur
    class Says(murmur.Scenario):
        '''Says good-bye.'''
        async def start(self, user):
            try:
                await user.sleep(math.inf)
            finally:
                print("bye", user.id, flush=True)
        async def terminate(self):
            print("terminated", flush=True)
    session = murmur.session()
    session.do(Says, 2, user_rate=math.inf)
    while session.status().users["running"] < 2:
        pass
    """
    done = run_python(code)

    assert sorted(done.stdout.split("\n")[:2]) == ["bye 1", "bye 2"]
    assert done.stdout.split("\n")[2] == "terminated"
    told = [line for line in done.stderr.splitlines() if "the load generator" not in line]
    assert (done.returncode, told) == (0, [])  # a busy machine may have its line


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_an_interrupt_ends_the_wait_and_not_the_run() -> None:
    code = """
    import math, murmur, signal
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job may ignore it
    class Idle(murmur.Scenario):
        '''Waits.'''
        async def start(self, user):
            await user.sleep(math.inf)
    session = murmur.Session()
    run = session.do(Idle, 1, user_rate=math.inf)
    try:
        print("waiting", flush=True)
        run.wait()
    except KeyboardInterrupt:
        print(session.status().state.value, flush=True)
    session.close()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "running\n"

    assert process.returncode == 0


def test_users_that_end_by_nothing_do_not_keep_the_interpreter() -> None:
    code = """
    import anyio, murmur
    class Immortal(murmur.Scenario):
        '''Never goes.'''
        async def start(self, user):
            user.count("up")
            while True:
                try:
                    await anyio.sleep(60)
                except BaseException:
                    pass
    with murmur.Session() as session:
        run = session.do(Immortal, 2, user_rate=float("inf"))
        while run.results.counters["value"].sum() < 2:
            pass
        run.stop()
        print(run.wait(timeout=60).problems)
    """
    done = run_python(code)

    assert "2 users ignore their cancellation" in done.stdout
    told = [line for line in done.stderr.splitlines() if BUSY not in line]
    assert (done.returncode, told) == (0, [])


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new interpreter."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_ctl_4_a_scenario_that_does_not_exist_is_named(session: murmur.Session) -> None:
    """CTL-4; the state does not change."""
    with pytest.raises(UnknownScenarioError, match="Nobody"):
        session.do("Nobody")

    assert session.status().state == "idle"


def test_usr_1_closing_ends_all_users() -> None:
    """USR-1; in order, where amoc kills them."""
    ends = []

    class Counts(murmur.Scenario):
        """Says when it goes."""

        async def start(self, user: murmur.User) -> None:
            try:
                await user.sleep(math.inf)
            finally:
                ends.append(user.id)

    with murmur.Session() as session:
        session.do(Counts, 50, user_rate=AT_ONCE)
        wait_for(lambda: session.status().users["running"] == 50)

    assert sorted(ends) == list(range(1, 51))


def test_every_event_of_a_run_is_in_the_catalogue(session: murmur.Session) -> None:
    events: list[Event] = []

    class Busy(murmur.Scenario):
        """Uses most of what there is."""

        pace = Float(1.0, help="a pace").tag(live=True)

        async def init(self) -> None:
            self.acts = await murmur.throttle("acts", rate=1_000, interval=1)
            self.pairs = await murmur.coordinator("pairs", (2, lambda event, a, b: 1 / 0))

        async def start(self, user: murmur.User) -> None:
            await self.acts.wait()
            await self.pairs.add(user)
            if user.id == 3:
                raise ValueError("no")
            await user.sleep(math.inf)

    with murmur.on("amoc.*", events.append):
        run = session.do(Busy, 6, user_rate=AT_ONCE)
        session.update(pace=2.0)
        session.throttles["acts"].ramp(from_rate=1, to_rate=5, interval=1, duration=0.2)
        wait_for(lambda: session.status().users["gone"] == 1)
        session.remove(1, force=True)
        session.stop()
        run.wait(timeout=60)

    for event in events:
        check(event.name, event.measurements, event.metadata)
    names = {event.name for event in events}
    assert {event.run_id for event in events} == {run.id}
    assert {"amoc.scenario.start.start", "amoc.scenario.start.exception", "amoc.user.down",
            "amoc.coordinator.failure", "amoc.throttle.execute", "amoc.config.update",
            "amoc.run.state"} <= names  # fmt: skip


def test_a_handler_that_raises_hurts_nobody(session: murmur.Session) -> None:
    def fails(event: Event) -> None:
        raise RuntimeError("handler")

    subscription = murmur.on("amoc.user.*", fails)
    run = session.do(Idle, 5, user_rate=AT_ONCE)
    session.stop()

    assert run.wait(timeout=60).users["gone"] == 5
    assert isinstance(subscription.failure, RuntimeError)
    assert "amoc.handler.failure" in set(run.results.events["name"])


def test_secrets_are_nowhere(session: murmur.Session) -> None:
    class Secretive(Idle):
        token = Unicode(help="a token").tag(secret=True, live=True)

    run = session.do(Secretive, 1, user_rate=AT_ONCE, token="hunter2")
    session.update(token="swordfish")
    session.stop()
    run.wait(timeout=60)
    results = run.results
    shown = repr(run) + run._repr_html_() + str(run.settings) + repr(session)
    shown += results.events.to_csv() + results.changes.to_csv() + results.summary()._repr_html_()

    assert "hunter2" not in shown
    assert "swordfish" not in shown
    assert "***" in shown


def test_what_is_observed_is_what_the_frames_say(session: murmur.Session) -> None:
    class Hello(murmur.Scenario):
        """Users act and go."""

        async def start(self, user: murmur.User) -> None:
            with user.timer("hello"):
                pass

    assert session.observe().status.state == "idle"

    run = session.do(Hello, 5, user_rate=float("inf"), end_when_idle=True)
    run.wait(timeout=60)
    seen = session.observe()

    assert seen.status.run_id == run.id
    assert [(one.name, one.count) for one in seen.recent.actions] == [("hello", 5)]
    assert seen.recent.total.count == len(run.results.actions)
    assert run.observe().recent.total == seen.recent.total


def test_a_task_of_a_front_end_runs_on_the_loop_of_the_session(session: murmur.Session) -> None:
    async def where(number: int) -> int:
        await anyio.lowlevel.checkpoint()
        return number + threading.get_ident()

    answer = session.background(where, 1).result(timeout=60)

    assert answer - 1 != threading.get_ident()
