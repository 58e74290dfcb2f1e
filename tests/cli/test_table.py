"""The live table, as a terminal of a known size shows it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from murmur._cli._table import LiveTable


@pytest.fixture
def shown(look):
    """Return what a terminal shows of a look."""

    def shown(width: int = 100, note: str = "", **facts) -> str:
        console = Console(file=io.StringIO(), width=width, height=40, force_terminal=True)
        table = LiveTable("Chat", 60.0, console)
        if note:
            table.say(note)
        with console.capture() as captured:
            console.print(table._drawn(look(**facts)))
        plain = Console(file=io.StringIO(), width=width)
        from rich.text import Text

        plain.print(Text.from_ansi(captured.get()))
        return plain.file.getvalue()

    return shown


def test_it_shows_progress_users_and_actions(shown):
    screen = shown(elapsed=12.0, running=95, waiting=5)

    assert "Chat" in screen
    assert "12 of 60 s" in screen
    assert "users: 5 waiting, 95 running, 0 leaving, 0 gone" in screen
    rows = [line.split() for line in screen.splitlines() if line.startswith("nap")]
    assert rows == [["nap", "200", "1", "20.0", "100", "ms", "150", "ms", "200", "ms"]]


def test_checks_throttles_errors_and_health_stand_below(shown, results):
    screen = shown(
        checks=tuple(results.check("count == 200", "failed == 0")),
        errors=(("nap", "ConnectionError: bad dream", 1),),
        lag=0.002,
    )

    assert "check: count == 200: holds so far, 200" in screen
    assert "check: failed == 0: fails so far, 1 (1 of 200 actions)" in screen
    assert "error: 1 x nap: ConnectionError: bad dream" in screen
    assert "throttle: messages: 100/s, 3 waiting" in screen
    assert "generator: keeps up (lag p99 2 ms, 0.50 cores)" in screen


def test_a_saturated_generator_cannot_be_missed(shown):
    assert "generator: SATURATED, its numbers cannot be trusted" in shown(lag=0.2)


def test_a_note_stays_below_the_table(shown):
    lines = [line.strip() for line in shown(note="ending the run").splitlines()]

    assert [line for line in lines if line][-1] == "ending the run"


def test_it_fits_a_narrow_terminal(shown, results):
    screen = shown(width=60, errors=(("nap", "x" * 500, 1),))

    assert all(len(line) <= 60 for line in screen.splitlines())
    assert "p99" in screen


def test_without_actions_it_says_so(shown):
    assert "no action yet" in shown(actions=())


def test_many_actions_are_cut_and_summed_up(shown):
    screen = shown(actions=tuple(f"action-{number:02d}" for number in range(30)))

    assert "all, and 10 more" in screen
