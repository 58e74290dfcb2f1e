"""Notices that the steering kernel itself stood still, and what that explains.

A kernel that is stopped, or whose machine is, leases no permits, carries no messages and
answers nobody.  When it goes on, nodes say that they heard nothing for long and ended their
load: without a word about who stood still it would look as if they were to blame.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

import anyio

from murmur._backend import native
from murmur.recording import STEERING, Standstill
from murmur.runtime.health import COMPUTED, CROWDED_OUT, IDLED, CoreWait, standstill_text

BEAT = 0.1
"""Seconds between two looks."""

LIMIT = 0.5
"""Seconds without a look that are told: leases run out before."""

AFTERMATH = 10.0
"""Seconds after a standstill in which a node may be lost because of it."""

WHO = "the steering kernel"
"""What it is called in sentences."""

_logger = logging.getLogger(__name__)


class Vigil:
    """Looks again and again whether the loop that steers a run goes on."""

    def __init__(
        self,
        tell: Callable[[Standstill], None],  # called once for each; times are monotonic seconds
    ) -> None:
        seam = native()
        self._now = seam.now
        self._core_wait = CoreWait() if seam.is_real_time else None
        self._tell = tell
        self._seen_at = math.inf  # nobody looks yet
        self._ran = self._queued = 0.0
        self._last: Standstill | None = None

    async def watch(self, over: anyio.Event) -> None:
        """Look until the run is over."""
        while not over.is_set():
            self.look()
            await anyio.sleep(BEAT)

    def look(self) -> None:
        """Take note of a standstill that is just over."""
        now = self._now()
        late = now - self._seen_at - BEAT
        self._seen_at = now
        ran, queued = self._core_times(now)
        if late >= LIMIT:
            cause = _cause(late, ran=ran - self._ran, queued=queued - self._queued)
            self._last = Standstill(STEERING, now - late, now, cause)
            _logger.warning("%s", standstill_text(WHO, [late], cause))
            self._tell(self._last)
        self._ran, self._queued = ran, queued

    def explain(self, reason: str) -> str:
        """Return why a node is lost, with a standstill that ended just before."""
        self.look()  # else the news of the loss may come first
        last = self._last
        if last is None or self._seen_at - last.until > AFTERMATH:
            return reason
        return f"{reason}; {WHO} stood still for {last.seconds:.1f} s before"

    def _core_times(self, now: float) -> tuple[float, float]:
        """Return for how long the process has used a core, and the loop waited for one."""
        if self._core_wait is None:  # virtual time stands still for nobody
            return 0.0, 0.0
        queued = self._core_wait.seconds(now)
        return time.process_time(), 0.0 if math.isnan(queued) else queued


def _cause(seconds: float, *, ran: float, queued: float) -> str:
    """Return why nobody looked for so long.

    Examples
    --------
    >>> _cause(30.0, ran=0.01, queued=0.2), _cause(2.0, ran=1.9, queued=0.0)
    ('idled', 'computed')
    """
    if queued > seconds / 2:
        return CROWDED_OUT
    return COMPUTED if ran > seconds / 2 else IDLED
