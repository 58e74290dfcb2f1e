"""Due times on their way from a permit to the action that it was granted to.

A permit belongs to the task, or the thread, that waited for it.  The next timer of that one
takes its due time, no other does, and with its owner's next wait for a permit it lapses.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextvars import ContextVar
from typing import Any, Protocol, cast

from murmur._backend import Caller, Native, Owner, Wakeup, owner_here, thread_here


class Due:
    """When a permit fell due, for one action of its owner.

    Tasks that are started after it was granted inherit it, and leave it alone.
    """

    __slots__ = ("at", "owner")

    def __init__(self, at: float, owner: object) -> None:
        self.at: float | None = at
        self.owner: object = owner

    def take(self) -> float | None:
        """Return when it was, once; None after that."""
        at, self.at, self.owner = self.at, None, None
        return at


class Seat:
    """A thread that waits for permits: what it waits for is granted in a task of the loop.

    That task has the thread's context, and so the seat, to which it brings the due time.
    """

    __slots__ = ("due", "thread")

    def __init__(self) -> None:
        self.thread: int = thread_here()
        self.due: Due | None = None

    @classmethod
    def take_place(cls) -> None:
        """Give the calling thread a seat, unless it has one."""
        seat = seat_here.get()
        if seat is None or seat.thread != thread_here():
            seat_here.set(cls())


class Waiter(Caller, Owner, Protocol):
    """Whoever waits for a permit and may be asked to leave meanwhile: a user."""

    @property
    def is_leaving(self) -> bool:
        """Whether it was asked to leave."""

    def listen(self, wakeup: Wakeup) -> list[Wakeup]:
        """Have `wakeup` woken when it is asked to leave."""


user_here: ContextVar[Waiter | None] = cast("ContextVar[Waiter | None]", owner_here)
"""The user whose code this is; None outside of users.

It also owns the tasks that it starts: one variable for both, as each costs a user's start.
"""

seat_here: ContextVar[Seat | None] = ContextVar("murmur_seat", default=None)
"""The thread in which a plain ``def`` waits, or for which this task does."""

permit_due: ContextVar[Due | None] = ContextVar("murmur_permit_due", default=None)
"""When the last permit of this task fell due."""


def give_due(at: float, native: Native) -> None:
    """Let the next timer of this task, or of the thread it answers, be due at `at`."""
    due = Due(at, native.task_here())
    permit_due.set(due)
    seat = seat_here.get()
    if seat is not None:
        seat.due = due


def drop_due() -> None:
    """Let a permit that nobody used lapse."""
    if permit_due.get() is not None:
        permit_due.set(None)
    seat = seat_here.get()
    if seat is not None:
        seat.due = None


async def take_over_due(body: Awaitable[Any], native: Native) -> Any:  # noqa: ANN401 - as the body
    """Await `body` in a task of its own, to which the permit of the task that made it goes."""
    due = permit_due.get()
    if due is not None:
        due.owner = native.task_here()
    return await body


def take_due_of_task(native: Native) -> float | None:
    """Return the same as `take_due` in a task of the loop, where no thread has a seat."""
    due = permit_due.get()
    if due is not None and due.at is not None and due.owner is native.task_here():
        return due.take()
    return None


def take_due(native: Native) -> float | None:
    """Return when the permit that this task or thread waited for fell due, once."""
    due = permit_due.get()
    if due is not None and due.at is not None and due.owner is native.task_here():
        return due.take()
    seat = seat_here.get()
    if seat is not None and seat.due is not None and seat.thread == thread_here():
        return seat.due.take()
    return None
