"""Spreads one run over nodes and gathers what they answer."""

from ._cluster import Cluster as Cluster
from ._cluster import new_run_id as new_run_id
from ._course import ClusterStatus as ClusterStatus
from ._course import Course as Course
from ._local import LocalNode as LocalNode
from ._node import Node as Node
from ._node import NodeStatus as NodeStatus
from ._split import id_ranges as id_ranges
from ._split import split_addition as split_addition
from ._split import split_removal as split_removal

__all__ = [
    "Cluster",
    "ClusterStatus",
    "Course",
    "LocalNode",
    "Node",
    "NodeStatus",
    "id_ranges",
    "new_run_id",
    "split_addition",
    "split_removal",
]
