"""Poisson arrivals in front of one server: the mean response is that of the M/M/1 queue."""

from __future__ import annotations

import itertools
import random
from functools import partial

import numpy as np
import pytest

from murmur.throttles import Pacing, Pieces, Rate

ARRIVALS, SERVICE = 8.0, 10.0  # per second
JOBS = 200_000
SERVERS = 20
"""Service times are drawn so often for the same arrivals, which leaves their error alone."""


def arrivals(interval: float) -> np.ndarray:
    """Return when permits fall due while somebody always waits."""
    curve = Pieces.constant(Rate(ARRIVALS * interval, interval))
    pacing = Pacing(curve, 0.0, partial(random.Random(5).expovariate, 1.0))
    times, now = [], 0.0
    for _ in itertools.repeat(None, JOBS):
        due_at = None
        while due_at is None:
            now = max(now, pacing.next_at(now, now))
            due_at = pacing.take(now, now)
        pacing.settle(due_at, now)
        times.append(due_at)
    return np.array(times)


def mean_response(times: np.ndarray, services: np.ndarray) -> float:
    """Return what Lindley's rule gives: each job waits for what is left of those before it."""
    steps = np.concatenate([[0.0], np.cumsum(services[:-1] - np.diff(times))])
    return float((steps - np.minimum.accumulate(steps) + services).mean())


@pytest.mark.parametrize("interval", [1.0, 60.0])
def test_the_mean_response_is_that_of_the_theory(interval: float) -> None:
    """Hold the mean to 3 %, two standard errors.

    At the utilisation r the mean of n jobs has the relative standard error
    sqrt(r (2 + 5r - 4r^2 + r^3) / n) / (1 - r), after Whitt: 2 % here.  Half of its square
    is that of the services, and is averaged out: 1.5 % are left.
    """
    draws, times = np.random.default_rng(1), arrivals(interval)

    means = [mean_response(times, draws.exponential(1 / SERVICE, JOBS)) for _ in range(SERVERS)]
    assert np.mean(means) == pytest.approx(1 / (SERVICE - ARRIVALS), rel=0.03)
