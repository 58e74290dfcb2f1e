"""A run as one line now and then: for logs, containers and CI."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self, TextIO

from murmur.results import duration_text

if TYPE_CHECKING:
    from ._look import Look

from murmur.telemetry import one_line

_MOST_ERRORS = 20
"""Kinds of errors that are told as they appear; the summary has the most frequent."""


class Lines:
    """Writes a line for a look every so many seconds, and what goes wrong for the first time."""

    def __init__(
        self,
        out: TextIO,  # where to
        every: float,  # seconds between two lines
    ) -> None:
        self._out = out
        self._every = every
        self._next = every
        self._told: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        """Return itself; there is nothing to open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: every line is written at once."""

    def show(self, look: Look) -> None:
        """Write a line if it is time for one."""
        if look.status.elapsed < self._next:
            return
        self._next = self._every * (1 + look.status.elapsed // self._every)
        self.say(line_of(look))
        for name, error, _ in look.errors:
            if (name, error) not in self._told and len(self._told) < _MOST_ERRORS:
                self._told.add((name, error))
                self.say(f"       {one_line(name)} failed: {one_line(error)}")

    def say(self, note: str) -> None:
        """Write a sentence at once."""
        self._out.write(f"{note}\n")
        self._out.flush()


class Silence(Lines):
    """Shows no progress; what has to be said is said all the same."""

    def show(self, look: Look) -> None:
        """Do nothing."""


def line_of(look: Look) -> str:
    """Return a look as one line."""
    users, total = look.status.users, look.total
    parts = [
        f"{look.status.elapsed:4.0f} s",
        "users " + ", ".join(f"{users[state]:,} {state}" for state in users if users[state]),
        f"{total.rate:,.1f}/s, {total.count:,} done, {total.failed:,} failed",
    ]
    if not math.isnan(total.p50):
        p50, p95, p99 = map(duration_text, (total.p50, total.p95, total.p99))
        parts.append(f"p50 {p50}, p95 {p95}, p99 {p99}")
    if look.checks:
        held = sum(result.holds for result in look.checks)
        parts.append(f"{held} of {len(look.checks)} checks hold")
    if look.is_saturated:
        parts.append(f"GENERATOR SATURATED (lag {duration_text(look.lag)})")
    parts += [f"problem: {problem}" for problem in look.status.problems[-1:]]
    return " | ".join(parts)
