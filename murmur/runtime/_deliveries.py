"""Deliveries: messages that are stamped by who sends them, and measured where they arrive.

Everything is kept as counters, gauges and actions, which every node has; the frame
``deliveries`` puts them together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from murmur._given import integer_given, needed
from murmur._guard import text_of

from ._stamp import Stamp
from ._timer import due_given, refuse_the_gone

if TYPE_CHECKING:
    from ._user import User

MOST = 2**32
"""Users that one message can be expected at; there are no more ids."""

SENT, EXPECTED = "deliveries.sent: ", "deliveries.expected: "
"""Beginnings of the counters of stamps, and of how many users they should arrive at."""

ARRIVED = "deliveries.arrived: "
"""Beginning of the counters of stamps that arrived at a user for the first time."""

DUPLICATES, UNCERTAIN = "deliveries.duplicates: ", "deliveries.uncertain: "
"""Beginnings of the counters of stamps that came twice, and of times within the clocks' error."""

CLOCK_ERROR = "deliveries.clock_error: "
"""Beginning of the gauges of how wrong the clocks of both ends may be together."""

OF_OTHER_RUNS = "deliveries.of_other_runs"
"""Counter of stamps of other runs, such as a broker may have kept."""


def stamp(user: User, name: str, number: int, expected: int, due_at: float | None) -> str:
    """Return the text of a stamp, and count it as sent; see `User.stamp`."""
    remedy = "give how many users it should arrive at, 0 or more"
    expected = integer_given("expected", expected, remedy, least=0)
    needed(expected <= MOST, "expected", expected, remedy)
    due_at = None if due_at is None else due_given(due_at)
    run, name = user.run, text_of(name)
    if not refuse_the_gone(run.recorder, user):
        run.recorder.count(f"{SENT}{name}")
        if expected:
            run.recorder.count(f"{EXPECTED}{name}", expected)
    sent_at = run.run_time()
    due = sent_at if due_at is None else min(sent_at, due_at - run.recorder.started_at)
    return str(Stamp(run.spec.run_id, user.id, number, due, sent_at, run.clock_error, name))


def arrive(user: User, text: object) -> float | None:
    """Record the way of a message to a user of this node; see `User.arrived`.

    A time may come out below zero, by no more than the clocks' error; it is recorded as it is,
    and counted as uncertain, as is every one that is not larger than that error.
    """
    read, run = Stamp.read(text), user.run
    recorder = run.recorder
    if refuse_the_gone(recorder, user):
        return None
    if read.run != run.spec.run_id:
        recorder.count(OF_OTHER_RUNS)
        return None
    if not user.seen.is_new(read.user_id, read.number):
        recorder.count(f"{DUPLICATES}{read.name}")
        return None
    seconds, error = run.run_time() - read.sent_at, read.clock_error + run.clock_error
    if error and math.isfinite(error):
        recorder.gauge(f"{CLOCK_ERROR}{read.name}", error)
        if seconds <= error:
            recorder.count(f"{UNCERTAIN}{read.name}")
    recorder.count(f"{ARRIVED}{read.name}")
    ended_at = run.native.now()
    started_at = ended_at - seconds
    due_at = started_at - (read.sent_at - read.due_at)
    recorder.action(read.name, user.id, due_at, started_at, ended_at)
    return seconds
