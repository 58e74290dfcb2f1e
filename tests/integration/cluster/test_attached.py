"""A session that another process has: looked at and steered over real TLS."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import traitlets

import murmur
from murmur.errors import (
    ClusterError,
    JoinError,
    RunStateError,
    SessionClosedError,
    TicketError,
    UnknownNameError,
    UnknownSettingError,
    WaitTimeoutError,
)

from .conftest import wait_for

SCENARIO = """
import murmur
from traitlets import Float

class Steady(murmur.Scenario):
    "Users act, again and again."
    pace = Float(0.02, min=0, help="seconds").tag(live=True)

    async def start(self, user):
        while True:
            with user.timer("act"):
                await user.sleep(self.pace)
"""


class Steady(murmur.Scenario):
    """Users act, as fast as a throttle lets them."""

    pace = traitlets.Float(0.02, min=0, help="seconds of an action").tag(live=True)

    async def init(self) -> None:
        self.acts = await murmur.throttle("acts", rate=100, interval=1)

    async def start(self, user: murmur.User) -> None:
        while True:
            await self.acts.wait()
            with user.timer("act"):
                await user.sleep(self.pace)


@pytest.fixture
def run(session: murmur.Session) -> murmur.Run:
    """Return a run of five users in this process, which lets others in."""
    return session.do(Steady, 5, user_rate=math.inf)


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session(run_here=True) as made:
        made.open()
        yield made


def test_a_run_is_steered_from_elsewhere_as_from_here(
    session: murmur.Session, run: murmur.Run
) -> None:
    with murmur.attach(session.open().text) as there:
        assert there.add(3) == range(6, 9)
        assert there.remove(1) == 1
        assert there.update(pace=0.05) == {"pace": (0.02, 0.05)}
        there.throttles["acts"].change_rate(rate=50, interval=1)
        wait_for(lambda: there.status().users["running"] == 7)
        wait_for(lambda: there.observe().recent.total.count > 20)
        assert there.run is not None
        assert there.run.settings["pace"] == 0.05
        assert there.nodes["local"].state == "running"
        assert there.user(1).node == "local"
        assert repr(there.coordinators) == "no coordinators"
        assert there.scenario is not None
        assert there.scenario.__name__ == "Steady"
        there.stop()
        assert there.run.wait(timeout=60).state == "finished"
        fetched = there.run.results
    kept = run.results

    assert fetched.manifest["run_id"] == run.id
    assert fetched.verdict == kept.verdict
    assert len(fetched.actions) == len(kept.actions)
    whats = kept.changes["what"].astype(str).tolist()
    assert whats == ["users", "users", "pace", "throttle acts", "the run"]
    verbs = [call["verb"] for call in kept.manifest["calls"]]
    assert verbs == ["add", "remove", "update", "throttle", "stop"]


def test_who_is_attached_waits_for_nodes_that_come_there(session: murmur.Session) -> None:
    with murmur.attach(session.open(read_only=True)) as there:
        with pytest.raises(WaitTimeoutError, match=r"0 of 1 nodes \(none\) came in"):
            there.wait_for_nodes(1, timeout=0.1)
        with murmur.join(session.open(), name="guest"):
            assert there.wait_for_nodes(1, timeout=20) == ["guest"]


def test_who_leaves_leaves_the_run_alone(session: murmur.Session, run: murmur.Run) -> None:
    there = murmur.attach(session.open())
    there.close()

    assert session.status().users["running"] == 5
    with pytest.raises(SessionClosedError):
        there.status()


def test_a_session_that_ends_is_told(run: murmur.Run, session: murmur.Session) -> None:
    there = murmur.attach(session.open())
    session.close()

    with there, pytest.raises(SessionClosedError, match=r"murmur\.attach\(\) enters"):
        there.status()


def test_what_was_fetched_of_a_session_that_is_gone_can_still_be_shown(
    run: murmur.Run, session: murmur.Session
) -> None:
    there = murmur.attach(session.open())
    seen = there.run
    session.close()

    with there:
        assert run.id in repr(seen)
        for each in (there, seen):
            assert "this session takes no more calls" in each._repr_html_()


def test_a_run_never_answers_with_the_figures_of_the_next(
    session: murmur.Session, run: murmur.Run
) -> None:
    with murmur.attach(session.open()) as there:
        first = there.run
        assert first is not None
        session.stop()
        run.wait(timeout=60)
        assert first.wait(timeout=60).users["gone"] == 5
        session.reset()
        assert first.status().users["gone"] == 5

        later = session.do(Steady, 9, user_rate=math.inf, pace=0.5)
        for look in (first.status, first.observe, first.wait, lambda: first.settings):
            with pytest.raises(RunStateError, match=f"look at run {first.id}"):
                look()
        assert there.run is not None
        assert there.run.id == later.id
        assert there.run.settings["pace"] == 0.5


@pytest.mark.parametrize(
    "order",
    [
        lambda there: there.add(1),
        lambda there: there.add_users(10, 11),
        lambda there: there.remove(1),
        lambda there: there.remove_user(1),
        lambda there: there.update(pace=1.0),
        lambda there: there.send(1, "hello"),
        lambda there: there.stop(),
        lambda there: there.reset(),
        lambda there: there.expel("local"),
        lambda there: there.throttles["acts"].pause(),
        lambda there: there.ask("code"),
    ],
)
def test_who_may_look_may_do_no_more(
    session: murmur.Session, run: murmur.Run, order: Callable[[murmur.Session], object]
) -> None:
    with murmur.attach(session.open(read_only=True)) as there:
        with pytest.raises(ClusterError, match="lets its holder look, and no more"):
            order(there)
        assert there.status().users["running"] == 5
        assert there.scenario is None

    assert run.results.changes.empty


def test_who_may_look_is_no_node_whatever_the_ticket_says(session: murmur.Session) -> None:
    """The right stands in the certificate; the text of a ticket can be written by anybody."""
    ticket = session.open(read_only=True)
    with pytest.raises(TicketError, match="it lets its holder look, and not join"):
        murmur.join(ticket)
    with pytest.raises(JoinError, match="not good for nodes"):
        murmur.join(replace(ticket, rights=("join",)))

    with murmur.attach(replace(ticket, rights=("steer", "look"))) as there:
        assert there.is_read_only
        with pytest.raises(ClusterError, match="look, and no more"):
            there.reset()


def test_a_revoked_ticket_lets_nobody_in_and_sends_away_who_is(session: murmur.Session) -> None:
    ours, theirs = session.open(name="ours"), session.open(name="theirs")
    with murmur.attach(ours) as one, murmur.attach(theirs) as other:
        with murmur.join(theirs, name="guest") as node:
            session.revoke("theirs")
            assert node.wait(timeout=10)
            assert "guest" not in session.nodes
        with pytest.raises(SessionClosedError, match="revoked"):
            other.status()
        assert one.status().state == "idle"
    for enter in (murmur.join, murmur.attach):
        with pytest.raises(JoinError, match="its ticket was revoked"):
            enter(theirs)
    with pytest.raises(ClusterError, match="were revoked; give another name"):
        session.open(name="theirs")
    with pytest.raises(UnknownNameError, match="thiers"):
        session.revoke("thiers")


def test_what_only_the_process_of_a_session_can_do_is_refused(session: murmur.Session) -> None:
    with murmur.attach(session.open()) as there:
        for call in (lambda: there.do(Steady), there.open, lambda: there.spawn_nodes(1)):
            with pytest.raises(ClusterError, match="is for the process that has the session"):
                call()
        assert there.run is None
        assert there.status().state == "idle"


def test_an_error_there_is_the_same_error_here(session: murmur.Session, run: murmur.Run) -> None:
    with murmur.attach(session.open()) as there, pytest.raises(UnknownSettingError, match="pcae"):
        there.update(pcae=1.0)


def test_the_panel_shows_a_session_that_is_elsewhere(
    session: murmur.Session, run: murmur.Run
) -> None:
    with murmur.attach(session.open(read_only=True)) as there:
        panel = there.panel()
        wait_for(lambda: "5 running" in str(panel))


def test_a_run_of_the_command_line_is_attached_to(tmp_path: Path) -> None:
    (tmp_path / "steady.py").write_text(SCENARIO)
    words = "run steady.py -u 4 -d 60s --listen 127.0.0.1:0 --ticket t --look-ticket l --wait-for 0"
    command = subprocess.Popen(
        [sys.executable, "-m", "murmur", *words.split(), "--set", "user_rate=inf"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for((tmp_path / "l").exists)
        with murmur.attach(tmp_path / "t") as there, murmur.attach(tmp_path / "l") as eyes:
            wait_for(lambda: eyes.status().users["running"] == 4)
            there.add(2)
            wait_for(lambda: eyes.status().users["running"] == 6)
            there.stop()
        written, _ = command.communicate(timeout=60)
    finally:
        command.kill()
        command.communicate()

    assert command.returncode in (0, 3)  # 3 on a machine that is too busy
    assert "6 left" in written
