from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.exporters import BOUNDS, Reading, Totals
from murmur.recording import RunRecord
from murmur.results import Results
from murmur.telemetry import Recorder


@pytest.fixture
def totals(course) -> Totals:
    totals = Totals(names=3)
    course.relay.attach(totals)
    return totals


def read(course, totals) -> Reading:
    course.flush()
    return totals.read()


def test_before_the_first_run_there_is_nothing_but_that_none_is_on(totals):
    reading = totals.read()

    assert reading.run_id == ""
    assert math.isnan(reading.wall_started_at)
    assert {metric.name: dict(series) for metric, series in reading.metrics()} == {
        "run_active": {(): 0.0}
    }


def test_actions_of_many_chunks_add_up(course, totals):
    course.act("echo", 0.1, 0.2)
    course.flush()
    course.act("echo", 0.3)
    course.act("login", 1.0)
    course.act("echo", 0.4, node="far")

    series = read(course, totals).series

    assert series["actions"] == {("echo", "local"): 3, ("login", "local"): 1, ("echo", "far"): 1}


def test_failed_actions_are_counted_by_kind_and_take_no_time(course, totals):
    course.act("echo", 0.1)
    course.fail("echo", ConnectionResetError("by peer 17"))
    course.fail("echo", ConnectionResetError("by peer 18"))
    course.fail("echo", "status 503")

    series = read(course, totals).series

    assert series["actions"] == {("echo", "local"): 4}
    assert series["actions_failed"] == {
        ("echo", "ConnectionResetError", "local"): 2,
        ("echo", "status 503", "local"): 1,
    }
    assert series["response_time"][("echo",)].size == 1


def test_response_time_counts_from_when_the_action_was_due(course, totals):
    course.act("echo", 0.2, late=1.6)

    reading = read(course, totals)
    (response,) = reading.series["response_time"].values()
    (service,) = reading.series["service_time"].values()

    assert service.total == pytest.approx(0.2)
    assert response.total == pytest.approx(1.8)
    assert BOUNDS[int(np.flatnonzero(reading.counts(response))[0])] == 2.0


def test_durations_are_those_of_all_nodes_together(course, totals):
    course.act("echo", 0.1, 0.1, node="a")
    course.act("echo", 0.1, node="b")

    series = read(course, totals).series["response_time"]

    assert {labels: durations.size for labels, durations in series.items()} == {("echo",): 3}


def test_what_is_above_the_highest_bound_is_counted_too(course, totals):
    course.act("echo", 3_600.0)

    reading = read(course, totals)
    (durations,) = reading.series["service_time"].values()

    assert reading.counts(durations).tolist() == [0] * len(BOUNDS) + [1]


@given(st.lists(st.floats(1e-5, 100), min_size=1, max_size=50))
def test_a_bucket_counts_what_is_at_most_its_bound_within_one_percent(seconds):
    totals = Totals()
    record = RunRecord("r1", 0.0, 0.0)
    record.relay.attach(totals)
    recorder = Recorder(node="a", started_at=0.0, wall_started_at=0.0)
    for each in seconds:
        recorder.action("echo", 1, 0.0, 0.0, each)

    record.add(recorder.seal())

    reading = totals.read()
    (durations,) = reading.series["service_time"].values()
    for bound, count in zip(BOUNDS, np.cumsum(reading.counts(durations)), strict=False):
        assert sum(each <= bound / 1.008 for each in seconds) <= count
        assert count <= sum(each <= bound * 1.008 for each in seconds)
    assert durations.size == len(seconds)
    assert durations.total == pytest.approx(sum(seconds))


def test_users_are_counted_by_how_they_ended_and_by_what_they_do(course, totals):
    recorder = course.on()
    recorder.user_gone(1, "finished", None, 0.0, 0.0, 1.0)
    recorder.user_gone(2, "failed", "OSError: no", 0.0, 0.0, 1.0)
    recorder.users_dropped(3, 7, 1.0, "removed")
    recorder.population(1.0, waiting=4, running=3, leaving=2)
    recorder.population(2.0, waiting=1, running=6, leaving=2)

    series = read(course, totals).series

    assert series["users_gone"] == {
        ("finished", "local"): 1,
        ("failed", "local"): 1,
        ("dropped", "local"): 5,
    }
    assert series["users"] == {
        ("waiting", "local"): 1,
        ("running", "local"): 6,
        ("leaving", "local"): 2,
    }


def test_counters_add_up_and_gauges_are_as_last_set(course, totals):
    course.on().count("bytes", 10)
    course.on().gauge("rooms", 5)
    course.flush()
    course.on().count("bytes", 32)
    course.on().gauge("rooms", 9)
    course.on().gauge("rooms", 4)

    series = read(course, totals).series

    assert series["counted"] == {("bytes", "local"): 42}
    assert series["value"] == {("rooms", "local"): 4}


