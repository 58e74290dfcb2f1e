"""The record of a run: the chunks of all nodes, merged, on the session's side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from murmur.errors import TelemetryError, closest

from ._codes import MISSING
from ._columns import ACTION, USER, Codebook, Series, action_rows, translation, user_rows
from ._nodes import NodeFacts, Nodes
from ._relay import Relay
from ._reservoir import Reservoir
from ._tables import TABLES, Present, UserRows, WaitingRows, present_rows, recent
from ._window_store import WindowStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from ._chunk import Chunk, ErrorCount
    from ._events import Event
    from ._histogram import Histogram
    from ._tables import Table

__all__ = ["RunRecord"]


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
    relay : Relay
        Where everything that is added is handed on to.
    """

    def __init__(  # noqa: PLR0913 - the last three are bounds, by keyword
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
        self.relay = Relay()
        self._codes = Codebook()
        self._nodes = Nodes(started_at)
        self._actions = Reservoir(actions_bound, ACTION, seed)
        self._windows = WindowStore()
        self._users: list[NDArray[Any]] = [np.empty(0, USER)]
        self._series = Series()
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
        names = translation(self._codes.names, chunk.names)
        kinds = translation(self._codes.kinds, chunk.kinds)
        self._windows.add(chunk.windows, node=node, names=names)
        self._actions.add(action_rows(chunk.actions, node=node, names=names, kinds=kinds))
        self._add_errors(chunk, names=names, kinds=kinds)
        self._add_users(chunk, node)
        self._add_series(chunk, node=node, names=names)
        self._add_events(chunk)
        self.relay.take(self, chunk)

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
                number=new.number + (old.number if old else 0),
                first_at=min(new.first_at, old.first_at) if old else new.first_at,
                last_at=max(new.last_at, old.last_at) if old else new.last_at,
            )

    def _add_users(self, chunk: Chunk, node: int) -> None:
        if len(chunk.users):
            self._users.append(user_rows(chunk, node=node, codebook=self._codes))
        outcomes, reasons = self._codes.outcomes, self._codes.reasons
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

        Notes
        -----
        `add` the chunk that was sealed with this snapshot first, so that users who left
        it are known to be gone.
        """
        import numpy as np

        self.present[node] = Present(
            np.array(ids, np.int64),
            np.array(admitted_at, np.float64) - self.started_at,
            np.array(started_at, np.float64) - self.started_at,
        )
        self.waiting[node] = [(int(first), int(last)) for first, last in waiting]

    def note_node(self, node: str, **facts: Unpack[NodeFacts]) -> None:
        """Keep facts about a node; what was noted before and is not given stays.

        Parameters
        ----------
        node : str
            The node.
        **facts
            host, pid, python, murmur, cores, joined_at, left_at (monotonic seconds, on the
            clock of this record's `started_at`), outcome ("here", "left" or "lost"),
            clock_offset and clock_error (seconds); see `NodeFacts`.

        Raises
        ------
        TelemetryError
            If there is no such fact or outcome.
        """
        self._nodes.note(node, facts)

    def lose(self, node: str, at: float, reason: str = "node lost") -> int:
        """Give every user that a lost node had the outcome ``lost``.

        Parameters
        ----------
        node : str
            The node that is not coming back.
        at : float
            When it was given up, in monotonic seconds.
        reason : str
            Written beside the outcome.

        Returns
        -------
        int
            How many users were lost.
        """
        import numpy as np

        codes = self._codes
        ended = at - self.started_at
        fate = codes.outcomes["lost"], codes.reasons[reason]
        present, waiting = self.present.get(node), self.waiting.get(node, [])
        self._series.dropped.extend(
            WaitingRows(first, last, codes.nodes[node], ended, *fate) for first, last in waiting
        )
        lost = sum(last - first + 1 for first, last in waiting)
        if present is not None:
            rows = present_rows(np.dtype(USER), codes.nodes[node], present)
            rows["outcome"], rows["reason"], rows["ended_at"] = *fate, ended
            self._users.append(rows)
            lost += len(rows)
        self.set_present(node, (), (), ())
        self.note_node(node, outcome="lost", left_at=at)
        self.relay.lose(self, node, lost)
        return lost

    def table(self, name: str, since: float = 0.0) -> Table:
        """Return raw columns, all of one length.

        Numbers are numpy arrays; text that repeats is `Labels`, other text and objects
        are lists.  Times and durations are seconds, ``*_at`` (and ``at``) since the run's
        start, NaN if it never came.  ``window_at`` is when the window began.

        Parameters
        ----------
        name : str
            Which table; one row of it is, and its columns are:

            - ``users``: a user, ascending by id, one row each.  user_id, node, outcome,
              reason, admitted_at, started_at, ended_at
            - ``actions``: an action, or one of the sample.  name, user_id, node, due_at,
              started_at, service_time, response_time, ok, error
            - ``windows``: a window, name and node, and node "all".  window_at, name,
              node, count, failed, service_mean, service_p50, service_p90, service_p95,
              service_p99, service_p999, service_max, response_mean, response_p50,
              response_p90, response_p95, response_p99, response_p999, response_max
            - ``population``: a window and node.  window_at, node, waiting, running,
              leaving
            - ``throttles``: a window, throttle and node.  window_at, node, name, rate,
              interval, lateness_p50, lateness_p99, requested, granted, waiting
            - ``health``: a window and node.  window_at, node, loop_lag_p50, loop_lag_p99,
              loop_lag_max, cpu, rss, saturated
            - ``counters``: a window, counter and node.  window_at, node, name, value,
              total
            - ``gauges``: a window, gauge and node.  window_at, node, name, last, min,
              max, mean
            - ``changes``: a live change.  at, node, who, what, old, new
            - ``events``: an event that was kept.  at, wall_at, name, node, measurements,
              metadata
            - ``errors``: a name and kind of failed actions.  name, kind, message, count,
              first_at, last_at, traceback
            - ``nodes``: a node, by name.  node, host, pid, python, murmur, cores, outcome,
              joined_at, left_at, clock_offset, clock_error
        since : float, default 0.0
            Leave out windows that began earlier.  Only tables with ``window_at`` heed it.

        Returns
        -------
        dict of str to numpy.ndarray, Labels or list
            The columns, by name.

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
        readers: dict[str, Callable[[], Any]] = {
            "actions": self._actions.snapshot,
            "windows": lambda: self._windows.rows(int(since // self.window)),
            "users": self._user_rows,
            "errors": lambda: [
                (error, self._tracebacks.get(error.kind, ""))
                for error in tuple(self._errors.values())
            ],
            "events": lambda: tuple(self._events),
            "nodes": lambda: self._nodes.rows(self.nodes),
        }
        return readers[name]() if name in readers else tuple(getattr(self._series, name))

    def _user_rows(self) -> UserRows:
        # Users move on from waiting to present to gone.  Read in that order, one that moves
        # meanwhile is seen twice, which the table mends, and never missed.
        nodes = self._codes.nodes
        waiting = [
            WaitingRows(first, last, node=nodes[node])
            for node, ranges in self.waiting.copy().items()
            for first, last in ranges
        ]
        present = [(nodes[node], users) for node, users in self.present.copy().items()]
        dropped = tuple(self._series.dropped)
        return UserRows(gone=tuple(self._users), present=present, ranges=[*dropped, *waiting])

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
