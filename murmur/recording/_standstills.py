"""Stretches in which a whole process stood still: whose, and from when to when."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from murmur.telemetry import Event

STEERING = "steering"
"""The steering kernel among the names of nodes, none of which may be called so."""

MOST = 1000
"""Stretches that are kept of a run."""


class Standstill(NamedTuple):
    """One stretch, in seconds since the run started."""

    node: str
    since: float
    until: float
    cause: str  # as `standstill_text` takes it

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.until - self.since


def standstill_of(event: Event) -> Standstill:
    """Return what an event tells."""
    seconds = float(event.measurements.get("duration", 0.0))
    cause = str(event.metadata.get("cause", ""))
    return Standstill(event.node, event.at - seconds, event.at, cause)
