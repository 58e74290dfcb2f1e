"""Exporters that send by themselves: every few seconds, from a thread of their own.

The thread has a loop of its own, so that neither the load nor a cell waits for a receiver.
A push that fails is counted and told once; the next one is tried when its time comes.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.to_thread

from murmur._backend import LoopThread
from murmur._given import amount_given, needed
from murmur._guard import error_text, heard
from murmur.errors import SessionClosedError

from ._exporter import Exporter, Followed
from ._totals import Reading

_SECONDS = "give the seconds between two pushes, above 0, such as 10"

LAST_PUSH = 6.0
"""Seconds that the push under way when it is stopped, and the last one, have together."""

SLOW = 5.0
"""Seconds after which a push that has not ended is told of, or the interval if that is longer."""

FORMER = 100
"""Runs, the last totals of which wait for a target that is slower than runs are short."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExporterStatistics:
    """What an exporter that sends has done since it was made.

    Attributes
    ----------
    pushed, failed : int
        Pushes that were taken, and that were not.
    last_error : str
        What went wrong last; empty if nothing did.
    dropped : int
        Things that were not sent for want of room, or lost with a failed push: spans.
        (Totals are not lost: the next push has them.)
    """

    pushed: int = 0
    failed: int = 0
    last_error: str = ""
    dropped: int = 0


