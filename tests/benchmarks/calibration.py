"""Calibration of `murmur.results.compare`: how often it is wrong, and how often it sees.

    python -m tests.benchmarks.calibration [pairs=60] [part of a name]

Pairs of runs are drawn from laws that are known: twice from the same one, where whatever is
called different is a false alarm, and from two, where it is a find.  One line is one law:

    own       % of intervals, each by itself, that do not hold "no change"
    any       % of pairs in which any row has the outcome higher or lower, corrected for all
    too little  % of rows of which nothing is said

With 60 pairs it takes about ten minutes of one core; the table in docs/explanation is of it.
"""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from murmur.recording import RunRecord
from murmur.results import Results, compare
from murmur.telemetry import Recorder

STATISTICS = ("rate", "failed", "response_mean", "response_p50", "response_p95", "response_p99")


@dataclass(frozen=True, kw_only=True)
class Law:
    """What the durations of a run are drawn from.

    Attributes
    ----------
    seconds, rate : float
        How long the run is, and how many actions of each name a second has.
    spread : float
        Standard deviation of the logarithm of durations.
    per_action, per_second : float
        Correlation of an action, or of a second, with the one before.
    tail : float
        Exponent of a Pareto law, instead.
    failed : float
        Share of actions that fail.
    factor : float
        By which all durations are longer.
    names : int
        How many actions there are.
    is_poisson : bool
        Whether actions come at random moments, rather than evenly.
    between : float
        Standard deviation of the logarithm of what a run as a whole is slower by.
    """

    seconds: int = 60
    rate: float = 50.0
    spread: float = 0.5
    per_action: float = 0.0
    per_second: float = 0.0
    tail: float = 0.0
    failed: float = 0.0
    factor: float = 1.0
    names: int = 1
    is_poisson: bool = False
    between: float = 0.0

    def run(self, random: np.random.Generator) -> Results:
        """Return a run."""
        recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
        slower = float(np.exp(self.between * random.normal()))
        for number in range(self.names):
            began = self._moments(random)
            ended = began + self._durations(random, began) * slower
            failed = random.random(len(began)) < self.failed
            for place in np.argsort(ended).tolist():
                if ended[place] < self.seconds:
                    at, error = float(began[place]), "lost" if failed[place] else None
                    recorder.action(f"op{number}", 1, at, at, float(ended[place]), error)
        recorder.user_gone(1, "finished", None, 0.0, 0.0, float(self.seconds))
        record = RunRecord("r", 0.0, 0.0)
        record.add(recorder.seal())
        return Results(record)

    def _moments(self, random: np.random.Generator) -> np.ndarray:
        number = int(self.seconds * self.rate)
        if self.is_poisson:
            return np.sort(random.uniform(0, self.seconds, random.poisson(number)))
        return (random.random() + np.arange(number)) / self.rate

    def _durations(self, random: np.random.Generator, began: np.ndarray) -> np.ndarray:
        if self.tail:
            return 0.05 * self.factor * (1 + random.pareto(self.tail, len(began)))
        logs = self.spread * _autoregressive(random, len(began), self.per_action)
        if self.per_second:
            slow = 0.3 * _autoregressive(random, self.seconds + 2, self.per_second)
            logs = logs + slow[began.astype(int)]
        return 0.05 * self.factor * np.exp(logs)


@dataclass(frozen=True)
class Pair:
    """Two laws to compare, and how many runs of each a comparison has."""

    name: str
    a: Law
    b: Law
    runs: int = 1
    share: float = 1.0
    options: Mapping[str, object] = field(default_factory=dict)

    def counted(self, pairs: int) -> Counts:
        """Compare so many pairs; return what came of them."""
        random = np.random.default_rng(zlib.crc32(self.name.encode()))
        counts = Counts(pairs)
        for _ in range(pairs):
            sides = [[law.run(random) for _ in range(self.runs)] for law in (self.a, self.b)]
            counts.take(compare(sides[0], sides[1]))
        return counts


