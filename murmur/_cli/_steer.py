"""Makes a session do what a load asks for, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from murmur.errors import RunStateError
from murmur.runtime import USER_RATE

if TYPE_CHECKING:
    from murmur._session import Session

    from ._load import Load

__all__ = ["Steering"]

_FAREWELLS = 1.0
"""Seconds between two removals: each is a change that the results tell of."""


class Steering:
    """Keeps a run on its load."""

    def __init__(
        self,
        session: Session,  # with a run on
        load: Load,
    ) -> None:
        self._session = session
        self._load = load
        self._ahead = list(load.stages)
        self._stage_ends = 0.0
        self._rate = load.rate or 0.0
        self._remove_at = 0.0

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to steer."""
        return bool(self._load.stages)

    def tick(
        self,
        seconds: float,  # since the run started
        users: Mapping[str, int],  # users by state
    ) -> None:
        """Bring the run to where it shall be so many seconds after its start."""
        with suppress(RunStateError):  # it has just ended
            if self._load.steers_users:
                present = users["waiting"] + users["running"]
                self._keep(self._load.users_at(seconds) - present, seconds)
            else:
                self._follow(seconds)

    def _keep(self, missing: int, seconds: float) -> None:
        if missing > 0:
            self._session.add(missing, planned=True)
        elif missing < 0 and seconds >= self._remove_at:
            self._session.remove(-missing)
            self._remove_at = seconds + _FAREWELLS

    def _follow(self, seconds: float) -> None:
        """Begin every stage of the rate whose time has come; the throttle does the rest."""
        while self._ahead and seconds >= self._stage_ends:
            stage = self._ahead.pop(0)
            self._stage_ends += stage.duration
            left = self._stage_ends - seconds
            arrivals = self._session.throttles[USER_RATE]
            if left <= 0 or stage.target == self._rate:
                arrivals.change_rate(60.0 * stage.target, interval=60.0, cancel_ramp=True)
            else:
                arrivals.ramp(
                    from_rate=60.0 * self._rate,
                    to_rate=60.0 * stage.target,
                    interval=60.0,
                    duration=left,
                    cancel_ramp=True,
                )
            self._rate = stage.target
