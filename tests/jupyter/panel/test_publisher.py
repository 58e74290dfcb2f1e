"""The publisher tells what changed, whole, and no more than four times a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from murmur._session import Observation
from murmur.errors import NodeTimeoutError, RunStateError, SessionClosedError
from murmur.jupyter.panel import Cell, Publisher, words
from murmur.results import Verdict
from murmur.runtime import RunState
from murmur.widgets import Chart, Controls, Figures, Log, Settings


class Listening:
    """Notes when a panel was shown something, in place of the page."""

    def __init__(self, panel: Any) -> None:
        self.moments: list[float] = []
        self.answers: list[dict[str, Any]] = []
        show = panel.show

        def note(state: Any, rows: Any) -> None:
            self.moments.append(anyio.current_time())
            show(state, rows)

        panel.show = note
        panel.answer = lambda number, **outcome: self.answers.append({"id": number, **outcome})


@pytest.fixture
def publisher(subject, monkeypatch):
    # Charts are drawn in another thread, for which virtual time does not wait.
    async def nothing(_: Publisher, __: object) -> dict[str, Any]:
        return {}

    monkeypatch.setattr(Publisher, "_rows", nothing)
    made = Publisher(subject)
    yield made
    for panel in made._views:
        panel.close()


async def test_a_panel_is_told_twice_a_second_and_then_left_alone(publisher):
    panel = publisher.open()
    listening = Listening(panel)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        await anyio.sleep(3.1)
        panel.close()

    assert 6 <= len(listening.moments) <= 8


async def test_a_state_that_stays_is_sent_again_for_the_page_that_missed_it(publisher):
    """What a page does not take in time is lost, and after the end of a run nothing follows."""
    panel = publisher.open()
    sent: list[tuple[str, float]] = []
    panel.send_state = lambda key: sent.append((key, anyio.current_time()))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        began = anyio.current_time()
        await anyio.sleep(100)
        panel.close()

    assert [at - began for key, at in sent if key == "state"] == pytest.approx([0, 2, 8, 30], abs=1)
    assert [at - began for key, at in sent if key == "rows"] == pytest.approx([2, 8, 30], abs=1)


@pytest.mark.parametrize(
    ("state", "told"), [(RunState.TERMINATING, [3, 4, 5]), (RunState.FINISHED, [])]
)
async def test_while_a_run_is_on_a_page_hears_each_second(publisher, subject, state, told):
    """As when its archive is written: nothing changes, and it is no silence."""
    subject.seen = seen_in(state, "r1")
    panel, heard = publisher.open(), []
    panel.observe(lambda change: heard.append(change.new), "second")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        began = int(anyio.current_time())
        await anyio.sleep(5.9)
        panel.close()

    assert [second - began for second in heard if second - began in (3, 4, 5)] == told


async def test_a_click_is_shown_at_once_but_not_more_often_than_four_times_a_second(publisher):
    panel = publisher.open()
    listening = Listening(panel)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        await anyio.sleep(2)
        for _ in range(200):
            await publisher._ring()
            await anyio.sleep(0.01)
        panel.close()

    moments = listening.moments
    busiest = max(sum(0 <= other - one < 0.99 for other in moments) for one in moments)
    assert busiest == 4


async def test_two_views_agree(publisher, subject):
    first, second = publisher.open(), publisher.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        await anyio.sleep(1)
        first.close()
        second.close()

    assert first.state == second.state
    assert len(subject.posted) == 1  # one task serves both


async def test_the_last_panel_that_is_closed_ends_it_and_the_next_begins_anew(publisher, subject):
    publisher.open().close()
    await publisher.serve()

    publisher.open()

    assert len(subject.posted) == 2


def test_a_cell_that_is_run_again_closes_the_panel_it_made_before(publisher, monkeypatch):
    cells = iter([Cell("a", "1"), Cell("b", "2"), Cell("a", "3"), Cell("", "4"), Cell("", "5")])
    monkeypatch.setattr("murmur.jupyter.panel._panel.cell_here", lambda: next(cells))

    old, other, new, unknown, _ = (publisher.open() for _ in range(5))

    assert old.is_closed
    assert not any(panel.is_closed for panel in (other, new, unknown))


async def test_a_command_is_answered_noted_as_code_and_shown(publisher, subject, session):
    panel = publisher.open()
    listening = Listening(panel)
    publisher.perform(panel, {"name": "add", "id": "7", "arguments": {"count": "3"}})
    fn, *arguments = subject.posted[-1]

    await fn(*arguments)

    assert session.calls == [("add", 3, {})]
    assert listening.answers == [
        {"id": "7", "said": "3 users added (1 to 3).", "refused": False, "problems": {}}
    ]
    assert publisher._code.text.endswith("session.add(3)")


async def test_a_refused_command_leaves_no_code(publisher, subject, session):
    session.errors["add"] = RunStateError("add users", "idle")
    panel = publisher.open()
    listening = Listening(panel)

    await publisher._perform(panel, {"name": "add", "id": "7", "arguments": {"count": "3"}})

    assert listening.answers[0]["refused"]
    assert "session.add" not in publisher._code.text


def test_a_session_that_is_closed_is_told_to_the_page(publisher, subject, monkeypatch):
    panel = publisher.open()
    listening = Listening(panel)

    def closed(*_: object) -> None:
        raise SessionClosedError

    monkeypatch.setattr(subject, "post", closed)
    publisher.perform(panel, {"name": "add", "id": "7"})
    publisher.wake()

    assert listening.answers[0]["refused"]


async def test_a_panel_that_breaks_does_not_hurt_the_others(publisher, caplog):
    broken, whole = publisher.open(), publisher.open()

    def fail(*_: object) -> None:
        raise ValueError("no")

    broken.show = fail
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        await anyio.sleep(1)
        whole.close()

    assert whole.state["state"] == "idle"
    assert "cannot be shown any more" in caplog.text
    broken.close()


async def test_with_the_loop_it_ends_and_the_page_is_told(publisher):
    panel = publisher.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        await anyio.sleep(1)
        tasks.cancel_scope.cancel()

    assert panel.state["session"] == "closed"


async def test_a_node_that_is_silent_leaves_the_page_without_news(publisher, subject, monkeypatch):
    panel = publisher.open()
    listening = Listening(panel)

    async def unanswered() -> None:
        await anyio.sleep(2)

    monkeypatch.setattr(subject, "look", unanswered)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        await anyio.sleep(5)
        panel.close()
        tasks.cancel_scope.cancel()

    assert listening.moments == []


@pytest.mark.parametrize(
    "trouble",
    [NodeTimeoutError("steering", "observe", 2.0), RunStateError("look at run 1", "another")],
)
async def test_a_session_elsewhere_that_says_nothing_for_a_while_is_shown_again(
    publisher, subject, trouble
):
    look, is_silent = subject.look, True

    async def silent_at_first() -> Any:
        if is_silent:
            raise trouble
        return await look()

    subject.look = silent_at_first
    panel = publisher.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        await anyio.sleep(5)
        assert panel.state == {}
        is_silent = False
        await anyio.sleep(1)
        assert panel.state["session"] == "open"
        panel.close()


async def test_a_look_that_fails_is_told_and_does_not_end_the_news(publisher, subject, caplog):
    """A fault of murmur's own must not leave a page that shows the last news for ever."""
    panel, look = publisher.open(), subject.look
    subject.seen = seen_in(RunState.RUNNING, "r1")

    async def fail() -> Any:
        raise IndexError("tuple index out of range")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        await anyio.sleep(1)
        subject.look = fail
        await anyio.sleep(60)
        assert (panel.state["session"], panel.state["state"]) == ("open", "running")
        assert "IndexError: tuple index out of range" in panel.state["unseen"]
        assert panel.state["unseen"] in words(panel.state)
        assert caplog.text.count("a look at the session failed") == 1

        subject.look = look
        subject.seen = seen_in(RunState.FINISHED, "r1")
        await anyio.sleep(1)
        assert panel.state["state"] == "finished"
        assert "unseen" not in panel.state
        panel.close()


