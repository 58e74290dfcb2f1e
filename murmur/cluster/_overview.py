"""Overview of one node, for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from murmur.runtime import RunState

    from ._node import Node, NodeStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeOverview:
    """One node of a session at one moment.

    Attributes
    ----------
    name : str
        What it is called.
    state : RunState
        Of its part of the run.
    users : mapping of str to int
        Users waiting, running, leaving and gone; those of its earlier parts of the run are gone.
    lost : int
        Users of those gone that were lost with it, or ended because its part of the run failed.
    host, pid, cores, python, murmur
        Where it is and what it runs.
    clock_offset, clock_error : float
        Seconds by which its clock is ahead of the steering kernel's, and by which that may
        be wrong.
    silence : float
        Seconds for which nothing was heard from it, where that is suspect; else 0.
    stuck_for : float
        Seconds for which a user has been blocking the loop of its users.
    problems : tuple of str
        What a person should know about.
    """

    name: str
    state: RunState
    users: Mapping[str, int]
    host: str
    pid: int
    cores: int
    python: str
    murmur: str
    lost: int = 0
    clock_offset: float = 0.0
    clock_error: float = 0.0
    silence: float = 0.0
    stuck_for: float = 0.0
    problems: tuple[str, ...] = ()

    @property
    def is_suspect(self) -> bool:
        """Whether it has been silent for longer than it should."""
        return self.silence > 0


def overview_of(node: Node, status: NodeStatus, lost: int = 0) -> NodeOverview:
    """Return what there is to know about a node that said `status`, and lost so many users."""
    return NodeOverview(
        name=node.name,
        state=status.state,
        users=status.users,
        lost=lost,
        **node.facts.shown,
        clock_offset=node.clock_offset,
        clock_error=node.clock_error,
        silence=node.silence,
        stuck_for=node.stuck_for,
        problems=status.problems,
    )
