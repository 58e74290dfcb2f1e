"""Health of the generator: how late its loop runs, what it uses, and who holds it up."""

from ._probe import BEAT, due_moments
from ._saturation import (
    BY_OTHERS,
    BY_QUOTA,
    LAG_LIMIT,
    STOOD_STILL,
    high,
    is_crowded_out,
    is_held_back,
    place,
    reasons,
    schedule_lag,
    standstill,
    whose,
)
from ._vitals import CoreWait, Pauses, Vitals, VitalsReader

__all__ = [
    "BEAT",
    "BY_OTHERS",
    "BY_QUOTA",
    "LAG_LIMIT",
    "STOOD_STILL",
    "CoreWait",
    "Pauses",
    "Vitals",
    "VitalsReader",
    "due_moments",
    "high",
    "is_crowded_out",
    "is_held_back",
    "place",
    "reasons",
    "schedule_lag",
    "standstill",
    "whose",
]
