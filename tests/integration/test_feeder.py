"""Rows reach users in a real run, and stay out of everything that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import murmur

ACCOUNTS = [{"name": f"user{n}", "password": "hunter2"} for n in range(1, 6)]


class Shop(murmur.Scenario):
    """Users say which row is theirs."""

    accounts = murmur.Feeder(columns=["name", "password"], help="who logs in")

    async def start(self, user):
        user.count(f"{user.id}: {self.accounts[user]['name']}")


class Cycled(Shop):
    """The same, and rows are used again."""

    accounts = murmur.Feeder(columns=["name"], beyond="cycle", help="who logs in")


class Stopping(Shop):
    """The same, and users without a row leave."""

    accounts = murmur.Feeder(columns=["name"], beyond="stop", help="who logs in")


class Shuffled(Shop):
    """The same, and the seed deals."""

    accounts = murmur.Feeder(columns=["name"], order="shuffled", help="who logs in")

    def start(self, user):
        user.count(f"{user.id}: {self.accounts[user]['name']}")


@pytest.fixture(scope="module")
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        yield session


def do(session: murmur.Session, scenario: type[murmur.Scenario], users: int) -> murmur.Run:
    run = session.do(
        scenario, users, accounts=ACCOUNTS, seed=7, user_rate=float("inf"), end_when_idle=True
    )
    run.wait(timeout=60)
    return run


def pairs(run: murmur.Run) -> dict[int, str]:
    counted = (name.split(": ") for name in run.results.counters["name"])
    return {int(user_id): name for user_id, name in counted}


def outcomes(run: murmur.Run) -> list[str]:
    return run.results.users["outcome"].tolist()


def test_row_i_is_that_of_user_i_and_nobody_else_has_one(session):
    run = do(session, Shop, 7)

    users = run.results.users
    assert pairs(run) == {n: f"user{n}" for n in range(1, 6)}
    assert outcomes(run) == ["finished"] * 5 + ["failed"] * 2
    assert users["reason"].iloc[-1].startswith("FeederError: no row for user 7: there are 5 rows")


def test_rows_are_used_again_or_users_leave_if_that_is_asked_for(session):
    cycled, stopping = do(session, Cycled, 7), do(session, Stopping, 7)

    assert pairs(cycled)[6] == "user1"
    assert outcomes(cycled) == ["finished"] * 7
    assert outcomes(stopping) == ["finished"] * 5 + ["left"] * 2


def test_the_seed_deals_each_row_once_also_to_users_in_threads(session):
    one, again = do(session, Shuffled, 5), do(session, Shuffled, 5)

    assert sorted(pairs(one).values()) == [f"user{n}" for n in range(1, 6)]
    assert pairs(one) == pairs(again)
    assert pairs(one) != {n: f"user{n}" for n in range(1, 6)}


def test_what_rows_hold_is_in_nothing_that_is_kept(session, tmp_path):
    run = do(session, Shop, 5)

    archive = run.results.save(tmp_path / "run")
    report = run.results.report(tmp_path / "run.html")

    kept = [repr(run.settings), repr(run), run._repr_html_(), Path(report).read_text("utf-8")]
    kept += [path.read_bytes().decode("latin-1") for path in Path(archive).rglob("*.*")]
    assert run.settings["accounts"].columns == ("name", "password")
    assert not [text for text in kept if "hunter2" in text]
