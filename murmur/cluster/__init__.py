"""Spreads one run over nodes and gathers what they answer.

What needs the extra ``murmur-load[cluster]`` is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._agent import Agent as Agent
from ._answers import Answers as Answers
from ._clock import ClockOffset as ClockOffset
from ._cluster import Cluster as Cluster
from ._cluster import new_run_id as new_run_id
from ._course import ClusterStatus as ClusterStatus
from ._course import Course as Course
from ._local import LocalNode as LocalNode
from ._node import Node as Node
from ._node import NodeStatus as NodeStatus
from ._overview import NodeOverview as NodeOverview
from ._parts import PARTS as PARTS
from ._split import id_ranges as id_ranges
from ._split import split_addition as split_addition
from ._split import split_removal as split_removal

if TYPE_CHECKING:
    from ._deployment import Deployment as Deployment
    from ._membership import Membership as Membership
    from ._membership import join as join
    from ._membership import serve_node as serve_node
    from ._opening import Opening as Opening
    from ._ticket import Authority as Authority
    from ._ticket import Ticket as Ticket

_HOMES = {
    "Authority": "_ticket",
    "Deployment": "_deployment",
    "Membership": "_membership",
    "Opening": "_opening",
    "Ticket": "_ticket",
    "join": "_membership",
    "serve_node": "_membership",
}


__all__ = [
    "PARTS",
    "Agent",
    "Answers",
    "Authority",
    "ClockOffset",
    "Cluster",
    "ClusterStatus",
    "Course",
    "Deployment",
    "LocalNode",
    "Membership",
    "Node",
    "NodeOverview",
    "NodeStatus",
    "Opening",
    "Ticket",
    "id_ranges",
    "join",
    "new_run_id",
    "serve_node",
    "split_addition",
    "split_removal",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever goes by the name
    """Import what needs the extra when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'murmur.cluster' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"murmur.cluster.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
