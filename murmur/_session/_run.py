"""A run as its starter holds it: to wait for, to look at, to read results from."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from html import escape
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio

from murmur._backend import thread_lock
from murmur.errors import RunStateError, RunTimeoutError

from ._loop import BEAT
from ._status import IDLE, Status, abandoned_status, status_of

if TYPE_CHECKING:
    from murmur.cluster import ClusterStatus
    from murmur.recording import RunRecord
    from murmur.results import Results
    from murmur.scenario import Scenario

    from ._session import Session

__all__ = ["Run"]


class Run:
    """One run of a scenario; made by `Session.do`.

    As a context manager it stops the run at the end of the block and waits for it.

    Attributes
    ----------
    id : str
        Unique for every run.
    scenario : str
        Name of the scenario's class.
    seed : int
        What all random numbers of the run derive from; `do(..., seed=run.seed)` repeats
        them.
    settings : mapping of str to object
        The settings it was started with; secret ones are masked.
    directory : pathlib.Path or None
        Where the run is kept, if its session was given a directory.

    Examples
    --------
    >>> import murmur
    >>> class Hello(murmur.Scenario):
    ...     '''Users say hello and go.'''
    ...     async def start(self, user):
    ...         user.count("hello")
    >>> with murmur.Session() as session:
    ...     run = session.do(Hello, 3, seed=7, user_rate=float("inf"), end_when_idle=True)
    ...     status = run.wait(timeout=30)
    >>> run.seed, run.is_over, status.state == "finished", len(run.results.users)
    (7, True, True, 3)
    """

    def __init__(
        self,
        session: Session,
        record: RunRecord,
        *,
        scenario: type[Scenario],
        settings: Mapping[str, object],
    ) -> None:
        self.id = record.run_id
        self.scenario = scenario.__name__
        self.seed: int = record.seed
        self.settings = dict(settings)
        self.directory: Path | None = None
        self._session = session
        self._record = record
        self._over: Future[None] = Future()
        self._class = scenario
        self._last_status = IDLE
        self._giving_up = thread_lock()

    @property
    def results(self) -> Results:
        """What was measured, as frames; up to now while the run is on."""
        from murmur.results import Results

        return Results(self._record, refresh=self._refresh, scenario=self._class)

    @property
    def is_over(self) -> bool:
        """Whether the run is finished, failed or reset."""
        return self._over.done()

    def status(self) -> Status:
        """Return what the run is doing, or how it ended."""
        return self._last_status if self.is_over else self._session.status()

    def stop(self) -> None:
        """Stop this run in order; nothing if it is over or ending."""
        if not self.is_over and self._session.run is self:
            with suppress(RunStateError):
                self._session.stop()

    def wait(self, timeout: float | None = None) -> Status:
        """Block until the run is over; return its last status.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; for ever if not given.

        Raises
        ------
        RunTimeoutError
            If the run is still on then (a `TimeoutError`).  It goes on.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while not self._over.done():
            left = BEAT if deadline is None else min(BEAT, deadline - monotonic())
            if left <= 0:
                raise RunTimeoutError(self.id, timeout or 0.0)
            with suppress(TimeoutError):
                self._over.result(left)
            self._look()
        return self.status()

    def __await__(self) -> Generator[Any, Any, Status]:
        """Wait in a notebook cell or a coroutine, without blocking its loop."""
        return self._wait_async().__await__()

    async def _wait_async(self) -> Status:
        while not self._over.done():
            await anyio.sleep(BEAT / 2)
            self._look()
        return self.status()

    def __enter__(self) -> Self:
        """Return the run."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the run and wait for its end."""
        self.stop()
        self.wait()

    def __repr__(self) -> str:
        """Return id, scenario and whether it is over; asks nobody."""
        return f"<Run {self.id} of {self.scenario}: {'over' if self.is_over else 'on'}>"

    def _repr_html_(self) -> str:
        """Return the same with seed and settings."""
        rows = "".join(
            f"<tr><th scope='row'>{escape(name)}</th><td>{escape(repr(value))}</td></tr>"
            for name, value in (("seed", self.seed), *self.settings.items())
        )
        return f"<table><caption>{escape(repr(self))}</caption>{rows}</table>"

    def _end(self, answer: ClusterStatus | None = None) -> None:
        """Keep the last status and let go who waits; called when the run is over."""
        if self._over.done():
            return
        if answer is not None:
            self._last_status = status_of(answer, scenario=self.scenario, run_id=self.id)
        self._record.relay.end(self._record)  # first: who waits finds its archive complete
        if not self._over.done():
            self._over.set_result(None)

    def _give_up(self) -> None:
        """End without an answer of the loop, which is stuck or has ended; nothing if over."""
        with self._giving_up:
            if self._over.done():
                return
            if self._last_status is IDLE:  # else the loop is in `_end` at this moment
                self._last_status = abandoned_status(
                    self._record, self.scenario, self._session._host.abandon(self._record)
                )
            self._end()

    def _look(self) -> None:
        """End with the session: a loop that died tells nobody."""
        if self._session.is_closed:
            self._give_up()

    def _refresh(self) -> None:
        if not self.is_over:
            self._session._flush()
