"""One task on the loop of a session that tells all its panels the news.

At most four times a second, and only what changed; always the whole state, because messages
may be lost on their way and the page may have been reloaded.  What stays as it is, as after
the end of a run, is told a few times more for the same reason.  Twice a second is the rule, so
that there is room to show what a click has done at once.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread

from murmur._backend import thread_lock
from murmur._guard import error_text
from murmur._session import Judge, Observation, Run, Status
from murmur.errors import MurmurError, NodeTimeoutError, RunStateError, SessionClosedError
from murmur.results import Results

from ._code import CodeLog
from ._commands import Done, carry_out
from ._panel import Panel
from ._rows import charts
from ._snapshot import snapshot
from ._subject import Subject
from ._view import Library, View

REGULAR = 0.5
"""Seconds between two looks at the session, unless a click asks for one."""

MOST = 4
"""Updates in any second, at most."""

REPEATED = (2.0, 8.0, 30.0)
"""Seconds after a state that did not change was told when it is told once more.

A kernel throws away what a page that is slow does not take, as
findings/iopub_loses_what_is_not_read.sh shows: also the last message of a run, and the page
would show it as running for ever."""

_logger = logging.getLogger(__name__)


class Publisher:
    """Tells the panels of one session what it does, and it what they ask for."""

    def __init__(self, subject: Subject) -> None:
        self._drawn: tuple[object, dict[str, Any]] = (None, {})
        self._judge, self._is_judging = Judge(), False
        self.chosen: str | None = None  # name of the scenario that controls of their own will start
        self._subject = subject
        self._views: tuple[View, ...] = ()
        self._library: Library | None = None
        self._lock = thread_lock()
        self._is_serving = False
        self._wake: anyio.Event | None = None
        self._order: anyio.Lock | None = None
        self._code = CodeLog(f"session = {subject.name}")
        self._told: dict[str, Any] = {}  # whole, as a part keeps a slice
        self._unseen = ""  # why the last look failed
        self._unjudged = ""  # why the last verdict did
        self._repeats: list[float] = []  # when the state is told once more, the last first

    @property
    def library(self) -> Library:
        """What carries Vega to the page, for all charts of the session."""
        if self._library is None or self._library.comm is None:
            self._library = Library()
        return self._library

    def open(
        self,
        *,
        controls: bool = True,
        charts: Sequence[str] | None = None,
        columns: int | None = None,
    ) -> Panel:
        """Return a new panel; those that this very cell made before are closed."""
        panel = Panel(self, self.library, controls=controls, charts=charts, columns=columns)
        self.attach(panel)
        return panel

    def attach(self, view: View) -> None:
        """Tell `view` the news from now on, in place of the one that it replaces."""
        for old in self._views:
            if old.is_replaced_by(view):
                old.close()
        with self._lock:
            self._views += (view,)
            begins, self._is_serving = not self._is_serving, True
        if begins:
            self._subject.post(self.serve)

    def forget(self, view: View) -> None:
        """Tell `view` nothing more."""
        with self._lock:
            self._views = tuple(one for one in self._views if one is not view)

    def results(self) -> Results:
        """Return the results of the latest run, for a panel to freeze."""
        run = self._subject.run
        if run is None:
            raise RunStateError("freeze the panel", "idle", "start a run first")
        return run.results

    def wake(self) -> None:
        """Look at the session now; from any thread."""
        with suppress(MurmurError):  # of a session that is closed there is no news
            self._subject.post(self._ring)

    def perform(self, panel: View, message: Mapping[str, Any]) -> None:
        """Have a command carried out; returns at once, from any thread."""
        try:
            self._subject.post(self._perform, panel, dict(message))
        except MurmurError as error:
            panel.answer(message.get("id"), said=str(error), refused=True)

    async def serve(self) -> None:
        """Tell the news until the last panel is closed."""
        self._is_judging = False  # or for those before, who ended meanwhile
        try:
            async with anyio.create_task_group() as beside:
                painter = anyio.CapacityLimiter(1)  # Altair's settings are of the whole process

                def draw(view: View, results: Results) -> None:
                    beside.start_soon(_draw, painter, view, results)

                def judge(run: Run, status: Status) -> None:
                    beside.start_soon(self._judge_it, run, status)

                with suppress(SessionClosedError):  # of another process, which is gone
                    await self._tell(draw, judge)
                beside.cancel_scope.cancel()
        finally:
            with self._lock:
                self._is_serving = False
            for view in self._views:
                self._show(view, {**self._told, "session": "closed"}, None)

    async def _tell(
        self,
        draw: Callable[[View, Results], None],  # draw, judge: begin what takes its time
        judge: Callable[[Run, Status], None],
    ) -> None:
        sent: deque[float] = deque([-1.0] * MOST, maxlen=MOST)
        while self._goes_on():
            self._wake = anyio.Event()
            await self._try_to_publish(draw, judge)
            sent.append(anyio.current_time())
            with anyio.move_on_after(REGULAR):
                await self._wake.wait()
            await anyio.sleep(max(0.0, sent[0] + 1.0 - anyio.current_time()))

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_serving = bool(self._views)
        return self._is_serving

    async def _ring(self) -> None:
        if self._wake is not None:
            self._wake.set()

    async def _try_to_publish(
        self, draw: Callable[[View, Results], None], judge: Callable[[Run, Status], None]
    ) -> None:
        """Tell all panels, or that this look failed: the next may not."""
        try:
            await self._publish(draw, judge)
        except (NodeTimeoutError, RunStateError):
            return  # silent, or with another run by now
        except SessionClosedError:
            raise
        except Exception as error:
            why = error_text(error)
            unseen = f"What is shown is old: the last look failed ({why}), and is tried again."
            if unseen != self._unseen:
                _logger.exception("a look at the session failed")
            self._unseen = unseen
            for view in self._views:
                self._show(view, {"session": "open", **self._told, "unseen": unseen}, None)
        else:
            self._unseen = ""

    async def _publish(
        self, draw: Callable[[View, Results], None], judge: Callable[[Run, Status], None]
    ) -> None:
        """Tell all panels; what goes wrong with one is not the others' business."""
        watched = [view for view in self._views if view.is_watched]
        if not watched:
            return
        seen = await self._subject.look()
        if seen is None:
            return  # the page says that there is no news
        rows = await self._rows(seen)
        self._have_judged(seen.status, judge)
        state = self._state(seen)
        is_repeated = self._is_to_be_repeated(state, anyio.current_time())
        for view in watched:
            self._show(view, state, rows, is_repeated=is_repeated)
        run, now, news = self._subject.run, anyio.current_time(), _news(seen)
        for view in watched:
            if run is not None and view.is_due(now, news):
                draw(view, run.results)

    def _show(
        self,
        view: View,
        state: dict[str, Any],
        rows: dict[str, Any] | None,
        *,
        is_repeated: bool = False,
    ) -> None:
        try:
            view.show(state, rows)
            if state.get("state") in ("running", "terminating"):
                view.second = int(anyio.current_time())
            if is_repeated:
                view.repeat()
        except BaseException:  # an observer of its traits may raise anything
            _logger.exception("a %s cannot be shown any more", type(view).__name__)
            self.forget(view)

    def _is_to_be_repeated(self, state: dict[str, Any], now: float) -> bool:
        """Whether a state was told before, and it is time to tell it again."""
        if state != self._told:
            self._told, self._repeats = state, [now + each for each in reversed(REPEATED)]
            return False
        if not self._repeats or now < self._repeats[-1]:
            return False
        self._repeats.pop()
        return True

    async def _rows(self, seen: Observation) -> dict[str, Any]:
        """Return the rows of the charts: new ones, made in another thread, or those as before."""
        news = _news(seen)
        if news != self._drawn[0]:
            self._drawn = news, await anyio.to_thread.run_sync(charts, seen)
        return self._drawn[1]

    def _have_judged(self, status: Status, judge: Callable[[Run, Status], None]) -> None:
        """Have the run judged, if it is time; the news do not wait for it."""
        run = self._subject.run
        if run is None or self._is_judging:
            return
        if self._judge.is_due(run, status, anyio.current_time()):
            self._is_judging = True
            judge(run, status)

    async def _judge_it(self, run: Run, status: Status) -> None:
        """Judge a run in another thread, and tell what came of it."""
        try:
            # Of another process that is silent or gone; the next look says what to do.
            with suppress(NodeTimeoutError, RunStateError, SessionClosedError):
                await anyio.to_thread.run_sync(
                    self._judge.judge, run, status, anyio.current_time(), abandon_on_cancel=True
                )
                await self._ring()
        except Exception as error:  # told as a problem, and tried again
            if self._judge.problem != self._unjudged:
                _logger.error("the run cannot be judged", exc_info=error)
        finally:
            self._unjudged = self._judge.problem
            self._is_judging = False

    def _state(self, seen: Observation) -> dict[str, Any]:
        subject, run = self._subject, self._subject.run
        shown = snapshot(
            seen,
            scenarios=subject.scenarios(),
            running=subject.session.scenario,
            settings={} if run is None else run.settings_at_start,
            verdict=self._judge.known(seen.status),
            judged_at=self._judge.judged_at,
            effects=self._judge.effects,
            code=self._code.text,
        )
        if self._unjudged:
            trouble = f"The run cannot be judged: {self._unjudged}; it is tried again."
            shown["problems"].append(trouble)
        return {**shown, "chosen": self.chosen or next(iter(shown["forms"]), None)}

    async def _perform(self, panel: View, message: Mapping[str, Any]) -> None:
        """Carry out a command in a thread, one after the other, and answer."""
        name, number = str(message.get("name")), message.get("id")
        if name == "freeze" and isinstance(panel, Panel):
            done = await anyio.to_thread.run_sync(self._freeze, panel)
        elif name == "stop":  # waits for nobody: not even for a start that takes long
            done = await self._in_thread(name, message)
        else:
            self._order = self._order or anyio.Lock()
            async with self._order:
                done = await self._in_thread(name, message)
        if done.code:
            self._code.add(done.code)
        if name == "start":
            self._tell_forms(done)
        panel.answer(number, said=done.said, refused=done.is_refused, problems=dict(done.problems))
        await self._ring()

    def _typed(self, given: object) -> dict[str, str]:
        """Return what was typed into forms that are parts of their own, and what was given."""
        typed: dict[str, str] = {}
        for view in self._views:
            typed |= view.typed
        return typed | (dict(given) if isinstance(given, Mapping) else {})

    def _tell_forms(self, done: Done) -> None:
        for view in self._views:
            if view.typed:
                view.send({"problems": dict(done.problems), "started": not done.is_refused})

    async def _in_thread(self, name: str, message: Mapping[str, Any]) -> Done:
        arguments = message.get("arguments", {})
        if name == "start":
            arguments = {**arguments, "settings": self._typed(arguments.get("settings"))}
        return await anyio.to_thread.run_sync(
            carry_out, self._subject, name, arguments, abandon_on_cancel=True
        )

    def _freeze(self, panel: Panel) -> Done:
        try:
            kept = panel.keep()
        except MurmurError as error:
            return Done(str(error), is_refused=True)
        if not kept:
            said = (
                "No output of a cell can keep them here: call panel.freeze() in a cell of its own."
            )
            return Done(said, is_refused=True)
        return Done("Summary and charts are kept below the panel.")


def _news(seen: Observation) -> object:
    """Return what is the same as before if nothing new has come."""
    return seen.status.run_id, seen.status.state, seen.recent.version


async def _draw(painter: anyio.CapacityLimiter, view: View, results: Results) -> None:
    """Have a view draw that takes its time over it; the news do not wait for it."""
    try:
        await anyio.to_thread.run_sync(view.draw, results, abandon_on_cancel=True, limiter=painter)
    except Exception:  # it has the drawing before, and the next may be better
        _logger.exception("a %s cannot be drawn", type(view).__name__)
