"""Nodes are waited for; what cannot be is told before."""

from __future__ import annotations

from pathlib import Path

import pytest

from murmur._cli._crew import Crew
from murmur.errors import ClusterError


class FakeTicket:
    def save(self, path: Path) -> None:
        path.write_text("secret")


class FakeSession:
    """A session that nodes join one by one, each time somebody looks."""

    def __init__(self, *names: str) -> None:
        self.opened: list[tuple[object, ...]] = []
        self.spawned = 0
        self._coming = list(names)
        self._here: list[str] = ["local"]

    @property
    def nodes(self) -> list[str]:
        if self._coming:
            self._here.append(self._coming.pop(0))
        return self._here

    def open(self, host: str, port: int, *, seen_as: str | None) -> FakeTicket:
        self.opened.append((host, port, seen_as))
        return FakeTicket()

    def spawn_nodes(self, number: int) -> None:
        self.spawned += number


def test_without_options_there_is_nothing_to_do():
    session, said = FakeSession(), []
    Crew.of({}).gather(session, said.append)

    assert (session.opened, session.spawned, said) == ([], 0, [])


def test_processes_are_started_on_this_machine():
    session = FakeSession()
    Crew.of({"nodes": 3}).gather(session, lambda _: None)

    assert session.spawned == 3


def test_the_run_waits_until_all_are_there(tmp_path):
    session, said = FakeSession("crow", "raven"), []
    ticket = tmp_path / "run.ticket"
    given = {"listen": "0.0.0.0:8790", "ticket": str(ticket), "seen_as": "load1", "wait_for": 2}
    Crew.of(given).gather(session, said.append)

    assert session.opened == [("0.0.0.0", 8790, "load1")]
    assert ticket.read_text() == "secret"
    assert said == [
        f"nodes join with: murmur node {ticket}",
        f'notebooks attach with: murmur.attach("{ticket}")',
        "1 of 2 nodes: crow",
        "2 of 2 nodes: crow, raven",
    ]


def test_nodes_that_do_not_come_are_an_error():
    crew = Crew(wait_for=2, patience=0.0)

    with pytest.raises(ClusterError, match="only 1 of 2 nodes joined within 0 s"):
        crew.gather(FakeSession("crow"), lambda _: None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"listen": "8790", "ticket": "t"}, "write HOST:PORT"),
        ({"listen": "host:99999", "ticket": "t"}, "write HOST:PORT"),
        ({"listen": "host:1"}, "--listen and --ticket go together"),
        ({"ticket": "t"}, "--listen and --ticket go together"),
        ({"look_ticket": "t"}, "--look-ticket: nobody can look without --listen"),
        ({"wait_for": 2, "nodes": 1}, "nobody can join without --listen"),
    ],
)
def test_what_does_not_fit_is_told(given, said):
    assert said in " ".join(Crew.of(given).problems())


def test_a_ticket_that_cannot_be_written_is_told_before_a_port_is_open(tmp_path):
    (tmp_path / "file").write_text("")
    listen = {"listen": "127.0.0.1:8790"}

    def said(path: Path) -> list[str]:
        return list(Crew.of(listen | {"ticket": str(path)}).problems())

    assert "cannot be written (No such file or directory)" in " ".join(said(tmp_path / "no" / "t"))
    assert "cannot be written (Not a directory)" in " ".join(said(tmp_path / "file" / "t"))
    assert said(tmp_path) == [f"--ticket {tmp_path}: that is a directory; give a file"]
    assert said(tmp_path / "file") == said(tmp_path / "t") == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_ticket_that_cannot_be_written_in_the_end_is_a_sentence(tmp_path):
    crew = Crew(listen="127.0.0.1:8790", ticket=tmp_path / "gone" / "t")

    with pytest.raises(ClusterError, match=r"gone/t: it cannot be written \(No such file"):
        crew.gather(FakeSession(), lambda _: None)


def test_what_fits_is_fine():
    assert list(Crew.of({"listen": "::1:8790", "ticket": "t", "wait_for": 4}).problems()) == []
    assert list(Crew.of({"nodes": 2, "wait_for": 2}).problems()) == []


def test_users_stay_where_nobody_is_waited_for():
    listen = {"listen": "127.0.0.1:0", "ticket": "t"}

    assert Crew.of(listen | {"wait_for": 0}).stays_here
    assert not Crew.of(listen).stays_here
    assert not Crew.of(listen | {"wait_for": 0, "nodes": 2}).stays_here
    assert not Crew.of({}).stays_here
