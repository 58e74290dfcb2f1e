"""The answer of a comparison: pass, fail or cannot tell, and why.

``pass`` has to be earned: by a rule, or a margin, whose bound lies outside the interval.  That
nothing was found to be worse is no evidence that nothing is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, TypeVar

import pandas as pd

from murmur.errors import InvalidCheckError, closest

from ._difference import Difference, DifferenceResult, judge_difference

Answer: TypeAlias = Literal["pass", "fail", "cannot tell"]

T = TypeVar("T")

_POINTS = 0.1
"""Share of a margin by which the share of failures may rise."""


def chosen_statistics(names: Sequence[str] | None, known: Mapping[str, T]) -> dict[str, T]:
    """Return the statistics of these names, all of them for None.

    Raises `InvalidCheckError` if there is none of a name.
    """
    if names is None:
        return dict(known)
    for name in names:
        if name not in known:
            problem = f"no statistic {name!r}{closest(name, list(known), 'there are')}"
            raise InvalidCheckError(name, 0, problem)
    return {name: known[name] for name in known if name in names}


def answer_of(
    frame: pd.DataFrame,  # what `murmur.results.compare` found
    rules: Sequence[Difference],  # what must not be so
    margin: float | None,  # by how much, relative to the first run, everything may be worse
    *,
    # by which share of the users more failed at the least, and how to say so: judged as the
    # failures of actions are, where no rule says what to look at
    users_failed: tuple[float, str] = (0.0, ""),
    is_trusted: bool = True,  # whether no run is invalid
) -> tuple[Answer, list[DifferenceResult]]:
    """Return the answer, and what came of each rule for each action."""
    found = [result for rule in rules for result in judge_difference(rule, frame)]
    if margin is not None:
        for rule in _margins(frame, margin):
            found += judge_difference(rule, frame)
        found += _users_worse(users_failed, _POINTS * margin)
    if not found:
        found = [*_surely_worse(frame), *_users_worse(users_failed, 0.0)]
        is_worse = any(result.is_met for result in found)
        return ("fail" if is_worse and is_trusted else "cannot tell"), found
    if not is_trusted:
        return "cannot tell", found
    if any(result.is_met for result in found):
        return "fail", found
    return ("cannot tell" if any(r.is_met is None for r in found) else "pass"), found


def _margins(frame: pd.DataFrame, margin: float) -> list[Difference]:
    """Return the rules that a margin stands for."""
    rules = []
    for statistic in frame["statistic"].unique().tolist():
        word = statistic.removeprefix("response_")
        if statistic == "rate":
            text = f"rate < -{100 * margin:.6g}%"
            rules.append(Difference(text, statistic, None, -margin, "<"))
        elif statistic == "failed":
            text = f"failed > +{100 * _POINTS * margin:g} points"
            rules.append(Difference(text, statistic, None, _POINTS * margin, ">", True))
        else:
            text = f"{word} > +{100 * margin:g}%"
            rules.append(Difference(text, statistic, None, margin, ">"))
    return rules


def _users_worse(failed: tuple[float, str], most: float) -> list[DifferenceResult]:
    """Return that more users failed, if that is sure: their actions may have looked well."""
    at_least, said = failed
    if not at_least > most:
        return []
    rule = Difference(f"users(failed) > +{100 * most:g} points", "users", None, most, ">", True)
    return [DifferenceResult(rule, True, said)]


def _surely_worse(frame: pd.DataFrame) -> list[DifferenceResult]:
    """Return the rows in which the second run is worse, which is asked where nothing else is."""
    found = []
    for row in frame.to_dict("records"):
        bad = "lower" if row["statistic"] == "rate" else "higher"
        if row["outcome"] == bad:
            sign: Literal[">", "<"] = "<" if bad == "lower" else ">"
            word = str(row["statistic"]).removeprefix("response_")
            rule = Difference(f"{word} {sign} +0%", row["statistic"], row["name"], 0.0, sign)
            change = row["ratio"] - 1
            said = f"{change:+.1%}" if math.isfinite(change) else f"{row['difference']:+.3g}"
            found.append(DifferenceResult(rule, True, f"{row['name']}: {bad}, {said}"))
    return found
