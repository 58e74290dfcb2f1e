"""Ctrl-C, SIGTERM and SIGHUP: the first ends a run in order, the second leaves at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_SHOW_CURSOR = "\x1b[?25h"

_HANG_UP: int | None = getattr(signal, "SIGHUP", None)
"""The terminal was closed, or the line to it broke; Windows has no such signal."""

_ENDING = [signal.SIGINT, signal.SIGTERM, *([] if _HANG_UP is None else [_HANG_UP])]


class EarlySignalError(Exception):
    """A signal asked the process to end before its run was on."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("interrupted before the run had begun")
        self.exit_code = exit_code


class Interrupts:
    """Counts the signals that ask the process to end, as long as the ``with`` block lasts.

    Until `hold` is called a first signal raises KeyboardInterrupt, as there is nothing yet
    to end in order.  From then on it is only noted in `number`, as it is in a `noting` block.
    """

    def __init__(self) -> None:
        self.number = 0  # the first signal that came; 0 if none did
        self._holds = False
        self._before: dict[int, Any] = {}
        self._shown: list[int] = []  # standard streams that are a terminal

    @property
    def exit_code(self) -> int:
        """128 and the number of the signal, as shells have it."""
        return 128 + self.number

    def hold(self) -> None:
        """From now on, only note the first signal."""
        self._holds = True

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Only note the first signal while the block lasts, and raise KeyboardInterrupt behind it.

        A module that was left half imported can be imported no more, and what is to be told of
        the interrupt may need it.
        """
        self._holds = True
        yield
        self._holds = False
        self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came whose own exception was lost.

        Extension modules lose what is raised while they are imported (numpy's and pandas' do),
        and so does Python where a module's lock is let go.
        """
        if self.number:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        self._shown = [stream for stream in (0, 1, 2) if os.isatty(stream)]
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup, or in `... &`
                self._before[number] = signal.signal(number, self._note)
        self._tell_unraisable, sys.unraisablehook = sys.unraisablehook, self._tell
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._tell_unraisable
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            cursor = _SHOW_CURSOR if os.isatty(2) else ""
            os.write(2, f"{cursor}\nmurmur: left at once; nothing more is written\n".encode())
            # Not by an exception: what would catch it on the way out is what takes too long.
            os._exit(128 + number)
        self.number = number
        if number == _HANG_UP:
            self._leave_terminal()
        if not self._holds:
            raise KeyboardInterrupt

    def _tell(self, lost: sys.UnraisableHookArgs) -> None:
        """Print what was raised where nobody can catch it, but for our own; see `check`."""
        if not (self.number and lost.exc_type is KeyboardInterrupt):
            self._tell_unraisable(lost)

    def _leave_terminal(self) -> None:
        """Write to nowhere from now on: each write to a closed terminal would raise."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in self._shown:
            os.dup2(nowhere, stream)
        os.close(nowhere)
