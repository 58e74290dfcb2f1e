"""One coordinator over many nodes: the steering kernel counts, nodes keep their users."""

from ._counting import Meetings
from ._messages import pack_meeting, read_meeting
from ._shared import DistantUser

__all__ = [
    "DistantUser",
    "Meetings",
    "pack_meeting",
    "read_meeting",
]
