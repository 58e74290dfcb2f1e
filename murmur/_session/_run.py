"""A run as its starter holds it: to wait for, to look at, to read results from."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future
from html import escape
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio

from murmur.errors import RunTimeoutError

from ._loop import BEAT

if TYPE_CHECKING:
    from murmur.results import Results
    from murmur.telemetry import RunRecord

    from ._session import Session
    from ._status import Status

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
    """

    def __init__(
        self,
        session: Session,
        record: RunRecord,
        *,
        scenario: str,
        settings: Mapping[str, object],
    ) -> None:
        self.id = record.run_id
        self.scenario = scenario
        self.seed: int = record.seed
        self.settings = dict(settings)
        self._session = session
        self._record = record
        self._over: Future[None] = Future()
        self._last_status: Status | None = None

    @property
    def results(self) -> Results:
        """What was measured, as frames; up to now while the run is on."""
        from murmur.results import Results

        return Results(self._record, refresh=self._refresh, scenario=self.scenario)

    @property
    def is_over(self) -> bool:
        """Whether the run is finished, failed or reset."""
        return self._over.done()

    def status(self) -> Status:
        """Return what the run is doing, or how it ended."""
        return self._session._status_of(self)

    def stop(self) -> None:
        """Stop this run in order; nothing if it is over."""
        if not self.is_over:
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
                raise RunTimeoutError(self.id, timeout or 0.0, self.status().state.value)
            try:
                self._over.result(left)
            except TimeoutError:
                continue
        return self.status()

    def __await__(self) -> Generator[Any, Any, Status]:
        """Wait in a notebook cell or a coroutine, without blocking its loop."""
        return self._wait_async().__await__()

    async def _wait_async(self) -> Status:
        while not self._over.done():  # noqa: ASYNC110 - without a beat ipykernel cannot interrupt
            await anyio.sleep(BEAT / 2)
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

    def _end(self) -> None:
        """Let go who waits; called on the loop when the run is over."""
        if not self._over.done():
            self._over.set_result(None)

    def _refresh(self) -> None:
        if not self.is_over:
            self._session._flush()
