"""A throttle's pace in few words, as the frame of changes has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._throttle import Throttle

__all__ = ["pace_of"]


def pace_of(throttle: Throttle) -> str:
    """Return in few words what a throttle lets through."""
    now = throttle.statistics()
    if now.stopped:
        return "stopped"
    if now.paused:
        return "paused"
    pace = (
        f"{now.limit:g} at a time" if now.limit is not None else f"{now.rate:g}/{now.interval:g} s"
    )
    return f"ramp from {pace}" if now.ramping else pace
