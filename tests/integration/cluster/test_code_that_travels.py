"""Helpers beside a notebook run on nodes that lack them, and as they were last edited."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import murmur

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
    other = tmp_path / "there"
    other.mkdir()
    node = subprocess.Popen(
        [sys.executable, "-m", "murmur", "node", str(ticket), "--name", "there"], cwd=other
    )
    try:
        session.wait_for_nodes(1, timeout=60)
        yield "there"
    finally:
        node.terminate()
        node.wait(20)


def counted(session: murmur.Session, scenario: type[murmur.Scenario], node: str) -> set[str]:
    run = session.do(scenario, 3, nodes=[node], user_rate=float("inf"), end_when_idle=True)
    run.wait(timeout=30)
    assert run.results.summary().users == {"finished": 3}, run.results.errors
    return set(run.results.counters["name"])


def test_helpers_travel_and_a_node_has_the_last_edit(
    session: murmur.Session, folder: Path, elsewhere: str
) -> None:
    shop = importlib.import_module("travel_shop")
    assert counted(session, shop.Shop, elsewhere) == {"price 1"}

    (folder / "travel_prices.py").write_text("PRICE = 25\n", encoding="utf-8")
    assert counted(session, shop.Shop, elsewhere) == {"price 25"}
