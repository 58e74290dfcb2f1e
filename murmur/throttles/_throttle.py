"""The named throttle: lets users act no faster than a rate, in the order they asked."""

from __future__ import annotations

import contextvars
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, cast

from murmur._backend import Native, Wakeup, block, on_loop
from murmur._given import needed
from murmur._guard import text_of, trace_of
from murmur._moved import amoc_names
from murmur.errors import Leaving, ThrottleError, ThrottleStoppedError, WrongThreadError

from ._account import WindowNumbers
from ._config import ThrottleConfig
from ._due import Seat, drop_due, give_due, seat_here, take_due, user_here
from ._job import Job
from ._line import Crowd
from ._permit import Permit, PlaceInLine, ThrottleStatistics
from ._samples import Lateness, Samples
from ._source import EventSink, Recipient, Source

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

_REQUEST, _EXECUTE = "amoc.throttle.request", "amoc.throttle.execute"


@amoc_names({"change_rate_gradually": "ramp", "send_and_wait": "send, and then user.receive"})
class Throttle:
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
    source : Source
        Where its permits come from, and where its verbs go.
    windows : WindowNumbers
        What its permits are booked by.
    task_group : anyio.abc.TaskGroup
        Where its jobs run, and its own task (`serve`).
    native : Native
        The running backend.
    emitter : EventSink
        Where its events go.

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

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        name: str,
        config: ThrottleConfig,
        *,
        source: Source,
        windows: WindowNumbers,
        task_group: TaskGroup,
        native: Native,
        emitter: EventSink,
    ) -> None:
        self.name = name
        self.config = config
        self._source = source
        self._spawn = task_group.start_soon
        self._native = native
        self._emitter = emitter
        self._is_stopped = False
        self._passes = False
        self._passed = 0  # permits that nobody had to wait for: neither line nor source counts
        self._told_passed = 0
        self._free = 0  # permits since the last sample that had no rate to keep
        self._lateness = Lateness()
        self._samples = Samples(windows)
        self._crowd: Crowd | None = None
        self.on_rate: Callable[[], None] | None = None  # called with each new rate
        source.attach(self)
        self._line, self._slots = source.line, source.slots
        self._emit("amoc.throttle.init", {"count": 1})
        self.tell_rate()
        self.turn(passes=source.passes)

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
        if self.is_limit:
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

    def __exit__(self, *_: object) -> None:
        """Give the permit back."""
        self._native.run_here(self._release)

    async def __aenter__(self) -> Permit:
        return await self._acquire(holds=True)

    async def __aexit__(self, *_: object) -> None:
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
            an event; other jobs go on.

        Raises
        ------
        ThrottleStoppedError
            If the throttle is stopped.  If that happens later, the job raises it.
        """
        needed(callable(fn), "fn", fn, "give what can be called, such as self.ask")
        place = self._new_place(holds=False)
        place.job = Job(fn, args, self._native)
        place.context = contextvars.copy_context()
        place.context.run(seat_here.set, None)  # the permit is the job's, and not the thread's
        self._native.run_here(self._line.join, place)
        return place.job

    def send(self, user: Recipient, message: object) -> Job:
        """Send `message` to a user as soon as there is a permit; return at once.

        The message carries when the permit was due: the timer that follows the receiver's
        `User.receive` counts response time from then.
        """
        remedy = "give a user; for the id of one, throttle.run(murmur.send, user_id, message)"
        needed(hasattr(user, "send"), "user", user, remedy)
        return self.run(self._deliver, user, message)

    def _deliver(self, user: Recipient, message: object) -> None:
        due_at = take_due(self._native)
        if getattr(user, "carries_due", False):
            cast("Any", user).send(message, due_at=due_at)
        else:
            user.send(message)

    def admit(self, crowd: Crowd) -> None:
        """Let a crowd in from now on, one for each permit, while there are some."""
        self._crowd = crowd
        self._line.admit(crowd)

    def crowd_changed(self, by: int) -> None:
        """Take note that `by` more of the crowd wait; fewer if it is below zero."""
        self._line.crowd_changed(by)

    @on_loop("throttle.change_rate")
    async def change_rate(
        self,
        rate: float | str | None = None,
        *,
        interval: float | None = None,
        interarrival: float | None = None,
        limit: float | None = None,
        cancel_ramp: bool = False,
    ) -> None:
        """Change the rate, for those who wait already as well.

        Parameters
        ----------
        rate : float or str, optional
            Permits per `interval`, or text with a unit such as ``"10/s"``; 0 holds everyone,
            ``math.inf`` nobody.
        interval : float, optional
            Seconds; the present interval unless given, or 60 if there is none.
        interarrival : float, optional
            Seconds between two permits.
        limit : int, optional
            How many permits may be out at a time.
        cancel_ramp : bool, default False
            Whether to end a ramp that runs.

        Raises
        ------
        InvalidArgumentError
            If the arguments make no sense, or a limit is asked for while callers of
            `wait` are in line, who would never give a permit back.
        RampInProgressError
            If a ramp runs.
        """
        await self._call(
            "change_rate",
            rate=rate,
            interval=interval,
            interarrival=interarrival,
            limit=limit,
            cancel_ramp=cancel_ramp,
        )

    @on_loop("throttle.ramp")
    async def ramp(  # noqa: PLR0913 - one keyword for each way to say it
        self,
        *,
        from_rate: float | str | None = None,
        to_rate: float | str | None = None,
        from_interarrival: float | None = None,
        to_interarrival: float | None = None,
        interval: float | None = None,
        duration: float | None = None,
        steps: int | None = None,
        step_interval: float | None = None,
        cancel_ramp: bool = False,
    ) -> None:
        """Start to change the rate gradually; return at once.

        The time of a ramp goes on while the throttle is paused.

        Parameters
        ----------
        from_rate, to_rate : float, optional
            Permits per `interval` at the start and at the end.
        from_interarrival, to_interarrival : float, optional
            The same as seconds between two permits; it is the rate that changes linearly.
        interval : float, optional
            Seconds; the present interval unless given, or 60 if there is none.
        duration : float, optional
            Seconds; the rate changes all the time.
        steps, step_interval : int and float, optional
            Instead, that many steps with so many seconds between them.
        cancel_ramp : bool, default False
            Whether to end a ramp that runs.

        Raises
        ------
        InvalidArgumentError
            If the arguments make no sense.
        RampInProgressError
            If a ramp runs.
        """
        await self._call(
            "ramp",
            from_rate=from_rate,
            to_rate=to_rate,
            from_interarrival=from_interarrival,
            to_interarrival=to_interarrival,
            interval=interval,
            duration=duration,
            steps=steps,
            step_interval=step_interval,
            cancel_ramp=cancel_ramp,
        )

    @on_loop("throttle.unlock")
    async def unlock(self, *, cancel_ramp: bool = False) -> None:
        """Let everybody through: a rate of ``math.inf``; `cancel_ramp` as in `change_rate`."""
        await self._call("unlock", cancel_ramp=cancel_ramp)

    @on_loop("throttle.pause")
    async def pause(self) -> None:
        """Grant nothing until `resume`, whatever happens to the rate."""
        await self._call("pause")

    @on_loop("throttle.resume")
    async def resume(self) -> None:
        """End a pause; what was not granted meanwhile is not made good."""
        await self._call("resume")

    @on_loop("throttle.stop")
    async def stop(self) -> None:
        """Grant nothing any more; everyone who waits gets a `ThrottleStoppedError`.

        Jobs that run already go on.
        """
        if not self._is_stopped:
            await self._source.call("stop", {})

    def end_plan(self) -> None:
        """Count nothing as due from now on: the load is over, and only its rest goes on."""
        self._source.end_plan(self._native.now())

    def end(self) -> None:
        """Grant nothing any more here, whatever other nodes do."""
        if self._is_stopped:
            return
        self.end_plan()
        self._is_stopped = True
        self.turn(passes=False)
        error = ThrottleStoppedError(self.name)
        for job in filter(None, (place.job for place in self._line.close())):
            job.finish(error=ThrottleStoppedError(self.name))
        self.tell("stopped")
        if self._crowd is not None:
            self._crowd.refuse(error)

    @property
    def rate(self) -> float:
        """Permits per interval at this moment; of a limit, the limit."""
        return self._source.rate_at(self._native.now())

    @property
    def interval(self) -> float:
        """Seconds that the rate is counted over; 0 of a limit."""
        return self._source.interval

    @property
    def is_limit(self) -> bool:
        """Whether it limits how many permits are out at a time."""
        return self._line.gate is self._slots

    @property
    def is_unlimited(self) -> bool:
        """Whether every request is granted at once."""
        return self._passes and not self._line

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped, for good."""
        return self._is_stopped

    @property
    def is_ramping(self) -> bool:
        """Whether a ramp is under way."""
        return not self._is_stopped and self._source.is_ramping(self._native.now())

    def has(self, config: ThrottleConfig) -> bool:
        """Whether `config` is what it was started with, or its rate at this moment."""
        return self._source.has(config)

    async def serve(self) -> None:
        """Grant permits as they fall due, until the throttle is stopped."""
        await self._line.serve(self._source.follow)

    def statistics(self) -> ThrottleStatistics:
        """Return what the throttle is doing."""
        return ThrottleStatistics(
            name=self.name,
            rate=self.rate,
            interval=self.interval,
            limit=self.rate if self.is_limit else None,
            waiting=len(self._line),
            requested=self._line.requested + self._passed,
            granted=self._line.granted + self._passed,
            out=self._slots.out,
            paused=self._line.is_paused,
            ramping=self.is_ramping,
            stopped=self._is_stopped,
            ramp="" if self._is_stopped else self._source.ramp_at(self._native.now()),
        )

    def sample(self, now: float) -> list[dict[str, object]]:
        """Return rows of what came since the call before, up to `now`: one for each window.

        The last is of this moment, with what was asked for and how late permits were.  Those
        before tell more of windows that are over: permits are booked when they were due.
        """
        booked, free = self._source.drain(now)
        free += self._free + self._passed - self._told_passed
        self._free, self._told_passed = 0, self._passed
        return self._samples.rows(
            now,
            booked,
            rate=math.nan if self.is_limit else self._source.rate_at(now),
            interval=math.nan if self.is_limit else self.interval,
            is_sloping=self._source.slope_at(now) != 0 and not self._is_stopped,
            requested=self._line.requested + self._passed,
            free=free,
            waiting=len(self._line),
            lateness=self._lateness.drain(),
        )

    def __repr__(self) -> str:
        state = "stopped" if self._is_stopped else f"{self.rate:g} per {self.interval:g} s"
        paused = ", paused" if self._line.is_paused else ""
        return f"<Throttle {self.name!r} {state}{paused}, {len(self._line)} waiting>"

    def turn(self, *, passes: bool) -> None:
        """Go on under what is set now; `passes` if every request is granted at once."""
        self._passes = self._line.passes = passes and not self._is_stopped
        self._line.alert()

    def tell(self, message: str) -> None:
        """Tell those who listen what happened: `message`."""
        state = f"{self.rate:g} per {self.interval:g} s, {len(self._line)} waiting"
        self._emit("amoc.throttle.process", {"count": 1}, message=message, state=state)

    def tell_rate(self) -> None:
        """Tell those who listen of a new rate."""
        rate, interval = self.rate, self.interval
        measured = {"rate": rate} if rate == math.inf else {"rate": rate, "interval": interval}
        self._emit("amoc.throttle.rate", measured)
        if self.on_rate is not None:
            self.on_rate()

    def report(self, error: BaseException) -> None:
        """Tell of `error`, which a user's code raised."""
        self._emit(
            "amoc.throttle.failure",
            {"count": 1},
            error=type(error).__qualname__,
            reason=text_of(error),
            traceback=trace_of(error),
        )

    def let_in(self, due_at: float, granted_at: float) -> None:
        """Note that one of a crowd went on, due at `due_at` and let in at `granted_at`."""
        if self._passes:
            self._free += 1
        else:
            self._lateness.add(granted_at - due_at)
        self._tell_of(_REQUEST)
        self._tell_of(_EXECUTE, granted_at - due_at)

    def start_job(self, place: PlaceInLine) -> None:
        """Start the job of a place that was granted its permit."""
        assert place.context is not None
        place.context.run(self._spawn, self._perform, place)

    async def _call(self, verb: str, **arguments: object) -> None:
        self._check_stopped()
        given = {name: value for name, value in arguments.items() if value is not None}
        await self._source.call(verb, given)

    def _check_stopped(self) -> None:
        if self._is_stopped:
            raise ThrottleStoppedError(self.name)

    async def _pass(self) -> Permit:
        """Let one through who has nobody in front and no rate to keep."""
        due_at = self._native.now()
        self._passed += 1
        self._tell_of(_REQUEST)
        self._tell_of(_EXECUTE)
        try:
            await self._native.checkpoint()
        except BaseException:
            self._passed -= 1
            self._line.requested += 1
            drop_due()
            raise
        return self._permit(due_at, self._native.now())

    async def _acquire(self, *, holds: bool) -> Permit:
        place = self._new_place(holds=holds)
        line = self._line
        line.join(place)
        while True:
            try:
                if place.wakeup is None or place.due_at is not None:
                    await self._native.checkpoint()
                else:
                    await self._queue(place, place.wakeup)
            except BaseException:
                line.leave(place)
                drop_due()
                raise
            if not line.has_lapsed(place, self._native.now()):
                return self._settle(place)
            line.rejoin(place)

    async def _queue(self, place: PlaceInLine, wakeup: Wakeup) -> None:
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
        if place.due_at is None and not self._is_stopped:
            raise Leaving

    def _new_place(self, *, holds: bool) -> PlaceInLine:
        self._check_stopped()
        self._tell_of(_REQUEST)
        return PlaceInLine(self._native.now(), holds=holds)

    def _settle(self, place: PlaceInLine) -> Permit:
        """Let the holder of a place go on with its permit."""
        if place.due_at is None:
            raise ThrottleStoppedError(self.name)
        now = self._native.now()
        self._line.settle(place, now)
        self._tell_of(_EXECUTE, now - place.due_at)
        return self._permit(place.due_at, now)

    def _permit(self, due_at: float, granted_at: float) -> Permit:
        self._lateness.add(granted_at - due_at)
        give_due(due_at, self._native)
        return Permit(due_at, granted_at)

    def _release(self) -> None:
        self._slots.free(self._native.now())
        if self.is_limit:
            self._line.alert()

    async def _perform(self, place: PlaceInLine) -> None:
        job = place.job
        assert job is not None
        if self._line.has_lapsed(place, self._native.now()):
            self._line.rejoin(place)
            if self._is_stopped:
                job.finish(error=ThrottleStoppedError(self.name))
            return
        self._settle(place)
        try:
            await job.perform()
        finally:
            if place.holds:
                self._release()
        if job.error is not None:
            self.report(job.error)

    def _tell_of(self, event: str, lateness: float | None = None) -> None:
        """Tell of a permit, which is frequent: at no price if nobody listens."""
        if self._emitter.listening(event):
            self._emit(
                event, {"count": 1} if lateness is None else {"count": 1, "lateness": lateness}
            )

    def _emit(self, event: str, measured: Mapping[str, float], **metadata: object) -> None:
        self._emitter.emit(event, measured, {"name": self.name, **metadata})
