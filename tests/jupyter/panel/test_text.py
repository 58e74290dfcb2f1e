"""The state in words, and an output that is replaced."""

from __future__ import annotations

import pytest
from IPython.utils.capture import capture_output

from murmur.jupyter.panel import TextOutput, words


def state(**changed):
    return {
        "session": "open",
        "state": "running",
        "scenario": "Chat",
        "elapsed": 1234,
        "users": {"waiting": 1, "running": 2000, "leaving": 0, "gone": 3},
        "figures": {"rate": 120.0, "failed": 1.5, "p50": "12 ms", "p99": "0.3 s"},
        "health": {"warning": "", "pace": "keeps up", "note": ""},
        **changed,
    }


def test_a_run_is_one_line():
    assert words(state()) == (
        "murmur: running Chat, 1,234 s"
        " | users: 1 waiting, 2,000 running, 0 leaving, 3 gone"
        " | 120.0 actions/s, 1.5 failed"
        " | response p50 12 ms, p99 0.3 s"
    )


@pytest.mark.parametrize(
    ("changed", "end"),
    [
        ({"session": "closed"}, "the session is closed"),
        ({"health": {"warning": "Too slow.", "pace": "", "note": ""}}, "Too slow."),
        (
            {"health": {"warning": "", "pace": "ending", "note": "terminate under way"}},
            "terminate under way",
        ),
        ({"verdict": {"state": "valid", "at": None, "reasons": []}}, "verdict: valid"),
        (
            {"verdict": {"state": "suspect", "at": 1230, "reasons": ["One."]}},
            "verdict at 1,230 s: suspect One.",
        ),
        (
            {
                "health": {"warning": "", "pace": "no news", "note": "for 7 s from two"},
                "verdict": {"state": "valid", "at": 1230, "reasons": []},
            },
            "verdict: unknown, no news for 7 s from two; at 1,230 s: valid",
        ),
    ],
)
def test_what_matters_is_said(changed, end):
    assert words(state(**changed)).endswith(end)


def test_an_output_that_was_never_shown_is_not_replaced():
    with capture_output() as captured:
        TextOutput().replace("news")

    assert captured.stdout == ""
    assert captured.outputs == []
