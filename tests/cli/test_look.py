"""What a look at a run says, from its record."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from murmur._cli._look import Watch
from murmur._session import IDLE, Observation
from murmur.recording import LiveView, RunRecord
from murmur.results import Results, parse_check
from murmur.telemetry import Recorder


class FakeRun:
    """A run whose record a test fills; time is what the test says."""

    def __init__(self) -> None:
        self._record = RunRecord("r1", 0.0, 0.0)
        self._live = LiveView(self._record)
        self.elapsed = 0.0
        self.results = Results(self._record)
        self.node = Recorder(
            node="n1", started_at=0.0, wall_started_at=0.0, now=lambda: self.elapsed
        )

    def observe(self):
        status = replace(IDLE, elapsed=self.elapsed)
        return Observation(status=status, recent=self._live.recent(self.elapsed))

    def pass_to(self, elapsed: float) -> None:
        self.elapsed = elapsed
        self._record.add(self.node.seal())

    def nap(self, second: int, seconds: float, name: str = "nap", error=None) -> None:
        self.node.action(name, 1, second, second, second + seconds, error)


@pytest.fixture
def run() -> FakeRun:
    return FakeRun()


def watch(run: FakeRun, *checks: str, abort_on: tuple[str, ...] = ()) -> Watch:
    return Watch(run, [*map(parse_check, checks)], [*map(parse_check, abort_on)])


def test_totals_are_of_the_run_and_times_of_the_last_seconds(run):
    watched = watch(run)
    for second in range(100):
        run.nap(second, 0.1 if second < 50 else 0.4, error=OSError("no") if second == 3 else None)
        if second % 10 == 9:
            run.pass_to(second + 1)
            look = watched.look()

    nap = look.actions[0]
    assert (nap.name, nap.count, nap.failed) == ("nap", 100, 1)
    assert nap.rate == 1.0
    assert nap.p50 == pytest.approx(0.4, rel=0.01)
    assert look.total.count == 100


def test_actions_stand_in_alphabetical_order_and_are_summed_up(run):
    for second in range(4):
        run.nap(second, 0.1, "b")
        run.nap(second, 0.3, "a")
    run.pass_to(4)
    look = watch(run).look()

    assert [action.name for action in look.actions] == ["a", "b"]
    assert look.total.count == 8
    assert look.total.rate == 2.0
    assert look.total.p95 == pytest.approx(0.3, rel=0.01)


def test_before_anything_happened_nothing_is_known(run):
    look = watch(run, "count > 1").look()

    assert look.actions == ()
    assert math.isnan(look.lag)
    assert not look.is_saturated
    assert [check.holds for check in look.checks] == [False]


def test_the_worst_lag_of_late_counts(run):
    looks = []
    for second, lag in enumerate([0.2, *[0.001] * 20]):
        run.node.health(second + 1.0, [lag] * 3, 0.25, 1e8, saturated=False)
        run.pass_to(second + 1)
        looks.append(watch(run).look())
    early, late = looks[2], looks[-1]

    assert early.is_saturated
    assert not late.is_saturated
    assert late.cpu == 0.25


def test_the_most_frequent_errors_are_told(run):
    for second, error in enumerate([OSError("a"), OSError("b"), OSError("b"), None]):
        run.nap(second, 0.1, error=error)
    run.pass_to(4)

    assert watch(run).look().errors == (("nap", "OSError: b", 2), ("nap", "OSError: a", 1))


def test_the_reasons_why_users_failed_are_told_first(run):
    for _ in range(3):
        run.node.user_failed("Chat", OSError("refused"))
    run.node.user_failed("Chat", KeyError("x"))
    run.nap(0, 0.1, error=OSError("a"))
    run.pass_to(1)

    assert watch(run).look().errors == (
        ("user Chat", "OSError: refused", 3),
        ("user Chat", "KeyError: 'x'", 1),
        ("nap", "OSError: a", 1),
    )


def test_what_ends_the_run_is_noted_once_it_holds(run):
    watched = watch(run, abort_on=("failed > 40%", "count > 100"))
    run.nap(0, 0.1)
    run.pass_to(1)
    watched.look()
    before = watched.aborted_by
    run.nap(1, 0.1, error=OSError("no"))
    run.pass_to(2)
    watched._stock_at = 0.0  # as if some time had passed
    watched.look()

    assert before == ()
    assert [str(each.check) for each in watched.aborted_by] == ["failed > 40%"]


def test_checks_that_cannot_be_judged_are_a_problem_until_they_can(run, monkeypatch):
    monkeypatch.setattr("murmur._cli._look.monotonic", lambda: run.elapsed)
    run.nap(0, 0.1)
    run.pass_to(1)
    watched = watch(run, "count > 0", abort_on=("count > 5",))
    assert [check.holds for check in watched.look().checks] == [True]

    def fault(*_: object, **__: object) -> None:
        raise IndexError("the fault")

    run.pass_to(3)
    with monkeypatch.context() as patch:
        patch.setattr("murmur._cli._look.checked", fault)
        look = watched.look()
    for second in range(6):
        run.nap(second, 0.1)
    run.pass_to(7)
    after = watched.look()

    assert look.checks == ()  # what held before is not known to hold now
    [problem] = look.status.problems
    assert problem == "the checks cannot be judged: IndexError: the fault; it is tried again"
    assert look.total.count == 1
    assert ([check.holds for check in after.checks], after.status.problems) == ([True], ())
    assert [str(each.check) for each in watched.aborted_by] == ["count > 5"]
