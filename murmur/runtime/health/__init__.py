"""Health of the generator: how late its loop runs, what it uses, and who holds it up."""

from ._probe import BEAT, due_moments
from ._saturation import (
    BY_OTHERS,
    BY_QUOTA,
    COMPUTED,
    CROWDED_OUT,
    IDLED,
    LAG_LIMIT,
    STOOD_STILL,
    STOPPED,
    UNSTEERED,
    high,
    is_crowded_out,
    is_held_back,
    place,
    reasons,
    schedule_lag,
    standstill,
    standstill_text,
    whose,
)
from ._sleep import slept_so_far, time_asleep
from ._vitals import CoreWait, Pauses, Vitals, VitalsReader

__all__ = [
    "BEAT",
    "BY_OTHERS",
    "BY_QUOTA",
    "COMPUTED",
    "CROWDED_OUT",
    "IDLED",
    "LAG_LIMIT",
    "STOOD_STILL",
    "STOPPED",
    "UNSTEERED",
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
    "slept_so_far",
    "standstill",
    "standstill_text",
    "time_asleep",
    "whose",
]
