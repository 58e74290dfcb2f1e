"""Throttles of one node: a rate, its changes, and those who wait for a permit.

`murmur.throttles.shared` is the same noun over many nodes.  Nothing here knows of users, of
runs or of a front end.
"""

from ._config import Arrivals as Arrivals
from ._config import ThrottleConfig as ThrottleConfig
from ._curve import Curve as Curve
from ._curve import Piece as Piece
from ._curve import Pieces as Pieces
from ._due import Due as Due
from ._due import Seat as Seat
from ._due import drop_due as drop_due
from ._due import give_due as give_due
from ._due import permit_due as permit_due
from ._due import take_due as take_due
from ._due import user_here as user_here
from ._job import Job as Job
from ._line import Crowd as Crowd
from ._pacing import Pacing as Pacing
from ._pacing import Slots as Slots
from ._permit import Permit as Permit
from ._permit import ThrottleStatistics as ThrottleStatistics
from ._permit import throttle_table as throttle_table
from ._ramp import Ramp as Ramp
from ._ramp import step_rate as step_rate
from ._rate import Rate as Rate
from ._rate import capacity as capacity
from ._shape import Followed as Followed
from ._shape import Shape as Shape
from ._shape import preview as preview
from ._shape import shape_curve as shape_curve
from ._throttle import Throttle as Throttle
from ._throttles import Throttles as Throttles
from ._window_rule import WindowRule as WindowRule

__all__ = [
    "Arrivals",
    "Crowd",
    "Curve",
    "Due",
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
    "throttle_table",
    "user_here",
]
