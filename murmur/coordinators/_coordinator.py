"""The coordinator: counts users as they come, and acts on groups of them.

Counting and acting are apart.  `Coordinator.add` counts a user for every item of the
plan at once, without a chance for other tasks in between, so that all items agree on who
came before a timeout and who after.  What a complete batch asks for is queued, and the
lanes (`_lanes`) carry out.
"""

from __future__ import annotations

import math
from collections.abc import Coroutine, Hashable
from dataclasses import dataclass, replace
from itertools import zip_longest
from random import Random
from typing import TYPE_CHECKING, Any

from murmur._backend import Native, on_loop
from murmur.errors import CoordinatorError, CoordinatorStoppedError

from ._attendance import Attendance, Owner
from ._countdown import Countdown
from ._lanes import Lanes, Round
from ._performer import Emits
from ._plan import HasId, Kind, Member, Plan
from ._rendezvous import Rendezvous
from ._tally import Tally
from ._waits import Wait

if TYPE_CHECKING:
    from anyio.abc import TaskGroup


@dataclass(frozen=True, slots=True)
class CoordinatorStatistics:
    """How a coordinator stands.

    Attributes
    ----------
    name : hashable
        Its name.
    timeout : float
        Seconds after the last `add` until unfinished batches are closed.
    pending : tuple of int
        Users in the unfinished batch of each item, in the order of the plan (numbered
        items first, then `all`).
    gathering : int
        Users who wait in `gather`.
    queued : int
        Closed batches whose actions have not begun.
    batches : int
        Batches whose actions have run.
    failures : int
        Calls of actions that raised.
    is_stopped : bool
        Whether it takes no more users.
    """

    name: Hashable
    timeout: float
    pending: tuple[int, ...]
    gathering: int
    queued: int
    batches: int
    failures: int
    is_stopped: bool

    def plus(self, other: CoordinatorStatistics) -> CoordinatorStatistics:
        """Return how this one and that of another node stand together.

        Parameters
        ----------
        other : CoordinatorStatistics
            That of another node.

        Examples
        --------
        >>> here = CoordinatorStatistics("pairs", 30.0, (1, 3), 0, 0, 2, 0, is_stopped=False)
        >>> there = CoordinatorStatistics("pairs", 30.0, (0, 4), 1, 0, 5, 1, is_stopped=False)
        >>> together = here.plus(there)
        >>> together.pending, together.gathering, together.batches, together.failures
        ((1, 7), 1, 7, 1)
        """
        pending = tuple(map(sum, zip_longest(self.pending, other.pending, fillvalue=0)))
        return replace(
            self,
            pending=pending,
            gathering=self.gathering + other.gathering,
            queued=self.queued + other.queued,
            batches=self.batches + other.batches,
            failures=self.failures + other.failures,
            is_stopped=self.is_stopped and other.is_stopped,
        )


