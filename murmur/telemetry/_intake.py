"""Intake of a recorder until it is sealed; any thread may add while one takes it away."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ._chunk import Change, Dropped, Sample
from ._rows import Rows

if TYPE_CHECKING:
    from ._events import Event

Item = TypeVar("Item")


def _action_rows() -> Rows:
    times = [("due_at", "<f8"), ("started_at", "<f8"), ("ended_at", "<f8")]
    return Rows("<hhIddd", [("name", "<i2"), ("error", "<i2"), ("user_id", "<u4"), *times])


def _user_rows() -> Rows:
    times = [("admitted_at", "<f8"), ("started_at", "<f8"), ("ended_at", "<f8")]
    texts = [(name, "<i2") for name in ("outcome", "reason", "scenario", "result")]
    return Rows("<hhhhIddd", [*texts, ("user_id", "<u4"), *times])


def _value_rows() -> Rows:
    return Rows("<hdd", [("name", "<i2"), ("value", "<f8"), ("at", "<f8")])


def _answer_rows() -> Rows:
    sizes = [("sent", "<u8"), ("received", "<u8")]
    return Rows("<hQQdd", [("name", "<i2"), *sizes, ("first_byte", "<f8"), ("at", "<f8")])


def _request_rows() -> Rows:
    times = [(f"{name}_at", "<f8") for name in ("due", "started", "first_byte", "ended")]
    sizes = [("sent", "<u8"), ("received", "<u8")]
    who = [("name", "<i2"), ("status", "<i2"), ("user_id", "<u4")]
    return Rows("<hhIddddQQ", [*who, *times, *sizes])


def _ask_rows() -> Rows:
    times = [(f"{name}_at", "<f8") for name in ("due", "started", "ended")]
    return Rows("<hIddd", [("name", "<i2"), ("user_id", "<u4"), *times])


@dataclass(slots=True)
class Hot:
    """Rows that come many times a second."""

    actions: Rows = field(default_factory=_action_rows)
    spans: Rows = field(default_factory=_action_rows)
    users: Rows = field(default_factory=_user_rows)
    counts: Rows = field(default_factory=_value_rows)
    gauges: Rows = field(default_factory=_value_rows)
    answers: Rows = field(default_factory=_answer_rows)
    requests: Rows = field(default_factory=_request_rows)
    asks: Rows = field(default_factory=_ask_rows)


@dataclass(slots=True)
class Cold:
    """Samples that come about once a second, and what happens now and then."""

    dropped: list[Dropped] = field(default_factory=list)
    samples: list[tuple[str, Sample]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class Tally:
    """A count that any thread may raise, since `next` is one step of the interpreter."""

    __slots__ = ("_count", "_taken", "_takes", "add")

    def __init__(self) -> None:
        self._count = itertools.count()
        self._taken = 0
        self._takes = 0
        self.add: Callable[[], int] = self._count.__next__

    def take(self) -> int:
        """Return by how much it was raised since it was last taken."""
        total = next(self._count) - self._takes
        self._takes += 1
        self._taken, before = total, self._taken
        return total - before


def taken(items: list[Item]) -> tuple[Item, ...]:
    """Remove and return what a list holds; what is appended meanwhile stays."""
    taken = tuple(items)
    del items[: len(taken)]
    return taken


def taken_items(items: dict[int, str]) -> dict[int, str]:
    taken = items.copy()
    for key in taken:
        del items[key]
    return taken
