"""The records that nodes send: what a run measured, and how it stands."""

from __future__ import annotations

from dataclasses import is_dataclass

from murmur._wire import record_table
from murmur.coordinators import CoordinatorStatistics
from murmur.runtime import Presence
from murmur.telemetry import Event, _chunk
from murmur.throttles import ThrottleStatistics

from ._node import NodeStatus

__all__ = ["PARTS"]


def _is_record(value: object) -> bool:
    return isinstance(value, type) and (is_dataclass(value) or hasattr(value, "_fields"))


PARTS = record_table(
    [
        *filter(_is_record, vars(_chunk).values()),
        CoordinatorStatistics,
        Event,
        NodeStatus,
        Presence,
        ThrottleStatistics,
    ]
)
"""Every record that may travel from a node, by its name; a chunk brings all that is in it."""
