"""Notices code that blocks the loop, and names the user and the line.

A thread looks at a heartbeat that a task of the loop renews.  When the beat stays out,
the loop's own stack says who holds it: our wrapper around each user is one of its frames.
"""

from __future__ import annotations

import logging
import sys
import sysconfig
import time
from types import CodeType, FrameType
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from murmur.runtime._run import NodeRun

__all__ = ["Watchdog", "culprit"]

BEAT = 0.1
"""Seconds between two beats."""

LIMIT = 0.5
"""Seconds without a beat after which the loop counts as blocked."""

MOST_PROBLEMS = 50
"""Problems of a run that are told one by one."""

_LIBRARIES = tuple(
    sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_logger = logging.getLogger(__name__)


class Watchdog:
    """Watches the loop of one run from a thread of its own."""

    def __init__(self, run: NodeRun) -> None:
        self._run = run
        self._beat_at = time.monotonic()
        self._is_over = False
        self.blocker = 0  # id of the user that blocked the loop last

    @property
    def silence(self) -> float:
        """Seconds since the loop last gave a sign of life; 0 when nobody watches."""
        return 0.0 if self._is_over else time.monotonic() - self._beat_at

    async def watch(self) -> None:
        """Watch until cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._beat)
                await self._run.threads.run(self._look)
        finally:
            self._is_over = True

    async def _beat(self) -> None:
        while True:
            self._beat_at = time.monotonic()
            await anyio.sleep(BEAT)

    def _look(self) -> None:
        """Report a loop that two looks in a row find silent and held by the same code.

        A loop that is merely overloaded is held by other code each time; that shows in
        its lag, and no user is to blame for it.
        """
        reported, suspect = 0.0, None
        while not self._is_over:
            time.sleep(BEAT)
            beat_at = self._beat_at
            if beat_at == reported or time.monotonic() - beat_at <= LIMIT:
                suspect = None
                continue
            found = self._find_culprit()
            if found == suspect:
                reported = beat_at
                self._report(*found)
            suspect = found

    def _find_culprit(self) -> tuple[int, str]:
        frame = sys._current_frames().get(self._run.native.thread)
        return culprit(frame, self._run.users.wrapper) if frame else (0, "unknown")

    def _report(self, user_id: int, line: str) -> None:
        run = self._run
        self.blocker = user_id
        who = f"user {user_id}" if user_id else "code of the run"
        message = f"{who} has blocked the loop for over {LIMIT:g} s at {line}"
        _logger.warning("%s; use await, or a plain def start", message)
        if message not in run.problems and len(run.problems) < MOST_PROBLEMS:
            run.problems.append(message)
        run.native.run_here(
            run.emitter.emit,
            "amoc.run.blocked",
            {"count": 1},
            {"user_id": user_id, "line": line},
        )


def culprit(frame: FrameType, wrapper: CodeType) -> tuple[int, str]:
    """Return the user whose code runs in `frame`, 0 if none, and the line that it is at.

    The line is the innermost that belongs to no library, for that is where to look.
    """
    line, user_id = "", 0
    current: FrameType | None = frame
    while current is not None:
        if not line and not current.f_code.co_filename.startswith(_LIBRARIES):
            line = f"{current.f_code.co_filename}:{current.f_lineno}"
        if current.f_code is wrapper:
            user_id = current.f_locals["user"].id
            break
        current = current.f_back
    return user_id, line or f"{frame.f_code.co_filename}:{frame.f_lineno}"
