"""In a plain ``def start`` the words of murmur block the user's thread."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator

import anyio.from_thread
import pytest

import murmur
from murmur.errors import WaitTimeoutError, WrongThreadError

AT_ONCE = float("inf")


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as made:
        yield made


class Paced(murmur.Scenario):
    async def init(self) -> None:
        self.pace = await murmur.throttle("pace", rate=20, interval=1)
        self.gate = await murmur.throttle("gate", limit=2)
        self.meeting = await murmur.coordinator("meeting", [])
        self.inside = self.most = 0


def test_waiting_in_a_thread_keeps_the_pace_and_the_due_times(session: murmur.Session) -> None:
    class Calls(Paced):
        def start(self, user: murmur.User) -> None:
            for _ in range(5):
                permit = self.pace.wait()
                time.sleep(0.05)
                with user.timer("call"):
                    pass
                user.count("due", permit.due_at <= permit.granted_at)  # type: ignore[attr-defined]

    run = session.do(Calls, 4, user_rate=AT_ONCE, end_when_idle=True)
    assert run.wait(timeout=60).users["gone"] == 4

    actions = run.results.actions.sort_values("due_at")
    assert len(actions) == 20
    assert actions["response_time"].min() >= 0.05
    between = actions["due_at"].diff().dropna()
    assert between.min() >= 0.05 - 1e-6
    assert between.median() == pytest.approx(0.05, abs=0.001)
    # No permit is lost but those that the throttle tells of, which a busy machine had it skip.
    told = run.results.throttles.query("name == 'pace'")[["skipped", "unasked"]].to_numpy().sum()
    assert between.sum() <= (19 + told) / 20 + 0.02
    assert run.results.users["outcome"].tolist() == ["finished"] * 4


def test_a_permit_of_a_coroutine_that_the_thread_waits_for_is_the_thread_s(
    session: murmur.Session,
) -> None:
    class Client(Paced):
        def start(self, user: murmur.User) -> None:
            end = threading.Event()

            def network() -> None:
                while not end.wait(0.02):
                    user.record("arrival", 0.001)

            thread = threading.Thread(target=network)
            thread.start()
            for _ in range(5):
                anyio.from_thread.run(self.pace.wait)  # type: ignore[arg-type]
                time.sleep(0.1)
                with user.timer("publish"):
                    pass
            end.set()
            thread.join()

    run = session.do(Client, 1, user_rate=AT_ONCE, end_when_idle=True)
    run.wait(timeout=60)

    times = run.results.actions.groupby("name", observed=True)["response_time"]
    assert times.min()["publish"] >= 0.1
    assert times.max()["arrival"] == pytest.approx(0.001)


def test_all_words_block_and_leaving_ends_them(session: murmur.Session) -> None:
    class Words(Paced):
        def start(self, user: murmur.User) -> None:
            group = self.meeting.gather(user, 4)
            assert len(group) == 4  # type: ignore[arg-type]
            self.meeting.add(user)
            user.send(user.id)
            assert user.receive() == user.id
            assert user.wait_for(anyio.sleep(0.01)) is None
            with pytest.raises(TimeoutError):
                user.wait_for(anyio.sleep(10), timeout=0.05)
            with self.gate:
                self.inside += 1
                self.most = max(self.most, self.inside)
                time.sleep(0.02)
                self.inside -= 1
            murmur.count("all words")
            [self.stay, self.await_message, self.queue, self.meet][user.id - 1](user)

        def stay(self, user: murmur.User) -> None:
            user.sleep(100)

        def await_message(self, user: murmur.User) -> None:
            user.receive()

        def queue(self, user: murmur.User) -> None:
            for _ in range(10_000):
                self.pace.wait()

        def meet(self, user: murmur.User) -> None:
            self.meeting.gather(user, 2)

    run = session.do(Words, 4, user_rate=AT_ONCE, grace=600.0)
    deadline = time.monotonic() + 60
    while run.results.counters["total"].max() != 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    session.stop()
    run.wait(timeout=60)  # of the 600 s that nobody needed

    assert run.results.users["outcome"].tolist() == ["left"] * 4
    assert run.results.users["reason"].isna().all()


def test_other_async_words_say_what_to_write_and_make_no_coroutine(
    session: murmur.Session,
) -> None:
    caught: list[str] = []

    class Wrong(Paced):
        def start(self, user: murmur.User) -> None:
            for word in (
                lambda: murmur.throttle("pace"),
                lambda: murmur.coordinator("meeting"),
                lambda: murmur.connect_json(user, "127.0.0.1", 1),
                lambda: self.pace.change_rate(rate=1),
                self.meeting.stop,
                user.leaving.wait,
                lambda: user.iterate(None),  # type: ignore[arg-type]
                lambda: user.http.get("http://127.0.0.1:1/"),
                lambda: murmur.Timetable().every(1, "x").follow(user),
            ):
                with pytest.raises(WrongThreadError) as error:
                    word()
                caught.append(str(error.value))

        async def terminate(self) -> None:
            with pytest.raises(WrongThreadError, match="async with"), self.gate:
                pass

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = session.do(Wrong, 1, user_rate=AT_ONCE, end_when_idle=True)
        run.wait(timeout=60)

    assert run.results.users["outcome"].tolist() == ["finished"]
    assert len(caught) == 9
    assert "anyio.from_thread.run(throttle.change_rate, ...)" in caught[3]


def test_a_thread_that_waits_with_us_is_called_back_and_not_left_behind(
    session: murmur.Session,
) -> None:
    here = threading.Semaphore(0)

    class Stubborn(Paced):
        def start(self, user: murmur.User) -> None:
            here.release()
            try:
                user.sleep(100)
            except murmur.Leaving:
                anyio.from_thread.run(anyio.sleep, 0)
                user.run.native  # noqa: B018 - a thread may look
            self.block(user)

        def block(self, user: murmur.User) -> None:
            time.sleep(30 if user.id == 2 else 0.0)

    run = session.do(Stubborn, 2, user_rate=AT_ONCE, grace=0.3)
    assert here.acquire(timeout=60)
    assert here.acquire(timeout=60)
    session.stop()
    run.wait(timeout=60)

    users = run.results.users
    assert users["outcome"].tolist() == ["left", "killed"]
    assert users["reason"].tolist()[1] == "its thread still runs"


def seconds_of_arithmetic() -> float:
    """Hold the GIL, as a cell of a notebook may, for a second on an idle machine."""
    began = time.monotonic()
    sum(range(60_000_000))
    return time.monotonic() - began


def test_five_hundred_blocking_users_fit_on_a_node(session: murmur.Session) -> None:
    class Many(murmur.Scenario):
        async def init(self) -> None:
            self.pace = await murmur.throttle("pace", rate=200, interval=1)

        def start(self, user: murmur.User) -> None:
            while True:
                self.pace.wait()
                with user.timer("call"):
                    pass

    alone = seconds_of_arithmetic()
    run = session.do(Many, 500, user_rate=AT_ONCE)
    deadline = time.monotonic() + 60
    while len(run.results.actions) <= 400:  # two seconds of an idle machine
        assert time.monotonic() < deadline
        time.sleep(0.5)
    # The best of five: other programs may have begun meanwhile.
    beside = min(seconds_of_arithmetic() for _ in range(5))
    session.stop()
    run.wait(timeout=60)

    results = run.results
    assert (results.users["outcome"] == "left").all()
    granted = int(results.throttles.query("name == 'pace'")["granted"].sum())
    assert granted == len(results.actions)
    due_at = results.actions["due_at"].sort_values().to_numpy()
    assert (due_at[200:] - due_at[:-200] >= 1 - 1e-6).all()  # never above the rate
    # All that wait for the GIL ask for it again and again: it was eight times as long.
    assert beside < 4 * alone + 1


def test_an_init_that_hangs_in_its_thread_is_told_with_the_line() -> None:
    gate = threading.Event()

    class Hangs(murmur.Scenario):
        """Opens something for ever."""

        def init(self) -> None:
            gate.wait(60)

        def start(self, user: murmur.User) -> None: ...

    with murmur.Session(callback_timeout=1) as session:
        try:
            with pytest.raises(WaitTimeoutError) as told:
                session.do(Hangs, 1)
        finally:
            gate.set()

    line = Hangs.init.__code__.co_firstlineno + 1
    assert f"it was still at {__file__}:{line}; give it longer" in str(told.value)
