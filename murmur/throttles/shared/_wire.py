"""Messages between the two sides of a cluster throttle: short lists of plain values.

A body holds one message, its first item says which.  Times are on the steering clock.
What does not look like a message raises: the sender is not one of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import msgpack

KIND = "lease"
"""The kind under which messages of throttles travel."""


class Tag(IntEnum):
    """What a message is."""

    OPEN = 0
    """Node: call, name, terms; a throttle is opened here."""
    CALL = 1
    """Node: call, name, verb, arguments; a scenario changes a throttle."""
    REPORT = 2
    """Node: error of its clock, seconds that the last grant was under way, `Wanted` of each."""
    SHAPE = 3
    """Node: throttle, number of the first point, rates."""
    ANSWER = 4
    """Steering: call, the throttle's number or None, and None or what is known of an error."""
    STATE = 5
    """Steering: throttle, and the `LeaseState` of it."""
    SLOTS = 6
    """Steering: sent at, period, and for each throttle its number, its allowance, the share's
    bounds, and the numbers of `EvenSlots` after `EvenSlots`."""
    TIMES = 7
    """Steering: sent at, period, and for each throttle its number, its allowance and times."""
    PERMITS = 8
    """Steering: throttle, permits leased to the node since the beginning, and how many of
    them it should keep at most."""


class Wanted(NamedTuple):
    """What a node reports of one throttle."""

    throttle: int
    waiting: int  # who waits in line
    arrivals: float  # who came in one period, on average
    # received, in_hand: slots leased to the node since the beginning; those it may still use
    received: int
    in_hand: int
    returned: int  # returned, out: permits of a limit given back since the beginning; those in use
    out: int
    plain: bool  # whether somebody waits who would not give a permit back
    # how many slots were used within each of `LATENESS`, and later, since the last report
    lateness: Sequence[int]
    voided: int = 0  # slots in hand since the beginning that a change made void before their time
    recall: int = 0  # number of the last `Recall` that the node heard of


def pack(tag: Tag, *items: object) -> bytes:
    """Return a message as bytes."""
    packed: bytes = msgpack.packb([int(tag), *items])
    return packed


def unpack(body: bytes) -> tuple[Tag, list[Any]]:
    """Return which message `body` is, and its items.

    Raises `ValueError` if it is none.
    """
    tag, *items = msgpack.unpackb(body)
    return Tag(tag), items
