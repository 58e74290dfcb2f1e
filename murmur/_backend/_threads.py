"""Turns that threads take, blocks of code that they are in, and the door that they wait at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from random import uniform

from ._native import thread_here, thread_lock, turn_lock

ABREAST = 8
"""Threads that may be on their way from a door to the GIL at a time."""

FEW = 20
"""Threads that may wait at doors and look as often as they were told to."""


class Turns:
    """Lets one thread at a time in, and lets that one in again."""

    def __init__(self) -> None:
        self._lock = turn_lock()

    @contextmanager
    def taken(self, patience: float) -> Iterator[bool]:
        """Yield whether it is this thread's turn, within so many seconds."""
        is_mine = self._lock.acquire(timeout=patience)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._lock.release()


class Inside:
    """A block of code that threads are in; each may enter it again while it is."""

    def __init__(self) -> None:
        self._threads: set[int] = set()

    @property
    def is_here(self) -> bool:
        """Whether this thread is in it."""
        return thread_here() in self._threads

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have this thread in it."""
        if self.is_here:
            yield
            return
        self._threads.add(thread_here())
        try:
            yield
        finally:
            self._threads.discard(thread_here())


class Door:
    """What one thread waits at until it is opened; only a few that were let through go on at once.

    A thread that was woken waits for the GIL, and asks for it again two hundred times a second
    until it has it.  Hundreds woken at once would take the cores from the one that has it, and on
    a busy machine for ever: others wake up faster than each of them gets its turn.  So the next
    is woken when one of those before it has the GIL.
    """

    __slots__ = ("_has_left", "_lock", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._has_left = False
        self._lock = thread_lock()
        self._lock.acquire()

    def open(self) -> None:
        """Let the thread through when it is its turn; once."""
        self.is_open = True
        _line.append(self)
        _let_through()

    def wait(self, patience: float) -> bool:
        """Wait in the thread; return whether it was let through, or is to look around and return.

        It looks after `patience` seconds where few threads wait, and later where many do, each
        at another time: nobody can have threads come one by one that wake up by themselves.
        """
        _waiting.add(self)
        many = max(1.0, len(_waiting) / FEW)
        try:
            was_let = self._lock.acquire(timeout=patience * many * uniform(0.75, 1.25))
        except BaseException:  # Ctrl-C, in a thread that hears of it
            self._has_left = True
            self.give_up_place()
            _let_through()
            raise
        finally:
            _waiting.discard(self)
        if was_let:
            _places.append(None)
            _let_through()
        return was_let

    def let_through(self) -> None:
        """Wake the thread, if it is still there."""
        self._lock.release()
        if self._has_left:
            self.give_up_place()

    def give_up_place(self) -> None:
        """Give back the place of a thread that was let through and does not go on; once."""
        if self._lock.acquire(blocking=False):
            _places.append(None)


_waiting: set[Door] = set()
_line: deque[Door] = deque()  # open, with threads that were not let through yet
_places: deque[None] = deque([None] * ABREAST)  # free ones on the way to the GIL


def _let_through() -> None:
    """Wake those whose turn it is.  Any thread may do so at any time; none waits for another."""
    while _line and _places:
        try:
            _places.pop()
        except IndexError:
            return  # who took the last one goes on
        try:
            door = _line.popleft()
        except IndexError:
            _places.append(None)  # and look again: one may have come meanwhile
        else:
            door.let_through()
