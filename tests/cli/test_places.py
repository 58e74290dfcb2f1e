"""What would fail at the end of a run is found before it starts."""

from __future__ import annotations

from pathlib import Path

from murmur._cli import Places


def found(**given: object) -> list[str]:
    return list(Places.of(given).problems())


def test_new_places_are_fine(tmp_path: Path):
    assert found(out=tmp_path / "new/run", report=tmp_path / "r.html", junit="j.xml") == []
    assert found() == []


def test_an_empty_directory_is_fine(tmp_path: Path):
    assert found(out=tmp_path) == []


def test_a_directory_with_something_else_is_refused(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")

    assert "something else" in found(out=tmp_path, overwrite=True)[0]


def test_a_run_is_replaced_only_on_demand(tmp_path: Path):
    (tmp_path / "manifest.json").write_text("{}")

    assert "add --overwrite" in found(out=tmp_path)[0]
    assert found(out=tmp_path, overwrite=True) == []


def test_a_file_is_no_directory_and_the_other_way_round(tmp_path: Path):
    (tmp_path / "file").write_text("")

    assert "that is a file" in found(out=tmp_path / "file")[0]
    assert "that is a directory" in found(report=tmp_path)[0]
    assert "that is a directory" in found(junit=tmp_path)[0]
