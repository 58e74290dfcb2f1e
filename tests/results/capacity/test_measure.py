"""A step of a search says what the system did with its load, and whose doing it was if nothing."""

from __future__ import annotations

import math

import anyio
import pytest
from traitlets import Float, Unicode

import murmur
from murmur.recording import RunRecord
from murmur.results import Results, parse_check
from murmur.results.capacity import Capacity, Search, Step, step_of
from murmur.telemetry import Recorder
from murmur.testing import rehearse


class Shop(murmur.Scenario):
    """Ten users order one thing after the other, each in 50 ms; something may go wrong."""

    trouble = Unicode(help="what goes wrong")
    rate = Float(0.0, help="orders a second; 0: as many as users make")
    opens_after = Float(0.0, help="seconds that init takes")

    async def init(self) -> None:
        await anyio.sleep(self.opens_after)
        if self.rate:
            self.orders = await murmur.throttle("orders", rate=self.rate, interval=1)

    async def start(self, user: murmur.User) -> None:
        for number in range(10_000):
            if self.rate:
                await self.orders.wait()
            if self.trouble == "half die" and user.id > 5 and number > 20:
                raise ValueError("gone")
            if self.trouble == "all return" and number > 30:
                return
            try:
                with user.timer("order"):
                    hangs = self.trouble == "all hang" or (
                        self.trouble == "half hang" and user.id > 5 and number > 5
                    )
                    await user.sleep(1000 if hangs else 0.05)
                    if self.trouble == "all fail":
                        raise ConnectionError("refused")
            except ConnectionError:
                pass


def step(check: str, trouble: str = "", rate: float = 0.0, opens_after: float = 0.0) -> Step:
    """Return what seconds 1 to 6 of a load say; time is virtual."""
    options = {"user_rate": math.inf, "duration": 6, "trouble": trouble, "rate": rate}
    results = rehearse(Shop, 10, opens_after=opens_after, **options)
    throttle = "orders" if rate else None
    return step_of(results, parse_check(check), rate or 10, start=1, end=6, throttle=throttle)


@pytest.mark.parametrize("rate", [0.0, 100.0])
@pytest.mark.parametrize("opens_after", [2.2, 30.0])
def test_a_step_is_judged_from_when_init_is_done(rate: float, opens_after: float) -> None:
    """Ten users make 200 orders a second, or 100 with a throttle; within a percent of it."""
    seen = step("p99(order) < 100ms", rate=rate, opens_after=opens_after)

    assert seen.answer == "holds"
    assert seen.throughput == pytest.approx(rate or 200.0, rel=0.02)
    assert seen.users == 10


@pytest.mark.parametrize(
    ("check", "trouble", "answer", "blame", "reason"),
    [
        ("p99(order) < 100ms", "", "holds", "", ""),
        ("p99(order) < 40ms", "", "fails", "", ""),
        ("p99(order) < 100ms", "all fail", "fails", "", "none of 1,000 actions succeeded"),
        ("p99(order) < 100ms", "all hang", "fails", "", "at least"),
        ("failed(order) < 1%", "all hang", "fails", "", "no action that began has ended"),
        ("failed(order) < 5%", "half hang", "fails", "", "% of the users' time went into"),
        ("failed(order) == 0", "half hang", "fails", "", "5 that never ended count as failed"),
        ("p99(order) < 100ms", "half die", "fails", "", "for 49% of the time: they failed"),
        ("p99(order) < 100ms", "all return", "no answer", "nothing measured", "returned before"),
        ("p99(oder) < 100ms", "", "no answer", "nothing measured", "did you mean 'order'"),
    ],
)
def test_a_load_that_was_not_carried_never_holds(
    check: str, trouble: str, answer: str, blame: str, reason: str
) -> None:
    seen = step(check, trouble)

    assert (seen.answer, seen.blame) == (answer, blame), seen
    assert reason in seen.reason


def test_the_load_of_a_throttle_has_its_unit() -> None:
    taken = (step("p99(order) < 100ms", rate=150),)

    found = Capacity("p99(order) < 100ms", "orders", 150, 160, 155, 0.95, "found", taken)

    assert found.sentence == "p99(order) < 100ms holds up to 150 to 160 orders/s (95% sure)"
    assert "orders/s" in str(found.chart().to_dict()["concat"])


def test_permits_that_found_no_free_user_are_a_load_that_was_never_there() -> None:
    """Ten users of 50 ms make 200 a second, whatever the throttle would let through."""
    within, beyond = step("p99(order) < 100ms", rate=150), step("p99(order) < 100ms", rate=250)

    assert within.answer == "holds"
    assert beyond.answer == "fails"
    assert "20% of the permits found no free user" in beyond.reason


def test_the_window_in_which_a_step_is_stopped_says_nothing_of_its_load() -> None:
    """Users that were asked to leave at 3.5 s ask for none of the permits that fall due then."""
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for at in range(4):
        for part in range(10):
            due_at = at + part / 10
            recorder.action("order", 1, due_at, due_at, due_at + 0.05)
        unasked = 3 if at == 3 else 0
        account = {"due": 10, "requested": 10 - unasked, "granted": 10 - unasked}
        settings = {"rate": 10.0, "interval": 1.0, "unasked": unasked}
        recorder.throttle(at + 1, "orders", {**settings, **account})
    record = RunRecord("r", 0.0, 0.0)
    record.add(recorder.seal())
    record.reach(4.0)
    check = parse_check("p99(order) < 100ms")

    seen = step_of(Results(record), check, 10, start=1, end=3.5, throttle="orders")

    assert seen.answer == "holds", seen


