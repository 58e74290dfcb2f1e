"""Notices code that holds the loop, and names the user and the line.

A thread looks at the loop now and then.  While the loop is late, its own stack says who
holds it: our wrapper around each user is one of its frames.  Who holds it for long is told
while it lasts, and for how long when it is over; where it is held again and again for less,
the line that is met most often is the window's.  Nobody is to blame for a line at which the loop's
thread stands because other programs have all the cores, nor for one that it only passes:
short steps of very many users fill a loop together.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import anyio

from murmur._guard import heard
from murmur.errors import number_of

from ._stack import culprit, is_murmurs
from ._vitals import CoreWait

if TYPE_CHECKING:
    from collections.abc import Iterable

    from murmur.runtime._run import NodeRun

    from ._probe import LagProbe

BEAT = 0.1
"""Seconds between two beats, and on average between two looks."""

GLIMPSE = 0.02
"""Seconds by which the loop is late when its stack is worth a look."""

LIMIT = 0.5
"""Seconds without a beat after which the loop counts as blocked."""

MOMENT = 0.001
"""Seconds after which a line that holds the loop is still met; a short step is over before."""

ENOUGH_GLIMPSES = 2
"""Times that a line is met in a window before it is named: once may be chance."""

MOST_PROBLEMS = 50
"""Problems of a run that are told one by one."""

MOST_USERS = 10_000
"""Users that are told apart at one line; more are not counted."""

CURE = "await there instead, call it with anyio.to_thread.run_sync, or make start a plain def"
"""What helps where code holds the loop."""

OWN_CURE = "fewer users that wake at the same time help, and so do more nodes"
"""What helps where the line is one of murmur's."""

_logger = logging.getLogger(__name__)


class _Hold:
    """A stretch without a beat: since when, by whom, at which lines."""

    def __init__(self, beat_at: float) -> None:
        self.beat_at = beat_at
        self.suspect: int | str | None = None
        self.looks = 0
        self.lines: Counter[str] = Counter()
        self.users: dict[str, list[int]] = {}
        self.place: _Place | None = None
        self.is_over = False

    def note(self, user_id: int, line: str) -> bool:
        """Take in a look, without a line if none was held; return whether somebody has to answer.

        That is a user, or the code of a line, that is met twice in a row; or a line at which
        one user after the other is met, half of the time.
        """
        self.looks += 1
        if not line:
            self.suspect = None
            return False
        self.lines[line] += 1
        if user_id:
            self.users.setdefault(line, []).append(user_id)
        suspect, before = user_id or line, self.suspect
        self.suspect = suspect
        number = self.lines[line]
        return suspect == before or (number > ENOUGH_GLIMPSES and 2 * number > self.looks)

    @property
    def line(self) -> str:
        """The line that was met most often."""
        return self.lines.most_common(1)[0][0]