class PushExporter(Exporter):
    """Sends the totals of a session's runs every few seconds.

    Derive from it, and write `push`.

    Parameters
    ----------
    session : murmur.Session
        Whose runs are followed, from the moment the exporter is started.
    target : str
        Where it sends to, for people.
    interval : float, default 10.0
        Seconds between two pushes.  While nothing new happens there is none; when another run
        begins, the last totals of the one before go out at once.
    names : int, default 100
        How many actions, kinds of errors, counters and so on are told apart each.

    Examples
    --------
    >>> import murmur, murmur.exporters
    >>> class Printer(murmur.exporters.PushExporter):
    ...     def push(self, reading):
    ...         print(reading.run_id, reading.series["actions"])
    >>> with murmur.Session() as session:
    ...     Printer(session, "the terminal")
    <Printer to the terminal: stopped, 0 pushes, 0 failed>
    """

    def __init__(
        self, session: Followed, target: str, *, interval: float = 10.0, names: int = 100
    ) -> None:
        super().__init__(session, names=names)
        self.interval: float = amount_given("interval", interval, _SECONDS)
        needed(self.interval > 0, "interval", interval, _SECONDS)
        self.target = target
        self._pushed = 0
        self._failed = 0
        self._last_error = ""
        self._of_run = ""  # the run that pushes were of last
        self._until_run: ExporterStatistics = ExporterStatistics()  # what there was before it
        self._when_told: ExporterStatistics = ExporterStatistics()  # what there was when last told

    @abstractmethod
    def push(self, reading: Reading) -> None:
        """Send the totals, `reading`; called in a thread of its own, one push at a time.

        Whatever is raised counts as a failed push.  Give everything that may block a
        timeout: nobody can end it from outside.
        """

    def statistics(self) -> ExporterStatistics:
        """Return what it has done so far."""
        return ExporterStatistics(self._pushed, self._failed, self._last_error)

    def __repr__(self) -> str:
        now = self.statistics()
        state = "on" if self.is_on else "stopped"
        trouble = f" ({now.last_error})" if now.failed else ""
        dropped = f", {now.dropped} dropped" if now.dropped else ""
        return (
            f"<{type(self).__name__} to {self.target}: {state}, "
            f"{now.pushed} pushes, {now.failed} failed{trouble}{dropped}>"
        )

    def _open(self) -> None:
        self._thread = LoopThread("murmur-exporter")
        self._former: list[Reading] = []  # last totals of runs that another followed
        self._is_stopping = False
        try:
            sent = self.totals.read().version  # whatever comes from now on is news
            self._pushing: Future[None] = self._thread.post("push", self._push_forever, sent)
        except BaseException:
            self._thread.close()
            raise
        self.totals.on_next = self._hand_over

    def _close(self) -> None:
        if self._thread.is_closed:  # as in a process that was forked from this one
            return
        self._thread.post("stop", self._stop)
        try:
            self._pushing.result(LAST_PUSH)
        except TimeoutError:
            self._note_failure("the last push did not end in time")
        self._thread.close()

    async def _stop(self) -> None:
        self._is_stopping = True
        self._news.set()

    def _hand_over(self, reading: Reading) -> None:
        """Take the last totals of a run, on the thread of the load.

        A thread that is closed, or a loop about to be, takes nothing more: the load does not mind.
        """
        with suppress(SessionClosedError, RuntimeError):
            self._thread.post("next", self._keep, reading)

    async def _keep(self, reading: Reading) -> None:
        """Keep the last totals of a run until they are pushed, before those of the next."""
        if len(self._former) < FORMER:
            self._former.append(reading)
        else:
            self._pass_to(reading)
            self._note_failure(f"the last totals of the run {reading.run_id} were not sent")
        self._news.set()

    async def _push_forever(self, sent: int) -> None:
        """Push at the end of every interval and run, and once more after it is stopped."""
        self._news = anyio.Event()
        due_at = anyio.current_time() + self.interval
        is_last = False
        while not is_last:
            with anyio.move_on_after(due_at - anyio.current_time()):
                await self._news.wait()
            self._news, is_last = anyio.Event(), self._is_stopping
            readings, self._former = self._former, []
            if is_last or anyio.current_time() >= due_at:
                now, error = heard(self.totals.read)
                if error is None:
                    readings.append(now)
                else:
                    self._note_failure(error_text(error))
                due_at = max(due_at + self.interval, anyio.current_time())
            for reading in readings:
                if reading.version != sent and await self._try(reading):
                    sent = reading.version

    async def _try(self, reading: Reading) -> bool:
        """Push; return whether that worked."""
        self._pass_to(reading)
        async with anyio.create_task_group() as meanwhile:
            meanwhile.start_soon(self._tell_if_slow)
            push = partial(heard, self.push, reading)
            _, error = await anyio.to_thread.run_sync(push, abandon_on_cancel=True)
            meanwhile.cancel_scope.cancel()
        if error is not None:  # a receiver, or a user's code, may raise anything
            self._note_failure(error_text(error))
            return False
        self._pushed += 1
        self._tell()
        return True

    async def _tell_if_slow(self) -> None:
        """Tell of a push that does not end: nothing fails, and nothing is sent."""
        patience = max(SLOW, self.interval)
        await anyio.sleep(patience)
        self._tell(under_way=f"a push has not ended for {patience:,.0f} s and more")

    def _pass_to(self, reading: Reading) -> None:
        """Count from here what becomes of another run's totals."""
        if reading.run_id != self._of_run:
            self._of_run, self._until_run = reading.run_id, self._when_told

    def _note_failure(self, reason: str) -> None:
        """Count a failed push, and say so once."""
        self._failed += 1
        self._last_error = reason
        self._tell(f"; the last said {reason}")
        if self._failed == 1:
            _logger.warning(
                "%s to %s: %s; the run goes on, and the next push is tried all the same",
                type(self).__name__,
                self.target,
                reason,
            )

    def _tell(self, why: str = "", under_way: str = "") -> None:
        """Put what was not sent among the problems of the run; nothing if all was."""
        whose = f"{type(self).__name__} to {self.target}"
        self._when_told = now = self._so_far()
        before, told = self._until_run, []
        failed, dropped = now.failed - before.failed, now.dropped - before.dropped
        if failed:
            told.append(f"{failed:,} of {failed + now.pushed - before.pushed:,} pushes failed{why}")
        if dropped:
            told.append(f"{dropped:,} spans were not sent")
        if under_way:
            told.append(under_way)
        trouble = f"{whose}: {', and '.join(told)}" if told else ""
        self.totals.tell(whose, trouble, self._of_run)

    def _so_far(self) -> ExporterStatistics:
        """Return what it has done; a user's own `statistics` may raise."""
        plain = ExporterStatistics(self._pushed, self._failed, self._last_error)
        return heard(self.statistics).value or plain
