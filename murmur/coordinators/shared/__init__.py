"""One coordinator over many nodes: the steering kernel counts, nodes keep their users."""

from ._counting import Meetings as Meetings
from ._messages import pack_meeting as pack_meeting
from ._messages import read_meeting as read_meeting
from ._shared import DistantUser as DistantUser

__all__ = [
    "DistantUser",
    "Meetings",
    "pack_meeting",
    "read_meeting",
]
