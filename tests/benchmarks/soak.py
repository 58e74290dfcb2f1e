"""What a long run keeps in memory: ``python -m tests.benchmarks.soak``.

Drives the recorder and the record of a run second by second, on virtual time, the way the
runtime does: actions of ten names with durations that spread over decades, users that come
and go, counters, gauges, throttles, health, events and live changes.  Somebody looks at the
newest windows every ten seconds, and at the end all frames are built, which is the peak.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from murmur.recording import RunRecord
from murmur.results import FRAMES, Results
from murmur.telemetry import Event, Recorder

NAMES = tuple(f"action {number}" for number in range(10))
STATES = ("messages", "logins", "user_rate")


class Soak:
    """One run on virtual time.

    Parameters
    ----------
    rate : int
        Actions per second.
    """

    def __init__(self, rate: int) -> None:
        self.now = 0.0
        self.rate = rate
        self.record = RunRecord("soak", 0.0, 1.7e9)
        self.recorder = Recorder(
            node="local", started_at=0.0, wall_started_at=1.7e9, now=lambda: self.now
        )
        self._random = np.random.default_rng(1)
        self._next_user = 1
        self.longest = 0.0  # seconds that one second's chunk took to seal and add

    def second(self) -> None:
        """Do what happens in a second, seal it and add it to the record."""
        recorder = self.recorder
        durations = self._random.lognormal(-4.5, 1.0, self.rate).tolist()
        for place, duration in enumerate(durations):
            ended = self.now + place / self.rate
            error = "refused" if place % 500 == 0 else None
            started = ended - duration
            recorder.action(NAMES[place % 10], place, started, started, ended, error)
        self.now += 1.0
        for _ in range(10):
            user, self._next_user = self._next_user, self._next_user + 1
            recorder.user_gone(user, "finished", None, self.now - 60, self.now - 60, self.now)
        for name in NAMES[:5]:
            recorder.count(name, 3)
            recorder.gauge(name, self.now)
        self._sample()
        began = time.process_time()
        self.record.add(recorder.seal())
        self.longest = max(self.longest, time.process_time() - began)

    def _sample(self) -> None:
        recorder, now = self.recorder, self.now
        recorder.population(now, 0, 600, 0)
        recorder.health(now, [0.001] * 20, 0.5, 2e8, saturated=False)
        for name in STATES:
            recorder.throttle(
                now, name, {"rate": 6000.0, "interval": 60.0, "requested": 100, "granted": 100}
            )
        metadata = {"name": "messages", "message": "ramp", "state": "running"}
        recorder.event(
            Event("amoc.throttle.process", now, 1.7e9, "local", "soak", {"count": 1}, metadata)
        )
        if int(now) % 10 == 0:
            recorder.change(now, "panel", "pace", now, now + 1)
            self.record.table("windows", since=now - 60)


def resident_bytes() -> int:
    """Return what this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    """Print memory as the hours pass, and what the frames at the end take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--rate", type=int, default=2000, help="actions per second")
    asked = parser.parse_args()
    soak, seconds, began = Soak(asked.rate), round(asked.hours * 3600), time.monotonic()
    print(f"before the first second: {resident_bytes() / 1e6:,.0f} MB")  # noqa: T201 - it is what it is for
    for second in range(1, seconds + 1):
        soak.second()
        if second % 3600 == 0 or second == seconds:
            print(  # noqa: T201 - likewise
                f"{second / 3600:5.1f} h  {soak.record.actions_total:12,} actions  "
                f"{resident_bytes() / 1e6:6,.0f} MB  longest seal and add "
                f"{soak.longest * 1e3:4.0f} ms  ({time.monotonic() - began:,.0f} s)",
                flush=True,
            )
            soak.longest = 0.0
    results = Results(soak.record)
    for name in FRAMES:
        at = time.monotonic()
        rows = len(getattr(results, name))
        print(f"{name:16} {rows:10,} rows  {time.monotonic() - at:5.1f} s")  # noqa: T201 - likewise
    at = time.monotonic()
    print(results.summary())  # noqa: T201 - likewise
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"summary {time.monotonic() - at:.1f} s; peak with all frames {peak / 1e6:,.0f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
