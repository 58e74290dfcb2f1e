"""Records that nodes send: what a run measured, and how it stands."""

from __future__ import annotations

from murmur._wire import record_table
from murmur.coordinators import CoordinatorStatistics
from murmur.runtime import Presence
from murmur.telemetry import Event, Kind, records_of_chunks
from murmur.throttles import ThrottleStatistics

from ._node import NodeStatus

PARTS = record_table(
    [
        *records_of_chunks(),
        CoordinatorStatistics,
        Event,
        Kind,
        NodeStatus,
        Presence,
        ThrottleStatistics,
    ]
)
"""Every record that may travel from a node, by its name; a chunk brings all that is in it."""
