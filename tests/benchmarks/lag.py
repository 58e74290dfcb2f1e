"""What the probe of the loop's lag sees of ten rhythms: ``python -m tests.benchmarks.lag``.

One of 40 users holds the loop, free and held in turn, for 20 s of virtual time.  *true* is
the 99th percentile of the delay of a timer due at a random moment, worked out from the rhythm
alone, and once more from a million random moments; *measured* is the median of
`loop_lag_p99` over the windows; *in step* is what a probe sees that sleeps for 50 ms from
when it was woken, as murmur's did until 2026-11.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
from random import Random

import murmur
from murmur.testing import VirtualLoop, rehearse

RHYTHMS = (
    (60, 40),
    (51, 49),
    (10, 40),
    (51, 99),
    (52, 98),
    (5, 45),
    (101, 99),
    (30, 120),
    (151, 99),
    (1, 49),
)
USERS, SECONDS = 40, 20.0


def truth(free: float, held: float) -> float:
    """Return the 99th percentile of the delay of a timer due at a random moment."""
    return max(0.0, held - (free + held) / 100)


def drawn(free: float, held: float, moments: int = 1_000_000) -> float:
    """Return the same, from random moments."""
    random = Random(1)
    delays = []
    for _ in range(moments):
        at = random.random() * (free + held)
        delays.append(0.0 if at < free else free + held - at)
    return sorted(delays)[math.ceil(0.99 * moments) - 1]


def in_step(free: float, held: float, beat: float = 50.0) -> float:
    """Return what is seen by a probe that sleeps for `beat` from when it was woken."""
    now, lags = 0.0, []
    while now < SECONDS * 1e3:
        due = now + beat
        at = due % (free + held)
        now = due if at < free else due + free + held - at
        lags.append(now - due)
    return sorted(lags)[math.ceil(0.99 * len(lags)) - 1]


def measured(free: float, held: float) -> float:
    """Return what murmur measures."""

    class Held(murmur.Scenario):
        """One user holds the loop, free and held in turn."""

        async def start(self, user: murmur.User) -> None:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            while user.id > 1:
                await user.sleep(0.5)
            while True:
                await user.sleep(free / 1e3)
                loop.jump(held / 1e3)

    results = rehearse(Held, USERS, duration=SECONDS, user_rate=math.inf)
    return float(results.health["loop_lag_p99"].median() * 1e3)


def main() -> None:
    logging.disable()
    write = sys.stdout.write
    write("| free / held | true | drawn | measured | of the true | in step |\n")
    write("| --- | ---: | ---: | ---: | ---: | ---: |\n")
    for free, held in RHYTHMS:
        true, seen = truth(free, held), measured(free, held)
        write(
            f"| {free} / {held} ms | {true:.1f} ms | {drawn(free, held):.1f} ms | {seen:.1f} ms "
            f"| {seen / true:.2f} | {in_step(free, held):.1f} ms |\n"
        )


if __name__ == "__main__":
    main()
