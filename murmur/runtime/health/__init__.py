"""Health of the generator: how late its loop runs, what it uses, and who holds it up."""

from ._probe import BEAT as BEAT
from ._probe import due_moments as due_moments
from ._saturation import BY_OTHERS as BY_OTHERS
from ._saturation import LAG_LIMIT as LAG_LIMIT
from ._saturation import STOOD_STILL as STOOD_STILL
from ._saturation import high as high
from ._saturation import is_crowded_out as is_crowded_out
from ._saturation import place as place
from ._saturation import reasons as reasons
from ._saturation import schedule_lag as schedule_lag
from ._saturation import standstill as standstill
from ._vitals import CoreWait as CoreWait
from ._vitals import Pauses as Pauses
from ._vitals import Vitals as Vitals
from ._vitals import VitalsReader as VitalsReader

__all__ = [
    "BEAT",
    "BY_OTHERS",
    "LAG_LIMIT",
    "STOOD_STILL",
    "CoreWait",
    "Pauses",
    "Vitals",
    "VitalsReader",
    "due_moments",
    "high",
    "is_crowded_out",
    "place",
    "reasons",
    "schedule_lag",
    "standstill",
]
