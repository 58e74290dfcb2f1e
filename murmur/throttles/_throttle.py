"""The named throttle: lets users act no faster than a rate, in the order they asked."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, cast

from murmur._backend import Native, Wakeup, block
from murmur.errors import Leaving, ThrottleError, ThrottleStoppedError, WrongThreadError

from ._config import ThrottleConfig
from ._due import Seat, drop_due, give_due, seat_here, take_due, user_here
from ._job import Job
from ._lateness import Lateness
from ._permit import Permit, ThrottleStatistics, Ticket
from ._steering import Emitter, Steered

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

__all__ = ["Permit", "Throttle"]

_REQUEST = "amoc.throttle.request"
_EXECUTE = "amoc.throttle.execute"


class Recipient(Protocol):
    """Whom `Throttle.send` sends to: a user."""

    def send(self, message: object) -> object:
        """Take in a message; with ``due_at=`` if it has an attribute ``carries_due``."""


class Throttle(Steered):
    """Grant permits one at a time, in order of request, at a rate that may change.

    Scenarios get one from `murmur.throttle`.  In no window of one interval are more
    permits granted than the rate; permits are spread evenly; after idleness the first
    comes at once and none was saved up.

    Parameters
    ----------
    name : str
        Unique within the run.
    config : ThrottleConfig
        What it starts with.
    task_group : anyio.abc.TaskGroup
        Where its jobs run, and its own task (`serve`).
    native : Native
        The running backend.
    emitter : Emitter
        Where its events go.
    seed : str, default ""
        What Poisson arrivals are drawn from, unless the configuration says.

    Attributes
    ----------
    name : str
        Its name.
    config : ThrottleConfig
        What it was started with.

    Examples
    --------
    >>> import murmur
    >>> class Ping(murmur.Scenario):
    ...     async def init(self):
    ...         self.pings = await murmur.throttle("pings", rate=100, interval=1)
    ...     async def start(self, user):
    ...         while not user.leaving.is_set():
    ...             permit = await self.pings.wait()
    """

    def __init__(
        self,
        name: str,
        config: ThrottleConfig,
        *,
        task_group: TaskGroup,
        native: Native,
        emitter: Emitter,
        seed: str = "",
    ) -> None:
        self._spawn = task_group.start_soon
        self._lateness = Lateness()
        self._sampled = (0, 0)
        self._sampled_rate = (0.0, False)
        super().__init__(name, config, native=native, emitter=emitter, seed=seed)

    def wait(self) -> Coroutine[Any, Any, Permit]:
        """Block until a permit is granted, and return it.

        A caller that is cancelled while it waits uses up no permit.  In a thread, such as that
        of a plain ``def start``, write it without ``await``: it blocks the thread.

        The permit belongs to the task or thread that waits: its next `User.timer` counts
        response time from when the permit was due.  A wait in a task of its own, as
        `asyncio.wait_for` makes one on Python 3.11, gives it to that task; `User.wait_for`,
        `asyncio.timeout` and `anyio.fail_after` wait here.

        Returns
        -------
        Permit
            When it was due and when it was granted.

        Raises
        ------
        ThrottleStoppedError
            If the throttle is stopped, before or meanwhile.
        Leaving
            If the user is asked to leave while it waits in line.
        ThrottleError
            If it is a limit: there a permit must be given back, so use ``async with``.
        """
        if not self._native.is_here():
            # A thread has the permit itself; only who can await gets a coroutine.
            return cast("Coroutine[Any, Any, Permit]", self._block("wait", self._wait))
        return self._wait()

    async def _wait(self) -> Permit:
        if self._passes and not self._line:
            return await self._pass()
        if self._line.gate is self._slots:
            raise ThrottleError(
                f"throttle {self.name!r} limits how many act at a time; its permits must be "
                "given back: use `async with throttle:`"
            )
        return await self._acquire(holds=False)

    def _block(self, word: str, call: Callable[[], Coroutine[Any, Any, Permit]]) -> Permit:
        """Return what `call` comes to on the loop, while the calling thread waits."""
        Seat.take_place()
        name = f"throttle {self.name!r}: {word}"
        return block(self._native, call, name=name, caller=user_here.get())

    def __enter__(self) -> Permit:
        """Block a thread until there is a permit, which is given back at the end of the block."""
        if self._native.is_here():
            raise WrongThreadError(
                f"throttle {self.name!r}: with", "write `async with` in an `async def`"
            )
        return self._block("with", lambda: self._acquire(holds=True))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the permit back."""
        self._native.run_here(self._release)

    async def __aenter__(self) -> Permit:
        return await self._acquire(holds=True)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()

    def run(self, fn: Callable[..., object], *args: object) -> Job:
        """Call `fn` in a task of its own as soon as there is a permit; return at once.

        Parameters
        ----------
        fn : callable
            What to call; an async function is awaited.  It runs on the loop, so a plain
            function must not block.
        *args
            Its arguments.

        Returns
        -------
        Job
            Await it for the result.  An exception of `fn` is raised there, and becomes
            an event; it hurts nobody else.

        Raises
        ------
        ThrottleStoppedError
            If the throttle is stopped.  If that happens later, the job raises it.
        """
        ticket = self._ticket(holds=False)
        ticket.job = Job(fn, args, self._native)
        ticket.context = contextvars.copy_context()
        ticket.context.run(seat_here.set, None)  # the permit is the job's, and not the thread's
        self._native.run_here(self._line.join, ticket)
        return ticket.job

    def send(self, user: Recipient, message: object) -> Job:
        """Send `message` to a user as soon as there is a permit; return at once.

        The message carries when the permit was due: the timer that follows the receiver's
        `User.receive` counts response time from then.
        """
        return self.run(self._deliver, user, message)

    def _deliver(self, user: Recipient, message: object) -> None:
        due_at = take_due(self._native)
        if getattr(user, "carries_due", False):
            cast("Any", user).send(message, due_at=due_at)
        else:
            user.send(message)

    def statistics(self) -> ThrottleStatistics:
        """Return what the throttle is doing."""
        return ThrottleStatistics(
            name=self.name,
            rate=self.rate,
            interval=self.interval,
            limit=self.rate if self._line.gate is self._slots else None,
            waiting=len(self._line),
            requested=self._line.requested,
            granted=self._line.granted,
            out=self._slots.out,
            paused=self._line.is_paused,
            ramping=self.is_ramping,
            stopped=self._is_stopped,
        )

    def sample(self, now: float) -> dict[str, object]:
        """Return one window's row: the state at `now`, and what came since the call before."""
        requested, granted = self._line.requested, self._line.granted
        before, self._sampled = self._sampled, (requested, granted)
        is_limit = self._line.gate is self._slots
        return {
            "rate": None if is_limit else self._mean_rate(now),
            "interval": None if is_limit else self.interval,
            "requested": requested - before[0],
            "granted": granted - before[1],
            "waiting": len(self._line),
            "lateness": self._lateness.drain(),
        }

    def _mean_rate(self, now: float) -> float:
        """Return the rate since the last sample: of a ramp, what lies in the middle."""
        rate, ramps = self.rate_at(now), self.is_ramping
        before, self._sampled_rate = self._sampled_rate, (rate, ramps)
        return (before[0] + rate) / 2 if before[1] else rate

    def __repr__(self) -> str:
        state = "stopped" if self._is_stopped else f"{self.rate:g} per {self.interval:g} s"
        paused = ", paused" if self._line.is_paused else ""
        return f"<Throttle {self.name!r} {state}{paused}, {len(self._line)} waiting>"

    def grant_unpaced(self) -> None:
        """Count a permit that nobody had to wait for, where `is_unlimited`."""
        self._line.requested += 1
        self._line.granted += 1
        self._tell_of(_REQUEST)
        self._tell_of(_EXECUTE)

    async def _pass(self) -> Permit:
        """Let one through who has nobody in front and no rate to keep."""
        due_at = self._native.now()
        self.grant_unpaced()
        try:
            await self._native.checkpoint()
        except BaseException:
            self._line.granted -= 1
            drop_due()
            raise
        return self._permit(due_at, self._native.now())

    async def _acquire(self, *, holds: bool) -> Permit:
        ticket = self._ticket(holds=holds)
        self._line.join(ticket)
        try:
            if ticket.wakeup is None:
                await self._native.checkpoint()
            else:
                await self._queue(ticket, ticket.wakeup)
        except BaseException:
            self._line.leave(ticket)
            drop_due()
            raise
        return self._settle(ticket)

    async def _queue(self, ticket: Ticket, wakeup: Wakeup) -> None:
        """Wait in line; a user that is asked to leave does so."""
        user = user_here.get()
        if user is None:
            await self._native.wait(wakeup)
            return
        if user.is_leaving:
            await self._native.checkpoint()
            raise Leaving
        listening = user.listen(wakeup)
        try:
            await self._native.wait(wakeup)
        finally:
            listening.remove(wakeup)
        if ticket.due_at is None and not self._is_stopped:
            raise Leaving

    def _ticket(self, *, holds: bool) -> Ticket:
        self._check_stopped()
        self._tell_of(_REQUEST)
        return Ticket(self._native.now(), holds=holds)

    def _settle(self, ticket: Ticket) -> Permit:
        """Let the holder of a ticket go on with its permit."""
        if ticket.due_at is None:
            raise ThrottleStoppedError(self.name)
        now = self._native.now()
        self._line.settle(ticket, now)
        if self._emitter.listening(_EXECUTE):
            self._emit(_EXECUTE, {"count": 1, "lateness": now - ticket.due_at}, {})
        return self._permit(ticket.due_at, now)

    def _permit(self, due_at: float, granted_at: float) -> Permit:
        self._lateness.add(granted_at - due_at)
        give_due(due_at, self._native)
        return Permit(due_at, granted_at)

    def _release(self) -> None:
        self._slots.free(self._native.now())
        if self._line.gate is self._slots:
            self._line.alert()

    def _start_job(self, ticket: Ticket) -> None:
        assert ticket.context is not None
        ticket.context.run(self._spawn, self._perform, ticket)

    async def _perform(self, ticket: Ticket) -> None:
        assert ticket.job is not None
        self._settle(ticket)
        try:
            await ticket.job.perform()
        finally:
            if ticket.holds:
                self._release()
        error = ticket.job.error
        if error is not None:
            self._report(error)

    def _tell_of(self, event: str) -> None:
        if self._emitter.listening(event):
            self._emit(event, {"count": 1}, {})
