"""Runs that were saved, and what comes back of them."""

from __future__ import annotations

import json
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import murmur
from murmur.errors import ArchiveError, MissingExtraError, MurmurError
from murmur.recording import RunRecord
from murmur.results import FRAMES, OUTCOMES, Results
from murmur.telemetry import Recorder


class Chat:
    """A class whose source Python can tell."""

    greeting = "hello"


@pytest.fixture
def saved(results: Results, tmp_path: Path) -> Path:
    return results.save(tmp_path / "run")


def manifest(archive: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((archive / "manifest.json").read_text(encoding="utf-8"))
    return loaded


def alter(archive: Path, **entries: object) -> None:
    """Write other entries into a manifest."""
    text = json.dumps({**manifest(archive), **entries})
    (archive / "manifest.json").write_text(text, encoding="utf-8")


def unsigned(archive: Path) -> dict[str, Any]:
    """Return what a manifest says of its frames without checksums, as one of format 1.2."""
    frames: dict[str, Any] = manifest(archive)["frames"]
    return {
        name: {key: value for key, value in each.items() if key != "crc32"}
        for name, each in frames.items()
    }


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_comes_back_with_the_same_values_and_dtypes(
    name: str, results: Results, saved: Path
) -> None:
    frame = getattr(murmur.load(saved), name)

    pd.testing.assert_frame_equal(frame, getattr(results, name))
    assert frame.attrs == getattr(results, name).attrs


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_without_rows_keeps_its_dtypes(name: str, empty: Results, tmp_path: Path) -> None:
    frame = getattr(murmur.load(empty.save(tmp_path / "run")), name)

    pd.testing.assert_frame_equal(frame, getattr(empty, name))


def test_categories_that_do_not_occur_and_wall_times_in_utc_come_back(saved: Path) -> None:
    loaded = murmur.load(saved)

    assert tuple(loaded.users["outcome"].cat.categories) == OUTCOMES
    assert loaded.events["wall_at"].tolist() == [pd.Timestamp("2023-11-14T22:13:20.25Z")]


def test_summary_and_verdict_come_back(results: Results, saved: Path) -> None:
    loaded = murmur.load(saved)

    assert repr(loaded.summary()) == repr(results.summary())
    assert loaded.summary().to_dict() == results.summary().to_dict()
    assert loaded.verdict == results.verdict
    assert loaded._repr_html_() == results._repr_html_()


def test_a_run_differs_in_nothing_from_what_was_kept_of_it(tmp_path: Path) -> None:
    odd = {"rate": float("inf"), "none": float("nan"), "span": (1.0, 2.0), "by": {1: {2, 3}}}
    results = Results(RunRecord("r", 0.0, 0.0, odd))

    kept = murmur.load(results.save(tmp_path / "run"))

    assert results.manifest.diff(kept.manifest) == []
    assert kept.manifest.diff(results.manifest) == []


def test_what_was_loaded_is_results_like_any_other(saved: Path, tmp_path: Path) -> None:
    loaded = murmur.load(saved)

    assert isinstance(loaded, Results)
    assert repr(loaded) == "<Results of run r1: 4 actions>"
    assert (loaded.to_csv(tmp_path / "csv") / "users.csv").read_text().count("\n") == 8


def test_a_frame_that_was_loaded_belongs_to_the_caller(saved: Path) -> None:
    loaded = murmur.load(saved)

    mine = loaded.users
    mine["node"] = "changed"

    assert set(loaded.users["node"]) == {"n1", "n2"}


def test_the_manifest_says_what_the_frames_do_not(saved: Path) -> None:
    found = manifest(saved)

    assert found["format"] == "murmur-archive"
    assert found["format_version"] == "1.3"
    assert found["murmur"] == murmur.__version__
    assert found["run_id"] == "r1"
    assert found["seed"] == 7
    assert found["wall_started_at"] == "2023-11-14T22:13:20+00:00"
    assert found["sampled"] is False
    assert found["scenario"] == {"name": "Chat"}  # a name alone has no source
    assert found["verdict"] == {"state": "valid", "reasons": []}
    assert found["summary"]["users"] == {
        "finished": 1,
        "failed": 1,
        "left": 1,
        "dropped": 2,
        "here": 2,
    }
    assert {name: entry["rows"] for name, entry in found["frames"].items()} == {
        "users": 7,
        "actions": 4,
        "windows": 3,
        "windows_by_node": 3,
        "counters": 1,
        "gauges": 1,
        "throttles": 1,
        "population": 2,
        "events": 1,
        "changes": 1,
        "nodes": 2,
        "health": 2,
        "errors": 1,
        "deliveries": 0,
        "spans": 0,
    }


def test_a_scenario_class_is_kept_with_its_source_and_hash(
    record: RunRecord, tmp_path: Path
) -> None:
    scenario = manifest(Results(record, scenario=Chat).save(tmp_path / "run"))["scenario"]

    assert scenario["name"] == "Chat"
    assert scenario["source"].startswith("class Chat:\n")
    assert 'greeting = "hello"' in scenario["source"]
    assert scenario["sha256"] == sha256(scenario["source"].encode()).hexdigest()


def test_a_class_without_a_file_is_kept_by_name(record: RunRecord, tmp_path: Path) -> None:
    made = type("Made", (), {"__module__": "nowhere"})

    assert manifest(Results(record, scenario=made).save(tmp_path / "run"))["scenario"] == {
        "name": "Made"
    }


def test_settings_are_plain_values_and_secrets_stay_masked(tmp_path: Path) -> None:
    settings = {"port": 80, "pace": float("inf"), "token": "***", "path": Path("a"), "ids": (1, 2)}
    record = RunRecord("r1", 0.0, 0.0, settings=settings)

    assert manifest(Results(record).save(tmp_path / "run"))["settings"] == {
        "port": 80,
        "pace": "inf",
        "token": "***",
        "path": "a",
        "ids": [1, 2],
    }


def test_a_sample_of_the_actions_is_still_called_one(tmp_path: Path) -> None:
    record = RunRecord("r1", 0.0, 0.0, actions_bound=2)
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    for user in range(1, 6):
        recorder.action("echo", user, 0.0, 0.0, 0.5)
    record.add(recorder.seal())

    archive = Results(record).save(tmp_path / "run")

    assert manifest(archive)["sampled"] is True
    attrs = murmur.load(archive).actions.attrs
    assert (attrs["sampled"], attrs["seen"]) == (True, 5)
    assert repr(murmur.load(archive)) == "<Results of run r1: 5 actions>"


def test_an_archive_can_be_saved_again_and_keeps_its_origin(saved: Path, tmp_path: Path) -> None:
    alter(saved, format_version="1.9", python="CPython 3.11.0", added_later=[1])

    again = murmur.load(saved).save(tmp_path / "again")

    assert manifest(again) == {**manifest(saved), "format_version": "1.3"}
    pd.testing.assert_frame_equal(murmur.load(again).users, murmur.load(saved).users)


def test_save_flushes_what_the_nodes_still_hold(record: RunRecord, tmp_path: Path) -> None:
    flushes: list[str] = []

    Results(record, refresh=lambda: flushes.append("now")).save(tmp_path / "run")

    assert flushes == ["now"]


def test_save_makes_the_directories_and_returns_the_path_that_was_given(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert results.save("runs/today/first") == Path("runs/today/first")
    assert (tmp_path / "runs" / "today" / "first" / "users.parquet").exists()


def test_a_directory_that_looks_like_a_partition_adds_no_column(
    results: Results, tmp_path: Path
) -> None:
    loaded = murmur.load(results.save(tmp_path / "rate=100"))

    assert list(loaded.users) == list(results.users)


def test_nothing_is_left_of_a_save_that_failed(record: RunRecord, tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("the node is gone")

    with pytest.raises(RuntimeError):
        Results(record, refresh=fail).save(tmp_path / "run")

    assert list(tmp_path.iterdir()) == []


def test_an_archive_is_replaced_only_when_asked(
    results: Results, empty: Results, saved: Path
) -> None:
    with pytest.raises(ArchiveError, match=r"archive of run r1 already; .* overwrite=True") as info:
        empty.save(saved)

    assert info.value.path == saved
    assert isinstance(info.value, MurmurError)
    assert murmur.load(saved).summary().run_id == "r1"

    empty.save(saved, overwrite=True)

    assert murmur.load(saved).summary().run_id == "r0"
    assert murmur.load(saved).users.empty
    assert [path.name for path in saved.parent.iterdir()] == ["run"]


def test_what_somebody_put_into_an_archive_stays_when_it_is_replaced(
    empty: Results, saved: Path
) -> None:
    (saved / "notes.md").write_text("slow disk", encoding="utf-8")

    empty.save(saved, overwrite=True)

    assert (saved / "notes.md").read_text(encoding="utf-8") == "slow disk"


def test_an_archive_can_replace_the_one_it_was_loaded_from(results: Results, saved: Path) -> None:
    loaded = murmur.load(saved)

    loaded.save(saved, overwrite=True)

    pd.testing.assert_frame_equal(loaded.actions, results.actions)


def test_an_empty_directory_is_free(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path)

    assert murmur.load(tmp_path).summary().run_id == "r1"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_of_other_things_is_never_replaced(
    overwrite: bool, results: Results, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work", encoding="utf-8")

    with pytest.raises(ArchiveError, match="something else than an archive; choose another path"):
        results.save(tmp_path, overwrite=overwrite)

    assert (tmp_path / "thesis.tex").read_text(encoding="utf-8") == "years of work"


@pytest.mark.parametrize("manifest_text", ['{"name": "an app"}', "[]", "not JSON"])
def test_a_directory_with_another_manifest_is_never_replaced(
    manifest_text: str, results: Results, tmp_path: Path
) -> None:
    (tmp_path / "manifest.json").write_text(manifest_text, encoding="utf-8")

    with pytest.raises(ArchiveError, match=r"manifest\.json"):
        results.save(tmp_path, overwrite=True)

    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_file_is_never_replaced(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "run"
    file.write_text("mine", encoding="utf-8")

    with pytest.raises(ArchiveError, match="it is a file; choose another path"):
        results.save(file, overwrite=True)

    assert file.read_text(encoding="utf-8") == "mine"


def test_columns_and_files_that_are_not_known_survive(saved: Path) -> None:
    users = pd.read_parquet(saved / "users.parquet").assign(colour="red")
    users.to_parquet(saved / "users.parquet", index=False)
    (saved / "traces.parquet").write_bytes(b"of a later version")
    alter(saved, format_version="1.9", added_later={"any": "thing"}, frames=unsigned(saved))

    loaded = murmur.load(saved)

    assert set(loaded.users["colour"]) == {"red"}
    assert loaded.users["outcome"].dtype == "category"
    assert (saved / "traces.parquet").exists()


@pytest.mark.parametrize("name", ["nodes", "health"])
def test_columns_that_an_older_murmur_did_not_have_are_there_and_unknown(
    name: str, saved: Path
) -> None:
    frame = getattr(murmur.load(saved), name)
    kept = frame[["node"]]
    kept.to_parquet(saved / f"{name}.parquet", index=False)
    frames = unsigned(saved)
    frames[name]["categories"] = {"node": ["n1", "n2"]}
    alter(saved, frames=frames)

    loaded = getattr(murmur.load(saved), name)
    assert set(loaded) == set(frame)
    assert loaded.dtypes.to_dict().keys() == frame.dtypes.to_dict().keys()
    for column in set(frame) - {"node"}:
        assert (loaded[column].isna() | (loaded[column] == 0)).all(), column


def test_a_frame_that_an_older_murmur_did_not_have_is_empty(saved: Path, empty: Results) -> None:
    frames = manifest(saved)["frames"]
    del frames["health"]
    alter(saved, frames=frames)
    (saved / "health.parquet").unlink()

    pd.testing.assert_frame_equal(murmur.load(saved).health, empty.health)


def test_a_format_that_is_too_new_is_refused(saved: Path) -> None:
    alter(saved, format_version="2.0")

    with pytest.raises(ArchiveError, match=r"its format is 2\.0, .* 1\.x; upgrade murmur-load"):
        murmur.load(saved)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ({"format_version": None}, "version as 'None'"),
        ({"summary": {}}, "KeyError"),
        ({"verdict": None}, "TypeError"),
        ({"frames": []}, "AttributeError"),
        ({"frames": {"users": None}}, "AttributeError"),
    ],
)
def test_a_manifest_that_lacks_something_is_refused(
    entries: dict[str, object], problem: str, saved: Path
) -> None:
    alter(saved, **entries)

    with pytest.raises(ArchiveError, match=problem):
        murmur.load(saved)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("nowhere", "there is no such directory"), ("", r"it holds no manifest\.json")],
)
def test_what_is_no_archive_is_refused(name: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=problem) as info:
        murmur.load(tmp_path / name)

    assert str(tmp_path / name) in str(info.value)
    assert (
        info.value.remedy == "give the directory that results.save() returned, or that --out named"
    )


def test_a_run_that_is_still_written_is_named(saved: Path) -> None:
    kept = saved.parent / "today.unfinished" / "2026-11-30-a"
    shutil.copytree(saved, kept)

    with pytest.raises(ArchiveError, match="the run is on, or was cut off; give") as info:
        murmur.load(saved.parent / "today")
    assert info.value.remedy.endswith(str(kept))


def test_a_directory_of_several_runs_names_them_the_newest_first(saved: Path) -> None:
    folder = saved.parent / "runs"
    for name in ("2026-11-29-a", "2026-11-30-c", "2026-11-30-b", "2026-11-28-d"):
        shutil.copytree(saved, folder / name)
    (folder / "notes").mkdir()

    with pytest.raises(ArchiveError, match="give one of its runs") as info:
        murmur.load(folder)

    assert info.value.remedy == (
        "give one of its runs: 2026-11-30-c, 2026-11-30-b, 2026-11-29-a and 1 more"
    )


def test_a_missing_file_is_found_at_once(saved: Path) -> None:
    (saved / "actions.parquet").unlink()

    with pytest.raises(ArchiveError, match=r"actions\.parquet is missing; restore the file"):
        murmur.load(saved)


def test_a_damaged_file_is_found_at_once(saved: Path) -> None:
    whole = (saved / "actions.parquet").read_bytes()
    (saved / "actions.parquet").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ArchiveError, match=r"actions\.parquet cannot be read"):
        murmur.load(saved)


