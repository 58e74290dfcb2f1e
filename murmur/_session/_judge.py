"""Judge of the latest run, for whoever shows it live: now and then, and at its end."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from murmur._guard import error_text

if TYPE_CHECKING:
    from murmur.results import Verdict

    from ._run import Run
    from ._status import Status

FIRST = 1.0
"""Seconds into a run before its first verdict: nothing speaks against one that has not begun."""

PERIOD = 5.0
"""Seconds between two verdicts on a run that is on, at least."""

SHARE = 50.0
"""Times as long as the last verdict took, that must pass before the next."""


class Judge:
    """Remembers the last verdict, because one reads the frames of the whole run."""

    def __init__(self) -> None:
        # what the newest live changes did, by when and what was changed
        self.effects: dict[tuple[float, str], str] = {}
        # the last one; None before the first, and while it cannot be given
        self.verdict: Verdict | None = None
        self.judged_at = 0.0  # when that was, in seconds since the run started
        self.problem = ""  # why it cannot be given
        # which run, and whether it was over
        self._judged: tuple[str | None, bool] | None = None
        self._next_at = 0.0
        self._again_at = 0.0  # after one that failed

    def known(self, status: Status) -> Verdict | None:
        """Return the verdict on the run as `status` has it.

        None before its first, from its end until the end is judged, and where a reset left
        no run.
        """
        if status.run_id is None:
            return None
        fitting = [(status.run_id, True)]
        if not status.state.is_over:
            fitting.append((status.run_id, False))
        return self.verdict if self._judged in fitting else None

    def is_due(self, run: Run | None, status: Status, now: float) -> bool:
        """Whether the run should be judged again, at `now` on the caller's clock."""
        if run is None or status.run_id is None or now < self._again_at:
            return False
        is_over = status.state.is_over
        if not is_over and status.elapsed < FIRST:
            return False
        return self._judged != (status.run_id, is_over) or (not is_over and now >= self._next_at)

    def judge(self, run: Run, status: Status, now: float) -> None:
        """Judge the run; in a thread, where it may take its time."""
        began, self._again_at = monotonic(), now + PERIOD
        try:
            self.verdict, self.effects = run.judged()
        except BaseException as error:
            self.verdict, self.problem = None, error_text(error)  # the last one was about less
            raise
        self.judged_at, self._again_at, self.problem = status.elapsed, 0.0, ""
        self._judged = (status.run_id, status.state.is_over)
        self._next_at = now + max(PERIOD, SHARE * (monotonic() - began))
