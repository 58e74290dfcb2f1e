"""Actions, and parts of them, that are under way: begun, and not ended when somebody looks.

A server that holds a request for ever leaves no trace in what ended.  So each node tells,
whenever it tells anything, what is under way and since when, and the record keeps the last
word of each node.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from typing import NamedTuple, Protocol

from ._plain import name_of

_LOOKS = 10_000
"""Actions that are looked at; of more, one in so many stands for its neighbours."""

_EXACT_BITS = 6
"""Ages up to 64 windows are told to a window, longer ones to 3 %: a node may tell of as many
as it likes, day after day."""


class Open(Protocol):
    """An action that is under way.

    Attributes
    ----------
    name : object
        What is done; a text, if its user gave one.
    due_at, started_at : float
        When it should have started, and did.
    is_void : bool
        Whether it will count as nothing when it ends.
    is_part : bool
        Whether it is a part of an action, such as the time to the first event of an answer.
    """

    @property
    def name(self) -> object: ...

    @property
    def due_at(self) -> float: ...

    @property
    def started_at(self) -> float: ...

    @property
    def is_void(self) -> bool: ...

    @property
    def is_part(self) -> bool: ...


class Begun(NamedTuple):
    """Actions of one name that were due in one window, started in one, and are under way."""

    name: int  # a row of `Chunk.names`
    due: int  # due, started: the windows; later ones for those that have been under way for long
    started: int
    number: int
    is_part: bool = False  # whether they are parts of actions


def begun(
    # when each was entered, in that order; threads may add and remove meanwhile
    actions: dict[Open, float],
    now: float,  # now, started_at: this moment, and the start of the run
    *,
    started_at: float,
    window: float,  # length of a window in seconds
) -> Counter[tuple[str, int, int, bool]]:
    """Return how many of `actions` are under way for more than a window, as `Begun` has it.

    The keys are their names, the windows, and whether they are parts of actions.
    """
    known = list(actions)
    old = bisect_right(known, now - window, key=lambda each: actions.get(each, now))
    stride = -(-old // _LOOKS) or 1
    newest = int((now - started_at) // window)
    found: Counter[tuple[str, int, int, bool]] = Counter()
    for each in known[:old:stride]:
        if not each.is_void:
            moments = (each.due_at, each.started_at)
            due, started = (_rounded(int((at - started_at) // window), newest) for at in moments)
            found[name_of(each.name), due, started, each.is_part] += stride
    return found


def _rounded(due: int, newest: int) -> int:
    """Return a window not before `due`, the coarser the longer ago: nobody becomes older.

    Examples
    --------
    >>> _rounded(3, 60), _rounded(3, 200), _rounded(198, 200)
    (3, 4, 198)
    """
    step = 1 << max(0, (newest - due).bit_length() - _EXACT_BITS)
    return max(0, min(newest, -(-due // step) * step))
