"""Progress of a search for capacity: how far it is, and what is known so far.

The panel shows it, and so does the cell that searches.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from murmur.errors import number_of

if TYPE_CHECKING:
    from murmur.results.capacity import Search

_NAMED = 4  # loads of one answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchProgress:
    """How far a search for capacity is.

    Attributes
    ----------
    check : str
        What has to hold.
    unit : str
        Of the loads.
    most : int
        Steps at most.
    seconds : float
        Length of a step.
    load : float
        Of the step that is on.
    low, high : float
        Between which loads the limit lies, as far as is known.
    answers : tuple of (float, str)
        Load and answer of each step that is over.
    outcome : str
        What was found; empty while it is searched.
    run_id : str or None
        The last step's run, once the search is over.
    """

    check: str
    unit: str
    most: int
    seconds: float
    load: float
    low: float
    high: float
    answers: tuple[tuple[float, str], ...] = ()
    outcome: str = ""
    run_id: str | None = None

    @classmethod
    def of(
        cls, search: Search, load: float, *, check: str, unit: str, seconds: float
    ) -> SearchProgress:
        """Return how far a search is when the step at `load` begins."""
        low, high = search.interval()
        answers = tuple((one.load, one.answer) for one in search.asked)
        return cls(
            check=check,
            unit=unit,
            most=search.most,
            seconds=seconds,
            load=load,
            low=low,
            high=high,
            answers=answers,
        )

    def share(self, elapsed: float) -> float:
        """Return how much of all steps is done, `elapsed` seconds into the one that is on."""
        if self.outcome:
            return 1.0
        return min(1.0, (len(self.answers) + min(elapsed / self.seconds, 1.0)) / self.most)

    def step(self, elapsed: float) -> str:
        """Return which step is on, in words."""
        if self.outcome:
            return f"{self.outcome} (after {number_of(len(self.answers), 'step')})"
        from murmur.results.capacity import load_text  # imports pandas

        done = min(elapsed, self.seconds)
        return (
            f"{self.check}: step {len(self.answers) + 1} of at most {self.most}, "
            f"{load_text(self.load, self.unit)}, {done:.0f} of {self.seconds:g} s"
        )

    @property
    def known(self) -> str:
        """What is known so far, in words."""
        if not self.answers:
            return "nothing is known yet"
        counts = Counter(answer for _, answer in self.answers)
        parts = [
            f"{word} {_loads(sorted({load for load, each in self.answers if each == answer}))}"
            for answer, word in (
                ("holds", "held at"),
                ("fails", "failed at"),
                ("no answer", "no answer at"),
            )
            if counts[answer]
        ]
        if counts["fails"] and not self.outcome:
            between = f"{_loads([self.low])} and {_loads([self.high])} {self.unit}"
            parts.append(f"so far the limit lies between {between}")
        return "; ".join(parts)


def _loads(loads: list[float]) -> str:
    """Return loads as text: the largest of many."""
    shown = ", ".join(f"{load:,.4g}" for load in loads[-_NAMED:])
    return f"{'… ' if len(loads) > _NAMED else ''}{shown}"


class CellOutput:
    """One output of a cell that shows progress: a bar and two lines."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, progress: SearchProgress, elapsed: float) -> None:
        """Show how far the search is."""
        from IPython.display import display

        lines = (progress.step(elapsed), progress.known)
        bar = f"<progress style='width: 100%' value='{progress.share(elapsed):.4f}'></progress>"
        text = {
            "text/plain": "\n".join(lines),
            "text/html": f"{bar}<br>{'<br>'.join(map(escape, lines))}",
        }
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(text, raw=True)


def cell_output() -> CellOutput | None:
    """Return where a cell shows progress; None outside of notebooks."""
    # There in part while another thread imports it, and then this is no kernel's process.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return None if getattr(shell, "kernel", None) is None else CellOutput()
