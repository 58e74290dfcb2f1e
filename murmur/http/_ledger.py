"""Records that a client keeps beside its actions: statuses, bytes, connections, phases.

All of it is counters and gauges of the run, because a request is one action and no more.
Phases become actions, with percentiles, for those who ask for them.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from murmur.telemetry import NEVER_CAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from murmur.runtime import NodeRun, User
    from murmur.telemetry import Recorder

    from ._exchange import Reply
    from ._patience import Patience

NO_PHASES = nullcontext()
"""In place of what records the phases of a request."""

FIRST_EVENT = "first_event"

_STATUS_NAMES = {status: f"http.status.{status}" for status in range(100, 600)}


class Ledger:
    """Records replies for one client."""

    __slots__ = ("_recorder", "_user", "has_phases")

    def __init__(
        self,
        run: NodeRun | None,  # where to; nowhere if None
        user: User | None,
        *,
        phases: bool,  # whether phases become actions
    ) -> None:
        self._recorder = run.recorder if run is not None else None
        self._user = user
        self.has_phases: bool = phases and run is not None

    def head(self, reply: Reply, name: str, sent_at: float, at: float) -> None:
        """Record a reply whose head is there at a moment, to a request of another.

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
        self.answer(reply, sent_at, at)
        if self.has_phases:
            self._record_phases(reply, name, sent_at, max(reply.first_byte_at, sent_at))

    def answer(self, reply: Reply, sent_at: float, at: float) -> None:
        """Record status, bytes and first byte of a reply, and nothing else that it may have."""
        if self._recorder is None:
            return
        first_byte_at, is_complete = reply.first_byte_at, reply.is_complete
        self._recorder.answer(
            _STATUS_NAMES.get(reply.status, "http.status.other"),
            reply.sent_bytes if is_complete else 0,
            reply.received_bytes if is_complete else 0,
            first_byte_at - sent_at if first_byte_at > sent_at else 0.0,
            at,
        )

    def broken(self, tries: Sequence[Reply], retries: int = 0) -> None:
        """Record bytes, status and connection of tries that broke: they were there as well.

        And so many `retries`, if no reply came that tells of them.
        """
        if self._recorder is None:
            return
        if retries > 0:
            self._recorder.count("http.retries", retries)
        for reply in tries:
            if reply.opened is not None:
                self.connection(reply.opened.connect_seconds, reply.opened.tls_seconds)
            if reply.is_headed:
                self.status(reply.status)
            self.bytes(reply)

    def status(self, status: int) -> None:
        """Record an answer by its status alone; nothing if it is 0, for none."""
        if self._recorder is not None and status:
            self._recorder.count(_STATUS_NAMES.get(status, "http.status.other"))

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

    @contextmanager
    def waiting(self, name: str, patience: Patience) -> Iterator[None]:
        """Record for how long a phase had gone on, if it does not end in the block."""
        assert self._recorder is not None
        phase, recorder = Phase(name, patience), self._recorder
        recorder.open[phase] = phase.started_at
        try:
            yield
        except BaseException:
            if not phase.is_void:
                now = patience.native.now()
                recorder.span(phase.name, NEVER_CAME, phase.started_at, now)
            raise
        finally:
            recorder.open.pop(phase, None)

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
            user_id = self._user.id if self._user is not None else 0
            self._recorder.action(name, user_id, moment, moment, ended_at)
        return ended_at


class Phase:
    """The phase that a request is in until the head of its answer comes, a part of it."""

    __slots__ = ("_began", "_name", "_patience")

    is_part = True

    def __init__(self, name: str, patience: Patience) -> None:
        self._name = name
        self._patience = patience
        self._began = patience.native.now()

    @property
    def name(self) -> str:
        """Action and phase."""
        return f"{self._name} [{'connect' if self._patience.is_connecting else 'first byte'}]"

    @property
    def due_at(self) -> float:
        """When the phase began, in monotonic seconds."""
        return max(self._began, self._patience.turn_at, self._patience.stage_at)

    started_at = due_at

    @property
    def is_void(self) -> bool:
        """Whether there is no phase yet, or nobody who would record it."""
        user = self._patience.user
        return self._patience.is_queueing or (user is not None and user.is_gone)


class Spans:
    """Records the parts of a streamed answer: the time to its first event, and those between.

    It is under way itself, as a part of the action: what never comes has an age all the same.
    Only of answers that are read event by event, and of requests of the name of such.
    """

    __slots__ = ("_action", "_last_at", "_now", "_recorder", "_span", "_user")

    is_part = True

    def __init__(
        self, recorder: Recorder, name: str, now: Callable[[], float], user: User | None
    ) -> None:
        self._recorder = recorder
        self._action = name
        self._now = now
        self._user = user
        self._last_at = now()
        self._span = FIRST_EVENT
        if name in recorder.streamed:
            recorder.open[self] = self._last_at

    @property
    def name(self) -> str:
        """Action and part."""
        return f"{self._action}.{self._span}"

    @property
    def due_at(self) -> float:
        """When the part began, in monotonic seconds."""
        return self._last_at

    started_at = due_at

    @property
    def is_void(self) -> bool:
        """Whether who asked is gone."""
        return self._user is not None and self._user.is_gone

    def answered(self) -> None:
        """Note that an answer begins: whether it is read event by event is to be seen."""
        self._recorder.open.pop(self, None)

    def read(self) -> None:
        """Note that the answer is read event by event, and the next one waited for.

        What does not come is missed from here on.
        """
        if self not in self._recorder.open:
            self._recorder.streamed.add(self._action)
            self._recorder.open[self] = self._now()

    def event(self) -> None:
        """Record that an event came: whoever reads has it, and waits for none until `read`."""
        now, recorder = self._now(), self._recorder
        recorder.span(self._action, self._span, self._last_at, now)
        recorder.open.pop(self, None)
        self._span, self._last_at = "event_gap", now

    def close(self) -> None:
        """Note that the answer is at its end; one without any event is missing its first."""
        if self._span != FIRST_EVENT:
            self._recorder.open.pop(self, None)

    def end(self) -> None:
        """Record for how long the request had waited for what never came."""
        recorder = self._recorder
        if recorder.open.pop(self, None) is None or self.is_void:
            return
        recorder.span(self.name, NEVER_CAME, self._last_at, self._now())


class Unrecorded:
    """The timer of a client outside of any run: it has nowhere to record to."""

    def __init__(
        self,
        started_at: float,  # monotonic seconds
    ) -> None:
        self.started_at: float = started_at
        self.ended_at: float | None = None

    def begin(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""

    def fail(self, reason: BaseException | str) -> None:
        """Do nothing."""

    def __enter__(self) -> Unrecorded:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let what was raised pass."""
