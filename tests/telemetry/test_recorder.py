"""A recorder loses nothing, and what it folds is what plain arithmetic gives."""

from __future__ import annotations

import math
import pickle
import struct
import threading
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.errors import InvalidArgumentError
from murmur.telemetry import OTHER, Dropped, Event, Recorder, Rows


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def recorder(clock: _Clock) -> Recorder:
    return Recorder(node="local", started_at=100.0, wall_started_at=1.7e9, now=clock)


def test_an_action_is_a_row_whose_times_count_from_the_run_s_start(recorder: Recorder):
    recorder.action("echo", 7, 100.5, 101.0, 101.25)

    chunk = recorder.seal()
    (row,) = chunk.actions
    assert chunk.names[row["name"]] == "echo"
    assert (row["user_id"], row["error"]) == (7, -1)
    assert (row["due_at"], row["started_at"], row["ended_at"]) == (0.5, 1.0, 1.25)


def test_what_was_sealed_is_not_sealed_again(recorder: Recorder):
    recorder.action("echo", 7, 100.5, 101.0, 101.25)
    recorder.count("sent")
    recorder.seal()

    chunk = recorder.seal()
    assert len(chunk.actions) == len(chunk.windows.window) == len(chunk.counters.name) == 0


def test_what_does_not_fit_is_refused_and_leaves_nothing(recorder: Recorder):
    with pytest.raises(TypeError):
        recorder.action("echo", "seven", 1.0, 1.0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(struct.error):
        recorder.action("echo", 7, None, 1.0, 1.0)  # type: ignore[arg-type]

    assert len(recorder.seal().actions) == 0


def test_a_user_id_beyond_what_a_row_holds_is_recorded_as_the_highest(recorder: Recorder):
    highest = 2**32 - 1
    for user_id in (highest, highest + 1, 10**30):
        recorder.action("echo", user_id, 100.0, 100.0, 100.5)
        recorder.user_gone(user_id, "left", None, 100.0, 100.0, 101.0)

    chunk = recorder.seal()
    assert chunk.actions["user_id"].tolist() == [highest] * 3
    assert chunk.users["user_id"].tolist() == [highest] * 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, "many", None])
def test_what_is_no_finite_number_is_refused_and_spoils_no_total(recorder: Recorder, value: object):
    recorder.count("sent", 2)
    recorder.gauge("depth", 3.0)
    with pytest.raises(InvalidArgumentError, match=r"'sent': give a finite number"):
        recorder.count("sent", value)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=r"'depth': give a finite number"):
        recorder.gauge("depth", value)  # type: ignore[arg-type]

    chunk = recorder.seal()
    assert chunk.counters.value.tolist() == [2.0]
    assert chunk.gauges.sum.tolist() == [3.0]


moments = st.floats(min_value=99, max_value=110)
actions = st.lists(
    st.tuples(st.sampled_from(["echo", "login", "send"]), moments, moments, moments, st.booleans()),
    max_size=60,
)


@given(actions)
def test_windows_are_those_computed_from_the_rows_one_by_one(
    rows: list[tuple[str, float, float, float, bool]],
):
    recorder = Recorder(node="local", started_at=100.0, wall_started_at=0.0)
    expected: dict[tuple[int, str], list[tuple[float, float] | None]] = defaultdict(list)
    for name, due_at, started_at, ended_at, ok in rows:
        recorder.action(name, 1, due_at, started_at, ended_at, None if ok else "bad")
        window = max(math.floor((ended_at - 100.0) / 1.0), 0)
        times = (max(ended_at - started_at, 0.0), max(ended_at - due_at, 0.0))
        expected[window, name].append(times if ok else None)

    windows = recorder.seal().windows

    keys = list(zip(windows.window.tolist(), windows.name.tolist(), strict=True))
    assert keys == sorted(keys)
    labels = recorder.seal().names
    assert {(window, labels[name]) for window, name in keys} == set(expected)
    for row, (window, name) in enumerate(keys):
        ended = expected[window, labels[name]]
        good = [times for times in ended if times is not None]
        assert windows.count[row] == len(ended)
        assert windows.failed[row] == len(ended) - len(good)
        for column, histograms in enumerate((windows.service, windows.response)):
            values = [times[column] for times in good]
            assert histograms.size[row] == len(values)
            assert histograms.total[row] == pytest.approx(sum(values), abs=1e-9)
            assert histograms.maxima()[row] == pytest.approx(
                max(values, default=math.nan), abs=1e-9, nan_ok=True
            )


