"""`Session.live` steers a run through traits, `Session.seen` follows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import anyio
import pytest
import traitlets
from traitlets import Float, Int, Unicode

import murmur
from murmur.errors import ConfigError


class Nap(murmur.Scenario):
    """Users nap."""

    pace = Float(0.25, min=0.05, max=10, help="seconds between naps").tag(live=True)
    even = Int(2, help="a number that is even").tag(live=True)
    token = Unicode("", help="what nobody sees").tag(live=True, secret=True)

    @traitlets.validate("even")
    def _check_even(self, proposal: dict[str, int]) -> int:
        if proposal["value"] % 2:
            raise traitlets.TraitError("must be even")
        return proposal["value"]

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("nap"):
                await user.sleep(0.02)
            await user.sleep(self.pace)


class Slider(traitlets.HasTraits):
    """A widget of somebody's own."""

    value = Float(0.0)


def wait_until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "nothing followed"
        time.sleep(0.02)


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as made:
        yield made


def test_what_can_be_seen_follows_the_run(session: murmur.Session) -> None:
    seen = session.seen
    shown = Slider()
    traitlets.dlink((seen, "running"), (shown, "value"))
    assert (seen.state, seen.running, seen.p99, seen.verdict) == ("idle", 0, None, "")
    assert seen.failed is None  # of nothing there is no share

    session.do(Nap, 5, user_rate=float("inf"))

    wait_until(lambda: shown.value == 5 and seen.p99 is not None and seen.verdict)
    wait_until(lambda: 0 < (seen.judged_at or 0) <= seen.elapsed)
    assert 0.01 < seen.p99 < 5
    assert seen.failed == 0
    assert seen.state == "running"
    assert seen.rate > 0
    session.stop()
    wait_until(lambda: seen.state == "finished" and shown.value == 0)


MAY_GO_ON = threading.Event()


class Stuck(murmur.Scenario):
    """The first user holds the loop until it has been seen."""

    async def start(self, user: murmur.User) -> None:
        for number in range(10_000):
            with user.timer("nap"):
                await user.sleep(0.02)
            if user.id == 1 and number == 100:
                MAY_GO_ON.wait(60)


def test_a_loop_that_is_held_does_not_look_as_though_all_went_on(session: murmur.Session) -> None:
    seen = session.seen
    session.do(Stuck, 5, user_rate=float("inf"))

    wait_until(lambda: seen.rate > 0 and seen.verdict)
    wait_until(lambda: seen.verdict == "")
    at, rate = seen.elapsed, seen.rate
    wait_until(lambda: seen.elapsed > at + 0.5 and seen.rate < rate)  # once a window is over
    MAY_GO_ON.set()
    wait_until(lambda: seen.verdict == "invalid")


def test_nothing_is_seen_of_a_run_that_was_reset(session: murmur.Session) -> None:
    seen = session.seen
    session.do(Nap, 5, user_rate=float("inf"))
    wait_until(lambda: seen.rate > 0 and seen.verdict and seen.p99 is not None)

    session.reset()

    wait_until(lambda: seen.state == "idle")
    assert (seen.rate, seen.failed, seen.p50, seen.p99, seen.elapsed) == (0, None, None, None, 0)
    assert (seen.verdict, seen.judged_at) == ("", None)
    session.do(Nap, 5, user_rate=float("inf"))
    wait_until(lambda: seen.rate > 0 and seen.verdict)


@pytest.mark.parametrize("is_awaited", [False, True])
def test_who_waited_for_the_end_sees_it(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch, is_awaited: bool
) -> None:
    monkeypatch.setattr("murmur._session._live.PERIOD", 3600.0)  # nothing but the wait looks
    seen = session.seen
    run = session.do(Nap, 3, user_rate=float("inf"))
    assert session.seen.state == "running"
    session.stop()

    async def end() -> None:
        await run

    if is_awaited:
        anyio.run(end)
    else:
        run.wait(60)

    assert (seen.state, seen.users) == ("finished", 0)
    assert seen.verdict == run.results.verdict.state


def test_the_last_look_is_at_the_end_of_the_session() -> None:
    with murmur.Session() as session:
        seen = session.seen
        session.do(Nap, 2, user_rate=float("inf"))
        wait_until(lambda: seen.running == 2)

    assert (seen.state, seen.users) == ("finished", 0)


