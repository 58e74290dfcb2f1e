"""Record of a run: the chunks of all its nodes, merged, and the tables read from them.

Nodes record with `murmur.telemetry`; what they send is added up here, where a run is
steered.
"""

from ._column import BOOL as BOOL
from ._column import CATEGORY as CATEGORY
from ._column import FLOAT as FLOAT
from ._column import INT as INT
from ._column import TEXT as TEXT
from ._column import WALL as WALL
from ._column import Column as Column
from ._column import Frame as Frame
from ._failures import failed_thing as failed_thing
from ._failures import failure_lines as failure_lines
from ._record import RunRecord as RunRecord
from ._relay import Follower as Follower
from ._relay import Relay as Relay
from ._schema import FRAMES as FRAMES
from ._schema import NODE_OUTCOMES as NODE_OUTCOMES
from ._schema import OUTCOMES as OUTCOMES
from ._schema import USER_STATES as USER_STATES

__all__ = [
    "BOOL",
    "CATEGORY",
    "FLOAT",
    "FRAMES",
    "INT",
    "NODE_OUTCOMES",
    "OUTCOMES",
    "TEXT",
    "USER_STATES",
    "WALL",
    "Column",
    "Follower",
    "Frame",
    "Relay",
    "RunRecord",
    "failed_thing",
    "failure_lines",
]
