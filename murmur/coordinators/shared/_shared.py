"""A coordinator that is one over all nodes: this node's end of it.

Users are counted by the steering kernel, because only there all of them come by.  What a
complete batch asks for is done on one node, the keeper: the first that opened the
coordinator, or the next when that is gone.  So actions of one item run one after another,
as on one node.  An action sees users of other nodes as a `DistantUser`, and what users
bring along has to be plain values, because it travels.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import anyio

from murmur._backend import on_loop
from murmur.coordinators._attendance import Attendance
from murmur.coordinators._coordinator import CoordinatorStatistics
from murmur.coordinators._lanes import Lanes
from murmur.coordinators._plan import HasId, Kind, Member, Plan
from murmur.coordinators._tally import Batch
from murmur.coordinators._waits import Wait
from murmur.errors import CoordinatorError, CoordinatorStoppedError, Leaving, MurmurError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from murmur._backend import Native, Wakeup
    from murmur.coordinators._attendance import Owner
    from murmur.coordinators._performer import Emits

Post = Callable[[list[object]], None]
"""Sends a message to the steering kernel."""


class DistantUser:
    """A user of another node, as an action of a coordinator sees it."""

    __slots__ = ("_send", "id", "is_here")

    carries_due: bool = True

    def __init__(self, user_id: int, send: Callable[..., None], *, is_here: bool = True) -> None:
        self.id: int = user_id
        self.is_here: bool = is_here  # whether it was there when the steering kernel told of it
        self._send = send

    def send(self, message: object, *, due_at: float | None = None) -> None:
        """Send a message of plain values to the user's mailbox; see `User.send`."""
        self._send(self.id, message, due_at=due_at)

    def __repr__(self) -> str:
        return f"<User {self.id} of another node>"


