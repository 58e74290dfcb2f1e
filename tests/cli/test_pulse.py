"""A run that is kept in a directory says once a second how it stands."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from murmur._cli._pulse import Pulse, pulse_in
from murmur._session import IDLE, PULSE, write_pulse


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    made = tmp_path / "runs" / "first"
    made.mkdir(parents=True)
    write_pulse(made, IDLE)
    return made


def say(directory: Path, state: str, *, ago: float = 0.0) -> None:
    """Let the run in a directory say how it stands, some seconds ago."""
    path = directory / PULSE
    facts = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(facts | {"state": state}), "utf-8")
    os.utime(path, (time.time() - ago,) * 2)


def test_a_run_is_found_by_its_directory_and_by_the_one_above(run_directory: Path) -> None:
    for place in (run_directory, run_directory.parent):
        found = pulse_in(place)
        assert found is not None
        assert found.directory == run_directory


def test_a_run_of_the_command_line_is_found_beside_where_it_will_be(tmp_path: Path) -> None:
    kept = tmp_path / "out.unfinished" / "first"
    kept.mkdir(parents=True)
    write_pulse(kept, IDLE)

    found = pulse_in(tmp_path / "out")
    assert found is not None
    assert found.directory == kept


@pytest.mark.parametrize(
    ("state", "ago", "well", "silent"),
    [
        ("running", 1.0, True, False),
        ("running", 30.0, False, True),  # killed, or stuck: the last word was a good one
        ("terminating", 30.0, False, True),
        ("finished", 3600.0, True, False),
        ("failed", 1.0, False, False),
        ("running", -1.0, True, False),  # clocks differ a little
        ("running", -3600.0, False, True),  # it would look new for an hour, dead or not
        ("dancing", 1.0, False, False),  # of another version: nobody knows whether that is good
    ],
)
def test_a_good_word_counts_as_long_as_it_is_new(
    run_directory: Path, state: str, ago: float, well: bool, silent: bool
) -> None:
    say(run_directory, state, ago=ago)
    pulse = Pulse.read(run_directory / PULSE)

    assert pulse.is_well(within=10) is well
    assert pulse.is_silent(within=10) is silent


def test_the_newest_of_several_counts(run_directory: Path) -> None:
    other = run_directory.with_name("second")
    other.mkdir()
    write_pulse(other, IDLE)
    say(run_directory, "failed", ago=60)

    found = pulse_in(run_directory.parent)
    assert found is not None
    assert found.directory == other


def test_what_is_no_pulse_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / PULSE).write_text('{"state": "running"}', "utf-8")

    assert pulse_in(tmp_path) is None
    assert pulse_in(tmp_path / "nowhere") is None


def test_it_may_be_read_by_its_owner_alone(run_directory: Path) -> None:
    assert (run_directory / PULSE).stat().st_mode & 0o777 == 0o600
