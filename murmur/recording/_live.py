"""Live view of a run: the newest minutes, for whoever shows a run while it is on.

Panel, terminal and whatever else looks several times a second read one `Recent` each time.
Making it costs the same on the first day of a run and in its first minute: windows of the
record that are over are computed once, and once more while chunks for them may still come.

What should have come and did not is no calm: seconds that nobody told of divide rates like
any others, and count as windows in which the generator was not fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from murmur._backend import thread_lock
from murmur.telemetry import Histogram, Labels, kind_text, middle

from ._failures import failed_thing, failed_users
from ._schema import USER_STATES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._nodes import Departure
    from ._record import RunRecord

    _Totals = tuple[str, int, int]  # a name, how many actions of it ended and how many failed
    _Counts = Mapping[str, Mapping[int, tuple[int, int]]]  # ended and failed, by name and window
    _Rows = Mapping[str, Sequence[Mapping[str, Any]]]  # of the table `health`, by node

SPAN = 300
"""Windows that are looked back."""

SHORTEST = 1e-5
"""Seconds at which the lowest band of the heat map begins."""

BANDS_A_DECADE = 8

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}

RECENT = 10
"""Windows that rates and response times of now are taken over."""

_LATE = 3  # windows: what a node sends later is missing here, and only here
_ON_ITS_WAY = 2  # windows after which a chunk should have come
_HEALTH = 30  # windows that the generator's fitness is judged by
_SPIKE = 3  # windows that a spike of the lag is told for
_SILENT = 3.0  # s without news that are told as a lag
_FAILURES = 8
_DEPARTED = 50
_SAME_CALL = 0.5  # s between what two nodes tell of one call, at most


@dataclass(frozen=True, slots=True)
class Figures:
    """Actions of one name: over the run, and of the last whole windows.

    Attributes
    ----------
    name : str
        The name; ``"all"`` of all together.
    count, failed : int
        How many ended since the run started, and how many of those failed.
    rate, failed_rate : float
        Per second, of the last ten windows.
    p50, p95, p99 : float
        Response times in seconds, of the same windows; NaN without any.
    """

    name: str = "all"
    count: int = 0
    failed: int = 0
    rate: float = 0.0
    failed_rate: float = 0.0
    p50: float = math.nan
    p95: float = math.nan
    p99: float = math.nan

    @property
    def failed_share(self) -> float | None:
        """Share of the actions of the last ten windows that failed; None if none ended."""
        return self.failed_rate / self.rate if self.rate else None


class LiveChange(NamedTuple):
    """A live change, of all nodes together."""

    at: float
    what: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """A kind of failure of one thing."""

    thing: str  # what failed: the name of an action, or what it is and its name
    error: str  # type and message
    count: int
    users: int
    last_at: float  # when it last did, in seconds since the run started


@dataclass(frozen=True, slots=True, eq=False)
class LiveWindow:
    """Actions that ended in one window, all names and nodes together.

    Attributes
    ----------
    at : float
        When the window began, in seconds since the run started.
    count, failed : int
        How many ended, and failed.
    quantiles : numpy.ndarray
        Response times in seconds, as in `QUANTILES`.
    bands : numpy.ndarray of int
        How many took how long; band 0 begins at `SHORTEST`.
    """

    at: float
    count: int
    failed: int
    quantiles: NDArray[np.float64]
    bands: NDArray[np.int64]

    @classmethod
    def of(cls, at: float, count: int, failed: int, times: Histogram) -> LiveWindow:
        """Return the window at `at` in which actions took so long."""
        import numpy as np

        buckets, counts = times.buckets()
        seconds = np.maximum(middle(buckets), SHORTEST)
        band = np.floor(BANDS_A_DECADE * np.log10(seconds / SHORTEST)).astype(np.int64)
        return cls(
            at,
            count,
            failed,
            quantiles=times.quantiles(list(QUANTILES.values())),
            bands=np.bincount(band, weights=counts).astype(np.int64),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """The newest minutes of a run at one moment."""

    version: int = 0  # the same as before if nothing came since
    window: float = 1.0  # seconds in a window
    # actions of the last 300 windows that are whole, the oldest first, from the first of them in
    # which one ended; those behind it in which none did are there as well
    windows: tuple[LiveWindow, ...] = ()
    # moment, and users waiting, running and leaving on all nodes, the oldest first
    population: tuple[tuple[float, int, int, int], ...] = ()
    # by throttle: when a window began, and permits per second asked for and granted; NaN in a
    # window that no node told of
    permits: Mapping[str, tuple[tuple[float, float, float], ...]] = field(default_factory=dict)
    # of each name, in alphabetical order; empty if nobody asked for them
    actions: tuple[Figures, ...] = ()
    total: Figures = field(default_factory=Figures)  # of all names together
    changes: tuple[LiveChange, ...] = ()  # live changes of the whole run, the oldest first
    failures: tuple[Failure, ...] = ()  # the most frequent failures of the whole run
    failed_users: int = 0  # how many users failed, of the whole run
    # by node: what the newest row of `Results.health` says, by column
    health: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # by node: seconds for which it has told nothing, where that is more than three and there was
    # something to tell.  There is not once the run ends and its users are gone: `terminate` may
    # take its time.
    silent: Mapping[str, float] = field(default_factory=dict)
    departed: tuple[Departure, ...] = ()  # nodes that left or were lost, the last first
    # lag, cpu: the longest loop lag (99th percentile) and the most cores that a node used in the
    # last three windows; of a node that is silent, for how long.  NaN if nothing is known.
    lag: float = math.nan
    cpu: float = math.nan
    # unfit, judged: of the last thirty windows of each node: in how many the generator was
    # saturated or did not tell how it was, and how many there should be
    unfit: int = 0
    judged: int = 0
    reasons: tuple[str, ...] = ()  # why, one for each of those that were saturated


class LiveView:
    """The newest minutes of one run, looked at time and again."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self._lock = thread_lock()
        self._known: dict[int, LiveWindow] = {}
        self._empty = LiveWindow.of(0.0, 0, 0, Histogram())
        self._changes: tuple[int, tuple[LiveChange, ...]] = (0, ())

    def recent(
        self,
        elapsed: float,  # seconds since the run started, whether or not anything came
        *,
        by_name: bool = True,  # whether figures of each name are wanted
        # whether nothing comes any more, so that the last window counts as it is
        is_over: bool = False,
    ) -> Recent:
        """Return the newest minutes; from any thread."""
        with self._lock:
            return self._recent(max(elapsed, self._record.latest), by_name, is_over)

    def _recent(self, elapsed: float, by_name: bool, is_over: bool) -> Recent:
        record, length = self._record, self._record.window
        version = record.version  # before anything is read, or news would be taken for known
        passed = math.floor(elapsed / length) - _ON_ITS_WAY
        population = self._population(passed)
        filling = round(population[-1][0] / length) if population else 0
        end = max(filling, passed, 1)
        counts = self._catch_up(end)
        until = max(end, math.ceil(elapsed / length)) if is_over else end
        health, errors = self._health(elapsed), record.table("errors")
        done = frozenset(record.nodes_here()) if is_over else self._done()
        unfit, judged = self._fitness(health, elapsed, done)
        silent = self._silent(health, elapsed, done)
        totals = sorted(self._record.totals())  # once: names and their sum are of one moment
        lately = [row for rows in health.values() for row in rows[-_SPIKE:]]
        return Recent(
            version=version,
            window=length,
            windows=self._windows(end, math.floor(elapsed / length)),
            population=population,
            permits=self._permits(end),
            actions=tuple(self._figures(totals, counts, until, elapsed)) if by_name else (),
            total=self._total(totals, counts, until, elapsed),
            changes=self._all_changes(),
            failures=tuple(_failures(errors)[:_FAILURES]),
            failed_users=failed_users(errors),
            health={node: rows[-1] for node, rows in health.items()},
            silent=silent,
            departed=tuple(record.nodes_departed()[:_DEPARTED]),
            lag=_worst([*(row["loop_lag_p99"] for row in lately), *silent.values()]),
            cpu=_worst([row["cpu"] for row in lately]),
            unfit=unfit,
            judged=judged,
            reasons=tuple(
                row["reason"] or "" for rows in health.values() for row in rows if row["saturated"]
            ),
        )

    def _population(self, passed: int) -> tuple[tuple[float, int, int, int], ...]:
        since = max(0, passed - SPAN) * self._record.window
        table = self._record.table("population", since, of_all=True)
        return tuple(rows_of(table, "window_at", *USER_STATES))[-SPAN:]

    def _windows(self, end: int, passed: int) -> tuple[LiveWindow, ...]:
        """Return what is known of the windows before `end`, and empty ones of which nothing is."""
        if not self._record.actions_total:
            return ()
        first = min(self._known, default=end - SPAN)
        until = max([min(end, passed), *(number + 1 for number in self._known if number < end)])
        return tuple(
            self._known.get(number) or replace(self._empty, at=number * self._record.window)
            for number in range(max(first, end - SPAN), until)
        )

    def _permits(self, end: int) -> dict[str, tuple[tuple[float, float, float], ...]]:
        length = self._record.window
        found: dict[str, dict[int, list[float]]] = {}
        table = self._record.table("throttles", max(0, end - SPAN) * length)
        for at, name, asked, granted in rows_of(table, "window_at", "name", "requested", "granted"):
            if (number := round(at / length)) >= end:
                continue  # it is not over, and would show as a fall
            row = found.setdefault(name, {}).setdefault(number, [0.0, 0.0])
            row[0] += asked / length
            row[1] += granted / length
        return {
            name: tuple(
                (number * length, *rows.get(number, (math.nan, math.nan)))
                for number in range(min(rows), max(rows) + 1)
            )
            for name, rows in found.items()
        }

    def _catch_up(self, end: int) -> dict[str, dict[int, tuple[int, int]]]:
        """Take in windows that are new; return counts by name of the last ones."""
        length = self._record.window
        newest = max(self._known, default=-1)
        first = max(min(newest - _LATE + 1, end - RECENT), end - SPAN, 0)
        names: dict[str, dict[int, tuple[int, int]]] = {}
        sums: dict[int, tuple[int, int]] = {}
        table = self._record.table("windows", first * length, of_all=True)
        for at, name, count, failed in rows_of(table, "window_at", "name", "count", "failed"):
            number = round(at / length)
            names.setdefault(name, {})[number] = count, failed
            before = sums.get(number, (0, 0))
            sums[number] = before[0] + count, before[1] + failed
        for number, (count, failed) in sums.items():
            known = self._known.get(number)
            if known is None or number > newest - _LATE or known.count != count:
                times = self._times(number, number + 1)
                self._known[number] = LiveWindow.of(number * length, count, failed, times)
        for number in [number for number in self._known if number < end - SPAN]:
            del self._known[number]
        return names

    def _figures(
        self, totals: Sequence[_Totals], counts: _Counts, end: int, elapsed: float
    ) -> Iterator[Figures]:
        for name, count, failed in totals:
            recent = _ended(counts.get(name, {}), end)
            yield self._with_times(Figures(name, count, failed), recent, end, elapsed)

    def _total(
        self, totals: Sequence[_Totals], counts: _Counts, end: int, elapsed: float
    ) -> Figures:
        each = [_ended(windows, end) for windows in counts.values()]
        recent = sum(one[0] for one in each), sum(one[1] for one in each)
        count, failed = sum(row[1] for row in totals), sum(row[2] for row in totals)
        return self._with_times(Figures("all", count, failed), recent, end, elapsed)

    def _with_times(
        self, figures: Figures, recent: tuple[int, int], end: int, elapsed: float
    ) -> Figures:
        first = max(end - RECENT, 0)
        length = self._record.window
        seconds = min((end - first) * length, elapsed - first * length) or math.inf
        times = self._times(first, end, None if figures.name == "all" else figures.name)
        p50, p95, p99 = times.quantiles([0.5, 0.95, 0.99]).tolist()
        return replace(
            figures,
            rate=recent[0] / seconds,
            failed_rate=recent[1] / seconds,
            p50=p50,
            p95=p95,
            p99=p99,
        )

    def _times(self, first: int, end: int, name: str | None = None) -> Histogram:
        length = self._record.window
        return self._record.histogram(name=name, start=first * length, end=end * length)

    def _health(self, elapsed: float) -> dict[str, list[dict[str, Any]]]:
        """Return the last rows of each node that is here, the newest last.

        One that left or was lost is told of as that, and not as one that is late.
        """
        here = self._record.nodes_here()
        length = self._record.window
        end = math.floor(elapsed / length)
        table = self._record.table("health", max(0, end - _HEALTH) * length)
        names = list(table)
        nodes: dict[str, list[dict[str, Any]]] = {}
        for values in rows_of(table, *names):
            row = dict(zip(names, values, strict=True))
            if row["node"] in here:
                nodes.setdefault(row["node"], []).append(row)
        return nodes

    def _done(self) -> frozenset[str]:
        """Return the nodes that have nothing to tell any more.

        The run ends, and their users are gone: they said so, and then they measure no more.
        """
        record = self._record
        if math.isnan(record.ending_at):
            return frozenset()
        table = record.table("population", record.ending_at - 2 * record.window)
        rows = sorted(rows_of(table, "window_at", "node", *USER_STATES), key=itemgetter(0))
        present = {node: sum(users) for _, node, *users in rows}
        return frozenset(node for node, number in present.items() if not number)

    def _silent(self, health: _Rows, elapsed: float, done: frozenset[str]) -> dict[str, float]:
        """Return for how long nodes have told nothing that should have."""
        quiet = {}
        for node, since in self._record.nodes_here().items():
            rows = health.get(node)
            heard_at = max(since, self._record.heard_until(node))
            if rows:
                heard_at = rows[-1]["window_at"] + self._record.window
            if node not in done and elapsed - heard_at > _SILENT:
                quiet[node] = elapsed - heard_at
        return quiet

    def _fitness(self, health: _Rows, elapsed: float, done: frozenset[str]) -> tuple[int, int]:
        """Return in how many of the last windows nodes were unfit or silent, and of how many."""
        length = self._record.window
        end = math.floor(elapsed / length)
        unfit = judged = 0
        for node, owes_since in self._record.nodes_here().items():
            rows = health.get(node, [])
            since = max(owes_since, max(0, end - _HEALTH) * length)
            begin = rows[0]["window_at"] if rows else since
            first = math.ceil(min(begin, elapsed) / length - 1e-6)  # a start is seldom a whole one
            due = max(len(rows), 0 if node in done else end - _ON_ITS_WAY - first)
            unfit += sum(row["saturated"] for row in rows) + due - len(rows)
            judged += due
        return unfit, judged

    def _all_changes(self) -> tuple[LiveChange, ...]:
        number = self._record.changes_total
        if number != self._changes[0]:
            self._changes = number, live_changes(self._record)
        return self._changes[1]


