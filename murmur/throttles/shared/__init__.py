"""One throttle over many nodes: the steering kernel leases permits, nodes grant them.

The proof that no window exceeds the rate is in docs/explanation/cluster-throttle.md.
"""

from ._allowance import allowance
from ._grid import EvenSlots, Grid
from ._lease import LATENESS, Lease, Leases, LeaseState
from ._master import LeaseMaster
from ._node import LeaseNode
from ._pool import PLENTY, Pool
from ._recall import Recall
from ._service import NodeLeases, SteeringLeases
from ._wire import Tag, Wanted, pack, unpack

__all__ = [
    "LATENESS",
    "PLENTY",
    "EvenSlots",
    "Grid",
    "Lease",
    "LeaseMaster",
    "LeaseNode",
    "LeaseState",
    "Leases",
    "NodeLeases",
    "Pool",
    "Recall",
    "SteeringLeases",
    "Tag",
    "Wanted",
    "allowance",
    "pack",
    "unpack",
]