def test_a_slider_steers_and_others_come_back(session: murmur.Session) -> None:
    run = session.do(Nap, 2, user_rate=float("inf"))
    slider = Slider()
    traitlets.link((session.live, "pace"), (slider, "value"))
    assert slider.value == 0.25

    slider.value = 0.5
    changes = run.results.changes
    assert list(zip(changes["what"], changes["new"], strict=True)) == [("pace", "0.5")]

    session.update(pace=0.75)
    wait_until(lambda: slider.value == 0.75)


def test_a_refused_value_is_put_back_and_its_error_goes_to_whoever_caused_it(
    session: murmur.Session,
) -> None:
    run = session.do(Nap, 1)
    slider, numbers = Slider(), session.live
    traitlets.link((session.live, "pace"), (slider, "value"))

    with pytest.raises(ConfigError, match="must be even"):
        numbers.even = 3  # type: ignore[attr-defined]
    assert numbers.even == 2  # type: ignore[attr-defined]
    with pytest.raises((ConfigError, traitlets.TraitError)):
        slider.value = 99.0
    wait_until(lambda: slider.value == 0.25)
    assert run.results.changes.empty


def test_no_secret_is_a_trait_and_a_next_run_keeps_the_links(session: murmur.Session) -> None:
    live = session.live
    assert live.trait_names() == []
    assert "none" in repr(live)

    session.do(Nap, 1)
    wait_until(lambda: "pace" in live.trait_names())
    assert "token" not in live.trait_names()
    slider = Slider()
    traitlets.link((live, "pace"), (slider, "value"))
    session.stop()
    session.run.wait(timeout=60)  # type: ignore[union-attr]
    session.do(Nap, 1, pace=1.5)

    wait_until(lambda: slider.value == 1.5)


def test_live_settings_are_there_as_soon_as_the_run_is(session: murmur.Session) -> None:
    """Whoever asked before the run, as a panel does, need not wait for the next look."""
    assert session.live.trait_names() == []

    session.do(Nap, 1, pace=0.5)

    assert session.live.pace == 0.5
    assert (session.throttles["user_rate"].rate, session.throttles["user_rate"].interval) == (
        1200,
        60,
    )


def test_what_a_person_sets_steers_while_others_are_told(session: murmur.Session) -> None:
    run = session.do(Nap, 2, user_rate=float("inf"))
    live = session.live
    is_told, is_set = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        is_told.set()
        is_set.wait(10)

    live.observe(hold, "even")
    session.update(even=4)
    assert is_told.wait(15)  # in the background, which tells of what the line above changed
    try:
        live.pace = 1.0
    finally:
        is_set.set()

    assert run.settings["pace"] == 1.0


def test_a_look_that_fails_is_told_and_does_not_end_the_looking(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen = session.seen
    session.do(Nap, 5, user_rate=float("inf"))
    wait_until(lambda: seen.rate > 0 and seen.verdict)

    def observe(**_: object) -> None:
        raise IndexError("the fault")

    with monkeypatch.context() as patch:
        patch.setattr(session, "observe", observe)
        wait_until(lambda: seen.problem)
        at = seen.elapsed
        assert "IndexError: the fault" in seen.problem
        wait_until(lambda: seen.elapsed > at and seen.verdict == "")

    wait_until(lambda: not seen.problem and seen.verdict)
    assert [line.message for line in caplog.records if "a look at the run raised" in line.message]
    session.stop()
    wait_until(lambda: seen.state == "finished")


def test_a_verdict_that_cannot_be_given_is_not_the_last_one(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = session.seen
    run = session.do(Nap, 5, user_rate=float("inf"))
    wait_until(lambda: seen.verdict)

    def judged() -> None:
        raise IndexError("the fault")

    with monkeypatch.context() as patch:
        patch.setattr(run, "judged", judged)
        wait_until(lambda: "the fault" in seen.problem)
        at = seen.elapsed
        wait_until(lambda: seen.elapsed > at)  # another look, which the verdict is not due for
        assert (seen.verdict, "the fault" in seen.problem) == ("", True)

    wait_until(lambda: seen.verdict and not seen.problem)


def test_a_session_that_cannot_be_reached_is_looked_at_until_it_can() -> None:
    with murmur.Session() as session:
        session.do(Nap, 2, user_rate=float("inf"))
        with murmur.attach(session.open(read_only=True)) as attached:
            seen = attached.seen
            wait_until(lambda: seen.running == 2 and seen.verdict)

            session.close()

            wait_until(lambda: seen.problem and seen.verdict == "")
