"""The records that nodes send: what a run measured, and how it stands."""

from __future__ import annotations

from murmur.runtime import CoordinatorStatistics, Presence, ThrottleStatistics
from murmur.telemetry import Chunk, Event
from murmur.telemetry._chunk import (
    Change,
    Counters,
    Dropped,
    ErrorCount,
    Gauges,
    HealthSample,
    PopulationSample,
    ThrottleSample,
    Windows,
)
from murmur.telemetry._distributions import Distributions

from ._node import NodeStatus
from ._wire import record_table

__all__ = ["PARTS"]

PARTS = record_table(
    [
        Change,
        Chunk,
        CoordinatorStatistics,
        Counters,
        Distributions,
        Dropped,
        ErrorCount,
        Event,
        Gauges,
        HealthSample,
        NodeStatus,
        PopulationSample,
        Presence,
        ThrottleSample,
        ThrottleStatistics,
        Windows,
    ]
)
"""Every record that may travel from a node, by its name."""
