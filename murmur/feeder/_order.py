"""Order of rows: which is whose.  Arithmetic that every node does alike, without asking another.

A shuffle is a permutation of the rows that the run's seed chooses.  It does not depend on
the version of a library, so that two nodes never give the same row away.  A short one is
dealt out once and kept; of a long one each row is computed when it is asked for, so that
nobody waits for a million of them and nobody keeps them.

References
----------
R. Durstenfeld, Algorithm 235: random permutation, CACM 7 (1964).
J. Black, P. Rogaway, Ciphers with arbitrary finite domains, CT-RSA 2002: a Feistel network
over the next power of four, walked until it comes back into the range.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from hashlib import blake2b
from random import Random
from typing import Literal, get_args

Order = Literal["by-id", "shuffled"]
Beyond = Literal["error", "cycle", "stop"]
ORDERS: tuple[str, ...] = get_args(Order)
BEYOND: tuple[str, ...] = get_args(Beyond)

SHORT = 50_000
"""Rows that are dealt out at once; it takes 20 ms."""

ROUNDS = 6
_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: spreads neighbours


def row_of(
    user_id: int,  # from 1
    rows: int,
    *,
    cycle: bool,  # whether users beyond the rows begin again with the first
    seed: int | None,  # what the order is shuffled by; that of the rows if not given
) -> int | None:
    """Return the number of a user's row, None if there is none for it.

    Examples
    --------
    >>> [row_of(user, 2, cycle=True, seed=None) for user in (1, 2, 3)]
    [0, 1, 0]
    >>> row_of(3, 2, cycle=False, seed=None) is None
    True
    """
    position = user_id - 1
    if not 0 <= position < rows:
        if not (cycle and rows):
            return None
        position %= rows
    return position if seed is None else shuffled(position, rows, seed)


def shuffled(position: int, size: int, seed: int) -> int:
    """Return what is at `position` when the numbers below `size` are shuffled by `seed`."""
    if size <= SHORT:
        return _dealt(size, seed)[position]
    half = ((size - 1).bit_length() + 1) // 2
    low = (1 << half) - 1
    while True:
        left, right = position >> half, position & low
        for key in _keys(seed):
            mixed = ((right + key) * _GOLDEN & _MASK) >> 32
            left, right = right, left ^ (mixed * _GOLDEN >> 29 & low)
        position = left << half | right
        if position < size:
            return position


@lru_cache(maxsize=8)
def _dealt(size: int, seed: int) -> array[int]:
    """Return the numbers below `size`, shuffled; of `random`, only `random()` is for ever."""
    numbers, draw = array("I", range(size)), Random(str(seed)).random
    for last in range(size - 1, 0, -1):
        other = int(draw() * (last + 1))
        numbers[last], numbers[other] = numbers[other], numbers[last]
    return numbers


@lru_cache(maxsize=64)
def _keys(seed: int) -> tuple[int, ...]:
    digest = blake2b(str(seed).encode(), digest_size=8 * ROUNDS).digest()
    return tuple(int.from_bytes(digest[at : at + 8]) for at in range(0, len(digest), 8))
