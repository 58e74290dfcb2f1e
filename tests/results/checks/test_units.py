"""Numbers with units mean what people mean by them."""

from __future__ import annotations

import math

import pytest

from murmur.results.checks import TEXTS, read_count, read_duration, read_rate, read_share


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0.2", 0.2),
        (".5", 0.5),
        ("200ms", 0.2),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("90s", 90.0),
        ("2m", 120.0),
        ("2min", 120.0),
        ("1h30m", 5400.0),
        ("1m30.5s", 90.5),
        ("1e-3", 0.001),
        ("1_000s", 1000.0),
    ],
)
def test_a_time_is_seconds(text, seconds):
    assert read_duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize("text", ["", "s", "ms200", "1 s", "1d", "200msec", "1h30", "-1s", "nan"])
def test_what_is_no_time_is_refused_with_what_would_do(text):
    with pytest.raises(ValueError, match=r"200ms|us, ms, s, min or h"):
        read_duration(text)


def test_a_bare_number_has_to_be_below_its_bound():
    assert read_duration("9.9", below=10) == 9.9
    assert read_duration("200s", below=10) == 200
    with pytest.raises(ValueError, match="write 200ms or 200s"):
        read_duration("200", below=10)


@pytest.mark.parametrize(
    ("text", "per_second"),
    [("95", 95.0), ("10/s", 10.0), ("600/min", 10.0), ("600 / m", 10.0), ("7200/h", 2.0)],
)
def test_a_rate_is_per_second(text, per_second):
    assert read_rate(text) == per_second


def test_a_rate_may_be_without_bounds():
    assert read_rate("inf") == math.inf


def test_a_rate_may_have_to_say_per_what():
    with pytest.raises(ValueError, match="write 10/s or 10/min"):
        read_rate("10", bare=False)


@pytest.mark.parametrize("text", ["10/day", "ten/s", "5ms", ""])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ValueError, match="rate"):
        read_rate(text)


@pytest.mark.parametrize(("text", "share"), [("0.1%", 0.001), ("7 %", 0.07), ("100%", 1.0)])
def test_a_share_is_a_percentage(text, share):
    assert read_share(text) == share


@pytest.mark.parametrize("text", ["0.1", "101%", "%", "x%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ValueError, match=r"share"):
        read_share(text)


def test_a_count_is_whole():
    assert read_count("1_000") == 1000.0
    with pytest.raises(ValueError, match="no whole number"):
        read_count("3.5")
    with pytest.raises(ValueError, match="whole number"):
        read_count("5%")


def test_values_are_written_with_their_unit():
    written = [
        TEXTS["time"](0.0123),
        TEXTS["rate"](95.25),
        TEXTS["rate"](12345.6),
        TEXTS["share"](0.0123),
        TEXTS["count"](12345.0),
    ]

    assert written == ["12.3 ms", "95.25/s", "12,346/s", "1.23 %", "12,345"]
