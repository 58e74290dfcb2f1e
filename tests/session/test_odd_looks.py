"""Looks that fail, or that another thread comes between: the run goes on, and tells."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import murmur
from murmur.recording import RunRecord

PATIENCE = 60.0


class Brief(murmur.Scenario):
    """Users act once and go."""

    async def start(self, user: murmur.User) -> None:
        user.record("act", 0.01)


class Stays(murmur.Scenario):
    """Users act once and stay until they are asked to leave."""

    async def start(self, user: murmur.User) -> None:
        user.record("act", 0.01)
        await user.leaving.wait()


def wait_until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as made:
        yield made


def test_a_run_ends_though_nobody_can_say_what_was_wrong_with_it(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = sys.modules["murmur._session._ending"]
    real = module.status_of

    def status_of(*args: Any, record: RunRecord | None = None, **keywords: Any) -> murmur.Status:
        if record is not None:
            raise IndexError("the fault")
        return real(*args, **keywords)

    monkeypatch.setattr(module, "status_of", status_of)
    run = session.do(Stays, 3, user_rate=float("inf"))
    assert session.status().users["running"] == 3  # a look goes on, too
    session.stop()

    status = run.wait(PATIENCE)

    assert (status.state, status.users["gone"], status.run_id) == ("finished", 3, run.id)
    assert "what else is wrong cannot be told: IndexError: the fault" in status.problems
    assert len([line for line in caplog.records if "cannot be told in full" in line.message]) == 1
    again = session.do(Brief, 2, user_rate=float("inf"), end_when_idle=True)  # the loop lives
    assert again.wait(PATIENCE).users["gone"] == 2


def test_the_keepers_of_a_directory_go_on_after_a_failed_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with murmur.Session(directory=tmp_path) as session:
        run = session.do(Stays, 3, user_rate=float("inf"))
        assert run.directory is not None
        pulse = run.directory / "status.json"
        cluster = session._host.present

        async def fault() -> None:
            raise IndexError("the fault")

        with monkeypatch.context() as patch:
            patch.setattr(cluster, "status", fault)
            patch.setattr(cluster, "flush", fault)
            wait_until(lambda: len(run._record.troubles) == 2)
            patch.undo()
            assert all("IndexError: the fault" in each for each in session.status().problems[-2:])
        wait_until(lambda: not run._record.troubles)
        pulse.unlink()
        wait_until(pulse.exists)
        assert json.loads(pulse.read_text())["users"]["running"] == 3
        assert session.status().problems == ()


def test_a_status_is_of_one_run_though_the_next_begins_before_it_is_read(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = session.do(Stays, 3, user_rate=float("inf"))
    real = session._host.ask
    answers: list[Any] = []

    def ask(*args: Any, **keywords: Any) -> Any:
        answers.append(real(*args, **keywords))
        if len(answers) == 1:  # what another thread does at this moment
            begin_another(session, run)
        return answers[0] if args[0] == "observe" else answers[-1]

    monkeypatch.setattr(session._host, "ask", ask)
    seen = session.observe()

    assert (seen.status.run_id, sum(seen.status.users.values())) == (run.id, 3)
    assert (seen.status.state, seen.recent.total.count) == ("running", 3)


@pytest.mark.parametrize("look", ["status", "observe"])
def test_a_run_tells_of_itself_though_the_next_begins_before_it_is_asked(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    run = session.do(Stays, 3, user_rate=float("inf"))
    real = session._host.ask

    def ask(*args: Any, **keywords: Any) -> Any:
        monkeypatch.undo()
        begin_another(session, run)  # what another thread does at this moment
        return real(*args, **keywords)

    monkeypatch.setattr(session._host, "ask", ask)
    seen = getattr(run, look)()

    status = seen if look == "status" else seen.status
    assert (status.run_id, status.state, status.users["gone"]) == (run.id, "finished", 3)


def begin_another(session: murmur.Session, run: murmur.Run) -> None:
    run.stop()
    run.wait(PATIENCE)
    session.do(Stays, 50, user_rate=float("inf"))
