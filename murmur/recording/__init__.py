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
from ._column import flag as flag
from ._column import number as number
from ._column import text as text
from ._column import whole as whole
from ._failures import failed_thing as failed_thing
from ._failures import failure_lines as failure_lines
from ._holds import Hold as Hold
from ._live import BANDS_A_DECADE as BANDS_A_DECADE
from ._live import QUANTILES as QUANTILES
from ._live import SHORTEST as SHORTEST
from ._live import SPAN as SPAN
from ._live import Failure as Failure
from ._live import Figures as Figures
from ._live import LiveChange as LiveChange
from ._live import LiveView as LiveView
from ._live import LiveWindow as LiveWindow
from ._live import Recent as Recent
from ._live import live_changes as live_changes
from ._live import rows_of as rows_of
from ._record import THE_RUN as THE_RUN
from ._record import RunRecord as RunRecord
from ._record import UnderWay as UnderWay
from ._relay import Follower as Follower
from ._relay import Relay as Relay
from ._reservoir import Reservoir as Reservoir
from ._rolling import Rolling as Rolling
from ._schema import FRAMES as FRAMES
from ._schema import NODE_OUTCOMES as NODE_OUTCOMES
from ._schema import OUTCOMES as OUTCOMES
from ._schema import USER_STATES as USER_STATES
from ._tables import TABLES as TABLES
from ._window_rows import ALL_NODES as ALL_NODES
from ._window_store import LENGTHS as LENGTHS
from ._window_store import WindowStore as WindowStore

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
    "TABLES",
    "TEXT",
    "THE_RUN",
    "USER_STATES",
    "WALL",
    "Column",
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
    "UnderWay",
    "WindowStore",
    "failed_thing",
    "failure_lines",
    "flag",
    "live_changes",
    "number",
    "rows_of",
    "text",
    "whole",
]
