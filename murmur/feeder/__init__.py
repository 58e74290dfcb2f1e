"""Rows of data for users: accounts to log in with, texts to send, items to look for.

A `Feeder` is a setting of a scenario.  Whatever it is given (a file, a frame, a list), the
rows are read where the run is started and travel to the nodes as plain columns.
"""

from ._feeder import Feeder as Feeder
from ._rows import Rows as Rows

__all__ = ["Feeder", "Rows"]