def test_rows_appended_by_threads_while_another_seals_are_in_one_chunk_each():
    """Four threads write 20,000 rows each; the seals between them lose and double none."""
    recorder = Recorder(node="local", started_at=0.0, wall_started_at=0.0)

    def write(thread: int) -> None:
        for number in range(20_000):
            recorder.action("echo", thread * 20_000 + number, 0.0, 0.0, 1.0)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    chunks = []
    while any(thread.is_alive() for thread in threads):
        chunks.append(recorder.seal())
    chunks.append(recorder.seal())

    ids = np.concatenate([chunk.actions["user_id"] for chunk in chunks])
    assert sorted(ids.tolist()) == list(range(80_000))
    assert sum(int(chunk.windows.count.sum()) for chunk in chunks) == 80_000


def test_taking_leaves_what_was_appended_in_between():
    rows = Rows("<d", [("value", "<f8")])
    rows.append(rows.pack(1.0))
    first = rows.take()
    rows.append(rows.pack(2.0))

    assert first["value"].tolist() == [1.0]  # and the array does not hold the buffer
    assert rows.take()["value"].tolist() == [2.0]
    assert rows.take()["value"].tolist() == []


def test_names_beyond_the_limit_share_one():
    recorder = Recorder(node="local", started_at=0.0, wall_started_at=0.0, name_limit=2)
    for number in range(5):
        recorder.action(f"page {number}", 0, 0.0, 0.0, 0.5)

    chunk = recorder.seal()
    assert chunk.names == (OTHER, "page 0", "page 1")
    assert chunk.windows.count.tolist() == [3, 1, 1]


def test_errors_are_kept_by_kind_with_one_traceback(recorder: Recorder):
    for at in (101.0, 103.0, 102.0):
        try:
            raise ValueError("no such room")
        except ValueError as error:
            recorder.action("join", 1, at, at, at, error)
    recorder.action("join", 1, 104.0, 104.0, 104.0, "not ok")

    chunk = recorder.seal()
    refused, other = chunk.errors
    assert chunk.kinds[refused.kind] == ("ValueError", "no such room")
    assert (refused.number, refused.first_at, refused.last_at) == (3, 1.0, 3.0)
    assert "raise ValueError" in chunk.tracebacks[refused.kind]
    assert chunk.kinds[other.kind] == ("failed", "not ok")
    assert other.kind not in chunk.tracebacks


def test_a_traceback_travels_once(recorder: Recorder):
    recorder.action("join", 1, 100.0, 100.0, 100.0, ValueError("x"))
    recorder.seal()
    recorder.action("join", 1, 100.0, 100.0, 100.0, ValueError("x"))

    chunk = recorder.seal()
    assert (len(chunk.errors), chunk.tracebacks) == (1, {})


def test_kinds_of_errors_and_their_messages_are_bounded():
    recorder = Recorder(node="local", started_at=0.0, wall_started_at=0.0, kind_limit=3)
    for letter in "abcdefghij":
        recorder.action("join", 1, 0.0, 0.0, 0.0, ValueError(f"{letter} " + "x" * 2000))

    chunk = recorder.seal()
    assert len(chunk.kinds) == 4
    assert {len(message) for _, message in chunk.kinds} == {0, 1000}
    assert chunk.errors[0].number == 7
    assert chunk.kinds[chunk.errors[0].kind] == (OTHER, "")


def test_an_error_that_cannot_say_what_it_is_is_recorded(recorder: Recorder):
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    recorder.action("join", 1, 100.0, 100.0, 100.0, MuteError())

    chunk = recorder.seal()
    assert chunk.kinds[chunk.errors[0].kind][0] == "MuteError"


def test_a_user_that_is_gone_is_a_row(recorder: Recorder):
    recorder.user_gone(3, "killed", "it stayed", 101.0, None, 104.0)
    recorder.user_gone(4, "finished", None, 101.0, 102.0, 105.0)

    chunk = recorder.seal()
    killed, finished = chunk.users
    assert chunk.outcomes[killed["outcome"]] == "killed"
    assert chunk.reasons[killed["reason"]] == "it stayed"
    assert math.isnan(killed["started_at"])
    assert (killed["admitted_at"], killed["ended_at"]) == (1.0, 4.0)
    assert finished["reason"] == -1


def test_dropped_users_are_a_range(recorder: Recorder):
    recorder.users_dropped(5, 9, 102.0, "stopped")

    assert recorder.seal().dropped == (Dropped(5, 9, 2.0, "stopped"),)


