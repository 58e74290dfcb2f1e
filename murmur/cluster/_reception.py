"""The steering kernel's ear on the link: answers pulses at once, and misses nobody's silence.

Runs on the link's loop.  Whatever is more than a sign of life goes to the desk, on the
loop where the cluster lives.
"""

from __future__ import annotations

import struct
from typing import Protocol

import anyio

from murmur._backend import Native

from ._link import SteeringLink
from ._ticket import Holder

PULSE = struct.Struct("!dddd")
"""Sent by a node: when it was sent, offset and error of its clock, silence of its loop."""

ECHO = struct.Struct("!dd")
"""The answer: when the pulse was sent, on the node's clock; and the steering clock's time."""

SUSPECT = 2.0
"""Seconds without a sign of life after which a node is suspect."""

LOOK = 0.25
"""Seconds between two looks at who is silent, once somebody is."""


class Desk(Protocol):
    """Who decides; called on the loop where the cluster lives."""

    def joined(self, peer: int, host: str, holder: Holder) -> None:
        """Take note of a connection."""

    def heard(self, peer: int, kind: str, body: bytes) -> None:
        """Take a message."""

    def pulse(self, peer: int, offset: float, error: float, silence: float) -> None:
        """Take note of a node's clock and of how long its loop has been stuck."""

    def silent(self, peer: int, seconds: float) -> None:
        """Take note that a node is silent, or, with 0, that it was heard again."""

    def left(self, peer: int, reason: str) -> None:
        """Take note that a connection is closed."""


class Reception:
    """Listens to all connections of the steering end; see `SteeringAudience`."""

    def __init__(self, link: SteeringLink, desk: Desk, home: Native) -> None:
        self._link = link
        self._desk = desk
        self._home = home
        self._heard_at: dict[int, float] = {}
        self._suspects: set[int] = set()

    def joined(self, peer: int, host: str, holder: Holder) -> None:
        """See `SteeringAudience`."""
        self._heard_at[peer] = self._link.now()
        self._home.run_here(self._desk.joined, peer, host, holder)

    def heard(self, peer: int, kind: str, body: bytes) -> None:
        """See `SteeringAudience`."""
        now = self._heard_at[peer] = self._link.now()
        if kind != "pulse":
            self._home.run_here(self._desk.heard, peer, kind, body)
        elif len(body) == PULSE.size:
            sent_at, offset, error, silence = PULSE.unpack(body)
            self._link.send(peer, "echo", ECHO.pack(sent_at, now))
            self._home.run_here(self._desk.pulse, peer, offset, error, silence)

    def left(self, peer: int, reason: str) -> None:
        """See `SteeringAudience`."""
        del self._heard_at[peer]
        self._suspects.discard(peer)
        self._home.run_here(self._desk.left, peer, reason)

    async def live(self) -> None:
        """Look for ever at who is silent."""
        while True:
            before = self._link.now()
            pause = self._pause(before)
            await anyio.sleep(pause)
            now = self._link.now()
            overslept = now - before - pause
            for peer in list(self._heard_at):
                # While this process was frozen nobody could be heard: not their silence.
                self._heard_at[peer] += max(0.0, overslept - LOOK)
                self._look_at(peer, now - self._heard_at[peer])

    def _pause(self, now: float) -> float:
        """Return for how many seconds there is nobody to look at."""
        if self._suspects:
            return LOOK
        heard_at = min(self._heard_at.values(), default=now)
        return min(max(heard_at + SUSPECT - now, LOOK), SUSPECT / 2)

    def _look_at(self, peer: int, silence: float) -> None:
        is_suspect = silence > SUSPECT
        if is_suspect or peer in self._suspects:
            self._home.run_here(self._desk.silent, peer, silence if is_suspect else 0.0)
        if is_suspect:
            self._suspects.add(peer)
        else:
            self._suspects.discard(peer)