def test_a_counter_that_is_counted_down_does_not_go_backwards(course, totals):
    seen = []
    for step in (5, -3, 1, 4):
        course.on().count("open", step)
        seen.append(read(course, totals).series["counted"][("open", "local")])

    assert seen == [5, 5, 5, 7]


def test_a_throttle_tells_its_rate_a_second_and_what_it_granted(course, totals):
    sample = {"rate": 120.0, "interval": 60.0, "requested": 5, "granted": 2, "waiting": 3}
    for at in (1.0, 2.0):
        course.on().throttle(at, "logins", {**sample, "lateness": [0.001, 0.003]})

    series = read(course, totals).series

    key = ("logins", "local")
    assert series["throttle_rate"] == {key: 2.0}
    assert series["throttle_requested"] == {key: 10}
    assert series["throttle_granted"] == {key: 4}
    assert series["throttle_waiting"] == {key: 3}
    assert series["throttle_lateness_p99"] == {key: 0.003}


def test_a_limit_has_no_rate(course, totals):
    course.on().throttle(1.0, "slots", {"granted": 2, "interval": 0.0})

    assert read(course, totals).series["throttle_rate"] == {}


def test_a_rate_that_becomes_a_limit_is_a_rate_no_more(course, totals):
    course.on().throttle(1.0, "calls", {"rate": 10.0, "interval": 1.0, "waiting": 0})
    course.flush()
    course.on().throttle(2.0, "calls", {"interval": None, "waiting": 4})

    series = read(course, totals).series

    assert series["throttle_rate"] == {}
    assert series["throttle_waiting"] == {("calls", "local"): 4}


def test_a_window_without_permits_has_no_lateness(course, totals):
    """That of the last permits would stand for ever, though none is late, nor in time."""
    pace = {"rate": 10.0, "interval": 1.0}
    course.on().throttle(1.0, "calls", {**pace, "waiting": 0, "lateness": [0.5]})
    course.on().health(1.0, [0.3], 0.5, 1e8, saturated=True, vitals={"schedule_lag": 0.5})
    course.flush()
    course.on().throttle(2.0, "calls", {**pace, "granted": 1, "at": 1.0})  # more of before
    assert read(course, totals).series["throttle_lateness_p99"] == {("calls", "local"): 0.5}
    course.on().throttle(2.0, "calls", {**pace, "waiting": 0})
    course.on().health(2.0, [0.0], 0.5, 1e8, saturated=False, vitals={"schedule_lag": math.nan})

    series = read(course, totals).series

    assert series["throttle_lateness_p99"] == {}
    assert series["generator_schedule_lag"] == {}
    assert series["throttle_granted"] == {("calls", "local"): 1}


def test_a_throttle_that_was_stopped_has_no_gauges(course, totals):
    for name in ("logins", "calls"):
        sample = {"rate": 10.0, "interval": 1.0, "waiting": 3, "granted": 1}
        course.on().throttle(1.0, name, sample)
        course.on("far").throttle(1.0, name, sample)
    course.flush()
    course.on().throttle(2.0, "calls", {"rate": 10.0, "interval": 1.0, "waiting": 2})

    series = read(course, totals).series

    there = {("calls", "local"): 2, ("logins", "far"): 3, ("calls", "far"): 3}
    assert series["throttle_waiting"] == there
    assert series["throttle_rate"] == dict.fromkeys(there, 10.0)
    assert series["throttle_granted"][("logins", "local")] == 1


def test_health_is_the_latest_and_saturated_windows_are_counted(course, totals):
    for at, lag in ((1.0, 0.2), (2.0, 0.2), (3.0, 0.01)):
        course.feel(at, lag, saturated=lag > 0.1)

    series = read(course, totals).series

    assert series["generator_saturated"] == {("local",): 0}
    assert series["generator_saturated_windows"] == {("local",): 2}
    assert series["generator_loop_lag_max"] == {("local",): 0.01}
    assert series["generator_resident_memory"] == {("local",): 1e8}
    assert series["generator_ports"] == {("local",): 100}
    assert series["generator_gc_pauses"] == {("local",): 9}


