"""The panel in words: for front ends without widgets, and for whoever reads the page later.

It is an output of its own below the widget.  Where the widget shows, a rule of its style
sheet hides it; where it does not, this is what there is, and it is kept up to date.
"""

from __future__ import annotations

import secrets
from html import escape
from typing import Any

from IPython.display import display, update_display

from ._frozen import Frozen
from ._snapshot import ENDING, NO_NEWS


def words(state: dict[str, Any]) -> str:
    """Return the state of a session in one line.

    Examples
    --------
    >>> words({})
    'murmur: no news yet'
    >>> words({"session": "closed"})
    'murmur: the session is closed'
    """
    unseen = state.get("unseen", "")
    if "state" not in state:  # nothing was heard of it
        is_closed = state.get("session") == "closed"
        return f"murmur: {'the session is closed' if is_closed else unseen or 'no news yet'}"
    users, figures = state["users"], state["figures"]
    parts = [f"murmur: {state['state']}"]
    if state["scenario"]:
        parts[0] += f" {state['scenario']}, {state['elapsed']:,} s"
        counts = (f"{users[each]:,} {each}" for each in ("waiting", "running", "leaving", "gone"))
        parts.append("users: " + ", ".join(counts))
        parts.append(f"{figures['rate']:,.1f} actions/s, {figures['failed']:,.1f} failed")
    if figures["p50"]:
        parts.append(f"response p50 {figures['p50']}, p99 {figures['p99']}")
    if search := state.get("search"):
        parts.append(f"{search['step']}; {search['known']}")
    if state["health"]["pace"] == ENDING:
        parts.append(state["health"]["note"])
    if verdict := state.get("verdict"):
        parts.append(" ".join([_verdict_text(state), *verdict["reasons"]]))
    closed = "the session is closed" if state["session"] == "closed" else ""
    parts += filter(None, (state["health"]["warning"], unseen, closed))
    return " | ".join(parts)


def _verdict_text(state: dict[str, Any]) -> str:
    """Return the verdict, and of when it is while the run is on."""
    word, at = state["verdict"]["state"], state["verdict"]["at"]
    if at is None:
        return f"verdict: {word}"
    if state["health"]["pace"] == NO_NEWS:
        return f"verdict: unknown, {NO_NEWS} {state['health']['note']}; at {at:,} s: {word}"
    return f"verdict at {at:,} s: {word}"


class TextOutput:
    """One output of a cell whose text can be replaced."""

    def __init__(self) -> None:
        self._id = f"murmur-{secrets.token_hex(8)}"
        self._shown: str | None = None
        self._is_frozen = False

    @property
    def is_shown(self) -> bool:
        """Whether a cell has it: not where a front end, such as marimo, shows the widget alone."""
        return self._shown is not None

    def show(self, text: str) -> None:
        """Put the output into the cell that is being run."""
        display(_bundle(text), raw=True, display_id=self._id)
        self._shown = text

    def replace(self, text: str) -> None:
        """Show another text, unless it was never shown or holds a frozen panel."""
        if self._shown in (None, text) or self._is_frozen:
            return
        self._shown = text
        update_display(_bundle(text), raw=True, display_id=self._id)

    def freeze(self, frozen: Frozen) -> bool:
        """Show a frozen panel from now on; return whether there is an output for it."""
        if not self.is_shown:
            return False
        self._is_frozen = True
        update_display(frozen._repr_mimebundle_(), raw=True, display_id=self._id)
        return True


def _bundle(text: str) -> dict[str, str]:
    return {
        "text/plain": text,
        "text/html": f'<div class="murmur-words">{escape(text)}</div>',
    }
