"""Requests of an access log, by user, and a user on its way through its own."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Self

from murmur.errors import InvalidArgumentError, number_of
from murmur.runtime import Timetable, User
from murmur.telemetry import ROWS_DONE

from ._columns import Column
from ._rows import Rows

BEGIN = 1.0
"""Seconds of a run before the first request: the time that users need to come."""


class LogRows:
    """Requests of an access log: user 1 of a run does those of the first user in the log.

    Made by an `AccessLog`.

    Parameters
    ----------
    columns : mapping of str to sequence
        Columns of plain values, the rows of each user together, in the order of time;
        ``time`` is in seconds since the first request.
    ends : array of int
        Where the rows of each user end.
    source : str
        Where they come from, for people.
    notes : sequence of str, default ()
        What was left out or changed in reading.

    Attributes
    ----------
    source : str
        As given.
    notes : tuple of str
        As given; `Session.do` logs them.
    """

    __slots__ = ("_columns", "_ends", "notes", "source")

    def __init__(
        self,
        columns: Mapping[str, Column],
        ends: array[int],
        *,
        source: str,
        notes: Sequence[str] = (),
    ) -> None:
        self._columns = dict(columns)
        self._ends = ends
        self.source: str = source
        self.notes: tuple[str, ...] = tuple(notes)

    @property
    def users(self) -> int:
        """How many users the log holds."""
        return len(self._ends)

    @property
    def seconds(self) -> float:
        """Time from the first request to the last, at the log's own speed."""
        return max(self._columns["time"], default=0.0)  # type: ignore[type-var, return-value]

    def __len__(self) -> int:
        return len(self._columns["time"])

    def of(self, user: User | int) -> list[dict[str, Any]]:
        """Return the rows of a user, or of the user with that id; none for one beyond them."""
        return [self.row(number) for number in self.numbers_of(user)]

    def row(self, number: int) -> dict[str, Any]:
        """Return row `number`: time, path, user, method, status, name, and other columns."""
        return {name: column[number] for name, column in self._columns.items()}

    def follow(self, user: User, *, speed: float = 1.0, begin: float = BEGIN) -> LogFollowing:
        """Return an iterator that waits for each of a user's rows: ``async for row in ...``.

        Moments are counted from the start of the run, on every node.  A row that its user is
        too late for comes at once and keeps the moment it was due, which the user's next
        timer or request takes; so a slow server shows in the response time, and no row is
        left out.  The wait ends with `Leaving` once the user is asked to leave.

        Parameters
        ----------
        user : User
            Whose rows they are: those of the log's user of that number.
        speed : float, default 1.0
            How many times as fast as it was logged.
        begin : float, default 1.0
            Second of the run in which the first request of the log is due.

        Raises
        ------
        InvalidArgumentError
            If `speed` is not above zero, or `begin` is negative; or either is not finite.
        WrongThreadError
            In a plain ``def``, which has no ``async for``.
        """
        if not 0 < speed < float("inf"):
            raise InvalidArgumentError(f"invalid speed {speed!r}", "give a number above 0")
        return LogFollowing(self, user, speed, begin)

    def numbers_of(self, user: User | int) -> range:
        """Return the numbers of a user's rows."""
        number = user if isinstance(user, int) else user.id
        if not 1 <= number <= len(self._ends):
            return range(0)
        return range(self._ends[number - 2] if number > 1 else 0, self._ends[number - 1])

    def timetable(self, user: User | int, *, speed: float, begin: float) -> Timetable:
        """Return when a user's rows are due, in seconds since the start of the run.

        The first row of all is at `begin`; `speed` times as fast as it was.
        """
        times: Sequence[Any] = self._columns["time"]
        return Timetable().at(
            [begin + times[at] / speed for at in self.numbers_of(user)], "request"
        )

    def __repr__(self) -> str:
        """Return how many there are, whose, and from where; never what is in them."""
        requests, users = number_of(len(self), "request"), number_of(self.users, "user")
        kept = f"{requests} of {users} in {self.seconds:,.0f} s"
        notes = f"; {'; '.join(self.notes)}" if self.notes else ""
        return f"<{kept}, of {self.source}{notes}>"


class LogFollowing:
    """Waits for one row after the other; made by `LogRows.follow`."""

    __slots__ = ("_first", "_following", "_rows", "_user")

    def __init__(self, rows: LogRows, user: User, speed: float, begin: float) -> None:
        self._rows, self._user = rows, user
        self._first: int = rows.numbers_of(user).start
        self._following = rows.timetable(user, speed=speed, begin=begin).follow(user, start=0.0)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any]:
        """Return the next row once it is due, or at once if it is late."""
        event = await anext(self._following)
        self._user.count(ROWS_DONE)
        return {**self._rows.row(self._first + event.number), "due_at": event.due_at}


def planned(settings: Mapping[str, object]) -> dict[str, object]:
    """Return what the plan of a run has of its rows: names of feeders, requests of logs.

    Parameters
    ----------
    settings : mapping of str to object
        Of the run, by name.

    Examples
    --------
    >>> planned({"pace": 0.5})
    {}
    """
    feeders = [name for name, value in settings.items() if isinstance(value, Rows)]
    logs = [value for value in settings.values() if isinstance(value, LogRows)]
    plan: dict[str, object] = {"feeders": feeders} if feeders else {}
    return plan | {"rows": sum(map(len, logs))} if logs else plan
