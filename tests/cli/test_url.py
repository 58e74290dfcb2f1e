"""A URL in the place of a scenario becomes a whole plan."""

import math
import socket
import sys

import pytest

import murmur
from murmur._cli._plan import plan_of
from murmur._cli._url import Get
from murmur.errors import ConfigError

URL = "http://127.0.0.1:8080/"


def test_a_rate_is_of_requests_over_users_that_keep_their_connections():
    plan = plan_of({"scenario": URL, "rate": "50/s", "duration": "10s"})

    assert plan.scenario is Get
    assert (plan.load.users, plan.load.rate, plan.load.duration) == (50, None, 10.0)
    assert plan.settings == {"url": URL, "rate": 50.0, "user_rate": math.inf}


@pytest.mark.parametrize(
    ("options", "load", "rate"),
    [
        ({}, (1, None, 10.0), None),
        ({"users": 20}, (20, None, 10.0), None),
        ({"users": 20, "rate": "5/s"}, (20, None, 10.0), 5.0),
        ({"rate": "20000/s"}, (1000, None, 10.0), 20_000.0),
        ({"rate": "30/min", "duration": "1m"}, (1, None, 60.0), 0.5),
        ({"rate": "50/s", "ramp": "5s"}, (50, 10.0, 10.0), 50.0),
    ],
)
def test_what_is_not_said_is_filled_in(options, load, rate):
    plan = plan_of({"scenario": URL, **options})

    assert (plan.load.users, plan.load.rate, plan.load.duration) == load
    assert plan.settings.get("rate") == rate


def test_stages_of_a_rate_are_of_users_with_one_request_each():
    plan = plan_of({"scenario": URL, "stage": ("10s:20/s",)})

    assert (plan.settings["requests"], plan.load.users) == (1, 100)


def test_a_missing_extra_is_told_before_anything_runs(monkeypatch):
    monkeypatch.setitem(sys.modules, "httptools", None)

    with pytest.raises(ConfigError, match=r"a URL needs .* pip install 'murmur-load\[http\]'"):
        plan_of({"scenario": "http://127.0.0.1:9/"})


def test_a_rate_that_is_none_says_so():
    with pytest.raises(ConfigError, match="--rate"):
        plan_of({"scenario": URL, "rate": "fast"})


def test_a_dead_server_is_not_asked_as_fast_as_it_can_refuse():
    with socket.socket() as nobody:  # bound, and it does not listen
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        with murmur.Session() as session:
            run = session.do(Get, 2, url=url, user_rate=math.inf, duration=1)
            run.wait(timeout=60)

    (action,) = run.results.summary().actions
    assert action.failed == action.count
    assert 2 <= action.count <= 2 * 11  # a pause of 0.1 s after each
