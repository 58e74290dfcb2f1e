"""Helpers beside a notebook run on nodes that lack them, and as they were last edited."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import murmur
from murmur.errors import InvalidScenarioError

SHOP = '''
import murmur

class Shop(murmur.Scenario):
    """Users say which price list they have."""
    async def start(self, user):
        from travel_prices import PRICE
        user.count(f"price {PRICE}")
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of a notebook, from which only this process imports."""
    place = tmp_path / "here"
    place.mkdir()
    (place / "travel_shop.py").write_text(SHOP, encoding="utf-8")
    (place / "travel_prices.py").write_text("PRICE = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(place))
    yield place
    for name in ("travel_shop", "travel_prices"):
        sys.modules.pop(name, None)


@pytest.fixture
def elsewhere(session: murmur.Session, tmp_path: Path) -> Iterator[str]:
    """Start a node in another folder, as on another machine; return its name."""
    ticket = session.open().save(tmp_path / "ticket")
    other, temporary = tmp_path / "there", tmp_path / "temporary"
    other.mkdir()
    temporary.mkdir()
    node = subprocess.Popen(
        [sys.executable, "-m", "murmur", "node", str(ticket), "--name", "there"],
        cwd=other,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    try:
        session.wait_for_nodes(1, timeout=60)
        yield "there"
    finally:
        node.terminate()
        node.wait(60)
    assert list(temporary.iterdir()) == []


def counted(session: murmur.Session, scenario: type[murmur.Scenario], node: str) -> set[str]:
    run = session.do(scenario, 3, nodes=[node], user_rate=float("inf"), end_when_idle=True)
    run.wait(timeout=60)
    assert run.results.summary().users == {"finished": 3}, run.results.errors
    return set(run.results.counters["name"])


def test_helpers_travel_and_a_node_has_the_last_edit(
    session: murmur.Session, folder: Path, elsewhere: str
) -> None:
    shop = importlib.import_module("travel_shop")
    assert counted(session, shop.Shop, elsewhere) == {"price 1"}

    (folder / "travel_prices.py").write_text("PRICE = 25\n", encoding="utf-8")
    assert counted(session, shop.Shop, elsewhere) == {"price 25"}


READER = '''
import murmur

class Reader(murmur.Scenario):
    """Users say what the file has, and whether the file is this machine's own."""
    files = ["lists/travel_prices.csv"]
    async def start(self, user):
        path = self.path_to("lists/travel_prices.csv")
        user.count(path.read_text())
        user.count("its own" if path.parts[1:] and "here" not in path.parts else "shared")
'''


def test_files_travel_and_a_node_has_the_last_edit_and_leaves_nothing(
    session: murmur.Session,
    folder: Path,
    elsewhere: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder / "travel_shop.py").write_text(READER, encoding="utf-8")
    prices = folder / "lists" / "travel_prices.csv"
    prices.parent.mkdir()
    prices.write_text("apples,1")
    reader = importlib.import_module("travel_shop").Reader
    (spawned,) = session.spawn_nodes(1)
    for node in (elsewhere, spawned):
        assert counted(session, reader, node) == {"apples,1", "its own"}

    prices.write_text("apples,2")
    assert counted(session, murmur.mix({reader: 1}), elsewhere) == {"apples,2", "its own"}
    prices.unlink()
    with pytest.raises(InvalidScenarioError, match=r"travel_prices.csv', and there is no such"):
        session.do(reader, 1, nodes=[elsewhere])
