"""Effects of live changes: what a run measured before each, and after it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from murmur.recording import CATEGORY, FLOAT, TEXT, Column, Frame

from ._compare import COMPARISON, INTERVALS, STATISTICS, side_by_side
from ._frame import build_rows
from ._sides import sides_of
from ._source import Source, first_window

REACH = 60.0
"""Seconds that are looked at before a change and after it, at most."""

NEWEST = 30
"""Changes that are looked at: a program may make thousands."""

_DRAWS = 1000
_SHOWN = ("rate", "failed", "response_p50", "response_p99")
_TOO_SHORT = "too short to tell"
_NO_DIFFERENCE = "no difference beyond chance"
_NOTHING = (_NO_DIFFERENCE, _TOO_SHORT)
_STOPPED, _STARTED = "stopped", "started"
_OUTCOMES = ("higher", "lower", "unclear", _STOPPED, _STARTED, _TOO_SHORT)

_EXPECTED = 10.0
"""Actions that would have ended in a time in which none did, for that to be no chance.

Of ten that come at random none comes in one time of 20,000.
"""

EFFECTS = Frame(
    "effects",
    "One row is one statistic of one action, before one live change and after it.",
    (
        Column("at", FLOAT, "s", "When it was changed, since the run's start."),
        Column("what", TEXT, "", "What changed, as `changes` has it."),
        Column("old", TEXT, "", "The value before, as text."),
        Column("new", TEXT, "", "The value after."),
        Column("name", CATEGORY, "", "The action."),
        Column("statistic", TEXT, "", "rate, failed, response_p50 or response_p99."),
        Column("unit", TEXT, "", "Unit of the next two: 1/s, s, or a share."),
        Column("before", FLOAT, "`unit`", "Its value from the change before (or 60 s) to here."),
        Column("after", FLOAT, "`unit`", "Its value from here to the change after (or 60 s)."),
        *INTERVALS,
        Column(
            "outcome",
            CATEGORY,
            "",
            "higher or lower if that is sure for all rows of the change together, unclear if "
            "not; stopped or started if none ended after it, or before it, for as long as ten "
            "would have taken; too short to tell without an interval.",
            _OUTCOMES,
        ),
    ),
    "Windows in which something changed are left out; changes within the same window are one "
    "cause, and have the same effects.",
)


@dataclass(frozen=True)
class _Moment:
    """Changes within one window, and the whole windows around them."""

    changes: Sequence[Mapping[str, Any]]
    before: tuple[float, float]
    after: tuple[float, float]


def effects(source: Source) -> pd.DataFrame:
    """Return what came of each of the newest live changes: the frame `EFFECTS`."""
    values: list[dict[str, Any]] = []
    for moment in _moments(source)[-NEWEST:]:
        rows = _compared(source, moment)
        for change in moment.changes:
            told = {key: str(change[key]) for key in ("what", "old", "new")}
            values += [{"at": change["at"], **told, **row} for row in rows]
    return build_rows(EFFECTS, values)


def effect_lines(frame: pd.DataFrame) -> Iterator[str]:
    """Yield a line for each change and action: what is surely different after it."""
    keys = ["at", "what", "new", "name"]
    for (at, what, new, name), rows in frame.groupby(keys, observed=True, sort=False):
        yield f"{at:.0f} s, {what} → {new}: {name} {_sure(rows)}"


def told_effects(frame: pd.DataFrame) -> dict[tuple[float, str], str]:
    """Return what came of changes, by when and what was changed, for front ends."""
    said: dict[tuple[float, str], dict[str, list[str]]] = {}
    keys = ["at", "what", "name"]
    for (at, what, name), rows in frame.groupby(keys, observed=True, sort=False):
        said.setdefault((float(str(at)), str(what)), {}).setdefault(_sure(rows), []).append(
            str(name)
        )
    return {key: _in_short(each) for key, each in said.items()}


def _in_short(said: Mapping[str, Sequence[str]]) -> str:
    """Return what is said of several actions; where nothing is known to differ, once for all."""
    differ = [
        f"{name} {text}" for text, names in said.items() if text not in _NOTHING for name in names
    ]
    same = " or ".join(text for text in _NOTHING if text in said)
    if not differ:
        return same
    return "; ".join([*differ, *([f"the others: {same}"] if same else [])])


def _sure(rows: pd.DataFrame) -> str:
    """Return what is surely different after a change, for one action."""
    turned = rows[rows["outcome"].isin([_STOPPED, _STARTED])]
    if not turned.empty:
        return str(turned["outcome"].iloc[0])
    sure = rows[rows["outcome"].isin(["higher", "lower"])]
    if not sure.empty:
        return ", ".join(map(_part, sure.to_dict("records")))
    # Shares of failures have an interval also of few; alone they would claim to know.
    others = rows[rows["statistic"] != "failed"]
    is_short = (others["outcome"] == _TOO_SHORT).all()
    return _TOO_SHORT if is_short else _NO_DIFFERENCE


def _part(row: Mapping[Any, Any]) -> str:
    low, high = row["ratio_low"], row["ratio_high"]
    values = (row["difference_low"], row["difference_high"])
    if row["unit"] == "share":
        between = f"{100 * values[0]:+.2g} to {100 * values[1]:+.2g} points"
    elif math.isnan(low):  # there was none before
        between = f"{values[0]:+.2g} to {values[1]:+.2g} {row['unit']}"
    else:
        between = f"{low - 1:+.0%} to {high - 1:+.0%}"
    return f"{row['statistic'].removeprefix('response_')} {between}"


def _moments(source: Source) -> list[_Moment]:
    """Return the newest changes, those of one window together, with what lies between them."""
    window, last = source.window, source.elapsed()
    changes: Any = source.facts().get("changes", [])
    groups: dict[int, list[Mapping[str, Any]]] = {}
    for change in changes:
        groups.setdefault(math.floor(change["at"] / window), []).append(change)
    numbers = sorted(groups)
    starts = [first_window(source), *((number + 1) * window for number in numbers)]
    ends = [*(number * window for number in numbers), math.floor(last / window) * window]
    return [
        _Moment(
            groups[number],
            (max(starts[place], ends[place] - REACH), ends[place]),
            (starts[place + 1], min(ends[place + 1], starts[place + 1] + REACH)),
        )
        for place, number in enumerate(numbers)
    ]


def _compared(source: Source, moment: _Moment) -> list[dict[str, Any]]:
    """Return the rows of one moment, but for the change itself."""
    statistics = {name: STATISTICS[name] for name in _SHOWN}
    spans = (moment.before, moment.after)
    if any(high - low < source.window for low, high in spans):
        names = sorted(set(source.frame("windows")["name"].astype(str)))
        return [_unknown(name, each, statistics[each].unit) for name in names for each in _SHOWN]
    sides = sides_of((source, source), spans, statistics, block=None, times=_DRAWS)
    frame = side_by_side(sides[:1], sides[1:], statistics, confidence=0.95)
    renamed = frame.astype({"outcome": "str"}).rename(columns={"a": "before", "b": "after"})
    renamed["outcome"] = renamed["outcome"].replace("too little", _TOO_SHORT)
    rows = [{str(k): v for k, v in row.items()} for row in renamed.to_dict("records")]
    for row in rows:
        if row["statistic"] == "rate":
            row["outcome"] = _turned(row, moment) or row["outcome"]
    return rows


def _turned(row: Mapping[str, Any], moment: _Moment) -> str:
    """Return whether an action stopped or started; a rate of nothing has no interval."""
    before, after = (0.0 if math.isnan(row[side]) else row[side] for side in ("before", "after"))
    low, high = (end - begin for begin, end in (moment.before, moment.after))
    if before and not after and before * high >= _EXPECTED:
        return _STOPPED
    if after and not before and after * low >= _EXPECTED:
        return _STARTED
    return ""


def _unknown(name: str, statistic: str, unit: str) -> dict[str, Any]:
    numbers = dict.fromkeys(COMPARISON.column_names, math.nan)
    known = {"name": name, "statistic": statistic, "unit": unit, "outcome": _TOO_SHORT}
    return {**numbers, "before": math.nan, "after": math.nan, **known}
