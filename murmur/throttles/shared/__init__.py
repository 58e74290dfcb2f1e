"""One throttle over many nodes: the steering kernel leases permits, nodes grant them.

The proof that no window exceeds the rate is in docs/explanation/cluster-throttle.md.
"""

from ._grid import EvenSlots as EvenSlots
from ._grid import Grid as Grid
from ._lease import LATENESS as LATENESS
from ._lease import Lease as Lease
from ._lease import Leases as Leases
from ._lease import LeaseState as LeaseState
from ._master import LeaseMaster as LeaseMaster
from ._node import LeaseNode as LeaseNode
from ._pool import PLENTY as PLENTY
from ._pool import Pool as Pool
from ._recall import Recall as Recall
from ._service import NodeLeases as NodeLeases
from ._service import SteeringLeases as SteeringLeases
from ._wire import Tag as Tag
from ._wire import Wanted as Wanted
from ._wire import pack as pack
from ._wire import unpack as unpack

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
    "pack",
    "unpack",
]
