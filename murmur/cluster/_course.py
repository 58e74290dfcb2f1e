"""Course of one run over all nodes: its end, and all that belongs to it alone."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import anyio

from murmur._backend import native
from murmur.errors import InvalidArgumentError
from murmur.runtime import USER_RATE

if TYPE_CHECKING:
    from murmur.coordinators.shared import Meetings
    from murmur.recording import RunRecord
    from murmur.runtime import RunSpec, RunState
    from murmur.throttles import ThrottleStatistics

    from ._chronicle import Chronicle
    from ._leasing import Leasing
    from ._node import Node, NodeStatus

__all__ = ["LAST_ID", "ClusterStatus", "Course", "Current", "check_count"]

LAST_ID = 2**32 - 1
"""The highest id a user can have: records keep it in 32 bits."""


async def _nobody_waits(_: ClusterStatus) -> None:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """How a run goes on and ends.

    Raises `InvalidArgumentError` if `users` is negative, not a whole number, or more than there
    are ids; if `duration` is not a positive number.
    """

    users: int = 0  # users to begin with
    duration: float = math.inf  # seconds after which the run stops; `math.inf` for never
    end_when_idle: bool = False  # whether the run stops when its last user is gone
    # called when the run is accepted, before `init` runs
    on_accepted: Callable[[], None] = lambda: None
    # awaited with the last status when the run is finished, failed or reset; then the next one
    # may start
    on_over: Callable[[ClusterStatus], Awaitable[None]] = _nobody_waits

    def __post_init__(self) -> None:
        """Refuse what makes no sense before anything runs."""
        check_count("start", self.users, room=LAST_ID)
        given: object = self.duration
        if not isinstance(given, (int, float)) or isinstance(given, bool) or not given > 0:
            raise InvalidArgumentError(
                f"cannot run for {given!r} s", "give seconds above zero, or nothing"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterStatus:
    """State of the run over the cluster, and what each node tells."""

    state: RunState
    highest_id: int  # the highest user id given out
    elapsed: float  # seconds since the run started, until it ended
    nodes: tuple[NodeStatus, ...]
    departed: int = 0  # users of nodes that left the run or were lost; all of them are gone
    # what throttles are set to, where that is told here and not by nodes
    throttles: Mapping[str, ThrottleStatistics] = field(default_factory=dict)


class Current:
    """What belongs to one run alone."""

    def __init__(
        self, spec: RunSpec, record: RunRecord, course: Course, chronicle: Chronicle
    ) -> None:
        self.spec = spec
        self.record = record
        self.course = course
        self.chronicle = chronicle
        self.nodes: dict[str, Node] = {}  # those that take part
        # names of the nodes that the run is meant for; None for any
        self.wanted: frozenset[str] | None = None
        # first and last id of the users that each node was told of
        self.announced: dict[str, list[tuple[int, int]]] = {}
        self.departed = 0  # users of nodes that take part no more
        # nodes that did not answer when users were announced, who may have been refused later
        self.unheard: list[tuple[str, tuple[int, int]]] = []
        self.coming: set[str] = set()  # nodes that came late, and prepare to take part
        self.unfit: dict[str, str] = {}  # why nodes that are there take no part any more, by name
        self.changes = 0  # changes of settings that all nodes are just told of
        # leasing, meetings: the throttles and coordinators that are one over all nodes, if there
        # may be several
        self.leasing: Leasing | None = None
        self.meetings: Meetings | None = None
        self._owing: set[str] = set()  # nodes that ran, and did not leave in order
        self.ends = anyio.CancelScope()
        self.idle = anyio.Event()
        # over, told: whether it is over, and whether `Course.on_over` is through
        self.over = anyio.Event()
        self.told = anyio.Event()
        self.started_at = native().now()
        self.ended_at = math.nan

    @property
    def elapsed(self) -> float:
        """Seconds since the run started, until it ended."""
        until = native().now() if math.isnan(self.ended_at) else self.ended_at
        return until - self.started_at

    @property
    def expected(self) -> int:
        """How many users have an outcome when the run is over."""
        ranges = (each for announced in self.announced.values() for each in announced)
        return self.departed + sum(last - first + 1 for first, last in ranges)

    def wants(self, node: str) -> bool:
        """Return whether a node that comes, or comes back, takes part."""
        return self.wanted is None or node in self.wanted

    def announce(self, node: str, first: int, last: int) -> None:
        """Remember which node has users `first` to `last`."""
        self.announced.setdefault(node, []).append((first, last))

    def home_of(self, user_id: int) -> Node | None:
        """Return the node that a user was announced to, if it takes part."""
        for name, ranges in self.announced.items():
            place = bisect_right(ranges, (user_id, math.inf)) - 1
            if place >= 0 and ranges[place][0] <= user_id <= ranges[place][1]:
                return self.nodes.get(name)
        return None

    def note_node(self, node: Node) -> None:
        """Let the record know a node that takes part, or that does so again.

        One that was lost owes the time until it is back: its first moments stay.
        """
        facts = node.facts
        if node.name not in self._owing:
            self.record.note_node(node.name, joined_at=node.joined_at, running_at=math.nan)
        self.record.note_node(
            node.name,
            host=facts.host,
            pid=facts.pid,
            python=facts.python,
            murmur=facts.murmur,
            cores=facts.cores,
            left_at=math.nan,
            outcome="here",
        )

    def note_running(self, node: Node) -> None:
        """Let the record know that the `init` of a node is done."""
        if node.name not in self._owing:
            self._owing.add(node.name)
            self.record.note_node(node.name, running_at=native().now())

    def note_clock(self, node: str, offset: float, error: float) -> None:
        """Let the record know how the clock of a node that takes part is, once that is known."""
        if node in self.nodes and not self.over.is_set() and math.isfinite(error):
            self.record.note_node(node, clock_offset=offset, clock_error=error)

    def note_departure(self, node: Node, *, is_lost: bool) -> None:
        """Let the record know that a node takes part no more."""
        outcome: Literal["lost", "left"] = "lost" if is_lost else "left"
        if not is_lost:
            self._owing.discard(node.name)
        self.record.note_node(node.name, outcome=outcome, left_at=native().now())

    def note_end(self, cause: str) -> None:
        """Let the record know that the run begins to end, and why."""
        self.record.note_end(native().now(), cause)

    def note_settings(self, changed: Mapping[str, tuple[object, object]]) -> None:
        """Let nodes that come later begin with the settings as they are now.

        Not with the user rate: they learn it from the throttle, which is one for all.
        """
        settings = self.spec.settings
        new = {name: pair[1] for name, pair in changed.items() if name != USER_RATE}
        values = settings.values | new
        sources = settings.sources | dict.fromkeys(new, "argument")  # local ones no more
        settings = replace(settings, values=values, sources=sources)
        self.spec = replace(self.spec, settings=settings)

    def note_idle(self) -> None:
        """Say that a node has no user left."""
        self.idle.set()


def check_count(verb: str, count: object, *, room: int | None = None) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise InvalidArgumentError(
            f"cannot {verb} {count!r} users", "give a whole number that is not negative"
        )
    if room is not None and count > room:
        raise InvalidArgumentError(
            f"cannot {verb} {count!r} users", f"there are ids for {room} more"
        )
