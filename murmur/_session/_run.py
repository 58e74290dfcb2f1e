"""A run as its starter holds it: to wait for, to look at, to read results from."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import anyio
import anyio.to_thread

from murmur._backend import BEAT
from murmur._given import amount_given
from murmur._guard import text_of
from murmur.errors import RunStateError, WaitTimeoutError
from murmur.recording import LiveView
from murmur.runtime import USER_RATE

from ._observation import Observation
from ._status import Status

if TYPE_CHECKING:
    from murmur.recording import RunRecord
    from murmur.results import Results, Verdict
    from murmur.scenario import Scenario

    from ._ending import Ending
    from ._session import Session


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
    settings_at_start : mapping of str to object
        The settings it was started with; secret ones are masked.
    directory : pathlib.Path or None
        Where the run is kept, if its session was given a directory.
    live : LiveView
        The newest minutes; `observe` reads them.

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
        ending: Ending,
        flush: Callable[[], None],
        tell: Callable[[], None],  # has those who look at the session know of its end
        scenario: type[Scenario],
    ) -> None:
        self.id: str = record.run_id
        self.scenario: str = scenario.__name__
        self.seed: int = record.seed
        self.settings_at_start: dict[str, object] = dict(record.settings)
        self.directory: Path | None = None
        self._session = session
        self._record = record
        self._ending = ending
        self._flush, self._tell = flush, tell
        self._class = scenario
        self.live: LiveView = LiveView(record)

    @property
    def settings(self) -> dict[str, object]:
        """The settings as they are now, or were at the end; secret ones are masked.

        `settings_at_start` has what they were, and ``results.changes`` when each changed.
        """
        self._refresh()
        changes: Mapping[str, Any] = self._record.table("changes")
        now = dict(self.settings_at_start)
        for what, new in zip(changes["what"], changes["new"], strict=True):
            if what in now:
                now[str(what)] = new
        if (rate := self._arrivals()) is not None:
            now[USER_RATE] = rate
        return now

    @property
    def results(self) -> Results:
        """What was measured, as frames; up to now while the run is on."""
        from murmur.results import Results

        return Results(self._record, refresh=self._refresh, scenario=self._class)

    def judged(self) -> tuple[Verdict, dict[tuple[float, str], str]]:
        """Return the verdict up to now, and in words what each live change did; for front ends.

        Effects go by when the change was, and what was changed.
        """
        from murmur.results import told_effects

        results = self.results
        return results.verdict, told_effects(results.effects)

    @property
    def is_over(self) -> bool:
        """Whether the run is finished, failed or reset."""
        return self._ending.is_there

    def status(self) -> Status:
        """Return what the run is doing, or how it ended."""
        if not self.is_over:
            status = self._session.status()
            if status.run_id == self.id or not self.is_over:  # else another has begun meanwhile
                return status
        return self._ending.status

    def observe(self, *, by_name: bool = True) -> Observation:
        """Return what the run is doing and what it measured lately.

        `by_name` is as in `Session.observe`.
        """
        if not self.is_over:
            observed = self._session.observe(by_name=by_name)
            if observed.status.run_id == self.id or not self.is_over:  # else another has begun
                return observed
        status = self._ending.status
        recent = self.live.recent(status.elapsed, by_name=by_name, is_over=True)
        return Observation(status=status, recent=recent)

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
        WaitTimeoutError
            If the run is still on then (a `TimeoutError`).  It goes on.
        InvalidArgumentError
            If `timeout` is no number of seconds.
        """
        timeout = None if timeout is None else amount_given("timeout", timeout)
        deadline = None if timeout is None else monotonic() + timeout
        while not self.is_over:
            left = BEAT if deadline is None else min(BEAT, deadline - monotonic())
            if left <= 0:
                raise WaitTimeoutError(
                    f"run {self.id} is still on: no end",
                    timeout or 0.0,
                    "it goes on; end it with stop(), or start with duration= or end_when_idle=True",
                )
            self._ending.wait(left)
            self._look()
        self._tell()
        return self.status()

    def __await__(self) -> Generator[Any, Any, Status]:
        """Wait in a notebook cell or a coroutine, without blocking its loop."""
        return self._wait_async().__await__()

    async def _wait_async(self) -> Status:
        while not self.is_over:
            await anyio.sleep(BEAT / 2)
            self._look()
        await anyio.to_thread.run_sync(self._tell)  # a verdict takes its time
        return self.status()

    def __enter__(self) -> Self:
        """Return the run."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the run and wait for its end."""
        self.stop()
        self.wait()

    def __repr__(self) -> str:
        """Return id, scenario and whether it is over; asks nobody."""
        return f"<Run {self.id} of {self.scenario}: {'over' if self.is_over else 'on'}>"

    def _repr_html_(self) -> str:
        """Return the same with seed and settings as they are now."""
        rows = "".join(
            f"<tr><th scope='row'>{escape(name)}</th><td>{escape(text_of(value, repr))}</td></tr>"
            for name, value in (("seed", self.seed), *self.settings.items())
        )
        return f"<table><caption>{escape(repr(self))}</caption>{rows}</table>"

    def _arrivals(self) -> float | None:
        """Return users per minute as the throttle has them, which is steered by itself, too."""
        if not self.is_over:
            known = self._session.status().throttles.get(USER_RATE)
            return known.rate * 60.0 / known.interval if known and known.interval else None
        rows: Mapping[str, Any] = self._record.table("throttles")
        pairs = zip(rows["name"].decode(), rows["rate"], rows["interval"], strict=True)
        rates = [rate * 60.0 / each for name, rate, each in pairs if name == USER_RATE and each]
        known_rates = [float(rate) for rate in rates if rate == rate]  # noqa: PLR0124 - NaN is not
        return known_rates[-1] if known_rates else None

    def _look(self) -> None:
        """End with the session: a loop that died tells nobody."""
        if self._session.is_closed:
            self._ending.give_up()

    def _refresh(self) -> None:
        if not self.is_over:
            self._flush()
