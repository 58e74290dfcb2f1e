"""Base of the parts: a slice of the session's state, and traits that follow it or steer it."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from murmur import Session
from murmur._backend import Inside
from murmur._given import needed
from murmur.jupyter.panel import View


class Part(View):
    """A widget that shows one thing of a session, or steers it.

    Parameters
    ----------
    session : murmur.Session
        The session; it need not run anything yet.
    **traits
        What its traits begin with.

    Attributes
    ----------
    said : str
        The answer to the last click or the last trait that was set.
    refused : bool
        Whether that was a refusal; then the trait goes back to what is in force.
    """

    KIND: ClassVar[str] = ""
    """Which part of the page's script shows it."""

    SHOWS: ClassVar[tuple[str, ...]] = ()
    """What it takes of the session's state."""

    said: traitlets.Unicode[str, str | bytes] = traitlets.Unicode("").tag(sync=True)
    refused: traitlets.Bool[bool, bool | int] = traitlets.Bool(False).tag(sync=True)

    def __init__(self, session: Session, **traits: object) -> None:
        has_news = hasattr(session, "publisher")  # of this process, or attached
        needed(has_news, "session", session, "give a murmur.Session, such as murmur.session()")
        self._telling = Inside()  # threads in which traits change because of news
        self._asked = 0  # of commands that are not answered yet
        self._news: dict[str, Any] = {}
        super().__init__(session.publisher, part=self.KIND, **traits)
        self.publisher.attach(self)

    def show(self, state: dict[str, Any], rows: dict[str, Any] | None) -> None:
        """Show news: its slice on the page, numbers in its traits."""
        is_known = "state" in state  # which it is not before the first look
        shown = {**state, **self.own(state)} if is_known else state
        self._news = shown if is_known else {}
        wanted = ("session", "unseen", "state", *self.SHOWS)
        mine = {name: shown[name] for name in wanted if name in shown}
        super().show(mine, rows if self.specs else None)
        # What was asked for a moment ago is not in the news yet, and must not be undone.
        if is_known and not self._asked:
            with self._telling.entered():
                self.tell(shown)

    def own(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return what this part shows otherwise than `state` has it."""
        return {}

    def tell(self, state: dict[str, Any]) -> None:
        """Set the traits to what `state` says."""

    def ask(self, command: str, /, **arguments: object) -> None:
        """Have a command carried out; returns at once, the answer comes in `said`."""
        self._asked += 1
        self.publisher.perform(self, {"name": command, "id": None, "arguments": arguments})

    def answer(self, number: object, **outcome: object) -> None:
        """Tell the page, or the traits, what came of a command."""
        if number is None:
            self._asked -= 1
        self.said = str(outcome.get("said", ""))
        self.refused = bool(outcome.get("refused"))
        if self.refused and self._news and not self._asked:
            with self._telling.entered():
                self.tell(self._news)  # a refused value goes back
        super().answer(number, **outcome)

    def __repr__(self) -> str:
        return f"<murmur {self.KIND}>"

    @property
    def is_told(self) -> bool:
        """Whether this thread changes traits because of news, and nobody asks for anything."""
        return self._telling.is_here
