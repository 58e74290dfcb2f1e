"""A run directory holds what the run knows, second by second, and is an archive at its end."""

from __future__ import annotations

import logging
import os
import shutil
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

import murmur
from murmur.errors import ArchiveError
from murmur.recording import RunRecord
from murmur.results import FRAMES, Results, RunDirectory
from murmur.results.archive import JournalWriter, entries, whole_file
from murmur.telemetry import Event, Recorder

STARTED_AT = 100.0


@pytest.fixture
def record() -> RunRecord:
    return RunRecord("r1", STARTED_AT, 1.7e9 + 0.123456789, {"port": 1, "where": Path("x")}, seed=7)


@pytest.fixture
def directory(tmp_path: Path, record: RunRecord) -> Iterator[RunDirectory]:
    directory = RunDirectory(tmp_path / "runs", record, "Chat")
    record.relay.attach(directory)
    yield directory
    directory.close()


def _play(record: RunRecord, seconds: int = 3, *, each: int = 10) -> None:
    """Let two nodes measure something of every kind, and lose one of them."""
    nodes = [
        Recorder(node=name, started_at=STARTED_AT, wall_started_at=1.7e9, now=lambda: 100.5)
        for name in ("n1", "n2")
    ]
    record.note_node("n1", host="here", pid=7, joined_at=90.0)
    for second in range(seconds):
        at = STARTED_AT + second
        for node in nodes:
            for place in range(each):
                error = TimeoutError("5 s") if place == 3 else None
                node.action("echo", place, at, at + 0.01 * place, at + 0.02 * place, error)
            node.user_gone(second + 1, "finished", None, at, at, at + 0.5)
            node.users_dropped(50 + second, 50 + second, at, "stopped")
            node.count("messages", second)
            node.gauge("depth", second)
            node.population(at, 1, 2, 3)
            node.health(at + 1, [0.001], 0.5, 1e8, saturated=False)
            node.throttle(at + 1, "logins", {"rate": float("inf"), "requested": 3, "granted": 1})
            node.change(at, "panel", "pace", 1.0, {"a": [1, None]})
            node.event(Event("amoc.run.state", at, 1.7e9, node.node, "r1", {"count": 1}, {"to": 2}))
            record.add(node.seal())
            record.set_present(node.node, [20 + second], [at], [at], waiting=[(30, 31)])
    record.lose("n2", at=STARTED_AT + seconds)


def _assert_equal(one: Results, other: Results) -> None:
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), obj=name)


def test_a_run_that_was_cut_off_has_the_frames_that_the_run_had(
    record: RunRecord, directory: RunDirectory
) -> None:
    record.note_load(STARTED_AT + 0.5)
    _play(record)
    loaded = murmur.load(directory.path)

    _assert_equal(loaded, Results(record))
    assert loaded.manifest["load_at"] == 0.5
    assert loaded.summary().scenario == "Chat"
    assert loaded.summary().seed == 7
    assert loaded.summary().actions == Results(record).summary().actions
    assert loaded.verdict.state == "invalid"  # three of eleven users were lost with n2
    assert "cut off, or is still on; what came after 3 s is not known" in str(loaded.verdict)


def test_what_was_cut_off_can_be_saved_and_reported_as_any_run(
    record: RunRecord, directory: RunDirectory, tmp_path: Path
) -> None:
    _play(record)
    loaded = murmur.load(directory.path)
    again = murmur.load(loaded.save(tmp_path / "saved"))

    _assert_equal(again, loaded)
    assert again.verdict == loaded.verdict
    assert loaded.report(tmp_path / "r.html").exists()


def test_at_its_end_it_is_an_archive_and_nothing_else(
    record: RunRecord, directory: RunDirectory
) -> None:
    _play(record)
    record.relay.end(record)
    loaded = murmur.load(directory.path)

    assert {file.suffix for file in directory.path.iterdir()} == {".parquet", ".json"}
    _assert_equal(loaded, Results(record))
    assert len(record.relay) == 0


