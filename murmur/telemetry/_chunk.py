"""Chunk that a recorder seals about once a second: one node's news, in columns.

A chunk is made to travel: arrays and small tuples of plain values, complete in itself
(codes come with their labels), so that a chunk that is lost takes only itself along.
All times in it are seconds since the run started.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ._buckets import sums, tally
from ._distributions import Distributions
from ._under_way import Begun

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._events import Event


HAIR = 1e-3
"""Windows by which a sample may come after an end and tell of what ended there all the same."""


def window_told_by(at: float, length: float) -> int:
    """Return the window of so many seconds that a sample tells of, the first of which is 0.

    It is the one that the sample is taken in, or at the end of.
    """
    return max(0, math.ceil(at / length - HAIR) - 1)


class Sample(NamedTuple):
    """What was measured of one thing since it was last looked at, or as it stood."""

    at: float  # when it was looked at
    name: str  # what it is about, where there are several, as of throttles; else empty
    # what was measured, by the names of the columns of its frame; what is not known is left out,
    # or NaN
    values: Mapping[str, float | bool | str]


class Dropped(NamedTuple):
    """Users, both ends included, that were never admitted."""

    first: int
    last: int
    at: float
    reason: str


class Change(NamedTuple):
    """A live change."""

    at: float
    who: str
    what: str
    old: object
    new: object


class ErrorCount(NamedTuple):
    """How often something failed in one way."""

    name: int  # name, kind: what failed, a row of `Chunk.names`; and how, a row of `Chunk.kinds`
    kind: int
    number: int
    first_at: float  # first_at, last_at: when it did for the first and the last time
    last_at: float
    source: str = "action"  # of what the name is: `"action"`, `"user"`, `"coordinator"`...
    users: int = 0  # users that ended by it

    @property
    def key(self) -> tuple[str, int, int]:
        """What makes two counts one."""
        return self.source, self.name, self.kind

    def plus(self, other: ErrorCount) -> ErrorCount:
        """Return both counts as one."""
        return self._replace(
            number=self.number + other.number,
            first_at=min(self.first_at, other.first_at),
            last_at=max(self.last_at, other.last_at),
            users=self.users + other.users,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Actions by window and name, ascending: one row per pair that occurred."""

    window: NDArray[np.int64]  # number of the window in which the actions ended
    name: NDArray[np.signedinteger[Any]]  # code of their name
    count: NDArray[np.int64]  # count, failed: how many ended, and how many of those failed
    failed: NDArray[np.int64]
    service: Distributions  # service, response: times of those that did not fail, one group per row
    response: Distributions

    @classmethod
    def fold(cls, actions: NDArray[Any], length: float) -> Windows:
        """Return the windows of `actions`, whose times count from the run's start."""
        import numpy as np

        ended, name = actions["ended_at"], actions["name"].astype(np.int64)
        names = int(name.max(initial=0)) + 1
        key = window_of(ended, length) * names + name
        distinct, count = tally(key)
        group = np.searchsorted(distinct, key)
        succeeded = actions["error"] < 0
        good, ok = group[succeeded], actions[succeeded]
        number = len(distinct)
        return cls(
            window=distinct // names,
            name=(distinct % names).astype(np.int16),
            count=count,
            failed=count - np.bincount(good, minlength=number),
            service=Distributions.fold(good, ok["ended_at"] - ok["started_at"], number),
            response=Distributions.fold(good, ok["ended_at"] - ok["due_at"], number),
        )


class Counters(NamedTuple):
    """Increments by window and name, as columns."""

    window: NDArray[np.int64]
    name: NDArray[np.signedinteger[Any]]
    value: NDArray[np.float64]

    @classmethod
    def fold(cls, rows: NDArray[Any], length: float) -> Counters:
        """Return the sums of `rows` (name, value, at)."""
        window, name, group = by_window(rows, length)
        return cls(window, name, sums(group, rows["value"], len(window)))


