"""Course of a run over all nodes: what it begins with, when it ends, and how it stands."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from murmur.errors import InvalidArgumentError

from ._homes import LAST_ID

if TYPE_CHECKING:
    from murmur.runtime import RunState
    from murmur.throttles import ThrottleStatistics

    from ._node import NodeStatus


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
                f"duration={given!r}", "give seconds above zero, such as 60, or leave it out"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterStatus:
    """State of the run over the cluster, and what each node tells."""

    state: RunState
    highest_id: int  # the highest user id given out
    elapsed: float  # seconds since the run started, until it ended
    nodes: tuple[NodeStatus, ...]
    problems: tuple[str, ...] = ()  # of no single node
    departed: int = 0  # users of nodes that left the run or were lost; all of them are gone
    # what throttles are set to, where that is told here and not by nodes
    throttles: Mapping[str, ThrottleStatistics] = field(default_factory=dict)


def check_count(verb: str, count: object, *, room: int | None = None) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise InvalidArgumentError(
            f"cannot {verb} {count!r} users", "give a whole number that is not negative"
        )
    if room is not None and count > room:
        raise InvalidArgumentError(
            f"cannot {verb} {count!r} users", f"there are ids for {room} more"
        )
