"""`murmur replay` does a saved run again, says what is not as it was, and judges it."""

from __future__ import annotations

from pathlib import Path

import pytest

import murmur
from murmur._cli import main


@pytest.fixture
def kept(scenario: Path, tmp_path: Path) -> str:
    """Return the archive of a run of one second, with two users and a third that was added."""
    with murmur.Session() as session:
        run = session.do(str(scenario), 2, pace=0.05, seed=3, user_rate=6000, duration=1.0)
        session.add(1)
        run.wait(timeout=60)
        return str(run.results.save(tmp_path / "kept"))


def test_a_run_is_done_again_with_its_changes(kept, tmp_path, capsys):
    again = tmp_path / "again"

    options = ["--set", "token=x", "--out", str(again), "--check", "count(nap) > 5"]
    assert main(["replay", kept, *options]) in (0, 3)  # 3: this machine is busy with other things
    out, err = capsys.readouterr()
    assert "count(nap) > 5" in out
    assert "settings" not in err
    assert "plan" not in err
    results = murmur.load(again)
    assert results.manifest["seed"] == 3
    assert len(results.users) == 3
    assert [call["verb"] for call in results.manifest["calls"]] == ["add"]


def test_what_is_set_otherwise_is_told_and_checks_are_the_exit_code(kept, capsys):
    options = ["--set", "token=x", "--set", "pace=0.2", "--check", "p50(nap) < 100ms"]
    assert main(["replay", kept, *options]) in (1, 3)  # 3: this machine is busy with other things
    assert "note: settings pace differs: 0.05, then 0.2" in capsys.readouterr().err


def test_what_would_lose_the_run_at_its_end_is_refused_before(kept, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("murmur._cli._replay._done_again", lambda *_: pytest.fail("it was done"))
    junk = tmp_path / "junk"
    junk.mkdir()
    (junk / "letter").touch()

    assert main(["replay", kept, "--out", kept, "--check", "p99(nap < 1s"]) == 2
    said = capsys.readouterr().err
    assert "it holds a run already; choose another, or add --overwrite" in said
    assert "--check" in said
    assert main(["replay", kept, "--out", str(junk)]) == 2
    assert main(["replay", kept, "--html", str(junk)]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "pace"], "NAME=VALUE"),
        (["--set", "pase=1"], "pase"),
        (["--scenario", "nowhere.py"], "nowhere.py"),
    ],
)
def test_what_makes_no_sense_is_refused(kept, capsys, arguments, said):
    assert main(["replay", kept, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_what_is_no_archive_is_refused(tmp_path, capsys):
    assert main(["replay", str(tmp_path)]) == 2