def test_each_window_of_which_no_node_told_is_one_that_was_saturated(course, totals):
    """A loop that is held for nine seconds writes one row, and owed nine."""
    course.relay.load(course.record)
    course.record.note_node("local", outcome="here", joined_at=0.0, running_at=0.2)
    course.record.note_node("quiet", outcome="here", joined_at=0.0, running_at=2.2)
    for at, lag in ((2.0, 0.0), (3.0, 0.0), (12.3, 9.0), (13.0, 1.0)):
        course.feel(at, lag, saturated=lag > 0.1)

    # Of 0-1 it owed nothing, of 3-12 it told nothing, and of 12-13 twice.
    assert read(course, totals).series["generator_saturated_windows"] == {("local",): 10}

    course.record.note_end(15.1, "duration")  # what follows need not be told
    course.feel(18.0, 0.0)
    course.flush()
    course.relay.end(course.record)

    told = totals.read().series["generator_saturated_windows"]
    assert told == {("local",): 11, ("quiet",): 11}
    frame = Results(course.record).health
    assert dict(frame.groupby("node", observed=True)["saturated"].sum()) == {
        "local": 11,
        "quiet": 11,
    }


def test_who_comes_late_counts_no_window_of_before(course, totals):
    course.record.note_node("local", outcome="here", joined_at=0.0, running_at=0.2)
    course.feel(9.0, 0.0)

    assert read(course, totals).series["generator_saturated_windows"] == {("local",): 0}


def test_what_is_not_known_of_the_health_is_left_out(course, totals):
    course.on().health(1.0, [0.001], 0.5, 1e8, saturated=False)

    series = read(course, totals).series

    assert series["generator_ports"] == {}
    assert series["generator_gc_pauses"] == {}


def test_a_new_run_begins_at_zero(course, totals):
    course.act("echo", 0.1, 0.1)
    course.flush()
    course.begin("r2", started_at=100.0)
    course.act("echo", 0.1)

    reading = read(course, totals)

    assert reading.run_id == "r2"
    assert reading.series["actions"] == {("echo", "local"): 1}
    assert reading.series["run_info"] == {("r2", "7"): 1}


def test_late_news_of_an_older_run_are_left_out(course, totals):
    old, recorder = course.record, course.on()
    course.begin("r2", started_at=100.0)
    course.act("echo", 0.1)
    course.flush()
    recorder.count("late")
    old.add(recorder.seal())
    old.lose("local", at=3.0)
    course.relay.end(old)

    reading = totals.read()

    assert reading.run_id == "r2"
    assert reading.series["counted"] == {}
    assert reading.series["run_active"] == {(): 1.0}


def test_after_the_end_nobody_is_there_and_the_counts_stay(course, totals):
    course.on().population(1.0, waiting=4, running=3, leaving=2)
    course.act("echo", 0.1)
    course.flush()
    course.relay.end(course.record)

    series = totals.read().series

    assert set(series["users"].values()) == {0.0}
    assert series["run_active"] == {(): 0.0}
    assert series["actions"] == {("echo", "local"): 1}


def test_after_the_end_no_gauge_looks_as_though_it_went_on(course, totals):
    course.on().throttle(1.0, "logins", {"rate": 60.0, "interval": 60.0, "waiting": 3})
    course.on().gauge("rooms", 4)
    course.feel(1.0, 0.001)
    course.hang("pay", -10.0)
    course.flush()
    assert totals.read().series["generator_loop_lag_p99"] != {}

    course.relay.end(course.record)

    gauges = {
        metric.name: dict(series)
        for metric, series in totals.read().metrics()
        if metric.kind == "gauge"
    }
    assert gauges == {
        "run_info": {("r1", "7"): 1.0},
        "run_active": {(): 0.0},
        "run_start": {(): 1_000.0},
        "actions_under_way": {("pay", "local"): 0.0},
        "actions_under_way_longest": {("pay", "local"): 0.0},
        "value": {("rooms", "local"): 4},
    }


def test_a_node_that_says_nothing_has_no_gauges_until_it_speaks_again(course):
    clock = [100.0]
    totals = Totals(now=lambda: clock[0])
    course.relay.attach(totals)
    for node in ("a", "b"):
        course.on(node).population(1.0, waiting=0, running=3, leaving=0)
        course.on(node).count("bytes", 5)
    course.flush()

    clock[0] = 106.0
    course.on("b").population(7.0, waiting=0, running=3, leaving=0)
    course.record.add(course.on("b").seal())
    silent = totals.read().series
    course.on("a").population(8.0, waiting=0, running=2, leaving=0)
    again = read(course, totals).series

    assert {node for _, node in silent["users"]} == {"b"}
    assert silent["counted"] == {("bytes", "a"): 5, ("bytes", "b"): 5}
    assert again["users"]["running", "a"] == 2


def test_no_failure_is_a_count_of_none(course, totals):
    course.act("echo", 0.1)
    assert read(course, totals).series["run_actions_failed"] == {(): 0.0}

    course.fail("echo", "status 503")
    course.fail("pay", "status 503")

    assert read(course, totals).series["run_actions_failed"] == {(): 2.0}