def test_another_run_of_the_session_is_not_its_business(
    record: RunRecord, directory: RunDirectory
) -> None:
    other = RunRecord("r2", STARTED_AT, 1.7e9)
    other.relay = record.relay
    _play(other)
    other.relay.end(other)

    assert murmur.load(directory.path).actions.empty


def _cut(segment: Path, change: Callable[[bytes], bytes]) -> None:
    segment.write_bytes(change(segment.read_bytes()))


@pytest.mark.parametrize("missing", [1, 5, 9, 200])
def test_half_an_entry_at_the_end_is_left_out(
    record: RunRecord, directory: RunDirectory, missing: int
) -> None:
    _play(record)
    whole = len(list(entries(directory.path)))
    _cut(directory.path / "journal" / "000001.log", lambda data: data[:-missing])

    assert len(list(entries(directory.path))) < whole
    assert len(murmur.load(directory.path).actions) == 60


@pytest.mark.parametrize("zeros", [3, 8, 64, 5000])
def test_zeros_at_the_end_are_its_end(
    record: RunRecord, directory: RunDirectory, zeros: int
) -> None:
    _play(record)
    whole = list(entries(directory.path))
    _cut(directory.path / "journal" / "000001.log", lambda data: data + bytes(zeros))

    assert len(list(entries(directory.path))) == len(whole)
    assert len(murmur.load(directory.path).actions) == 60


def test_an_entry_that_became_zeros_from_somewhere_on_is_the_end(
    record: RunRecord, directory: RunDirectory
) -> None:
    _play(record)
    whole = len(list(entries(directory.path)))
    _cut(directory.path / "journal" / "000001.log", lambda data: data[:-9] + bytes(4096))

    assert len(list(entries(directory.path))) < whole
    assert len(murmur.load(directory.path).actions) == 60


def test_zeros_with_entries_behind_them_are_read_around(
    record: RunRecord, directory: RunDirectory
) -> None:
    _play(record)
    start = len("murmur-journal 2\n")
    segment = directory.path / "journal" / "000001.log"
    whole = len(list(entries(directory.path)))
    _cut(segment, lambda data: data + bytes(64) + data[start:])

    found = [entry[0] for entry in entries(directory.path)]

    assert found.count("damaged") == 1
    assert len(found) == 2 * whole + 1


def test_zeros_before_another_segment_are_told(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, segment_bytes=1000)
    for number in range(200):
        writer.write("number", number, "x" * number)
    writer.close()
    _cut(tmp_path / "journal" / "000001.log", lambda data: data + bytes(64))

    found = list(entries(tmp_path))

    assert [entry for entry in found if entry[0] == "damaged"] == [("damaged", "000001.log", 64)]
    assert [entry[1] for entry in found if entry[0] == "number"] == list(range(200))


def test_a_journal_of_another_format_is_told_apart_from_damage(
    record: RunRecord, directory: RunDirectory
) -> None:
    _play(record)
    segment = directory.path / "journal" / "000001.log"
    _cut(segment, lambda data: data.replace(b"murmur-journal 2", b"murmur-journal 1", 1))

    with pytest.raises(ArchiveError, match="its journal has format 1; read it with the murmur"):
        murmur.load(directory.path)


@pytest.mark.parametrize("part", range(60))
def test_one_damaged_byte_costs_a_piece_and_is_told(
    part: int, record: RunRecord, directory: RunDirectory
) -> None:
    _play(record)
    segment = directory.path / "journal" / "000001.log"
    whole = len(list(entries(directory.path)))
    place = segment.stat().st_size * part // 60
    _cut(segment, lambda data: data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])

    found = [entry[0] for entry in entries(directory.path)]
    loaded = murmur.load(directory.path)

    assert found.count("damaged") == 1
    assert len(found) >= whole  # at most one entry is gone
    assert len(loaded.actions) >= 50
    assert "1 piece of the journal cannot be read" in str(loaded.verdict)