class Gauges(NamedTuple):
    """Values by window and name, as columns: those of the frame, and `sum` by `size`."""

    window: NDArray[np.int64]
    name: NDArray[np.signedinteger[Any]]
    last: NDArray[np.float64]
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    sum: NDArray[np.float64]
    size: NDArray[np.int64]

    @classmethod
    def fold(cls, rows: NDArray[Any], length: float) -> Gauges:
        """Return what `rows` (name, value, at) come to."""
        import numpy as np

        window, name, group = by_window(rows, length)
        value, number = rows["value"], len(window)
        last = np.empty(number)
        last[group] = value  # of several to one place, the last stays
        minimum, maximum = np.full(number, np.inf), np.full(number, -np.inf)
        np.minimum.at(minimum, group, value)
        np.maximum.at(maximum, group, value)
        total, size = sums(group, value, number), np.bincount(group, minlength=number)
        return cls(window, name, last, minimum, maximum, total, size)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """One node's news since the chunk before; see `Recorder.seal`.

    Attributes
    ----------
    node : str
        Where it was recorded.
    names, reasons, outcomes : tuple of str
        What the codes in the arrays stand for.
    kinds : tuple of (str, str)
        Type and message of errors, by their code.
    tracebacks : dict of int to str
        The text of one traceback for each kind that was new.
    spans : Windows or None
        Parts of actions, as windows have actions.
    under_way : tuple of Begun or None
        Actions that have not ended yet; None from whoever knows nothing of them.
    actions, users : numpy.ndarray
        Structured; one row per action, and one per user that is gone.
    samples : mapping of str to tuple of Sample
        What was looked at once a window, by the name of its frame: ``"population"``,
        ``"throttles"``, ``"health"``.
    events_dropped : int
        Events that found no room.
    """

    node: str
    names: tuple[str, ...]
    outcomes: tuple[str, ...]
    reasons: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...]
    tracebacks: dict[int, str]
    actions: NDArray[Any]
    windows: Windows
    errors: tuple[ErrorCount, ...]
    users: NDArray[Any]
    dropped: tuple[Dropped, ...]
    counters: Counters
    gauges: Gauges
    samples: Mapping[str, tuple[Sample, ...]]
    changes: tuple[Change, ...]
    events: tuple[Event, ...]
    events_dropped: int
    spans: Windows | None = None  # of a journal that was written before there were any
    under_way: tuple[Begun, ...] | None = None


def window_of(at: NDArray[np.float64], length: float) -> NDArray[np.int64]:
    """Return the number of the window each moment falls into; 0 if before the start."""
    import numpy as np

    return np.maximum(np.floor(at / length), 0).astype(np.int64)


def count_errors(actions: NDArray[Any]) -> tuple[ErrorCount, ...]:
    """Return how often each name failed in which way."""
    import numpy as np

    failed = actions[actions["error"] >= 0]
    if not len(failed):
        return ()
    kinds = int(failed["error"].max()) + 1
    key = failed["name"].astype(np.int64) * kinds + failed["error"]
    distinct, count = tally(key)
    group = np.searchsorted(distinct, key)
    first, last = np.full(len(distinct), np.inf), np.full(len(distinct), -np.inf)
    np.minimum.at(first, group, failed["ended_at"])
    np.maximum.at(last, group, failed["ended_at"])
    columns = (distinct // kinds, distinct % kinds, count, first, last)
    return tuple(map(ErrorCount, *(column.tolist() for column in columns)))


def by_window(
    rows: NDArray[Any], length: float
) -> tuple[NDArray[np.int64], NDArray[np.int16], NDArray[np.int64]]:
    """Return window and name of each pair that occurs, and the pair of each row."""
    import numpy as np

    names = int(rows["name"].max(initial=0)) + 1
    key = window_of(rows["at"], length) * names + rows["name"]
    distinct, _ = tally(key)
    return distinct // names, (distinct % names).astype(np.int16), np.searchsorted(distinct, key)


def records_of_chunks() -> list[type[Any]]:
    """Return every class that a chunk is made of, for who sends chunks from node to node."""
    return [value for value in globals().values() if _is_record(value)]


def _is_record(value: object) -> bool:
    return isinstance(value, type) and (is_dataclass(value) or hasattr(value, "_fields"))
