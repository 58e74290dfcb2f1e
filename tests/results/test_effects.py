"""What a live change did is told with an interval, or is too short to tell."""

import numpy as np
import pytest

from murmur.recording import RunRecord
from murmur.results import Results
from murmur.results._effects import effect_lines, told_effects
from murmur.telemetry import Recorder


def run_with(*, changes=(40.0,), seconds=80, slow_from=40, rate=30):
    """Return a run whose action takes twice as long from a second on."""
    random = np.random.default_rng(1)
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for at in range(seconds):
        mean = 0.1 if at < slow_from else 0.2
        for took in mean * random.uniform(0.8, 1.2, rate):
            recorder.action("order", 1, at, at, at + took)
    for at in changes:
        recorder.change(at + 0.5, "session", "pace", 1.0, 0.5)
    record = RunRecord("r", 0.0, 0.0)
    record.add(recorder.seal())
    record.reach(float(seconds))
    return Results(record)


def of(frame, statistic):
    return frame[frame["statistic"] == statistic].iloc[0]


def test_a_change_that_doubled_the_times_says_so():
    frame = run_with(slow_from=41).effects

    row = of(frame, "response_p50")
    assert (row["what"], row["old"], row["new"], row["at"]) == ("pace", "1.0", "0.5", 40.5)
    assert row["before"] == pytest.approx(0.1, rel=0.05)
    assert row["after"] == pytest.approx(0.2, rel=0.05)
    assert row["ratio_low"] < 2.0 < row["ratio_high"]
    assert row["outcome"] == "higher"
    assert of(frame, "rate")["outcome"] == "unclear"


def test_a_change_that_did_nothing_is_not_called_different():
    frame = run_with(slow_from=1000).effects

    assert set(frame["outcome"]) == {"unclear"}
    assert len(frame) == 4


@pytest.mark.parametrize("at", [0.0, 76.0, 79.0])
def test_few_windows_on_a_side_are_too_short_to_tell(at):
    frame = run_with(changes=(at,)).effects

    times = frame[frame["statistic"] != "failed"]
    assert set(times["outcome"]) == {"too short to tell"}
    assert times["ratio_low"].isna().all()


def test_a_neighbouring_change_ends_what_is_looked_at():
    """The second change alone made it slow: before it, nothing of that counts to the first."""
    frame = run_with(changes=(15.0, 40.0), slow_from=41).effects

    first, second = (frame[frame["at"] == at] for at in (15.5, 40.5))
    assert of(first, "response_p50")["outcome"] == "unclear"
    assert of(second, "response_p50")["outcome"] == "higher"


def test_changes_in_one_window_are_one_cause():
    frame = run_with(changes=(40.0, 40.2), slow_from=41).effects

    medians = frame[frame["statistic"] == "response_p50"]
    assert medians["at"].tolist() == [40.5, 40.7]
    assert medians["ratio"].nunique() == 1


def test_a_run_without_changes_has_no_effects():
    frame = run_with(changes=()).effects

    assert frame.empty
    assert list(frame)[:4] == ["at", "what", "old", "new"]


def test_the_report_says_what_a_change_did(tmp_path):
    page = run_with(slow_from=41).report(tmp_path / "r.html").read_text()

    assert "40 s, pace → 0.5: order p50 +" in page


def run_of_part(begin, end, *, rate=30, changes=(40.5,)):
    """Return a run whose "order" only ends from one second to another; "look" always does."""
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for at in range(80):
        for part in range(rate):
            recorder.action("look", 1, at, at, at + (part + 0.5) / rate)
            if begin <= at < end:
                recorder.action("order", 1, at, at, at + (part + 0.5) / rate)
    for at in changes:
        recorder.change(at, "session", "pace", 1.0, 0.5)
    record = RunRecord("r", 0.0, 0.0)
    record.add(recorder.seal())
    record.reach(80.0)
    return Results(record)


@pytest.mark.parametrize(
    ("begin", "end", "word"), [(0, 40, "stopped"), (41, 80, "started"), (0, 80, "unclear")]
)
def test_an_action_that_stops_or_starts_at_a_change_says_so(begin, end, word):
    frame = run_of_part(begin, end).effects

    rates = frame[frame["statistic"] == "rate"].set_index("name")
    assert rates.loc["order", "outcome"] == word
    assert rates.loc["look", "outcome"] == "unclear"
    told = "no difference beyond chance" if word == "unclear" else word
    assert any(line.endswith(f"order {told}") for line in effect_lines(frame))


def test_what_is_the_same_of_all_actions_is_said_once():
    both = told_effects(run_of_part(0, 80).effects)
    one = told_effects(run_of_part(0, 40).effects)

    assert set(both.values()) == {"no difference beyond chance"}
    assert set(one.values()) == {"order stopped; the others: no difference beyond chance"}


def test_a_few_that_did_not_come_are_no_stop():
    frame = run_of_part(0, 41, rate=2, changes=(40.5, 44.5)).effects

    found = frame[(frame["name"] == "order") & (frame["statistic"] == "rate")]
    assert set(found["outcome"]) == {"too short to tell"}  # six would come in three seconds
