"""Compares two saved runs: a table, what else differs between them, and rules for CI."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from murmur.errors import ConfigError, InvalidCheckError
from murmur.results import compare
from murmur.results.archive import load
from murmur.results.checks import (
    TEXTS,
    Difference,
    DifferenceResult,
    judge_difference,
    parse_difference,
    read_duration,
)

from ._codes import ALL_HOLD, CHECK_FAILED, INVALID
from ._outcome import Outcome

if TYPE_CHECKING:
    import pandas as pd

    from murmur.results import Results

__all__ = ["compare_saved"]

_SHOWN = ("rate", "failed", "response_p50", "response_p95", "response_p99")
_KINDS = {"1/s": "rate", "s": "time", "share": "share"}
_FACTS = ("scenario", "settings", "murmur", "python", "host")


def compare_saved(a: str, b: str, options: Mapping[str, Any]) -> int:
    """Compare the runs saved in `a` and `b`, print the answer, return the exit code."""
    rules = _rules(options["fail_if"])
    start, end = (_moment(options[key], key) for key in ("after", "before"))
    first, second = load(a), load(b)
    frame = compare(first, second, start=start or 0.0, end=end, confidence=options["confidence"])
    found = [result for rule in rules for result in judge_difference(rule, frame)]
    doubts = list(_doubts(first, second))
    if options["as_json"]:
        click.echo(_json(frame, found, doubts))
    else:
        shown = frame if options["every"] else frame[frame["statistic"].isin(_SHOWN)]
        for line in (*_table(shown), "", *_remarks(options["confidence"]), *doubts):
            click.echo(line)
        for result in found:
            colour = "red" if result.is_met is not False else "green"
            click.echo(click.style(f"--fail-if {result}", fg=colour))
    return _code(found, (first, second))


def _rules(texts: tuple[str, ...]) -> list[Difference]:
    rules, problems = [], []
    for text in texts:
        try:
            rules.append(parse_difference(text))
        except InvalidCheckError as error:
            place = f"    {error.text}\n    {' ' * error.at}^"
            problems.append(f"--fail-if: {error.problem}\n{place}")
    if problems:
        raise ConfigError(problems)
    return rules


def _moment(text: str | None, key: str) -> float | None:
    try:
        return None if text is None else read_duration(text)
    except ValueError as error:
        raise ConfigError([f"--{key}: {error}"]) from None


def _code(found: list[DifferenceResult], runs: tuple[Results, Results]) -> int:
    if any(Outcome(summary=run.summary(), checks=run.check()).invalid for run in runs):
        return INVALID
    return CHECK_FAILED if any(result.is_met is not False for result in found) else ALL_HOLD


def _table(frame: pd.DataFrame) -> Iterator[str]:
    """Yield the lines of the table: each action's name once."""
    rows: list[tuple[str, ...]] = [("action", "", "A", "B", "change", "interval", "")]
    before = None
    for row in frame.to_dict("records"):
        write = TEXTS[_KINDS[row["unit"]]]
        values = ["-" if math.isnan(row[side]) else write(row[side]) for side in ("a", "b")]
        name = "" if row["name"] == before else row["name"]
        before = row["name"]
        rows.append((name, row["statistic"], *values, *_change(row), row["outcome"]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        sides = [str.ljust, str.ljust, str.rjust, str.rjust, str.rjust, str.rjust, str.ljust]
        padded = (side(text, width) for side, text, width in zip(sides, cells, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _change(row: Mapping[Hashable, Any]) -> tuple[str, str]:
    """Return the change and its interval: relative where it can be, in its unit else."""
    if not math.isnan(row["ratio_low"]):
        low, high = row["ratio_low"] - 1, row["ratio_high"] - 1
        return f"{row['ratio'] - 1:+.1%}", f"{low:+.1%} to {high:+.1%}"
    write = TEXTS[_KINDS[row["unit"]]]
    values = (row["difference"], row["difference_low"], row["difference_high"])
    change, low, high = (
        "" if math.isnan(value) else f"{'-' if value < 0 else '+'}{write(abs(value))}"
        for value in values
    )
    return change, f"{low} to {high}" if low else ""


def _remarks(confidence: float) -> Iterator[str]:
    yield f"Intervals hold the true change with {confidence:.0%} confidence, each by itself: of"
    yield "twenty that did not change, one looks as if it had.  They know chance within these two"
    yield "runs, and not what differs from day to day or between machines: repeat both for that."


def _doubts(a: Results, b: Results) -> Iterator[str]:
    """Say why the runs may not be comparable."""
    for side, run in (("A", a), ("B", b)):
        if run.verdict.state != "valid":
            yield f"warning: {side} is {run.verdict}"
    before, after = a._source.facts(), b._source.facts()
    for fact in _FACTS:
        old, new = _told(before.get(fact)), _told(after.get(fact))
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key) and key != "source":
                label = f"{fact} {key}".strip()
                values = "" if key == "sha256" else f": {old.get(key)!r}, then {new.get(key)!r}"
                yield f"note: {label} differs{values}"


def _told(fact: object) -> dict[str, object]:
    return dict(fact) if isinstance(fact, dict) else {"": fact}


def _json(frame: pd.DataFrame, found: list[DifferenceResult], doubts: list[str]) -> str:
    rows = json.loads(frame.to_json(orient="records"))
    rules = [
        {"rule": each.rule.text, "is_met": each.is_met, "reason": each.reason} for each in found
    ]
    return json.dumps({"comparison": rows, "rules": rules, "notes": doubts})
