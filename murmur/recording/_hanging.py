"""Actions that are under way, and those of them that hang, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class UnderWay(NamedTuple):
    """Actions, or parts of them, that were under way when they were last heard of."""

    name: str  # the action, or the span
    # due, started: when they were due and started, at the latest, in seconds since the run's
    # start
    due: float
    started: float
    until: float  # when they were under way yet: now, or when their node was lost
    number: int
    # whether they are parts of actions, which `RunRecord.table` has among the spans
    is_part: bool = False


def hanging_lines(
    under_way: Sequence[UnderWay],
    longest: Mapping[str, float],  # seconds that the longest of each name took; NaN for none
    at_least: float,  # seconds for which they have been under way
) -> list[str]:
    """Return which actions have been under way for longer than any of their name took.

    And which parts of them, where that is not told by the action.
    """
    ages: dict[str, list[tuple[float, int]]] = {}
    for each in sorted(under_way, key=lambda each: each.is_part):
        age = each.until - each.due
        if each.is_part and any(each.name.startswith((f"{of}.", f"{of} [")) for of in ages):
            continue
        if age >= at_least and not age <= longest.get(each.name, math.nan):
            ages.setdefault(each.name, []).append((age, each.number))
    parts = {each.name for each in under_way if each.is_part}
    lines = []
    for name, known in sorted(ages.items()):
        number = sum(number for _, number in known)
        noun = "span" if name in parts else "action"
        verb = f"{noun} has" if number == 1 else f"{noun}s have"
        lines.append(f"{number:,} {name!r} {verb} not ended, after up to {max(known)[0]:,.3g} s")
    return lines
