"""Paces in the summary of a run: how much of each throttle's rate was kept, and why not all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

_KEPT = 0.99
"""Of the permits due, what every throttle promises to reach; below that there is a line."""
_TOLD = 0.005
"""Of the permits due, what is not worth words: half of a percent, which rounds to none."""
_UNITS = {1.0: "/s", 60.0: "/min", 3600.0: "/h"}


def per_text(seconds: float) -> str:
    """Return what stands behind a number that is counted over so many seconds.

    Examples
    --------
    >>> per_text(1.0), per_text(60.0), per_text(10.0)
    ('/s', '/min', ' per 10 s')
    """
    return _UNITS.get(seconds, f" per {seconds:g} s")


@dataclass(frozen=True, slots=True)
class PaceSummary:
    """What became of the permits of one throttle over the whole run, on all nodes.

    Attributes
    ----------
    name : str
        The throttle.
    rate, interval : float
        Permits per `interval` seconds that were set while permits fell due; NaN if that
        changed meanwhile.
    requested : int
        Permits that were asked for.
    due : int
        Permits that fell due: the four below together.
    granted, unasked, withheld, skipped : int
        Those granted; those that nobody waited for; those that the rule of the window, or
        leases over links, cost; those that the generator was late for.
    """

    name: str
    rate: float
    interval: float
    requested: int
    due: int
    granted: int
    unasked: int
    withheld: int
    skipped: int

    @property
    def line(self) -> str:
        """What there is to say about it in one line; empty if what was due was granted.

        Examples
        --------
        >>> PaceSummary("m", 200.0, 1.0, 1600, 2000, 1560, 440, 0, 0).line
        "pace of 'm': 78 % of 200/s; 22 % found no free user"
        """
        if not self.due or (self.due == 1 and not self.granted and self.requested > 1):
            # One may have fallen due before it was paused.
            asked = f"none of the {self.requested:,} permits asked for fell due"
            return f"pace of {self.name!r}: {asked}" if self.requested else ""
        edge = 1 if self.granted else 0  # the end of a run may part one permit from its grant
        if self.granted + edge >= _KEPT * self.due:
            return ""
        kept = f"{_percent(self.granted / self.due)} of {self._plan}"
        return "; ".join([f"pace of {self.name!r}: {kept}", *self._losses()])

    @property
    def _plan(self) -> str:
        if math.isnan(self.rate):
            return f"the {self.due:,} permits due"
        return f"{self.rate:,.6g}{per_text(self.interval)}"

    def _losses(self) -> Iterator[str]:
        if self.unasked > _TOLD * self.due:
            yield f"{_percent(self.unasked / self.due)} found no free user"
        if self.skipped > _TOLD * self.due:
            yield f"the generator was late for {_percent(self.skipped / self.due)}"
        if self.withheld > _TOLD * self.due:
            share = _percent(self.withheld / self.due)
            yield f"{share} withheld, to keep every interval to its rate"


def paces_of(throttles: pd.DataFrame) -> tuple[PaceSummary, ...]:
    """Return the pace of each throttle that has a plan, by name, of the frame `throttles`."""
    planned = throttles[throttles["due"].notna()]
    by = planned.groupby(planned["name"].astype(str), sort=True)
    return tuple(_pace(str(name), rows) for name, rows in by)


def _pace(name: str, rows: pd.DataFrame) -> PaceSummary:
    counts = ("requested", "due", "granted", "unasked", "withheld", "skipped")
    set_to = rows.loc[rows["due"] > 0, ["rate", "interval"]].dropna().drop_duplicates()
    rate, interval = set_to.iloc[0] if len(set_to) == 1 else (math.nan, math.nan)
    return PaceSummary(
        name, float(rate), float(interval), *(int(rows[count].sum()) for count in counts)
    )


def _percent(share: float) -> str:
    """Return a share in whole percent, of which only nothing is 0 and only all is 100."""
    percent = round(share * 100)
    if percent == 0 and share > 0:
        return "less than 1 %"
    return f"{percent} %"
