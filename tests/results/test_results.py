"""The frames of a run that was small enough to work out by hand (see conftest)."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from murmur.recording import RunRecord
from murmur.results import FRAMES, Results
from murmur.runtime import SENT
from murmur.telemetry import Recorder


def rows(frame: pd.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    """Return rows as tuples, missing values as None."""
    chosen = frame[list(columns)].astype(object)
    return list(chosen.where(chosen.notna(), None).itertuples(index=False, name=None))


def test_every_announced_user_has_one_row_sorted_by_id(results: Results) -> None:
    assert rows(results.users, "user_id", "node", "outcome", "reason") == [
        (1, "n1", "failed", "ConnectionError: refused"),
        (2, "n1", "finished", None),
        (3, "n2", "left", None),
        (4, "n2", None, None),
        (5, "n2", None, None),
        (6, "n1", "dropped", "stopped"),
        (7, "n1", "dropped", "stopped"),
    ]


def test_users_that_wait_were_not_admitted_and_users_that_run_have_no_duration(
    results: Results,
) -> None:
    assert rows(results.users, "admitted_at", "started_at", "duration") == [
        (0.0, 0.0, 1.5),
        (0.0, 0.25, 0.75),
        (0.0, 0.5, 1.5),
        (0.5, 0.5, None),
        (None, None, None),
        (None, None, None),
        (None, None, None),
    ]


def test_response_time_counts_from_the_due_time_and_service_time_from_the_start(
    results: Results,
) -> None:
    columns = ("name", "user_id", "due_at", "started_at", "service_time", "response_time")

    assert rows(results.actions, *columns) == [
        ("echo", 1, 0.0, 0.0, 0.25, 0.25),
        ("echo", 2, 0.0, 0.5, 0.25, 0.75),
        ("login", 1, 1.0, 1.0, 0.5, 0.5),
        ("echo", 0, 0.5, 0.5, 0.5, 0.5),
    ]


def test_a_failed_action_says_why(results: Results) -> None:
    assert rows(results.actions, "ok", "error") == [
        (True, None),
        (True, None),
        (False, "ConnectionError: refused"),
        (True, None),
    ]


def test_windows_add_up_to_the_actions_over_all_nodes(results: Results) -> None:
    windows = results.windows

    assert rows(windows, "window_at", "name", "node", "count", "failed", "rate") == [
        (0.0, "echo", "all", 2, 0, 2.0),
        (1.0, "echo", "all", 1, 0, 1.0),
        (1.0, "login", "all", 1, 1, 1.0),
    ]
    assert windows["count"].sum() == len(results.actions)


def test_windows_by_node_add_up_as_well(results: Results) -> None:
    windows = results.windows_by_node

    assert rows(windows, "window_at", "name", "node", "count") == [
        (0.0, "echo", "n1", 2),
        (1.0, "echo", "n2", 1),
        (1.0, "login", "n1", 1),
    ]
    assert windows["count"].sum() == len(results.actions)


def test_quantiles_are_of_the_successful_actions(results: Results) -> None:
    first, _, failed = results.windows.to_dict("records")

    assert first["service_mean"] == 0.25
    assert first["response_mean"] == 0.5
    assert first["response_p50"] == pytest.approx(0.25, rel=0.01)
    assert first["response_p99"] == pytest.approx(0.75, rel=0.01)
    assert first["response_max"] == 0.75
    assert pd.isna(failed["response_p50"])
    assert pd.isna(failed["service_max"])


def test_a_window_of_another_length_has_a_rate_per_second() -> None:
    record = RunRecord("r", 0.0, 0.0, window=2.0)
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0, window=2.0)
    for _ in range(6):
        recorder.action("echo", 1, 0.0, 0.0, 3.0)
    record.add(recorder.seal())
    record.reach(4.0)

    assert rows(Results(record).windows, "window_at", "count", "rate") == [(2.0, 6, 3.0)]


@pytest.mark.parametrize(("seconds", "rate"), [(7.5, 20.0), (7.7, 20.0), (7.9, 18.0), (8.0, 20.0)])
def test_the_rate_of_a_window_that_is_not_over_is_that_of_the_time_that_passed(
    seconds: float, rate: float
) -> None:
    """Steady 20 a second; nearly whole windows count as whole."""
    record = RunRecord("r", 0.0, 0.0)
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    for number in range(1, round(20 * seconds) + 1):
        recorder.action("echo", 1, number / 20 - 0.06, number / 20 - 0.06, number / 20 - 0.01)
    record.add(recorder.seal())
    record.reach(seconds)

    *whole, last = Results(record).windows["rate"]

    assert whole == [20.0] * 7
    assert last == pytest.approx(rate, rel=0.01)


def test_counters_and_gauges_have_a_row_for_each_window(results: Results) -> None:
    counters, gauges = results.counters, results.gauges

    assert rows(counters, "window_at", "name", "node", "value", "total") == [
        (0.0, "messages", "n1", 5.0, 5.0)
    ]
    assert rows(gauges, "window_at", "name", "last", "min", "max", "mean") == [
        (0.0, "depth", 1.0, 1.0, 5.0, 3.0)
    ]


def test_population_is_summed_and_a_late_sample_loses_nobody(results: Results) -> None:
    assert rows(results.population, "window_at", "waiting", "running", "leaving") == [
        (0.0, 0, 4, 0),
        (1.0, 1, 3, 1),  # 2 of n1, and the 1 that n2 reported last
    ]


def test_throttles_keep_the_rate_as_it_was_set(results: Results) -> None:
    columns = ("name", "rate", "interval", "requested", "granted", "waiting", "lateness_p99")

    assert rows(results.throttles, *columns) == [("logins", 60.0, 60.0, 3, 1, 2, 0.25)]


def test_changes_and_events_carry_run_time_and_wall_time(results: Results) -> None:
    changes, events = results.changes, results.events

    assert rows(changes, "at", "node", "who", "what", "old", "new") == [
        (0.5, "n1", "panel", "pace", "1.0", "fast")
    ]
    assert changes["wall_at"].tolist() == [pd.Timestamp(1_700_000_000.5, unit="s", tz="UTC")]
    assert rows(events, "at", "name", "node") == [(0.25, "amoc.run.state", "n1")]
    assert events["wall_at"].tolist() == [pd.Timestamp(1_700_000_000.25, unit="s", tz="UTC")]
    assert json.loads(events["measurements"][0]) == {"count": 1}
    assert json.loads(events["metadata"][0]) == {"from": "idle", "to": "running"}


def test_nodes_tell_what_each_took_part_in(results: Results) -> None:
    assert rows(results.nodes, "node", "users", "actions", "failed", "first_at", "last_at") == [
        ("n1", 4, 3, 1, 0.0, 1.0),
        ("n2", 3, 1, 0, 0.0, 0.0),
    ]


def test_errors_count_every_kind_under_every_name(results: Results) -> None:
    columns = ("name", "kind", "error", "count", "first_at", "last_at")

    assert rows(results.errors, *columns) == [
        ("login", "ConnectionError", "ConnectionError: refused", 1, 1.5, 1.5)
    ]


def test_a_window_is_saturated_by_its_lag_even_if_the_node_did_not_say(record: RunRecord) -> None:
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    recorder.health(1.0, [0.051], 1.0, 1e8, saturated=False)
    recorder.health(2.0, [0.049], 1.0, 1e8, saturated=False)
    recorder.health(3.0, [0.001], 1.0, 1e8, saturated=True)
    record.add(recorder.seal())

    assert Results(record).health["saturated"].tolist() == [True, False, True]


def with_parts(results: Results, record: RunRecord) -> Results:
    """Return the results with a span of an action and a stamp that was sent, besides."""
    node = Recorder(node="n1", started_at=100.0, wall_started_at=0.0, now=lambda: 101.0)
    node.span("echo", "first_event", 100.0, 100.25)
    node.count(f"{SENT}hello")
    record.add(node.seal())
    return results


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_has_the_same_columns_and_dtypes_with_rows_and_without(
    name: str, results: Results, record: RunRecord, empty: Results
) -> None:
    full, none = getattr(with_parts(results, record), name), getattr(empty, name)

    assert not full.empty
    assert none.empty
    for frame in (full, none):
        assert list(frame) == list(FRAMES[name].column_names)
        assert [str(dtype) for dtype in frame.dtypes] == [
            column.dtype for column in FRAMES[name].columns
        ]


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_belongs_to_the_caller(name: str, results: Results) -> None:
    before = getattr(results, name)
    mine = getattr(results, name)

    for column in mine.select_dtypes("number"):
        mine[column] = -1
        mine.loc[:, column] = -2

    pd.testing.assert_frame_equal(getattr(results, name), before)


def test_a_sample_of_the_actions_says_so() -> None:
    record = RunRecord("r", 0.0, 0.0, actions_bound=10)
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    for _ in range(25):
        recorder.action("echo", 1, 0.0, 0.0, 0.5)
    record.add(recorder.seal())
    results = Results(record)

    assert len(results.actions) == 10
    assert results.actions.attrs == {"sampled": True, "seen": 25, "elapsed": 0.5}
    assert results.windows["count"].sum() == 25
    assert results.verdict.state == "valid"
    assert results.verdict.reasons == ("The actions frame is a uniform sample: 10 of 25.",)


def test_what_nodes_still_hold_is_fetched_before_a_frame_is_built(record: RunRecord) -> None:
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    recorder.action("echo", 1, 0.0, 0.0, 0.5)
    results = Results(record, refresh=lambda: record.add(recorder.seal()))

    assert len(results.actions) == 1


def test_the_repr_fetches_nothing(record: RunRecord) -> None:
    def refuse() -> None:
        raise AssertionError

    assert repr(Results(record, refresh=refuse)) == "<Results of run r1: 0 actions>"


def test_lost_and_abandoned_users_make_a_run_suspect(record: RunRecord) -> None:
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    recorder.user_gone(1, "lost", "node n2 is gone", 0.0, 0.0, 1.0)
    recorder.user_gone(2, "killed", "ignores cancellation, abandoned", 0.0, 0.0, 1.0)
    recorder.user_gone(3, "killed", "its thread still runs", 0.0, 0.0, 1.0)
    for user_id in range(4, 11):
        recorder.user_gone(user_id, "killed", None, 0.0, 0.0, 1.0)
    record.add(recorder.seal())
    verdict = Results(record).verdict

    assert verdict.state == "suspect"
    assert verdict.reasons == (
        "1 of 10 users were lost, or went with a node that nobody asked to go: "
        "n1 was lost at 1.0 s.",
        "2 users were abandoned: cancellation was ignored.",
    )


def test_csv_files_read_back_as_they_were(results: Results, tmp_path: Path) -> None:
    written = results.to_csv(tmp_path / "new" / "run")

    assert sorted(path.stem for path in written.iterdir()) == sorted(FRAMES)
    for name in FRAMES:
        assert list(pd.read_csv(written / f"{name}.csv")) == list(FRAMES[name].column_names)
    users = pd.read_csv(written / "users.csv")
    assert users["user_id"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert users["duration"].dropna().tolist() == [1.5, 0.75, 1.5]


def test_the_times_of_any_span_come_as_a_histogram(results: Results) -> None:
    whole, first = results.histogram(name="echo"), results.histogram("service", end=1.0)

    assert (whole.count, whole.max) == (3, 0.75)
    assert (first.count, first.max) == (2, 0.25)  # the third ended with the first second
    assert results.histogram(name="nothing").count == 0


def test_a_run_tells_its_clock(results: Results) -> None:
    assert results.wall_started_at == pd.Timestamp(1_700_000_000.0, unit="s", tz="UTC")
    assert (results.elapsed, results.window) == (2.0, 1.0)


def test_nodes_say_who_they_are(record: RunRecord, results: Results) -> None:
    record.note_node("n1", host="far", pid=7, cores=4, python="3.11.7", joined_at=90.0)
    record.note_node("n3", outcome="left", left_at=101.0)
    columns = ("node", "host", "pid", "cores", "outcome", "users", "actions")

    assert rows(results.nodes, *columns) == [
        ("n1", "far", 7, 4, "here", 4, 3),
        ("n2", "", 0, 0, "here", 3, 1),
        ("n3", "", 0, 0, "left", 0, 0),
    ]
    assert results.nodes["joined_at"].tolist()[0] == -10.0


def test_rows_that_were_given_up_are_told_by_the_verdict() -> None:
    record = RunRecord("r1", 100.0, 0.0, rows_bound=8)
    node = Recorder(node="n1", started_at=100.0, wall_started_at=0.0)
    for second in range(20):
        node.population(100.0 + second, 0, second, 0)
    record.add(node.seal())
    kept = len(Results(record).population)

    assert kept <= 8
    assert f"{20 - kept} rows were given up for want of room" in str(Results(record).verdict)
