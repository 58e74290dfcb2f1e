"""The summary of a run: a page of text or HTML, and the same as a frame or plain data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from html import escape
from typing import Any

import pandas as pd

from murmur._table import html_table, shortened, text_lines
from murmur.telemetry import one_line

from ._paces import PaceSummary
from ._verdict import Verdict


@dataclass(frozen=True, slots=True)
class ActionSummary:
    """What the actions of one name came to over the whole run.

    Attributes
    ----------
    name : str
        The name.
    count, failed : int
        How many ended, and how many of those failed.
    rate : float
        Actions per second of the time in which users could be there: from the end of `init` on.
        What `init` did is in the count, and in no rate.
    response_p50, response_p95, response_p99, response_max : float
        Seconds from when it was due to its end, of the successful ones; NaN without any.
    service_p50, service_p99 : float
        Seconds from its start to its end, likewise.
    """

    name: str
    count: int
    failed: int
    rate: float
    response_p50: float
    response_p95: float
    response_p99: float
    response_max: float
    service_p50: float
    service_p99: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a run, small enough to read.

    Attributes
    ----------
    run_id, scenario : str
        Which run; the scenario is empty if nobody told.
    seed : int
        The run's seed.
    elapsed : float
        Seconds from the start to the last thing that was recorded.
    users : mapping of str to int
        Users by outcome, those without one under ``here``; only what occurs.
    actions : tuple of ActionSummary
        One for each name, in alphabetical order.
    verdict : Verdict
        Whether the numbers can be trusted.
    failures : tuple of str
        What failed and how, the most frequent first; see the frame ``errors``.
    paces : tuple of PaceSummary
        What became of the permits of each throttle that has a plan, in alphabetical order.
    rehearsed : bool
        Whether time was virtual: the durations are the scenario's own, and nothing was measured.

    Examples
    --------
    >>> import murmur
    >>> from murmur.testing import rehearse
    >>> class Nap(murmur.Scenario):
    ...     '''Users nap for a second.'''
    ...     async def start(self, user):
    ...         with user.timer("nap"):
    ...             await user.sleep(1)
    >>> summary = rehearse(Nap, 10).summary()
    >>> summary.users["finished"], summary.actions[0].name, summary.actions[0].count
    (10, 'nap', 10)
    """

    run_id: str
    scenario: str
    seed: int
    elapsed: float
    users: Mapping[str, int]
    actions: tuple[ActionSummary, ...]
    verdict: Verdict
    failures: tuple[str, ...] = ()
    paces: tuple[PaceSummary, ...] = ()
    rehearsed: bool = False

    @property
    def duration(self) -> str:
        """How long the run went on, in words."""
        return f"{self.elapsed:,.1f} s{' of virtual time, rehearsed' if self.rehearsed else ''}"

    @property
    def pace_lines(self) -> tuple[str, ...]:
        """One line for each throttle that granted less than what was due."""
        return tuple(pace.line for pace in self.paces if pace.line)

    def to_frame(self) -> pd.DataFrame:
        """Return the actions as a frame: one row is one name, columns as `ActionSummary`."""
        columns = {
            field.name: [getattr(action, field.name) for action in self.actions]
            for field in fields(ActionSummary)
        }
        dtypes = {"name": "str", "count": "int64", "failed": "int64"}
        return pd.DataFrame(columns).astype({name: dtypes.get(name, "float64") for name in columns})

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain values that JSON can hold; None for NaN."""
        return {
            "run_id": self.run_id,
            "scenario": self.scenario,
            "seed": self.seed,
            "elapsed": self.elapsed,
            "users": dict(self.users),
            "actions": [plain_row(action) for action in self.actions],
            "failures": list(self.failures),
            "paces": [plain_row(pace) for pace in self.paces],
            "verdict": {"state": self.verdict.state, "reasons": list(self.verdict.reasons)},
        }

    def __repr__(self) -> str:
        lines = [
            ", ".join(
                [
                    f"{self.scenario or 'run'} {self.run_id}",
                    f"seed {self.seed}",
                    self.duration,
                    f"verdict: {self.verdict.state}",
                ]
            ),
            *(f"  {one_line(reason)}" for reason in self.verdict.reasons),
            f"users: {_listed(self.users)}",
            *(f"  {one_line(failure)}" for failure in self.failures),
            *self.pace_lines,
        ]
        if not self.actions:
            return "\n".join([*lines, "actions: none"])
        cells = (_cells(action) for action in self.actions)
        rows = [list(_COLUMNS), *([shortened(name, _WIDEST), *rest] for name, *rest in cells)]
        return "\n".join([*lines, *text_lines(rows, numbers=range(1, len(_COLUMNS)))])

    def _repr_html_(self) -> str:
        """Return the summary as HTML that takes its colours from the page."""
        heading = (
            f"<b>{escape(self.scenario or 'Run')}</b> <code>{escape(self.run_id)}</code> "
            f"&middot; seed {self.seed} &middot; {self.duration} &middot; "
            f"verdict: <b>{self.verdict.state}</b>"
        )
        reasons = "".join(f"<li>{escape(reason)}</li>" for reason in self.verdict.reasons)
        failures = "".join(f"<li>{escape(failure)}</li>" for failure in self.failures)
        parts = [
            f"<div>{heading}</div>",
            f"<ul>{reasons}</ul>" if reasons else "",
            f"<div>users: {escape(_listed(self.users))}</div>",
            f"<ul>{failures}</ul>" if failures else "",
            *(f"<div>{escape(line)}</div>" for line in self.pace_lines),
        ]
        if self.actions:
            parts.append(html_table(list(_COLUMNS), map(_cells, self.actions)))
        return f"<div>{''.join(parts)}</div>"


def duration_text(seconds: float, digits: int = 3) -> str:
    """Return a duration as a person would write it, with so many digits that count.

    Examples
    --------
    >>> [duration_text(value) for value in (0.0000123, 0.0123, 1.23456, 75.0)]
    ['12.3 µs', '12.3 ms', '1.23 s', '75 s']
    """
    if math.isnan(seconds):
        return "-"
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if float(f"{seconds * factor:.{digits}g}") >= 1:  # 0.9999 s is written as 1 s
            return f"{digits_text(seconds * factor, digits)} {unit}"
    return f"{digits_text(seconds * 1e6, digits)} µs" if seconds else "0 s"


def _rate_text(rate: float) -> str:
    """Return actions per second; of slow ones as many digits as say something."""
    return f"{rate:,.1f}" if not 0 < rate < 10 else f"{rate:.3g}"


def digits_text(value: float, digits: int) -> str:
    """Return a number with so many digits that count; before the point all are shown."""
    return f"{value:,.0f}" if value >= 10 ** (digits - 1) else f"{value:,.{digits}g}"


_WIDEST = 80
"""Characters of a name in a text table: with a longer one no line would fit a terminal."""

_COLUMNS: Mapping[str, Callable[[ActionSummary], str]] = {
    "action": lambda action: one_line(action.name),
    "count": lambda action: f"{action.count:,}",
    "failed": lambda action: f"{action.failed:,}",
    "per second": lambda action: _rate_text(action.rate),
    "response p50": lambda action: duration_text(action.response_p50),
    "p95": lambda action: duration_text(action.response_p95),
    "p99": lambda action: duration_text(action.response_p99),
    "max": lambda action: duration_text(action.response_max),
    "service p50": lambda action: duration_text(action.service_p50),
    "service p99": lambda action: duration_text(action.service_p99),
}


def _cells(action: ActionSummary) -> list[str]:
    return [text(action) for text in _COLUMNS.values()]


def _listed(users: Mapping[str, int]) -> str:
    words = {"here": "still in the run"}
    listed = (f"{count:,} {words.get(outcome, outcome)}" for outcome, count in users.items())
    return ", ".join(listed) or "none"


def plain_row(of: Any) -> dict[str, Any]:  # noqa: ANN401 - an instance of any dataclass
    """Return the fields of a dataclass; None in place of a number that JSON cannot hold."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(of).items()
    }
