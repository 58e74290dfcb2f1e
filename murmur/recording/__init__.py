"""Record of a run: the chunks of all its nodes, merged, and the tables read from them.

Nodes record with `murmur.telemetry`; what they send is added up here, where a run is
steered.
"""

from ._nodes import NodeFacts as NodeFacts
from ._record import RunRecord as RunRecord
from ._relay import Follower as Follower
from ._relay import Relay as Relay

__all__ = [
    "Follower",
    "NodeFacts",
    "Relay",
    "RunRecord",
]