class Coordinator(Attendance):
    """Acts on groups of users, as its plan says.

    Made by `murmur.coordinator`; it lives as long as the run, or until it is stopped.

    Attributes
    ----------
    name : hashable
        The name it was started by.
    plan : Plan
        The plan, checked and in order.

    Examples
    --------
    Introduce users to each other, two at a time::

        class Chat(murmur.Scenario):
            async def init(self):
                self.pairs = await murmur.coordinator("pairs", (2, self.introduce))

            def introduce(self, event, a, b):
                if b is not None:  # a timeout finds users who are alone
                    a.user.send(("your peer is", b.user.id))
                    b.user.send(("your peer is", a.user.id))

            async def start(self, user):
                await self.pairs.add(user)
                greeting, peer = await user.receive()
    """

    def __init__(
        self,
        name: Hashable,
        plan: Plan,
        *,
        native: Native,
        emitter: Emits,
        random: Random,
        owner: Owner,
    ) -> None:
        super().__init__(name, plan, native=native, emitter=emitter, owner=owner)
        self._tallies = tuple(Tally(item, random) for item in plan.items)
        self._rendezvous = Rendezvous(native)
        self._countdown = Countdown(plan.timeout, native, self._time_out)
        self._lanes = Lanes(name, plan.items, native=native, emitter=emitter, on_end=self._end)
        self._last_round: Round | None = None

    def start(self, task_group: TaskGroup) -> None:
        """Start the tasks that carry the plan out in `task_group`; they end with `stop`."""
        self._lanes.start(task_group)
        if self._tallies and self.plan.timeout != math.inf:
            task_group.start_soon(self._countdown.run)
        self._emit("start")

    def __repr__(self) -> str:
        state = "stopped" if self.is_stopped else "running"
        return f"<Coordinator {self.name!r}: {len(self._tallies)} items, {state}>"

    @property
    def is_stopped(self) -> bool:
        """Whether it takes no more users."""
        return self._last_round is not None or self._lanes.has_ended

    def statistics(self) -> CoordinatorStatistics:
        """Return how it stands at this moment."""
        return CoordinatorStatistics(
            name=self.name,
            timeout=self.timeout,
            pending=tuple(tally.count for tally in self._tallies),
            gathering=len(self._rendezvous),
            queued=self._lanes.queued,
            batches=self._lanes.batches,
            failures=self._lanes.failures,
            is_stopped=self.is_stopped,
        )

    def add(self, user: HasId, data: object = None) -> Coroutine[Any, Any, None]:
        """Count `user` in the open batch of every item; does not wait for the actions.

        The timeout begins anew.  A user who fails, is killed, removed or lost before a batch
        is complete leaves it; one who finishes keeps its place.  Without ``await`` in a plain
        ``def``, where it blocks the thread.

        Parameters
        ----------
        user : User
            Who has come; anything with an `id`.
        data : object, optional
            What the actions get to see beside the user.

        Raises
        ------
        CoordinatorStoppedError
            If the coordinator was stopped.
        CoordinatorError
            If an action of this coordinator adds users faster than actions run.

        Notes
        -----
        While more than 100,000 members wait in closed batches whose actions have not
        begun, `add` blocks after it has counted the user, and so slows the users down to
        the pace of the actions.
        """
        if not self._native.is_here():
            return self._block("add", user, lambda: self._add(user, data))
        return self._add(user, data)

    async def _add(self, user: HasId, data: object) -> None:
        self._refuse_if_stopped()
        if self._lanes.is_full and self._lanes.is_performing_here:
            raise CoordinatorError(
                f"coordinator {self.name!r} has too many batches queued, and the action that "
                "adds users is what keeps it from working them off"
            )
        self._welcome(user)
        self._tell_of_add(user)
        self._count(Member(user, data))
        await self._lanes.wait_for_room()

    def _count(self, member: Member) -> None:
        self._countdown.arm()
        now = self._native.now()
        for index, tally in enumerate(self._tallies):
            batch = tally.add(member, now)
            if batch is not None:
                self._lanes.perform(index, batch)

    def gather(
        self, user: HasId, n: int, data: object = None
    ) -> Coroutine[Any, Any, tuple[Member, ...]]:
        """Block until `n` users are here, and go on together.

        Without ``await`` in a plain ``def``, where it blocks the thread.  Who is cancelled,
        asked to leave or gone while it waits leaves the group.  The plan, its timeout and
        `reset` have no part in this; groups of different `n` do not mix.

        Parameters
        ----------
        user : User
            Who waits; anything with an `id`.
        n : int
            Users that make a group, at least 1.
        data : object, optional
            What the others get to see beside the user.

        Returns
        -------
        tuple of (user, data)
            The group in the order they came, the same for each of them.

        Raises
        ------
        CoordinatorStoppedError
            If the coordinator is stopped, also while waiting.
        Leaving
            If the user is asked to leave, also while waiting.
        InvalidArgumentError
            If `n` is not a whole number of at least 1.

        Examples
        --------
        All begin at the same moment, and one of them opens the room::

            group = await self.meeting.gather(user, 10)
            if group[0].user is user:
                await self.open_room()
        """
        if not self._native.is_here():
            return self._block("gather", user, lambda: self._gather(user, n, data))
        return self._gather(user, n, data)

    async def _gather(self, user: HasId, n: int, data: object) -> tuple[Member, ...]:
        size = self._welcome_group(user, n)
        return await self._rendezvous.join(Member(user, data), size)

    @on_loop("coordinator.reset")
    async def reset(self) -> None:
        """Close the open batches at once; return when their actions have run.

        The timeout is disarmed until the next `add`.  Called from an action of this
        coordinator, it does not wait: the actions run after those that are queued.

        Raises
        ------
        CoordinatorStoppedError
            If the coordinator was stopped, also while waiting.
        """
        self._refuse_if_stopped()
        self._emit("reset")
        round_ = self._play_round("reset")
        await self._wait_for(round_)
        if self._lanes.has_ended and self._last_round is None:
            raise CoordinatorStoppedError(self.name)

    @on_loop("coordinator.stop")
    async def stop(self) -> None:
        """Take no more users, close the open batches; return when their actions have run.

        Users who wait in `gather` get `CoordinatorStoppedError`.  The name is free at
        once.  Stopping twice waits for the same end.  Called from an action of this
        coordinator, it does not wait.
        """
        self.stop_nowait()
        await self.wait_stopped()

    def stop_nowait(self) -> None:
        """Do what `stop` does, and leave the actions to run."""
        if self.is_stopped:
            return
        self._last_round = self._play_round("stop", is_last=True)
        self._countdown.end()
        self._close_rendezvous()

    async def wait_stopped(self) -> None:
        """Block until the last action has run; returns at once inside an action of its own."""
        if self._last_round is not None:
            await self._wait_for(self._last_round)

    def waits(self) -> list[Wait]:
        """Return who waits here for others: in open batches, and in `gather`."""
        is_held = self._owner.is_waiting if self.timeout == math.inf else None
        batches = (tally.wait(is_held) for tally in self._tallies)
        return [*(batch for batch in batches if batch is not None), *self._rendezvous.waits()]

    def user_gone(self, user: HasId, *, has_finished: bool = False) -> None:
        """Take a user out of `gather`, and out of the open batches unless it `has_finished`."""
        self._users.discard(user.id)
        if not has_finished:
            for tally in self._tallies:
                tally.remove(user.id)
        self._rendezvous.leave(user.id)

    def user_leaving(self, user: HasId) -> None:
        """End the wait in `gather` of a user that is asked to leave."""
        self._rendezvous.leave(user.id)

    def _time_out(self) -> None:
        self._emit("timeout")
        self._play_round("timeout")

    def _play_round(self, kind: Kind, *, is_last: bool = False) -> Round:
        self._countdown.disarm()
        batches = [tally.close(kind) for tally in self._tallies]
        return self._lanes.play_round(batches, is_last=is_last)

    async def _wait_for(self, round_: Round) -> None:
        if not self._lanes.is_performing_here:
            await round_.done.wait()

    def _close_rendezvous(self) -> None:
        self._rendezvous.close(lambda: CoordinatorStoppedError(self.name))

    def _end(self) -> None:
        """Nothing of it runs any more: it was stopped, or the run was cancelled."""
        self._countdown.end()
        self._close_rendezvous()
        self._emit("stop")
        self._owner.coordinator_ended(self)
