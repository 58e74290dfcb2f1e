"""A record merges the chunks of all nodes; its tables are what `RunRecord.table` promises."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from murmur.errors import InvalidArgumentError
from murmur.recording import FRAMES, TABLES, RunRecord
from murmur.telemetry import Event, Histogram, Labels, Recorder


def _recorder(node: str = "a", started_at: float = 100.0) -> Recorder:
    return Recorder(
        node=node, started_at=started_at, wall_started_at=1.7e9, now=lambda: started_at + 0.5
    )


def _record(**bounds: int) -> RunRecord:
    return RunRecord("r1", 100.0, 1.7e9, {"port": 1}, seed=5, **bounds)


def _rows(record: RunRecord, name: str, *columns: str, since: float = 0.0) -> list[tuple]:
    """Return the rows of a table as tuples of plain values."""
    table = record.table(name, since)
    lists = []
    for column in columns:
        values = table[column]
        if isinstance(values, Labels):
            lists.append(values.decode())
        else:
            lists.append(values.tolist() if isinstance(values, np.ndarray) else values)
    return list(zip(*lists, strict=True))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_columns_of_the_schema(name: str):
    table = _record().table(name)

    assert sorted(table) == sorted(column.name for column in FRAMES[name].table)
    assert {len(column) for column in table.values()} == {0}


def test_an_unknown_table_is_refused_with_what_was_probably_meant():
    with pytest.raises(InvalidArgumentError, match="'windows'"):
        _record().table("window")


def test_actions_carry_both_times_and_the_error():
    recorder, record = _recorder(), _record()
    recorder.action("echo", 7, 100.5, 101.0, 101.25)
    recorder.action("join", 0, 101.0, 101.0, 102.0, ValueError("no"))
    record.add(recorder.seal())

    columns = [
        "name",
        "user_id",
        "node",
        "due_at",
        "started_at",
        "service_time",
        "response_time",
        "ok",
        "error",
    ]
    assert _rows(record, "actions", *columns) == [
        ("echo", 7, "a", 0.5, 1.0, 0.25, 0.75, True, None),
        ("join", 0, "a", 1.0, 1.0, 1.0, 1.0, False, "ValueError: no"),
    ]
    assert (record.actions_total, record.actions_kept, record.sampled) == (2, 2, False)


def test_codes_of_different_nodes_are_told_apart():
    a, b, record = _recorder("a"), _recorder("b"), _record()
    a.action("echo", 1, 100.0, 100.0, 100.5)
    b.action("login", 2, 100.0, 100.0, 100.5)
    b.action("echo", 2, 100.0, 100.0, 100.5)
    for recorder in (a, b):
        record.add(recorder.seal())

    assert _rows(record, "actions", "node", "name") == [
        ("a", "echo"),
        ("b", "login"),
        ("b", "echo"),
    ]
    assert record.nodes == ("a", "b")


def test_beyond_the_bound_actions_are_a_uniform_sample_and_windows_stay_complete():
    """Of 20,000 actions in 20 windows 2,000 are kept: about 100 of each."""
    recorder, record = _recorder(), _record(actions_bound=2000)
    for number in range(20_000):
        at = 100.0 + number / 1000
        recorder.action("echo", number + 1, at, at, at)
        if number % 1700 == 0:
            record.add(recorder.seal())
    record.add(recorder.seal())

    due_at = np.asarray(record.table("actions")["due_at"])
    assert (record.actions_total, len(due_at), record.sampled) == (20_000, 2000, True)
    assert np.abs(np.bincount(due_at.astype(int)) - 100).max() < 40  # 4 standard deviations
    counts = _rows(record, "windows", "node", "count")
    assert counts == [("all", 1000), ("a", 1000)] * 20


def test_windows_are_there_for_each_node_and_for_all_together():
    a, b, record = _recorder("a"), _recorder("b", started_at=5000.0), _record()
    for number in range(1, 5):
        a.action("echo", 1, 100.0, 100.0, 100.0 + number / 10)
        b.action("echo", 2, 5000.0, 5000.0, 5000.0 + number / 5)
    a.action("echo", 1, 100.0, 100.0, 100.9, "bad")
    for recorder in (a, b):
        record.add(recorder.seal())

    columns = ("window_at", "node", "name", "count", "failed", "response_max")
    assert _rows(record, "windows", *columns) == [
        (0.0, "all", "echo", 9, 1, pytest.approx(0.8)),
        (0.0, "a", "echo", 5, 1, pytest.approx(0.4)),
        (0.0, "b", "echo", 4, 0, pytest.approx(0.8)),
    ]
    together = _rows(record, "windows", "response_mean", "service_p50", "response_p99")[0]
    # 0.1 0.2 0.2 0.3 0.4 0.4 0.6 0.8: mean 0.375, fourth of eight 0.3, last 0.8
    assert together == (
        pytest.approx(0.375),
        pytest.approx(0.3, rel=0.01),
        pytest.approx(0.8, rel=0.01),
    )


def test_a_window_that_comes_in_several_chunks_is_one_row_however_often_it_is_looked_at():
    recorder, record = _recorder(), _record()
    seen = []
    for ended_at in (100.2, 100.4, 101.5, 100.6):
        recorder.action("echo", 1, 100.0, 100.0, ended_at)
        record.add(recorder.seal())
        rows = _rows(record, "windows", "node", "window_at", "count")
        seen.append([row[1:] for row in rows if row[0] == "all"])

    assert seen == [[(0, 1)], [(0, 2)], [(0, 2), (1, 1)], [(0, 3), (1, 1)]]


def test_windows_without_success_have_no_times():
    recorder, record = _recorder(), _record()
    recorder.action("echo", 1, 100.0, 100.0, 100.2, "bad")
    record.add(recorder.seal())

    row = _rows(record, "windows", "count", "failed", "service_p50", "response_mean")[0]
    assert row[:2] == (1, 1)
    assert all(map(math.isnan, row[2:]))


def test_a_chunk_without_actions_adds_no_window():
    recorder, record = _recorder(), _record()
    record.add(recorder.seal())

    assert _rows(record, "windows", "window_at") == []


def test_since_leaves_out_what_began_before():
    recorder, record = _recorder(), _record()
    for second in range(5):
        at = 100.5 + second
        recorder.action("echo", 1, at, at, at)
        recorder.population(100.0 + second, 0, second, 0)
    record.add(recorder.seal())

    windows = _rows(record, "windows", "window_at", "node", since=3.0)
    assert windows == [(3, "all"), (3, "a"), (4, "all"), (4, "a")]
    assert _rows(record, "population", "running", "node", since=3.0) == [(3, "a"), (4, "a")]


def test_a_histogram_is_what_name_node_and_windows_select():
    a, b, record = _recorder("a"), _recorder("b"), _record()
    a.action("echo", 1, 100.0, 100.25, 100.75)
    a.action("login", 1, 100.0, 100.0, 101.5)
    b.action("echo", 1, 100.0, 100.0, 102.5)
    for recorder in (a, b):
        record.add(recorder.seal())

    def held(**chosen) -> tuple[int, float]:
        histogram = record.histogram(**chosen)
        return histogram.count, histogram.sum

    assert held() == (3, 4.75)
    assert held(time="service") == (3, 4.5)
    assert held(name="echo") == (2, 3.25)
    assert held(node="a") == (2, 2.25)
    assert held(start=1.0) == (2, 4.0)
    assert held(end=2.0) == (2, 2.25)
    assert held(name="logout") == (0, 0.0)
    assert isinstance(_record().histogram(), Histogram)


USER = ("user_id", "outcome", "reason", "admitted_at", "started_at", "ended_at")


def _users(record: RunRecord) -> list[tuple]:
    """Return users as rows, None for moments that never came."""
    return [
        tuple(None if isinstance(value, float) and math.isnan(value) else value for value in row)
        for row in _rows(record, "users", *USER)
    ]


def test_users_gone_present_dropped_and_waiting_each_have_one_row():
    recorder, record = _recorder(), _record()
    recorder.user_gone(2, "failed", "ValueError: no", 100.0, 100.5, 101.0)
    recorder.users_dropped(5, 6, 102.0, "stopped")
    record.add(recorder.seal())
    record.set_present("a", [3, 1], [100.0, 101.0], [100.5, math.nan], [(7, 8)])

    assert _users(record) == [
        (1, None, None, 1.0, None, None),
        (2, "failed", "ValueError: no", 0.0, 0.5, 1.0),
        (3, None, None, 0.0, 0.5, None),
        (5, "dropped", "stopped", None, None, 2.0),
        (6, "dropped", "stopped", None, None, 2.0),
        (7, None, None, None, None, None),
        (8, None, None, None, None, None),
    ]


def test_news_that_a_user_is_gone_wins_over_an_older_snapshot():
    recorder, record = _recorder(), _record()
    record.set_present("a", [1], [100.0], [100.0], [(2, 3)])
    recorder.user_gone(1, "left", None, 100.0, 100.0, 103.0)
    recorder.users_dropped(2, 3, 103.0, "")
    record.add(recorder.seal())

    assert [row[:2] for row in _users(record)] == [(1, "left"), (2, "dropped"), (3, "dropped")]


def test_a_snapshot_replaces_the_one_before_of_its_node_only():
    record = _record()
    record.set_present("a", [1], [100.0], [100.0])
    record.set_present("b", [2], [100.0], [100.0])
    record.set_present("a", [3], [100.0], [100.0])

    assert _rows(record, "users", "user_id", "node") == [(2, "b"), (3, "a")]


def test_users_of_a_lost_node_are_lost():
    record = _record()
    record.set_present("a", [1], [100.0], [100.5], [(4, 5)])
    record.set_present("b", [2], [100.0], [100.0])

    assert record.lose("a", at=104.0) == 3
    assert record.lose("a", at=105.0) == 0
    assert _users(record) == [
        (1, "lost", "node lost", 0.0, 0.5, 4.0),
        (2, None, None, 0.0, 0.0, None),
        (4, "lost", "node lost", None, None, 4.0),
        (5, "lost", "node lost", None, None, 4.0),
    ]


def test_population_is_that_at_the_beginning_of_a_window():
    recorder, record = _recorder(), _record()
    for at, running in ((100.0, 0), (101.001, 5), (101.999, 8), (102.2, 9)):
        recorder.population(at, 1, running, 2)
    record.add(recorder.seal())

    assert _rows(record, "population", "window_at", "waiting", "running", "leaving") == [
        (0, 1, 0, 2),
        (1, 1, 5, 2),
        (2, 1, 9, 2),
    ]


def test_throttles_are_told_of_by_the_window_that_the_sample_ends():
    """Sampled at the end of two windows, and where the run ended within the third."""
    recorder, record = _recorder(), _record()
    for at, granted, late in ((101.0, 50, 0.001), (102.0005, 60, 0.002), (102.27, 1, 0.5)):
        sample = {"rate": 60, "interval": 1, "requested": granted + 1, "granted": granted}
        recorder.throttle(at, "messages", {**sample, "waiting": 3, "lateness": [late] * granted})
    record.add(recorder.seal())

    columns = ("window_at", "name", "node", "requested", "granted", "waiting", "lateness_p99")
    assert _rows(record, "throttles", *columns) == [
        (0, "messages", "a", 51, 50, 3, 0.001),
        (1, "messages", "a", 61, 60, 3, 0.002),
        (2, "messages", "a", 2, 1, 3, 0.5),
    ]


def test_two_samples_of_a_throttle_in_a_window_add_up_to_one():
    """The first was late by more than half a window, so it tells about the next one too."""
    recorder, record = _recorder(), _record()
    for at, granted, waiting, late in ((101.6, 60, 9, 0.002), (102.0, 1, 4, 0.5)):
        sample = {"rate": 60, "interval": 1, "requested": granted + 1, "granted": granted}
        lateness = [late] * granted
        recorder.throttle(at, "messages", {**sample, "waiting": waiting, "lateness": lateness})
    record.add(recorder.seal())

    columns = ("window_at", "requested", "granted", "waiting", "lateness_p99")
    assert _rows(record, "throttles", *columns) == [(1, 63, 61, 4, 0.002)]


def test_health_of_two_samples_in_a_window_is_the_worse():
    recorder, record = _recorder(), _record()
    recorder.health(100.7, [0.5], 1.0, 1e8, saturated=True)
    recorder.health(101.0, [0.1], 0.2, 2e8, saturated=False)
    record.add(recorder.seal())

    columns = ("window_at", "node", "loop_lag_max", "cpu", "rss", "saturated")
    assert _rows(record, "health", *columns) == [(0, "a", 0.5, 1.0, 2e8, True)]


def test_health_of_a_run_s_last_moments_is_that_of_their_own_window():
    recorder, record = _recorder(), _record()
    for at in (110.0, 110.27):
        recorder.health(at, [0.1], 0.2, 2e8, saturated=False)
    record.add(recorder.seal())

    assert _rows(record, "health", "window_at") == [(9,), (10,)]


def test_counters_add_up_by_node():
    record = _record()
    for node, now in (("a", 100.5), ("b", 100.5), ("a", 102.5), ("a", 102.6)):
        recorder = Recorder(node=node, started_at=100.0, wall_started_at=0.0, now=lambda n=now: n)
        recorder.count("sent", 2)
        record.add(recorder.seal())

    assert _rows(record, "counters", "window_at", "name", "node", "value", "total") == [
        (0, "sent", "a", 2, 2),
        (0, "sent", "b", 2, 2),
        (2, "sent", "a", 4, 6),
    ]


def test_gauges_of_several_chunks_in_a_window_are_merged():
    recorder, record = _recorder(), _record()
    for values in ([1.0, 9.0], [2.0]):
        for value in values:
            recorder.gauge("depth", value)
        record.add(recorder.seal())

    columns = ("window_at", "name", "last", "min", "max", "sum", "size")
    assert _rows(record, "gauges", *columns) == [(0, "depth", 2.0, 1.0, 9.0, 12.0, 3)]


def test_errors_are_counted_over_chunks_and_nodes():
    a, b, record = _recorder("a"), _recorder("b"), _record()
    b.action("join", 1, 101.0, 101.0, 101.0, "not ok")
    for recorder, at in ((a, 103.0), (b, 102.0), (a, 104.0)):
        recorder.action("join", 1, at, at, at, ValueError("no"))
        record.add(recorder.seal())

    columns = ("name", "kind", "message", "count", "first_at", "last_at")
    assert _rows(record, "errors", *columns) == [
        ("join", "ValueError", "no", 3, 2.0, 4.0),
        ("join", "failed", "not ok", 1, 1.0, 1.0),
    ]
    assert _rows(record, "errors", "traceback")[0] == ("ValueError: no\n",)


def test_events_are_in_the_order_of_time_and_the_newest_are_kept():
    recorder, record = _recorder(), _record(events_bound=3)
    for at in (105.0, 101.0, 102.0, 103.0):
        recorder.event(Event("amoc.run.state", at, at + 1e9, "a", "r1", {"count": 1}, {}))
    record.add(recorder.seal())

    assert record.events_dropped == 1
    assert _rows(record, "events", "at", "wall_at", "name", "node", "measurements") == [
        (1.0, 101.0 + 1e9, "amoc.run.state", "a", {"count": 1}),
        (2.0, 102.0 + 1e9, "amoc.run.state", "a", {"count": 1}),
        (3.0, 103.0 + 1e9, "amoc.run.state", "a", {"count": 1}),
    ]


def test_changes_are_in_the_order_of_time():
    recorder, record = _recorder(), _record()
    recorder.change(104.0, "session", "pace", 0.5, 1.0)
    recorder.change(102.0, "session", "pace", 1.0, 0.5)
    record.add(recorder.seal())

    assert _rows(record, "changes", "at", "node", "who", "what", "old", "new") == [
        (2.0, "a", "session", "pace", 1.0, 0.5),
        (4.0, "a", "session", "pace", 0.5, 1.0),
    ]


def test_a_reader_never_meets_a_label_that_is_not_there_or_a_user_that_is_missing():
    """A thread adds while the test reads: every table is whole at any moment."""
    record = _record(actions_bound=500)
    record.set_present("a", range(1, 201), np.full(200, 100.0), np.full(200, 100.0))

    def write() -> None:
        recorder = _recorder()
        for user_id in range(1, 201):
            at = 100.0 + user_id / 10
            for _ in range(10):
                recorder.action(str(user_id), user_id, at, at, at + 0.5)
            recorder.user_gone(user_id, "finished", None, 100.0, 100.0, at)
            record.add(recorder.seal())
            left = np.arange(user_id + 1, 201)
            record.set_present("a", left, np.full(len(left), 100.0), np.full(len(left), 100.0))

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        assert len(record.table("users")["user_id"]) == 200
        for name, user_id in _rows(record, "actions", "name", "user_id"):
            assert name == str(user_id)
        record.table("windows")
    writer.join()

    assert record.actions_total == 2000


def test_a_node_has_the_facts_that_were_noted_and_those_noted_last_win():
    record = _record()
    record.note_node("b", host="far", pid=7, cores=4, joined_at=99.0, clock_offset=0.5)
    record.note_node("b", pid=8, outcome="left", left_at=160.0)
    record.add(_recorder("a").seal())

    rows = _rows(record, "nodes", "node", "host", "pid", "outcome", "joined_at", "left_at")

    assert rows[0][:4] == ("a", "", 0, "here")
    assert math.isnan(rows[0][4])
    assert rows[1] == ("b", "far", 8, "left", -1.0, 60.0)


def test_a_lost_node_is_noted_as_lost():
    record = _record()
    record.lose("b", at=130.0)

    assert _rows(record, "nodes", "node", "outcome", "left_at") == [("b", "lost", 30.0)]


@pytest.mark.parametrize(
    ("wall_at", "slept", "was_set"),
    [(1060.0, 0.0, 0.0), (1360.0, 300.0, 0.0), (1350.0, 300.0, -10.0), (1360.0, math.nan, 300.0)],
)
def test_sleep_and_a_clock_that_was_set_are_told_apart(
    wall_at: float, slept: float, was_set: float
) -> None:
    """The run took a minute of the clock that stands still while the machine sleeps."""
    record = RunRecord("r1", started_at=5.0, wall_started_at=1000.0)
    record.note_clock(65.0, wall_at, slept)

    assert record.clock_set == was_set
    assert record.slept == pytest.approx(slept, nan_ok=True)


def test_facts_and_outcomes_that_nodes_do_not_have_are_refused():
    record = _record()
    with pytest.raises(InvalidArgumentError, match="did you mean 'host'"):
        record.note_node("a", hots="far")
    with pytest.raises(InvalidArgumentError, match="here, left, lost, failed, and not 'gone'"):
        record.note_node("a", outcome="gone")

    assert _rows(record, "nodes", "node") == []


def test_calls_are_bounded_and_what_is_too_many_is_counted():
    record = RunRecord("r", started_at=10.0, wall_started_at=0.0)
    for _ in range(10_002):
        record.note_call(12.5, "add", {"n": 1})

    assert record.calls[0] == {"at": 2.5, "verb": "add", "arguments": {"n": 1}}
    assert (len(record.calls), record.calls_dropped) == (10_000, 2)