def test_counts_are_summed_by_window_and_name(recorder: Recorder, clock: _Clock):
    recorder.count("sent")
    recorder.count("sent", 4)
    recorder.count("lost", 0.5)
    clock.now = 102.5
    recorder.count("sent", 2)

    chunk = recorder.seal()
    rows = zip(*(column.tolist() for column in chunk.counters), strict=True)
    assert [(window, chunk.names[name], value) for window, name, value in rows] == [
        (0, "sent", 5.0),
        (0, "lost", 0.5),
        (2, "sent", 2.0),
    ]


def test_answers_are_counters_and_a_gauge_by_window(recorder: Recorder, clock: _Clock):
    start = recorder.started_at
    clock.now = start + 1.0
    recorder.count("http.status.200", 10)
    for status, received, at in ((200, 5, -0.5), (200, 7, 0.5), (404, 1, 0.9), (200, 9, 1.5)):
        recorder.answer(f"http.status.{status}", 2, received, received / 100, start + at)

    chunk = recorder.seal()

    rows = zip(*(column.tolist() for column in chunk.counters), strict=True)
    assert {(window, chunk.names[name]): value for window, name, value in rows} == {
        (0, "http.status.200"): 2.0, (0, "http.status.404"): 1.0,
        (0, "http.sent_bytes"): 6.0, (0, "http.received_bytes"): 13.0,
        (1, "http.status.200"): 11.0, (1, "http.sent_bytes"): 2.0, (1, "http.received_bytes"): 9.0,
    }  # fmt: skip
    gauges = chunk.gauges
    assert (gauges.window.tolist(), gauges.last.tolist()) == ([0, 1], [0.01, 0.09])
    assert (gauges.max.tolist(), gauges.size.tolist()) == ([0.07, 0.09], [3, 1])


def _asked(name: str, due_at: float, started_at: float) -> SimpleNamespace:
    return SimpleNamespace(name=name, due_at=due_at, started_at=started_at)


def test_a_request_in_one_row_is_an_action_and_an_answer(recorder: Recorder, clock: _Clock):
    start = recorder.started_at
    clock.now = start + 1.0
    look = _asked("look", start, start + 0.1)
    recorder.request(look, 200, 7, start + 0.35, start + 0.4, (50, 500))
    recorder.action("look", 8, start, start, start + 0.2)
    recorder.answer("http.status.200", 10, 20, 0.125, start + 0.2)
    # The first byte before the beginning: of an answer to a request that was begun again.
    buy = _asked("buy", start, start + 0.6)
    recorder.request(buy, 302, 7, start + 0.5, start + 0.7, (1, 2))

    chunk = recorder.seal()

    actions = chunk.actions
    assert [chunk.names[code] for code in actions["name"]] == ["look", "look", "buy"]
    assert actions["user_id"].tolist() == [8, 7, 7]
    assert actions["error"].tolist() == [-1, -1, -1]
    assert actions["due_at"].tolist() == [0.0, 0.0, 0.0]
    assert actions["started_at"] == pytest.approx([0.0, 0.1, 0.6])
    assert actions["ended_at"] == pytest.approx([0.2, 0.4, 0.7])
    rows = zip(*(column.tolist() for column in chunk.counters), strict=True)
    assert {chunk.names[name]: value for _, name, value in rows} == {
        "http.status.200": 2.0, "http.status.302": 1.0,
        "http.sent_bytes": 61.0, "http.received_bytes": 522.0,
    }  # fmt: skip
    gauges = chunk.gauges
    assert chunk.names[gauges.name[0]] == "http.first_byte_seconds"
    assert gauges.last.tolist() == [0.0]
    assert gauges.max == pytest.approx([0.25])
    assert gauges.sum == pytest.approx([0.375])
    assert gauges.size.tolist() == [3]


def test_a_question_in_one_row_is_an_action_and_a_message_that_came(
    recorder: Recorder, clock: _Clock
):
    start = recorder.started_at
    clock.now = start + 2.0
    recorder.ask(_asked("ask", start, start + 0.5), 7, start + 1.25)
    recorder.action("ask", 8, start, start, start + 0.25, "late")
    recorder.count_one("websocket.received", start + 0.125)
    recorder.ask(_asked(["odd"], start + 0.75, start + 0.75), 2**40, start + 0.875)

    chunk = recorder.seal()

    actions = chunk.actions
    assert [chunk.names[code] for code in actions["name"]] == ["ask", "['odd']", "ask"]
    assert actions["user_id"].tolist() == [8, 2**32 - 1, 7]
    assert (actions["error"] >= 0).tolist() == [True, False, False]
    assert actions["due_at"].tolist() == [0.0, 0.75, 0.0]
    assert actions["started_at"].tolist() == [0.0, 0.75, 0.5]
    assert actions["ended_at"].tolist() == [0.25, 0.875, 1.25]
    rows = zip(*(column.tolist() for column in chunk.counters), strict=True)
    assert {(window, chunk.names[name]): value for window, name, value in rows} == {
        (0, "websocket.received"): 2.0, (1, "websocket.received"): 1.0,
    }  # fmt: skip