def test_a_lost_node_leaves_its_counts_and_takes_its_gauges(course, totals):
    for node in ("a", "b"):
        course.on(node).population(1.0, waiting=0, running=3, leaving=0)
        course.act("echo", 0.1, node=node)
    course.flush()
    course.record.set_present("a", [1, 2, 3], [0.0] * 3, [0.0] * 3)
    course.record.lose("a", at=5.0)

    series = totals.read().series

    assert {node for _, node in series["users"]} == {"b"}
    assert series["users_gone"] == {("lost", "a"): 3}
    assert series["actions"] == {("echo", "a"): 1, ("echo", "b"): 1}


@pytest.mark.parametrize("outcome", ["lost", "left"])
def test_what_a_node_sends_that_is_gone_is_counted_and_shows_nobody_there(course, totals, outcome):
    course.on("a").population(1.0, waiting=0, running=3, leaving=0)
    course.flush()
    course.record.note_node("a", outcome=outcome, left_at=2.5)
    gone = totals.read().series
    course.on("a").population(2.0, waiting=0, running=3, leaving=0)
    course.act("echo", 0.1, node="a")
    belated = read(course, totals).series
    course.record.note_node("a", outcome="here", left_at=math.nan)
    course.on("a").population(9.0, waiting=0, running=2, leaving=0)
    back = read(course, totals).series

    assert gone["users"] == belated["users"] == {}
    assert belated["actions"] == {("echo", "a"): 1}
    assert back["users"]["running", "a"] == 2


def test_names_beyond_the_bound_share_one(course, totals):
    for number in range(10):
        course.act(f"get /item/{number}", 0.1)
        course.fail("post", f"reason {number}")
        course.on().count(f"count {number}")
        course.on().gauge(f"gauge {number}", number)
        course.on().throttle(1.0, f"throttle {number}", {"granted": 1, "interval": 1.0})

    series = read(course, totals).series

    assert series["actions"][("(other)", "local")] == 8  # all but the first two, and `post`
    assert len(series["actions"]) == 4
    assert series["actions_failed"][("post", "(other)", "local")] == 7
    assert series["counted"][("(other)", "local")] == 7
    assert len(series["value"]) == 3
    assert series["throttle_granted"][("(other)", "local")] == 7
    assert ("(other)", "local") not in series["throttle_waiting"]


def test_a_reading_does_not_change_while_more_is_taken_in(course, totals):
    course.act("echo", 0.1)
    before = read(course, totals)
    counts = before.series["response_time"][("echo",)].counts.tolist()
    course.act("echo", 0.1)

    after = read(course, totals)

    assert before.series["actions"] == {("echo", "local"): 1}
    assert before.series["response_time"][("echo",)].counts.tolist() == counts
    assert after.version > before.version


def test_a_run_in_which_nothing_ended_says_so(course, totals):
    course.on().population(1.0, waiting=0, running=3, leaving=0)

    assert read(course, totals).series["run_actions"] == {(): 0.0}


def test_what_is_under_way_is_told_until_it_ended(course, totals):
    hung = [course.hang("pay", -10.0), course.hang("pay", -3.0), course.hang("echo", 0.4)]
    course.record.reach(5.0)

    series = read(course, totals).series
    assert series["actions_under_way"] == {("pay", "local"): 2.0}
    assert series["actions_under_way_longest"] == {("pay", "local"): 4.0}  # due before 1 s

    for each in hung:
        del course.on().open[each]
    series = read(course, totals).series
    assert series["actions_under_way"] == {("pay", "local"): 0.0}
    assert series["actions_under_way_longest"] == {("pay", "local"): 0.0}


def histogram_quantile(quantile: float, bounds: list[float], counts: list[int]) -> float:
    """Return what Prometheus makes of buckets: a line through that of the rank."""
    rank, below, low = quantile * sum(counts), 0, 0.0
    for high, count in zip(bounds, counts, strict=False):
        if below + count >= rank:
            return low + (high - low) * (rank - below) / count
        below, low = below + count, high
    return bounds[-1]


@given(st.lists(st.floats(0.0006, 59), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_of_the_buckets_lies_in_the_bucket_of_the_true_one(seconds, quantile):
    """So it is wrong by a factor of 1.67 at most, and of 2 from 30 s on."""
    totals, record = Totals(), RunRecord("r", 0.0, 0.0)
    record.relay.attach(totals)
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for each in seconds:
        recorder.action("echo", 1, 0.0, 0.0, each)
    record.add(recorder.seal())
    reading = totals.read()
    (durations,) = reading.series["response_time"].values()

    found = histogram_quantile(quantile, list(reading.bounds), reading.counts(durations).tolist())

    exact = float(np.quantile(seconds, quantile, method="inverted_cdf"))
    factor = max(found / exact, exact / found)
    assert factor <= (2.02 if exact > 29.7 else 1.69)  # with the 0.8 % of the finer buckets
