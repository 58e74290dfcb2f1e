"""Rows of data, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping

from murmur._guard import heard
from murmur.errors import FeederError, Leaving, number_of
from murmur.runtime import User, current_run
from murmur.telemetry import ROWS_GIVEN, ROWS_MISSED

from ._columns import Column
from ._order import Beyond, Order, row_of


class Rows:
    """Rows of data for users: ``rows[user]`` is the one of that user.

    Made by a `Feeder`.  Users have ids that are unique over the cluster, so their rows are
    as well, whichever node they are on.

    Parameters
    ----------
    columns : mapping of str to sequence
        Columns of plain values, all of one length.
    source : str
        Where they come from, for people.
    order : {"by-id", "shuffled"}
        Whether user 1 has the first row, or the run's seed deals them.
    beyond : {"error", "cycle", "stop"}
        What becomes of users when there are more of them than rows.
    name : str
        Of the setting, by which a run counts the rows that it gave.
    """

    __slots__ = ("_columns", "beyond", "name", "order", "source")

    def __init__(
        self,
        columns: Mapping[str, Column],
        *,
        source: str,
        order: Order = "by-id",
        beyond: Beyond = "error",
        name: str = "",
    ) -> None:
        self._columns = dict(columns)
        self.source: str = source
        self.order = order
        self.beyond = beyond
        self.name: str = name

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __getitem__(self, user: User | int) -> dict[str, object]:
        """Return the row of a user, or of the user with that id, as a dictionary.

        Raises `FeederError` if there are fewer rows, and `beyond` is ``"error"``; `Leaving` if
        there are fewer rows, and `beyond` is ``"stop"``: let it propagate.
        """
        user_id = user if isinstance(user, int) else user.id
        seed = current_run("feeder").seed if self.order == "shuffled" else None
        number = row_of(user_id, len(self), cycle=self.beyond == "cycle", seed=seed)
        if number is not None:
            return self._given(number)
        if self.beyond == "stop":
            self._count(ROWS_MISSED)
            raise Leaving
        remedy = 'give more, or say beyond="cycle" or beyond="stop"'
        raise FeederError(f"no row for user {user_id}", f"there are {len(self)} rows; {remedy}")

    def draw(self, user: User) -> dict[str, object]:
        """Return any row, drawn with the user's own random numbers."""
        return self._given(user.random.randrange(len(self)))

    def row(self, number: int) -> dict[str, object]:
        """Return the row of that number, counted from 0 as in the source.

        Raises `FeederError` if there is none.
        """
        if not 0 <= number < len(self):
            raise FeederError(f"no row {number}", f"there are {len(self)} rows, from 0")
        return self._given(number)

    def arranged(self, order: Order, beyond: Beyond, name: str) -> Rows:
        """Return the same rows, dealt as `order` and `beyond` say; see `Feeder`.

        `name` is that of the setting.
        """
        return Rows(self._columns, source=self.source, order=order, beyond=beyond, name=name)

    def _given(self, number: int) -> dict[str, object]:
        self._count(ROWS_GIVEN)
        return {name: column[number] for name, column in self._columns.items()}

    def _count(self, what: str) -> None:
        """Count it in the run whose code this is; rows may be looked at outside of one."""
        if self.name and (run := heard(current_run, "feeder").value) is not None:
            run.recorder.count(f"{what}{self.name}")

    def __repr__(self) -> str:
        """Return how many there are, from where, and of what; never what is in them."""
        return f"<{number_of(len(self), 'row')} of {self.source}: {', '.join(self.columns)}>"
