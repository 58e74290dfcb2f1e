"""Health of the generator: how late its loop runs, what it uses, and who holds it up."""

from ._saturation import BY_OTHERS as BY_OTHERS
from ._saturation import LAG_LIMIT as LAG_LIMIT
from ._saturation import is_crowded_out as is_crowded_out
from ._saturation import place as place

__all__ = [
    "BY_OTHERS",
    "LAG_LIMIT",
    "is_crowded_out",
    "place",
]
