"""Modules that are not installed travel as sources, and what came is what is imported."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import murmur
from murmur.cluster._sources import TravelledModules, names_imported, sources_of
from murmur.cluster._travel import pack_code


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder from which Python imports, as that of a notebook."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    importlib.invalidate_caches()


def test_a_module_takes_along_what_it_imports_and_nothing_that_is_installed(folder):
    write(
        folder,
        lead_shop="import json, numpy\nfrom lead_goods.apples import price\n",
        lead_goods__apples="def price():\n    from . import taxes\n    return taxes.RATE\n",
        lead_goods__taxes="RATE = 0.19\n",
        lead_other="",
        lead_draft="def half_a(",
    )
    found = sources_of(["lead_shop", "json", "murmur.demo", "no_such_module", "lead_draft"])

    assert sorted(found) == ["lead_goods", "lead_goods.apples", "lead_goods.taxes", "lead_shop"]
    assert found["lead_goods"].is_package
    assert found["lead_goods.taxes"].text == "RATE = 0.19\n"


def test_nothing_is_imported_by_looking(folder):
    write(folder, lead_a__b="import lead_c\n", lead_c="raise OSError('imported')\n")

    assert sorted(sources_of(["lead_a.b"])) == ["lead_a", "lead_a.b", "lead_c"]
    assert not {"lead_a", "lead_a.b", "lead_c"} & set(sys.modules)


def test_imports_in_a_callback_are_found():
    def callback() -> object:
        import lead_a.b  # type: ignore[import-not-found]

        def inner() -> object:
            from lead_c import d  # type: ignore[import-not-found]

            return d

        return lead_a.b, inner

    assert set(names_imported(callback.__code__)) == {"lead_a.b", "lead_c", "lead_c.d"}


def test_what_came_is_imported_until_something_else_comes(folder):
    write(folder, lead_user="import lead_rate\nRATE = lead_rate.RATE\n", lead_rate="RATE = 1\n")
    first = sources_of(["lead_user"])
    write(folder, lead_rate="RATE = 2\n")
    second = sources_of(["lead_user"])
    for file in folder.glob("*.py"):
        file.unlink()  # a node on another machine

    node = TravelledModules()
    node.take(first)
    module = importlib.import_module("lead_user")
    assert module.RATE == 1
    assert inspect.getsource(module) == "import lead_rate\nRATE = lead_rate.RATE\n"

    node.take(first)
    assert importlib.import_module("lead_user") is module

    node.take(second)
    assert importlib.import_module("lead_user").RATE == 2


def test_all_nodes_of_a_run_get_the_same_text_and_the_next_run_the_new_one(folder):
    write(folder, lead_rate="RATE = 1\n")

    class Reads(murmur.Scenario):
        """Users look up the rate."""

        async def start(self, user: murmur.User) -> None:
            from lead_rate import RATE  # type: ignore[import-not-found]

            user.count(str(RATE))

    first = pack_code("run 1", Reads)
    write(folder, lead_rate="RATE = 2\n")

    assert b"RATE = 1" in first
    assert pack_code("run 1", Reads) == first
    assert b"RATE = 2" in pack_code("run 2", Reads)
