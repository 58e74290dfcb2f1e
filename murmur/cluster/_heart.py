"""A node's pulse: says that it is alive, learns what time it is, hears when nobody answers.

Runs on the link's loop, so that a user who blocks the loop of the run does not make the
node look dead.  Whatever is more than a sign of life goes to the agent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Protocol

import anyio

from murmur._backend import Native

from ._clock import ClockOffset
from ._link import NodeLink
from ._reception import ECHO, PULSE

BEAT = 0.5
"""Seconds between two pulses."""

EARLY = 0.3
"""Seconds after a pulse from which the next one goes along with any message that is sent."""

GRAIN = 0.001
"""Seconds by which a pulse may come sooner: who sleeps until then may wake a little before."""

FIRST, FIRST_BEAT = 10, 0.02
"""The first pulses come quickly: a node should know the time before its first run."""


class NodeDesk(Protocol):
    """Who acts on what a node hears; called on the loop of its run."""

    # set on the loop of the link, at once: the loop of the run may be stuck for ever
    is_deserted: bool
    silence: float  # seconds without an answer after which the steering kernel counts as lost

    def heard(self, kind: str, body: bytes) -> None:
        """Take a message."""

    def deserted(self, reason: str, *, is_closed: bool) -> None:
        """Take note that the steering kernel is gone, or closed the connection."""


class Heart:
    """Listens on the node's end of a link and keeps its pulse; see `NodeAudience`."""

    def __init__(
        self,
        link: NodeLink,
        clock: ClockOffset,  # learns from the answers; others only read it
        desk: NodeDesk,
        home: Native,  # the loop of the desk
        # returns for how many seconds the loop of the run has been stuck
        stuck_for: Callable[[], float],
    ) -> None:
        self._link = link
        self._clock = clock
        self._desk = desk
        self._home = home
        self._stuck_for = stuck_for
        self._heard_at = 0.0
        self._beat_at = math.inf

    def company(self) -> list[tuple[str, bytes]]:
        """See `NodeAudience`: a pulse, if the next one is due before long."""
        return [self._pulse()] if self._link.now() - self._beat_at >= EARLY else []

    def heard(self, kind: str, body: bytes) -> None:
        """See `NodeAudience`."""
        now = self._heard_at = self._link.now()
        if kind == "echo":
            sent_at, steering_at = ECHO.unpack(body)
            self._clock.take(sent_at=sent_at, steering_at=steering_at, received_at=now)
        else:
            self._home.run_here(self._desk.heard, kind, body)

    def left(self, reason: str) -> None:
        """See `NodeAudience`."""
        self._say_deserted(reason, is_closed=True)

    async def live(self) -> None:
        """Keep the pulse, and say once when nobody answers any more."""
        self._heard_at = self._link.now()
        for _ in range(FIRST):
            self._beat()
            await anyio.sleep(FIRST_BEAT)
        while True:
            before = self._link.now()
            if before - self._beat_at >= BEAT - GRAIN:
                self._beat()
            await anyio.sleep(self._beat_at + BEAT - before)
            now = self._link.now()
            # While this process was frozen nobody could be heard: not their silence.
            self._heard_at += max(0.0, now - before - 2 * BEAT)
            if now - self._heard_at > self._desk.silence:
                reason = f"no sign of life for {now - self._heard_at:.1f} s"
                self._say_deserted(reason, is_closed=False)

    def _say_deserted(self, reason: str, *, is_closed: bool) -> None:
        self._desk.is_deserted = True
        self._home.run_here(partial(self._desk.deserted, reason, is_closed=is_closed))

    def _beat(self) -> None:
        self._link.send(*self._pulse())

    def _pulse(self) -> tuple[str, bytes]:
        clock, self._beat_at = self._clock, self._link.now()
        return "pulse", PULSE.pack(self._beat_at, clock.offset, clock.error, self._stuck_for())
