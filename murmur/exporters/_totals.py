"""Running totals of a run over all nodes, for exporters to give out.

A chunk is added at the price of a few array operations, whatever the length of the run, and
reading costs as much as there are series.  How many there can be is bounded here, because a
time-series database pays for each of them for ever.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from weakref import WeakValueDictionary

from murmur._backend import thread_lock
from murmur._guard import error_text, heard
from murmur.recording import USER_STATES, Follower
from murmur.telemetry import OTHER, OWN_COUNTERS, middle, window_told_by

from ._catalogue import BOUNDS, BUCKETS, METRICS, SAMPLED, Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from murmur.recording import RunRecord
    from murmur.telemetry import Chunk, Distributions, Sample

    Ints = NDArray[np.signedinteger[Any]]

LabelValues = tuple[str, ...]

_logger = logging.getLogger(__name__)

SILENT = 5.0
"""Seconds after which what a node said last of its present state is no longer given out."""

_OF_THE_RUN = {"run_info", "run_active", "run_start", "value"}
"""Gauges that hold beyond the end of a run; a scenario's own are as last set."""

_NONE_LEFT = {"users", "actions_under_way", "actions_under_way_longest"}
"""Gauges that are 0 once a run is over."""


_THROTTLE_GAUGES = tuple(
    name
    for name, metric in METRICS.items()
    if metric.kind == "gauge" and metric.labels == ("throttle", "node")
)


class Durations(NamedTuple):
    """A histogram of durations.

    Attributes
    ----------
    counts : numpy.ndarray of int64
        How many durations fell into each bucket of `BOUNDS`, not added up; the last is for
        all that are above the highest bound.
    total, minimum, maximum : float
        Their sum and extremes in seconds, exact.
    """

    counts: NDArray[np.int64]
    total: float
    minimum: float
    maximum: float

    @property
    def size(self) -> int:
        """How many durations there are."""
        return int(self.counts.sum())

    def since(self, before: Durations | None) -> Durations:
        """Return those that came after `before`, an earlier state of the same histogram.

        Extremes are those of all.
        """
        if before is None:
            return self
        return self._replace(counts=self.counts - before.counts, total=self.total - before.total)


@dataclass(frozen=True, slots=True)
class Reading:
    """All totals at one moment.

    Attributes
    ----------
    run_id : str
        Which run they are of; empty before the first.
    wall_started_at : float
        When it started, in UNIX seconds.
    version : int
        Rises with everything that is taken in.
    bounds : tuple of float
        Upper bounds of the buckets that are given out, in seconds.
    series : mapping of str to mapping
        By the name of a metric of `METRICS`: the value of each series, a float or
        `Durations`, by the values of the metric's labels.
    """

    run_id: str
    wall_started_at: float
    version: int
    bounds: tuple[float, ...]
    series: Mapping[str, Mapping[LabelValues, float | Durations]]

    def counts(self, durations: Durations) -> NDArray[np.int64]:
        """Return how many durations fell into each bucket of `bounds`, and above them all."""
        import numpy as np

        place = np.searchsorted(self.bounds, middle(np.arange(len(durations.counts))))
        counted = np.bincount(place, durations.counts, len(self.bounds) + 1)
        return counted.astype(np.int64)

    def metrics(self) -> Iterator[tuple[Metric, Mapping[LabelValues, Any]]]:
        """Yield each metric that has series, with them."""
        for name, series in self.series.items():
            if series:
                yield METRICS[name], series


