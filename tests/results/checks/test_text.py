"""The text of a check is read as the reference says, and errors point at the place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.errors import InvalidCheckError
from murmur.results import parse_check
from murmur.results.checks import Statistic, Windows

SPOKEN = {
    "p50": Statistic("p50", "response", 0.5),
    "p99.9": Statistic("p99.9", "response", 0.999),
    "service_p99": Statistic("p99", "service", 0.99),
    "response_p99": Statistic("p99", "response", 0.99),
    "mean": Statistic("mean", "response"),
    "service_max": Statistic("max", "service"),
    "min": Statistic("min", "response"),
}


@pytest.mark.parametrize("word", SPOKEN)
def test_a_time_is_of_the_response_unless_it_says_service(word):
    assert parse_check(f"{word} < 1").statistic == SPOKEN[word]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("p99 < 1", None),
        ("p99(echo) < 1", "echo"),
        ("p99( echo ) < 1", "echo"),
        ("p99 (echo)<1", "echo"),
        ("p99(GET /users/{id}) < 1", "GET /users/{id}"),
        ("p99(get_*) < 1", "get_*"),
        ('p99("a (b)") < 1', "a (b)"),
        ("p99('it is \"so\"') < 1", 'it is "so"'),
    ],
)
def test_a_name_is_what_stands_in_the_brackets(text, name):
    assert parse_check(text).name == name


@pytest.mark.parametrize(
    ("text", "limit", "kind"),
    [
        ("p99 < 0.2", 0.2, "time"),
        ("p99 < 200ms", 0.2, "time"),
        ("p99 < 1m30s", 90.0, "time"),
        ("rate > 95", 95.0, "rate"),
        ("rate > 600/min", 10.0, "rate"),
        ("count >= 1_000", 1000.0, "count"),
        ("failed < 0.1%", 0.001, "share"),
        ("failed < 0.1 %", 0.001, "share"),
        ("failed == 0", 0.0, "count"),
        ("users(failed) < 1%", 0.01, "share"),
        ("users == 100", 100.0, "count"),
    ],
)
def test_a_limit_has_the_unit_of_its_statistic(text, limit, kind):
    check = parse_check(text)

    assert check.limit == pytest.approx(limit)
    assert check.kind == kind


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "=="])
def test_every_comparison_is_read(sign):
    assert parse_check(f"count {sign} 5").comparison == sign
    assert parse_check(f"count{sign}5").comparison == sign


@pytest.mark.parametrize(
    ("clause", "windows"),
    [
        ("in 95% of 10s windows", Windows(10.0, 0.95)),
        ("in 95 % of 1m windows", Windows(60.0, 0.95)),
        ("in every 5s window", Windows(5.0, 1.0)),
        ("in any 5s window", Windows(5.0, 0.0)),
    ],
)
def test_windows_have_a_length_and_a_share(clause, windows):
    assert parse_check(f"p99 < 1 {clause}").windows == windows


def test_clauses_come_in_any_order():
    check = parse_check("p99 < 1 before 90s after 30s in any 10s windows")

    assert (check.start, check.end, check.windows) == (30.0, 90.0, Windows(10.0, 0.0))


def test_without_clauses_the_whole_run_is_judged():
    check = parse_check("p99 < 1")

    assert (check.start, check.end, check.windows) == (0.0, math.inf, None)


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", "", "a check begins with a statistic"),
        ("p99", "", "a comparison is expected"),
        ("p99 = 3", "= 3", "write == for 'equals'"),
        ("p99 <", "", "a number is expected"),
        ("p99 < fast", "fast", "a number is expected"),
        ("p99 < -1", "-1", "a number is expected"),
        ("p99 < 5%", "5%", "no unit of time"),
        ("p99 < 200msec", "200msec", "'msec' is no unit of time"),
        ("p99(echo) < 200", "200", "write 200ms or 200s"),
        ("p(95) < 1", "p(95)", "write p95 for p(95)"),
        ("p100 < 1", "p100", "between 0 and 100"),
        ("median < 1", "median", "'median' is called 'p50' here"),
        ("raet > 5", "raet", "did you mean 'rate'?"),
        ("rate > 5ms", "5ms", "no rate"),
        ("count < 3.5", "3.5", "no whole number"),
        ("failed < 0.01", "0.01", "a share such as 0.1%, or a whole number"),
        ("failed < 200%", "200%", "at most 100%"),
        ("p99(echo < 1", "(echo", "( is not closed"),
        ("p99('echo) < 1", "'echo", "' is not closed"),
        ("p99('echo' x) < 1", "x)", "a closing bracket is missing"),
        ("p99() < 1", ") <", "the name of an action is missing"),
        ("users(gone) == 0", "gone", "no outcome 'gone'"),
        ("users < 3 after 5s", "after", "users are judged over the whole run"),
        ("p99 < 1 aftr 3s", "aftr", "did you mean 'after'?"),
        ("p99 < 1 after 1s after 2s", "after 2s", "a second 'after'"),
        ("p99 < 1 after 0.5s", "0.5s", "give whole seconds"),
        ("p99 < 1 after 0s", "0s", "1s at least"),
        ("p99 < 1 in 95% 10s windows", "10s", "'of' is expected"),
        ("p99 < 1 in 95% of 10s", "", "'window' is expected"),
        ("p99 < 1 in 10s windows", "10s", "write in 95% of 10s windows"),
        ("p99 < 1 after 10s before 5s", "p99", "nothing lies after the one"),
        ("p99 < 1 and p95 < 1", "and", "no clause"),
    ],
)
def test_an_error_points_at_the_place(text, place, problem):
    with pytest.raises(InvalidCheckError) as caught:
        parse_check(text)

    error = caught.value
    assert problem in error.problem
    assert error.text[error.at :].startswith(place)
    assert place or error.at == len(text)
    assert str(error).splitlines()[-2:] == [f"  {text}", "  " + " " * error.at + "^"]


@given(st.text(alphabet="p9(echo)<>=.% \"'inafters10mwdoy*", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        check = parse_check(text)
    except InvalidCheckError as refused:
        error: InvalidCheckError | None = refused
    else:
        error = None

    assert error is None or 0 <= error.at <= len(error.text)
    assert error is not None or parse_check(str(check)) == check
