"""Telemetry of a run, from the moment something happens to columns of numbers.

Two ways lead out of a run.  *Events* are for whoever listens now: they have a name from
the catalogue and travel over a bus.  *Records* are for whoever looks later: a recorder on
each node takes rows, seals them into chunks, and the session's record merges those.
Importing this package imports no numpy; sealing a chunk does.
"""

from collections.abc import Callable
from typing import Any

from murmur._moved import old_names

from ._buckets import RESOLUTION as RESOLUTION
from ._buckets import WIDTH as WIDTH
from ._buckets import bounds as bounds
from ._buckets import bucket_of as bucket_of
from ._buckets import middle as middle
from ._buckets import nearest_rank as nearest_rank
from ._buckets import sums as sums
from ._buckets import tally as tally
from ._bus import Bus, Handler, Subscription, bus, on
from ._bus import Emitter as Emitter
from ._chunk import HAIR as HAIR
from ._chunk import Change as Change
from ._chunk import Chunk as Chunk
from ._chunk import Counters as Counters
from ._chunk import Dropped as Dropped
from ._chunk import ErrorCount as ErrorCount
from ._chunk import Gauges as Gauges
from ._chunk import Sample as Sample
from ._chunk import Windows as Windows
from ._chunk import records_of_chunks as records_of_chunks
from ._chunk import window_told_by as window_told_by
from ._codes import MISSING as MISSING
from ._codes import OTHER as OTHER
from ._codes import Codes as Codes
from ._codes import Labels as Labels
from ._codes import Names as Names
from ._distributions import Distributions as Distributions
from ._events import CATALOGUE, Event, EventType, check
from ._histogram import Histogram
from ._kinds import Kind as Kind
from ._kinds import Kinds as Kinds
from ._kinds import joined_kinds as joined_kinds
from ._kinds import kind_text as kind_text
from ._kinds import leaf_of as leaf_of
from ._own_names import CUT_SHORT as CUT_SHORT
from ._own_names import EVENTS_DUE as EVENTS_DUE
from ._own_names import EVENTS_LISTED as EVENTS_LISTED
from ._own_names import NEVER_CAME as NEVER_CAME
from ._own_names import OWN_COUNTERS as OWN_COUNTERS
from ._own_names import ROWS_DONE as ROWS_DONE
from ._own_names import ROWS_GIVEN as ROWS_GIVEN
from ._own_names import ROWS_MISSED as ROWS_MISSED
from ._own_names import STANDSTILL as STANDSTILL
from ._plain import one_line as one_line
from ._plain import plain as plain
from ._recorder import Recorder as Recorder
from ._rows import Rows as Rows
from ._under_way import Begun as Begun
from ._under_way import Open as Open

# What users may rely on; the other names above are for murmur's own packages.
__all__ = [
    "CATALOGUE",
    "Bus",
    "Event",
    "EventType",
    "Handler",
    "Histogram",
    "Subscription",
    "bus",
    "check",
    "on",
]

__getattr__: Callable[[str], Any] = old_names(
    __name__,
    {
        "RunRecord": "murmur.recording",
        "Follower": "murmur.exporters",
        "Relay": "murmur.exporters",
    },
)
