"""``murmur status`` says how a run stands, and exits as a health check wants it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import murmur
from murmur._cli import main


class Steady(murmur.Scenario):
    """Users stay."""

    async def start(self, user: murmur.User) -> None:
        await user.leaving.wait()


@pytest.fixture
def session(tmp_path: Path):
    with murmur.Session(directory=tmp_path / "runs") as session:
        yield session


def ended(session: murmur.Session, users: int) -> murmur.Run:
    """Return a run that was stopped, and is over."""
    run = session.do(Steady, users, user_rate=math.inf)
    run.stop()
    run.wait(timeout=60)
    return run


def answer(capsys, *arguments: str) -> tuple[int, str]:
    code = main(["status", *arguments])
    return code, capsys.readouterr().out


def test_a_run_is_on_and_then_over(session, tmp_path: Path, capsys):
    run = session.do(Steady, 7, user_rate=math.inf)
    deadline = time.monotonic() + 60
    while "7 running" not in (told := answer(capsys, str(tmp_path / "runs")))[1]:
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    assert told[0] == 0
    assert told[1].startswith("running Steady: 0 waiting, 7 running")

    run.stop()
    run.wait(timeout=60)
    code, text = answer(capsys, str(tmp_path / "runs"))
    assert code == 0
    assert text.startswith("finished Steady: 0 waiting, 0 running, 0 leaving, 7 gone")


def test_a_run_that_says_nothing_any_more_is_not_well(session, tmp_path: Path, capsys):
    run = ended(session, 1)
    path = run.directory / "status.json"
    path.write_text(path.read_text("utf-8").replace("finished", "running"), "utf-8")
    os.utime(path, (time.time() - 60,) * 2)

    code, text = answer(capsys, str(run.directory))
    assert code == 1
    assert "nothing was heard of it for 60 s: its process is gone or stuck" in text
    assert answer(capsys, str(run.directory), "--within", "120")[0] == 0


def test_what_comes_from_the_future_is_not_well(session, tmp_path: Path, capsys):
    run = ended(session, 1)
    path = run.directory / "status.json"
    path.write_text(path.read_text("utf-8").replace("finished", "running"), "utf-8")
    os.utime(path, (time.time() + 3600,) * 2)

    code, text = answer(capsys, str(run.directory))
    assert code == 1
    assert "s in the future: set the clocks" in text


def test_nothing_there_is_not_well(tmp_path: Path, capsys):
    code, text = answer(capsys, str(tmp_path))
    assert (code, text) == (1, f"no run in {tmp_path}\n")
    assert json.loads(answer(capsys, str(tmp_path), "--json")[1])["well"] is False


def test_an_archive_is_a_run_that_is_over(session, tmp_path: Path, capsys):
    run = ended(session, 2)
    run.results.save(tmp_path / "kept")

    code, text = answer(capsys, str(tmp_path / "kept"))
    assert code == 0
    assert text.startswith("finished Steady: 2 gone")


def test_programs_get_one_object(session, tmp_path: Path, capsys):
    run = ended(session, 3)
    told = json.loads(answer(capsys, str(tmp_path / "runs"), "--json")[1])

    assert told["state"] == "finished"
    assert told["users"] == {"waiting": 0, "running": 0, "leaving": 0, "gone": 3}
    assert (told["well"], told["silent"]) == (True, False)
    assert told["run_id"] == run.id


def test_asking_imports_nothing_of_the_engine():
    """It is asked every few seconds, beside a run that needs the processor."""
    probe = (
        "import sys; from murmur._cli import main; main(['status', 'nowhere']); "
        "print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    for heavy in ("numpy", "pandas", "anyio", "asyncio", "traitlets", "murmur._session"):
        assert f"'{heavy}'" not in done.stdout
