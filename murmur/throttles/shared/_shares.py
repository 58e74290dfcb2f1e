"""Shares of what is scarce: slots by demand, permits of a limit.

Pure arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping

OWNED = 0.6180339887498949
"""The golden ratio's fraction: multiples of it, without their whole part, are spread so that
any interval holds every so-manieth of them (Weyl, 1916; Knuth, TAOCP 3, 6.4)."""


SOME, PART = 2.0, 0.25
"""Slots, and the part of what it was, by which demand must change to be another one."""


def is_other(before: float, demand: float) -> bool:
    """Whether demand, in slots of one period, has changed so much that shares should follow.

    What a line that is served all the time comes to goes up and down from moment to moment;
    shares that followed that would be no better.
    """
    return abs(demand - before) > SOME + PART * before


def owns(number: int, low: float, high: float) -> bool:
    """Whether the slot `number` belongs to whoever has the share from `low` to `high`.

    Of shares that do not overlap one at most has a slot, and each has its slots evenly
    spread, whatever the shares are.
    """
    return low <= number * OWNED % 1.0 < high


def shares(
    demand: Mapping[str, float],  # how many slots each node would use
    slots: float,  # how many there are
) -> dict[str, tuple[float, float]]:
    """Divide [0, 1) among nodes.

    Returns
    -------
    dict of str to (float, float)
        A half-open interval for each: in proportion to demand where slots are scarce,
        else what it wants and an equal part of what is left.

    Examples
    --------
    >>> shares({"a": 30, "b": 10}, slots=20)
    {'a': (0.0, 0.75), 'b': (0.75, 1.0)}
    >>> shares({"a": 2, "b": 0}, slots=10)
    {'a': (0.0, 0.6), 'b': (0.6, 1.0)}
    """
    total = sum(demand.values())
    if not demand or total <= 0:
        return {}
    spare = max(0.0, slots - total) / len(demand)
    whole = total + spare * len(demand)
    divided, low, sum_so_far = {}, 0.0, 0.0
    for name, wanted in demand.items():
        sum_so_far += wanted + spare
        high = sum_so_far / whole
        divided[name] = (low, high)
        low = high
    divided[name] = (divided[name][0], 1.0)
    return divided


def fair(limit: int, wanted: Mapping[str, int]) -> dict[str, int]:
    """Divide so many permits among nodes that want some: in proportion where they are scarce.

    Examples
    --------
    >>> fair(10, {"a": 3, "b": 4})
    {'a': 3, 'b': 4}
    >>> fair(10, {"a": 30, "b": 10, "c": 0})
    {'a': 8, 'b': 2, 'c': 0}
    """
    total = sum(wanted.values())
    if total <= limit:
        return dict(wanted)
    divided = {name: limit * want // total for name, want in wanted.items()}
    left = limit - sum(divided.values())
    rest = {name: limit * want % total for name, want in wanted.items()}
    for name in sorted(wanted, key=lambda name: (-rest[name], name))[:left]:
        divided[name] += 1
    return divided
