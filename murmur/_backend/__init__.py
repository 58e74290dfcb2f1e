"""Seam under anyio: what it does not offer, or not cheaply enough for every user."""

from ._blocking import Caller as Caller
from ._blocking import Pending as Pending
from ._blocking import block as block
from ._blocking import loop_runs_here as loop_runs_here
from ._blocking import on_loop as on_loop
from ._bounded import OverdueError as OverdueError
from ._bounded import call_within as call_within
from ._bounded import hear_out as hear_out
from ._dial import ascii_host as ascii_host
from ._dial import dial as dial
from ._dial import is_address as is_address
from ._guard import Brood as Brood
from ._guard import brood_here as brood_here
from ._guard import cancel_task as cancel_task
from ._guard import guard_loop as guard_loop
from ._guard import name_of_task as name_of_task
from ._guard import transports_of as transports_of
from ._loop import BEAT as BEAT
from ._loop import TAKEN_AWAY as TAKEN_AWAY
from ._loop import USERS_LOOP as USERS_LOOP
from ._loop import LoopThread as LoopThread
from ._native import AsyncioNative as AsyncioNative
from ._native import Interruption as Interruption
from ._native import Native as Native
from ._native import Task as Task
from ._native import Wakeup as Wakeup
from ._native import native as native
from ._native import thread_here as thread_here
from ._native import thread_is_alive as thread_is_alive
from ._native import thread_lock as thread_lock
from ._secured import Secured as Secured
from ._secured import connect as connect
from ._secured import listening as listening
from ._sleeper import Sleeper as Sleeper
from ._stream import Stream as Stream

__all__ = [
    "BEAT",
    "TAKEN_AWAY",
    "USERS_LOOP",
    "AsyncioNative",
    "Brood",
    "Caller",
    "Interruption",
    "LoopThread",
    "Native",
    "OverdueError",
    "Pending",
    "Secured",
    "Sleeper",
    "Stream",
    "Task",
    "Wakeup",
    "ascii_host",
    "block",
    "brood_here",
    "call_within",
    "cancel_task",
    "connect",
    "dial",
    "guard_loop",
    "hear_out",
    "is_address",
    "listening",
    "loop_runs_here",
    "name_of_task",
    "native",
    "on_loop",
    "thread_here",
    "thread_is_alive",
    "thread_lock",
    "transports_of",
]