async def test_the_first_look_may_fail_as_well(publisher, subject):
    async def fail() -> Any:
        raise IndexError("tuple index out of range")

    subject.look = fail
    panel = publisher.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        await anyio.sleep(1)
        assert "IndexError" in str(panel)
        panel.close()


@pytest.mark.parametrize("kind", [Controls, Figures, Log, Settings])
async def test_parts_say_what_speaks_against_what_they_show(publisher, subject, session, kind):
    """A part holds a slice of the state, which is too little to be told anew."""
    look, session.publisher = subject.look, publisher

    async def fail() -> Any:
        raise IndexError("tuple index out of range")

    subject.look, subject.seen = fail, seen_in(RunState.RUNNING, "r1")
    part = kind(session)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        await shown(part, lambda state: "IndexError" in state.get("unseen", ""))
        subject.look = look
        await shown(part, lambda state: state.get("state") == "running" and "unseen" not in state)
        subject.look = fail
        await shown(part, lambda state: state["state"] == "running" and "unseen" in state)
        tasks.cancel_scope.cancel()

    assert part.state["session"] == "closed"
    assert part.state["state"] == "running"
    part.close()


async def test_a_part_without_a_chart_is_sent_no_rows(subject, session, monkeypatch):
    async def rows(_: Publisher, __: object) -> dict[str, Any]:
        return {"span": [0.0, 60.0], "latency": {}, "users": {}}

    monkeypatch.setattr(Publisher, "_rows", rows)
    session.publisher = Publisher(subject)
    figures, chart = Figures(session), Chart(session, "latency")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.publisher.serve)
        await shown(chart, lambda state: "state" in state)
        figures.close()
        chart.close()

    assert figures.rows == {}
    assert chart.rows == {"span": [0.0, 60.0], "latency": {}}


