"""The source of a throttle's permits, and where its verbs go.

A throttle of one node is its own source: it has the setting, and grants along it.  One of
many nodes has its source in the steering kernel (`shared._leased`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from murmur._backend import Native

from ._account import Booked, WindowNumbers
from ._config import ThrottleConfig
from ._curve import Curve, Pieces
from ._gate import Gate, Slots
from ._line import Line, Owner
from ._pacing import DrawnPacing, EvenPacing, Pacing
from ._rate import Rate
from ._setting import Setting


class EventSink(Protocol):
    """Where a throttle's events go."""

    def listening(self, name: str) -> bool:
        """Whether anybody wants events of that name."""

    def emit(
        self, name: str, measurements: Mapping[str, float], metadata: Mapping[str, object]
    ) -> None:
        """Hand on an event."""


class Recipient(Protocol):
    """Whom `Throttle.send` sends to: a user."""

    def send(self, message: object) -> object:
        """Take in a message; with ``due_at=`` if it has an attribute ``carries_due``."""


class Steered(Owner, Protocol):
    """A throttle, as its source sees it."""

    def turn(self, *, passes: bool) -> None:
        """Go on under what is set now; `passes` if every request is granted at once."""

    def tell(self, message: str) -> None:
        """Tell those who listen what happened."""

    def tell_rate(self) -> None:
        """Tell those who listen of a new rate."""

    def report(self, error: BaseException) -> None:
        """Tell of an exception in a user's code."""

    def end(self) -> None:
        """Grant nothing any more here."""


class Source(Protocol):
    """Where permits come from, and where verbs go."""

    line: Line

    @property
    def slots(self) -> Slots:
        """Permits that are given back after use."""

    def attach(self, throttle: Steered) -> None:
        """Serve a throttle from now on."""

    async def call(self, verb: str, arguments: Mapping[str, Any]) -> None:
        """Do what a verb asks for."""

    def has(self, config: ThrottleConfig) -> bool:
        """Whether `config` is what it was started with, or its rate at this moment."""

    def rate_at(self, now: float) -> float:
        """Return the permits per interval; of a limit, the limit."""

    @property
    def interval(self) -> float:
        """Seconds that the rate is counted over; 0 of a limit."""

    @property
    def passes(self) -> bool:
        """Whether every request is granted at once."""

    def is_ramping(self, now: float) -> bool:
        """Whether a ramp is under way."""

    def slope_at(self, now: float) -> float:
        """Return by how many permits per interval the rate changes in a second, between steps."""

    def ramp_at(self, now: float) -> str:
        """Return the ramp that is under way, in words; empty if that is not known here."""

    def follow(self, now: float) -> float:
        """Do what is due by now; return when something is due next."""

    def drain(self, now: float) -> tuple[dict[int, Booked], int]:
        """Return what was booked since the last time, by window, and permits that had no plan."""

    def end_plan(self, now: float) -> None:
        """Settle all that has fallen due: from now on nothing is due."""


class OwnSource:
    """A setting of this node alone."""

    def __init__(
        self,
        name: str,
        config: ThrottleConfig,
        *,
        native: Native,
        seed: str,  # what Poisson arrivals are drawn from, unless the configuration says
        windows: WindowNumbers,
    ) -> None:
        self.name = name
        self._config = config
        self._native = native
        self._gap = config.gap(f"{seed}/{name}")
        self._windows = windows
        self.slots = Slots(config.rate.permits, native.now())

    def attach(self, throttle: Steered) -> None:
        """See `Source`."""
        now = self._native.now()
        self._throttle = throttle
        config = self._config
        curve = None if config.rate.is_limit else config.curve(now, throttle.report)
        self._setting = Setting(self.name, config.terms, now, curve)
        self._pacing: Pacing = (
            EvenPacing(self._curve, now, catch_up=config.catch_up, windows=self._windows)
            if self._gap is None
            else DrawnPacing(self._curve, now, self._gap, self._windows)
        )
        self.line = Line(self._gate, self.slots, self._native, throttle)

    async def call(self, verb: str, arguments: Mapping[str, Any]) -> None:
        """See `Source`."""
        now, setting = self._native.now(), self._setting
        said = setting.call(verb, arguments, now, has_plain=self.line.has_plain_waiters)
        if setting.is_stopped:
            self._throttle.end()
            return
        if setting.limit is not None:
            self.slots.limit = setting.limit
        self._pacing.change(self._curve, now)
        self.line.gate, self.line.is_paused = self._gate, setting.is_paused
        if said:
            self._throttle.tell(said)
        if verb not in ("pause", "resume"):
            self._throttle.tell_rate()
        self._throttle.turn(passes=self.passes)

    @property
    def passes(self) -> bool:
        """Whether every request is granted at once."""
        setting = self._setting
        return setting.is_open and not (setting.is_paused or setting.is_stopped)

    def has(self, config: ThrottleConfig) -> bool:
        """See `Source`."""
        return self._setting.has(config.terms, self._native.now())

    def rate_at(self, now: float) -> float:
        """See `Source`."""
        return self._setting.rate_at(now)

    @property
    def interval(self) -> float:
        """See `Source`."""
        return self._setting.interval

    def is_ramping(self, now: float) -> bool:
        """See `Source`."""
        return self._setting.is_ramping(now)

    def slope_at(self, now: float) -> float:
        """See `Source`."""
        return self._setting.slope_at(now)

    def ramp_at(self, now: float) -> str:
        """See `Source`."""
        return self._setting.ramp_at(now)

    def follow(self, now: float) -> float:
        """Tell of the steps of a ramp that have come; return when the next comes."""
        if now >= self._setting.next_step_at:
            said = self._setting.pass_steps(now)
            self._throttle.tell_rate()
            if said:
                self._throttle.tell(said)
        return self._setting.next_step_at

    def drain(self, now: float) -> tuple[dict[int, Booked], int]:
        """See `Source`."""
        free = self._pacing.free + self.slots.taken
        self._pacing.free = self.slots.taken = 0
        return self._pacing.drain(now, is_waited_for=len(self.line) > 0), free

    def end_plan(self, now: float) -> None:
        """See `Source`."""
        self._pacing.end_plan(now, is_waited_for=len(self.line) > 0)

    @property
    def _gate(self) -> Gate:
        return self._pacing if self._setting.limit is None else self.slots

    @property
    def _curve(self) -> Curve:
        """What the pace follows: nothing while there is a pause, or a limit instead."""
        if self._setting.is_paused or self._setting.limit is not None:
            return Pieces.constant(Rate(0.0, self._setting.curve.interval))
        return self._setting.curve
