"""Code that blocked the loop of a node: where, how often and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from murmur.telemetry import Event

MOST = 1000
"""Lines that are told apart; a scenario hardly has so many."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What one line of code did to the loop of one node."""

    node: str  # node, line: which node, and the file and line at which the loop was held
    line: str
    user_id: int  # a user whose code that was; 0 if it was no user's
    count: int
    longest: float  # longest, total: seconds of the longest time, and of all
    total: float


class Holds:
    """Adds up what the events ``amoc.run.blocked`` tell.  One thread adds; others may read."""

    def __init__(self) -> None:
        self._holds: Mapping[tuple[str, str], Hold] = {}

    def take(self, event: Event) -> None:
        """Take in one event."""
        line, seconds = str(event.metadata["line"]), float(event.measurements.get("duration", 0.0))
        user_id, key = int(str(event.metadata["user_id"])), (event.node, line)
        known = self._holds.get(key)
        if known is None:
            if len(self._holds) < MOST:
                hold = Hold(event.node, line, user_id, 1, seconds, seconds)
                self._holds = {**self._holds, key: hold}
            return
        longest = max(known.longest, seconds)
        who = user_id if seconds >= longest else known.user_id
        total = known.total + seconds
        hold = Hold(event.node, line, who, known.count + 1, longest, total)
        self._holds = {**self._holds, key: hold}

    def rows(self) -> list[Hold]:
        """Return what each line did, the one that held its loop for longest first."""
        return sorted(self._holds.values(), key=lambda hold: -hold.longest)
