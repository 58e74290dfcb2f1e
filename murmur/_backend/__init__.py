"""Seam under anyio: what it does not offer, or not cheaply enough for every user."""

from ._blocking import Caller, Pending, block, loop_runs_here, on_loop
from ._bounded import OverdueError, call_within, hear_out
from ._dial import HIGHEST_PORT, ascii_host, dial, is_address
from ._guard import Brood, Owner, cancel_task, guard_loop, name_of_task, owner_here, transports_of
from ._loop import BEAT, TAKEN_AWAY, USERS_LOOP, LoopThread
from ._native import (
    AsyncioNative,
    Interruption,
    Native,
    Task,
    Wakeup,
    native,
    thread_here,
    thread_is_alive,
    thread_lock,
)
from ._secured import Secured, connect, listening
from ._sleeper import Sleeper
from ._stream import Stream
from ._threads import Inside, Turns

__all__ = [
    "BEAT",
    "HIGHEST_PORT",
    "TAKEN_AWAY",
    "USERS_LOOP",
    "AsyncioNative",
    "Brood",
    "Caller",
    "Inside",
    "Interruption",
    "LoopThread",
    "Native",
    "OverdueError",
    "Owner",
    "Pending",
    "Secured",
    "Sleeper",
    "Stream",
    "Task",
    "Turns",
    "Wakeup",
    "ascii_host",
    "block",
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
    "owner_here",
    "thread_here",
    "thread_is_alive",
    "thread_lock",
    "transports_of",
]
