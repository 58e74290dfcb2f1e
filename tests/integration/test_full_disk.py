"""A disk that is really full: a small file system of its own, where that may be mounted."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import murmur
from murmur._cli import main
from murmur.errors import ArchiveError, WriteError
from murmur.results.archive import write_text

from .cluster.conftest import wait_for

SIZE = "512k"


class Busy(murmur.Scenario):
    """Users act and say something that does not compress."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("act"):
                await user.sleep(0.005)
            user.gauge(f"g{user.random.randrange(50)}", user.random.random())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a directory on a file system with little room."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "murmur-test", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"nothing may be mounted here: {error}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill_up(disk: Path) -> Path:
    """Leave no room; return the file that takes it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def files(disk: Path) -> set[str]:
    return {str(file.relative_to(disk)) for file in disk.rglob("*") if file.is_file()}


def test_a_full_disk_is_told_harms_no_run_and_is_written_again(disk: Path) -> None:
    def problems() -> str:
        return " ".join(session.status().problems)

    with murmur.Session(directory=disk / "runs") as session:
        run = session.do(Busy, 20, user_rate=math.inf)
        wait_for(lambda: len(run.results.actions) > 100)
        ballast = fill_up(disk)
        wait_for(lambda: "cannot be written ([Errno 28]" in problems())
        assert session.status().users["running"] == 20
        ballast.unlink()
        wait_for(lambda: "is written again" in problems())
        session.stop()
        last = run.wait(60)

    assert last.problems == ()  # the archive that takes the journal's place is whole
    assert murmur.load(run.directory).actions.shape == run.results.actions.shape
    assert not [name for name in files(disk) if ".part" in name or "journal" in name]


def test_an_archive_without_room_stays_a_journal_and_says_so(disk: Path, tmp_path: Path) -> None:
    with murmur.Session(directory=disk / "runs") as session:
        run = session.do(Busy, 20, user_rate=math.inf)
        wait_for(lambda: len(run.results.actions) > 100)
        ballast = fill_up(disk)
        session.stop()
        last = run.wait(60)

    assert "stays a journal" in " ".join(last.problems)
    kept = {Path(name).name for name in files(disk) - {"ballast"}}
    assert kept - {"status.json"} == {"000001.log"}
    ballast.unlink()
    assert len(murmur.load(run.directory).actions) > 0
    saved = run.results.save(tmp_path / "saved")
    assert len(murmur.load(saved).actions) == len(run.results.actions)


def test_a_run_is_refused_where_not_even_its_directory_finds_room(disk: Path) -> None:
    fill_up(disk)
    with murmur.Session(directory=disk / "deep" / "runs") as session:
        with pytest.raises(ArchiveError, match="No space left"):
            session.do(Busy, 1)
        assert session.run is None

    assert files(disk) == {"ballast"}
    assert [each.name for each in disk.iterdir()] == ["ballast"]


def test_what_is_written_afterwards_is_refused_in_a_sentence(
    disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with murmur.Session() as session:
        run = session.do(Busy, 5, user_rate=math.inf, duration=0.5)
        run.wait(60)
    saved = run.results.save(tmp_path / "saved")
    fill_up(disk)

    for write in (run.results.save, run.results.to_csv):
        with pytest.raises(WriteError, match=r"out.* cannot be written \(No space left"):
            write(disk / "out")
    asked = ["--junit", "--csv"]
    given = [word for name in asked for word in (name, str(disk / name[2:]))]
    main(["report", str(saved), *given])
    told = "".join(capsys.readouterr())
    assert told.count("could not be written: ") == len(asked)
    assert "Traceback" not in told
    assert files(disk) == {"ballast"}
    assert [each.name for each in disk.iterdir()] == ["ballast"]


def test_a_device_that_is_full_is_refused_in_a_sentence_too() -> None:
    with pytest.raises(WriteError, match="No space left"):
        write_text(Path("/dev/full"), "text")

    assert Path("/dev/full").is_char_device()
