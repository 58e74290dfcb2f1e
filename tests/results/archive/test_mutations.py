"""Archives that somebody edited, or a disk damaged, are refused in murmur's own words."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import murmur
from murmur.errors import MurmurError

ODD: tuple[Any, ...] = (None, -1, "x", [], {}, float("inf"), 3.5, True, "", [1], {"a": 1})


def _places(value: object, *above: object) -> Iterator[tuple[Any, ...]]:
    if above:
        yield above
    inside = value.items() if isinstance(value, dict) else ()
    inside = enumerate(value) if isinstance(value, list) else inside
    for key, each in inside:
        yield from _places(each, *above, key)


def _use(directory: Path) -> None:
    results = murmur.load(directory)
    results.summary()._repr_html_()
    results.check("p99(echo) < 1s", "rate > 1/s", "p99 < 1s in every 1s window")
    results.manifest.diff(results.manifest)
    for frame in ("users", "actions", "windows", "health", "errors", "nodes"):
        getattr(results, frame)
    results.histogram(name="echo")
    assert results.wall_started_at is not None


@pytest.fixture
def saved(results, tmp_path: Path) -> Path:
    return results.save(tmp_path / "saved")


@pytest.mark.parametrize("seed", range(4))
def test_a_manifest_that_was_edited_raises_no_raw_error(seed: int, saved: Path) -> None:
    _use(saved)
    file = saved / "manifest.json"
    whole = json.loads(file.read_text(encoding="utf-8"))
    pick = random.Random(seed)
    for *above, last in pick.sample(list(_places(whole)), 20):
        edited = json.loads(json.dumps(whole))
        inside = edited
        for key in above:
            inside = inside[key]
        inside[last] = pick.choice(ODD)
        file.write_text(json.dumps(edited), encoding="utf-8")
        with suppress(MurmurError):
            _use(saved)


@pytest.mark.parametrize("seed", range(4))
def test_a_file_that_was_damaged_raises_no_raw_error(seed: int, saved: Path) -> None:
    pick = random.Random(seed)
    for number in range(15):
        copy = saved.with_name(f"copy{number}")
        shutil.copytree(saved, copy)
        file = pick.choice(sorted(copy.iterdir()))
        data = bytearray(file.read_bytes())
        place = pick.randrange(len(data))
        data[place] ^= pick.randrange(1, 256)
        file.write_bytes(bytes(data[: place if pick.random() < 0.3 else len(data)]))
        with suppress(MurmurError):
            _use(copy)
