"""Carries out a coordinator's actions: in order, apart, and unable to hurt.

Each numbered item of the plan has a lane: its batches run there one after another, so a
slow action is a brake on its own item, while other items go on.  All `all` items share
the last lane, which waits in each round (timeout, reset, stop) until the numbered lanes
are through with theirs.  Batches are counted before they come here, so how long an action
takes never changes who is in which batch.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

import anyio

from murmur._backend import Native, Wakeup

from ._performer import Emits, Performer
from ._plan import Item
from ._tally import Batch

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

BACKLOG = 100_000  # members in batches whose actions have not begun, before `add` waits


class Round:
    """One timeout, reset or stop on its way through the lanes."""

    def __init__(self, numbered: int) -> None:
        # numbered_done, done: the actions of the numbered items, and of all items, have run
        self.numbered_done = anyio.Event()
        self.done = anyio.Event()
        self._missing = numbered
        if not numbered:
            self.numbered_done.set()

    def item_done(self) -> None:
        """Count one numbered item as through."""
        self._missing -= 1
        if not self._missing:
            self.numbered_done.set()


class _Turn:
    """Marks code that an action of `lanes` called, for as long as that action runs."""

    __slots__ = ("is_over", "lanes")

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.is_over = False


_turn: ContextVar[_Turn | None] = ContextVar("murmur_coordinator_turn", default=None)


class Lanes:
    """Lanes of one coordinator, and the batches on their way."""

    def __init__(
        self,
        name: object,
        items: Sequence[Item],  # the plan in order: numbered items first
        *,
        native: Native,
        emitter: Emits,
        # called once: when the last round is done, or when the lanes were cancelled
        on_end: Callable[[], None],
    ) -> None:
        self._native = native
        self._performer = Performer(name, native, emitter)
        self._backlog = _Backlog(native)
        self._lanes = [_Lane(native, self._backlog) for item in items if not item.is_all]
        self._last_lane = _Lane(native, self._backlog)
        self._rounds: set[Round] = set()
        self._on_end = on_end
        self._has_ended = False

    def start(self, task_group: TaskGroup) -> None:
        """Start one task for each lane."""
        for lane in (*self._lanes, self._last_lane):
            task_group.start_soon(self._work, lane)

    async def _work(self, lane: _Lane) -> None:
        try:
            await lane.run()
        finally:
            if lane is self._last_lane:  # they are cancelled together, or through before it
                self._end()

    def perform(self, index: int, batch: Batch) -> None:
        """Queue the complete batch of the numbered item `index`."""
        self._lanes[index].put(partial(self._perform, batch), weight=_weight(batch))

    def play_round(self, batches: Sequence[Batch], *, is_last: bool = False) -> Round:
        """Queue a round: one batch of every item, in the order of the plan."""
        numbered, others = batches[: len(self._lanes)], batches[len(self._lanes) :]
        round_ = Round(len(numbered))
        self._rounds.add(round_)
        for lane, batch in zip(self._lanes, numbered, strict=True):
            lane.put(partial(self._perform, batch, round_), weight=_weight(batch))
        self._last_lane.put(partial(self._finish, round_, others), sum(map(_weight, others)))
        if is_last:
            for lane in (*self._lanes, self._last_lane):
                lane.end()
        return round_

    async def _perform(self, batch: Batch, round_: Round | None = None) -> None:
        await self._take_turn(batch)
        if round_ is not None:
            round_.item_done()

    async def _finish(self, round_: Round, batches: Sequence[Batch]) -> None:
        await round_.numbered_done.wait()
        for batch in batches:
            await self._take_turn(batch)
        self._rounds.discard(round_)
        if self._last_lane.is_through:
            self._end()
        round_.done.set()

    async def _take_turn(self, batch: Batch) -> None:
        turn = _Turn(self)
        _turn.set(turn)
        try:
            await self._performer.perform(batch)
        finally:
            turn.is_over = True

    def _end(self) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        self._backlog.open()
        self._on_end()
        for round_ in self._rounds:
            round_.done.set()

    async def drain(self) -> None:
        """Block until the actions have run that are queued by now."""
        for lane in () if self._has_ended else (*self._lanes, self._last_lane):
            await lane.drain()

    @property
    def has_ended(self) -> bool:
        """Whether no action will be called any more."""
        return self._has_ended

    @property
    def is_full(self) -> bool:
        """Whether so much is queued that `wait_for_room` waits."""
        return self._backlog.is_full

    @property
    def is_performing_here(self) -> bool:
        """Whether the calling code runs inside an action of these lanes."""
        turn = _turn.get()
        return turn is not None and turn.lanes is self and not turn.is_over

    async def wait_for_room(self) -> None:
        """Let other tasks run, and block while too much is queued.

        An action does not block here: it would wait for itself.
        """
        if self._backlog.is_full and not self.is_performing_here:
            await self._backlog.wait()
        else:
            await self._native.checkpoint()

    @property
    def queued(self) -> int:
        """Batches whose actions have not begun; a round counts once in the last lane."""
        return sum(map(len, self._lanes)) + len(self._last_lane)

    @property
    def batches(self) -> int:
        """Batches whose actions have run."""
        return self._performer.batches

    @property
    def failures(self) -> int:
        """Calls of actions that raised."""
        return self._performer.failures


def _weight(batch: Batch) -> int:
    return 1 + len(batch.members)


class _Backlog:
    """Bounds what is queued, by making those who add wait."""

    def __init__(self, native: Native) -> None:
        self._native = native
        self._weight = 0
        self._limit: float = BACKLOG
        self._waiting: list[Wakeup] = []

    @property
    def is_full(self) -> bool:
        return self._weight > self._limit

    def take(self, weight: int) -> None:
        self._weight += weight

    def give_back(self, weight: int) -> None:
        self._weight -= weight
        if self._waiting and not self.is_full:
            self._wake_all()

    def open(self) -> None:
        """Keep nobody waiting any more."""
        self._limit = math.inf
        self._wake_all()

    def _wake_all(self) -> None:
        # All at once: they are counted already, and whoever adds again waits again.
        waiting, self._waiting = self._waiting, []
        for wakeup in waiting:
            wakeup.wake()

    async def wait(self) -> None:
        wakeup = self._native.wakeup()
        self._waiting.append(wakeup)
        await self._native.wait(wakeup)


class _Lane:
    """Runs what is put into it, one after another."""

    def __init__(self, native: Native, backlog: _Backlog) -> None:
        self._native = native
        self._backlog = backlog
        self._queue: deque[tuple[Callable[[], Awaitable[None]], int]] = deque()
        self._idle: Wakeup | None = None
        self._is_ending = False

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, work: Callable[[], Awaitable[None]], weight: int) -> None:
        self._backlog.take(weight)
        self._queue.append((work, weight))
        self._wake()

    async def drain(self) -> None:
        """Block until everything has run that is queued by now."""
        if self.is_through:
            return
        passed = anyio.Event()

        async def note() -> None:
            passed.set()

        self.put(note, 0)
        await passed.wait()

    def end(self) -> None:
        """Let `run` return once everything that is queued has run."""
        self._is_ending = True
        self._wake()

    def _wake(self) -> None:
        if self._idle is not None:
            self._idle.wake()
            self._idle = None

    @property
    def is_through(self) -> bool:
        return self._is_ending and not self._queue

    async def run(self) -> None:
        while True:
            while self._queue:
                work, weight = self._queue.popleft()
                self._backlog.give_back(weight)
                await work()
                await self._native.checkpoint()
            if self._is_ending:
                return
            self._idle = self._native.wakeup()
            await self._native.wait(self._idle)
