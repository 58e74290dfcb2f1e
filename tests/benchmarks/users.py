"""What users cost: to start, to keep, to let go, and to wake.

``python -m tests.benchmarks.users`` takes about a minute.  Processor time is that of the
whole process and counts more than wall time on a busy machine.
"""

from __future__ import annotations

import argparse
import gc
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import murmur

AMOC = {"idle, start": 10.0, "idle, memory": 3.4, "churn": 12.0, "wake-up": 6.0}


class Idle(murmur.Scenario):
    """Users stay until asked."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(math.inf)


class Churn(murmur.Scenario):
    """Users return at once."""

    async def start(self, user: murmur.User) -> None:
        pass


class Ticking(murmur.Scenario):
    """Users wake once a second."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(user.id % 997 / 997)
        while True:
            await user.sleep(1.0)


def resident_kb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1024


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


def idle(users: int) -> dict[str, float]:
    """Start users that do nothing, look at them, and stop them."""
    with murmur.Session() as session:
        run = session.do(Idle, user_rate=math.inf)
        gc.collect()
        memory, cpu, began = resident_kb(), time.process_time(), time.perf_counter()
        session.add(users)
        until(lambda: session.status().users["running"] == users)
        up = time.perf_counter() - began
        start = (time.process_time() - cpu) / users
        kept = (resident_kb() - memory) / users
        cpu, began = time.process_time(), time.perf_counter()
        session.stop()
        run.wait()
        return {
            "start, us of CPU per user": start * 1e6,
            "kept, kB per user": kept,
            "all up, s": up,
            "stop, us of CPU per user": (time.process_time() - cpu) / users * 1e6,
            "all gone, s": time.perf_counter() - began,
        }


def churn(users: int) -> dict[str, float]:
    """Let users come and go at once, each recorded."""
    with murmur.Session() as session:
        run = session.do(Churn, user_rate=math.inf)
        cpu, began = time.process_time(), time.perf_counter()
        session.add(users)
        until(lambda: session.status().users["gone"] == users)
        result = {
            "CPU per user, us": (time.process_time() - cpu) / users * 1e6,
            "users per s": users / (time.perf_counter() - began),
        }
        run.stop()
        run.wait()
        assert len(run.results.users) == users
        return result


def ticking(users: int, seconds: float = 8.0) -> dict[str, float]:
    """Let users wake once a second."""
    with murmur.Session() as session:
        session.do(Ticking, users, user_rate=math.inf)
        until(lambda: session.status().users["running"] == users)
        time.sleep(2.0)
        cpu, began = time.process_time(), time.perf_counter()
        time.sleep(seconds)
        used, elapsed = time.process_time() - cpu, time.perf_counter() - began
        health = session.run.results.health if session.run else None
        lag = float(health["loop_lag_p99"].iloc[-5:].median()) if health is not None else math.nan
        session.reset()
        return {
            "CPU per wake-up, us": used / (users * elapsed) * 1e6,
            "share of a core": used / elapsed,
            "loop lag p99, ms": lag * 1e3,
        }


def main() -> None:
    """Print the tables, each measurement in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.users", description=__doc__)
    parser.add_argument("which", nargs="?", choices=("idle", "churn", "ticking"))
    parser.add_argument("--users", type=int, default=100_000)
    options = parser.parse_args()
    if options.which is None:
        for which in ("idle", "churn", "ticking"):
            arguments = [sys.executable, "-m", "tests.benchmarks.users", which]
            subprocess.run([*arguments, "--users", str(options.users)], check=True)
        sys.stdout.write(f"amoc 4.1.0, us and kB: {AMOC}\n")
        return
    rows = {"idle": idle, "churn": churn, "ticking": ticking}[options.which](options.users)
    sys.stdout.write(f"{options.which}, {options.users:,} users\n")
    for name, value in rows.items():
        sys.stdout.write(f"  {name:28} {value:10,.2f}\n")


if __name__ == "__main__":
    main()
