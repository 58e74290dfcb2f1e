"""A session with a directory: what is there after an end in order, and after none at all."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from traitlets import Unicode

import murmur
from murmur.errors import ArchiveError, CallbackError, RunStateError
from murmur.results import FRAMES

SCRIPT = """
import math, sys, time, murmur

class Steady(murmur.Scenario):
    '''Users act twenty times a second; every fifth is gone after its fifth action.'''
    async def start(self, user):
        number = 0
        while not user.leaving.is_set():
            number += 1
            user.record("act", 0.001 * user.id)
            user.count("acts")
            await user.sleep(0.05)
            if user.id % 5 == 0 and number == 5:
                return

session = murmur.Session(directory=sys.argv[1])
run = session.do(Steady, 20, user_rate=math.inf)
print(run.directory, flush=True)
while True:
    print(time.time(), run.results.actions.shape[0], flush=True)
    time.sleep(0.25)
"""


class Brief(murmur.Scenario):
    """Users act once and go."""

    token = Unicode("", help="a secret").tag(secret=True)

    async def start(self, user: murmur.User) -> None:
        with user.timer("act"):
            await user.sleep(0.01)


class Broken(murmur.Scenario):
    """No user ever starts."""

    async def init(self) -> None:
        raise RuntimeError("no database")

    async def start(self, user: murmur.User) -> None:
        """Never called."""


def _run_until_killed(directory: Path, seconds: float) -> tuple[Path, float, int]:
    """Run the script and kill it; return its run directory, when, and the actions it knew."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(directory)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        path = Path(process.stdout.readline().strip())
        began, known = None, 0
        while began is None or time.time() - began < seconds:
            _, actions = process.stdout.readline().split()
            began = began or time.time()
            known = int(actions)
        os.kill(process.pid, signal.SIGKILL)
        killed_at = time.time()
    return path, killed_at, known


@pytest.mark.slow
def test_a_process_that_is_killed_loses_two_seconds_at_most(tmp_path: Path) -> None:
    for _ in range(4):  # a busy machine may hold up a process for as long
        path, killed_at, known = _run_until_killed(tmp_path, seconds=3.5)
        loaded = murmur.load(path)
        began_at = pd.Timestamp(loaded.source.facts()["wall_started_at"]).timestamp()
        actions = loaded.actions
        last = began_at + (actions["started_at"] + actions["service_time"]).max()
        if killed_at - last < 2.0:
            break

    assert killed_at - last < 2.0
    assert len(loaded.actions) >= known - 2 * 20 * 20
    users = loaded.users
    assert users["user_id"].tolist() == list(range(1, 21))
    assert users["outcome"].notna().tolist() == [user % 5 == 0 for user in range(1, 21)]
    assert users["admitted_at"].notna().all()
    assert loaded.windows["count"].sum() == len(loaded.actions)
    assert loaded.counters["value"].sum() == len(loaded.actions)
    assert loaded.population["running"].iloc[-1] == 16
    assert loaded.nodes["host"].ne("").all()
    assert loaded.verdict.state != "valid"


def test_a_run_that_ended_in_order_left_an_archive_with_its_own_frames(tmp_path: Path) -> None:
    with murmur.Session(directory=tmp_path / "runs") as session:
        run = session.do(Brief, 20, user_rate=math.inf, end_when_idle=True, token="tell-no-one")
        run.wait(timeout=60)
        assert run.directory is not None
        loaded = murmur.load(run.directory)
        for name in FRAMES:
            pd.testing.assert_frame_equal(getattr(loaded, name), getattr(run.results, name))

    assert not (run.directory / "journal").exists()
    manifest = json.loads((run.directory / "manifest.json").read_text())
    assert manifest["run_id"] == run.id
    assert "class Brief" in manifest["scenario"]["source"]
    written = b"".join(file.read_bytes() for file in run.directory.iterdir())
    assert b"tell-no-one" not in written


def test_secrets_are_not_in_the_journal_either(tmp_path: Path) -> None:
    with murmur.Session(directory=tmp_path) as session:
        run = session.do(Brief, 1, token="tell-no-one")
        assert run.directory is not None
        from murmur.results.archive import entries

        assert "tell-no-one" not in repr(list(entries(run.directory)))


def test_a_directory_that_cannot_be_written_stops_a_run_before_it_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with murmur.Session(directory=tmp_path / "file") as session:
        with pytest.raises(ArchiveError, match="cannot be made"):
            session.do(Brief, 1)

        assert session.run is None


def test_a_run_that_is_refused_leaves_no_directory(tmp_path: Path) -> None:
    with murmur.Session(directory=tmp_path) as session:
        session.do(Brief, 1, user_rate=0)
        with pytest.raises(RunStateError):
            session.do(Brief, 1)

        assert len(list(tmp_path.iterdir())) == 1


def test_a_run_that_failed_in_init_is_archived(tmp_path: Path) -> None:
    with murmur.Session(directory=tmp_path) as session, pytest.raises(CallbackError):
        session.do(Broken, 1)

    (path,) = tmp_path.iterdir()
    assert murmur.load(path).summary().scenario == "Broken"
