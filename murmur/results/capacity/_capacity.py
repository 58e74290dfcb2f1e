"""Capacity: what a search found, as numbers, a frame, a chart and two laws to hold it against."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from murmur._table import html_table
from murmur.errors import number_of
from murmur.results._paces import per_text
from murmur.results._summary import plain_row
from murmur.results.checks._text import parse_check

from ._measure import NOTHING, OTHERS, Step

if TYPE_CHECKING:
    import altair as alt

UNITS: Mapping[str, str] = {"users": "users", "user_rate": "users/min"}
"""Unit of the load, by what sets it, but of a throttle."""

# Student's t at 97.5 %, by degrees of freedom; 1.96 beyond.
_T = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)


def unit_of(
    by: str,  # what sets the load
    steps: Sequence[Step],  # those that were taken
) -> str:
    """Return the unit of the load; over which time a throttle counts, only a step tells."""
    over = [step.interval for step in steps if not math.isnan(step.interval)]
    return UNITS.get(by, by + (per_text(over[-1]) if over else ""))


def load_text(load: float, unit: str, *, low: float | None = None) -> str:
    """Return a load, or a stretch of loads from `low` on, with the unit.

    Examples
    --------
    >>> load_text(1, "users"), load_text(1, "users/min"), load_text(231, "users", low=212)
    ('1 user', '1 user/min', '212 to 231 users')
    """
    number = _short(load) if low is None else f"{_short(low)} to {_short(load)}"
    if number == "1" and unit in UNITS.values():
        unit = unit.replace("users", "user")
    return f"{number} {unit}"


class Interval(NamedTuple):
    """A number that was estimated, and between which values it lies."""

    value: float
    low: float
    high: float


class Scalability(NamedTuple):
    """The universal scalability law, fitted to throughput over load.

    Attributes
    ----------
    throughput : Interval
        Actions per second of one unit of load alone.
    contention : Interval
        Share of the work that is done one after the other.
    coherency : Interval
        Cost of keeping each pair in agreement; above 0, throughput falls again.
    peak : float
        The load with the largest throughput; ``inf`` if it only rises, 1 if it only falls.
    """

    throughput: Interval
    contention: Interval
    coherency: Interval
    peak: float


@dataclass(frozen=True, eq=False)
class Capacity:
    """How much load a system carries while a check holds.

    Made by `Session.find_capacity`.

    Parameters
    ----------
    check : str
        What has to hold.
    by : str
        What sets the load: ``"users"``, ``"user_rate"``, or the name of a throttle.
    low, high : float
        Between which loads the limit lies.
    best : float
        The load that it is as likely above as below.
    confidence : float
        How likely it lies in the interval, from 0 to 1.
    ended : str
        "found", "never held", "not reached", "generator" (the last steps gave no answer),
        "too noisy", "interrupted", or "given up" if a run could not be started any more, such as
        when no node was left.
    taken : sequence of Step
        The steps, in order.
    remarks : sequence of str, default ()
        What to know before believing it.

    Examples
    --------
    A search in a notebook ends with its picture::

        capacity = session.find_capacity(Shop, check="p99(order) < 200ms", low=10)
        capacity.chart()
    """

    check: str
    by: str
    low: float
    high: float
    best: float
    confidence: float
    ended: str
    taken: Sequence[Step]
    remarks: Sequence[str] = ()

    @property
    def steps(self) -> pd.DataFrame:
        """One row is one step, in order; the columns are the attributes of a step.

        ``answer``, ``reason`` and ``blame`` are text, the others numbers.
        """
        names = [field.name for field in fields(Step)]
        frame = pd.DataFrame([asdict(step) for step in self.taken], columns=names)
        texts = {"answer", "reason", "blame"}
        return frame.astype({name: "str" if name in texts else "float64" for name in names})

    @property
    def unit(self) -> str:
        """Unit of the load."""
        return unit_of(self.by, self.taken)

    @property
    def sentence(self) -> str:
        """What was found, in one sentence."""
        unit, found = self.unit, load_text(self.high, self.unit, low=self.low)
        held = max((step.load for step in self.taken if step.answer == "holds"), default=None)
        at_least = f"it held up to {load_text(held, unit)}" if held else "it held at no load"
        asked = load_text(max((step.load for step in self.taken), default=math.nan), unit)
        sure = f"{self.confidence:.0%} sure"
        taken = number_of(len(self.taken), "step")
        return {
            "found": f"{self.check} holds up to {found} ({sure})",
            "never held": f"{self.check} does not hold at {load_text(self.taken[0].load, unit)}"
            if self.taken
            else "no step was taken",
            "not reached": f"{self.check} holds at {asked}, the most that was tried",
            "generator": f"not found below {asked}: {self._hindrance}; {at_least}",
            "too noisy": f"{self.check} holds up to {found} ({sure}); the answers were too noisy "
            "for a narrower interval: hold each step for longer",
            "interrupted": f"interrupted; {self.check}: {at_least}",
            "given up": f"given up after {taken}; {self.check}: {at_least}",
        }[self.ended]

    @property
    def _hindrance(self) -> str:
        """What kept most of the steps without an answer from having one."""
        mute = [step for step in self.taken if step.answer == "no answer"]
        ((blame, _),) = Counter(step.blame for step in mute).most_common(1) or [("", 0)]
        if blame == NOTHING:
            return next(step.reason for step in reversed(mute) if step.blame == NOTHING)
        if blame == OTHERS:
            return "other programs had the machine: stop them, or search on a quiet one"
        return "the generator was the limit"

    def chart(self) -> alt.ConcatChart:
        """Return response time, throughput and failures over load, the interval marked."""
        from murmur.charts import capacity

        check = parse_check(self.check)
        limit = check.limit if check.kind == "time" else None
        return capacity(self.steps, low=self.low, high=self.high, unit=self.unit, limit=limit)

    def usl(self) -> Scalability:
        """Fit the universal scalability law to the throughput of the steps.

        The law (Gunther, "Guerrilla Capacity Planning", 2007) says that a load N has the
        throughput ``x N / (1 + a (N - 1) + b N (N - 1))``.  ``N / throughput`` is linear in 1,
        ``N - 1`` and ``N (N - 1)``, which weighted least squares fit; the intervals are of 95 %.
        It knows no load at which nothing ends: a `UserWarning` names those that are left out.

        Raises
        ------
        ValueError
            If there are fewer than four loads with a throughput.
        """
        steps = self.steps
        answered = steps[steps["answer"] != "no answer"]
        there = answered[answered["throughput"] > 0]
        if len(there) < len(answered):
            broken = answered.loc[answered["throughput"] == 0, "load"].unique()
            warnings.warn(
                f"nothing ended at {', '.join(map(_short, sorted(broken)))} {self.unit}: the fit "
                "is without, and says nothing of such loads",
                UserWarning,
                stacklevel=2,
            )
        return Scalability(*fitted(there["load"].to_numpy(), there["throughput"].to_numpy()))

    def littles_law(self) -> pd.DataFrame:
        """Hold actions in progress against throughput times time in progress (Little, 1961).

        Returns
        -------
        pandas.DataFrame
            One row is one step: ``load``, ``busy`` (actions in progress, on average),
            ``expected`` (throughput times time in progress) and ``ratio`` of the two.  A ratio
            far from 1 says that the step was not steady: too short, or still filling up; ``inf``
            that actions were in progress and none ended, NaN that there was none.
        """
        steps = self.steps
        frame = steps[["load", "busy"]].copy()
        expected = steps["throughput"] * steps["residence"]
        frame["expected"] = expected.where(steps["throughput"] > 0, 0.0)
        frame["ratio"] = frame["busy"] / frame["expected"]
        return frame

    def __repr__(self) -> str:
        return f"<Capacity: {self.sentence}>"

    def _repr_html_(self) -> str:
        titles = (self.unit, "answer", "actions/s", "in time/s", "p99 [ms]", "why")
        rows = (
            (
                _short(step.load),
                step.answer,
                _short(step.throughput),
                _short(step.goodput),
                _short(1000 * step.p99),
                step.reason,
            )
            for step in self.taken
        )
        remarks = "".join(f"<p>{escape(remark)}</p>" for remark in self.remarks)
        return f"<p><b>{escape(self.sentence)}</b></p>{remarks}{html_table(titles, rows)}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "check": self.check,
            "by": self.by,
            "unit": self.unit,
            "low": self.low,
            "high": self.high,
            "best": self.best,
            "confidence": self.confidence,
            "ended": self.ended,
            "sentence": self.sentence,
            "remarks": list(self.remarks),
            "steps": [plain_row(step) for step in self.taken],
        }


def _short(value: float) -> str:
    """Return a number with three digits that count, or all of them if it is whole."""
    if not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if value >= 100 or float(value).is_integer() else f"{value:.3g}"


def fitted(
    # load, throughput: of one step each; their errors are taken as relative ones
    load: NDArray[np.float64],
    throughput: NDArray[np.float64],
) -> tuple[Interval, Interval, Interval, float]:
    """Return throughput of one, contention and coherency with intervals of 95 %, and the peak.

    Raises `ValueError` if there are fewer than four different loads.
    """
    if len(np.unique(load)) < 4:
        raise ValueError(f"{len(np.unique(load))} loads with a throughput; a fit needs four")
    design = np.column_stack([np.ones_like(load), load - 1, load * (load - 1)])
    target, weight = load / throughput, throughput / load  # the error of a ratio is relative
    weighted = design * weight[:, None]
    found, *_ = np.linalg.lstsq(weighted, target * weight, rcond=None)
    freedom = len(load) - 3
    rest = target * weight - weighted @ found
    spread = float(rest @ rest) / freedom
    covariance = spread * np.linalg.pinv(weighted.T @ weighted)
    t = _T[freedom - 1] if freedom <= len(_T) else 1.96

    def interval(value: float, gradient: NDArray[np.float64]) -> Interval:
        """Return a function of the coefficients with its interval, by the delta method."""
        half = t * math.sqrt(max(0.0, float(gradient @ covariance @ gradient)))
        return Interval(value, value - half, value + half)

    one, linear, square = (float(each) for each in found)
    contention = interval(linear / one, np.array([-linear / one**2, 1 / one, 0.0]))
    coherency = interval(square / one, np.array([-square / one**2, 0.0, 1 / one]))
    alone = interval(1 / one, np.array([-1 / one**2, 0.0, 0.0]))
    if contention.value >= 1:
        peak = 1.0
    elif coherency.value <= 0:
        peak = math.inf
    else:
        peak = math.sqrt((1 - contention.value) / coherency.value)
    return alone, contention, coherency, peak
