"""Spreads one run over nodes and gathers what they answer.

What needs the extra ``murmur-load[cluster]`` is imported when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from murmur._moved import late_names

from ._answers import Answers as Answers
from ._clock import ClockOffset as ClockOffset
from ._cluster import Cluster as Cluster
from ._cluster import new_run_id as new_run_id
from ._course import ClusterStatus as ClusterStatus
from ._course import Course as Course
from ._homes import Homes as Homes
from ._homes import split_removal as split_removal
from ._local import LocalNode as LocalNode
from ._node import NodeStatus as NodeStatus
from ._overview import NodeOverview as NodeOverview
from ._parts import PARTS as PARTS
from ._roster import Roster as Roster
from ._ticket import ANYTHING as ANYTHING
from ._ticket import JOIN as JOIN
from ._ticket import LOOK as LOOK
from ._ticket import STEER as STEER

if TYPE_CHECKING:
    from ._agent import Agent as Agent
    from ._deployment import Deployment as Deployment
    from ._guests import Service as Service
    from ._membership import Membership as Membership
    from ._membership import join as join
    from ._membership import serve_node as serve_node
    from ._opening import Opening as Opening
    from ._ticket import Authority as Authority
    from ._ticket import Ticket as Ticket
    from ._travel import pack_code as pack_code
    from ._travel import unpack_code as unpack_code
    from ._visit import Visit as Visit

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
