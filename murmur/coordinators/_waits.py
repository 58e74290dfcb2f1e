"""Waits for groups that are not complete: who waits, since when, how many came of how many."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import NamedTuple

STALE = 10.0
"""Seconds without a newcomer after which a wait is told while the run is on."""


class Wait(NamedTuple):
    """Users who wait for others."""

    # "gather": they wait in `gather`; "batch": they were counted by `add`; "rest": they were after
    # complete batches, no timeout ends it, and one of them at least waits for a message
    kind: str
    size: object  # how many make the group
    came: int
    first: int  # id of the user who waits for longest
    since: float  # since, latest: when that one came, and the last one
    latest: float
    # seconds that the slowest complete group of this kind took; minus infinity without one
    longest: float = -math.inf

    def is_stuck(self, now: float) -> bool:
        """Return whether it is to be told when nobody will come any more.

        In `gather` users stand still, so that one is news if no group took longer.  A batch
        holds nobody up by itself: what is left over is no news where another was complete,
        unless somebody waits for it and nobody came for long; nor is one of "all", which a
        timeout, a reset or the end closes.
        """
        if self.kind == "gather":
            return now - self.since > self.longest
        if self.kind == "rest":
            return now - self.since > self.longest and now - self.latest >= STALE
        return self.longest < 0 and self.size != "all"

    def is_stale(self, now: float) -> bool:
        """Return whether it is to be told while users may still come."""
        return self.is_stuck(now) and now - self.latest >= STALE

    def is_endless(self, now: float, timeout: float) -> bool:
        """Return whether it is stale, and `timeout`, which closes batches, does not end it."""
        return self.is_stale(now) and (self.kind == "gather" or timeout == math.inf)

    def sentence(self, name: Hashable, now: float) -> str:
        """Return what there is to say of it while the run is on."""
        others = f" and {self.came - 1:,} other{'s' * (self.came > 2)}" * (self.came > 1)
        verb = "have" if others else "has"
        what = "waited in gather of" if self.kind == "gather" else "been in a batch of"
        size = "{} to {}".format(*self.size) if isinstance(self.size, tuple) else self.size
        return (
            f"user {self.first}{others} {verb} {what} the coordinator {name!r} for "
            f"{now - self.since:,.0f} s: {self.came:,} of {size} came"
        )
