"""Coordinators of one node: groups of users, the plan by which they act, and rendezvous.

`murmur.coordinators.shared` is the same noun over many nodes.
"""

from ._coordinator import Coordinator, CoordinatorStatistics
from ._coordinators import Coordinators
from ._plan import CoordinatorEvent, Member, Plan, PlanLike, distinct_pairs
from ._tally import Tally

__all__ = [
    "Coordinator",
    "CoordinatorEvent",
    "CoordinatorStatistics",
    "Coordinators",
    "Member",
    "Plan",
    "PlanLike",
    "Tally",
    "distinct_pairs",
]
