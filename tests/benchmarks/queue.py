"""A queue that theory knows: ``python -m tests.benchmarks.queue``.

Jobs come eight times a second, at random (``arrivals="poisson"``), to one server that takes
a tenth of a second on average, exponentially distributed, and serves first come, first
served: M/M/1.  Their response time is exponential with the rate 10 - 8 a second, so its mean
is 0.5 s and its 99th percentile 2.303 s.  Time is virtual, seeds are fixed.

*One node*: a scenario as users write it, in a rehearsal; the figures are those of
`results.histogram()`.  *Three nodes*: real steering and node sides of the throttle over
scripted links, whose clocks are off; the times of grants go through Lindley's rule.

At the utilisation r the mean of n jobs has the relative standard error
sqrt(r (2 + 5r - 4r^2 + r^3) / n) / (1 - r), after Whitt (1989): 2.3 % of 150,000, 0.9 % of
a million.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator

import anyio
import numpy as np

import murmur
from murmur.testing import rehearse
from tests.throttles.shared.scripted_leases import Link, ScriptedCluster

ARRIVALS, SERVICE = 8.0, 10.0  # per second
MEAN = 1 / (SERVICE - ARRIVALS)
P99 = MEAN * math.log(100)
INTERVALS = (1.0, 60.0, 3600.0)
OFFSETS = (-30.0, 0.0, 70.0)
"""Seconds by which the clocks of the three nodes are ahead."""

SETTLING = 10.0
"""Seconds until the nodes have their leases."""


class Queue(murmur.Scenario):
    """One server, first come first served."""

    async def init(self) -> None:
        self.random = random.Random(11)

    async def start(self, user: murmur.User) -> None:
        permits = await murmur.throttle(
            "jobs", rate=ARRIVALS * self.interval, interval=self.interval, arrivals="poisson"
        )
        come, jobs = anyio.create_memory_object_stream[float](math.inf)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.serve, user, jobs)
            with come:
                for _ in range(self.jobs):
                    permit = await permits.wait()
                    come.send_nowait(permit.due_at)

    async def serve(self, user: murmur.User, jobs: AsyncIterator[float]) -> None:
        async for due_at in jobs:
            with user.timer("job", due_at=due_at):
                await anyio.sleep(self.random.expovariate(SERVICE))


def on_one_node(interval: float, jobs: int) -> tuple[int, float, float, float]:
    """Return how many jobs there were, how many a second, mean and 99th percentile."""
    scenario = type("Queue", (Queue,), {"interval": interval, "jobs": jobs})
    results = rehearse(scenario, 1, user_rate=math.inf, duration=1e9, seed=1)
    took = results.histogram(name="job")
    return took.count, took.count / results.elapsed, took.mean, took.quantile(0.99)


def on_three_nodes(interval: float, jobs: int) -> tuple[int, float, float, float]:
    """See `on_one_node`."""
    cluster = ScriptedCluster(seed=1)
    for number, offset in enumerate(OFFSETS):
        node = cluster.join(
            f"n{number}",
            Link(offset=offset, late=0.0),
            rate=ARRIVALS * interval,
            interval=interval,
            arrivals="poisson",
        )
        node.users(2)  # who had a permit asks again at once, and another waits meanwhile
    since = cluster.now + SETTLING
    cluster.run(SETTLING + jobs / ARRIVALS)
    times = np.array([at for at, _ in cluster.grants if at >= since])
    services = np.random.default_rng(1).exponential(1 / SERVICE, len(times))
    waits = np.concatenate([[0.0], np.cumsum(services[:-1] - np.diff(times))])
    took = waits - np.minimum.accumulate(waits) + services
    rate = len(times) / (times[-1] - times[0])
    return len(times), rate, float(took.mean()), float(np.quantile(took, 0.99))


def lines(nodes: int, intervals: list[float], jobs: int) -> Iterator[str]:
    """Yield the rows of the table."""
    measure = on_one_node if nodes == 1 else on_three_nodes
    for interval in intervals:
        began = time.process_time()
        count, rate, mean, p99 = measure(interval, jobs)
        yield (
            f"| {nodes} | {interval:,.0f} s | {count:,} | {rate:.3f}/s | "
            f"{mean:.4f} s ({mean / MEAN - 1:+.1%}) | {p99:.3f} s ({p99 / P99 - 1:+.1%}) | "
            f"{time.process_time() - began:,.0f} s |"
        )


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--jobs", type=int, default=150_000, help="for each row; a million take ten minutes"
    )
    parser.add_argument("--nodes", type=int, nargs="+", choices=(1, 3), default=[1, 3])
    parser.add_argument("--intervals", type=float, nargs="+", default=INTERVALS, metavar="SECONDS")
    given = parser.parse_args(arguments)
    sys.stdout.write("| nodes | interval | jobs | reached | mean | 99th percentile | CPU |\n")
    for nodes in given.nodes:
        for line in lines(nodes, given.intervals, given.jobs):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
