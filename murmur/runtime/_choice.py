"""Choice by weight, of users between actions and of a mix between scenarios."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import TypeVar

from murmur._given import SHOWN
from murmur._guard import text_of
from murmur.errors import InvalidArgumentError

T = TypeVar("T")


def choice(random: Random, weights: Mapping[T, float]) -> T:
    """Return one of the keys, drawn as often as its weight says.

    Raises `InvalidArgumentError` if there are none, or their weights are no finite numbers of zero
    or more.

    Examples
    --------
    >>> choice(Random(1), {"look": 3, "buy": 1})
    'look'
    """
    try:
        total = math.fsum(weights.values())
        is_usable = 0 < total < math.inf and min(weights.values()) >= 0
    except Exception:  # noqa: BLE001 - whatever no mapping to numbers raises
        is_usable = False
    if not is_usable:
        raise InvalidArgumentError(
            f"cannot choose from {text_of(weights, repr)[:SHOWN]}",
            "give choices and their weights, such as {look: 3, buy: 1}, finite, not negative, "
            "and not all zero",
        )
    mark = random.random() * total
    chosen: T
    for each, weight in weights.items():
        if weight:
            chosen = each
            mark -= float(weight)
            if mark < 0:
                break
    return chosen