class Counts:
    """How often rows were called different."""

    def __init__(self, pairs: int) -> None:
        self.pairs = pairs
        self.own = dict.fromkeys(STATISTICS, 0)
        self.surely = dict.fromkeys(STATISTICS, 0)
        self.known = dict.fromkeys(STATISTICS, 0)
        self.rows = dict.fromkeys(STATISTICS, 0)
        self.any = 0

    def take(self, frame) -> None:
        """Count a comparison."""
        is_called = frame["outcome"].isin(["higher", "lower"])
        self.any += bool(is_called.any())
        is_own = (frame["difference_low"] > 0) | (frame["difference_high"] < 0)
        for statistic in STATISTICS:
            mine = frame["statistic"] == statistic
            self.rows[statistic] += int(mine.sum())
            self.known[statistic] += int((frame["outcome"][mine] != "too little").sum())
            self.own[statistic] += int(is_own[mine].sum())
            self.surely[statistic] += int(is_called[mine].sum())

    def cells(self) -> Iterator[str]:
        """Yield the columns of a line."""
        for statistic in STATISTICS:
            known = self.known[statistic]
            if known < 0.1 * self.rows[statistic]:
                yield "  t.l."
            else:
                own, surely = (100 * each[statistic] / known for each in (self.own, self.surely))
                yield f"{own:3.0f}/{surely:<3.0f}"
        yield f"{100 * self.any / self.pairs:5.1f}"
        rows = sum(self.rows.values())
        yield f"{100 * (rows - sum(self.known.values())) / rows:5.0f}"
        yield f"{self.pairs}"


def _autoregressive(random: np.random.Generator, number: int, correlation: float) -> np.ndarray:
    """Return standard normal values, each correlated with the one before."""
    if not correlation:
        return random.normal(size=number)
    steps = random.normal(0, np.sqrt(1 - correlation**2), number)
    values = [random.normal()]
    for step in steps[1:].tolist():
        values.append(correlation * values[-1] + step)
    return np.array(values)


def _alike(name: str, runs: int = 1, share: float = 1.0, **law: object) -> Pair:
    return Pair(f"A/A {name}", Law(**law), Law(**law), runs, share)  # type: ignore[arg-type]


def _slower(name: str, runs: int = 1, share: float = 1.0, **law: object) -> Pair:
    after = Law(**{**law, "factor": 1.1})  # type: ignore[arg-type]
    return Pair(f"+10 % {name}", Law(**law), after, runs, share)  # type: ignore[arg-type]


PAIRS = (
    _alike("iid, 60 s"),
    _alike("iid, 15 s, 100/s", seconds=15, rate=100),
    _alike("Poisson arrivals, 60 s", is_poisson=True),
    _alike("AR(1) 0.95 per action, 60 s", per_action=0.95),
    _alike("AR(1) 0.7 per second, 60 s", per_second=0.7),
    _alike("AR(1) 0.7 per second, 300 s, 10/s", 1, 0.5, per_second=0.7, seconds=300, rate=10),
    _alike("AR(1) 0.95 per second, 60 s", per_second=0.95),
    _alike("Pareto 1.5, 60 s", tail=1.5),
    _alike("failures 1 %", failed=0.01),
    _alike("failures 0.1 %", failed=0.001),
    _alike("10 actions, iid, 30/s each", 1, 0.5, names=10, rate=30),
    _alike("10 actions, AR(1) 0.7 per second, 30/s", 1, 0.5, names=10, rate=30, per_second=0.7),
    _alike("3 runs a side, 5 % between runs", 3, 0.5, between=0.05),
    _alike("3 runs of 5 s a side, 5 % between", 3, 0.5, between=0.05, seconds=5, rate=200),
    _alike("3 runs of 5 s a side", 3, 0.5, seconds=5, rate=200),
    _alike("3 runs a side, AR(1) 0.95 per second", 3, 0.5, per_second=0.95),
    _slower("iid, 60 s"),
    _slower("iid, 15 s, 100/s", seconds=15, rate=100),
    _slower("AR(1) 0.7 per second, 60 s", per_second=0.7),
    _slower("10 actions, iid, 60 s, 50/s each", 1, 0.3, names=10),
    _slower("3 runs a side, 1 % between runs", 3, 0.5, between=0.01),
    _slower("3 runs of 5 s a side, 1 % between", 3, 0.5, between=0.01, seconds=5, rate=200),
    _slower("3 runs of 5 s a side", 3, 0.5, seconds=5, rate=200),
)


def main(pairs: int = 60, part: str = "") -> None:
    """Print the table."""
    began = time.monotonic()
    titles = [each.removeprefix("response_").rjust(7) for each in STATISTICS]
    print(f"{'own/surely, % of rows':42s}", *titles, "  any", "too little  pairs")  # noqa: T201
    for pair in PAIRS:
        if part in pair.name:
            counts = pair.counted(max(round(pairs * pair.share), 1))
            print(f"{pair.name:42s}", *counts.cells(), flush=True)  # noqa: T201
    print(f"{time.monotonic() - began:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60, *sys.argv[2:3])
