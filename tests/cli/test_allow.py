"""Every command that lets users loose on a target takes the hosts that are allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

import murmur
from murmur._cli import main

KNOCK = """
import murmur

class Knock(murmur.Scenario):
    '''Users knock at a host.'''

    async def start(self, user):
        with user.timer("knock"):
            await murmur.connect_json(user, "localhost", 9)
"""
QUIET = ("--progress", "none")


@pytest.fixture(autouse=True)
def knock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("knock.py").write_text(KNOCK, encoding="utf-8")


def test_an_empty_list_in_a_file_allows_nothing(capsys):
    Path("run.toml").write_text('scenario = "knock.py"\nusers = 1\nallow = []\n', encoding="utf-8")

    main(["run", "--config", "run.toml", *QUIET])
    assert "'localhost' is not an allowed target" in capsys.readouterr().out


def test_what_can_be_no_host_is_refused_with_all_other_problems(capsys):
    assert main(["run", "knock.py", "--allow", "localhost:9", "-d", "soon", *QUIET]) == 2
    said = capsys.readouterr().err
    assert "allow='localhost:9': give the host without a port" in said
    assert "--duration" in said


def test_a_run_is_done_again_within_bounds(tmp_path, capsys):
    with murmur.Session(allow=["127.0.0.1"]) as session:
        run = session.do("knock.py", 1, end_when_idle=True)
        run.wait(timeout=60)
        run.results.save(tmp_path / "kept")

    main(["replay", "kept", "--allow", "127.0.0.0/8"])
    said = capsys.readouterr().out
    assert "'localhost' is not an allowed target; Session(allow=...) allows 127.0.0.0/8" in said


def test_a_search_stays_within_bounds(capsys):
    check = ("--check", "failed < 1%", "--confirm", "1", "--hold", "1s", "--warm-up", "0s")

    assert main(["capacity", "knock.py", *check, "--allow", "127.0.0.1"]) in (1, 3)
    assert "'localhost' is not an allowed target" in capsys.readouterr().err
