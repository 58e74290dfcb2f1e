"""The record of a run: the chunks of all nodes, merged, on the session's side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from murmur.errors import TelemetryError, closest

from ._codes import MISSING, OTHER, Codes
from ._reservoir import Reservoir
from ._tables import TABLES, Legend, Present, UserRows, WaitingRows, recent
from ._window_store import WindowStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from ._chunk import (
        Change,
        Chunk,
        Counters,
        ErrorCount,
        Gauges,
        HealthSample,
        PopulationSample,
        ThrottleSample,
    )
    from ._events import Event
    from ._histogram import Histogram
    from ._tables import Table

__all__ = ["RunRecord"]

LIMIT = 30_000  # codes travel in an int16
TIMES = [("admitted_at", "<f8"), ("started_at", "<f8"), ("ended_at", "<f8")]
USER = [("outcome", "<i2"), ("reason", "<i2"), ("node", "<i2"), ("user_id", "<u4"), *TIMES]
ACTION = [
    ("name", "<i2"),
    ("node", "<i2"),
    ("error", "<i2"),
    ("user_id", "<u4"),
    ("due_at", "<f8"),
    ("started_at", "<f8"),
    ("ended_at", "<f8"),
]


@dataclass(slots=True)
class _Codes:
    """The session's codes; a chunk's own are translated."""

    names: Codes[str] = field(default_factory=lambda: Codes(LIMIT, OTHER))
    nodes: Codes[str] = field(default_factory=lambda: Codes(LIMIT, "all"))
    outcomes: Codes[str] = field(default_factory=lambda: Codes(LIMIT, OTHER))
    reasons: Codes[str] = field(default_factory=lambda: Codes(LIMIT, OTHER))
    kinds: Codes[tuple[str, str]] = field(default_factory=lambda: Codes(LIMIT, (OTHER, "")))

    def legend(self, window: float) -> Legend:
        """Return what the codes stand for now."""
        return Legend(
            names=self.names.labels(),
            nodes=self.nodes.labels(),
            outcomes=self.outcomes.labels(),
            reasons=self.reasons.labels(),
            kinds=self.kinds.labels(),
            window=window,
        )


@dataclass(slots=True)
class _Series:
    """Append-only lists, each item beside the code of its node."""

    dropped: list[WaitingRows] = field(default_factory=list)
    counters: list[tuple[int, Counters]] = field(default_factory=list)
    gauges: list[tuple[int, Gauges]] = field(default_factory=list)
    population: list[tuple[int, PopulationSample]] = field(default_factory=list)
    throttles: list[tuple[int, ThrottleSample]] = field(default_factory=list)
    health: list[tuple[int, HealthSample]] = field(default_factory=list)
    changes: list[tuple[int, Change]] = field(default_factory=list)


class RunRecord:
    """Everything that is known of one run.

    One thread, the runtime's, adds; any other may read at the same time, for what is
    read is only ever appended to or replaced whole.

    Parameters
    ----------
    run_id : str
        Name of the run.
    started_at : float
        When it started, in monotonic seconds.
    wall_started_at : float
        The same moment in UNIX seconds UTC.
    settings : mapping, optional
        Settings it started with, secrets masked.
    seed : int, default 0
        Seed of the run; the sample of actions follows from it too.
    window : float, default 1.0
        Length of a window in seconds, that of the recorders.
    actions_bound : int, default 5_000_000
        How many actions are kept; of more, a uniform sample of that many is.
    events_bound : int, default 100_000
        How many events are kept: the newest.

    Attributes
    ----------
    present : dict of str to Present
        Users that are there: ids, and when they were admitted and started.
    waiting : dict of str to list of (int, int)
        Ranges of users, both ends included, that are not admitted yet.
    events_dropped : int
        Events that were thrown away for want of room.
    """

    def __init__(
        self,
        run_id: str,
        started_at: float,
        wall_started_at: float,
        settings: Mapping[str, object] | None = None,
        seed: int = 0,
        *,
        window: float = 1.0,
        actions_bound: int = 5_000_000,
        events_bound: int = 100_000,
    ) -> None:
        import numpy as np

        self.run_id = run_id
        self.started_at = started_at
        self.wall_started_at = wall_started_at
        self.settings = dict(settings or {})
        self.seed = seed
        self.window = window
        self.present: dict[str, Present] = {}
        self.waiting: dict[str, list[tuple[int, int]]] = {}
        self.events_dropped = 0
        self._codes = _Codes()
        self._actions = Reservoir(actions_bound, ACTION, seed)
        self._windows = WindowStore()
        self._users: list[NDArray[Any]] = [np.empty(0, USER)]
        self._series = _Series()
        self._errors: dict[tuple[int, int], ErrorCount] = {}
        self._tracebacks: dict[int, str] = {}
        self._events: list[Event] = []
        self._events_bound = events_bound

    @property
    def actions_total(self) -> int:
        """How many actions were recorded."""
        return self._actions.seen

    @property
    def actions_kept(self) -> int:
        """How many of them have a row in the table of actions."""
        return self._actions.kept

    @property
    def sampled(self) -> bool:
        """Whether the table of actions is a sample rather than all of them."""
        return self._actions.seen > self._actions.kept

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes heard of so far."""
        return self._codes.nodes.labels()[1:]

    def add(self, chunk: Chunk) -> None:
        """Take in one chunk of one node; those of a node in the order they were sealed."""
        node = self._codes.nodes[chunk.node]
        names = _translation(self._codes.names, chunk.names)
        kinds = _translation(self._codes.kinds, chunk.kinds)
        self._windows.add(chunk.windows, node=node, names=names)
        self._actions.add(_action_rows(chunk.actions, node=node, names=names, kinds=kinds))
        self._add_errors(chunk, names=names, kinds=kinds)
        self._add_users(chunk, node)
        self._add_series(chunk, node=node, names=names)
        self._add_events(chunk)

    def _add_errors(
        self, chunk: Chunk, *, names: NDArray[np.int64], kinds: NDArray[np.int64]
    ) -> None:
        for code, text in chunk.tracebacks.items():
            self._tracebacks.setdefault(int(kinds[code]), text)
        for new in chunk.errors:
            key = (int(names[new.name]), int(kinds[new.kind]))
            old = self._errors.get(key)
            self._errors[key] = new._replace(
                name=key[0],
                kind=key[1],
                count=new.count + (old.count if old else 0),
                first_at=min(new.first_at, old.first_at) if old else new.first_at,
                last_at=max(new.last_at, old.last_at) if old else new.last_at,
            )

    def _add_users(self, chunk: Chunk, node: int) -> None:
        import numpy as np

        outcomes, reasons = self._codes.outcomes, self._codes.reasons
        if len(chunk.users):
            rows = np.empty(len(chunk.users), USER)
            rows["node"] = node
            rows["outcome"] = _translation(outcomes, chunk.outcomes)[chunk.users["outcome"]]
            rows["reason"] = _translation(reasons, chunk.reasons)[chunk.users["reason"]]
            for name in ("user_id", "admitted_at", "started_at", "ended_at"):
                rows[name] = chunk.users[name]
            self._users.append(rows)
        for first, last, at, reason in chunk.dropped:
            codes = (outcomes["dropped"], reasons[reason] if reason else MISSING)
            self._series.dropped.append(WaitingRows(first, last, node, at, *codes))

    def _add_series(self, chunk: Chunk, *, node: int, names: NDArray[np.int64]) -> None:
        series = self._series
        if len(chunk.counters.name):
            series.counters.append((node, chunk.counters._replace(name=names[chunk.counters.name])))
        if len(chunk.gauges.name):
            series.gauges.append((node, chunk.gauges._replace(name=names[chunk.gauges.name])))
        series.population.extend((node, sample) for sample in chunk.population)
        series.throttles.extend((node, sample) for sample in chunk.throttles)
        series.health.extend((node, sample) for sample in chunk.health)
        series.changes.extend((node, change) for change in chunk.changes)

    def _add_events(self, chunk: Chunk) -> None:
        self._events.extend(chunk.events)
        surplus = len(self._events) - self._events_bound
        self.events_dropped += chunk.events_dropped + max(surplus, 0)
        if surplus > 0:
            self._events = self._events[surplus:]  # a reader may still walk the old list

    def set_present(
        self,
        node: str,
        ids: ArrayLike,
        admitted_at: ArrayLike,
        started_at: ArrayLike,
        waiting: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Replace what is known of the users a node has now.

        Parameters
        ----------
        node : str
            The node.
        ids : array of int
            Users that were admitted and are not gone.
        admitted_at, started_at : array of float
            Monotonic seconds, on the clock that `started_at` of this record is from.
        waiting : sequence of (int, int), default ()
            Ranges of users, both ends included, that are not admitted yet.
        """
        import numpy as np

        self.present[node] = Present(
            np.array(ids, np.int64),
            np.array(admitted_at, np.float64) - self.started_at,
            np.array(started_at, np.float64) - self.started_at,
        )
        self.waiting[node] = [(int(first), int(last)) for first, last in waiting]

    def table(self, name: str, since: float = 0.0) -> Table:
        """Return raw columns, all of one length; see the module `_tables` for each table.

        Parameters
        ----------
        name : str
            A key of `TABLES`.
        since : float, default 0.0
            Leave out windows that began earlier, in seconds since the run's start.  Only
            tables with a column ``window_at`` heed it.

        Raises
        ------
        TelemetryError
            If there is no table of that name.
        """
        build = TABLES.get(name)
        if build is None:
            raise TelemetryError(f"no table {name!r}{closest(name, sorted(TABLES), 'tables')}")
        rows = self._rows(name, since)  # before the labels, which may grow meanwhile
        return recent(build(rows, self._codes.legend(self.window)), since)

    def _rows(self, name: str, since: float) -> Any:  # noqa: ANN401 - what its builder takes
        match name:
            case "actions":
                return self._actions.snapshot()
            case "windows":
                return self._windows.rows(int(since // self.window))
            case "users":
                return self._user_rows()
            case "errors":
                errors = tuple(self._errors.values())
                return [(error, self._tracebacks.get(error.kind, "")) for error in errors]
            case "events":
                return tuple(self._events)
        return tuple(getattr(self._series, name))

    def _user_rows(self) -> UserRows:
        present, waiting = self.present.copy(), self.waiting.copy()
        nodes = self._codes.nodes
        ranges = [
            WaitingRows(first, last, node=nodes[node])
            for node, several in waiting.items()
            for first, last in several
        ]
        return UserRows(
            gone=tuple(self._users),
            present=[(nodes[node], users) for node, users in present.items()],
            ranges=[*self._series.dropped, *ranges],
        )

    def histogram(
        self,
        time: str = "response",
        *,
        name: str | None = None,
        node: str | None = None,
        start: float = 0.0,
        end: float | None = None,
    ) -> Histogram:
        """Return the distribution of the times of successful actions.

        It is complete even when the table of actions is a sample.

        Parameters
        ----------
        time : {"response", "service"}
            Since the action was due, or since it started.
        name, node : str, optional
            Only actions of that name, or of that node.
        start, end : float
            Only windows that began at or after `start` and before `end`, in seconds since
            the run's start.
        """
        return self._windows.histogram(
            time,
            name=None if name is None else self._codes.names[name],
            node=None if node is None else self._codes.nodes[node],
            first=math.ceil(start / self.window),
            end=None if end is None else math.ceil(end / self.window),
        )


def _translation(codes: Codes[Any], labels: Sequence[Any]) -> NDArray[np.int64]:
    """Return the code of each label; what stood for no label (-1) does so again."""
    import numpy as np

    return np.array([*(codes[label] for label in labels), -1], np.int64)


def _action_rows(
    actions: NDArray[Any],
    *,
    node: int,
    names: NDArray[np.int64],
    kinds: NDArray[np.int64],
) -> NDArray[Any]:
    import numpy as np

    rows = np.empty(len(actions), ACTION)
    rows["node"] = node
    rows["name"], rows["error"] = names[actions["name"]], kinds[actions["error"]]
    for name in ("user_id", "due_at", "started_at", "ended_at"):
        rows[name] = actions[name]
    return rows
