"""Rules about two runs are met only when the whole interval says so."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from murmur.errors import InvalidCheckError
from murmur.results import compare
from murmur.results.checks import judge_difference, parse_difference


def comparison(*rows: tuple[str, str, float, float, float]):
    """Return a comparison of ratios: name, statistic, ratio and its interval."""
    columns = dict(zip(("name", "statistic", "ratio", "ratio_low", "ratio_high"),
                       zip(*rows, strict=True), strict=True))  # fmt: skip
    outcomes = ["higher" if row[3] > 1 else "lower" if row[4] < 1 else "unclear" for row in rows]
    return pd.DataFrame(columns).assign(a=math.nan, b=math.nan, outcome=outcomes)


FRAME = comparison(
    ("echo", "response_p99", 1.2, 1.12, 1.3),
    ("login", "response_p99", 1.2, 0.9, 1.5),
    ("rare", "response_p99", 1.2, math.nan, math.nan),
    ("echo", "rate", 0.9, 0.85, 0.94),
)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("p99(echo) > +10%", [True]),
        ("response_p99(echo) > +10%", [True]),
        ("p99(echo) > +12.5%", [None]),
        ("p99(echo) > +40%", [False]),
        ("p99(login) > +10%", [None]),  # a fifth more, but it may be chance
        ("p99(rare) > +10%", [None]),
        ("p99(ecko) > +10%", [None]),
        ("rate(echo) < -5%", [True]),
        ("rate(echo) < -10%", [None]),
        ("rate(echo) < -20%", [False]),
        ("p99(*o*) > +10%", [True, None]),
    ],
)
def test_a_rule_is_met_if_the_interval_lies_beyond_it(text, met):
    found = judge_difference(parse_difference(text), FRAME)

    assert [result.is_met for result in found] == met


def test_a_result_says_how_sure_it_is():
    known = judge_difference(parse_difference("p99(echo) > +10%"), FRAME)[0]
    unknown = judge_difference(parse_difference("p99(ecko) > +10%"), FRAME)[0]

    assert str(known) == "p99(echo) > +10%: met (echo: +20.0%, between +12.0% and +30.0%)"
    assert "cannot tell (no action is called 'ecko'; did you mean 'echo'?)" in str(unknown)


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("p98 > +1%", "p98", "no statistic 'p98'"),
        ("", "", "a rule begins with a statistic"),
        ("p99 >= +1%", "", "compared by > or <"),
        ("p99 > 1%", "1%", "with its sign"),
        ("p99 > +1", "1", "a percentage"),
        ("p99 > +1% after 3s", "after", "nothing is expected"),
    ],
)
def test_an_error_points_at_the_place(text, place, problem):
    with pytest.raises(InvalidCheckError) as caught:
        parse_difference(text)

    assert problem in caught.value.problem
    assert not place or text[caught.value.at :].startswith(place)


def test_the_frame_of_two_runs_will_do(results):
    found = judge_difference(parse_difference("rate > +1%"), compare(results, results))

    assert {result.is_met for result in found} == {None}  # two seconds are too little


def failures(a: float, b: float, low: float, high: float, outcome: str):
    ratio = b / a if a else math.nan
    values = {"name": ["echo"], "statistic": ["failed"], "unit": ["share"], "a": [a], "b": [b]}
    values |= {"difference": [b - a], "difference_low": [low], "difference_high": [high]}
    values |= {"ratio": [ratio], "ratio_low": [math.nan], "ratio_high": [math.nan]}
    return pd.DataFrame({**values, "outcome": [outcome]})


@pytest.mark.parametrize(
    ("text", "frame", "met"),
    [
        ("failed > +10%", failures(0.0, 0.0, -0.001, 0.001, "unclear"), False),
        ("failed > +0.1 points", failures(0.0, 0.0, -0.0005, 0.0005, "unclear"), False),
        ("failed > +0.1 points", failures(0.0, 0.0, -0.002, 0.002, "unclear"), None),
        ("failed > +0.1 points", failures(0.0, 0.02, 0.015, 0.025, "higher"), True),
        ("failed > +1 point", failures(0.0, 0.02, 0.005, 0.025, "higher"), None),
        ("failed > +10%", failures(0.0, 0.02, 0.015, 0.025, "higher"), None),
    ],
)
def test_failures_may_rise_by_points(text, frame, met):
    assert judge_difference(parse_difference(text), frame)[0].is_met is met
