"""A search finds limits that are known, from answers that are noisy, and says how sure it is."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from murmur.results.capacity import Search, fitted


def benchmark() -> ModuleType:
    """Return the benchmark whose queues are searched here as well, a few times."""
    path = Path(__file__).parents[2] / "benchmarks" / "searches.py"
    spec = spec_from_file_location("murmur_searches", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


SEARCHES = benchmark()
QUEUES = SEARCHES.QUEUES


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.name)
def test_a_search_of_a_queue_finds_its_limit(queue: Any) -> None:
    limit = queue.limit()
    searches = [SEARCHES.search_of(queue, seed, 8_000) for seed in range(8)]

    inside = [low <= limit <= high for low, high in (one.interval() for one in searches)]
    widths = [high / low - 1 for low, high in (one.interval() for one in searches)]
    assert sum(inside) >= 6  # of intervals of 95 %; fewer have a chance of 0.6 %
    assert np.median(widths) <= 0.15
    assert max(len(one.asked) for one in searches) <= 14


def test_the_limits_are_those_of_the_laws_of_queues() -> None:
    # The response time of M/M/1 is exponential with the rate mu - lambda.
    assert QUEUES[0].limit() == pytest.approx(100 - math.log(100) / 0.25, abs=0.01)
    for queue in QUEUES[1:]:
        draw = np.random.default_rng(1)
        slow = queue.responses(queue.limit(), 400_000, draw)[5_000:] > queue.asked
        assert slow.mean() == pytest.approx(0.01, abs=0.004)


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
    assert fitted(load, 100 / load)[-1] == 1.0  # it only falls
    with pytest.raises(ValueError, match="four"):
        fitted(load[:3], load[:3])
