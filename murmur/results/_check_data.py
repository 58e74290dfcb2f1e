"""What checks and live tables ask of a run: how many actions, how long they took.

Percentiles come from the complete histograms of the run, of which there is one a second for
each action; not from the actions frame, which may be a sample.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from murmur.telemetry import Histogram

    from ._source import Source

__all__ = ["Measured"]


class Measured:
    """What was measured up to the moment this was made.

    Parameters
    ----------
    source : Source
        The record of a run, or an archive.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    @cached_property
    def elapsed(self) -> float:
        """Seconds from the start of the run to the last thing that is known."""
        return self._source.elapsed()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the actions, in alphabetical order."""
        return tuple(sorted(set(self._columns[1])))

    @cached_property
    def users(self) -> Mapping[str, int]:
        """Users by outcome; those that are here yet under ``here``."""
        outcomes = self._source.frame("users")["outcome"].astype("object").fillna("here")
        return {str(outcome): int(count) for outcome, count in outcomes.value_counts().items()}

    def tally(self, names: Sequence[str], start: float, end: float) -> tuple[int, int]:
        """Return how many actions of `names` ended between two moments, and how many failed."""
        at, name, count, failed = self._columns
        chosen = (at >= start) & (at < end) & np.isin(name, names)
        return int(count[chosen].sum()), int(failed[chosen].sum())

    def times(self, which: str, names: Sequence[str], start: float, end: float) -> Histogram:
        """Return how long the successful actions of `names` took, of those that ended then.

        Parameters
        ----------
        which : {"response", "service"}
            Which time.
        names : sequence of str
            Names that occur.
        start, end : float
            Windows that began at or after `start` and before `end`, in seconds.
        """
        until = None if math.isinf(end) else end
        first, *others = (
            self._source.histogram(which, name=name, start=start, end=until) for name in names
        )
        for other in others:
            first = first + other
        return first

    @cached_property
    def _columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        windows = self._source.frame("windows")
        return (
            windows["window_at"].to_numpy(),
            windows["name"].astype("object").to_numpy(),
            windows["count"].to_numpy(),
            windows["failed"].to_numpy(),
        )
