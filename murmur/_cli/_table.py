"""The live table of a run, for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from murmur.results import duration_text
from murmur.results.checks import rate_text

if TYPE_CHECKING:
    from murmur.recording import Figures

    from ._look import Look

from murmur.telemetry import one_line

_COLUMNS = ("action", "count", "failed", "per second", "p50", "p95", "p99")
_MOST_ACTIONS = 20


class LiveTable:
    """Draws every look over the one before."""

    def __init__(
        self,
        title: str,
        duration: float | None,  # seconds it shall take; None if nobody knows
        # where to draw; standard error if not given, so that standard output stays clean
        console: Console | None = None,
    ) -> None:
        self._title = title
        self._duration = duration
        self._note = ""
        self._live = Live(
            console=console or Console(stderr=True),
            auto_refresh=False,
            transient=True,
            redirect_stdout=True,
            redirect_stderr=True,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the table away: the summary takes its place."""
        self._live.stop()

    def show(self, look: Look) -> None:
        """Draw a look."""
        self._live.update(self._drawn(look), refresh=True)

    def say(self, note: str) -> None:
        """Show a sentence below the table from now on."""
        self._note = note

    def _drawn(self, look: Look) -> RenderableType:
        parts: list[RenderableType] = [self._head(look), _users(look), _actions(look)]
        parts += [_line(line, style) for line, style in _lines(look)]
        if self._note:
            parts.append(Text(self._note, "yellow"))
        return Group(*parts)

    def _head(self, look: Look) -> RenderableType:
        elapsed = look.status.elapsed
        head = Table.grid(padding=(0, 2))
        cells: list[RenderableType] = [Text(self._title, "bold"), Text(look.status.state.value)]
        if self._duration is None:
            cells.append(Text(f"{elapsed:.0f} s"))
        else:
            cells.append(Text(f"{elapsed:.0f} of {self._duration:g} s"))
            cells.append(ProgressBar(self._duration, min(elapsed, self._duration), width=24))
        head.add_row(*cells)
        return head


def _users(look: Look) -> Text:
    users = ", ".join(f"{count:,} {state}" for state, count in look.status.users.items())
    return Text(f"users: {users}")


def _actions(look: Look) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "action" else "right", no_wrap=True)
    table.columns[0].overflow = "ellipsis"
    shown = sorted(look.actions, key=lambda action: -action.count)[:_MOST_ACTIONS]
    for action in sorted(shown, key=lambda action: action.name):
        table.add_row(*_cells(action))
    if len(look.actions) > 1:
        rest = len(look.actions) - len(shown)
        label = f"all, and {rest} more" if rest else "all"
        table.add_row(label, *_cells(look.total)[1:], style="bold")
    if not look.actions:
        table.add_row(Text("no action yet", "dim"))
    return table


def _cells(action: Figures) -> list[str | Text]:
    failed = Text(f"{action.failed:,}", "red" if action.failed else "")
    times = [duration_text(value) for value in (action.p50, action.p95, action.p99)]
    return [one_line(action.name), f"{action.count:,}", failed, f"{action.rate:,.1f}", *times]


def _lines(look: Look) -> list[tuple[str, str]]:
    """Return what stands below the actions: a line, and its style."""
    lines = [(_throttle(name, each), "") for name, each in look.status.throttles.items()]
    lines += [
        (f"error: {count:,} x {one_line(name)}: {one_line(text)}", "red")
        for name, text, count in look.errors
    ]
    for result in look.checks:
        word, style = ("holds", "green") if result.holds else ("fails", "red")
        remark = f" ({result.reason})" if result.reason else ""
        lines.append((f"check: {result.check}: {word} so far, {result.value_text}{remark}", style))
    lines += [(f"problem: {problem}", "red") for problem in look.status.problems[-3:]]
    lines.append(_generator(look))
    return lines


def _throttle(name: str, each: object) -> str:
    rate, waiting = getattr(each, "rate", math.nan), getattr(each, "waiting", 0)
    interval = getattr(each, "interval", 60.0) or 0.0
    if not interval:
        paced = f"{rate:g} at a time"
    else:
        paced = rate_text(rate / interval) if math.isfinite(rate) else "unlimited"
    paused = ", paused" if getattr(each, "paused", False) else ""
    return f"throttle: {one_line(name)}: {paced}, {waiting:,} waiting{paused}"


def _generator(look: Look) -> tuple[str, str]:
    if math.isnan(look.lag):
        when = "yet" if look.status.state == "running" else "any more"
        return f"generator: not measured {when}", "dim"
    figures = f"lag p99 {duration_text(look.lag)}, {look.cpu:.2f} cores"
    if look.is_saturated:
        return f"generator: SATURATED, its numbers cannot be trusted ({figures})", "bold red"
    return f"generator: keeps up ({figures})", "dim"


def _line(text: str, style: str) -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")
