"""Records that a client keeps beside its actions: statuses, bytes, connections, phases.

All of it is counters and gauges of the run, because a request is one action and no more.
Phases become actions, with percentiles, for those who ask for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from murmur.runtime import NodeRun, User
    from murmur.telemetry import Recorder

    from ._exchange import Reply

__all__ = ["Ledger", "Spans"]

_STATUS_NAMES = {status: f"http.status.{status}" for status in range(100, 600)}


class Ledger:
    """Records replies for one client.

    Parameters
    ----------
    run : NodeRun or None
        Where to; nowhere if None.
    user : User or None
        Whose requests they are.
    phases : bool
        Whether phases become actions.
    """

    __slots__ = ("_phases", "_recorder", "_user_id")

    def __init__(self, run: NodeRun | None, user: User | None, *, phases: bool) -> None:
        self._recorder = run.recorder if run is not None else None
        self._user_id = user.id if user is not None else 0
        self._phases = phases

    def head(self, reply: Reply, name: str, sent_at: float) -> None:
        """Record a reply whose head is there, to a request of that moment.

        With its bytes, if it is complete; `bytes` does so later for any other.
        """
        recorder = self._recorder
        if recorder is None:
            return
        if reply.retries:
            recorder.count("http.retries", reply.retries)
        opened = reply.opened
        if opened is not None:
            self.connection(opened.connect_seconds, opened.tls_seconds)
        first_byte_at = max(reply.first_byte_at, sent_at)
        recorder.answer(
            _STATUS_NAMES.get(reply.status, "http.status.other"),
            reply.sent_bytes if reply.is_complete else 0,
            reply.received_bytes if reply.is_complete else 0,
            first_byte_at - sent_at,
        )
        if self._phases:
            self._record_phases(reply, name, sent_at, first_byte_at)

    def connection(self, connect_seconds: float, tls_seconds: float) -> None:
        """Record a connection that was opened."""
        recorder = self._recorder
        if recorder is not None:
            recorder.count("http.connections")
            recorder.gauge("http.connect_seconds", connect_seconds)
            if tls_seconds:
                recorder.gauge("http.tls_seconds", tls_seconds)

    def bytes(self, reply: Reply) -> None:
        """Record what a reply took on the wire, when there will be no more of it."""
        recorder = self._recorder
        if recorder is not None:
            recorder.count("http.sent_bytes", reply.sent_bytes)
            recorder.count("http.received_bytes", reply.received_bytes)

    def _record_phases(self, reply: Reply, name: str, sent_at: float, first_byte_at: float) -> None:
        """Record the phases, as they followed each other."""
        moment, opened = sent_at, reply.opened
        if opened is not None:
            moment = self._record(f"{name} [connect]", moment, opened.connect_seconds)
            if opened.tls_seconds:
                moment = self._record(f"{name} [tls]", moment, opened.tls_seconds)
        self._record(f"{name} [first byte]", moment, max(0.0, first_byte_at - moment))

    def _record(self, name: str, moment: float, seconds: float) -> float:
        ended_at = moment + seconds
        if self._recorder is not None:
            self._recorder.action(name, self._user_id, moment, moment, ended_at)
        return ended_at


class Spans:
    """Records the parts of a streamed answer: the time to its first event, and those between.

    Parameters
    ----------
    recorder : Recorder
        Where to.
    name : str
        Name of the action.
    sent_at : float
        When the request was begun.
    now : callable
        The clock.
    """

    __slots__ = ("_last_at", "_name", "_now", "_recorder", "_span")

    def __init__(
        self, recorder: Recorder, name: str, sent_at: float, now: Callable[[], float]
    ) -> None:
        self._recorder = recorder
        self._name = name
        self._last_at = sent_at
        self._now = now
        self._span = "first_event"

    def event(self) -> None:
        """Record that an event came."""
        now = self._now()
        self._recorder.span(self._name, self._span, self._last_at, now)
        self._span, self._last_at = "event_gap", now
