"""A search for capacity says how far it is, and ends with what it found whatever ends it."""

from __future__ import annotations

import os
import signal

import anyio
import pytest

import murmur
from murmur._session import SearchProgress
from murmur._session._search_progress import CellOutput
from murmur.errors import WaitTimeoutError
from murmur.results.capacity import Search, Step


class Waits(murmur.Scenario):
    """Users wait 10 ms each time."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("order"):
                await user.sleep(0.01)


def test_progress_is_told_in_words_and_as_a_share():
    search = Search(10.0)
    for load, answer in ((10.0, "holds"), (20.0, "holds"), (40.0, "no answer"), (40.0, "fails")):
        search.take(load, answer)

    progress = SearchProgress.of(search, 28.0, check="p99 < 1s", unit="users", seconds=25.0)

    assert progress.step(5.0) == "p99 < 1s: step 5 of at most 14, 28 users, 5 of 25 s"
    assert progress.known.startswith("held at 10, 20; failed at 40; no answer at 40; so far")
    assert progress.share(12.5) == pytest.approx(4.5 / 14)
    assert progress.share(99.0) == pytest.approx(5 / 14)  # the step has no more than its time


def test_a_cell_shows_one_output_that_changes(monkeypatch):
    shown: list[dict[str, str]] = []

    class Handle:
        def update(self, text: dict[str, str], raw: bool) -> None:
            shown.append(text)

    def display(text: dict[str, str], **options: object) -> Handle:
        shown.append(text)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    output, search = CellOutput(), Search(10.0)
    for check in ("p99 < 1s", "p99 < 2s"):
        output.show(SearchProgress.of(search, 10.0, check=check, unit="users", seconds=5.0), 1.0)

    assert [text["text/plain"].splitlines()[1] for text in shown] == ["nothing is known yet"] * 2
    assert "p99 &lt; 2s" in shown[1]["text/html"]
    assert "<progress" in shown[1]["text/html"]


def searched(
    session: murmur.Session, on_step, scenario=Waits, **options: object
) -> murmur.results.Capacity:
    asked = {"check": "p50(order) < 10s", "low": 2, "hold": 0.3, "warm_up": 0.1, "high": 64}
    return session.find_capacity(scenario, on_step=on_step, **{**asked, **options})


class Interrupts(Waits):
    """Its first user presses Ctrl-C, in a step after the first."""

    is_armed = False

    async def start(self, user: murmur.User) -> None:
        if Interrupts.is_armed and user.id == 1:
            Interrupts.is_armed = False
            os.kill(os.getpid(), signal.SIGINT)
        await super().start(user)


def test_an_interrupt_in_a_step_keeps_what_was_found(in_front):
    def tell(step: Step, search: Search) -> None:
        Interrupts.is_armed = True

    with murmur.Session() as session:
        capacity = searched(session, tell, scenario=Interrupts)

        assert capacity.ended == "interrupted"
        assert [step.load for step in capacity.taken] == [2]
        assert session.observe().search.outcome == capacity.sentence
        session.do(Waits, 1)
        assert session.observe().search is None  # another run has begun


def test_a_search_that_cannot_go_on_keeps_what_was_found():
    with murmur.Session() as session:

        def tell(step: Step, search: Search) -> None:
            if len(search.asked) == 1:
                session.do(Waits, 1)  # in the way of the next step

        capacity = searched(session, tell)

    assert capacity.ended == "given up"
    assert "given up after" in capacity.sentence
    assert any("run" in remark for remark in capacity.remarks)


class Lingers(Waits):
    """Its run takes two seconds to end."""

    async def terminate(self) -> None:
        await anyio.sleep(2)


def test_a_step_that_does_not_end_is_not_judged(monkeypatch):
    monkeypatch.setattr("murmur._session._capacity.GLANCE", 0.1)
    monkeypatch.setattr("murmur._session._capacity.OVERTIME", 0.1)
    with murmur.Session() as session, pytest.raises(WaitTimeoutError, match="did not end within"):
        session.find_capacity(Lingers, check="p50(order) < 10s", low=2, hold=0.3, warm_up=0.1)
