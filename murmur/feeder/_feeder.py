"""The setting of a scenario that holds rows of data."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from traitlets import TraitError, TraitType, Undefined

from murmur.errors import FeederError, MissingExtraError

from ._order import BEYOND, ORDERS, Beyond, Order
from ._read import KINDS, Text, columns_of, name_of_source
from ._rows import Rows

if TYPE_CHECKING:
    import pandas as pd

    Source: TypeAlias = (
        str | Path | pd.DataFrame | Sequence[Mapping[str, object]] | Mapping[str, Sequence[object]]
    )


class Feeder(TraitType[Rows, Any]):
    """A setting of a scenario: rows of data that its users act with.

    Rows are read where the run is started, by `Session.do`, which refuses to start if they
    cannot be.  They travel to the nodes as plain columns, so a node needs neither the file
    nor pandas.  Afterwards the setting holds `Rows`.

    Parameters
    ----------
    source : str, path, frame, list of dict or dict of columns, optional
        Where the rows are: a file ``.csv``, ``.tsv`` (either may end in ``.gz`` besides) or
        ``.parquet``, or rows in memory.  A relative path is looked for in the working
        directory, then beside the file of the scenario.  Without a source the setting is
        required.  Text of a CSV stays text.
    columns : sequence of str, default ()
        Columns that have to be there; the others are left out.
    order : {"by-id", "shuffled"}, default "by-id"
        Whether user 1 has the first row, user 2 the second and so on over the whole
        cluster, or the run's seed deals the rows out.
    beyond : {"error", "cycle", "stop"}, default "error"
        What becomes of users when there are more of them than rows: they fail, begin again
        with the first row, or leave.
    delimiter : str, optional
        What stands between two values of a text file; a comma, or a tab in a ``.tsv``, unless
        given.
    encoding : str, default "utf-8"
        What the bytes of a text file mean.
    help : str
        What the rows are, as for every setting.
    **options
        More that every trait of traitlets takes, such as ``read_only=True``.

    Examples
    --------
    >>> import murmur
    >>> class Shop(murmur.Scenario):
    ...     accounts = murmur.Feeder(
    ...         [{"name": "ann"}, {"name": "bob"}], help="who logs in"
    ...     )
    ...     async def start(self, user):
    ...         user.count(self.accounts[user]["name"])
    >>> Shop().accounts
    <2 rows of a list of 2: name>
    >>> Shop().accounts[2]
    {'name': 'bob'}
    """

    info_text = KINDS

    def __init__(  # noqa: PLR0913 - one keyword for each thing a file may need said
        self,
        source: Source | None = None,
        *,
        columns: Sequence[str] = (),
        order: Order = "by-id",
        beyond: Beyond = "error",
        delimiter: str | None = None,
        encoding: str = "utf-8",
        help: str = "",
        **options: Any,  # noqa: ANN401 - traitlets'
    ) -> None:
        for given, known in ((order, ORDERS), (beyond, BEYOND)):
            if given not in known:
                raise TraitError(f"{given!r} is none of {', '.join(map(repr, known))}")
        super().__init__(Undefined if source is None else source, help=help, **options)
        self.columns: tuple[str] | tuple[str, ...] = (
            (columns,) if isinstance(columns, str) else tuple(columns)
        )
        self.order: Order = order
        self.beyond: Beyond = beyond
        self.text: Text = reading_of(delimiter, encoding)
        if source is None:
            self.tag(required=True)

    def tag(self, **metadata: Any) -> Feeder:  # noqa: ANN401 - traitlets' signature
        """Refuse ``live=True``: rows are read where a run starts, not on its nodes."""
        if metadata.get("live"):
            raise TraitError("a feeder cannot be live: its rows are read before the run starts")
        return super().tag(**metadata)

    def validate(self, obj: Any, value: Any) -> Rows:  # noqa: ANN401 - traitlets' signature
        """Return the rows that `value` is, or names; `obj` is the scenario."""
        if isinstance(value, Rows):
            missing = [each for each in self.columns if each not in value.columns]
            if missing:
                raise TraitError(f"{value!r} has no column {missing[0]!r}")
            return value.arranged(self.order, self.beyond, self.name or "")
        try:
            columns = columns_of(found_beside(value, obj), self.columns, self.text)
        except FeederError as error:
            raise TraitError(error.problem) from error
        except MissingExtraError as error:
            raise TraitError(str(error)) from error
        rows = Rows(columns, source=name_of_source(value))
        return rows.arranged(self.order, self.beyond, self.name or "")

    def shown(self, value: object) -> object:
        """Return what may be shown of a value: where rows come from, not what they hold."""
        return value if isinstance(value, Rows) else name_of_source(value)

    def from_string(self, s: str) -> Any:  # noqa: ANN401 - traitlets' signature
        """Return the path that a text is, on a command line or in the environment."""
        return s


def reading_of(delimiter: str | None, encoding: str) -> Text:
    """Return how a text file is read; UTF-8 may begin with a mark."""
    if delimiter is not None and len(delimiter) != 1:
        raise TraitError(f"delimiter {delimiter!r} is not one character")
    is_utf_8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    return Text(delimiter, "utf-8-sig" if is_utf_8 else encoding)


def found_beside(source: object, scenario: object) -> object:
    """Return the path of a file that is beside the scenario's own, if it is not here."""
    if not isinstance(source, str | Path) or Path(source).exists():
        return source
    module = sys.modules.get(type(scenario).__module__)
    home = getattr(module, "__file__", None)
    beside = Path(home).parent / source if home else None
    return beside if beside is not None and beside.exists() else source
