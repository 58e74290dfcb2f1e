"""One throttle over many nodes: the steering kernel leases permits, nodes grant them.

The proof that no window exceeds the rate is in docs/explanation/cluster-throttle.md.
"""

from ._lease import Lease as Lease
from ._lease import Leases as Leases
from ._lease import LeaseState as LeaseState
from ._master import LeaseMaster as LeaseMaster
from ._node import LeaseNode as LeaseNode
from ._service import NodeLeases as NodeLeases
from ._service import SteeringLeases as SteeringLeases

__all__ = [
    "Lease",
    "LeaseMaster",
    "LeaseNode",
    "LeaseState",
    "Leases",
    "NodeLeases",
    "SteeringLeases",
]
