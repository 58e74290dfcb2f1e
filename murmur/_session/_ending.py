"""End of a run, as its starter sees it: waited for, told once, or given up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from murmur._backend import thread_lock
from murmur._guard import error_text, heard
from murmur.runtime import RunState
from murmur.runtime.health import slept_so_far

from ._status import IDLE, Status, abandoned_status, status_of

if TYPE_CHECKING:
    from murmur.cluster import ClusterStatus
    from murmur.recording import RunRecord

_logger = logging.getLogger(__name__)


class Ending:
    """The end of one run, which its `Run` waits for and its session brings about."""

    def __init__(
        self,
        record: RunRecord,
        scenario: str,  # name of the scenario, for the last status
        # `abandon(record)` says how a run stood whose loop does not answer
        abandon: Callable[[RunRecord], str],
    ) -> None:
        self.status: Status = IDLE  # the last one, once the run is over
        # `tell(status)` hears how the run stands, and how it ended
        self.tell: Callable[[Status], None] = lambda _: None
        self._record = record
        self._slept_before = slept_so_far()
        self._scenario = scenario
        self._abandon = abandon
        self._over: Future[None] = Future()
        self._concluding = thread_lock()
        self._complained_of: frozenset[str] = frozenset()  # what was logged

    @property
    def is_there(self) -> bool:
        """Whether the run is over."""
        return self._over.done()

    def wait(self, seconds: float) -> None:
        """Block until the run is over, for so long at most."""
        with suppress(TimeoutError):
            self._over.result(seconds)

    def read(self, answer: ClusterStatus) -> Status:
        """Return what the cluster says of the run, which is ending while its archive is written."""
        status = self._last(answer)
        if answer.state.is_over and not self._over.done():
            return replace(status, state=RunState.TERMINATING)
        return status

    def say(self, answer: ClusterStatus) -> None:
        """Tell how a run that is on stands; nothing once its end has come."""
        if self.status is IDLE:
            self.tell(self.read(answer))

    async def come(self, answer: ClusterStatus) -> None:
        """Keep the last status, see to the archive, let go who waits; when the run is over.

        The archive is written in a thread: it takes seconds where there are millions of
        actions, in which nodes would miss the session and a person would get no answer.
        """
        if self._over.done():
            return
        self.status = self._last(answer)
        with anyio.CancelScope(shield=True):  # a session that closes waits, for so long as it can
            try:
                await anyio.to_thread.run_sync(self._conclude, answer)
            except RuntimeError:  # a process that ends starts no thread, from CPython 3.12 on
                self._conclude(answer)

    def give_up(self) -> None:
        """End without an answer of the loop, which is stuck or has ended.

        Nothing if it is over, or if a thread writes the archive: it is over after that.
        """
        if self._over.done():
            return
        if self.status is IDLE:  # else the end came, and the loop was taken away at this moment
            abandoned = self._abandon(self._record)
            self.status = abandoned_status(self._record, self._scenario, abandoned)
        self._conclude()

    def _conclude(self, answer: ClusterStatus | None = None) -> None:
        """Tell those who follow the run, then those who wait; one thread does, another passes."""
        if not self._concluding.acquire(blocking=False):
            return
        try:
            if self._over.done():
                return
            slept = slept_so_far() - self._slept_before
            self._record.note_clock(time.monotonic(), time.time(), slept)
            self._record.relay.end(self._record)  # first: who waits finds its archive complete
            if answer is not None:
                self.status = self._last(answer)  # with what became of its archive
            _, error = heard(self.tell, self.status)
            if error is not None:
                self._complain(error)
            self._over.set_result(None)
        finally:
            self._concluding.release()

    def _last(self, answer: ClusterStatus) -> Status:
        """Return the status with what the record tells, or with why that cannot be told.

        The run ends whatever is wrong with what was measured, and its session answers.
        """
        try:
            return status_of(answer, scenario=self._scenario, record=self._record)
        except Exception as error:  # noqa: BLE001 - see above
            self._complain(error)
            plain, run_id = status_of(answer, scenario=self._scenario), self._record.run_id
            trouble = f"what else is wrong cannot be told: {error_text(error)}"
            return replace(plain, run_id=run_id, problems=(*plain.problems, trouble))

    def _complain(self, error: BaseException) -> None:
        """Log a defect, once of each kind: it may be there at every look."""
        text = error_text(error)
        if text not in self._complained_of:
            self._complained_of |= {text}
            tell = partial(_logger.error, exc_info=error)
            heard(tell, "how the run %s stands cannot be told in full", self._record.run_id)
