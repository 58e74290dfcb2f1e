"""What would fail at the end of a run is found before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from murmur._cli import main


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Ask for a run of no scenario with these options; return what is wrong with the places."""
    monkeypatch.chdir(tmp_path)

    def ask(*options: object) -> list[str]:
        assert main(["run", "nowhere.py", *map(str, options)]) == 2
        told = capsys.readouterr().err
        return [line for line in told.splitlines() if "nowhere.py" not in line and "--" in line]

    return ask


def test_new_places_are_fine(refused, tmp_path: Path):
    assert refused("--out", tmp_path / "new/run", "--report", tmp_path / "r.html") == []
    assert refused("--junit", tmp_path / "j.xml") == []


def test_an_empty_directory_is_fine(refused, tmp_path: Path):
    assert refused("--out", tmp_path) == []


def test_a_directory_with_something_else_is_refused(refused, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")

    assert "something else" in refused("--out", tmp_path, "--overwrite")[0]


def test_a_run_is_replaced_only_on_demand(refused, tmp_path: Path):
    (tmp_path / "manifest.json").write_text("{}")

    assert "add --overwrite" in refused("--out", tmp_path)[0]
    assert refused("--out", tmp_path, "--overwrite") == []


def test_a_file_is_no_directory_and_the_other_way_round(refused, tmp_path: Path):
    (tmp_path / "file").write_text("")

    assert "that is a file" in refused("--out", tmp_path / "file")[0]
    assert "that is a directory" in refused("--report", tmp_path)[0]
    assert "that is a directory" in refused("--junit", tmp_path)[0]
