"""Options about load become a number of users, a rate and a duration."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur._cli._load import Load, Stage, read_stages


@pytest.mark.parametrize(
    ("options", "load"),
    [
        ({}, Load(1)),
        ({"users": 100}, Load(100)),
        ({"users": 100, "duration": 60}, Load(100, None, 60)),
        ({"users": 100, "rate": 10.0}, Load(100, 10.0)),
        ({"users": 100, "rate": math.inf}, Load(100, math.inf)),
        ({"users": 100, "ramp": 10.0}, Load(100, 10.0)),
        ({"users": 100, "ramp": 0.0}, Load(100, math.inf)),
        ({"rate": 10.0, "duration": 60.0}, Load(600, 10.0, 60.0)),
        ({"rate": 0.1, "duration": 5.0}, Load(1, 0.1, 5.0)),
        ({"rate": 7 / 60, "duration": 60.0}, Load(7, 7 / 60, 60.0)),
    ],
)
def test_a_load_without_stages_is_users_rate_and_duration(options, load):
    assert Load.of(**options) == load


def test_stages_of_users_begin_with_those_that_are_there():
    load = Load.of(users=10, stages=read_stages("30s:100,1m:100"))

    assert (load.users, load.rate, load.duration) == (10, math.inf, 90.0)
    assert load.steers_users
    assert [load.users_at(second) for second in (0, 15, 30, 89.9, 200)] == [10, 55, 100, 100, 100]


def test_a_stage_without_length_is_a_jump():
    load = Load.of(stages=read_stages("0s:50,10s:50,0s:0,5s:0"))

    assert [load.users_at(second) for second in (0, 9.9, 10, 14)] == [50, 50, 0, 0]


def test_stages_of_a_rate_announce_everybody_who_will_arrive():
    load = Load.of(stages=read_stages("10s:10/s,20s:10/s,10s:0/s"))

    assert load.users == 50 + 200 + 50  # the area below the line
    assert (load.rate, load.duration) == (0.0, 40.0)
    assert not load.steers_users


def test_stages_of_a_rate_may_begin_with_one():
    assert Load.of(rate=5.0, stages=read_stages("10s:15/s")).users == 100


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"users": 0}, "at least 1"),
        ({"duration": 0.0}, "more than 0"),
        ({"rate": 1.0, "ramp": 1.0}, "--rate or --ramp"),
        ({"rate": 1.0}, "--users or --duration"),
        ({"duration": 1.0, "stages": read_stages("1s:1")}, "--duration does not go with --stage"),
        ({"ramp": 1.0, "stages": read_stages("1s:1")}, "--ramp does not go with --stage"),
        ({"rate": 1.0, "stages": read_stages("1s:1")}, "--rate does not go with stages of users"),
        ({"users": 1, "stages": read_stages("1s:1/s")}, "--users does not go with stages of a"),
        ({"stages": read_stages("1s:1,1s:1/s")}, "all of users"),
        ({"stages": read_stages("0s:1")}, "take no time"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        Load.of(**options)


def test_a_stage_is_a_time_and_a_target():
    assert read_stages("30s:100, 1m:600/min") == [
        Stage(30.0, 100.0, "users"),
        Stage(60.0, 10.0, "rate"),
    ]


@pytest.mark.parametrize("text", ["", "100", "30s", "30s:", ":100", "30s:-1", "30s:1.5", "30x:1"])
def test_what_is_no_stage_is_refused(text):
    with pytest.raises(ValueError, match=r"stage|time"):
        read_stages(text)


@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 1000)), min_size=1, max_size=5),
    st.floats(0, 400),
)
def test_users_stay_between_the_targets(first, stages, second):
    lengths = [Stage(float(length), float(target), "users") for length, target in stages]
    if not any(stage.duration for stage in lengths):
        return
    load = Load.of(users=first, stages=lengths)
    targets = [first, *(target for _, target in stages)]

    assert min(targets) <= load.users_at(second) <= max(targets)
