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

ODD: tuple[Any, ...] = (
    *(None, -1, "x", [], {}, float("inf"), float("nan"), 3.5, True, "", [1], {"a": 1}),
    *(2**63, 10**400, 10**5000, "9" * 5000, "\ud800", [[[]]]),
)


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


def _edited(pick: random.Random, whole: Any) -> str:
    """Return a manifest in which one thing is another, or is missing."""
    while True:
        edited = json.loads(json.dumps(whole))
        *above, last = pick.choice(list(_places(whole)))
        inside = edited
        for key in above:
            inside = inside[key]
        if pick.random() < 0.25:
            del inside[last]
        else:
            inside[last] = pick.choice(ODD)
        with suppress(ValueError):  # a number of more digits than JSON is written with
            return json.dumps(edited)


def _damaged(pick: random.Random, data: bytes) -> bytes:
    """Return bytes of which some are flipped, missing, or too many."""
    match pick.choice(["flip", "cut", "empty", "grow"]):
        case "cut":
            return data[: pick.randrange(len(data))]
        case "empty":
            return b""
        case "grow":
            return data + bytes(pick.randrange(1, 100))
    flipped = bytearray(data)
    for _ in range(pick.randrange(1, 6)):
        flipped[pick.randrange(len(data))] ^= pick.randrange(1, 256)
    return bytes(flipped)


@pytest.mark.parametrize("seed", range(10))
def test_a_manifest_that_was_edited_raises_no_raw_error(seed: int, saved: Path) -> None:
    file = saved / "manifest.json"
    whole = json.loads(file.read_text(encoding="utf-8"))
    pick = random.Random(seed)
    for _ in range(25):
        file.write_text(_edited(pick, whole), encoding="utf-8")
        with suppress(MurmurError):
            _use(saved)


@pytest.mark.parametrize("seed", range(10))
def test_a_file_that_was_damaged_raises_no_raw_error(seed: int, saved: Path) -> None:
    pick = random.Random(seed)
    for number in range(25):
        copy = saved.with_name(f"copy{number}")
        shutil.copytree(saved, copy)
        first, second = pick.sample(sorted(copy.iterdir()), 2)
        data = first.read_bytes()
        if pick.random() < 0.2:  # one in the place of another
            first.write_bytes(second.read_bytes())
            second.write_bytes(data)
        else:
            first.write_bytes(_damaged(pick, data))
        with suppress(MurmurError):
            _use(copy)


def test_an_archive_as_it_was_written_is_used(saved: Path) -> None:
    _use(saved)
