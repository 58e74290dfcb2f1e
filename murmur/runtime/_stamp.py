"""Stamps and letters: what messages carry of time.

A stamp is a plain text that says who sent it when, by the run's clock.

Nothing here waits or reads a clock.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from murmur._given import SHOWN
from murmur._guard import text_of
from murmur.errors import InvalidArgumentError

REMEMBERED = 200
"""Stamps that a user remembers, to know what comes twice."""

_FIELDS = 7


class Letter(NamedTuple):
    """A message whose answer was due at some moment, in a mailbox."""

    at: float
    message: object


class Stamp(NamedTuple):
    """What a stamp says.

    Examples
    --------
    >>> text = str(Stamp("r1", 7, 0, 1.0, 1.25, 0.001, "chat line"))
    >>> text
    'r1 7 0 1.000000000 1.250000000 0.001000000 chat line'
    >>> Stamp.read(text).name
    'chat line'
    """

    run: str  # the run it was made in
    user_id: int  # user_id, number: who made it, and how many that one had made before
    number: int
    # due_at, sent_at, clock_error: when it was due and when it was made, in seconds since the run
    # started, and by how much that may be wrong
    due_at: float
    sent_at: float
    clock_error: float
    name: str  # what the message is called

    def __str__(self) -> str:
        """Return it as text."""
        run, user_id, number, due_at, sent_at, error, name = self
        return f"{run} {user_id} {number} {due_at:.9f} {sent_at:.9f} {error:.9f} {name}"

    @classmethod
    def read(cls, text: object) -> Stamp:
        """Return what a text, or its bytes, says.

        Raises `InvalidArgumentError` if it is none that a user made.
        """
        try:
            plain = bytes(text).decode() if isinstance(text, (bytes, bytearray)) else str(text)
            run, user_id, number, due_at, sent_at, error, name = plain.split(" ", _FIELDS - 1)
            moments = float(due_at), float(sent_at), float(error)
            return cls(run, int(user_id), int(number), *moments, name)
        except BaseException:  # noqa: BLE001 - its `str` may raise anything
            raise InvalidArgumentError(
                f"{text_of(text, repr)[:SHOWN]} is no stamp",
                "give the text that user.stamp returned, as it was",
            ) from None


class Seen:
    """The stamps that came last to one user.

    Examples
    --------
    >>> seen = Seen()
    >>> seen.is_new(7, 0), seen.is_new(7, 1), seen.is_new(7, 0)
    (True, True, False)
    """

    __slots__ = ("_known", "_order")

    def __init__(self) -> None:
        self._known: set[tuple[int, int]] = set()
        self._order: deque[tuple[int, int]] = deque()

    def is_new(self, user_id: int, number: int) -> bool:
        """Take note of a stamp; False if it is one of the last `REMEMBERED`."""
        key = user_id, number
        if key in self._known:
            return False
        if len(self._order) >= REMEMBERED:
            self._known.discard(self._order.popleft())
        self._known.add(key)
        self._order.append(key)
        return True
