from __future__ import annotations

import math

import pytest

from murmur.errors import InvalidArgumentError
from murmur.exporters import Graphite, Totals
from murmur.exporters._graphite import _View


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("HOST", "PORT", "PREFIX"):
        monkeypatch.delenv(f"AMOC_GRAPHITE_{name}", raising=False)


@pytest.fixture
def totals(course) -> Totals:
    totals = Totals()
    course.relay.attach(totals)
    return totals


def samples(view: _View) -> dict:
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in view.families
        for sample in family.samples
    }


def test_arguments_come_before_variables_and_variables_before_defaults(course, monkeypatch):
    monkeypatch.setenv("AMOC_GRAPHITE_HOST", "carbon")
    by_default = Graphite(course)
    monkeypatch.setenv("AMOC_GRAPHITE_PORT", "2103")
    monkeypatch.setenv("AMOC_GRAPHITE_PREFIX", "amoc1")
    by_variable = Graphite(course)
    by_argument = Graphite(course, "other", 7, "")

    assert (by_default.host, by_default.port, by_default.prefix) == ("carbon", 2003, "murmur")
    assert (by_variable.host, by_variable.port, by_variable.prefix) == ("carbon", 2103, "amoc1")
    assert (by_argument.host, by_argument.port, by_argument.prefix) == ("other", 7, "")


def test_amocs_way_to_quote_a_text_is_understood(course, monkeypatch):
    monkeypatch.setenv("AMOC_GRAPHITE_HOST", '"graphite"')

    assert Graphite(course).host == "graphite"


def test_without_a_host_it_says_how_to_give_one(course):
    with pytest.raises(InvalidArgumentError, match="or set AMOC_GRAPHITE_HOST"):
        Graphite(course)


def test_a_port_that_is_no_number_is_refused(course, monkeypatch):
    monkeypatch.setenv("AMOC_GRAPHITE_PORT", "carbon")

    with pytest.raises(InvalidArgumentError, match="cannot send to port 'carbon'"):
        Graphite(course, "host")


def test_an_interval_that_is_no_time_is_refused(course):
    with pytest.raises(InvalidArgumentError, match="interval=0: give the seconds"):
        Graphite(course, "host", interval=0)


def test_quantiles_are_those_since_the_push_before(course, totals):
    course.act("echo", *[0.025] * 100)
    course.flush()
    first = _View(totals.read(), {})
    course.act("echo", *[0.4] * 100)
    course.flush()
    second = _View(totals.read(), first.durations)

    key = ("murmur_service_time_seconds", "0_5", "echo")
    assert samples(first)[key] == pytest.approx(0.025, rel=0.01)
    assert samples(second)[key] == pytest.approx(0.4, rel=0.01)
    assert samples(second)["murmur_service_time_seconds_count", "echo"] == 200


def test_different_names_never_share_a_path(course, totals):
    names = ("登录", "注册", "GET /a.b", "GET /a/b", "GET__a_b")
    for name in names:
        course.act(name, 0.1)
    course.flush()

    found = samples(_View(totals.read(), {}))

    paths = {
        name for metric, *labels in found if metric == "murmur_actions_total" for name in labels[:1]
    }
    assert len(paths) == len(names)
    assert "GET__a_b" in paths
    assert all(path.isascii() and not set(path) & set("./ ") for path in paths)


def test_what_is_no_finite_number_is_left_out(course, totals):
    course.act("echo", 0.1)
    course.on().throttle(1.0, "open", {"rate": math.inf, "interval": 60.0})
    course.flush()
    before = _View(totals.read(), {})

    found = samples(_View(totals.read(), before.durations))

    assert all(math.isfinite(value) for value in found.values())
    assert not [name for name, *_ in found if name == "murmur_throttle_rate"]
    assert not [name for name, *_ in found if name.endswith("_bucket")]
