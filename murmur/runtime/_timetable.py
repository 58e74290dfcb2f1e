"""Timetables: what users do when, and a user on its way through one.

A timetable itself neither waits nor reads a clock.  Every moment is computed from the start,
and never from the moment before, so that it does not drift, however late its user is.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from murmur._backend import loop_runs_here
from murmur._given import needed
from murmur.errors import InvalidArgumentError, WrongThreadError
from murmur.telemetry import EVENTS_DUE, EVENTS_LISTED
from murmur.throttles import drop_due, give_due

if TYPE_CHECKING:
    from ._user import User


class Occurrence(NamedTuple):
    """One event of a timetable.

    Attributes
    ----------
    name : str
        What is to be done.
    number : int
        How many times the same entry came before: 0 for the first.
    due_at : float
        When it is due, in seconds of `anyio.current_time`, or since the start where a
        timetable is only looked at.
    """

    name: str
    number: int
    due_at: float


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    first: float | None  # None if it is drawn
    period: float
    count: float
    until: float

    def moments(self, first: float) -> Iterator[tuple[float, int]]:
        """Yield when it comes, since the start, and how often it came before."""
        for number in itertools.count():
            at = first + number * self.period if number else first
            if number >= self.count or at >= self.until:
                return
            yield at, number

    def __str__(self) -> str:
        if self.first is not None and math.isinf(self.period):
            return f"{self.name!r} at {self.first:g} s"
        return f"{self.name!r} every {self.period:g} s"


@dataclass(frozen=True, slots=True)
class _Listed:
    name: str
    at: tuple[float, ...]

    @property
    def first(self) -> float:
        return 0.0  # nothing is drawn

    def moments(self, first: float) -> Iterator[tuple[float, int]]:
        """Yield when it comes, and how often it came before."""
        return zip(self.at, itertools.count())

    def __str__(self) -> str:
        return f"{self.name!r} at {len(self.at):,} moments"


class Timetable:
    """Events of one user, in the order of time.

    A timetable is never changed: `at` and `every` return a new one, so that a class may
    hold one for all its users.

    Parameters
    ----------
    spread : float, default 0.0
        Seconds over which users are spread: the whole timetable of each is put off by a
        random part of it.

    Examples
    --------
    >>> import itertools, murmur
    >>> day = murmur.Timetable().at(1, "login").every(60, "presence").every(25, "message", offset=5)
    >>> [(event.name, event.due_at) for event in itertools.islice(day.occurrences(), 5)]
    [('presence', 0.0), ('login', 1.0), ('message', 5.0), ('message', 30.0), ('message', 55.0)]

    A scenario's ``start`` says::

        async for event in self.day.follow(user):
            with user.timer(event.name):
                await getattr(self, event.name)(user)
    """

    __slots__ = ("_entries", "_spread")

    def __init__(self, *, spread: float = 0.0) -> None:
        self._spread = _checked("spread", spread, least=0.0)
        self._entries: tuple[_Entry | _Listed, ...] = ()

    def at(self, moment: float | Sequence[float], name: str) -> Timetable:
        """Return a timetable with one more event, or one at each of several moments.

        Parameters
        ----------
        moment : float or sequence of float
            Seconds after the start, in any order.
        name : str
            What is to be done.

        Raises
        ------
        InvalidArgumentError
            If a moment is negative or not finite.
        """
        _check_name(name)
        if isinstance(moment, Sequence) and not isinstance(moment, str):
            moments = sorted(_checked("moment", each, least=0.0) for each in moment)
            return self._with(_Listed(name, tuple(moments)))
        first = _checked("moment", moment, least=0.0)
        return self._with(_Entry(name, first, math.inf, count=1, until=math.inf))

    def every(
        self,
        period: float,
        name: str,
        *,
        offset: float | Literal["random"] = 0.0,
        count: int | None = None,
        until: float = math.inf,
    ) -> Timetable:
        """Return a timetable with an event that comes again and again.

        Parameters
        ----------
        period : float
            Seconds from one to the next.
        name : str
            What is to be done.
        offset : float or "random", default 0.0
            Seconds from the start to the first; ``"random"`` draws them for each user,
            below `period`.
        count : int, optional
            How many there are; without an end if not given.
        until : float, default inf
            Seconds after the start from which on there are no more.

        Raises
        ------
        InvalidArgumentError
            If any of them makes no sense.
        """
        _check_name(name)
        first = None if offset == "random" else _checked("offset", offset, least=0.0)
        if count is not None and count < 1:
            raise InvalidArgumentError(f"invalid count {count!r}", "give one or more, or nothing")
        entry = _Entry(
            name,
            first,
            _checked("period", period, least=math.ulp(0.0)),
            count=math.inf if count is None else count,
            until=until,
        )
        return self._with(entry)

    def occurrences(self, random: Random | None = None, start: float = 0.0) -> Iterator[Occurrence]:
        """Yield the events as they fall due; those due at once in the order of the entries.

        Parameters
        ----------
        random : random.Random, optional
            What random offsets are drawn from, at once; a new one if not given.
        start : float, default 0.0
            What all moments are counted from.
        """
        random = random or Random()
        begin = start + (random.uniform(0.0, self._spread) if self._spread else 0.0)
        firsts = [
            random.uniform(0.0, entry.period) if entry.first is None else entry.first
            for entry in self._entries
        ]
        columns = (
            zip(entry.moments(first), itertools.repeat(order))
            for order, (entry, first) in enumerate(zip(self._entries, firsts, strict=True))
        )
        return (
            Occurrence(self._entries[order].name, number, begin + at)
            for (at, number), order in heapq.merge(*columns, key=_by_time)
        )

    @property
    def names(self) -> frozenset[str]:
        """Names of the events."""
        return frozenset(entry.name for entry in self._entries)

    def follow(self, user: User, *, start: float | None = None) -> Following:
        """Return an iterator that waits for each event: ``async for event in ...``.

        An event that its user is too late for comes at once and keeps the
        moment it was due, which the next `User.timer` takes; so a slow server shows in the
        response time.  No event is left out.  The wait ends with `Leaving` once the user is
        asked to leave.

        Parameters
        ----------
        user : User
            Whose timetable it is; random offsets are drawn with its random numbers.
        start : float, optional
            Second of `User.now` that all moments are counted from, such as 0 for the start of
            the run; now if not given.

        Raises
        ------
        WrongThreadError
            In a plain ``def``, which has no ``async for``.
        """
        if not loop_runs_here():
            raise WrongThreadError(
                "Timetable.follow",
                "it is for `async for` in an `async def`; in a plain `def`, write "
                "`for event in timetable.occurrences(user.random): user.sleep(...)`",
            )
        return Following(self, user, start)

    def _with(self, entry: _Entry | _Listed) -> Timetable:
        longer = Timetable(spread=self._spread)
        longer._entries = (*self._entries, entry)
        return longer

    def __repr__(self) -> str:
        """Return the entries."""
        entries = ", ".join(map(str, self._entries)) or "empty"
        return f"<Timetable: {entries}>"


class Following:
    """Waits for one event after the other; made by `Timetable.follow`.

    An iterator and not a generator: one that is left early needs no closing.
    """

    __slots__ = ("_native", "_now", "_occurrences", "_user")

    def __init__(self, timetable: Timetable, user: User, start: float | None = None) -> None:
        self._user = user
        self._native = user.run.native
        self._now = self._native.now
        begin = self._now() if start is None else user.run.recorder.started_at + start
        self._occurrences = timetable.occurrences(user.random, start=begin)
        for name in timetable.names - user.run.came_due.keys():
            user.run.came_due[name] = False
            user.run.recorder.count(f"{EVENTS_LISTED}{name}")

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> Occurrence:
        """Return the next event once it is due, or at once if it is late."""
        user = self._user
        event = next(self._occurrences, None)
        if event is None:
            drop_due()
            raise StopAsyncIteration
        await user.sleep(event.due_at - self._now())
        while self._now() < event.due_at:  # a loop's timer may be early by its grain
            await user.sleep(event.due_at - self._now())
        give_due(event.due_at, self._native)
        if not user.run.came_due[event.name]:
            user.run.came_due[event.name] = True
            user.run.recorder.count(f"{EVENTS_DUE}{event.name}")
        return event


def _by_time(item: tuple[tuple[float, int], int]) -> tuple[float, int]:
    (at, _), order = item
    return at, order


def _check_name(name: object) -> None:
    needed(isinstance(name, str), "name", name, "give a text, such as 'login'")


def _checked(what: str, given: object, *, least: float) -> float:
    if isinstance(given, int | float) and least <= given < math.inf:
        return float(given)
    bound = "above zero" if least else "of zero or more"
    raise InvalidArgumentError(f"invalid {what} {given!r}", f"give finite seconds {bound}")