def test_users_that_were_admitted_late_are_no_answer() -> None:
    results = rehearse(Shop, 10, user_rate=120, duration=6)  # the last comes after 4.5 s

    late = step_of(results, parse_check("p99(order) < 100ms"), 10, start=1, end=6, throttle=None)

    assert (late.answer, late.blame) == ("no answer", "generator")
    assert "admitted late" in late.reason


@pytest.mark.parametrize(
    ("reason", "blame", "says"),
    [
        ("loop lag", "generator", "not found below 40 users: the generator was the limit"),
        (
            "loop lag by other programs",
            "other programs",
            "not found below 40 users: other programs had the machine",
        ),
    ],
)
def test_the_answer_says_whose_doing_it_was(reason: str, blame: str, says: str) -> None:
    mute = step_of(
        saturated(reason), parse_check("p99(order) < 1s"), 40, start=1, end=6, throttle=None
    )
    steps = [*(held(load) for load in (10, 20)), mute]

    found = Capacity("p99(order) < 1s", "users", 20, 40, 30, 0.95, "generator", steps)

    assert (mute.answer, mute.blame) == ("no answer", blame)
    assert found.sentence.startswith(says)
    assert found.sentence.endswith("it held up to 20 users")


def test_one_user_is_said_as_one() -> None:
    """The text of an answer counts as a person does."""
    check = parse_check("p99(order) < 10ms")
    step = step_of(rehearse(Shop, 1, duration=2), check, 1, start=0, end=2, throttle=None)

    found = Capacity(check.text, "users", 0, 1, 0.5, 0.95, "never held", (step,))
    alone = Capacity(check.text, "users", 0, 1, 0.5, 0.95, "given up", (step,))

    assert found.sentence == "p99(order) < 10ms does not hold at 1 user"
    assert alone.sentence.startswith("given up after 1 step; ")


def test_a_search_for_an_action_that_nobody_timed_says_so() -> None:
    search, steps = Search(10, whole=True), []
    while (load := search.next_load()) is not None:
        steps.append(step("p99(oder) < 100ms"))
        search.take(load, "no answer")

    found = Capacity("p99(oder) < 100ms", "users", 1, 9, 3, 0.95, search.ended, steps)

    assert "no action is called 'oder'; did you mean 'order'" in found.sentence
    assert "generator" not in found.sentence


def test_actions_that_never_end_are_in_progress_all_the_same() -> None:
    """Ten users hang; Little's law then says that nothing flows."""
    hung = step("p99(order) < 100ms", "all hang")

    assert hung.busy == pytest.approx(10.0)
    assert (hung.throughput, math.isnan(hung.p50)) == (0.0, True)
    law = Capacity("p99(order) < 1s", "users", 1, 9, 3, 0.95, "found", [hung]).littles_law()
    assert law[["expected", "ratio"]].to_numpy().tolist() == [[0.0, math.inf]]


def test_response_times_of_a_step_are_those_of_actions_that_succeeded() -> None:
    """Failures are quick: to count them in would flatter a server that refuses."""
    assert math.isnan(step("failed(order) < 1%", "all fail").p99)
    assert step("failed(order) < 1%").p99 == pytest.approx(0.05, rel=0.03)


def test_a_sample_of_the_actions_stands_for_all_of_them() -> None:
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for number in range(600):
        at = number / 100
        recorder.action("order", 1, at, at, at + 0.5)
    recorder.user_gone(1, "left", None, 0.0, 0.0, 6.0)
    record = RunRecord("r", 0.0, 0.0, actions_bound=60)
    record.add(recorder.seal())

    check = parse_check("p99(order) < 1s")
    seen = step_of(Results(record), check, 1, start=1, end=6, throttle=None)

    assert seen.throughput == pytest.approx(100, rel=0.3)  # of 60 rows, some 50 are in there
    assert seen.goodput == seen.throughput
    assert seen.busy == pytest.approx(50, rel=0.3)


def test_a_check_of_a_part_has_the_throughput_of_its_action_and_no_goodput() -> None:
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for second in range(7):
        recorder.action("chat", 1, float(second), float(second), second + 0.5)
        recorder.span("chat", "first_event", float(second), second + 0.1)
    recorder.user_gone(1, "left", None, 0.0, 0.0, 7.0)
    record = RunRecord("r", 0.0, 0.0)
    record.add(recorder.seal())

    check = parse_check("p50(chat.first_event) < 1s")
    seen = step_of(Results(record), check, 1, start=1, end=6, throttle=None)

    assert (seen.throughput, math.isnan(seen.goodput)) == (1.0, True)


def test_the_fit_says_which_loads_it_left_out_because_nothing_ended() -> None:
    steps = [*(held(load) for load in (1, 2, 4, 8)), step("p99(order) < 1s", "all hang")]
    capacity = Capacity("p99(order) < 1s", "users", 1, 9, 3, 0.95, "found", steps)

    with pytest.warns(UserWarning, match="nothing ended at 10 users"):
        capacity.usl()


def saturated(reason: str) -> Results:
    """Return a run of one user whose node was late all the time."""
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for second in range(6):
        recorder.health(float(second), [0.2] * 20, 1.0, 1e8, saturated=True, reason=reason)
        recorder.action("order", 1, float(second), float(second), second + 0.01)
    recorder.user_gone(1, "left", None, 0.0, 0.0, 6.0)
    record = RunRecord("r", 0.0, 0.0)
    record.add(recorder.seal())
    return Results(record)


def held(load: float) -> Step:
    return Step(load, "holds", 0.01, "", 9.0, 9.0, 0.0, 0.01, 0.01, 1.0, 0.01, load, 5.0)