def test_gauges_keep_last_extremes_and_what_makes_the_mean(recorder: Recorder):
    for value in (3.0, 9.0, -1.0, 5.0):
        recorder.gauge("depth", value)

    gauges = recorder.seal().gauges
    assert [column.tolist() for column in gauges[2:]] == [[5.0], [-1.0], [9.0], [16.0], [4]]


def test_a_throttle_sample_keeps_quantiles_of_the_lateness(recorder: Recorder):
    lateness = [number / 1000 for number in range(100, 0, -1)]
    recorder.throttle(
        101.0,
        "messages",
        {
            "rate": 6000.0,
            "interval": 60.0,
            "requested": 120,
            "granted": 100,
            "waiting": 20,
            "lateness": lateness,
        },
    )

    (sample,) = recorder.seal().samples["throttles"]
    assert (sample.at, sample.name) == (1.0, "messages")
    assert sample.values == {
        "rate": 6000.0,
        "interval": 60.0,
        "requested": 120,
        "granted": 100,
        "waiting": 20,
        "lateness_p50": 0.05,
        "lateness_p99": 0.099,
    }


def test_a_throttle_without_a_rate_has_none(recorder: Recorder):
    recorder.throttle(101.0, "doors", {"rate": None, "requested": 1, "granted": 1, "waiting": 0})

    (sample,) = recorder.seal().samples["throttles"]
    assert "rate" not in sample.values
    assert math.isnan(sample.values["lateness_p50"])


def test_health_keeps_quantiles_of_the_lag(recorder: Recorder):
    recorder.health(101.0, [0.3, 0.1, 0.2], 0.5, 1e8, saturated=True)

    (sample,) = recorder.seal().samples["health"]
    assert sample.at == 1.0
    assert sample.values == {
        "loop_lag_p50": 0.2,
        "loop_lag_p99": 0.3,
        "loop_lag_max": 0.3,
        "cpu": 0.5,
        "rss": 1e8,
        "saturated": True,
        "reason": "",
    }


def test_health_has_vitals_and_a_reason_where_somebody_knows_them(recorder: Recorder):
    recorder.health(
        101.0, [], 0.5, 1e8, saturated=True, reason="open files", vitals={"open_files": 1000.0}
    )

    (sample,) = recorder.seal().samples["health"]
    assert (sample.values["reason"], sample.values["open_files"]) == ("open files", 1000.0)


def test_an_event_is_kept_without_holding_on_to_objects(recorder: Recorder):
    event = Event("amoc.run.state", 101.0, 1.7e9, "local", "r1", {}, {"from": object()})
    recorder.event(event)

    (kept,) = recorder.seal().events
    assert kept.at == 1.0
    assert str(kept.metadata["from"]).startswith("<object object")


def test_events_beyond_the_bound_are_dropped_and_counted():
    recorder = Recorder(node="local", started_at=0.0, wall_started_at=0.0, event_limit=3)
    event = Event("amoc.run.state", 1.0, 1.0, "local", "r1", {}, {})
    dropped = []
    for number in (5, 2, 4):
        for _ in range(number):
            recorder.event(event)
        dropped.append(recorder.seal().events_dropped)

    assert dropped == [2, 0, 1]


def test_changes_and_population_are_kept_as_they_are(recorder: Recorder):
    recorder.change(101.0, "session", "pace", 1.0, 0.5)
    recorder.population(102.0, 5, 10, 1)

    chunk = recorder.seal()
    assert chunk.changes == ((1.0, "session", "pace", 1.0, 0.5),)
    assert chunk.samples == {
        "population": ((2.0, "", {"waiting": 5, "running": 10, "leaving": 1}),)
    }


def test_a_chunk_can_be_pickled(recorder: Recorder):
    recorder.action("echo", 7, 100.5, 101.0, 101.25, ValueError("x"))
    recorder.event(Event("amoc.run.state", 1.0, 1.0, "local", "r1", {}, {"from": object()}))
    chunk = recorder.seal()

    copy = pickle.loads(pickle.dumps(chunk))

    assert (copy.actions == chunk.actions).all()
    assert copy.events == chunk.events
