"""Poisson arrivals in front of one server: response times are those of the M/M/1 queue.

``python -m tests.benchmarks.queue`` does the same with a million jobs, through a scenario.
"""

from __future__ import annotations

import math
import random
from functools import partial

import numpy as np
import pytest

from murmur.throttles import DrawnPacing, Pieces, Rate

from .shared.scripted_leases import Link, ScriptedCluster

ARRIVALS, SERVICE = 8.0, 10.0  # per second
SERVERS = 20
"""Service times are drawn so often for the same arrivals, which leaves their error alone."""


def arrivals(interval: float, jobs: int) -> np.ndarray:
    """Return when permits fall due while somebody always waits."""
    curve = Pieces.constant(Rate(ARRIVALS * interval, interval))
    pacing = DrawnPacing(curve, 0.0, partial(random.Random(5).expovariate, 1.0))
    times, now = [], 0.0
    for _ in range(jobs):
        due_at = None
        while due_at is None:
            now = max(now, pacing.next_at(now, now))
            due_at = pacing.take(now, now)
        pacing.settle(due_at, now)
        times.append(due_at)
    return np.array(times)


def arrivals_over_nodes(interval: float, seconds: float) -> np.ndarray:
    """Return when three nodes, whose clocks are off, grant a hundred times as much."""
    cluster = ScriptedCluster(seed=1)
    rate = 100 * ARRIVALS * interval
    for number, offset in enumerate((-30.0, 0.0, 70.0)):
        link = Link(up=1e-5, down=1e-5, offset=offset, late=0.0)
        node = cluster.join(f"n{number}", link, rate=rate, interval=interval, arrivals="poisson")
        node.users(2)  # who had a permit asks again, and another waits meanwhile
    since = cluster.now + 2.0  # by now all have their leases
    cluster.run(2.0 + seconds)
    return np.array([at for at, _ in cluster.grants if at >= since]) * 100


def responses(times: np.ndarray) -> np.ndarray:
    """Return what Lindley's rule gives: each job waits for what is left of those before it."""
    draws, found = np.random.default_rng(1), []
    for _ in range(SERVERS):
        services = draws.exponential(1 / SERVICE, len(times))
        steps = np.concatenate([[0.0], np.cumsum(services[:-1] - np.diff(times))])
        found.append(steps - np.minimum.accumulate(steps) + services)
    return np.concatenate(found)


def hold_to_theory(times: np.ndarray, within: float) -> None:
    """Assert mean and 99th percentile of an exponential with the rate mu - lambda.

    At the utilisation r the mean of n jobs has the relative standard error
    sqrt(r (2 + 5r - 4r^2 + r^3) / n) / (1 - r), after Whitt.  Half of its square is that of
    the services, and is averaged out.
    """
    took = responses(times)
    mean = 1 / (SERVICE - ARRIVALS)
    assert took.mean() == pytest.approx(mean, rel=within)
    assert np.quantile(took, 0.99) == pytest.approx(mean * math.log(100), rel=within)


def test_response_times_are_those_of_the_theory() -> None:
    hold_to_theory(arrivals(60.0, 200_000), within=0.03)  # two standard errors


def test_response_times_over_three_nodes_are_those_of_the_theory() -> None:
    times = arrivals_over_nodes(60.0, 250.0)

    assert len(times) == pytest.approx(200_000, rel=0.01)  # four standard errors of a count
    hold_to_theory(times, within=0.03)  # two standard errors


def test_arrivals_are_the_same_at_every_interval() -> None:
    for interval in (1.0, 3600.0):
        assert np.allclose(arrivals(interval, 5_000), arrivals(60.0, 5_000), atol=1e-6)
        over_nodes = (arrivals_over_nodes(each, 3.0) for each in (interval, 60.0))
        assert np.allclose(*over_nodes, atol=1e-4)
