"""The checks of a run together: true or false, and a table for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import overload

import pandas as pd

from murmur._given import needed
from murmur._table import text_lines
from murmur.errors import CheckFailedError
from murmur.results._source import Source
from murmur.results._verdict import Verdict

from ._check import Check
from ._data import Measured
from ._judge import CheckResult, judge_check
from ._text import parse_check


class Checks(Sequence[CheckResult]):
    """What came of some checks; true if all of them hold and the run can be trusted.

    Parameters
    ----------
    results : sequence of CheckResult
        One for each check.
    verdict : Verdict
        Of the run.
    even_if_invalid : bool, default False
        Whether the checks count even if the verdict is ``invalid``.

    Examples
    --------
    >>> from murmur.results import Results
    >>> from murmur.recording import RunRecord
    >>> results = Results(RunRecord("r1", started_at=0.0, wall_started_at=0.0))
    >>> checks = results.check("failed < 0.1%")
    >>> bool(checks)
    False
    >>> print(checks)
    1 of 1 checks failed
      FAILED  failed < 0.1%  -  no action was recorded
    """

    def __init__(
        self, results: Sequence[CheckResult], verdict: Verdict, *, even_if_invalid: bool = False
    ) -> None:
        self._results = tuple(results)
        self._counts_anyway = even_if_invalid
        self.verdict = verdict

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """Those that do not hold."""
        return tuple(result for result in self._results if not result.holds)

    @property
    def is_trusted(self) -> bool:
        """Whether the verdict lets the checks say anything."""
        return self._counts_anyway or self.verdict.state != "invalid"

    def require(self) -> None:
        """Raise unless all checks hold.

        Raises
        ------
        CheckFailedError
            With the table as its message (an `AssertionError`).
        """
        if not self:
            raise CheckFailedError(str(self), [str(result.check) for result in self.failed])

    def to_frame(self) -> pd.DataFrame:
        """Return a frame: one row is one check.

        Columns: check, holds, value (in the unit of the limit: s, 1/s, or none), limit, reason.
        """
        rows = [
            (str(each.check), each.holds, each.value, each.check.limit, each.reason)
            for each in self._results
        ]
        return pd.DataFrame(rows, columns=["check", "holds", "value", "limit", "reason"])

    def to_dict(self) -> list[dict[str, object]]:
        """Return plain values that JSON can hold, one entry for each check."""
        return [
            {
                "check": str(each.check),
                "holds": each.holds,
                "value": each.value if math.isfinite(each.value) else None,
                "limit": each.check.limit if math.isfinite(each.check.limit) else None,
                "reason": each.reason,
            }
            for each in self._results
        ]

    def __bool__(self) -> bool:
        return self.is_trusted and not self.failed

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, index: int) -> CheckResult: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[CheckResult, ...]: ...
    def __getitem__(self, index: int | slice) -> CheckResult | tuple[CheckResult, ...]:
        return self._results[index]

    def __iter__(self) -> Iterator[CheckResult]:
        return iter(self._results)

    def __repr__(self) -> str:
        """Return one line, which a failed ``assert`` shows."""
        said = [f"{each.check}: {each.value_text}" for each in self.failed]
        return f"<{'; '.join([self._headline(), *said])}>"

    def __str__(self) -> str:
        rows = [_cells(each) for each in self._results]
        return "\n".join([self._headline(), *(f"  {line}" for line in text_lines(rows))])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{title}</th>" for title in ("", "check", "value", "remark"))
        body = "".join(
            "<tr>"
            + "".join(f'<td style="text-align:left">{cell}</td>' for cell in _html_cells(each))
            + "</tr>"
            for each in self._results
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p>{escape(self._headline())}</p>{table}"

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:
        """Show the table in IPython without a front end."""
        printer.text(str(self))  # type: ignore[attr-defined]

    def _headline(self) -> str:
        total = len(self._results)
        line = {0: "nothing was checked", 1: "1 check holds"}.get(total, f"{total} checks hold")
        if self.failed:
            line = f"{len(self.failed)} of {total} checks failed"
        if not self.is_trusted:
            line += f", and the run is {self.verdict}"
        return line


def checked(
    source: Source,
    checks: Sequence[str | Check],
    *,
    even_if_invalid: bool = False,
    memory: dict[tuple[str, float], float] | None = None,
) -> Checks:
    """Return what comes of some checks on what `source` knows now; `memory` as `Measured`."""
    for check in checks:
        is_check = isinstance(check, str | Check)
        needed(is_check, "check", check, "give a text, such as 'p99(login) < 200ms'")
    parsed = [check if isinstance(check, Check) else parse_check(check) for check in checks]
    measured = Measured(source, memory)
    results = [judge_check(check, measured) for check in parsed]
    return Checks(results, source.verdict(), even_if_invalid=even_if_invalid)


def _html_cells(result: CheckResult) -> list[str]:
    word, *rest = map(escape, _cells(result))
    return [word if result.holds else f"<b>{word}</b>", *rest]


def _cells(result: CheckResult) -> list[str]:
    word = "holds" if result.holds else "FAILED"
    return [word, str(result.check), result.value_text, result.reason]
