"""The steering half of a throttle: what its rate is, and the verbs that change it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

from murmur._backend import Native, on_loop
from murmur.errors import InvalidRateError, RampInProgressError, ThrottleStoppedError
from murmur.telemetry import text_of, trace_of

from ._config import ThrottleConfig
from ._curve import Curve, Pieces
from ._line import Line
from ._pacing import Pacing, Slots
from ._permit import Ticket
from ._ramp import Ramp
from ._rate import Rate

__all__ = ["Emitter", "Steered"]


class Emitter(Protocol):
    """Where a throttle's events go."""

    def listening(self, name: str) -> bool:
        """Whether anybody wants events of that name."""

    def emit(
        self, name: str, measurements: Mapping[str, float], metadata: Mapping[str, object]
    ) -> None:
        """Hand on an event."""


class Steered(ABC):
    """A rate that people change while others wait in line.

    Everything is used from one loop, so what happens between two awaits is atomic.

    Parameters
    ----------
    name : str
        Unique within the run.
    config : ThrottleConfig
        What it starts with.
    native : Native
        The running backend.
    emitter : Emitter
        Where events go.
    seed : str, default ""
        What Poisson arrivals are drawn from, unless the configuration says.
    """

    def __init__(
        self,
        name: str,
        config: ThrottleConfig,
        *,
        native: Native,
        emitter: Emitter,
        seed: str = "",
    ) -> None:
        now = native.now()
        self.name = name
        self.config = config
        self._native = native
        self._emitter = emitter
        self._is_stopped = False
        self._passes = False
        self._ramp: _Climb | None = None
        self._arrange(config, seed, now)
        self._emit("amoc.throttle.init", {"count": 1}, {})
        self._changed(now)

    @on_loop
    async def change_rate(
        self,
        rate: float | None = None,
        *,
        interval: float | None = None,
        interarrival: float | None = None,
        limit: float | None = None,
        cancel_ramp: bool = False,
    ) -> None:
        """Change the rate, for those who wait already as well.

        Parameters
        ----------
        rate : float, optional
            Permits per `interval`; 0 holds everyone, ``math.inf`` nobody.
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
        InvalidRateError
            If the arguments make no sense, or a limit is asked for while callers of
            `wait` are in line, who would never give a permit back.
        RampInProgressError
            If a ramp runs.
        """
        if rate is not None and interval is None:
            interval = self.interval or None
        new = Rate.of(rate, interval=interval, interarrival=interarrival, limit=limit)
        if new.is_limit and self._line.has_plain_waiters:
            raise InvalidRateError(
                f"change to {new}", "callers of wait() are in line; a limit needs `async with`"
            )
        now = self._end_ramp("change", cancel=cancel_ramp)
        if new.is_limit:
            self._slots.limit = new.permits
            self._line.gate = self._slots
        else:
            self._follow(Pieces.constant(new), now)
        self._changed(now)

    @on_loop
    async def ramp(  # noqa: PLR0913 - one keyword for each way to say it
        self,
        *,
        from_rate: float | None = None,
        to_rate: float | None = None,
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
        InvalidRateError
            If the arguments make no sense.
        RampInProgressError
            If a ramp runs.
        """
        if from_rate is not None and interval is None:
            interval = self.interval or None
        new = Ramp.of(
            from_rate=from_rate,
            to_rate=to_rate,
            from_interarrival=from_interarrival,
            to_interarrival=to_interarrival,
            interval=interval,
            duration=duration,
            steps=steps,
            step_interval=step_interval,
        )
        if self._line.gate is self._slots:
            raise InvalidRateError("ramp of a limit", "change it to a rate first")
        now = self._end_ramp("ramp", cancel=cancel_ramp)
        self._follow(new.curve(now), now)
        self._ramp = _Climb(new, now)
        self._tell(str(new))
        self._changed(now)

    @on_loop
    async def unlock(self, *, cancel_ramp: bool = False) -> None:
        """Let everybody through: the same as a rate of ``math.inf``."""
        await self.change_rate(math.inf, cancel_ramp=cancel_ramp)

    @on_loop
    async def pause(self) -> None:
        """Grant nothing until `resume`, whatever happens to the rate."""
        self._check_stopped()
        if not self._line.is_paused:
            self._line.is_paused = True
            self._update_passes()
            self._tell("paused")
            self._line.alert()

    @on_loop
    async def resume(self) -> None:
        """End a pause; what was not granted meanwhile is not made good."""
        self._check_stopped()
        if self._line.is_paused:
            self._line.is_paused = False
            gate = self._line.gate
            if isinstance(gate, Pacing):
                gate.hold_until(self._native.now())
            self._update_passes()
            self._tell("resumed")
            self._line.alert()

    @on_loop
    async def stop(self) -> None:
        """Grant nothing any more; everyone who waits gets a `ThrottleStoppedError`.

        Jobs that run already go on.
        """
        self.end()

    def end(self) -> None:
        """Grant nothing any more here, whatever other nodes do."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self._update_passes()
        self._ramp = None
        for ticket in self._line.close():
            if ticket.job is not None:
                ticket.job.finish(error=ThrottleStoppedError(self.name))
        self._tell("stopped")

    @property
    def rate(self) -> float:
        """Permits per interval at this moment; of a limit, the limit."""
        return self.rate_at(self._native.now())

    def rate_at(self, now: float) -> float:
        """Return the rate at `now`, of a ramp or a shape that is under way as well."""
        gate = self._line.gate
        return gate.rate_at(now) if isinstance(gate, Pacing) else self._slots.limit

    @property
    def interval(self) -> float:
        """Seconds that the rate is counted over; 0 of a limit."""
        gate = self._line.gate
        return gate.curve.interval if isinstance(gate, Pacing) else 0.0

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped, for good."""
        return self._is_stopped

    @property
    def is_ramping(self) -> bool:
        """Whether a ramp is under way."""
        return self._ramp is not None and self._native.now() < self._ramp.ends_at

    @property
    def is_unlimited(self) -> bool:
        """Whether every request is granted at once."""
        return self._passes and not self._line

    def has(self, config: ThrottleConfig) -> bool:
        """Whether `config` is what it was started with, or its rate at this moment."""
        if config.matches(self.config):
            return True
        is_plain = config.shape is None and config.arrivals == self.config.arrivals
        return is_plain and (config.rate.permits, config.rate.interval) == (
            self.rate,
            self.interval,
        )

    async def serve(self) -> None:
        """Grant permits as they fall due, until the throttle is stopped."""
        await self._line.serve(self._climb)

    @abstractmethod
    def _start_job(self, ticket: Ticket) -> None:
        """Start the job of a ticket that was granted its permit."""

    def _arrange(self, config: ThrottleConfig, seed: str, now: float) -> None:
        """Set up the line and what lets it move."""
        self._gap = config.gap(f"{seed}/{self.name}")
        self._slots = Slots(config.rate.permits, now)
        self._line = Line(self._slots, self._slots, self._native, self._start_job)
        if not config.rate.is_limit:
            self._follow(config.curve(now, self._report), now)

    def _check_stopped(self) -> None:
        if self._is_stopped:
            raise ThrottleStoppedError(self.name)

    def _end_ramp(self, verb: str, *, cancel: bool) -> float:
        """Make way for a change, or refuse it; return the present moment."""
        self._check_stopped()
        if self.is_ramping:
            if not cancel:
                raise RampInProgressError(self.name, verb)
            self._tell("ramp cancelled")
        self._ramp = None
        return self._native.now()

    def _follow(self, curve: Curve, now: float) -> None:
        """Let the rate follow `curve` from now on."""
        gate = self._line.gate
        if isinstance(gate, Pacing):
            gate.change(curve, now)
        else:
            self._line.gate = Pacing(curve, now, self._gap)

    def _changed(self, now: float) -> None:
        """Tell of a new rate, and let those who wait have it."""
        self._update_passes()
        rate, interval = self.rate, self.interval
        measured = {"rate": rate} if rate == math.inf else {"rate": rate, "interval": interval}
        self._emit("amoc.throttle.rate", measured, {})
        self._line.alert()

    def _update_passes(self) -> None:
        gate = self._line.gate
        self._passes = (
            not self._is_stopped
            and not self._line.is_paused
            and isinstance(gate, Pacing)
            and isinstance(gate.curve, Pieces)
            and len(gate.curve.pieces) == 1
            and self.rate == math.inf
        )

    def _climb(self, now: float) -> float:
        """Tell of the steps of a ramp that have come; return when the next comes."""
        if self._ramp is None:
            return math.inf
        if now >= self._ramp.next_at:
            self._ramp.pass_steps(now)
            self._changed(now)
            if self._ramp.is_over:
                self._ramp = None
                self._tell("ramp ended")
                return math.inf
        return self._ramp.next_at

    def _report(self, error: BaseException) -> None:
        """Tell of an exception in a user's code."""
        self._emit(
            "amoc.throttle.failure",
            {"count": 1},
            {
                "error": type(error).__qualname__,
                "reason": text_of(error),
                "traceback": trace_of(error),
            },
        )

    def _tell(self, message: str) -> None:
        state = f"{self.rate:g} per {self.interval:g} s, {len(self._line)} waiting"
        self._emit("amoc.throttle.process", {"count": 1}, {"message": message, "state": state})

    def _emit(
        self, event: str, measured: Mapping[str, float], metadata: Mapping[str, object]
    ) -> None:
        if self._emitter.listening(event):
            self._emitter.emit(event, measured, {"name": self.name, **metadata})


class _Climb:
    """A ramp under way, step by step; one without steps has a single one, its end."""

    def __init__(self, ramp: Ramp, now: float) -> None:
        self._each = ramp.duration / (ramp.steps or 1)
        self._steps = ramp.steps or 1
        self._passed = 0
        self._start = now

    @property
    def next_at(self) -> float:
        """When the next step comes."""
        return self._start + (self._passed + 1) * self._each

    @property
    def ends_at(self) -> float:
        """When the last step comes."""
        return self._start + self._steps * self._each

    @property
    def is_over(self) -> bool:
        """Whether all steps have come."""
        return self._passed >= self._steps

    def pass_steps(self, now: float) -> None:
        """Count the steps that have come."""
        while not self.is_over and self.next_at <= now:
            self._passed += 1
