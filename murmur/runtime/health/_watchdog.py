"""Notices code that holds the loop, and names the user and the line.

A thread looks at the loop now and then.  While the loop is late, its own stack says who
holds it: our wrapper around each user is one of its frames.  Who holds it for long is told
while it lasts, and for how long when it is over; where it is held again and again for less,
the line that is met most often is the window's.
"""

from __future__ import annotations

import logging
import random
import selectors
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from murmur.runtime._run import NodeRun

    from ._probe import LagProbe

__all__ = ["Watchdog", "culprit"]

BEAT = 0.1
"""Seconds between two beats, and on average between two looks."""

GLIMPSE = 0.02
"""Seconds by which the loop is late when its stack is worth a look."""

LIMIT = 0.5
"""Seconds without a beat after which the loop counts as blocked."""

ENOUGH_GLIMPSES = 2
"""Times that a line is met in a window before it is named: once may be chance."""

MOST_PROBLEMS = 50
"""Problems of a run that are told one by one."""

_LIBRARIES = (
    "<frozen ",
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)
_MURMUR = str(Path(__file__).parents[2])
_logger = logging.getLogger(__name__)


class _Hold:
    """A stretch without a beat: since when, by whom, at which lines."""

    def __init__(self, beat_at: float) -> None:
        self.beat_at = beat_at
        self.suspect: int | str | None = None
        self.user_id = 0
        self.lines: Counter[str] = Counter()
        self.problem = ""

    @property
    def line(self) -> str:
        """The line that was met most often."""
        return self.lines.most_common(1)[0][0]


class Watchdog:
    """Watches the loop of one run from a thread of its own.

    Parameters
    ----------
    run : NodeRun
        The run.
    probe : LagProbe
        Knows whether the loop is late at present.
    """

    def __init__(self, run: NodeRun, probe: LagProbe) -> None:
        self._run = run
        self._probe = probe
        self._beat_at = time.monotonic()
        self._hold = self._told = _Hold(self._beat_at)
        self._glimpses: Counter[str] = Counter()
        self._is_over = False
        self.blocker: int = 0  # id of the user that blocked the loop last

    @property
    def silence(self) -> float:
        """Seconds since the loop last gave a sign of life; 0 when nobody watches."""
        return 0.0 if self._is_over else time.monotonic() - self._beat_at

    async def watch(self) -> None:
        """Watch until cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._beat)
                await self._run.threads.run(self._look_on)
        finally:
            self._is_over = True

    def take_line(self) -> str:
        """Return the line at which the loop was held most often of late; empty if at none."""
        glimpses, self._glimpses = self._glimpses, Counter()
        line, number = next(iter(glimpses.most_common(1)), ("", 0))
        return line if number >= ENOUGH_GLIMPSES else ""

    async def _beat(self) -> None:
        while True:
            before, now = self._beat_at, time.monotonic()
            self._beat_at = now
            if self._told.problem:
                # Whoever looks on may have told it only after this loop was free again.
                ended_at = now if self._told.beat_at == before else before
                self._conclude(self._told, ended_at - self._told.beat_at - BEAT / 2)
            await anyio.sleep(BEAT)

    def _look_on(self) -> None:
        while not self._is_over:
            # At random, or the looks could fall into step with who holds the loop.
            time.sleep(BEAT * (0.5 + random.random()))
            self._look()

    def _look(self) -> None:
        """Note who holds the loop, if anybody does; tell of one who does so for long.

        A loop that is merely overloaded is held by another user each time; that shows in
        its lag, and no user is to blame for it.
        """
        beat_at = self._beat_at
        is_blocked = time.monotonic() - beat_at > LIMIT
        if not is_blocked and self._probe.overdue < GLIMPSE:
            return
        user_id, line = self._find_culprit()
        if line:
            self._glimpses[line] += 1
        if not is_blocked:
            return
        if self._hold.beat_at != beat_at:
            self._hold = _Hold(beat_at)
        hold, suspect = self._hold, user_id or line or "unknown"
        hold.lines[line or "unknown"] += 1
        if hold.suspect == suspect and not hold.problem:
            hold.user_id = self.blocker = user_id
            self._report(hold)
        hold.suspect = suspect

    def _find_culprit(self) -> tuple[int, str]:
        frames = sys._current_frames()  # noqa: SLF001 - documented, for purposes such as this
        frame = frames.get(self._run.native.thread)
        return culprit(frame, self._run.users.wrapper) if frame else (0, "")

    def _report(self, hold: _Hold) -> None:
        hold.problem = self._sentence(hold, f"over {LIMIT:g} s")
        _logger.warning("%s; use await, or a plain def start", hold.problem)
        problems = self._run.problems
        if hold.problem not in problems and len(problems) < MOST_PROBLEMS:
            problems.append(hold.problem)
        self._told = hold

    def _conclude(self, hold: _Hold, seconds: float) -> None:
        """Put the whole length, give or take half a beat, in the place of what was told."""
        problems, told = self._run.problems, hold.problem
        hold.problem = ""
        if told in problems:
            text = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
            problems[problems.index(told)] = self._sentence(hold, text)
        self._run.emitter.emit(
            "amoc.run.blocked",
            {"count": 1, "duration": seconds},
            {"user_id": hold.user_id, "line": hold.line},
        )

    def _sentence(self, hold: _Hold, length: str) -> str:
        who = f"user {hold.user_id}" if hold.user_id else "code of the run"
        return f"{who} has blocked the loop for {length} at {hold.line}"


def culprit(frame: FrameType, wrapper: CodeType) -> tuple[int, str]:
    """Return the user whose code runs in `frame`, 0 if none, and the line that it is at.

    The line is the innermost that belongs to no library, for that is where to look; else the
    innermost of murmur; and empty if the loop is at none, as when it waits for a core.
    """
    line = own = ""
    user_id = 0
    current: FrameType | None = frame
    while current is not None:
        file = current.f_code.co_filename
        if file.startswith(_MURMUR):
            own = own or f"{file}:{current.f_lineno}"
        elif not line and not file.startswith(_LIBRARIES):
            line = f"{file}:{current.f_lineno}"
        if current.f_code is wrapper:
            user_id = current.f_locals["user"].id
            break
        current = current.f_back
    is_idle = frame.f_code.co_filename == selectors.__file__
    return (0, "") if is_idle else (user_id, line or own)
