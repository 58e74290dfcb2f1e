"""End of a run, as its starter sees it: waited for, told once, or given up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from murmur._backend import thread_lock

from ._status import IDLE, Status, abandoned_status, status_of

if TYPE_CHECKING:
    from murmur.cluster import ClusterStatus
    from murmur.recording import RunRecord

__all__ = ["Ending"]


class Ending:
    """The end of one run, which its `Run` waits for and its session brings about.

    Parameters
    ----------
    record : RunRecord
        What the run recorded.
    scenario : str
        Name of the scenario, for the last status.
    abandon : callable
        ``abandon(record)`` says how a run stood whose loop does not answer.

    Attributes
    ----------
    status : Status
        The last one, once the run is over.
    tell : callable
        ``tell(status)`` hears how the run stands, and how it ended.
    """

    def __init__(
        self, record: RunRecord, scenario: str, abandon: Callable[[RunRecord], str]
    ) -> None:
        self.status: Status = IDLE
        self.tell: Callable[[Status], None] = lambda _: None
        self._record = record
        self._scenario = scenario
        self._abandon = abandon
        self._over: Future[None] = Future()
        self._giving_up = thread_lock()

    @property
    def is_there(self) -> bool:
        """Whether the run is over."""
        return self._over.done()

    def wait(self, seconds: float) -> None:
        """Block until the run is over, for so long at most."""
        with suppress(TimeoutError):
            self._over.result(seconds)

    def read(self, answer: ClusterStatus) -> Status:
        """Return what the cluster says of the run, with what failed in it."""
        return status_of(answer, scenario=self._scenario, record=self._record)

    def say(self, answer: ClusterStatus) -> None:
        """Tell how a run that is on stands; nothing once it is over."""
        if not self._over.done():
            self.tell(self.read(answer))

    def come(self, answer: ClusterStatus | None = None) -> None:
        """Keep the last status and let go who waits; called when the run is over."""
        if self._over.done():
            return
        if answer is not None:
            self.status = self.read(answer)
        self.tell(self.status)
        self._record.relay.end(self._record)  # first: who waits finds its archive complete
        if answer is not None:
            self.status = self.read(answer)  # with what became of its archive
        if not self._over.done():
            self._over.set_result(None)

    def give_up(self) -> None:
        """End without an answer of the loop, which is stuck or has ended; nothing if over."""
        with self._giving_up:
            if self._over.done():
                return
            if self.status is IDLE:  # else the loop is in `come` at this moment
                self.status = abandoned_status(
                    self._record, self._scenario, self._abandon(self._record)
                )
            self.come()