class _Place:
    """A line that has blocked the loop, in one stretch or many."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.users: dict[int, None] = {}  # in the order in which they were met
        self.seconds = 0.0
        self.times = 0
        self.problem = ""

    def meet(self, users: Iterable[int]) -> None:
        """Take note of users that were met here."""
        for user_id in users:
            if len(self.users) < MOST_USERS:
                self.users[user_id] = None

    def sentence(self) -> str:
        """Return who has blocked the loop for how long, where, and what helps."""
        who, *others = list(self.users) or [0]
        is_own = not who and is_murmurs(self.line)
        code = "murmur's own work" if is_own else "code of the run"
        subject, verb = f"user {who}" if who else code, "has"
        if others:
            subject += f" and {number_of(len(others), 'other')}"
            verb = "have"
        length = f"{self.seconds:.0f} s" if self.seconds >= 10 else f"{self.seconds:.1f} s"
        if self.times == 0:
            length = f"over {LIMIT:g} s"
        elif self.times > 1:
            length += f" in {self.times:,} times"
        cure = OWN_CURE if is_own else CURE
        return f"{subject} {verb} blocked the loop for {length} at {self.line}; {cure}"


class Watchdog:
    """Watches the loop of one run from a thread of its own."""

    def __init__(self, run: NodeRun, probe: LagProbe) -> None:
        self._run = run
        self._probe = probe
        self._beat_at = time.monotonic()
        self._hold = self._told = _Hold(self._beat_at)
        self._places: dict[str, _Place] = {}
        self._glimpses: Counter[str] = Counter()
        self._core_wait = CoreWait()
        self._waited = self._waited_at_beat = math.nan
        self._beat_seen_at = math.nan
        self._is_over = False
        self._looks = 0
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

    def take_watched(self) -> float:
        """Return for how many seconds this looked on of late, more or less."""
        looks, self._looks = self._looks, 0
        return looks * BEAT

    async def _beat(self) -> None:
        while True:
            before, now = self._beat_at, time.monotonic()
            self._beat_at = now
            if self._told.place is not None:
                # Whoever looks on may have told it only after this loop was free again.
                ended_at = now if self._told.beat_at == before else before
                self._conclude(self._told, ended_at - self._told.beat_at - BEAT / 2)
            await anyio.sleep(BEAT)

    def _look_on(self) -> None:
        while not self._is_over:
            # At random, or the looks could fall into step with who holds the loop.
            time.sleep(BEAT * (0.5 + random.random()))
            self._looks += 1
            try:
                self._look()
            except Exception:  # who holds the loop is nice to know, and never costs a run
                _logger.debug("a look at the loop failed", exc_info=True)

    def _look(self) -> None:
        """Note who holds the loop, if anybody does; tell of one who does so for long.

        A loop that is merely overloaded is held by another user each time, at another line;
        that shows in its lag, and nobody is to blame for it.
        """
        beat_at = self._beat_at
        waited = self._waited_since(beat_at)
        is_blocked = time.monotonic() - beat_at - waited > LIMIT
        if not is_blocked and self._probe.overdue - waited < GLIMPSE:
            return
        user_id, line = self._find_culprit()
        if line:
            self._glimpses[line] += 1
        if not is_blocked:
            return
        if self._hold.beat_at != beat_at:
            self._hold = _Hold(beat_at)
        stays = self._stays(user_id, line)
        if stays is None:
            return
        hold, place = self._hold, self._hold.place
        is_blamed = hold.note(user_id, line if stays else "")
        if place is not None:
            place.meet(hold.users.get(place.line, ()))
        elif is_blamed and not hold.is_over:
            self.blocker = user_id
            self._report(hold)

    def _waited_since(self, beat_at: float) -> float:
        """Return for how long the loop's thread waited for a core since a beat; 0 if unknown.

        Counted since the last look before the beat: this thread had to wait as well.
        """
        before, self._waited = self._waited, self._core_wait.seconds(time.monotonic())
        if beat_at != self._beat_seen_at:
            self._beat_seen_at = beat_at
            self._waited_at_beat = self._waited if math.isnan(before) else before
        waited = self._waited - self._waited_at_beat
        return 0.0 if math.isnan(waited) else waited

    def _stays(self, user_id: int, line: str) -> bool | None:
        """Return whether the loop is at the same line for longer; none if it has no core."""
        waited = self._core_wait.seconds(time.monotonic())
        time.sleep(MOMENT)
        has_waited = self._core_wait.seconds(time.monotonic()) - waited > MOMENT / 2
        return None if has_waited else self._find_culprit() == (user_id, line)

    def _find_culprit(self) -> tuple[int, str]:
        return culprit(self._run.native.thread, self._run.users.wrapper)

    def _report(self, hold: _Hold) -> None:
        line = hold.line
        place = self._places.setdefault(line, _Place(line))
        place.meet(hold.users.get(line, ()))
        hold.place = place
        self._tell(place)
        heard(_logger.warning, "%s", place.problem)
        self._told = hold

    def _tell(self, place: _Place) -> None:
        """Put what is known of a line among the problems, in the place of what was told."""
        problems, before = self._run.problems, place.problem
        place.problem = place.sentence()
        if before in problems:
            problems[problems.index(before)] = place.problem
        elif len(problems) < MOST_PROBLEMS:
            problems.append(place.problem)

    def _conclude(self, hold: _Hold, seconds: float) -> None:
        """Add the whole length of a stretch, give or take half a beat."""
        place, hold.place, hold.is_over = hold.place, None, True
        assert place is not None
        place.seconds += seconds
        place.times += 1
        self._tell(place)
        users = hold.users.get(place.line, ())
        self._run.emitter.emit(
            "amoc.run.blocked",
            {"count": 1, "duration": seconds},
            {"user_id": next(iter(users), 0), "line": place.line},
        )
