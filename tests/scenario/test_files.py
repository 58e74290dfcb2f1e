"""Data files beside a scenario: found, or refused before anything runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import murmur
from murmur.errors import InvalidScenarioError
from murmur.testing import rehearse

SHOP = '''
import murmur

class Shop(murmur.Scenario):
    """Users count what the list has."""
    files = ["goods/apples.csv"]
    async def start(self, user):
        user.count(self.path_to("goods/apples.csv").read_text())
'''


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a class of a module that stands in another folder than the working directory."""
    (tmp_path / "files_shop.py").write_text(SHOP, encoding="utf-8")
    (tmp_path / "goods").mkdir()
    (tmp_path / "goods" / "apples.csv").write_text("beside")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("files_shop").Shop
    del sys.modules["files_shop"]


def counted(scenario: type[murmur.Scenario]) -> set[str]:
    return set(rehearse(scenario, 1).counters["name"])


def test_a_file_is_beside_the_class(shop: Any, tmp_path: Path) -> None:
    assert counted(shop) == {"beside"}
    assert shop.path_to(Path("goods/apples.csv")) == tmp_path / "goods" / "apples.csv"


def test_a_class_that_derives_in_another_folder_has_the_same_file(shop: Any) -> None:
    class Corner(shop):
        """A shop elsewhere."""

    assert counted(Corner) == {"beside"}


def test_a_notebook_has_its_files_in_the_working_directory(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here.txt").write_text("here")
    names: dict[str, Any] = {"__name__": "no_such_module"}
    exec(SHOP.replace("goods/apples.csv", "here.txt"), names)

    assert counted(names["Shop"]) == {"here"}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ("users.csv", r"`files` must be a list of paths, as \['users.csv'\], not 'users.csv'"),
        ([3], "`files` must hold paths, not 3"),
        (["no.csv"], "`files` names 'no.csv', and there is no such file in "),
        (["."], "`files` names the folder '.'; name the files in it"),
        (["/dev/../etc/hosts", "../../etc/hosts"], "two files that would be 'hosts' on a node"),
    ],
)
def test_files_that_cannot_travel_are_refused_before_a_user_starts(files, sentence) -> None:
    named = files

    class Odd(murmur.Scenario):
        files = named

        async def start(self, user: murmur.User) -> None: ...

    with pytest.raises(InvalidScenarioError, match=sentence):
        rehearse(Odd, 1)


def test_files_that_are_too_large_are_told_with_the_largest(tmp_path: Path) -> None:
    for name, size in {"small": 2**20, "large": 32 * 2**20}.items():
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)

    class Heavy(murmur.Scenario):
        files = (tmp_path / "small", tmp_path / "large")

        async def start(self, user: murmur.User) -> None: ...

    with pytest.raises(InvalidScenarioError, match=r"33\.0 MiB together.*large' has 32\.0") as told:
        rehearse(Heavy, 1)
    assert "32 MiB travel" in str(told.value)


def test_a_file_that_was_not_named_is_told_with_those_that_are(shop: Any) -> None:
    with pytest.raises(InvalidScenarioError, match=r"'apples.csv'.*'goods/apples.csv'"):
        shop.path_to("apples.csv")


def test_both_scenarios_of_a_mix_have_their_own(shop: Any, tmp_path: Path) -> None:
    own = tmp_path / "own" / "apples.csv"
    own.parent.mkdir()
    own.write_text("own")

    class Stall(murmur.Scenario):
        files = (own,)

        async def start(self, user: murmur.User) -> None:
            user.count(self.path_to("apples.csv").read_text())

    run = rehearse(murmur.mix({shop: 1, Stall: 1}), 20)
    assert set(run.counters["name"]) == {"beside", "own"}
