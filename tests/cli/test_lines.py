"""A look as one line, now and then."""

from __future__ import annotations

import io
import math

import pytest

from murmur._cli._lines import Lines, Silence, line_of


def test_a_line_has_time_users_rate_percentiles_and_checks(look, results):
    checks = tuple(results.check("count == 200", "failed == 0"))

    assert line_of(look(elapsed=12.3, running=95, waiting=5, checks=checks)) == (
        "  12 s | users 5 waiting, 95 running | 20.0/s, 200 done, 1 failed"
        " | p50 100 ms, p95 150 ms, p99 200 ms | 1 of 2 checks hold"
    )


def test_what_is_not_known_is_left_out(look):
    line = line_of(look(running=1, times=(math.nan,) * 3))

    assert "p50" not in line
    assert "checks" not in line


def test_a_generator_that_is_too_slow_is_told_loudly(look):
    assert "GENERATOR SATURATED (lag 80 ms)" in line_of(look(lag=0.08))


def test_the_last_problem_is_told(look):
    assert line_of(look(problems=("one", "two"))).endswith("problem: two")


@pytest.mark.parametrize(
    ("every", "looks", "lines"),
    [
        (5.0, [0, 1, 4.9, 5.0, 5.5, 9.9, 10.1, 30, 31], ["   5 s", "  10 s", "  30 s"]),
        (1.0, [0.5, 1.2, 2.1], ["   1 s", "   2 s"]),
    ],
)
def test_a_line_comes_once_in_an_interval(look, every, looks, lines):
    out = io.StringIO()
    with Lines(out, every) as shown:
        for elapsed in looks:
            shown.show(look(elapsed=elapsed))

    assert [line[:6] for line in out.getvalue().splitlines()] == lines


def test_an_error_is_told_when_it_first_appears(look):
    out = io.StringIO()
    errors = [("user", "OSError: refused", 1)]
    with Lines(out, 1.0) as shown:
        for elapsed in (1.0, 2.0):
            shown.show(look(elapsed=elapsed, errors=tuple(errors)))
            errors.append(("nap", "TimeoutError", 5))

    assert [line.strip() for line in out.getvalue().splitlines() if " | " not in line] == [
        "user failed: OSError: refused",
        "nap failed: TimeoutError",
    ]


def test_silence_shows_no_progress_and_says_what_there_is_to_say(look):
    out = io.StringIO()
    with Silence(out, 1.0) as shown:
        shown.show(look(elapsed=10))
        shown.say("interrupted")

    assert out.getvalue() == "interrupted\n"
