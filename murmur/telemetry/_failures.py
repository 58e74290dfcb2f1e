"""Failures on one node: how often what failed in which way, and one traceback of each kind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from murmur._guard import trace_of

from ._chunk import ErrorCount
from ._codes import OTHER, Codes, Names
from ._intake import taken, taken_items
from ._kinds import Kind, Kinds, leaf_of
from ._plain import name_of

if TYPE_CHECKING:
    from ._events import Event

FAILED_ACTION = "_murmur_action"
"""Attribute of an error that failed an action: it may go on and end the user."""

FAILURES = {
    "amoc.coordinator.failure": ("coordinator", "name"),
    "amoc.throttle.failure": ("throttle", "name"),
    "amoc.handler.failure": ("handler", "handler"),
    "amoc.config.failure": ("setting", "setting"),
    "amoc.scenario.init.exception": ("scenario", "init"),
    "amoc.scenario.terminate.exception": ("scenario", "terminate"),
}
"""Events that tell of a failure: of what, and its name or the key that has it."""


class Failures:
    """Counts what fails, by its kind; any thread may count."""

    def __init__(
        self,
        names: Names,  # codes of what fails
        run_time: Callable[[], float],  # returns seconds since the run started
        limit: int,  # kinds that are told apart
        conceal: Callable[[str], str],  # returns a text without the secrets in it
    ) -> None:
        self.kinds = Kinds(conceal)
        self._names = names
        self._run_time = run_time
        self._conceal = conceal
        self._codes = Codes(limit, Kind(OTHER, ""))
        self._explained: set[int] = set()  # kinds of which there was a traceback
        self._tracebacks: dict[int, str] = {}
        self._ended_users: set[int] = set()  # kinds that ended a user
        self._counts: list[ErrorCount] = []

    def add(self, source: str, name: str, kind: int, *, number: int = 1, users: int = 0) -> None:
        """Count a failure of the code `kind`, and the users that ended by it."""
        at = self._run_time()
        count = ErrorCount(self._names[name], kind, number, at, at, source, users)
        self._counts.append(count)

    def fail_action(self, name: str, error: BaseException | str) -> int:
        """Return the code of an error that failed an action, whose row counts it."""
        if isinstance(error, BaseException):
            with suppress(Exception):  # a user's class may refuse it
                vars(leaf_of(error)).setdefault(FAILED_ACTION, name_of(name))
        return self.code_of(error)

    def end_user(self, scenario: str, error: BaseException) -> bool:
        """Count a user that ended by `error`; return whether none has by one of its kind."""
        action = getattr(leaf_of(error), FAILED_ACTION, None)
        is_new = (kind := self.code_of(error)) not in self._ended_users
        self._ended_users.add(kind)
        if isinstance(action, str):  # it is counted already
            self.add("action", action, kind, number=0, users=1)
        else:
            self.add("user", scenario, kind, users=1)
        return is_new

    def heed(self, event: Event) -> None:
        """Count a failure if an event tells of one."""
        source, key = FAILURES.get(event.name, ("", ""))
        if not source:
            return
        told = event.metadata
        name, _, text = str(told.get("error") or told.get("kind") or "failed").partition(": ")
        kind = self._codes[self.kinds.of_text(name, str(told.get("reason") or text))]
        self._explain(kind, str(told.get("traceback") or ""))
        number = int(event.measurements.get("count", 1))
        self.add(source, name_of(told.get(key, key)), kind, number=number)

    def code_of(self, error: BaseException | str) -> int:
        """Return the code of an error's kind, and keep the first traceback of each."""
        code = self._codes[self.kinds.of(error)]
        if code not in self._explained and isinstance(error, BaseException):
            self._explain(code, trace_of(error))
        return code

    def labels(self) -> tuple[tuple[str, str], ...]:
        """Return what the codes of kinds stand for, as plain tuples: they travel."""
        return tuple((kind.name, kind.text) for kind in self._codes.labels())

    def take(self) -> list[ErrorCount]:
        """Return what was counted since the last time: one count for each way of each thing."""
        summed: dict[tuple[str, int, int], ErrorCount] = {}
        for count in taken(self._counts):
            known = summed.get(count.key)
            summed[count.key] = known.plus(count) if known else count
        return list(summed.values())

    def take_tracebacks(self) -> dict[int, str]:
        """Return the tracebacks that are new since the last time, by the code of their kind."""
        return taken_items(self._tracebacks)

    def _explain(self, code: int, text: str) -> None:
        if text and code not in self._explained:
            self._explained.add(code)
            self._tracebacks[code] = self._conceal(text)