def test_a_file_of_another_run_is_found_by_its_rows(saved: Path) -> None:
    users = pd.read_parquet(saved / "users.parquet")
    users.iloc[:2].to_parquet(saved / "users.parquet", index=False)

    with pytest.raises(ArchiveError, match=r"has 2 rows where manifest\.json says 7"):
        murmur.load(saved)


def test_damage_inside_a_file_is_found_when_it_is_read(saved: Path) -> None:
    loaded = murmur.load(saved)
    whole = (saved / "actions.parquet").read_bytes()
    (saved / "actions.parquet").write_bytes(b"PAR1" + bytes(len(whole) - 8) + b"PAR1")

    with pytest.raises(ArchiveError, match=r"actions\.parquet is not as it was written"):
        loaded.actions  # noqa: B018 - reading is what fails


def test_a_flipped_bit_is_no_other_number(saved: Path) -> None:
    """Parquet itself reads one as another number."""
    file = saved / "actions.parquet"
    whole = file.read_bytes()
    for place in range(len(whole) // 3, len(whole), len(whole) // 5):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ArchiveError, match=r"is not as it was written|cannot be read"):
            murmur.load(saved).actions  # noqa: B018 - reading is what fails


def test_an_archive_without_checksums_is_read_as_before(saved: Path) -> None:
    alter(saved, format_version="1.2", frames=unsigned(saved), histograms={})

    assert len(murmur.load(saved).actions)
    assert murmur.load(saved).histogram().count


def test_without_pyarrow_it_says_what_to_install(
    results: Results, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtraError, match=r"results\.save needs .*murmur-load\[parquet\]"):
        results.save(tmp_path / "other")
    with pytest.raises(MissingExtraError, match=r"murmur\.load needs .*murmur-load\[parquet\]"):
        murmur.load(saved)

    assert not (tmp_path / "other").exists()


def test_text_that_is_no_unicode_is_escaped(tmp_path: Path) -> None:
    results = Results(RunRecord("r1", 0.0, 0.0, settings={"word": "a\udc80"}))

    assert manifest(results.save(tmp_path / "run"))["settings"] == {"word": "a\\udc80"}
    assert "a\\udc80" in results.report(tmp_path / "run.html").read_text()
