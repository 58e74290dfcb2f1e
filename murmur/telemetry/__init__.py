"""What happens during a run, from the moment it happens to columns of numbers.

Two ways lead out of a run.  *Events* are for whoever listens now: they have a name from
the catalogue and travel over a bus.  *Records* are for whoever looks later: a recorder on
each node takes rows, seals them into chunks, and the session's record merges those.
Importing this package imports no numpy; sealing a chunk does.
"""

from ._bus import Bus as Bus
from ._bus import Emitter as Emitter
from ._bus import Handler as Handler
from ._bus import Subscription as Subscription
from ._bus import bus as bus
from ._bus import on as on
from ._chunk import Chunk as Chunk
from ._codes import Labels as Labels
from ._events import CATALOGUE as CATALOGUE
from ._events import Event as Event
from ._events import EventType as EventType
from ._events import check as check
from ._histogram import Histogram as Histogram
from ._nodes import NodeFacts as NodeFacts
from ._record import RunRecord as RunRecord
from ._recorder import Recorder as Recorder
from ._relay import Follower as Follower
from ._relay import Relay as Relay

__all__ = [
    "CATALOGUE",
    "Bus",
    "Chunk",
    "Emitter",
    "Event",
    "EventType",
    "Follower",
    "Handler",
    "Histogram",
    "Labels",
    "NodeFacts",
    "Recorder",
    "Relay",
    "RunRecord",
    "Subscription",
    "bus",
    "check",
    "on",
]
