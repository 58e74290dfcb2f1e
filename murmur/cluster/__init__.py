"""Spreads one run over nodes and gathers what they answer.

What needs the extra ``murmur-load[cluster]`` is imported when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from murmur._moved import late_names

from ._answers import Answers
from ._clock import ClockOffset
from ._cluster import Cluster, new_run_id
from ._course import ClusterStatus, Course
from ._homes import Homes, split_removal
from ._local import LocalNode
from ._node import NodeStatus
from ._overview import NodeOverview
from ._parts import PARTS
from ._roster import Roster
from ._ticket import ANYTHING, JOIN, LOOK, STEER

if TYPE_CHECKING:
    from ._agent import Agent
    from ._deployment import Deployment
    from ._guests import Service
    from ._membership import Membership, join, serve_node
    from ._opening import Opening
    from ._ticket import Authority, Ticket
    from ._travel import pack_code, unpack_code
    from ._visit import Visit

__all__ = [
    "ANYTHING",
    "JOIN",
    "LOOK",
    "PARTS",
    "STEER",
    "Agent",
    "Answers",
    "Authority",
    "ClockOffset",
    "Cluster",
    "ClusterStatus",
    "Course",
    "Deployment",
    "Homes",
    "LocalNode",
    "Membership",
    "NodeOverview",
    "NodeStatus",
    "Opening",
    "Roster",
    "Service",
    "Ticket",
    "Visit",
    "join",
    "new_run_id",
    "pack_code",
    "serve_node",
    "split_removal",
    "unpack_code",
]

__getattr__: Callable[[str], Any] = late_names(
    __name__,
    {
        "Agent": "_agent",
        "Authority": "_ticket",
        "Deployment": "_deployment",
        "Membership": "_membership",
        "Opening": "_opening",
        "Service": "_guests",
        "Ticket": "_ticket",
        "Visit": "_visit",
        "join": "_membership",
        "pack_code": "_travel",
        "serve_node": "_membership",
        "unpack_code": "_travel",
    },
)
