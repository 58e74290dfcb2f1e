"""What the verdict says of a machine as it is, a busy one, and a scenario that blocks.

``python -m tests.benchmarks.verdicts``: 50 users that wake ten times a second, for 20 s of
real time; then the same beside two processes for each core that compute, and the same with a
user that holds the loop for 8 s in one stretch.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import murmur

USERS, SECONDS = 50, 20.0
COMPUTE = "while True: pass"


class Quiet(murmur.Scenario):
    """Users wake ten times a second."""

    async def start(self, user: murmur.User) -> None:
        while not user.leaving.is_set():
            with user.timer("nap"):
                await user.sleep(0.1)


class Blocking(Quiet):
    """One of them calls what blocks."""

    async def start(self, user: murmur.User) -> None:
        if user.id == 7:
            await user.sleep(5.0)
            time.sleep(8.0)  # noqa: ASYNC251 - what the run is about
        await super().start(user)


def told(scenario: type[murmur.Scenario], others: int = 0) -> list[str]:
    """Return what a run says of itself, beside so many processes that compute."""
    busy = [subprocess.Popen([sys.executable, "-c", COMPUTE]) for _ in range(others)]
    try:
        with murmur.Session() as session:
            run = session.do(scenario, USERS, duration=SECONDS, user_rate=float("inf"))
            run.wait(SECONDS + 30.0)
            results = run.results
    finally:
        for process in busy:
            process.kill()
            process.wait()
    health = results.health
    lag = health["loop_lag_p99"].max() * 1e3
    machine = health["machine_cpu"].mean()
    return [
        f"worst lag p99 {lag:.0f} ms, machine {machine:.0%} busy",
        results.verdict.state,
        *results.verdict.reasons,
    ]


def main() -> None:
    cores = os.cpu_count() or 1
    cases = (
        ("as it is", Quiet, 0),
        ("beside others", Quiet, 2 * cores),
        ("blocked", Blocking, 0),
    )
    for name, scenario, others in cases:
        lines = "\n  ".join(told(scenario, others))
        sys.stdout.write(f"{name}: {lines}\n")


if __name__ == "__main__":
    main()