class Totals(Follower):
    """Adds up the chunks of the latest run of a session.

    Attach it to `Session.relay` before the run starts: what came before is not in it.
    One thread takes in; any may read.

    Parameters
    ----------
    bounds : sequence of float, default `BUCKETS`
        Upper bounds of the buckets that are given out, in seconds, ascending.
    names : int, default 100
        How many actions are told apart, and as many kinds of errors, counters and so on;
        the rest share the name ``(other)``.  (Gauges beyond are left out.)
    now : callable, default `time.monotonic`
        The clock on which a node that says nothing for five seconds is silent.

    Attributes
    ----------
    readers : int
        How often somebody asked for the totals since the run began.
    on_end : callable
        ``on_end(record)`` is called when a run is over.
    on_next : callable
        ``on_next(reading)`` is called with the last totals of a run when another begins; it may
        not read the totals.
    """

    def __init__(
        self,
        bounds: Sequence[float] = BUCKETS,
        *,
        names: int = 100,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._bounds = tuple(float(bound) for bound in bounds)
        self._limit = names
        self._lock = thread_lock()
        self._record: RunRecord | None = None
        self._records: WeakValueDictionary[str, RunRecord] = WeakValueDictionary()  # by run
        self._version = 0
        self.readers: int = 0
        self.on_end: Callable[[RunRecord], None] = lambda _: None
        self.on_next: Callable[[Reading], None] = lambda _: None
        self._loaded = ""  # the run that was followed when its users could come
        self._clear()

    def read(self) -> Reading:
        """Return the totals as they are now; of a node that is silent, no gauge."""
        with self._lock:
            self.readers += 1
            record = self._record
            if record is not None and self._series["run_active"][()]:
                self._forget_silent()
            return self._reading()

    def tell(self, whose: str, trouble: str, run_id: str = "") -> None:
        """Put what is wrong with `whose` among the problems of a run; nothing takes it back.

        It is the latest, unless `run_id` says which; one that nobody has any more is told nothing.
        """
        record = self._records.get(run_id) if run_id else self._record
        if record is not None and trouble:
            record.troubles[whose] = trouble
        elif record is not None:
            record.troubles.pop(whose, None)

    def take(self, record: RunRecord, chunk: Chunk) -> None:
        """Add a chunk; one of a new run begins anew."""
        self._hear(record, lambda: self._take(record, chunk))

    def load(self, record: RunRecord) -> None:
        """Note that what nodes owe from now on is told here."""
        self._loaded = record.run_id

    def lose(self, record: RunRecord, node: str, users: int) -> None:
        """Count the users of a lost node."""
        self._hear(record, lambda: self._lose(record, node, users))

    def note(self, record: RunRecord, node: str, facts: Mapping[str, Any]) -> None:
        """Forget what a node was doing that left or was lost, until it takes part again."""
        self._hear(record, lambda: self._note(record, node, facts))

    def end(self, record: RunRecord) -> None:
        """Note that nobody is there any more, and nothing going on that gauges could tell of."""
        if record is self._record:
            self._hear(record, lambda: self._end(record))
            self.on_end(record)

    def _hear(self, record: RunRecord, take: Callable[[], None]) -> None:
        """Take in a piece of news; of one that cannot be, people are told, and the next is taken.

        Else the last totals would be given out for ever, as if they were new.
        """
        with self._lock:
            _, error = heard(take)
            if error is None:
                return
            self._missed += 1
            missed = self._missed
        pieces = "piece of news" if missed == 1 else "pieces of news"
        what = f"what exporters give out lacks {missed:,} {pieces} at least in part"
        record.troubles["exporters"] = f"{what}: {error_text(error)}"
        if missed == 1:
            tell = partial(_logger.error, exc_info=error)
            heard(tell, "%s; the next is taken in all the same", what)

    def _take(self, record: RunRecord, chunk: Chunk) -> None:
        if not self._is_current(record):
            return
        self._version += 1
        self._told_at[chunk.node] = self._now()
        self._take_actions(chunk)
        self._take_under_way(record, chunk)
        self._take_users(chunk)
        self._take_values(chunk)
        for frame, samples in chunk.samples.items():
            for sample in samples:
                self._take_sample(frame, chunk.node, sample)
                if frame == "health":
                    self._take_health(record, chunk.node, sample)
        self._forget_stopped(chunk)
        if chunk.node in self._gone:  # what it measured before it went is counted, and past
            self._forget(chunk.node)

    def _lose(self, record: RunRecord, node: str, users: int) -> None:
        if self._is_current(record):
            self._version += 1
            self._add("users_gone", ("lost", node), users)

    def _note(self, record: RunRecord, node: str, facts: Mapping[str, Any]) -> None:
        outcome = facts.get("outcome")
        if record is not self._record or outcome is None:
            return
        self._version += 1
        if outcome == "here":
            self._gone.discard(node)
            self._told_up_to.pop(node, None)  # it owes windows from when it has users again
        else:
            self._gone.add(node)
            self._forget(node)

    def _end(self, record: RunRecord) -> None:
        self._version += 1
        self._set("run_active", (), 0.0)
        for name in _NONE_LEFT:
            self._series[name] = dict.fromkeys(self._series[name], 0.0)
        for name, metric in METRICS.items():
            if metric.kind == "gauge" and name not in _OF_THE_RUN | _NONE_LEFT:
                self._series[name] = {}
        self._miss_last_windows(record)

    def _reading(self) -> Reading:
        record = self._record
        return Reading(
            run_id=record.run_id if record else "",
            wall_started_at=record.wall_started_at if record else math.nan,
            version=self._version,
            bounds=self._bounds,
            series={name: series.copy() for name, series in self._series.items()},
        )

    def _forget(self, node: str) -> None:
        """Leave out the gauges of a node; what it counted stays."""
        for name, series in self._series.items():
            if METRICS[name].kind == "gauge" and "node" in METRICS[name].labels:
                for labels in [labels for labels in series if labels[-1] == node]:
                    del series[labels]

    def _forget_silent(self) -> None:
        """Leave out the gauges of nodes of which nothing came: they would look well for ever."""
        silent_since = self._now() - SILENT
        for node in [node for node, at in self._told_at.items() if at < silent_since]:
            del self._told_at[node]
            self._forget(node)

    def _clear(self) -> None:
        self._series: dict[str, dict[LabelValues, Any]] = {name: {} for name in METRICS}
        self._known: dict[str, set[str]] = {}
        self._counters: dict[LabelValues, float] = {}
        self._missed = 0  # pieces of news that could not be taken in
        self._told_at: dict[str, float] = {}
        self._gone: set[str] = set()
        # up to which window each node has told of its health, or had none to tell of
        self._told_up_to: dict[str, int] = {}
        self._saturated_up_to: dict[str, int] = {}  # and up to which one such windows were counted
        self._set("run_active", (), 0.0)

    def _is_current(self, record: RunRecord) -> bool:
        """Whether `record` is the latest; begin anew if it is a newer one."""
        if record is self._record:
            return True
        if self._record is not None and record.started_at < self._record.started_at:
            return False  # late news of a run that was broken off
        if self._record is not None:
            self.on_next(self._reading())
        self._clear()
        self._record, self.readers = record, 0
        self._records[record.run_id] = record
        self._set("run_info", (record.run_id, str(record.seed)), 1.0)
        self._set("run_active", (), 1.0)
        self._set("run_actions", (), 0.0)
        self._set("run_actions_failed", (), 0.0)
        self._set("run_start", (), record.wall_started_at)
        return True

    def _take_actions(self, chunk: Chunk) -> None:
        windows, node = chunk.windows, chunk.node
        names, counts = windows.name.tolist(), windows.count.tolist()
        self._add("run_actions", (), sum(counts))
        self._add("run_actions_failed", (), int(windows.failed.sum()))
        for code, count in zip(names, counts, strict=True):
            self._add("actions", (self._known_as("action", chunk.names[code]), node), count)
        self._take_durations("response_time", chunk, windows.response)
        self._take_durations("service_time", chunk, windows.service)
        for error in chunk.errors:
            if error.source != "action" or not error.number:
                continue
            kind, message = chunk.kinds[error.kind]
            label = message if kind == "failed" and message else kind
            action = self._known_as("action", chunk.names[error.name])
            labels = (action, self._known_as("error", label), node)
            self._add("actions_failed", labels, error.number)

    def _take_under_way(self, record: RunRecord, chunk: Chunk) -> None:
        """Set what a node has under way; what it had before and has no more is 0."""
        if chunk.under_way is None:
            return
        numbers: dict[LabelValues, float] = {}
        longest: dict[LabelValues, float] = {}
        for each in chunk.under_way:
            if each.is_part:
                continue
            labels = (self._known_as("action", chunk.names[each.name]), chunk.node)
            age = max(0.0, record.latest - (each.due + 1) * record.window)
            numbers[labels] = numbers.get(labels, 0.0) + each.number
            longest[labels] = max(longest.get(labels, 0.0), age)
        for name, found in (("actions_under_way", numbers), ("actions_under_way_longest", longest)):
            before = [labels for labels in self._series[name] if labels[-1] == chunk.node]
            self._series[name].update({**dict.fromkeys(before, 0.0), **found})

    def _take_durations(self, metric: str, chunk: Chunk, columns: Distributions) -> None:
        """Add the histograms of a chunk, one per window and name, to those of the names."""
        import numpy as np

        width = len(BOUNDS) + 1
        owner = np.repeat(np.arange(len(columns)), np.diff(columns.starts))
        keys = owner * width + np.minimum(columns.bucket, width - 1)
        counts = np.bincount(keys, columns.count, len(columns) * width)
        counts = counts.astype(np.int64).reshape(len(columns), width)
        exact = columns.total, columns.minimum, columns.maximum
        for row, code in enumerate(chunk.windows.name.tolist()):
            if columns.size[row]:
                labels = (self._known_as("action", chunk.names[code]),)
                before = self._series[metric].get(labels)
                new = Durations(counts[row], *(float(column[row]) for column in exact))
                self._series[metric][labels] = _sum(before, new) if before else new

    def _take_users(self, chunk: Chunk) -> None:
        import numpy as np

        codes, counts = np.unique(chunk.users["outcome"], return_counts=True)
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
            self._add("users_gone", (chunk.outcomes[code], chunk.node), count)
        for dropped in chunk.dropped:
            number = dropped.last - dropped.first + 1
            self._add("users_gone", ("dropped", chunk.node), number)
        for sample in chunk.samples.get("population", ())[-1:]:
            for state in USER_STATES:
                self._set("users", (state, chunk.node), float(sample.values[state]))

    def _take_values(self, chunk: Chunk) -> None:
        counters, gauges = chunk.counters, chunk.gauges
        for code, value in zip(counters.name.tolist(), counters.value.tolist(), strict=True):
            if chunk.names[code].startswith(OWN_COUNTERS):
                continue
            labels = (self._known_as("counter", chunk.names[code]), chunk.node)
            total = self._counters[labels] = self._counters.get(labels, 0.0) + value
            # A scenario may count down; to its reader that would look like a restart.
            self._set("counted", labels, max(total, self._series["counted"].get(labels, 0.0)))
        for code, value in zip(gauges.name.tolist(), gauges.last.tolist(), strict=True):
            name = self._known_as("gauge", chunk.names[code])
            if name != OTHER:
                self._set("value", (name, chunk.node), value)

    def _take_sample(self, frame: str, node: str, sample: Sample) -> None:
        """Take in what the schema says is a metric; a gauge that is not known any more is none."""
        name = self._known_as(frame, sample.name) if sample.name else ""
        labels = (name, node) if name else (node,)
        is_of_now = name != OTHER and (frame != "throttles" or _is_of_now(sample))
        for metric, column in SAMPLED.get(frame, ()):
            value = float(sample.values.get(column, math.nan))
            if METRICS[metric].kind == "gauge":
                if is_of_now:
                    self._set_if_known(metric, labels, value)
            elif not math.isnan(value):
                self._add(metric, labels, value)
        if frame == "throttles" and is_of_now:
            # A limit has neither.
            rate, interval = (sample.values.get(key, math.nan) for key in ("rate", "interval"))
            self._set_if_known("throttle_rate", labels, float(rate) / (float(interval) or math.nan))

    def _forget_stopped(self, chunk: Chunk) -> None:
        """Leave out the gauges of throttles that a node does not tell of any more."""
        samples = chunk.samples.get("throttles", ())
        told = {(sample.name, chunk.node) for sample in samples if _is_of_now(sample)}
        for name in _THROTTLE_GAUGES if told else ():
            series = self._series[name]
            stopped = [key for key in series if key[-1] == chunk.node and key not in told]
            for key in stopped:
                del series[key]

    def _take_health(self, record: RunRecord, node: str, sample: Sample) -> None:
        """Count the window if it is saturated, and those before it of which nobody told."""
        end = window_told_by(sample.at, record.window) + 1
        self._told_up_to.setdefault(node, self._first_owed(record, node, end - 1))
        self._miss_windows(record, node, end - 1)
        self._told_up_to[node] = max(end, self._told_up_to[node])
        is_new = bool(sample.values["saturated"]) and end > self._saturated_up_to.get(node, 0)
        if is_new:  # the second half of a window may have a row of its own
            self._saturated_up_to[node] = end
        self._add("generator_saturated_windows", (node,), int(is_new))

    def _first_owed(self, record: RunRecord, node: str, otherwise: int) -> int:
        """Return the first window that a node owes: the one after it began to have users."""
        if self._loaded != record.run_id:  # what came before is not in here
            return otherwise
        running_at = record.moments_of(node).get("running_at", math.nan)
        return otherwise if math.isnan(running_at) else math.ceil(running_at / record.window)

    def _miss_last_windows(self, record: RunRecord) -> None:
        """Count what nodes owed that told no more, or never did, at the end of the run."""
        nodes: list[str] = cast("Any", record.table("nodes"))["node"]
        for node in nodes:
            end = math.floor(record.latest / record.window)
            self._told_up_to.setdefault(node, self._first_owed(record, node, end))
            self._miss_windows(record, node, math.inf)

    def _miss_windows(self, record: RunRecord, node: str, end: float) -> None:
        """Count the windows before `end` that a node owed: its loop was held, or it was cut off."""
        moments = (record.moments_of(node).get("left_at", math.nan), record.ending_at)
        known = [at for at in moments if not math.isnan(at)]
        if known:
            end = min(end, math.floor(min(known) / record.window - 0.5))
        missed = end - self._told_up_to[node]
        if 0 < missed < math.inf:
            self._add("generator_saturated_windows", (node,), missed)

    def _known_as(self, kind: str, name: str) -> str:
        """Return the name itself, or ``(other)`` if there are too many of its kind."""
        known = self._known.setdefault(kind, set())
        if name in known:
            return name
        if len(known) >= self._limit:
            self.tell(
                f"names of {kind}",
                f"exporters tell {self._limit:,} names apart of what is called {kind}, and later "
                "ones are `(other)`; `names=` says how many",
            )
            return OTHER
        known.add(name)
        return name

    def _add(self, metric: str, labels: LabelValues, number: float) -> None:
        series = self._series[metric]
        series[labels] = series.get(labels, 0.0) + number

    def _set_if_known(self, metric: str, labels: LabelValues, value: float) -> None:
        if math.isnan(value):
            self._series[metric].pop(labels, None)
        else:
            self._set(metric, labels, value)

    def _set(self, metric: str, labels: LabelValues, value: float) -> None:
        self._series[metric][labels] = value


def _is_of_now(sample: Sample) -> bool:
    """Whether a sample of a throttle tells how it stands, and not only of windows that are over."""
    return "waiting" in sample.values


def _sum(one: Durations, other: Durations) -> Durations:
    """Return both together; neither is changed, because a reader may hold it."""
    return Durations(
        one.counts + other.counts,
        one.total + other.total,
        min(one.minimum, other.minimum),
        max(one.maximum, other.maximum),
    )