def _as_another_murmur(data: bytes, which: Callable[[int], bool]) -> bytes:
    """Return a segment in which some entries are whole, and hold what this murmur does not know."""
    start = data.index(b"\n") + 1
    changed, at, place = [data[:start]], start, 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        entry = data[at : at + 8 + length]
        if which(place):
            packed = zlib.compress(b"in words of tomorrow", 1)
            entry = struct.pack("<II", len(packed), zlib.crc32(packed)) + packed
        changed.append(entry)
        at, place = at + 8 + length, place + 1
    return b"".join(changed)


def test_pieces_that_another_murmur_wrote_are_not_called_damage(
    record: RunRecord, directory: RunDirectory
) -> None:
    _play(record)
    segment = directory.path / "journal" / "000001.log"
    last = len(list(entries(directory.path))) - 1
    _cut(segment, lambda data: _as_another_murmur(data, lambda place: place == last))

    verdict = murmur.load(directory.path).verdict

    assert verdict.state != "valid"
    assert "1 piece of the journal can be read by another version of murmur alone" in str(verdict)
    assert "cannot be read, or could not be written" not in str(verdict)


def test_a_journal_of_which_nothing_measured_can_be_read_is_refused(
    record: RunRecord, directory: RunDirectory
) -> None:
    _play(record)
    segment = directory.path / "journal" / "000001.log"
    _cut(segment, lambda data: _as_another_murmur(data, lambda place: place > 1))  # but its start

    with pytest.raises(ArchiveError, match="of another version of murmur; read it with the murmur"):
        murmur.load(directory.path)


def test_a_journal_is_for_its_owner_only(directory: RunDirectory) -> None:
    segment = directory.path / "journal" / "000001.log"

    assert segment.stat().st_mode & 0o777 == 0o600


def test_a_run_that_was_cut_off_before_its_first_entry_is_told_so(
    directory: RunDirectory,
) -> None:
    _cut(directory.path / "journal" / "000001.log", lambda data: data[:20])

    with pytest.raises(ArchiveError, match="its journal is empty"):
        murmur.load(directory.path)


def test_long_journals_are_cut_into_segments(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, segment_bytes=1000)
    for number in range(200):
        writer.write("number", number, "x" * number)
    writer.close()

    assert len(list((tmp_path / "journal").iterdir())) > 3
    assert [entry[1] for entry in entries(tmp_path)] == list(range(200))


def test_beyond_the_bound_a_uniform_sample_of_the_actions_is_written(
    tmp_path: Path, record: RunRecord
) -> None:
    directory = RunDirectory(tmp_path, record, actions_bound=1000)
    record.relay.attach(directory)
    _play(record, seconds=100, each=100)
    loaded = murmur.load(directory.path)
    directory.close()

    actions = loaded.actions
    assert (actions.attrs["sampled"], actions.attrs["seen"]) == (True, 20_000)
    assert 850 < len(actions) < 1150  # five standard deviations
    early = (actions["started_at"] < 50).mean()
    assert 0.42 < early < 0.58
    assert loaded.windows["count"].sum() == 20_000


def test_a_directory_that_cannot_be_made_is_a_clear_error(
    tmp_path: Path, record: RunRecord
) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ArchiveError, match=r"cannot be made .*can be written to"):
        RunDirectory(tmp_path / "file", record)


