"""How exactly, and at what price, throttles pace: ``python -m tests.benchmarks.throttle``.

1,000 users loop on `wait`.  *reached* is the share of the rate that was granted in the
measured time, *window* the largest count in any window of one interval as a share of the
rate (never above 100 %), *early* how many windows were above it, *lateness* the time from
due to granted, *CPU* the whole process's, users included.  amoc's column was measured
with the same workload on two cores (reference: docs/explanation/pacing).
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import anyio
import uvloop

from murmur import Throttle
from murmur._backend import native
from murmur.throttles import Throttles

USERS = 1000
CASES = (
    (7, 0.1),
    (100, 1.0),
    (1_000, 1.0),
    (3_000, 1.0),
    (5_000, 1.0),
    (20_000, 1.0),
    (math.inf, 1.0),
)
AMOC = {
    100: "100 %, window 104 %, p99 16 ms",
    1_000: "100 %, window 100.4 %, p99 1.9 ms",
    3_000: "69 %",
    5_000: "hangs",
    20_000: "hangs",
    math.inf: "43,000/s, 22 us per permit",
}
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
}


class Silence:
    """An emitter to which nobody listens."""

    def listening(self, name: str) -> bool:
        """Return False."""
        return False

    def emit(self, *event: object) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Outcome:
    """What one run showed."""

    reached: float
    window: float
    early: int
    lateness_p50: float
    lateness_p99: float
    cpu_per_permit: float
    core: float


async def load(rate: float, interval: float, seconds: float) -> Outcome:
    """Let 1,000 users loop on a throttle and look at every permit."""
    granted: list[float] = []
    late: list[float] = []

    async def user(throttle: Throttle) -> None:
        while True:
            permit = await throttle.wait()
            granted.append(permit.granted_at)
            late.append(permit.granted_at - permit.due_at)

    seam = native()
    async with anyio.create_task_group() as tasks:
        throttle = await Throttles(tasks, seam, Silence()).open("load", rate, interval=interval)
        users = [seam.spawn(user(throttle)) for _ in range(USERS)]
        await anyio.sleep(0.2)
        first, began, cpu = len(granted), time.monotonic(), time.process_time()
        await anyio.sleep(seconds)
        spent, took = time.process_time() - cpu, time.monotonic() - began
        count = len(granted) - first
        for task in users:
            task.cancel()
        await throttle.stop()
    window, early = windows(sorted(granted), rate, interval)
    late = sorted(late[first:])
    return Outcome(
        reached=count / took / (rate / interval) if rate < math.inf else count / took,
        window=window,
        early=early,
        lateness_p50=late[len(late) // 2],
        lateness_p99=late[int(len(late) * 0.99)],
        cpu_per_permit=spent / count,
        core=spent / took,
    )


def windows(times: list[float], rate: float, interval: float) -> tuple[float, int]:
    """Return the fullest window of one interval, as a share of the rate, and how many exceed it."""
    if rate == math.inf:
        return math.nan, 0
    most = start = 0
    for end, at in enumerate(times):
        while times[start] <= at - interval:
            start += 1
        most = max(most, end - start + 1)
    apart = zip(times, times[int(rate) :], strict=False)
    return most / rate, sum(after - before < interval for before, after in apart)


def measure(name: str, rate: float, interval: float, seconds: float) -> Outcome:
    """Run one case on the loop of that name."""
    with asyncio.Runner(loop_factory=LOOPS[name]) as runner:
        return runner.run(load(rate, interval, seconds))


def row(name: str, rate: float, interval: float, seconds: float) -> str:
    """Run one case and return its line of the table."""
    it = measure(name, rate, interval, seconds)
    unlimited = rate == math.inf
    reached = f"{it.reached:,.0f}/s" if unlimited else f"{it.reached:.2%}"
    return " | ".join(
        (
            f"{name:8}",
            "unlimited" if unlimited else f"{rate:,}/{interval:g} s",
            f"{reached:>10}",
            "-" if unlimited else f"{it.window:.2%}",
            f"{it.early}",
            f"{it.lateness_p50 * 1e3:.2f} / {it.lateness_p99 * 1e3:.2f} ms",
            f"{it.cpu_per_permit * 1e6:.1f} us",
            f"{it.core:.1%}",
            AMOC.get(rate, "-"),
        )
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds of each case")
    parser.add_argument("--rate", type=float, action="append", help="only these rates")
    chosen = parser.parse_args()
    sys.stdout.write(
        "loop | rate | reached | window | early | lateness p50 / p99 | CPU | core | amoc 4.1.0\n"
    )
    for name in LOOPS:
        for rate, interval in CASES:
            if not chosen.rate or rate in chosen.rate:
                sys.stdout.write(row(name, rate, interval, chosen.seconds) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
