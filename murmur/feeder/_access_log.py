"""The setting of a scenario that holds an access log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from traitlets import TraitError, TraitType, Undefined

from murmur.errors import FeederError, MissingExtraError

from ._feeder import found_beside, reading_of
from ._log_read import OURS, Wanted, log_rows
from ._log_rows import LogRows
from ._read import name_of_source

if TYPE_CHECKING:
    from ._feeder import Source

KINDS = "an access log, or a table of time, path and user"


class AccessLog(TraitType[LogRows, Any]):
    """A setting of a scenario: an access log, or a trace, whose requests are made again.

    Rows are read where the run is started, by `Session.do`, which refuses to start if they
    cannot be, and logs what was left out.  They travel to the nodes as plain columns.
    Afterwards the setting holds `LogRows`.

    Parameters
    ----------
    source : str, path, frame, list of dict or dict of columns, optional
        A log in the common or combined format of Apache and nginx, or a table: a file
        ``.csv``, ``.tsv`` or ``.parquet``, or rows in memory, with the columns ``time``
        (seconds, or ISO 8601), ``path`` and ``user``; ``method``, ``status``, ``name`` and
        others may be there.  Text may be gzipped (``.gz``).  A relative path is looked for
        in the working directory, then beside the file of the scenario.  Without a source
        the setting is required.
    columns : mapping of str to str, default {}
        Names of a table's columns by murmur's, such as ``{"time": "ts", "user": "session"}``.
    methods : str or sequence of str, default ("GET", "HEAD")
        Requests that are kept: a log does not hold what others sent.
    longest_gap : float, optional
        Seconds that a longer time without any request is cut to; kept if not given.
    spread : float, optional
        Seconds over which requests of the same whole second are spread evenly; by default 1
        for a log whose times are whole seconds, and 0 for a table.
    delimiter : str, optional
        What stands between two values of a text table; a comma, or a tab in a ``.tsv``,
        unless given.
    help : str
        What the log is, as for every setting.
    **options
        More that every trait of traitlets takes.

    Examples
    --------
    >>> import murmur
    >>> class Again(murmur.Scenario):
    ...     log = murmur.AccessLog(
    ...         [
    ...             {"time": 0.0, "path": "/", "user": "ann"},
    ...             {"time": 1.5, "path": "/items/7", "user": "bob"},
    ...             {"time": 2.0, "path": "/cart", "user": "ann"},
    ...         ],
    ...         help="what is asked for",
    ...     )
    ...     async def start(self, user):
    ...         async for row in self.log.follow(user, speed=10):
    ...             await user.http.request(row["method"], row["path"], name=row["name"])
    >>> Again().log
    <3 requests of 2 users in 2 s, of a list of 3>
    >>> [row["path"] for row in Again().log.of(1)]
    ['/', '/cart']
    """

    info_text = KINDS

    def __init__(  # noqa: PLR0913 - one keyword for each thing a log may need said
        self,
        source: Source | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        methods: str | Sequence[str] = ("GET", "HEAD"),
        longest_gap: float | None = None,
        spread: float | None = None,
        delimiter: str | None = None,
        help: str = "",
        **options: Any,  # noqa: ANN401 - traitlets'
    ) -> None:
        for name in sorted({"speed", "begin"} & options.keys()):
            raise TraitError(f"{name}= belongs to follow(): self.log.follow(user, {name}=...)")
        if unknown := sorted((columns or {}).keys() - {*OURS}):
            known = ", ".join(OURS)
            raise TraitError(f"columns={{{unknown[0]!r}: ...}}: give the names of {known}")
        for name, seconds in (("longest_gap", longest_gap), ("spread", spread)):
            if seconds is not None and not 0 <= seconds < float("inf"):
                raise TraitError(f"{name}={seconds!r}: give seconds, 0 or more")
        super().__init__(Undefined if source is None else source, help=help, **options)
        self.wanted: Wanted = Wanted(
            columns=dict(columns or {}),
            methods=tuple(
                each.upper() for each in ([methods] if isinstance(methods, str) else methods)
            ),
            longest_gap=longest_gap,
            spread=spread,
            text=reading_of(delimiter, "utf-8"),
        )
        if source is None:
            self.tag(required=True)

    def tag(self, **metadata: Any) -> AccessLog:  # noqa: ANN401 - traitlets' signature
        """Refuse ``live=True``: rows are read where a run starts, not on its nodes."""
        if metadata.get("live"):
            raise TraitError("a log cannot be live: its rows are read before the run starts")
        return super().tag(**metadata)

    def validate(self, obj: Any, value: Any) -> LogRows:  # noqa: ANN401 - traitlets' signature
        """Return the requests that `value` holds, or names; `obj` is the scenario."""
        if isinstance(value, LogRows):
            return value
        try:
            return log_rows(found_beside(value, obj), self.wanted)
        except FeederError as error:
            raise TraitError(error.problem) from error
        except MissingExtraError as error:
            raise TraitError(str(error)) from error

    def shown(self, value: object) -> object:
        """Return what may be shown of a value: where rows come from, not what they hold."""
        return value if isinstance(value, LogRows) else name_of_source(value)

    def from_string(self, s: str) -> Any:  # noqa: ANN401 - traitlets' signature
        """Return the path that a text is, on a command line or in the environment."""
        return s
