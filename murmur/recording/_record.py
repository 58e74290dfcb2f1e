"""The record of a run: the chunks of all nodes, merged, on the session's side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from murmur.errors import InvalidArgumentError, closest
from murmur.telemetry import STANDSTILL, Change

from ._columns import ACTION, Codebook, Series, action_rows, translation
from ._failures import Failures
from ._hanging import UnderWay, hanging_lines
from ._holds import Hold, Holds
from ._newest import Newest
from ._nodes import Departure, Fact, NodeHistory
from ._relay import Relay
from ._reservoir import Reservoir
from ._standstills import MOST, Standstill, standstill_of
from ._tables import TABLES, Present, of_all_nodes, recent
from ._users import Users
from ._window_part import Part
from ._window_rows import ALL_NODES
from ._window_store import SpanTimes, WindowStore

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from murmur.telemetry import Begun, Chunk, Event, Histogram

    from ._tables import Table

THE_RUN = "the run"
"""What changes at the end that was asked for; no setting can have that name."""

ASKED_ENDS = {"stop": "session", "duration": "plan", "idle": "plan"}
"""Who asked for an end, by the cause of it."""

_CALLS = 10_000
"""Calls that are kept: a program may steer many times a second for days."""


class RunRecord:
    """Everything that is known of one run.

    One thread, the runtime's, adds; any other may read at the same time, because what is
    read is only ever appended to or replaced whole.
    """

    # what made it stop: "stop", "duration", "idle" (all users were gone), "reset" or "failed";
    # empty while it is on
    ended_by: str = ""
    # when it is to stop, in seconds since the start; `math.inf` if nobody said
    planned_end: float = math.inf
    # when it began to stop, in seconds since the start; NaN while it is on
    ending_at: float = math.nan
    # what its session was asked to do with it: `at` (seconds since the start), `verb`,
    # `arguments`; the first 10,000
    calls: list[dict[str, object]]
    # what is wrong with what follows the run and harms it not, such as its directory, by what
    # it is about; a sentence each
    troubles: dict[str, str]
    users: Users  # those gone, those there, those that wait
    broken_off: str = ""  # why the run did not end in order; empty if it did, or is on
    # by how many seconds the clock of the steering kernel's machine was set while the run was on;
    # 0.0 until the end
    clock_set: float = 0.0
    # for how long that machine slept meanwhile, which no other time of the run includes; NaN if
    # unknown, and then in `clock_set`
    slept: float = math.nan
    calls_dropped: int = 0  # how many there were beyond those in `calls`
    # when `init` was done and users could come, in seconds since the start; 0 until then
    load_at: float = 0.0
    version: int = 0  # rises with everything that is taken in
    _latest: float = 0.0

    def __init__(  # noqa: PLR0913 - the last five are bounds, by keyword
        self,
        run_id: str,  # name of the run
        started_at: float,  # when it started, in monotonic seconds
        wall_started_at: float,  # the same moment in UNIX seconds UTC
        settings: Mapping[str, object] | None = None,  # settings it started with, secrets masked
        seed: int = 0,  # seed of the run; the sample of actions follows from it too
        *,
        relay: Relay | None = None,  # where everything that is added is handed on to
        # what was asked for at the start: users, seconds (None: no end), end_when_idle
        plan: Mapping[str, object] | None = None,
        window: float = 1.0,  # length of a window in seconds, that of the recorders
        actions_bound: int = 5_000_000,  # of more actions, a uniform sample is kept
        events_bound: int = 100_000,  # events, and live changes, that are kept: the newest
        rows_bound: int = 3_000_000,  # how many rows each table of windows keeps: the newest
        # bytes that histograms of windows may take; of more, the oldest merge, see `starts`
        histograms_bound: int = 160 << 20,
    ) -> None:
        self.run_id = run_id
        self.started_at = started_at
        self.wall_started_at = wall_started_at
        self.settings: dict[str, object] = dict(settings or {})
        self.seed = seed
        self.window = window
        self.relay: Relay = Relay() if relay is None else relay
        self.plan: dict[str, object] = dict(plan or {})
        self.calls = []
        self.troubles = {}
        self._codes = Codebook()
        self.users = Users(self._codes)
        self._nodes = NodeHistory(started_at, window)
        self._actions = Reservoir(actions_bound, ACTION, seed)
        self._windows = WindowStore(bound_bytes=histograms_bound, rows_bound=rows_bound)
        self._spans = WindowStore(bound_bytes=histograms_bound // 8, rows_bound=rows_bound // 8)
        self._span_names: set[int] = set()
        self._under_way: dict[str, tuple[tuple[str, ...], tuple[Begun, ...]]] = {}
        self._series = Series(rows_bound, events_bound)
        self._failures = Failures()
        self._holds, self._standstills = Holds(), list[Standstill]()
        self._events: Newest[Event] = Newest(events_bound)

    @property
    def actions_total(self) -> int:
        """How many actions were recorded."""
        return self._actions.seen

    @property
    def actions_kept(self) -> int:
        """How many of them have a row in the table of actions."""
        return self._actions.kept

    def reach(self, at: float) -> None:
        """Note that the run was on at a moment, in monotonic seconds, whatever happened then.

        Rates divide by the time that passed, also while nothing happens.
        """
        self._latest = max(self._latest, at - self.started_at)

    def wall_at(self, at: float) -> float:
        """Return a moment in UNIX seconds UTC, of the clock as it was at the run's start."""
        return self.wall_started_at + at - self.started_at

    def note_clock(
        self,
        at: float,
        wall_at: float,  # now, on the clock that `wall_started_at` is from
        slept: float = math.nan,  # for how long the machine slept since the start, if that is known
    ) -> None:
        """Compare the machine's clock with the run's: whether it slept, or was set meanwhile."""
        self.slept = slept
        self.clock_set = wall_at - self.wall_at(at) - (0.0 if math.isnan(slept) else slept)

    @property
    def is_on(self) -> bool:
        """Whether users are here or wait to be admitted, as far as nodes told."""
        return self.users.are_here

    @property
    def events_dropped(self) -> int:
        """How many events were thrown away for want of room, here or on their node."""
        return self._events.dropped

    @property
    def changes_total(self) -> int:
        """How many live changes there were, those included that were thrown away."""
        return self._series.changes.seen

    def nodes_here(self) -> dict[str, float]:
        """Return since when each node owes news that neither left nor was lost."""
        return self._nodes.here()

    def heard_until(self, node: str) -> float:
        """Return up to when a node told what it measured; NaN if it told nothing."""
        return self._nodes.heard_until(node)

    def nodes_departed(self) -> list[Departure]:
        """Return the nodes that take part no more, and did not come back, the last first."""
        return self._nodes.departed()

    def note_unseen(self, actions: int) -> None:
        """Count actions that a sample left out before they came here."""
        self._actions.seen += actions

    @property
    def sampled(self) -> bool:
        """Whether the table of actions is a sample rather than all of them."""
        return self._actions.seen > self._actions.kept

    @property
    def latest(self) -> float:
        """The last moment known of, in seconds since the start; windows count from theirs."""
        return max(self._latest, self._windows.newest * self.window)

    @property
    def rows_dropped(self) -> Mapping[str, int]:
        """How many rows of each table were thrown away for want of room; only what occurs."""
        dropped = {"windows": self._windows.rows_dropped, **self._series.dropped()}
        return {name: number for name, number in dropped.items() if number}

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes heard of so far."""
        return self._codes.nodes.labels()[1:]

    def add(self, chunk: Chunk) -> None:
        """Take in one chunk of one node; those of a node in the order they were sealed."""
        chunk = self._nodes.while_here(chunk)
        node = self._codes.nodes[chunk.node]
        names = translation(self._codes.names, chunk.names)
        kinds = translation(self._codes.kinds, chunk.kinds)
        self._windows.add(chunk.windows, node=node, names=names)
        if chunk.spans is not None and len(chunk.spans.window):
            self._span_names.update(names[chunk.spans.name].tolist())
            self._spans.add(chunk.spans, node=node, names=names)
        if chunk.under_way is not None:
            self._nodes.hear(chunk.node)
            self._under_way[chunk.node] = (chunk.names, chunk.under_way)
        self._actions.add(action_rows(chunk.actions, node=node, names=names, kinds=kinds))
        self._failures.add(chunk, names=names, kinds=kinds)
        if len(chunk.actions):
            self._latest = max(self._latest, float(chunk.actions["ended_at"].max()))
        self._latest = max(self._latest, self.users.add(chunk, node))
        self._series.add(chunk, node=node, names=names, codebook=self._codes)
        self._add_events(chunk)
        self.version += 1
        self.relay.take(self, chunk)

    def _add_events(self, chunk: Chunk) -> None:
        moments = [event.at for event in chunk.events]
        moments += [sample.at for sample in chunk.samples.get("health", ())]
        self._latest = max([self._latest, *moments])
        for event in chunk.events:
            if event.name == "amoc.run.blocked":
                self._holds.take(event)
            elif event.name == STANDSTILL and len(self._standstills) < MOST:
                self._standstills.append(standstill_of(event))
        self._events.extend(chunk.events)
        self._events.dropped += chunk.events_dropped

    def note_load(self, at: float) -> None:
        """Keep when users could come, in monotonic seconds: rates count from there."""
        self.load_at = at - self.started_at
        self.relay.load(self)

    def note_end(
        self,
        at: float,
        cause: str,  # one of "stop", "duration", "idle", "reset", "failed": why; see `ended_by`
    ) -> None:
        """Keep when and why the run began to stop; the first to tell is right."""
        if not self.ended_by:
            self.ending_at, self.ended_by = at - self.started_at, cause
            if cause in ASKED_ENDS:
                end = Change(self.ending_at, ASKED_ENDS[cause], THE_RUN, "running", cause)
                self._series.changes.extend([(ALL_NODES, end)])

    def note_call(
        self,
        at: float,
        verb: str,  # the name of the session's method, or "throttle" or "coordinator"
        arguments: Mapping[str, object],  # what it was given
    ) -> None:
        """Keep what a session was asked to do with the run, so that it can be done again."""
        call = {"at": at - self.started_at, "verb": verb, "arguments": dict(arguments)}
        if len(self.calls) >= _CALLS:
            self.calls_dropped += 1
            return
        self.calls.append(call)
        self.relay.call(self, call)

    def holds(self) -> list[Hold]:
        """Return which lines of code blocked a loop for half a second and more."""
        return self._holds.rows()

    def standstills(self) -> list[Standstill]:
        """Return when the process of a node, or the steering kernel, stood still as a whole."""
        return self._standstills.copy()

    def set_present(
        self,
        node: str,
        ids: ArrayLike,  # users that were admitted and are not gone
        # admitted_at, started_at: monotonic seconds, on the clock that `started_at` of this
        # record is from
        admitted_at: ArrayLike,
        started_at: ArrayLike,
        # ranges of users, both ends included, that are not admitted yet
        waiting: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Replace what is known of the users a node has now.

        `add` the chunk that was sealed with this snapshot first, so that users who left it
        are known to be gone.
        """
        present = Present.since(self.started_at, ids, admitted_at, started_at)
        self.users.set(node, present, waiting)
        self.version += 1
        self.relay.present(self, node)

    def note_node(
        self,
        node: str,
        # columns of the frame `nodes` that are not counted: host, outcome and so on. `*_at` are
        # monotonic seconds, on the clock of this record's `started_at`
        **facts: Fact,
    ) -> None:
        """Keep facts about a node; what was noted before and is not given stays.

        Raises `InvalidArgumentError` if there is no such fact or outcome.
        """
        self._nodes.note(node, facts)
        self.version += 1
        self.relay.note(self, node, facts)

    def note_gone(self, node: str, users: int) -> None:
        """Keep how many users were lost with a node so far, or ended because of it."""
        self._nodes.gone[node] = users

    def moments_of(self, node: str) -> dict[str, float]:
        """Return when a node joined, had users, left and so on, in seconds since the start."""
        return self._nodes.moments(node)

    def lose(
        self,
        node: str,  # the node that is not coming back
        at: float,
        reason: str = "node lost",  # written beside the outcome
    ) -> int:
        """Give every user that a lost node had the outcome ``lost``.

        Returns
        -------
        int
            How many users were lost.
        """
        ended = at - self.started_at
        lost = self.users.lose(node, ended, reason)
        self._latest = max(self._latest, ended)
        self.note_node(node, outcome="lost", left_at=at)
        self.relay.lose(self, node, lost)
        self.set_present(node, (), (), ())
        return lost

    def table(
        self,
        # which table: one of a frame, with the columns that the schema has for it
        # (`Frame.table`).  `windows` has those of each node, and of node "all"; `population` is
        # that of each node
        name: str,
        # leave out windows that began earlier.  Only tables with `window_at` heed it.
        since: float = 0.0,
        *,
        # of `windows` and `population`: whether only the rows of node "all" are wanted, or only
        # the others; if not given, `windows` has both and `population` the others
        of_all: bool | None = None,
    ) -> Table:
        """Return raw columns, all of one length.

        Numbers are numpy arrays; text that repeats is `Labels`, other text and objects
        are lists.  Times and durations are seconds, ``*_at`` (and ``at``) since the run's
        start, NaN if it never came.  ``window_at`` is when the window began.

        Raises `InvalidArgumentError` if there is no table of that name.
        """
        build = TABLES.get(name)
        if build is None:
            raise InvalidArgumentError(
                f"no table {name!r}{closest(name, sorted(TABLES), 'tables')}"
            )
        rows = self._rows(name, since, of_all)  # before the labels, which may grow meanwhile
        legend = self._codes.legend(self.window)
        if name in ("actions", "errors"):
            legend = legend._replace(kinds=tuple(self._failures.joined(legend.kinds)))
        table = build(rows, legend)
        if name == "population" and of_all:
            departures = tuple(self._nodes.departures)
            table = of_all_nodes(table, self.window, departures, self.latest)
        return recent(table, since)

    def _rows(self, name: str, since: float, of_all: bool | None) -> Any:  # noqa: ANN401 - what its builder takes
        readers: dict[str, Callable[[], Any]] = {
            "actions": self._actions.columns,
            "windows": lambda: self._windows.rows(int(since // self.window), of_all=of_all),
            "spans": lambda: self._spans.rows(int(since // self.window), of_all=True),
            "users": self.users.rows,
            "errors": self._failures.rows,
            "events": self._events.snapshot,
            "changes": self._series.changes.snapshot,
            "nodes": self._nodes.rows,
        }
        if name in readers:
            return readers[name]()
        return self._series.newest(name, since - self.window)

    def histogram(
        self,
        # "response" or "service": since the action was due, or since it started
        time: str = "response",
        *,
        # name, node: only actions of that name, or of that node; the name of a span is one as
        # well
        name: str | None = None,
        node: str | None = None,
        # start, end: only windows that began at or after `start` and before `end`, in seconds
        # since the run's start.  Of a long run, old windows are merged to spans (`joined`); a
        # span that overlaps is counted as a whole.
        start: float = 0.0,
        end: float | None = None,
    ) -> Histogram:
        """Return the distribution of the times of successful actions.

        It is complete even when the table of actions is a sample.
        """
        code = None if name is None else self._codes.names[name]
        store = self._spans if code in self._span_names else self._windows
        return store.histogram(
            time,
            name=code,
            node=None if node is None else self._codes.nodes[node],
            first=math.ceil(start / self.window),
            end=None if end is None else math.ceil(end / self.window),
        )

    def under_way(self) -> list[UnderWay]:
        """Return the actions and parts of them that were under way when their node told last.

        A node that was lost told last of those that nobody will ever hear of.
        """
        left = {name: facts["left_at"] for name, facts in self._nodes.rows()}
        found = Counter[tuple[str, float, float, float, bool]]()
        for node, (names, rows) in sorted(self._under_way.copy().items()):
            gone_at = left.get(node, math.nan)
            until = self.latest if math.isnan(gone_at) else gone_at
            for each in rows:
                due, started = ((at + 1) * self.window for at in (each.due, each.started))
                found[names[each.name], due, started, until, each.is_part] += each.number
        return [UnderWay(*key[:4], number, key[4]) for key, number in found.items()]

    def hanging(
        self,
        at_least: float = 0.0,  # seconds for which they have been under way
    ) -> list[str]:
        """Return which actions have been under way for longer than any of their name took.

        And which parts of them, such as the first event, where that is not told by the action.
        """
        longest: dict[str, float] = {}
        for whole in (self._windows.totals(), self._spans.totals()):
            longest |= zip(self._named(whole), whole.response.maxima().tolist(), strict=True)
        return hanging_lines(self.under_way(), longest, at_least)

    def starts(self) -> list[float]:
        """Return where the windows that `histogram` knows apart begin, in seconds, ascending."""
        return [number * self.window for number in self._windows.starts()]

    def joined(self) -> list[tuple[float, float]]:
        """Return the spans of 10, 60 and more windows that the oldest are merged to [s]."""
        return [(low * self.window, high * self.window) for low, high in self._windows.joined()]

    def span_times(self) -> SpanTimes:
        """Return the histograms of every name in every span, all nodes together."""
        actions = self._windows.span_times(self._codes.names, self.window)
        parts = self._spans.span_times(self._codes.names, self.window)
        return actions.plus(parts) if parts.name else actions

    def totals(self) -> list[tuple[str, int, int]]:
        """Return each name, how many actions of it ended, and how many of those failed."""
        whole = self._windows.totals()
        columns = self._named(whole), whole.count.tolist(), whole.failed.tolist()
        return list(zip(*columns, strict=True))

    def totals_by_node(self) -> dict[str, tuple[int, int]]:
        """Return for each node how many actions ended on it, and how many of those failed."""
        # In this order: nodes may join meanwhile.
        ended, labels = self._windows.by_node.copy(), self._codes.nodes.labels()
        return {labels[node]: numbers for node, numbers in ended.items()}

    def _named(self, whole: Part) -> list[str]:
        """Return the name of each row; after it was read, because names may be added meanwhile."""
        labels = self._codes.names.labels()
        return [labels[code] for code in whole.name.tolist()]
