"""Coordinators of one node: groups of users, the plan by which they act, and rendezvous.

`murmur.coordinators.shared` is the same noun over many nodes.
"""

from ._coordinator import Coordinator as Coordinator
from ._coordinator import CoordinatorStatistics as CoordinatorStatistics
from ._coordinators import Coordinators as Coordinators
from ._plan import CoordinatorEvent as CoordinatorEvent
from ._plan import Member as Member
from ._plan import Plan as Plan
from ._plan import PlanLike as PlanLike
from ._plan import distinct_pairs as distinct_pairs
from ._tally import Tally as Tally

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
