"""Rows of data for users: accounts to log in with, items to look for, requests to make again.

A `Feeder` and an `AccessLog` are settings of a scenario.  Whatever they are given (a file, a
frame, a list), the rows are read where the run is started and travel to the nodes as plain
columns.
"""

from ._access_log import AccessLog
from ._feeder import Feeder
from ._log_rows import LogRows, planned
from ._rows import Rows

__all__ = ["AccessLog", "Feeder", "LogRows", "Rows", "planned"]
