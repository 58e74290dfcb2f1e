"""A panel keeps what the page shows, hears what it asks, and blocks nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from IPython.utils.capture import capture_output

from murmur._session import Observation
from murmur.errors import RunStateError
from murmur.jupyter.panel import Library, Panel, snapshot


class Publisher:
    """Remembers what a panel told it."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def perform(self, panel: Panel, message: Any) -> None:
        self.heard.append(message)

    def wake(self) -> None:
        self.heard.append("wake")

    def forget(self, panel: Panel) -> None:
        self.heard.append("forget")

    def results(self) -> Any:
        raise RunStateError("freeze the panel", "idle", "start a run first")


@pytest.fixture
def publisher():
    return Publisher()


@pytest.fixture
def panel(publisher):
    shown = Panel(publisher, Library())
    yield shown
    shown.close()


@pytest.fixture
def state(chat):
    return snapshot(Observation(), scenarios={"Chat": chat}, running=None, settings={}, code="")


def test_it_shows_what_it_is_told(panel, state):
    panel.show(state, {"span": [0.0, 60.0]})

    assert panel.state["state"] == "idle"
    assert panel.rows == {"span": [0.0, 60.0]}


def test_what_is_the_same_as_before_is_not_sent(panel, state, monkeypatch):
    sent = []
    panel.show(state, None)
    monkeypatch.setattr(panel, "send_state", lambda key=None: sent.append(key))

    panel.show(json.loads(json.dumps(state)), None)

    assert sent == []


def test_a_command_is_handed_on(panel, publisher):
    message = {"event": "command", "name": "add", "id": "1", "arguments": {"count": "5"}}

    panel._hear(panel, message, [])

    assert publisher.heard == [message]


@pytest.mark.parametrize("nonsense", [None, "add", {}, {"event": "dance"}, [1]])
def test_nonsense_is_passed_over(panel, publisher, nonsense):
    panel._hear(panel, nonsense, [])

    assert publisher.heard == []


def test_it_rests_while_no_page_shows_it(panel, publisher):
    assert panel.is_watched  # a page may be on its way
    panel._hear(panel, {"event": "ready"}, [])
    panel._hear(panel, {"event": "ready"}, [])
    panel._hear(panel, {"event": "gone"}, [])
    assert panel.is_watched

    panel._hear(panel, {"event": "gone"}, [])
    assert not panel.is_watched

    panel._hear(panel, {"event": "ready"}, [])
    assert panel.is_watched
    assert publisher.heard == ["wake"] * 3


def test_closed_it_takes_nothing_and_says_so(panel, publisher, state):
    panel.close()

    panel.show(state, None)
    panel.answer("1", said="done")

    assert panel.is_closed
    assert not panel.is_watched
    assert publisher.heard == ["forget"]


def test_without_a_kernel_it_is_a_line_of_text(panel, state):
    panel.show(state, None)

    assert panel._repr_mimebundle_() == {"text/plain": repr(panel)}
    assert repr(panel).startswith("murmur: idle")


def test_the_text_for_pages_without_widgets_ends_with_the_verdict(panel, state, whole_shell):
    panel._hear(panel, {"event": "ready"}, [])  # a page with widgets is there as well
    with capture_output() as captured:
        panel._text.show("")
        for verdict in ("being judged", "valid", "valid"):
            told = {"state": verdict, "at": None, "reasons": []}
            news = {"state": "finished", "verdict": told}
            panel.show({**state, **news}, None)

    texts = [output.data["text/plain"].split(" | ")[-1] for output in captured.outputs]
    assert texts == ["", "verdict: being judged", "verdict: valid"]


def test_the_state_of_the_widget_holds_no_secret(panel, state):
    panel.show(state, None)

    assert "hunter2" not in str(panel.get_state())


def test_before_a_run_there_is_nothing_to_freeze(panel):
    with pytest.raises(RunStateError, match="start a run first"):
        panel.freeze()


def test_a_page_that_is_ready_is_told_what_was_sent_before(panel, state, monkeypatch):
    sent = []
    panel.show(state, None)
    monkeypatch.setattr(panel, "send_state", sent.append)

    panel._hear(panel, {"event": "ready"}, [])

    assert sent == ["state"]


def test_where_no_output_can_keep_them_no_charts_are_drawn(panel):
    assert panel.keep() is False  # to draw is an error before a run
