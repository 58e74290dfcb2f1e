"""Coordinators that are one over all nodes: where users are counted.

Runs on the steering kernel, for there all of them come by, and survives the loss of any
node.  What a complete batch asks for is done on the keeper, one of the nodes that opened
the coordinator; see `murmur.coordinators.shared._shared` for the other end.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import anyio

from murmur._backend import native
from murmur.coordinators._countdown import Countdown
from murmur.coordinators._plan import HowMany, Item, Kind, Member, conflict
from murmur.coordinators._tally import Batch, Tally
from murmur.errors import MurmurError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

__all__ = ["Meetings"]

Post = Callable[[str, list[object]], None]
"""``post(node, message)`` sends to a node."""


class _Outline(Item):
    """A line of a plan as far as counting goes: its actions are on the nodes."""

    def __init__(self, how_many: HowMany, *, keeps_members: bool) -> None:
        object.__setattr__(self, "how_many", how_many)
        object.__setattr__(self, "actions", ())
        object.__setattr__(self, "_keeps", keeps_members)

    @property
    def keeps_members(self) -> bool:
        return bool(self.__dict__["_keeps"])


@dataclass(slots=True)
class _Comer:
    """A user, as far as counting goes."""

    id: int
    is_here: bool = True


@dataclass(slots=True)
class _Round:
    """A timeout, reset or stop on its way through the keeper."""

    kind: Kind
    callers: list[tuple[str, int]] = field(default_factory=list)


class _Room:
    """One coordinator: its open batches, who gathers, and the nodes that opened it."""

    def __init__(self, name: Hashable, shape: object, timeout: float, random: Random) -> None:
        self.name = name
        self.shape = (shape, timeout)
        self.nodes: list[str] = []
        self.leaving: set[str] = set()
        self.groups: dict[int, dict[int, tuple[str, object]]] = {}
        self.homes: dict[str, set[int]] = {}  # who came, and is not gone, by node
        self.rounds: dict[int, _Round] = {}
        self.is_stopping = False
        self.countdown: Countdown | None = None
        self.tallies = [
            Tally(_Outline(_how_many(each[0]), keeps_members=max(each[1]) > 1), random)
            for each in list(shape)  # type: ignore[call-overload]  # what a node sent
        ]

    @property
    def keeper(self) -> str:
        """The node that acts."""
        return self.nodes[0]

    def forget(self, user_id: int, *, has_finished: bool) -> None:
        """Take a user out of the groups, and out of the open batches unless it has finished."""
        for there in self.homes.values():
            there.discard(user_id)
        for tally in self.tallies:
            if not has_finished:
                tally.remove(user_id)
            for member in tally.members_of(user_id):
                member.user.is_here = False
        for group in self.groups.values():
            group.pop(user_id, None)


class Meetings:
    """The coordinators of one run over all its nodes.

    Parameters
    ----------
    post : callable
        Sends to a node by its name.
    seed : int
        What the sizes of groups are drawn from.
    """

    def __init__(self, post: Post, *, seed: int) -> None:
        self._post = post
        self._seed = seed
        self._native = native()
        self._rooms: dict[Hashable, _Room] = {}
        self._numbers = itertools.count(1)
        self._tasks: TaskGroup | None = None

    async def serve(self, over: anyio.Event) -> None:
        """Watch the timeouts until the run is over."""
        async with anyio.create_task_group() as self._tasks:
            for room in self._rooms.values():
                self._watch(room)
            await over.wait()
            self._tasks.cancel_scope.cancel()

    def heard(self, node: str, message: Sequence[Any]) -> None:
        """Take in a node's message; raises if it makes no sense."""
        what, name, *arguments = message
        room = self._rooms.get(name)
        if what == "open":
            self._open(node, room, name, *arguments)
        elif room is None:  # stopped meanwhile
            if what in ("reset", "stop"):
                self._answer(node, name, arguments[0], None)
        else:
            self._hear(room, node, what, arguments)

    def lose(self, node: str) -> None:
        """Go on without a node; what its actions were at is not done again."""
        for room in list(self._rooms.values()):
            if node not in room.nodes:
                continue
            was_keeper = room.keeper == node
            room.nodes.remove(node)
            for user_id in room.homes.pop(node, ()):
                room.forget(user_id, has_finished=False)
            if not room.nodes:
                self._close(room)
            elif was_keeper:
                self._post(room.keeper, ["keeper", room.name])
                for number in list(room.rounds):
                    self._done(room, number)
            if room.nodes and room.leaving >= set(room.nodes):
                self._stop(room)

    def _hear(self, room: _Room, node: str, what: str, arguments: Sequence[Any]) -> None:
        match what, arguments:
            case "add", (int(user_id), data):
                room.homes.setdefault(node, set()).add(user_id)
                self._add(room, Member(_Comer(user_id), data))
            case "gone" | "finished", (int(user_id),):
                room.forget(user_id, has_finished=what == "finished")
            case "gather", (int(user_id), int(size), data):
                self._gather(room, node, user_id, size, data)
            case "reset" | "stop", (int(number),):
                end = self._stop if what == "stop" else partial(self._play, kind="reset")
                end(room, callers=[(node, number)])
            case "leave", ():
                self._leave(room, node)
            case "done", (int(number),):
                self._done(room, number)
            case _:
                raise ValueError(f"no message about a coordinator: {what!r}")

    def _leave(self, room: _Room, node: str) -> None:
        room.leaving.add(node)
        if room.leaving >= set(room.nodes):
            self._stop(room)

    def _open(
        self,
        node: str,
        room: _Room | None,
        name: Hashable,
        number: int,
        shape: list[Any],
        timeout: float,
    ) -> None:
        if room is None:
            room = _Room(name, shape, timeout, Random(f"{self._seed}/coordinators/{name}"))
            room.countdown = Countdown(timeout, self._native, lambda: self._play(room, "timeout"))
            self._rooms[name] = room
            self._watch(room)
        if room.shape != (shape, timeout):
            self._answer(node, name, number, conflict(name))
            return
        if node not in room.nodes:
            room.nodes.append(node)
        if room.keeper == node:
            self._post(node, ["keeper", name])
        self._answer(node, name, number, None)

    def _watch(self, room: _Room) -> None:
        finite = room.tallies and room.shape[1] != math.inf
        if finite and self._tasks is not None and room.countdown is not None:
            self._tasks.start_soon(room.countdown.run)

    def _add(self, room: _Room, member: Member) -> None:
        if room.is_stopping:
            return
        if room.countdown is not None:
            room.countdown.arm()
        for index, tally in enumerate(room.tallies):
            batch = tally.add(member)
            if batch is not None:
                self._post(room.keeper, ["batch", room.name, index, *_plain(batch)])

    def _gather(self, room: _Room, node: str, user_id: int, size: int, data: object) -> None:
        group = room.groups.setdefault(size, {})
        group[user_id] = (node, data)
        if len(group) < size:
            return
        del room.groups[size]
        members = [[other, data] for other, (_, data) in group.items()]
        for other, (home, _) in group.items():
            self._post(home, ["gathered", room.name, other, members])

    def _stop(self, room: _Room, callers: Sequence[tuple[str, int]] = ()) -> None:
        if not room.is_stopping:
            room.is_stopping = True
            self._play(room, "stop", callers)
        else:
            for round_ in room.rounds.values():
                if round_.kind == "stop":
                    round_.callers.extend(callers)

    def _play(self, room: _Room, kind: Kind, callers: Sequence[tuple[str, int]] = ()) -> None:
        if room.countdown is not None:
            room.countdown.disarm()
        number = next(self._numbers)
        room.rounds[number] = _Round(kind, list(callers))
        batches = [list(_plain(tally.close(kind))) for tally in room.tallies]
        self._post(room.keeper, ["round", room.name, number, kind, batches])

    def _done(self, room: _Room, number: int) -> None:
        round_ = room.rounds.pop(number, None)
        if round_ is None:
            return
        for node, call in round_.callers:
            self._answer(node, room.name, call, None)
        if round_.kind == "stop":
            self._close(room)

    def _close(self, room: _Room) -> None:
        del self._rooms[room.name]
        if room.countdown is not None:
            room.countdown.end()
        for node in room.nodes:
            self._post(node, ["stopped", room.name])

    def _answer(self, node: str, name: Hashable, number: int, error: MurmurError | None) -> None:
        if number:
            self._post(node, ["answer", name, number, error])


def _plain(batch: Batch) -> tuple[int, list[list[object]]]:
    return batch.count, [[member.id, member.data, member.is_here] for member in batch.members]


def _how_many(given: Any) -> HowMany:  # noqa: ANN401 - what a node sent
    if given == "all":
        return "all"
    if isinstance(given, int):
        return given
    fewest, most = given
    return int(fewest), int(most)
