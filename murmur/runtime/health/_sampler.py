"""Once a second: how many users, what the throttles did, how the generator fares."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from random import Random
from typing import TYPE_CHECKING, cast

import anyio

from murmur._guard import heard
from murmur.telemetry import STANDSTILL, window_told_by

from ._probe import LagProbe
from ._saturation import (
    STOPPED,
    is_crowded_out,
    is_held_back,
    reasons,
    schedule_lag,
    standstill,
    standstill_text,
    whose,
)
from ._vitals import CoreWait, Pauses, Vitals, VitalsReader

if TYPE_CHECKING:
    from murmur.runtime._run import NodeRun

WINDOW = 1.0
"""Seconds between two samples, and between two chunks sent up."""

WARN_EVERY = 30.0
"""Seconds between two lines of the log that say the same: the generator is the bottleneck."""

PORTS_EVERY = 10.0
"""Seconds between two counts of ports, each of which reads all connections of the machine."""

_logger = logging.getLogger(__name__)


class Sampler:
    """Writes one row a window about the run as a whole and sends up what was recorded."""

    def __init__(self, run: NodeRun) -> None:
        self._run = run
        self.probe = LagProbe(run.native.now, Random(f"{run.seed}/lag/{run.node}"))
        self._was_saturated = False
        self._told: tuple[int, Sequence[str]] = (-1, ())  # the newest window, and its reasons
        self._standstills: list[float] = []
        self._time_before = (0.0, 0.0, 0.0, 0.0)
        self._vitals = VitalsReader()
        self._ports_at = -math.inf
        self._warned_at = -math.inf
        self._pauses = Pauses()
        self._cpu_before = time.process_time()
        self._at_before = run.native.now()
        self._core_wait = CoreWait()
        self._waited_before = self._core_wait.seconds(self._at_before)

    async def sample_forever(self) -> None:
        """Sample at the end of every window of the run.

        A sample that is late by less than half a window still tells about its end.
        """
        now, recorder = self._run.native.now, self._run.recorder
        window = 0
        with self._pauses.watch():
            while True:
                started_at = recorder.started_at  # which follows the steering kernel's clock
                # At least the next: a clock may stop a hair before the end of a window.
                window = max(window + 1, math.floor((now() - started_at) / WINDOW) + 1)
                due_at = started_at + window * WINDOW
                await anyio.sleep(max(0.0, due_at - now()))
                await self._count_ports(now())
                self.sample(due_at if now() - due_at < WINDOW / 2 else now())
                self._run.flush()

    async def _count_ports(self, now: float) -> None:
        """Count them where there may be too few, now and then."""
        if not self._run.native.is_real_time or not self._vitals.has_many_sockets():
            return
        if now - self._ports_at >= PORTS_EVERY:
            self._ports_at = now
            await self._run.threads.run(self._vitals.count_ports)

    def sample(self, now: float) -> None:
        """Write one row of population, throttles and health, as they are at `now`."""
        run = self._run
        counts = run.users.population.counts
        run.recorder.population(now, counts["waiting"], counts["running"], counts["leaving"])
        lateness = []
        for name, sample in run.throttles.sample(now):
            run.recorder.throttle(now, name, sample)
            if sample["interval"] is not None:  # a limit has no schedule
                lateness.append(cast("Sequence[float]", sample["lateness"]))
        self._sample_health(now, schedule_lag(lateness))

    def _sample_health(self, now: float, schedule: float) -> None:
        """Write how the generator fares, and say so when it became the bottleneck."""
        lags = self.probe.take()
        elapsed, cpu, queued = self._core_shares()
        vitals, stood_still = self._vitals.read(), 0.0
        if not self._run.native.is_real_time:
            # Other programs take nothing from such time, nor from what runs in it.
            unknown = dict.fromkeys(("machine_cpu", "cpu_quota", "cpu_held", "ports"), math.nan)
            vitals = replace(vitals, **unknown)
        else:
            stood_still = self._look_for_standstill(lags, elapsed, cpu, queued)
        pauses, longest = self._pauses.take()
        blame = whose(
            line=self._run.watchdog.take_line(),
            by_others=is_crowded_out(cpu, vitals.machine_cpu, queued),
            by_quota=is_held_back(cpu, elapsed, vitals, queued),
            stood_still=stood_still > 0,
        )
        why = reasons(lags, schedule, vitals, blame)
        told = self._with_those_before(now, why)
        more = {**asdict(vitals), "gc_pauses": float(pauses), "gc_longest": longest}
        rss = more.pop("rss")
        self._run.recorder.health(
            now,
            lags,
            cpu,
            rss,
            saturated=bool(told),
            reason=", ".join(told),
            vitals={**more, "schedule_lag": schedule},
        )
        if bool(why) != self._was_saturated:
            self._was_saturated = bool(why)
            self._tell(now, why, lags, cpu, vitals)

    def _with_those_before(self, now: float, why: Sequence[str]) -> Sequence[str]:
        """Return the reasons with those of an earlier sample of this window.

        After a hold there are two, and of the text of two the later one stays.
        """
        window = window_told_by(now - self._run.recorder.started_at, WINDOW)
        before = self._told[1] if self._told[0] == window else ()
        self._told = window, tuple(dict.fromkeys((*before, *why)))
        return self._told[1]

    def _tell(
        self, now: float, why: Sequence[str], lags: Sequence[float], cpu: float, vitals: Vitals
    ) -> None:
        """Say that the generator became, or ceased to be, the bottleneck.

        Every change is an event; the log has a line now and then, so that a machine that is
        busy every other second does not fill a notebook with the same sentence.
        """
        lag = max(lags, default=0.0)
        facts = (
            f"loop lag up to {lag:.3f} s, {cpu:.0%} of a core, machine {vitals.machine_cpu:.0%}, "
            f"{vitals.open_files:,.0f} of {vitals.open_files_limit:,.0f} files, "
            f"{vitals.ports:,.0f} of {vitals.ports_limit:,.0f} ports"
        )
        reason = f"{', '.join(why)} ({facts})" if why else facts
        if why and now - self._warned_at >= WARN_EVERY:
            self._warned_at = now
            heard(_logger.warning, "the load generator is the bottleneck: %s", reason)
        self._run.emitter.emit(
            "amoc.health.saturated",
            {"loop_lag": lag, "cpu": cpu},
            {"saturated": bool(why), "reason": reason},
        )

    def _look_for_standstill(
        self, lags: Sequence[float], elapsed: float, cpu: float, queued: float
    ) -> float:
        """Return for how long the process stood still, and put it among the problems."""
        lag = max(lags, default=0.0)
        now = (elapsed, cpu * elapsed, queued * elapsed, self._run.watchdog.take_watched())
        before, self._time_before = self._time_before, now
        if lag > elapsed:  # the loop woke this sampler before the probe of its lag
            now = (elapsed + before[0], now[1] + before[1], now[2] + before[2], now[3] + before[3])
        found = standstill(lag, now[0], ran=now[1], queued=now[2], watched=now[3])
        if found:
            problems, told = self._run.problems, standstill_text("the process", self._standstills)
            self._standstills.append(found)
            if told in problems:
                problems.remove(told)
            problems.append(standstill_text("the process", self._standstills))
            measured = {"count": 1, "duration": found}
            self._run.emitter.emit(STANDSTILL, measured, {"cause": STOPPED})
        return found

    def _core_shares(self) -> tuple[float, float, float]:
        """Return the seconds since the last sample, and the share of a core used in them.

        And the share of that time for which the loop waited for one.  It looks at the clock
        itself: the end of the window that a sample tells about may be half a second ago.
        """
        now = self._run.native.now()
        cpu, waited = time.process_time(), self._core_wait.seconds(now)
        elapsed = now - self._at_before
        used, queued = cpu - self._cpu_before, waited - self._waited_before
        self._at_before, self._cpu_before, self._waited_before = now, cpu, waited
        if elapsed <= 0:
            return 0.0, 0.0, math.nan
        return elapsed, used / elapsed, queued / elapsed
