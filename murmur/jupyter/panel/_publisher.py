"""One task on the loop of a session that tells all its panels the news.

At most four times a second, and only what changed; always the whole state, for the server
may drop messages and the page may have been reloaded.  Twice a second is the rule, so that
there is room to show what a click has done at once.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from murmur._backend import thread_lock
from murmur.errors import MurmurError, RunStateError

from ._code import CodeLog
from ._commands import Done, carry_out
from ._history import History
from ._panel import Library, Panel
from ._snapshot import snapshot
from ._subject import Look, Subject

if TYPE_CHECKING:
    from murmur.results import Results

__all__ = ["Publisher"]

REGULAR = 0.5
"""Seconds between two looks at the session, unless a click asks for one."""

MOST = 4
"""Updates in any second, at most."""

PATIENCE = 2.0
"""Seconds that a look may take: a node may be silent."""

_logger = logging.getLogger(__name__)


class Publisher:
    """Tells the panels of one session what it does, and it what they ask for.

    Parameters
    ----------
    subject : Subject
        The session.
    """

    def __init__(self, subject: Subject) -> None:
        self.history = History()
        self._subject = subject
        self._panels: tuple[Panel, ...] = ()
        self._library: Library | None = None
        self._lock = thread_lock()
        self._is_serving = False
        self._wake: anyio.Event | None = None
        self._order: anyio.Lock | None = None
        self._code = CodeLog(f"session = {subject.name}")

    def open(self) -> Panel:
        """Return a new panel; those that this very cell made before are closed."""
        if self._library is None or self._library.comm is None:
            self._library = Library()
        panel = Panel(self, self._library)
        for old in self._panels:
            if old.cell.is_replaced_by(panel.cell):
                old.close()
        with self._lock:
            self._panels += (panel,)
            begins, self._is_serving = not self._is_serving, True
        if begins:
            self._subject.post("panel", self.serve)
        return panel

    def forget(self, panel: Panel) -> None:
        """Tell `panel` nothing more."""
        with self._lock:
            self._panels = tuple(one for one in self._panels if one is not panel)

    def results(self) -> Results:
        """Return the results of the latest run, for a panel to freeze."""
        run = self._subject.run
        if run is None:
            raise RunStateError("freeze the panel", "idle", "start a run first")
        return run.results

    def wake(self) -> None:
        """Look at the session now; from any thread."""
        with suppress(MurmurError):  # of a session that is closed there is no news
            self._subject.post("panel", self._ring)

    def perform(self, panel: Panel, message: Mapping[str, Any]) -> None:
        """Have a command carried out; returns at once, from any thread."""
        try:
            self._subject.post("panel", self._perform, panel, dict(message))
        except MurmurError as error:
            panel.answer(message.get("id"), said=str(error), refused=True)

    async def serve(self) -> None:
        """Tell the news until the last panel is closed."""
        self.history.adopt(self._subject.record)
        self._subject.relay.attach(self.history)
        sent: deque[float] = deque([-1.0] * MOST, maxlen=MOST)
        try:
            while self._goes_on():
                self._wake = anyio.Event()
                await self._publish()
                sent.append(anyio.current_time())
                with anyio.move_on_after(REGULAR):
                    await self._wake.wait()
                await anyio.sleep(max(0.0, sent[0] + 1.0 - anyio.current_time()))
        finally:
            self._subject.relay.detach(self.history)
            for panel in self._panels:
                panel.show({**panel.state, "session": "closed"}, None)

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_serving = bool(self._panels)
        return self._is_serving

    async def _ring(self) -> None:
        if self._wake is not None:
            self._wake.set()

    async def _publish(self) -> None:
        """Tell all panels; what goes wrong with one is not the others' business."""
        watched = [panel for panel in self._panels if panel.is_watched]
        if not watched:
            return
        look = Look()
        with anyio.move_on_after(PATIENCE) as patience:
            look = await self._subject.look()
        if patience.cancelled_caught:
            return  # the page says that there is no news
        rows = await self._rows(look)
        state = self._state(look)
        for panel in watched:
            try:
                panel.show(state, rows)
            except Exception:
                _logger.exception("a panel cannot be shown any more")
                self.forget(panel)

    async def _rows(self, look: Look) -> dict[str, Any] | None:
        """Return rows of the charts if there are new ones, made in another thread."""
        history = self.history
        if history.record is not self._subject.record:
            history.adopt(self._subject.record)
            history.is_fresh = True
        if not history.is_fresh:
            return None
        status = look.status
        return await anyio.to_thread.run_sync(history.draw, status.highest_id, status.elapsed)

    def _state(self, look: Look) -> dict[str, Any]:
        subject, run = self._subject, self._subject.run
        return snapshot(
            look,
            self.history,
            scenarios=subject.scenarios(),
            running=subject.session.scenario,
            settings={} if run is None else run.settings,
            code=self._code.text,
        )

    async def _perform(self, panel: Panel, message: Mapping[str, Any]) -> None:
        """Carry out a command in a thread, one after the other, and answer."""
        name, number = str(message.get("name")), message.get("id")
        if name == "freeze":
            done = await anyio.to_thread.run_sync(self._freeze, panel)
        elif name == "stop":  # waits for nobody: not even for a start that takes long
            done = await self._in_thread(name, message)
        else:
            self._order = self._order or anyio.Lock()
            async with self._order:
                done = await self._in_thread(name, message)
        if done.code:
            self._code.add(done.code)
        panel.answer(number, said=done.said, refused=done.is_refused, problems=dict(done.problems))
        await self._ring()

    async def _in_thread(self, name: str, message: Mapping[str, Any]) -> Done:
        arguments = message.get("arguments", {})
        return await anyio.to_thread.run_sync(
            carry_out, self._subject, name, arguments, abandon_on_cancel=True
        )

    def _freeze(self, panel: Panel) -> Done:
        try:
            kept = panel.keep()
        except MurmurError as error:
            return Done(str(error), is_refused=True)
        where = "below the panel" if kept else "nowhere: it is not the output of a cell"
        return Done(f"Summary and charts are kept {where}.", is_refused=not kept)
