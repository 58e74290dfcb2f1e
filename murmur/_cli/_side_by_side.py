"""Compares saved runs: a table, what else differs between them, and rules for CI."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import click
import pandas as pd

from murmur._table import text_lines
from murmur.results import Results, compare
from murmur.results.archive import load
from murmur.results.checks import (
    TEXTS,
    Difference,
    judge_difference,
    parse_difference,
    read_duration,
    read_share,
)
from murmur.telemetry import one_line

from ._codes import ALL_HOLD, CANNOT_TELL, CHECK_FAILED, INVALID
from ._outcome import Outcome
from ._problems import Problems

_SHOWN = ("rate", "failed", "response_p50", "response_p95", "response_p99")
_CODES = {"pass": ALL_HOLD, "fail": CHECK_FAILED, "cannot tell": CANNOT_TELL}
_KINDS = {"1/s": "rate", "s": "time", "share": "share"}


def compare_saved(before: list[str], after: list[str], options: Mapping[str, Any]) -> int:
    """Compare saved runs, print the answer, return the exit code."""
    problems = Problems()
    read = [problems.read(parse_difference, text, "--fail-if") for text in options["fail_if"]]
    rules = [rule for rule in read if rule is not None]
    start = problems.read(read_duration, options["after"], "--after")
    end = problems.read(read_duration, options["before"], "--before")
    margin = problems.read(read_share, options["margin"], "--margin")
    problems.raise_any()
    sides = [load(each) for each in before], [load(each) for each in after]
    frame = compare(
        *sides,
        start=start or 0.0,
        end=end,
        statistics=None if options["every"] else _statistics(rules),
        rules=[rule.text for rule in rules],
        margin=margin,
        confidence=options["confidence"],
    )
    runs = [*sides[0], *sides[1]]
    is_invalid = any(Outcome(summary=run.summary(), checks=run.check()).invalid for run in runs)
    if options["as_json"]:
        click.echo(_json(frame, rules))
    else:
        notes = frame.attrs["notes"]  # first: they may say that there is nothing to compare
        for line in (*notes, *([""] if notes else []), *_table(frame), "", *_remarks(frame, sides)):
            click.echo(one_line(line))
        for line in _answered(
            frame, is_asked=bool(rules) or margin is not None, is_invalid=is_invalid
        ):
            click.echo(line)
    return INVALID if is_invalid else _CODES[frame.attrs["answer"]]


def _statistics(rules: list[Difference]) -> list[str]:
    """Return what is shown: fewer rows leave more power to each."""
    return list(dict.fromkeys([*_SHOWN, *(rule.statistic for rule in rules)]))


def _answered(frame: pd.DataFrame, *, is_asked: bool, is_invalid: bool) -> Iterator[str]:
    """Yield what came of rules and margin, and the answer."""
    answer = frame.attrs["answer"]
    colour = {"pass": "green", "fail": "red"}.get(answer, "yellow")
    for reason in frame.attrs["reasons"]:
        yield one_line(f"  {reason}")
    because = "" if is_asked else ": nothing says how much is too much; give --fail-if or --margin"
    if answer != "cannot tell" and not is_asked:
        because = ": something is worse, and more than chance explains"
    if is_invalid:
        because = ": a run is invalid, and its numbers say nothing"
    yield click.style(f"{answer}{because}", fg=colour, bold=True)


def _table(frame: pd.DataFrame) -> list[str]:
    """Return the lines of the table: each action's name once."""
    rows: list[tuple[str, ...]] = [("action", "", "A", "B", "change", "interval", "")]
    before = None
    for row in frame.to_dict("records"):
        write = TEXTS[_KINDS[row["unit"]]]
        values = ["-" if math.isnan(row[side]) else write(row[side]) for side in ("a", "b")]
        name = "" if row["name"] == before else row["name"]
        before = row["name"]
        rows.append((name, row["statistic"], *values, *_change(row), row["outcome"]))
    return text_lines(rows, numbers=range(2, 6))


def _change(row: Mapping[Hashable, Any]) -> tuple[str, str]:
    """Return the change and its interval: relative where it can be, in its unit else."""
    if not math.isnan(row["ratio_low"]):
        low, high = row["ratio_low"] - 1, row["ratio_high"] - 1
        reach = f"{low:+.1%} and more" if math.isinf(high) else f"{low:+.1%} to {high:+.1%}"
        return f"{row['ratio'] - 1:+.1%}", reach
    write = TEXTS[_KINDS[row["unit"]]]
    values = (row["difference"], row["difference_low"], row["difference_high"])
    change, low, high = (
        "" if math.isnan(value) else f"{'-' if value < 0 else '+'}{write(abs(value))}"
        for value in values
    )
    return change, f"{low} to {high}" if low else ""


def _remarks(frame: pd.DataFrame, sides: tuple[list[Results], list[Results]]) -> Iterator[str]:
    confidence = frame.attrs["confidence"]
    yield f"Intervals hold the true change with {confidence:.0%} confidence, each by itself; higher"
    yield "and lower are said only of what is as sure among all rows together."
    if max(map(len, sides)) == 1:
        yield "One run knows chance within itself, and not what differs from day to day or between"
        yield "machines: repeat both for that."


def _json(frame: pd.DataFrame, rules: list[Difference]) -> str:
    rows = json.loads(frame.to_json(orient="records"))
    found = [
        {"rule": each.rule.text, "is_met": each.is_met, "reason": each.reason}
        for rule in rules
        for each in judge_difference(rule, frame)
    ]
    attrs = {name: frame.attrs[name] for name in ("answer", "reasons", "notes")}
    return json.dumps({"comparison": rows, "rules": found, **attrs})
