"""Checks together: true or false, and a table that says why."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from murmur._noted import noted
from murmur.errors import CheckFailedError, InvalidCheckError
from murmur.results import Checks, Verdict

TABLE = """\
2 of 3 checks failed
  holds   count(echo) == 3   3
  FAILED  p99(echo) < 200ms  750 ms  p99 of 3 values is their maximum
  FAILED  p99(ecko) < 1      -       no action is called 'ecko'; did you mean 'echo'?"""


@pytest.fixture
def checks(results) -> Checks:
    return results.check("count(echo) == 3", "p99(echo) < 200ms", "p99(ecko) < 1")


@pytest.fixture
def held(results) -> Checks:
    return results.check("count(echo) == 3", "failed(login) == 1")


def test_all_have_to_hold(checks, held):
    assert not checks
    assert held
    assert [result.holds for result in checks] == [True, False, False]
    assert len(checks) == 3
    assert checks[0]
    assert checks[1:] == checks.failed


def test_the_table_says_what_each_came_to(checks, held):
    assert str(checks) == TABLE
    assert str(held).splitlines()[0] == "2 checks hold"


def test_a_plain_assert_shows_one_line(checks):
    assert repr(checks) == "<2 of 3 checks failed; p99(echo) < 200ms: 750 ms; p99(ecko) < 1: ->"


def test_require_raises_the_table(checks, held):
    held.require()
    with pytest.raises(CheckFailedError) as caught:
        checks.require()

    assert str(caught.value) == TABLE
    assert caught.value.failed == ("p99(echo) < 200ms", "p99(ecko) < 1")
    assert isinstance(caught.value, AssertionError)


def test_a_notebook_gets_a_table_whose_text_is_escaped(results):
    html = results.check("count(<b>) == 3")._repr_html_()

    assert "<b>FAILED</b>" in html
    assert "count(&lt;b&gt;)" in html
    assert "count(<b>)" not in html


def test_a_frame_and_plain_values_have_a_row_for_each(checks):
    frame = checks.to_frame()
    plain = json.loads(json.dumps(checks.to_dict()))

    assert frame["holds"].tolist() == [True, False, False]
    assert pd.isna(frame["value"][2])
    assert plain[1]["limit"] == 0.2
    assert plain[2]["value"] is None


def test_an_invalid_run_is_not_trusted_unless_asked(held):
    invalid = Verdict("invalid", ("The generator was saturated.",))

    distrusted = Checks(held, invalid)
    trusted = Checks(held, invalid, even_if_invalid=True)

    assert not distrusted
    assert "and the run is invalid: The generator was saturated." in str(distrusted)
    assert distrusted.failed == ()
    with pytest.raises(CheckFailedError):
        distrusted.require()
    assert trusted


def test_no_check_holds_trivially(results):
    assert results.check()
    assert str(results.check()) == "nothing was checked"


def test_a_check_that_cannot_be_read_is_refused_before_any_is_judged(results):
    with pytest.raises(InvalidCheckError):
        results.check("count(echo) == 3", "count(echo) = 3")


def test_who_wants_to_know_hears_of_every_check(results):
    with noted() as log:
        first = results.check("count == 4")
        second = results.check("count == 5")
    results.check("count == 6")

    assert log == [first, second]
