"""Throttles of one node: a rate, its changes, and those who wait for a permit.

`murmur.throttles.shared` is the same noun over many nodes.  Nothing here knows of users, of
runs or of a front end.
"""

from ._config import Arrivals, ThrottleConfig
from ._curve import Curve, Piece, Pieces
from ._due import Due, Seat, drop_due, give_due, permit_due, take_due, take_due_of_task, user_here
from ._gate import Slots
from ._job import Job
from ._line import Crowd
from ._pacing import DrawnPacing, EvenPacing, Pacing
from ._permit import Permit, ThrottleStatistics, throttle_table
from ._ramp import Ramp, step_rate
from ._rate import Rate, capacity
from ._shape import Followed, Shape, preview, shape_curve
from ._throttle import Throttle
from ._throttles import Throttles
from ._window_rule import WindowRule

__all__ = [
    "Arrivals",
    "Crowd",
    "Curve",
    "DrawnPacing",
    "Due",
    "EvenPacing",
    "Followed",
    "Job",
    "Pacing",
    "Permit",
    "Piece",
    "Pieces",
    "Ramp",
    "Rate",
    "Seat",
    "Shape",
    "Slots",
    "Throttle",
    "ThrottleConfig",
    "ThrottleStatistics",
    "Throttles",
    "WindowRule",
    "capacity",
    "drop_due",
    "give_due",
    "permit_due",
    "preview",
    "shape_curve",
    "step_rate",
    "take_due",
    "take_due_of_task",
    "throttle_table",
    "user_here",
]
