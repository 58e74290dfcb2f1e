"""Once a second: how many users, what the throttles did, how the generator fares."""

from __future__ import annotations

import logging
import math
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from ._run import NodeRun

__all__ = ["LAG_LIMIT", "WINDOW", "Sampler"]

WINDOW = 1.0
"""Seconds between two samples, and between two chunks sent up."""

LAG_LIMIT = 0.05
"""Seconds of loop lag (99th percentile of a window) above which the node is saturated."""

BEAT = 0.05
"""Seconds between two looks at the loop's lag."""

_logger = logging.getLogger(__name__)

_STATM = Path("/proc/self/statm")


class Sampler:
    """Writes one row a window about the run as a whole and sends up what was recorded."""

    def __init__(self, run: NodeRun) -> None:
        self._run = run
        self._lags: list[float] = []
        self._was_saturated = False
        self._cpu_before = time.process_time()
        self._at_before = run.native.now()

    async def beat(self) -> None:
        """Measure for ever how late the loop wakes a task that sleeps."""
        now = self._run.native.now
        while True:
            due_at = now() + BEAT
            await anyio.sleep(BEAT)
            self._lags.append(max(0.0, now() - due_at))

    async def sample_forever(self) -> None:
        """Sample at the end of every window of the run.

        A sample that is late by less than half a window still tells about its end.
        """
        now = self._run.native.now
        window = 0
        while True:
            # At least the next: a clock may stop a hair before the end of a window.
            window = max(window + 1, math.floor((now() - self._run.spec.started_at) / WINDOW) + 1)
            due_at = self._run.spec.started_at + window * WINDOW
            await anyio.sleep(max(0.0, due_at - now()))
            self.sample(due_at if now() - due_at < WINDOW / 2 else now())
            self._run.flush()

    def sample(self, now: float) -> None:
        """Write one row of population, throttles and health, as they are at `now`."""
        run = self._run
        counts = run.users.population.counts
        run.recorder.population(now, counts["waiting"], counts["running"], counts["leaving"])
        for name, sample in run.throttles.sample(now):
            run.recorder.throttle(now, name, sample)
        lags, self._lags = self._lags, []
        cpu, saturated = self._cpu_share(now), is_saturated(lags)
        run.recorder.health(now, lags, cpu, resident_bytes(), saturated=saturated)
        if saturated != self._was_saturated:
            self._was_saturated = saturated
            self._tell(lags, cpu, saturated=saturated)

    def _tell(self, lags: list[float], cpu: float, *, saturated: bool) -> None:
        """Say that the generator became, or ceased to be, the bottleneck."""
        reason = f"loop lag up to {max(lags, default=0.0):.3f} s, {cpu:.0%} of a core"
        if saturated:
            _logger.warning("the load generator is the bottleneck: %s", reason)
        self._run.emitter.emit(
            "amoc.health.saturated",
            {"loop_lag": max(lags, default=0.0), "cpu": cpu},
            {"saturated": saturated, "reason": reason},
        )

    def _cpu_share(self, now: float) -> float:
        """Return the share of one core that this process used since the last sample."""
        cpu = time.process_time()
        elapsed = now - self._at_before
        share = (cpu - self._cpu_before) / elapsed if elapsed > 0 else 0.0
        self._at_before, self._cpu_before = now, cpu
        return share


def is_saturated(lags: list[float]) -> bool:
    """Whether the 99th percentile (nearest rank) of the loop's lags is above the limit."""
    if not lags:
        return False
    rank = -(-99 * len(lags) // 100)
    return sorted(lags)[rank - 1] > LAG_LIMIT


def resident_bytes() -> int:
    """Return the memory this process holds now; its peak where the system tells no more."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