async def test_a_verdict_that_fails_is_told_and_tried_again(publisher, subject, session, caplog):
    class Unjudged(SlowlyJudged):
        def judged(self) -> tuple[Verdict, dict[Any, str]]:
            if not self.may_end.is_set():
                raise KeyError("no such window")
            return super().judged()

    run = session.run = Unjudged()
    panel = publisher.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        subject.seen = seen_in(RunState.FINISHED, "r1")
        problem = "The run cannot be judged: KeyError: 'no such window'; it is tried again."
        await shown(panel, lambda state: state["problems"] == [problem])
        assert panel.state["verdict"]["state"] == "being judged"
        assert caplog.text.count("the run cannot be judged") == 1

        run.may_end.set()
        await told(panel, "valid")
        await shown(panel, lambda state: state["problems"] == [])
        panel.close()


async def test_panels_of_a_session_elsewhere_that_is_gone_say_so(publisher, subject):
    async def gone() -> Any:
        raise SessionClosedError("nobody is there")

    subject.look = gone
    for _ in range(2):  # the second is opened when the first has been told
        panel = publisher.open()
        await publisher.serve()
        assert panel.state["session"] == "closed"
        assert str(panel) == "murmur: the session is closed"
    assert [post[0] for post in subject.posted] == [publisher.serve] * 2


class SlowlyJudged:
    """A run whose judging takes until `may_end` is set."""

    def __init__(self) -> None:
        self.results, self.settings_at_start = None, {}
        self.may_end = threading.Event()
        self.word = "valid"
        self.under_way = self.most = 0

    def judged(self) -> tuple[Verdict, dict[Any, str]]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.may_end.wait()
        self.under_way -= 1
        return Verdict(self.word, ()), {}


def seen_in(state: RunState, run_id: str | None) -> Observation:
    """Return what is seen of a run in that state."""
    status = replace(Observation().status, state=state, run_id=run_id, elapsed=3.5)
    return Observation(status=status)


async def shown(panel: Any, holds: Callable[[dict[str, Any]], object]) -> None:
    """Wait until a panel shows what `holds`; the thread that judges is not on virtual time."""
    is_shown = anyio.Event()

    def look(_: object = None) -> None:
        if panel.state and holds(panel.state):
            is_shown.set()

    panel.observe(look, "state")
    look()
    await is_shown.wait()


async def told(panel: Any, verdict: str) -> None:
    """Wait for a verdict."""
    await shown(panel, lambda state: (state["verdict"] or {}).get("state") == verdict)


async def test_the_end_is_shown_at_once_and_its_verdict_when_it_is_there(
    publisher, subject, session
):
    run = session.run = SlowlyJudged()
    panel = publisher.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        subject.seen = seen_in(RunState.RUNNING, "r1")
        await anyio.sleep(1)
        assert (panel.state["state"], panel.state["verdict"]) == ("running", None)
        run.may_end.set()
        await told(panel, "valid")
        assert panel.state["verdict"]["at"] == 3

        run.word = "suspect"
        run.may_end.clear()
        for state in (RunState.TERMINATING, RunState.FINISHED):
            subject.seen = seen_in(state, "r1")
            await anyio.sleep(1)
            assert panel.state["state"] == state.value
        assert panel.state["verdict"] == {"state": "being judged", "at": None, "reasons": []}
        await anyio.sleep(60)
        run.may_end.set()
        await told(panel, "suspect")
        assert run.most == 1  # nobody judges while another does
        panel.close()


async def test_a_run_that_has_just_begun_has_no_verdict(publisher, subject, session):
    run = session.run = SlowlyJudged()
    run.may_end.set()
    panel = publisher.open()
    begun = seen_in(RunState.RUNNING, "r1")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        subject.seen = replace(begun, status=replace(begun.status, elapsed=0.9))
        await anyio.sleep(10)
        assert panel.state["verdict"] is None
        subject.seen = begun
        await told(panel, "valid")
        panel.close()


async def test_a_reset_leaves_no_verdict(publisher, subject, session):
    run = session.run = SlowlyJudged()
    run.may_end.set()
    panel = publisher.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        subject.seen = seen_in(RunState.FINISHED, "r1")
        await anyio.sleep(1)
        await told(panel, "valid")
        subject.seen = seen_in(RunState.IDLE, None)
        await anyio.sleep(10)

        assert panel.state["verdict"] is None
        panel.close()


async def test_the_next_run_does_not_have_the_verdict_of_the_last(publisher, subject, session):
    run = session.run = SlowlyJudged()
    run.may_end.set()
    panel = publisher.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publisher.serve)
        subject.seen = seen_in(RunState.FINISHED, "r1")
        await anyio.sleep(1)
        await told(panel, "valid")
        run.word = "suspect"
        run.may_end.clear()

        subject.seen = seen_in(RunState.RUNNING, "r2")
        await anyio.sleep(1)
        assert panel.state["verdict"] is None
        run.may_end.set()
        await told(panel, "suspect")
        panel.close()
