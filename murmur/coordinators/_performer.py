"""Calling the actions of a batch, so that nothing they do can hurt.

Whatever an action raises becomes an event; only the cancellation of the calling task
passes.  Between many calls, as the pairs of a large batch ask for, other tasks get their
turn.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Protocol

from murmur._backend import Native, hear_out
from murmur._guard import text_of, trace_of

from ._plan import Action, CoordinatorEvent
from ._tally import Batch

TURN_CALLS = 100  # calls of one batch between two turns for other tasks
TURN_SECONDS = 0.005  # or this long, when the calls are slow


class Emits(Protocol):
    """Takes events; `murmur.telemetry.Emitter` is one."""

    def listening(self, name: str) -> bool:
        """Whether anybody wants events of that name."""

    def emit(
        self, name: str, measurements: Mapping[str, float], metadata: Mapping[str, object]
    ) -> None:
        """Hand an event to those who listen."""


class Performer:
    """Calls the actions of batches; reports what they raise."""

    def __init__(self, name: object, native: Native, emitter: Emits) -> None:
        self._name = name
        self._native = native
        self._emitter = emitter
        self.batches = 0
        self.failures = 0

    async def perform(self, batch: Batch) -> None:
        """Call the actions of `batch` in the order of the plan."""
        began = self._native.now()
        event = CoordinatorEvent(batch.kind, batch.count, self._name, batch.item.how_many)
        if batch.dropped:
            self._emit("amoc.coordinator.overflow", event, {"count": batch.dropped})
        failed = 0
        for action in batch.item.actions:
            failed += await self._call_all(action, event, batch)
        self.batches += 1
        if self._emitter.listening("amoc.coordinator.execute"):
            duration = self._native.now() - began
            measurements = {"count": batch.count, "duration": duration, "failed": failed}
            self._emit("amoc.coordinator.execute", event, measurements)

    async def _call_all(self, action: Action, event: CoordinatorEvent, batch: Batch) -> int:
        """Make every call of one action; report the first failure and how many there were."""
        first: BaseException | None = None
        failed = 0
        resumed = self._native.now()
        for calls, arguments in enumerate(action.calls(event, batch.members), 1):
            error = await self._call(action, arguments)
            if error is not None:
                first = first or error
                failed += 1
            if calls % TURN_CALLS == 0 or self._native.now() - resumed > TURN_SECONDS:
                await self._native.checkpoint()
                resumed = self._native.now()
        if first is not None:
            self.failures += failed
            self._report(first, failed, action, event)
        return failed

    async def _call(self, action: Action, arguments: tuple[object, ...]) -> BaseException | None:
        """Return what one call raised; only the end of this very task passes."""
        try:
            answer = action.function(*arguments)
        except BaseException as error:  # noqa: BLE001 - what users' code raises is data, whatever its class
            return error
        if answer is None or not inspect.isawaitable(answer):
            return None
        return (await hear_out(answer, self._native)).error

    def _report(
        self, error: BaseException, count: int, action: Action, event: CoordinatorEvent
    ) -> None:
        details = {
            "action": getattr(action.function, "__qualname__", type(action.function).__qualname__),
            "error": type(error).__qualname__,
            "reason": text_of(error),
            "traceback": trace_of(error),
        }
        self._emit("amoc.coordinator.failure", event, {"count": count}, details)

    def _emit(
        self,
        name: str,
        event: CoordinatorEvent,
        measurements: Mapping[str, float],
        details: Mapping[str, object] | None = None,
    ) -> None:
        metadata = {"name": self._name, "kind": event.kind, "configured": event.configured}
        self._emitter.emit(name, measurements, {**metadata, **(details or {})})
