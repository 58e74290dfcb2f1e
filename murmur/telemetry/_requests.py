"""Requests and questions that were recorded in one row each, taken apart, and their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ._buckets import sums
from ._chunk import by_window
from ._codes import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Table = NDArray[Any]


class Asked(Protocol):
    """A request or a question: its name, and when it should have started, and did."""

    name: Any
    due_at: float
    started_at: float


def with_actions_of(requests: Table, actions: Table) -> Table:
    """Return actions, and those that requests or questions are, in the order of their ends."""
    import numpy as np

    if not len(requests):
        return actions
    made = np.empty(len(requests), actions.dtype)
    for column in ("name", "user_id", "due_at", "started_at", "ended_at"):
        made[column] = requests[column]
    made["error"] = MISSING
    return _together(actions, made, "ended_at")


def with_answers_of(requests: Table, answers: Table, code_of: Callable[[str], int]) -> Table:
    """Return answers, and those to requests, in the order in which they came.

    `code_of` returns the code of the counter of a status.
    """
    import numpy as np

    if not len(requests):
        return answers
    made = np.empty(len(requests), answers.dtype)
    statuses, places = np.unique(requests["status"], return_inverse=True)
    codes = [code_of(f"http.status.{status}") for status in statuses.tolist()]
    made["name"] = np.array(codes, "<i2")[places]
    waited = requests["first_byte_at"] - requests["started_at"]
    made["first_byte"], made["at"] = np.maximum(waited, 0.0), requests["ended_at"]
    for column in ("sent", "received"):
        made[column] = requests[column]
    return _together(answers, made, "at")


def with_values_of(
    answers: Table, counts: Table, gauges: Table, code_of: Callable[[str], int], length: float
) -> tuple[Table, Table]:
    """Return counts and gauges, and those that answers come to, in windows of that length."""
    import numpy as np

    if not len(answers):
        return counts, gauges

    # Summed before they become rows: three for each answer took longer than all else here.
    window, status, group = by_window(answers, length)
    number = len(window)

    def rows(name: Table | int, value: Table) -> Table:
        made = np.empty(number, counts.dtype)
        made["name"], made["value"], made["at"] = name, value, (window + 0.5) * length
        return made

    added = (
        rows(status, np.bincount(group, minlength=number)),
        rows(code_of("http.sent_bytes"), sums(group, answers["sent"], number)),
        rows(code_of("http.received_bytes"), sums(group, answers["received"], number)),
    )
    first_byte = np.empty(len(answers), gauges.dtype)
    first_byte["name"] = code_of("http.first_byte_seconds")
    first_byte["value"], first_byte["at"] = answers["first_byte"], answers["at"]
    return np.concatenate([counts, *added]), np.concatenate([gauges, first_byte])


def with_messages_of(asks: Table, counts: Table, code_of: Callable[[str], int]) -> Table:
    """Return what was added to counters, and the message that answers each question."""
    import numpy as np

    if not len(asks):
        return counts
    made = np.empty(len(asks), counts.dtype)
    made["name"], made["value"] = code_of("websocket.received"), 1.0
    made["at"] = asks["ended_at"]
    return np.concatenate([counts, made])


def _together(one: Table, other: Table, moment: str) -> Table:
    """Return the rows of both in the order of their `moment`."""
    import numpy as np

    if not len(one):
        return other
    both = np.concatenate([one, other])
    return both[np.argsort(both[moment], kind="stable")]
