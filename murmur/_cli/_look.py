"""Figures of a run at one moment, which the table and the lines show.

A look costs the same on the first day of a run and in its first minute: what takes longer and
longer, such as checks, is done the less often the longer it takes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING

from murmur._guard import error_text
from murmur.errors import SessionClosedError, UnresponsiveError
from murmur.results.checks import checked
from murmur.runtime.health import LAG_LIMIT

if TYPE_CHECKING:
    from murmur._session import Run, Status
    from murmur.recording import Figures
    from murmur.results.checks import Check, CheckResult

_logger = logging.getLogger(__name__)

_DEAR = 20.0  # what gets dearer may take one part in so many of the time
_MOST_ERRORS = 3


@dataclass(frozen=True, slots=True)
class Look:
    """A run at one moment."""

    status: Status  # state, users and throttles
    actions: tuple[Figures, ...]  # by name
    total: Figures  # all of them together
    # the most frequent failures: what failed, the error, how often
    errors: tuple[tuple[str, str, int], ...]
    lag: float  # lag, cpu: of the generator, at its worst lately: seconds and cores; NaN if unknown
    cpu: float
    checks: tuple[CheckResult, ...] = ()  # as they stand; empty until they were judged

    @property
    def is_saturated(self) -> bool:
        """Whether the generator is too slow to be trusted at present."""
        return self.lag > LAG_LIMIT


class Watch:
    """Looks at a run time and again."""

    def __init__(
        self,
        run: Run,
        checks: Sequence[Check],  # checks, abort_on: what has to hold, and what ends the run
        abort_on: Sequence[Check],
    ) -> None:
        self._run = run
        self._wanted, self._abort_on = checks, abort_on
        self._checks: tuple[CheckResult, ...] = ()
        self._stock_at = 0.0
        self._memory: dict[tuple[str, float], float] = {}
        self._trouble = ""  # why the checks could not be judged when they were last due
        self.aborted_by: tuple[CheckResult, ...] = ()
        """What held of what ends the run; empty until then."""

    def look(self) -> Look:
        """Return how the run is now, and note whether it shall be ended."""
        seen = self._run.observe()
        status, recent = seen.status, seen.recent
        if monotonic() >= self._stock_at:
            self._take_stock()
        if self._trouble:
            status = replace(status, problems=(*status.problems, self._trouble))
        errors = [
            (one.thing, one.error, one.count or one.users) for one in recent.failures[:_MOST_ERRORS]
        ]
        return Look(
            status=status,
            actions=recent.actions,
            total=recent.total,
            errors=tuple(errors),
            lag=recent.lag,
            cpu=recent.cpu,
            checks=self._checks,
        )

    def _take_stock(self) -> None:
        """Do what takes longer the longer the run is, as often as that is cheap."""
        began = monotonic()
        if self._wanted or self._abort_on:
            self._try_to_judge()
        ended = monotonic()
        self._stock_at = ended + max(0.9, _DEAR * (ended - began))

    def _try_to_judge(self) -> None:
        """Judge the checks; if that fails, they are not known, and are tried when next due."""
        trouble = ""
        try:
            self._judge()
        except (SessionClosedError, UnresponsiveError):
            raise
        except Exception as error:
            self._checks = ()
            trouble = f"the checks cannot be judged: {error_text(error)}; it is tried again"
            if trouble != self._trouble:
                _logger.error("the checks cannot be judged", exc_info=error)
        self._trouble = trouble

    def _judge(self) -> None:
        source = self._run.results.source
        source.refresh()
        if self._wanted:
            self._checks = tuple(checked(source, self._wanted, memory=self._memory))
        if self._abort_on and not self.aborted_by:
            found = checked(source, self._abort_on, memory=self._memory)
            self.aborted_by = tuple(result for result in found if result.holds)
