"""Verbs about what a run measured and who meets in it, on a real session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import murmur
from murmur.jupyter import load, unload
from murmur.results import compare


class Pairs(murmur.Scenario):
    """Users meet in pairs, and one of them fails."""

    async def init(self) -> None:
        self.pairs = await murmur.coordinator("pairs", (2, lambda event: None), 1000)
        await murmur.throttle("calls", rate=10)

    async def start(self, user: murmur.User) -> None:
        await self.pairs.add(user)
        if user.id == 3:
            raise LookupError("order lost")
        await user.sleep(600)


@pytest.fixture
def amoc(whole_shell: InteractiveShell) -> Iterator[Callable[[str], Any]]:
    with murmur.Session() as session:
        load(whole_shell, session)
        session.do(Pairs, 5, user_rate=float("inf"))
        until(lambda: session.status().users["running"] == 4)
        yield lambda line: whole_shell.run_line_magic("amoc", line)
    unload(whole_shell)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_verbs_do_as_they_say(amoc: Callable[[str], Any], tmp_path: Path) -> None:
    errors = amoc(f"frame errors --save {tmp_path / 'errors.csv'}")
    assert errors["error"].tolist() == ["LookupError: order lost"]
    assert pd.read_csv(tmp_path / "errors.csv")["users"].tolist() == [1]
    assert len(amoc("frame users --head 2")) == 2
    assert list(amoc("frame effects"))[:4] == ["at", "what", "old", "new"]
    with pytest.raises(UsageError, match="errors"):
        amoc("frame error")
    with pytest.raises(UsageError, match="parquet"):
        amoc(f"frame errors --save {tmp_path / 'errors.txt'}")

    assert amoc("settings")["user_rate"] == float("inf")
    assert amoc("coordinators")["pairs"].batches == 2
    assert amoc("coordinators pairs --reset").batches == 3
    assert amoc("coordinators pairs --stop") is None
    assert amoc("coordinators") == {}
    assert list(amoc("add_users 11 12")) == [11, 12]
    amoc("throttle calls --stop")
    amoc(f"report {tmp_path / 'page.html'}")
    assert (tmp_path / "page.html").exists()


def test_saved_runs_are_loaded_and_compared(amoc: Callable[[str], Any], tmp_path: Path) -> None:
    until(lambda: amoc("status").elapsed > 2.5)
    amoc(f"save {tmp_path / 'first'}")
    assert len(amoc(f"load {tmp_path / 'first'}").users) == 5
    first = murmur.load(tmp_path / "first")
    pd.testing.assert_frame_equal(
        amoc(f"compare {tmp_path / 'first'} {tmp_path / 'first'}"), compare(first, first)
    )
    assert set(amoc(f"compare {tmp_path / 'first'}")) == set(compare(first, first))
    with pytest.raises(UsageError, match="nowhere"):
        amoc(f"load {tmp_path / 'nowhere'}")


def test_a_ramp_may_be_given_by_interarrivals(amoc: Callable[[str], Any]) -> None:
    amoc("ramp calls 6 0.5 --interarrival --steps 1 --step-interval 60")
    assert amoc("throttle calls").rate == 10
    amoc("throttle calls rate=2/s --cancel-ramp")
    assert amoc("throttle calls").rate == 120