class SharedCoordinator(Attendance):
    """Acts on groups of users of all nodes; see `Coordinator` for what its methods do."""

    def __init__(  # noqa: PLR0913 - as of a `Coordinator`, and two more, by keyword
        self,
        name: Hashable,
        plan: Plan,  # the plan; every node opens it with the same
        *,
        native: Native,
        emitter: Emits,
        owner: Owner,
        post: Post,
        # `find_user(id, is_here=True)` returns a user of this node or a `DistantUser`
        find_user: Callable[..., Any],
    ) -> None:
        super().__init__(name, plan, native=native, emitter=emitter, owner=owner)
        self.is_keeper = False
        self._post = post
        self._find_user = find_user
        # who gathers, by user id, and by which of its calls
        self._waiting: dict[int, tuple[int, Wakeup]] = {}
        self._calls: dict[int, tuple[anyio.Event, list[MurmurError | None]]] = {}
        self._numbers = itertools.count(1)
        self._lanes = Lanes(name, plan.items, native=native, emitter=emitter, on_end=lambda: None)
        self._is_stopped = False
        self._is_leaving = False
        self._may_go = anyio.Event()  # set when it has nothing to do for all nodes any more

    async def open(self, task_group: TaskGroup) -> None:
        """Tell the steering kernel; raises if it knows the name with another plan."""
        self._task_group = task_group
        shape = [
            [item.how_many, [action.arity for action in item.actions]] for item in self.plan.items
        ]
        await self._call("open", shape, self.plan.timeout)
        self._lanes.start(task_group)
        self._emit("start")

    @property
    def is_stopped(self) -> bool:
        """Whether it takes no more users."""
        return self._is_stopped

    def statistics(self) -> CoordinatorStatistics:
        """Return how it stands here; batches are counted, and acted on, by the keeper alone."""
        return CoordinatorStatistics(
            name=self.name,
            timeout=self.timeout,
            pending=(),
            gathering=len(self._waiting),
            queued=self._lanes.queued,
            batches=self._lanes.batches,
            failures=self._lanes.failures,
            is_stopped=self.is_stopped,
        )

    def add(self, user: HasId, data: object = None) -> Coroutine[Any, Any, None]:
        """Count `user` in the open batch of every item; does not wait for the actions.

        Raises `InvalidArgumentError` if `data` holds anything but plain values;
        `CoordinatorStoppedError` if the coordinator was stopped.
        """
        if not self._native.is_here():
            return self._block("add", user, lambda: self._add(user, data))
        return self._add(user, data)

    async def _add(self, user: HasId, data: object) -> None:
        self._refuse_if_stopped()
        self._welcome(user)
        self._post(["add", self.name, user.id, data])
        self._tell_of_add(user)
        await self._native.checkpoint()

    def gather(
        self, user: HasId, n: int, data: object = None
    ) -> Coroutine[Any, Any, tuple[Member, ...]]:
        """Block until `n` users of any nodes are here, and go on together."""
        if not self._native.is_here():
            return self._block("gather", user, lambda: self._gather(user, n, data))
        return self._gather(user, n, data)

    async def _gather(self, user: HasId, n: int, data: object) -> tuple[Member, ...]:
        size = self._welcome_group(user, n)
        if user.id in self._waiting:
            raise CoordinatorError(f"user {user.id} waits in gather already")
        number, wakeup = next(self._numbers), self._native.wakeup()
        self._post(["gather", self.name, user.id, size, data, number])
        self._waiting[user.id] = place = number, wakeup
        try:
            outcome = await self._native.wait(wakeup)
        except BaseException:
            if self._waiting.get(user.id) is place:
                self._quit_waiting(user.id)
            raise
        if isinstance(outcome, BaseException):
            raise outcome
        return tuple(Member(self._find_user(i), data) for i, data in outcome)

    @on_loop("coordinator.reset")
    async def reset(self) -> None:
        """Close the open batches at once; return when their actions have run."""
        self._refuse_if_stopped()
        if self._lanes.is_performing_here:
            self._post(["reset", self.name, 0])
        else:
            await self._call("reset")

    @on_loop("coordinator.stop")
    async def stop(self) -> None:
        """Take no more users on any node, and return when the last actions have run."""
        if self._lanes.is_performing_here:
            self._post(["stop", self.name, 0])
        elif not self._is_stopped:
            await self._call("stop")

    def stop_nowait(self) -> None:
        """Have no more users here; it ends when that holds for every node."""
        if not self._is_leaving:
            self._is_leaving = True
            self._post(["leave", self.name])

    async def wait_stopped(self) -> None:
        """Block until the last actions have run that run here."""
        if self._lanes.is_performing_here:
            return
        if self.is_keeper:
            await self._may_go.wait()
        if not self._is_stopped:
            await self._lanes.drain()

    def user_gone(self, user: HasId, *, has_finished: bool = False) -> None:
        """Take a user out of `gather`, and out of the open batches unless it has finished."""
        self._users.discard(user.id)
        self._post(["finished" if has_finished else "gone", self.name, user.id])
        self.user_leaving(user)

    def user_leaving(self, user: HasId) -> None:
        """End the wait in `gather` of a user that is asked to leave."""
        if user.id in self._waiting:
            self._quit_waiting(user.id).wake(Leaving())

    def _quit_waiting(self, user_id: int) -> Wakeup:
        _, wakeup = self._waiting.pop(user_id)
        self._post(["ungather", self.name, user_id])
        return wakeup

    def waits(self) -> list[Wait]:
        """Return nothing: the steering kernel counts, and tells who waits on any node."""
        return []

    def tell_of_waits(self) -> None:
        """Tell whether nobody came here; who waits on any node, the steering kernel knows."""
        if not self._had_users:
            self._tell_of("nobody", "", 0, 0, 0.0)

    def heard(self, what: str, arguments: Sequence[Any]) -> None:
        """Take a message of the steering kernel about this coordinator."""
        match what, arguments:
            case "answer", (number, error):
                event, answers = self._calls.pop(number, (anyio.Event(), []))
                answers.append(error)
                event.set()
            case "keeper", ():
                self.is_keeper, self._may_go = True, anyio.Event()
            case "relieved", ():
                self.is_keeper = False
                self._may_go.set()
            case "held?", (users,):
                held = [user_id for user_id in users if self._owner.is_waiting(user_id)]
                self._post(["held", self.name, held])
            case "waiting", told:
                self._tell_of(*told)
            case "stopped", ():
                self._end()
            case _:
                self._act(what, arguments)

    def _act(self, what: str, arguments: Sequence[Any]) -> None:
        """Do what a group that is complete or closed asks for."""
        match what, arguments:
            case "batch", (index, count, members):
                self._lanes.perform(index, self._batch(index, "coordinate", count, members))
            case "round", (number, _, _) if self._lanes.has_ended:
                self._post(["done", self.name, number])  # the run here is over, or nearly
            case "round", (number, kind, batches):
                self._task_group.start_soon(self._play, number, kind, batches)
            case "gathered", (user_id, number, members):
                self._gathered(user_id, number, members)

    def _gathered(self, user_id: int, number: int, members: Sequence[Any]) -> None:
        waits, wakeup = self._waiting.get(user_id, (0, None))
        if wakeup is not None and waits == number:  # else it left that group in the meantime
            del self._waiting[user_id]
            wakeup.wake(members)

    async def _play(self, number: int, kind: Kind, batches: Sequence[tuple[int, Any]]) -> None:
        """Play a round; the steering kernel hears when its actions have run."""
        if kind != "stop":
            self._emit(kind)
        made = [self._batch(i, kind, *batch) for i, batch in enumerate(batches)]
        round_ = self._lanes.play_round(made, is_last=kind == "stop")
        await round_.done.wait()
        self._post(["done", self.name, number])

    def _batch(self, index: int, kind: Kind, count: int, members: Sequence[Any]) -> Batch:
        found = tuple(
            Member(self._find_user(user_id, is_here=is_here), data)
            for user_id, data, is_here in members
        )
        return Batch(self.plan.items[index], kind, count, found)

    async def _call(self, verb: str, *arguments: object) -> None:
        number = next(self._numbers)
        event, answers = self._calls[number] = anyio.Event(), []
        self._post([verb, self.name, number, *arguments])
        await event.wait()
        if answers[0] is not None:
            raise answers[0]

    def _end(self) -> None:
        self._is_stopped = True
        self._may_go.set()
        for _, wakeup in self._waiting.values():
            wakeup.wake(CoordinatorStoppedError(self.name))
        self._waiting.clear()
        self._emit("stop")
        self._owner.coordinator_ended(self)