def _failures(errors: Mapping[str, Any]) -> list[Failure]:
    """Return the rows of a table ``errors``."""
    names = ("source", "name", "kind", "message", "count", "users", "last_at")
    return [
        Failure(failed_thing(source, name), kind_text(kind, message), count, users, last_at)
        for source, name, kind, message, count, users, last_at in rows_of(errors, *names)
    ]


def _worst(values: Sequence[float]) -> float:
    """Return the largest value that is known; NaN if none is."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def _ended(windows: Mapping[int, tuple[int, int]], end: int) -> tuple[int, int]:
    """Return how many actions ended, and failed, in the last whole windows."""
    recent = [windows[number] for number in range(end - RECENT, end) if number in windows]
    return sum(count for count, _ in recent), sum(failed for _, failed in recent)


def live_changes(record: RunRecord) -> tuple[LiveChange, ...]:
    """Return the live changes; what one call did on several nodes is one."""
    merged: list[LiveChange] = []
    told_by: list[set[str]] = []
    names = ("at", "node", "what", "old", "new")
    for at, node, what, old, new in rows_of(record.table("changes"), *names):
        place = len(merged) - 1
        while place >= 0 and at - merged[place].at <= _SAME_CALL:
            if node not in told_by[place] and _may_be_one(merged[place], what, old, new):
                break
            place -= 1
        else:
            merged.append(LiveChange(at, what, old, new))
            told_by.append({node})
            continue
        told_by[place].add(node)
        if what == "users":  # each node tells of its share
            one = merged[place]
            merged[place] = one._replace(old=one.old + old, new=one.new + new)
    return tuple(merged)


def _may_be_one(change: LiveChange, what: str, old: Any, new: Any) -> bool:  # noqa: ANN401
    """Whether one call may have made both changes: none adds users here and removes them there."""
    if change.what != what:
        return False
    return what != "users" or (change.new > change.old) == (new > old)


def rows_of(table: Mapping[str, Any], *names: str) -> Iterator[tuple[Any, ...]]:
    """Yield some columns of a table as tuples of plain values, one for each row."""
    return zip(*(_plain(table[name]) for name in names), strict=True)


def _plain(column: Sequence[Any] | Labels | NDArray[Any]) -> list[Any]:
    if isinstance(column, Labels):
        return column.decode()
    return list(column if isinstance(column, list) else column.tolist())  # type: ignore[union-attr]
