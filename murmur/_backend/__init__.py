"""Seam under anyio: what it does not offer, or not cheaply enough for every user."""

from ._bounded import OverdueError as OverdueError
from ._bounded import call_within as call_within
from ._bounded import hear_out as hear_out
from ._dial import ascii_host as ascii_host
from ._dial import dial as dial
from ._dial import is_address as is_address
from ._native import AsyncioNative as AsyncioNative
from ._native import Native as Native
from ._native import Task as Task
from ._native import Wakeup as Wakeup
from ._native import guard_loop as guard_loop
from ._native import native as native
from ._native import thread_here as thread_here
from ._native import thread_is_alive as thread_is_alive
from ._native import thread_lock as thread_lock
from ._stream import Stream as Stream
from ._stream import keep_what_came as keep_what_came

__all__ = [
    "AsyncioNative",
    "Native",
    "OverdueError",
    "Stream",
    "Task",
    "Wakeup",
    "ascii_host",
    "call_within",
    "dial",
    "guard_loop",
    "hear_out",
    "is_address",
    "keep_what_came",
    "native",
    "thread_here",
    "thread_is_alive",
    "thread_lock",
]
