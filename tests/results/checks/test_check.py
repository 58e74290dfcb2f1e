"""A check knows which names it means, and which of two values is worse."""

from __future__ import annotations

import math

import pytest

from murmur.results import parse_check
from murmur.results.checks import Windows, matching

NAMES = ("GET /a", "GET /b", "login", "log*")


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        (None, list(NAMES)),
        ("login", ["login"]),
        ("LOGIN", []),
        ("log", []),
        ("log*", ["log*"]),  # an action of that very name comes first
        ("GET *", ["GET /a", "GET /b"]),
        ("*", list(NAMES)),
        ("*/a", ["GET /a"]),
        ("G*T*b", ["GET /b"]),
        ("GET /?", []),  # only the star is special
    ],
)
def test_a_pattern_means_names(pattern, meant):
    assert matching(pattern, NAMES) == meant


@pytest.mark.parametrize(
    ("share", "held", "total", "enough"),
    [
        (1.0, 20, 20, True),
        (1.0, 19, 20, False),
        (0.95, 19, 20, True),
        (0.95, 18, 20, False),
        (0.95, 10, 11, False),  # 10.45 are needed, so 11
        (0.0, 1, 20, True),  # any
        (0.0, 0, 20, False),
    ],
)
def test_windows_suffice_from_their_share_on(share, held, total, enough):
    assert Windows(10.0, share).suffice(held, total) is enough


@pytest.mark.parametrize(
    ("text", "accepted", "refused"),
    [
        ("p99 < 0.2", 0.1, 0.2),
        ("p99 <= 0.2", 0.2, 0.21),
        ("rate > 5", 6, 5),
        ("rate >= 5", 5, 4.9),
        ("count == 3", 3, 4),
        ("p99 < 0.2", 0.0, math.nan),
    ],
)
def test_a_value_compares_as_written(text, accepted, refused):
    check = parse_check(text)

    assert check.accepts(accepted)
    assert not check.accepts(refused)


@pytest.mark.parametrize(
    ("text", "values", "worst"),
    [
        ("p99 < 0.2", (0.1, 0.3), 0.3),
        ("rate > 5", (4.0, 6.0), 4.0),
        ("count == 3", (1.0, 4.0), 1.0),
        ("p99 < 0.2", (math.nan, 0.1), 0.1),
    ],
)
def test_the_worse_of_two_values_is_further_from_what_is_asked(text, values, worst):
    assert parse_check(text).worse(*values) == worst


def test_a_value_is_written_in_the_unit_of_the_check():
    assert parse_check("failed < 1%").written(0.025) == "2.5 %"
    assert parse_check("failed < 1").written(25) == "25"
    assert parse_check("p99 < 1").written(0.025) == "25 ms"
    assert parse_check("p99 < 1").written(math.nan) == "-"
    assert str(parse_check("p99   <  1")) == "p99 < 1"


@pytest.mark.parametrize(
    ("text", "value", "written"),
    [
        ("max < 200ms", 0.2004, "200.4 ms"),  # three digits would say that it is the limit
        ("max < 200.5ms", 0.2004, "200.4 ms"),
        ("max < 201ms", 0.2004, "200 ms"),
        ("max > 200.4ms", 0.2004, "200.4 ms"),  # not below it either
        ("max < 200ms", 0.2, "200 ms"),
        ("max < 1m", 59.996, "59.996 s"),
        ("max < 1h", 3599.9, "3,599.9 s"),
        ("max < 1ms", 0.0009996, "999.6 µs"),
        ("max < 1s", 1.00000001, "1.00000001 s"),
        ("failed < 66.7%", 20 / 30, "66.67 %"),
        ("failed == 0%", 1e-5, "0.001 %"),
        ("rate <= 90.91/s", 1000 / 11, "90.909/s"),
        ("rate > 20000/s", 19_999.6, "19,999.6/s"),
        ("users(failed) == 100%", 4999 / 5000, "99.98 %"),
    ],
)
def test_a_value_that_is_not_the_limit_is_not_written_like_it(text, value, written):
    assert parse_check(text).written(value) == written
