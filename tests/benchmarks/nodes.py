"""What nodes cost: ``python -m tests.benchmarks.nodes``.

The same load, of so many actions a second, in one process; in two that know nothing of each
other, each at half the rate; and on two nodes that the session spawns, round by round.  CPU per
action is that of all processes, the steering kernel included, while the load is steady; the
ratios are those of the medians.  What two that are apart cost is the floor: a loop that wakes
for half as many actions at a time does not wake half as often.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from traitlets import Float, Unicode

import murmur
from tests.benchmarks.http import nginx

WARM_UP = 4.0
TICK = os.sysconf("SC_CLK_TCK")


class Paced(murmur.Scenario):
    """Users act as often as a throttle lets them: a request, or nothing at all."""

    per_second = Float(1000.0, help="actions a second, over all nodes")
    url = Unicode("", help="what to ask for; nothing if empty")

    async def init(self) -> None:
        self.permits = await murmur.throttle("permits", rate=self.per_second, interval=1.0)

    async def start(self, user: murmur.User) -> None:
        while not user.leaving.is_set():
            await self.permits.wait()
            if self.url:
                await user.http.get(self.url)
            else:
                with user.timer("act"):
                    pass


def used(pids: Iterable[int]) -> float:
    """Return the seconds of CPU that processes have used."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICK


def measure(nodes: int, rate: float, url: str, seconds: float) -> tuple[float, float]:
    """Return the microseconds of CPU of one action, and the share of the rate that was reached."""
    with murmur.Session() as session:
        if nodes:
            session.spawn_nodes(nodes)
        pids = {os.getpid(), *(node.pid for node in session.nodes.values())}
        run = session.do(Paced, 100, user_rate=math.inf, per_second=rate, url=url)
        time.sleep(WARM_UP)
        before, began = used(pids), session.status().elapsed
        time.sleep(seconds)
        spent, ended = used(pids) - before, session.status().elapsed
        session.stop()
        run.wait(timeout=30)
    ends = run.results.actions.query("@began <= started_at < @ended")
    return spent / len(ends) * 1e6, len(ends) / (ended - began) / rate


def measure_apart(rate: float, url: str, seconds: float) -> tuple[float, float]:
    """Return the same of two processes, each at half the rate, that know nothing of each other."""
    command = [sys.executable, "-P", "-m", "tests.benchmarks.nodes", "--half", str(rate / 2), url]
    processes = [
        subprocess.Popen([*command, "--seconds", str(seconds)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    found = [[float(each) for each in process.communicate()[0].split()] for process in processes]
    cost, reached = (statistics.mean(each) for each in zip(*found, strict=True))
    return cost, reached


def compare(rate: float, url: str, rounds: int, seconds: float) -> str:
    """Return one row of the table."""
    ways = (partial(measure, 0), measure_apart, partial(measure, 2))
    costs: list[list[float]] = [[] for _ in ways]
    reached = []
    for _ in range(rounds):
        for way, known in zip(ways, costs, strict=True):
            cost, share = way(rate, url, seconds)
            known.append(cost)
            reached.append(share)
    one, apart, two = (statistics.median(each) for each in costs)
    spread = ", ".join(f"{min(each):.0f} to {max(each):.0f}" for each in costs)
    return (
        f"| {'request' if url else 'nothing'} | {rate:,.0f} | {one:.0f} us | {apart:.0f} us | "
        f"{two:.0f} us | {apart / one:.2f} | {two / one:.2f} | {two / apart:.2f} | {spread} | "
        f"{min(reached):.1%} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="measured, of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[1000.0, 8000.0])
    parser.add_argument("--requests", type=float, nargs="+", default=[1000.0, 3000.0])
    parser.add_argument("--half", nargs=2, metavar=("RATE", "URL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.half:
        rate, url = given.half
        sys.stdout.write("{} {}\n".format(*measure(0, float(rate), url, given.seconds)))
        return
    sys.stdout.write(
        "| action | rate per s | one process | two apart | two nodes | apart / one | nodes / one "
        "| nodes / apart | spread | reached |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as root, nginx(Path(root)) as url:
        for each, rates in (("", given.rates), (f"{url}/index.html", given.requests)):
            for rate in rates:
                sys.stdout.write(compare(rate, each, given.rounds, given.seconds) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
