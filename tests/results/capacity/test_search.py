"""A search finds limits that are known, from answers that are noisy, and says how sure it is."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from murmur.results.capacity import Search, fitted

SERVERS = 100.0  # 1/s that a server of the queues below serves


def responses(arrivals: float, count: int, draw: np.random.Generator, *, kind: str) -> np.ndarray:
    """Return response times of one queue, first come, first served (Lindley, 1952)."""
    at = np.cumsum(draw.exponential(1 / arrivals, count))
    if kind == "M/M/4":
        return _of_four(at, draw.exponential(4 / SERVERS, count))
    fixed = kind == "M/D/1"
    times = np.full(count, 1 / SERVERS) if fixed else draw.exponential(1 / SERVERS, count)
    # Who arrives n-th is served when all since the last idle moment are.
    done = np.cumsum(times)
    return done + np.maximum.accumulate(at - (done - times)) - at


def _of_four(at: np.ndarray, times: np.ndarray) -> np.ndarray:
    free = np.zeros(4)
    found = np.empty(len(at))
    for number in range(len(at)):
        place = int(free.argmin())
        free[place] = max(at[number], free[place]) + times[number]
        found[number] = free[place] - at[number]
    return found


def true_limit(kind: str, limit: float) -> float:
    """Return the arrival rate at which the 99th percentile reaches `limit`."""
    if kind == "M/M/1":  # the response time is exponential with the rate mu - lambda
        return SERVERS - math.log(100) / limit
    draw = np.random.default_rng(1)
    low, high = 0.3 * SERVERS, 0.995 * SERVERS
    for _ in range(12):
        middle = (low + high) / 2
        long = responses(middle, 400_000, draw, kind=kind)[20_000:]
        low, high = (middle, high) if np.quantile(long, 0.99) < limit else (low, middle)
    return (low + high) / 2


def searched(kind: str, limit: float, seed: int, *, requests: int = 8_000) -> Search:
    draw = np.random.default_rng(seed)
    search = Search(SERVERS / 10)
    while (load := search.next_load()) is not None:
        seen = responses(load, requests + 500, draw, kind=kind)[500:]
        search.take(load, "holds" if np.quantile(seen, 0.99) < limit else "fails")
    return search


def test_a_search_of_a_queue_finds_its_limit() -> None:
    truth = true_limit("M/M/1", 0.25)  # 81.6 a second of 100
    assert truth == pytest.approx(81.58, abs=0.01)

    searches = [searched("M/M/1", 0.25, seed) for seed in range(40)]

    inside = [low <= truth <= high for low, high in (one.interval() for one in searches)]
    widths = [high / low - 1 for low, high in (one.interval() for one in searches)]
    assert sum(inside) >= 36  # 38 are expected, 36 have a chance of 95 %
    assert np.median(widths) <= 0.15
    assert max(len(one.asked) for one in searches) <= 14


@pytest.mark.parametrize("limit", [1.0, 17.3, 64.0, 999.0, 40_000.0])
def test_exact_answers_lead_to_the_limit(limit: float) -> None:
    search = answered(Search(1.0, most=30), lambda load: load <= limit)

    low, high = search.interval()
    assert search.ended == "found"
    assert low <= limit <= high
    assert high / low <= 1.1


def test_users_are_whole() -> None:
    search = answered(Search(1, whole=True), lambda load: load <= 13)

    assert all(one.load == int(one.load) for one in search.asked)
    low, high = search.interval()
    assert low <= 13 <= high
    assert high - low <= 2


def test_what_never_held_and_what_was_not_reached_are_said() -> None:
    never = answered(Search(10.0), lambda load: False)
    always = answered(Search(10.0, 100.0), lambda load: True)

    assert (never.ended, [one.load for one in never.asked]) == ("never held", [10.0, 10.0])
    assert always.ended == "not reached"
    assert max(one.load for one in always.asked) == 100.0


def test_a_generator_that_gives_no_answer_is_the_limit_and_no_bound() -> None:
    search = Search(10.0)
    while (load := search.next_load()) is not None:
        search.take(load, "holds" if load <= 100 else "no answer")

    assert search.ended == "generator"
    assert [one.answer for one in search.asked[-2:]] == ["no answer", "no answer"]
    assert max(one.load for one in search.asked if one.answer == "holds") >= 80


@pytest.mark.parametrize(("low", "high"), [(0, None), (-1, None), (10, 5), (10, math.inf)])
def test_ends_that_make_no_sense_are_refused(low: float, high: float | None) -> None:
    with pytest.raises(ValueError, match="low"):
        Search(low, high)


def answered(search: Search, holds: Callable[[float], bool]) -> Search:
    while (load := search.next_load()) is not None:
        search.take(load, "holds" if holds(load) else "fails")
    return search


def test_the_law_of_scalability_is_found_in_data_drawn_from_it() -> None:
    load = np.array([1.0, 2, 4, 8, 12, 16, 24, 32, 48, 64])
    truth = (100.0, 0.05, 0.0008)
    draw = np.random.default_rng(11)
    inside = np.zeros(3)
    for _ in range(200):
        exact = truth[0] * load / (1 + truth[1] * (load - 1) + truth[2] * load * (load - 1))
        *found, peak = fitted(load, exact * (1 + 0.02 * draw.standard_normal(len(load))))
        inside += [one.low <= value <= one.high for one, value in zip(found, truth, strict=True)]

    assert (inside >= 200 * 0.9).all()  # of 95 % intervals; 180 of 200 is three errors below
    assert peak == pytest.approx(math.sqrt(0.95 / 0.0008), rel=0.3)
    with pytest.raises(ValueError, match="four"):
        fitted(load[:3], load[:3])
