"""Counts and times by name and span; what is known for good is asked for once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from murmur.results import parse_check
from murmur.results.checks import Measured, judge_check


class CountingSource:
    """Passes everything on, and counts the histograms that are asked for."""

    def __init__(self, source) -> None:
        self._source = source
        self.asked = 0
        self.late = 0.0

    def __getattr__(self, name: str):
        return getattr(self._source, name)

    def whole(self, *args, **kwargs):
        self.asked += 1
        return self._source.whole(*args, **kwargs)

    def elapsed(self) -> float:
        return self._source.elapsed() + self.late


@pytest.fixture
def source(results) -> CountingSource:
    return CountingSource(results.source)


def test_counts_are_of_names_and_spans(source):
    measured = Measured(source)

    assert measured.names == ("echo", "login")
    assert measured.tally(["echo"], 0.0, float("inf")) == (3, 0)
    assert measured.tally(["echo", "login"], 1.0, 2.0) == (2, 1)
    assert measured.tally(["echo"], 5.0, 9.0) == (0, 0)
    assert measured.kept_from == 0.0


def test_times_of_several_names_are_merged(source):
    times = Measured(source).times("response", ["echo", "login"], 0.0, float("inf"))

    assert times.count == 3  # the login failed
    assert times.max == 0.75


def test_users_are_counted_by_outcome(source):
    users = Measured(source).users

    assert users == {"failed": 1, "finished": 1, "left": 1, "here": 2, "dropped": 2}


def test_windows_that_are_over_are_judged_once(source):
    check = parse_check("p99(echo) < 1 in every 1s window")
    memory: dict[tuple[str, float], float] = {}
    judge_check(check, Measured(source, memory))
    young = source.asked
    source.late = 60.0  # nothing happens for a minute
    judge_check(check, Measured(source, memory))
    old = source.asked
    judge_check(check, Measured(source, memory))

    assert young == 2
    assert len(memory) == 32
    assert old == 4
    assert source.asked == old


def test_what_is_no_longer_kept_is_not_known(source):
    class Forgetful(CountingSource):
        def summary(self):
            summary = self._source.summary()
            actions = [replace(action, count=action.count + 100) for action in summary.actions]
            return replace(summary, actions=tuple(actions))

        def frame(self, name: str):
            frame = self._source.frame(name)
            return frame[frame["window_at"] >= 1] if name == "windows" else frame

    measured = Measured(Forgetful(source))
    part = judge_check(parse_check("count(echo) > 0 before 2s"), measured)

    assert not part.holds
    assert part.reason == "windows are kept from 1 s on only"
    assert judge_check(parse_check("count(echo) == 103"), measured).holds
    assert judge_check(parse_check("count(echo) > 0 after 1s"), measured).holds
