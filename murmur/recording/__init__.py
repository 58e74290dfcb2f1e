"""Record of a run: the chunks of all its nodes, merged, and the tables read from them.

Nodes record with `murmur.telemetry`; what they send is added up here, where a run is
steered.
"""

from ._column import (
    BOOL,
    CATEGORY,
    FLOAT,
    INT,
    TEXT,
    WALL,
    Column,
    Frame,
    flag,
    number,
    text,
    whole,
)
from ._failures import failed_thing, failed_users, failure_lines
from ._hanging import UnderWay
from ._holds import Hold
from ._live import (
    BANDS_A_DECADE,
    QUANTILES,
    SHORTEST,
    SPAN,
    Failure,
    Figures,
    LiveChange,
    LiveView,
    LiveWindow,
    Recent,
    live_changes,
    rows_of,
)
from ._nodes import Departure
from ._record import THE_RUN, RunRecord
from ._relay import Follower, Relay
from ._reservoir import Reservoir
from ._rolling import Rolling
from ._schema import FRAMES, NODE_OUTCOMES, OUTCOMES, USER_STATES
from ._standstills import STEERING, Standstill
from ._tables import TABLES
from ._window_rows import ALL_NODES
from ._window_store import LENGTHS, WindowStore

__all__ = [
    "ALL_NODES",
    "BANDS_A_DECADE",
    "BOOL",
    "CATEGORY",
    "FLOAT",
    "FRAMES",
    "INT",
    "LENGTHS",
    "NODE_OUTCOMES",
    "OUTCOMES",
    "QUANTILES",
    "SHORTEST",
    "SPAN",
    "STEERING",
    "TABLES",
    "TEXT",
    "THE_RUN",
    "USER_STATES",
    "WALL",
    "Column",
    "Departure",
    "Failure",
    "Figures",
    "Follower",
    "Frame",
    "Hold",
    "LiveChange",
    "LiveView",
    "LiveWindow",
    "Recent",
    "Relay",
    "Reservoir",
    "Rolling",
    "RunRecord",
    "Standstill",
    "UnderWay",
    "WindowStore",
    "failed_thing",
    "failed_users",
    "failure_lines",
    "flag",
    "live_changes",
    "number",
    "rows_of",
    "text",
    "whole",
]
