"""Calibration of searches for capacity: how often the interval holds a limit that is known.

    python -m tests.benchmarks.searches [--searches 100] [--requests 2000 ...] [--first 10000]

A step is a queue whose arrivals and service times are drawn; its time is virtual.  The true
limit, the arrival rate at which the 99th percentile of response time reaches what the check
asks, follows from the queue's own law.  One line is one queue:

    inside    % of searches whose interval of 95 % holds the true limit
    width     median width of the intervals, relative to their lower end
    steps     median and most of a search
    found     % of searches that ended because the interval was as narrow as asked

With 100 searches of 2,000, 8,000 and 16,000 requests a step it takes some minutes of one core;
the table in docs/explanation/calibration.md is of it.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass

import numpy as np

from murmur.results.capacity import Search, crowding

__all__ = ["QUEUES", "Queue", "search_of"]

SERVED = 100.0
"""Requests a second that all servers of a queue serve together."""

FILLING = 500
"""Requests at the beginning of a step that are not judged: the queue fills up."""

FRESH = 10_000
"""First seed: the constants of the search were chosen on seeds below."""


@dataclass(frozen=True)
class Queue:
    """A queue, first come, first served, with Poisson arrivals.

    Attributes
    ----------
    name : str
        After Kendall.
    servers : int
        How many there are.
    is_fixed : bool
        Whether every service takes as long; exponential otherwise.
    asked : float
        Seconds that the 99th percentile of response time may have.
    """

    name: str
    servers: int
    is_fixed: bool
    asked: float

    def responses(
        self, arrivals: float, count: int, draw: np.random.Generator
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return the response times of `count` requests that come so many a second."""
        mean = self.servers / SERVED
        at = np.cumsum(draw.exponential(1 / arrivals, count))
        times = np.full(count, mean) if self.is_fixed else draw.exponential(mean, count)
        if self.servers == 1:  # Lindley 1952
            done = np.cumsum(times)
            return done + np.maximum.accumulate(at - (done - times)) - at
        free = [0.0] * self.servers
        found = np.empty(count)
        for number, (came, takes) in enumerate(zip(at.tolist(), times.tolist(), strict=True)):
            first = min(free)
            ends = max(first, came) + takes
            free[free.index(first)] = ends
            found[number] = ends - came
        return found

    def slow(self, arrivals: float) -> float:
        """Return the share of requests that take longer than asked, in the long run."""
        if self.is_fixed:
            return self._slow_of_fixed(arrivals)
        return self._slow_of_exponential(arrivals)

    def limit(self) -> float:
        """Return the arrival rate at which one request of a hundred takes longer."""
        low, high = 0.0, SERVED
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.slow(middle) < 0.01 else (low, middle)
        return low

    def _slow_of_exponential(self, arrivals: float) -> float:
        """Follow Erlang (1917): who waits at all waits exponentially, and is then served."""
        each = SERVED / self.servers
        offered = arrivals / each
        waits = math.factorial(self.servers - 1) * sum(
            offered ** (number - self.servers) / math.factorial(number)
            for number in range(self.servers)
        )
        waits = 1 / (1 + (self.servers - offered) * waits) if arrivals else 0.0
        leaving = SERVED - arrivals
        alone = math.exp(-each * self.asked)
        if math.isclose(each, leaving):
            return alone * (1 + waits * each * self.asked)
        after = (each * math.exp(-leaving * self.asked) - leaving * alone) / (each - leaving)
        return (1 - waits) * alone + waits * after

    def _slow_of_fixed(self, arrivals: float) -> float:
        """Follow Crommelin (1932), for one server."""
        takes = 1 / SERVED
        waits = self.asked - takes
        terms = (
            (-arrivals * (waits - number * takes)) ** number
            / math.factorial(number)
            * math.exp(arrivals * (waits - number * takes))
            for number in range(math.floor(waits / takes + 1e-9) + 1)
        )
        return 1 - (1 - arrivals * takes) * math.fsum(terms)


QUEUES = (
    Queue("M/M/1", 1, is_fixed=False, asked=0.25),
    Queue("M/M/4", 4, is_fixed=False, asked=0.3),
    Queue("M/D/1", 1, is_fixed=True, asked=0.105),
)


def search_of(queue: Queue, seed: int, requests: int) -> Search:
    """Return a search that is over: it began at a quarter of what the servers serve."""
    draw = np.random.default_rng(seed)
    search = Search(SERVED / 4)
    while (load := search.next_load()) is not None:
        seen = queue.responses(load, requests + FILLING, draw)[FILLING:]
        answer = "holds" if np.quantile(seen, 0.99) < queue.asked else "fails"
        search.take(load, answer, len(seen) * 0.01 / crowding(seen))
    return search


def measure(queue: Queue, searches: int, requests: int, first: int) -> str:
    """Return a line of the table."""
    limit = queue.limit()
    done = [search_of(queue, seed, requests) for seed in range(first, first + searches)]
    spans = [one.interval() for one in done]
    inside = sum(low <= limit <= high for low, high in spans)
    below = sum(high < limit for _, high in spans)
    width = np.median([high / low - 1 for low, high in spans])
    steps = [len(one.asked) for one in done]
    found = sum(one.ended == "found" for one in done)
    return (
        f"{queue.name:6} p99 < {queue.asked * 1000:3.0f} ms {requests:8,} {limit:7.2f}/s "
        f"{inside / searches:7.0%} {below:6} {searches - inside - below:6} {width:7.1%} "
        f"{np.median(steps):4.0f} {max(steps):5} {found / searches:6.0%}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=100, help="for each line")
    parser.add_argument("--requests", type=int, nargs="+", default=[2_000, 8_000, 16_000])
    parser.add_argument("--first", type=int, default=FRESH, help="the first seed")
    given = parser.parse_args()
    began = time.monotonic()
    tell("queue  check        requests   limit   inside  below  above   width steps  most  found")
    for requests in given.requests:
        for queue in QUEUES:
            tell(measure(queue, given.searches, requests, given.first))
    tell(f"{given.searches} searches a line, {time.monotonic() - began:.0f} s")


def tell(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
