"""The recorder: takes down what a run does on one node, at the price of an append.

Nothing is counted or computed while the load runs.  Everything hot becomes a packed row
(see `_rows`); about once a second the runtime calls `Recorder.seal`, which folds the rows
into a `Chunk` with a few array operations.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from murmur.errors import InvalidMeasurementError

from ._chunk import (
    Change,
    Chunk,
    Counters,
    Dropped,
    Gauges,
    HealthSample,
    PopulationSample,
    ThrottleSample,
    Windows,
    count_errors,
)
from ._codes import MISSING, OTHER, Codes, Names
from ._plain import name_of, plain, text_of, trace_of
from ._rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._events import Event

__all__ = ["Recorder"]

NAN = float("nan")
MESSAGE_LENGTH = 200
HIGHEST_ID = 2**32 - 1  # what a row has room for

Item = TypeVar("Item")


def _action_rows() -> Rows:
    times = [("due_at", "<f8"), ("started_at", "<f8"), ("ended_at", "<f8")]
    return Rows("<hhIddd", [("name", "<i2"), ("error", "<i2"), ("user_id", "<u4"), *times])


def _user_rows() -> Rows:
    times = [("admitted_at", "<f8"), ("started_at", "<f8"), ("ended_at", "<f8")]
    return Rows("<hhIddd", [("outcome", "<i2"), ("reason", "<i2"), ("user_id", "<u4"), *times])


def _value_rows() -> Rows:
    return Rows("<hdd", [("name", "<i2"), ("value", "<f8"), ("at", "<f8")])


@dataclass(slots=True)
class _Hot:
    """Rows that come many times a second."""

    actions: Rows = field(default_factory=_action_rows)
    users: Rows = field(default_factory=_user_rows)
    counts: Rows = field(default_factory=_value_rows)
    gauges: Rows = field(default_factory=_value_rows)


@dataclass(slots=True)
class _Cold:
    """Samples that come about once a second, and what happens now and then."""

    dropped: list[Dropped] = field(default_factory=list)
    population: list[PopulationSample] = field(default_factory=list)
    throttles: list[ThrottleSample] = field(default_factory=list)
    health: list[HealthSample] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class _Tally:
    """A count that any thread may raise, since `next` is one step of the interpreter."""

    __slots__ = ("_count", "_taken", "_takes", "add")

    def __init__(self) -> None:
        self._count = itertools.count()
        self._taken = 0
        self._takes = 0
        self.add: Callable[[], int] = self._count.__next__

    def take(self) -> int:
        """Return by how much it was raised since it was last taken."""
        total = next(self._count) - self._takes
        self._takes += 1
        self._taken, before = total, self._taken
        return total - before


class Recorder:
    """Takes down what happens on one node during one run.

    Every method may be called from any thread.  Times are seconds on the monotonic clock
    of the node, the one that `started_at` was read from.  Names that are not text become
    text: ``None`` is recorded as ``"None"``, and half a character (a lone surrogate) as its
    escape.  User ids beyond 2**32 - 1 are recorded as that one.

    Parameters
    ----------
    node : str
        Name of the node.
    started_at : float
        When the run started.  Windows are counted from here.
    wall_started_at : float
        The same moment in UNIX seconds UTC.
    now : callable, default `time.monotonic`
        The clock, for counts and gauges; a run on virtual time passes its own.
    window : float, default 1.0
        Length of a window in seconds.
    name_limit : int, default 1000
        How many names of actions, counters and gauges are told apart; later ones share
        the name ``(other)``.
    kind_limit : int, default 200
        The same for kinds of errors (type and message).
    event_limit : int, default 10000
        How many events are kept between two seals; more are dropped and counted.
    """

    def __init__(  # noqa: PLR0913 - all by keyword, four of them bounds with defaults
        self,
        *,
        node: str,
        started_at: float,
        wall_started_at: float,
        now: Callable[[], float] = time.monotonic,
        window: float = 1.0,
        name_limit: int = 1000,
        kind_limit: int = 200,
        event_limit: int = 10_000,
    ) -> None:
        self.node = node
        self.started_at = started_at
        self.wall_started_at = wall_started_at
        self.window = window
        self._now = now
        self._event_limit = event_limit
        self._refused = _Tally()
        self._names = Names(name_limit, OTHER)
        self._outcomes = Names(name_limit, OTHER)
        self._reasons = Names(name_limit, OTHER)
        self._kinds = Codes(kind_limit, (OTHER, ""))
        self._explained: set[int] = set()
        self._tracebacks: dict[int, str] = {}
        self._hot = _Hot()
        self._cold = _Cold()
        self._pack_action = self._hot.actions.pack
        self._append_action = self._hot.actions.append

    def action(
        self,
        name: str,
        user_id: int,
        due_at: float,
        started_at: float,
        ended_at: float,
        error: BaseException | str | None = None,
    ) -> None:
        """Record one action that ended.

        Parameters
        ----------
        name : str
            What was done.
        user_id : int
            Who did it; 0 if no user did.
        due_at, started_at, ended_at : float
            When it should have started, when it did, and when it ended.
        error : BaseException or str, optional
            Why it failed; without it, it succeeded.
        """
        self._append_action(
            self._pack_action(
                self._names[name],
                MISSING if error is None else self._kind_of(error),
                user_id if user_id <= HIGHEST_ID else HIGHEST_ID,  # noqa: FURB136 - min() takes 0.15 us
                due_at,
                started_at,
                ended_at,
            )
        )

    def user_gone(
        self,
        user_id: int,
        outcome: str,
        reason: str | None,
        admitted_at: float | None,
        started_at: float | None,
        ended_at: float,
    ) -> None:
        """Record that a user is gone; None for moments that never came."""
        rows = self._hot.users
        rows.append(
            rows.pack(
                self._outcomes[outcome],
                self._reasons[reason[:MESSAGE_LENGTH]] if reason else MISSING,
                user_id if user_id <= HIGHEST_ID else HIGHEST_ID,  # noqa: FURB136 - min() takes 0.15 us
                NAN if admitted_at is None else admitted_at,
                NAN if started_at is None else started_at,
                ended_at,
            )
        )

    def users_dropped(self, first: int, last: int, at: float, reason: str) -> None:
        """Record that users `first` to `last`, both included, were never admitted."""
        self._cold.dropped.append(Dropped(first, last, at - self.started_at, name_of(reason)))

    def count(self, name: str, n: float = 1) -> None:
        """Add `n` to a counter.

        Raises
        ------
        InvalidMeasurementError
            If `n` is not a finite number: the total would not be one ever after.
        """
        _check(name, n)
        rows = self._hot.counts
        rows.append(rows.pack(self._names[name], n, self._now()))

    def gauge(self, name: str, value: float) -> None:
        """Record the present value of something.

        Raises
        ------
        InvalidMeasurementError
            If `value` is not a finite number.
        """
        _check(name, value)
        rows = self._hot.gauges
        rows.append(rows.pack(self._names[name], value, self._now()))

    def event(self, event: Event) -> None:
        """Keep an event, its metadata reduced to plain values; see `Emitter`."""
        if len(self._cold.events) >= self._event_limit:
            self._refused.add()
            return
        metadata = {key: plain(value) for key, value in event.metadata.items()}
        self._cold.events.append(replace(event, at=event.at - self.started_at, metadata=metadata))

    def change(self, at: float, who: str, what: str, old: object, new: object) -> None:
        """Record a live change: who changed what, from which value to which."""
        who, what = name_of(who), name_of(what)
        self._cold.changes.append(Change(at - self.started_at, who, what, plain(old), plain(new)))

    def population(self, at: float, waiting: int, running: int, leaving: int) -> None:
        """Record how many users there are."""
        sample = PopulationSample(at - self.started_at, waiting, running, leaving)
        self._cold.population.append(sample)

    def throttle(self, at: float, name: str, sample: Mapping[str, Any]) -> None:
        """Record what a throttle did since its sample before.

        Parameters
        ----------
        at : float
            The present moment.
        name : str
            The throttle.
        sample : mapping
            ``rate`` per ``interval`` (seconds); ``requested`` and ``granted`` permits and
            the ``lateness`` of each grant (seconds) since the sample before; ``waiting``
            now.  A key that has no meaning may be None or absent.
        """
        lateness = sample.get("lateness")
        middle, high, _ = _spread(() if lateness is None else lateness)
        self._cold.throttles.append(
            ThrottleSample(
                at - self.started_at,
                name_of(name),
                rate=_number(sample.get("rate")),
                interval=_number(sample.get("interval")),
                requested=int(sample.get("requested") or 0),
                granted=int(sample.get("granted") or 0),
                waiting=int(sample.get("waiting") or 0),
                lateness_p50=middle,
                lateness_p99=high,
            )
        )

    def health(
        self, at: float, loop_lag: Sequence[float], cpu: float, rss: float, saturated: bool
    ) -> None:
        """Record how well the generator kept up since the sample before.

        Parameters
        ----------
        at : float
            The present moment.
        loop_lag : sequence of float
            Seconds by which the loop was late, each time it was looked at.
        cpu : float
            Share of one core, 1.0 is all of it.
        rss : float
            Resident memory in bytes.
        saturated : bool
            Whether the generator was the bottleneck.
        """
        sample = HealthSample(at - self.started_at, *_spread(loop_lag), cpu, rss, saturated)
        self._cold.health.append(sample)

    def seal(self) -> Chunk:
        """Take everything recorded since the last seal, folded and ready to travel.

        One thread seals; others may go on recording, and what they record meanwhile is
        in this chunk or in the next, never in none.
        """
        hot, cold = self._hot, self._cold
        actions, users = self._since_start(hot.actions), self._since_start(hot.users)
        counts, gauges = self._since_start(hot.counts), self._since_start(hot.gauges)
        return Chunk(
            node=self.node,
            names=self._names.labels(),
            outcomes=self._outcomes.labels(),
            reasons=self._reasons.labels(),
            kinds=self._kinds.labels(),
            tracebacks=_take_items(self._tracebacks),
            actions=actions,
            windows=Windows.fold(actions, self.window),
            errors=count_errors(actions),
            users=users,
            dropped=_take(cold.dropped),
            counters=Counters.fold(counts, self.window),
            gauges=Gauges.fold(gauges, self.window),
            population=_take(cold.population),
            throttles=_take(cold.throttles),
            health=_take(cold.health),
            changes=_take(cold.changes),
            events=_take(cold.events),
            events_dropped=self._refused.take(),
        )

    def _since_start(self, rows: Rows) -> NDArray[Any]:
        """Take rows, their times turned into seconds since the run started."""
        taken = rows.take()
        for name in taken.dtype.names or ():
            if name.endswith("at"):
                taken[name] -= self.started_at
        return taken

    def _kind_of(self, error: BaseException | str) -> int:
        """Return the code of an error's kind, and keep the first traceback of each."""
        if isinstance(error, str):
            return self._kinds["failed", name_of(error)[:MESSAGE_LENGTH]]
        code = self._kinds[type(error).__name__, text_of(error)[:MESSAGE_LENGTH]]
        if code not in self._explained:
            self._explained.add(code)
            self._tracebacks[code] = trace_of(error)
        return code


def _take(items: list[Item]) -> tuple[Item, ...]:
    """Remove and return what a list holds; what is appended meanwhile stays."""
    taken = tuple(items)
    del items[: len(taken)]
    return taken


def _take_items(items: dict[int, str]) -> dict[int, str]:
    taken = items.copy()
    for key in taken:
        del items[key]
    return taken


def _check(name: str, value: float) -> None:
    """Raise `InvalidMeasurementError` unless `value` is a finite number."""
    try:
        if isfinite(value):
            return
    except (TypeError, OverflowError):  # no number, or an integer beyond all floats
        pass
    raise InvalidMeasurementError(name_of(name), value, "give a finite number")


def _number(value: float | None) -> float:
    return NAN if value is None else float(value)


def _spread(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Return median, 99th percentile and maximum, by nearest rank; NaN of none."""
    if not len(seconds):
        return NAN, NAN, NAN
    ordered = sorted(seconds)
    ranks = (ceil(share * len(ordered)) for share in (0.5, 0.99, 1.0))
    middle, high, most = (float(ordered[rank - 1]) for rank in ranks)
    return middle, high, most
