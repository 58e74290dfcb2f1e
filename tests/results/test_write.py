"""Files of results go through links and into devices, are whole, and their owner's only."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pandas as pd
import pytest

from murmur.results.archive import write_frame, write_text


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "report.html", "text")

    assert (tmp_path / "deep" / "report.html").read_text() == "text"
    assert (tmp_path / "deep" / "report.html").stat().st_mode & 0o777 == 0o600


def test_what_a_link_points_to_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)

    write_text(link, "new")

    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()

    write_text(pipe, "through")
    reader.join(60)

    assert read == ["through"]
    assert pipe.is_fifo()


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()

    with pytest.raises(OSError, match="directory"):
        write_text(tmp_path / "there", "text")

    assert [file.name for file in tmp_path.iterdir()] == ["there"]


def test_text_is_no_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"name": ["=1+1", "+1", "-1", "@x", "plain", None], "count": [-1, 2, 3, 4, 5, 6]}
    )
    frame["kind"] = frame["name"].astype("category")

    write_frame(frame, tmp_path / "names.csv")

    found = pd.read_csv(tmp_path / "names.csv")
    assert found["name"].tolist()[:5] == ["'=1+1", "'+1", "'-1", "'@x", "plain"]
    assert found["kind"].tolist()[:2] == ["'=1+1", "'+1"]
    assert pd.isna(found["name"][5])
    assert found["count"].tolist() == frame["count"].tolist()
