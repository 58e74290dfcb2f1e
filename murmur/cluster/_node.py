"""Interface of a node: all that the steering side can ask of it, wherever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from murmur.runtime import RunState

if TYPE_CHECKING:
    from murmur.runtime import Listener, Presence, RunSpec

    from ._facts import NodeFacts

STUCK = 5.0
"""Seconds without a sign of life after which a node's loop will hardly come back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeStatus:
    """What a node tells of itself.

    Attributes
    ----------
    node : str
        Its name.
    state : RunState
        State of its part of the run.
    users : mapping of str to int
        Users waiting, running, leaving and gone.
    abandoned : int
        Users that ignored their cancellation.
    undoomed : int
        Of those that are leaving, whom force would reach: they may stay for ever.
    grace : float
        Seconds that a user has between being asked and being cancelled.
    problems : tuple of str
        What a person should know.
    throttles, coordinators : mapping
        The `statistics` of each, by name.
    """

    node: str
    state: RunState
    users: Mapping[str, int]
    abandoned: int = 0
    undoomed: int = 0
    grace: float = 0.0
    problems: tuple[str, ...] = ()
    throttles: Mapping[str, Any] = field(default_factory=dict)
    coordinators: Mapping[Hashable, Any] = field(default_factory=dict)

    @classmethod
    def idle(cls, node: str) -> NodeStatus:
        """Return the status of a node that has no run."""
        users = {"waiting": 0, "running": 0, "leaving": 0, "gone": 0}
        return cls(node=node, state=RunState.IDLE, users=users)


class Node(ABC):
    """A place where users run.  One run at a time.

    Every verb may raise what the run raises; a remote node raises the same classes.
    """

    name: str  # how it is called in this session
    facts: NodeFacts
    joined_at: float  # when it joined, on the steering clock
    # clock_offset, clock_error: seconds by which its clock is ahead, and by which that may be
    # wrong
    clock_offset: float = 0.0
    clock_error: float = 0.0
    silence: float = 0.0  # seconds for which nothing was heard from it, if that is suspect; else 0
    is_leaving: bool = False  # whether it is on its way out, in order

    @property
    def stuck_for(self) -> float:
        """Seconds for which the loop of its users gave no sign of life."""
        return 0.0

    @abstractmethod
    async def start(self, spec: RunSpec, listener: Listener) -> None:
        """Begin a run; returns when its `init` succeeded, raises if it did not."""

    @abstractmethod
    async def add(self, first: int, last: int, *, live: bool = True) -> None:
        """Announce users `first` to `last`; `live` if a person adds them to a run."""

    @abstractmethod
    async def remove(self, count: int, *, force: bool) -> int:
        """Ask up to `count` users to leave; return how many were asked."""

    @abstractmethod
    async def remove_one(self, user_id: int, *, force: bool) -> bool:
        """Ask one user to leave; return whether it was here to be asked."""

    @abstractmethod
    async def update(self, given: Mapping[str, object]) -> dict[str, tuple[object, object]]:
        """Change live settings; return what changed, as (old, new)."""

    @abstractmethod
    async def stop(self) -> None:
        """End the run in order; returns at once, `wait_ended` waits."""

    @abstractmethod
    async def wait_ended(self) -> None:
        """Block until the run is over."""

    @abstractmethod
    def ignore(self) -> None:
        """Take in nothing more of what a remote node says about the run that is on."""

    @abstractmethod
    async def abort(self) -> NodeStatus:
        """End the run now, without `terminate`; returns its last status, and forgets it."""

    @abstractmethod
    async def status(self) -> NodeStatus:
        """Return what there is to say about the run."""

    @abstractmethod
    async def call_throttle(self, name: str, verb: str, arguments: Mapping[str, Any]) -> None:
        """Call a method of one of the run's throttles."""

    @abstractmethod
    async def call_coordinator(self, name: Hashable, verb: str) -> None:
        """Call a method without arguments of one of the run's coordinators."""

    @abstractmethod
    async def flush(self) -> Presence:
        """Send up what was measured so far; return the users that are here now."""

    def post(self, kind: str, body: bytes) -> None:
        """Send a message that needs no answer; to the node of this process, there is none."""
        raise NotImplementedError

    @abstractmethod
    def deliver(self, user_id: int, message: object, due: float | None = None) -> None:
        """Put a message from another node into the mailbox of a user of this one.

        `due` is when an answer was due, in seconds since the run started.
        """