def test_a_disk_that_is_full_is_told_and_written_again_when_there_is_room(
    record: RunRecord, directory: RunDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    class Full:
        """Has room for a part of an entry, for a while."""

        def __init__(self, file) -> None:
            self._file = file
            self.is_full = True
            self._room = 10

        def __getattr__(self, name: str):
            return getattr(self._file, name)

        def write(self, data: bytes) -> int:
            if not self.is_full:
                return self._file.write(data)
            if not self._room:
                raise OSError(28, "No space left on device")
            self._room = 0
            return self._file.write(data[:10])

    directory._journal._file = full = Full(directory._journal._file)
    with caplog.at_level(logging.WARNING):
        _play(record)
        assert "cannot be written" in record.troubles["directory"]
        full.is_full = False
        _play(record, 1)
        for _ in range(4):  # a single small piece may find room where a chunk does not
            record.note_node("a", host="again")

    told = [line.getMessage() for line in caplog.records]
    assert "cannot be written ([Errno 28] No space left on device)" in told[0]
    assert "is written again" in told[1]
    assert len(told) == 2
    assert told[1] == record.troubles["directory"]
    loaded = murmur.load(directory.path)
    assert "of the journal cannot be read, or could not be written" in str(loaded.verdict)
    assert "damaged" not in [entry[0] for entry in entries(directory.path)]
    assert len(Results(record).actions) == 80


def test_an_archive_that_cannot_be_finished_leaves_nothing_half_made(
    record: RunRecord, directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    _play(record)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("murmur.results.archive._archive.write_histograms", full)
    record.relay.end(record)

    assert [file.name for file in directory.path.iterdir()] == ["journal"]
    assert "stays a journal" in record.troubles["directory"]
    assert len(murmur.load(directory.path).actions) == 60


def test_a_directory_that_is_removed_is_told_and_has_its_archive_all_the_same(
    record: RunRecord, directory: RunDirectory
) -> None:
    _play(record)
    shutil.rmtree(directory.path)
    _play(record)
    assert "it was removed" in record.troubles["directory"]

    record.relay.end(record)

    assert record.troubles == {}
    _assert_equal(murmur.load(directory.path), Results(record))


def test_what_cannot_be_removed_of_the_journal_costs_no_archive(
    record: RunRecord, directory: RunDirectory
) -> None:
    _play(record)
    (directory.path / "journal" / ".nfs0001").touch()  # as NFS leaves it of an open file
    record.relay.end(record)

    assert record.troubles == {}
    _assert_equal(murmur.load(directory.path), Results(record))


def test_no_file_of_an_archive_is_for_others_or_half_there_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0)
    try:
        with whole_file(tmp_path / "whole") as file:
            file.write(b"half")
            assert not (tmp_path / "whole").exists() or sys.platform != "linux"
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
        with whole_file(tmp_path / "elsewhere") as file:
            assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)

    assert (tmp_path / "whole").read_bytes() == b"half"
    assert (tmp_path / "whole").stat().st_mode & 0o777 == 0o600


def test_what_is_asked_for_as_the_run_ends_is_no_trouble(directory, record):
    _play(record)
    directory.end(record)

    directory.call(record, {"at": 3.0, "verb": "add", "arguments": {"n": 1}})  # of another thread

    assert record.troubles == {}
    assert len(murmur.load(directory.path).users) == len(Results(record).users)


def test_a_piece_of_news_that_cannot_be_written_ends_no_directory(directory, record, monkeypatch):
    def write(*_: object) -> None:
        raise KeyError("the fault")

    with monkeypatch.context() as patch:
        patch.setattr(directory._journal, "write", write)
        record.note_node("n1", host="there")
    assert "lacks 1 piece of news so far" in record.troubles["directory"]
    assert "'the fault'" in record.troubles["directory"]
    _play(record)
    assert ("gap", 1) in [*entries(directory.path)]

    directory.end(record)

    assert record.troubles == {}
    assert len(murmur.load(directory.path).users) == len(Results(record).users)


def test_an_archive_that_breaks_leaves_the_journal(directory, record, monkeypatch):
    _play(record)

    def fault(*_: object) -> None:
        raise IndexError("the fault")

    monkeypatch.setattr("murmur.results.archive._run_directory.fill", fault)
    directory.end(record)

    assert "stays a journal, which murmur.load reads as well" in record.troubles["directory"]
    assert len(murmur.load(directory.path).users) == len(Results(record).users)
