"""Turns that threads take, and blocks of code that some of them are in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ._native import thread_here, turn_lock


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
