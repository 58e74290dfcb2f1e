"""A first load test, ready to run: users that chat through a router on this machine.

``python -m murmur.demo`` starts the router in a process of its own, runs the users, and
says what came of it.  In a notebook, `Chat` is a scenario like any other.
"""

from ._chat import Chat
from ._report import Report
from ._talk import Talk

__all__ = ["Chat", "Report", "Talk"]
