"""Coordinators that are one over all nodes: where users are counted.

Runs on the steering kernel, because there all of them come by, and survives the loss of any
node.  What a complete batch asks for is done on the keeper, one of the nodes that opened
the coordinator; see `murmur.coordinators.shared._shared` for the other end.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio

from murmur._backend import native
from murmur.coordinators._countdown import Countdown
from murmur.coordinators._plan import HowMany, Item, Kind, Member, conflict
from murmur.coordinators._tally import Batch, Tally
from murmur.coordinators._waits import STALE, Wait
from murmur.errors import MurmurError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

Post = Callable[[str, list[object]], None]
"""``post(node, message)`` sends to a node."""

GLANCE = 1.0
"""Seconds between two looks at whether users of a batch wait for a message."""

MOST_ASKED = 1_000
"""Users of a batch that one node is asked about; all of them do the same as a rule."""


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


class _Guest(NamedTuple):
    """A user who gathers: on which node, by which of its calls, with what, and since when."""

    home: str
    number: int
    data: object
    at: float


@dataclass(slots=True)
class _Round:
    """A timeout, reset or stop on its way through the keeper."""

    kind: Kind
    keeper: str
    callers: list[tuple[str, int]] = field(default_factory=list)


class _Meeting:
    """One coordinator: its open batches, who gathers, and the nodes that opened it."""

    def __init__(self, name: Hashable, shape: object, timeout: float, random: Random) -> None:
        self.name = name
        self.shape = (shape, timeout)
        self.nodes: list[str] = []
        self.leaving: set[str] = set()
        self.groups: dict[int, dict[int, _Guest]] = {}
        self.longest: dict[int, float] = {}  # size -> seconds until the slowest was complete
        self.homes: dict[str, set[int]] = {}  # who came, and is not gone, by node
        self.held: dict[str, frozenset[int]] = {}  # who of them waits for a message, by node
        self.rounds: dict[int, _Round] = {}
        self.is_stopping = False
        self.comers: dict[str, list[Any]] = {}  # who opens it anew once it is stopped, by node
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
        self.leave_groups(user_id)

    def leave_groups(self, user_id: int) -> None:
        """Take a user out of the groups, for which it waits no longer."""
        for group in self.groups.values():
            group.pop(user_id, None)

    def is_held(self, user_id: int) -> bool:
        """Return whether a user waited for a message when its node was asked last."""
        return any(user_id in known for known in self.held.values())

    def asked(self, now: float) -> dict[str, list[int]]:
        """Return who is in a batch after complete ones that nobody came to for long, by node."""
        idle: set[int] = set()
        for tally in self.tallies:
            wait = tally.wait()
            if wait is not None and wait.longest >= 0 and now - wait.latest > STALE / 2:
                idle.update(tally.user_ids)
        known = {node: sorted(idle & there)[:MOST_ASKED] for node, there in self.homes.items()}
        return {node: users for node, users in known.items() if users}

    def waits(self) -> Iterator[Wait]:
        """Yield who waits for others, on any node."""
        is_held = self.is_held if self.shape[1] == math.inf else None
        for tally in self.tallies:
            wait = tally.wait(is_held)
            if wait is not None:
                yield wait
        for size, group in self.groups.items():
            times = [guest.at for guest in group.values()]
            if times:
                longest = self.longest.get(size, -math.inf)
                yield Wait(
                    "gather", size, len(times), next(iter(group)), times[0], times[-1], longest
                )


class Meetings:
    """The coordinators of one run over all its nodes."""

    def __init__(
        self,
        post: Post,
        *,
        seed: int,  # what the sizes of groups are drawn from
    ) -> None:
        self._post = post
        self._seed = seed
        self._native = native()
        self._meetings: dict[Hashable, _Meeting] = {}
        self._numbers = itertools.count(1)
        self._tasks: TaskGroup | None = None
        self._leaving: set[str] = set()  # nodes that act no more, as they are about to go
        self._last: frozenset[str] | None = None  # nodes of a run that ends; None while it is on

    async def serve(self, over: anyio.Event) -> None:
        """Watch the timeouts until the run is over."""
        async with anyio.create_task_group() as self._tasks:
            for meeting in self._meetings.values():
                self._watch(meeting)
            await over.wait()
            self._tasks.cancel_scope.cancel()

    def heard(self, node: str, message: Sequence[Any]) -> None:
        """Take in a node's message; raises if it makes no sense."""
        what, name, *arguments = message
        meeting = self._meetings.get(name)
        if what == "open":
            self._open(node, meeting, name, *arguments)
        elif meeting is None:  # stopped meanwhile
            if what in ("reset", "stop"):
                self._answer(node, name, arguments[0], None)
        else:
            self._hear(meeting, node, what, arguments)

    def problems(self) -> tuple[str, ...]:
        """Return a sentence for each wait for others, on any node, that seems to have no end."""
        now = self._native.now()
        return tuple(
            wait.sentence(meeting.name, now)
            for meeting in self._meetings.values()
            for wait in meeting.waits()
            if wait.is_endless(now, meeting.shape[1])
        )

    def lose(self, node: str) -> None:
        """Go on without a node; what its actions were at is not done again."""
        for meeting in list(self._meetings.values()):
            meeting.comers.pop(node, None)
            if node not in meeting.nodes:
                continue
            before = meeting.keeper
            meeting.nodes.remove(node)
            meeting.leaving.discard(node)
            meeting.held.pop(node, None)
            for user_id in meeting.homes.pop(node, ()):
                meeting.forget(user_id, has_finished=False)
            if not meeting.nodes:
                self._close(meeting)
                continue
            self._appoint(meeting, before)
            for number, round_ in list(meeting.rounds.items()):
                if round_.keeper == node:
                    self._done(meeting, number)
            self._stop_if_all_leave(meeting)
        self._leaving.discard(node)

    def excuse(self, node: str) -> None:
        """Have others act in the place of a node that is about to leave."""
        self._leaving.add(node)
        for meeting in self._meetings.values():
            self._appoint(meeting, meeting.keeper)

    def end(self, nodes: Collection[str]) -> None:
        """Tell who waits in vain, as the run begins to end on these nodes.

        Others only prepare to take part, so that nobody is to wait for their end.
        """
        self._last = frozenset(nodes)
        known = {node for meeting in self._meetings.values() for node in meeting.nodes}
        for node in known - self._last:
            self.lose(node)
        for meeting in self._meetings.values():
            self._tell_of_waits(meeting)

    def _appoint(self, meeting: _Meeting, before: str) -> None:
        """Have the first node act that stays; `before` did so up to now, if it is not empty."""
        meeting.nodes.sort(key=lambda node: node in self._leaving)
        if meeting.keeper != before:
            if before:
                self._post(before, ["relieved", meeting.name])
            self._post(meeting.keeper, ["keeper", meeting.name])

    def _hear(self, meeting: _Meeting, node: str, what: str, arguments: Sequence[Any]) -> None:
        match what, arguments:
            case "add", (int(user_id), data):
                meeting.homes.setdefault(node, set()).add(user_id)
                self._add(meeting, Member(_Comer(user_id), data))
            case "gone" | "finished", (int(user_id),):
                meeting.forget(user_id, has_finished=what == "finished")
            case "gather", (int(user_id), int(size), data, int(number)):
                meeting.homes.setdefault(node, set()).add(user_id)
                self._gather(meeting, user_id, size, _Guest(node, number, data, self._native.now()))
            case "ungather", (int(user_id),):
                meeting.leave_groups(user_id)
            case "reset" | "stop", (int(number),):
                end = self._stop if what == "stop" else partial(self._play, kind="reset")
                end(meeting, callers=[(node, number)])
            case _:
                self._hear_of_node(meeting, node, what, arguments)

    def _hear_of_node(
        self, meeting: _Meeting, node: str, what: str, arguments: Sequence[Any]
    ) -> None:
        match what, arguments:
            case "held", (list(users),):
                meeting.held[node] = frozenset(users)
            case "leave", ():
                meeting.leaving.add(node)
                self._stop_if_all_leave(meeting)
            case "done", (int(number),):
                self._done(meeting, number)
            case _:
                raise ValueError(f"no message about a coordinator: {what!r}")

    def _tell_of_waits(self, meeting: _Meeting) -> None:
        """Have the keeper tell who waits."""
        now = self._native.now()
        for wait in meeting.waits():
            if wait.is_stuck(now):
                told = [wait.kind, wait.size, wait.came, wait.first, now - wait.since]
                self._post(meeting.keeper, ["waiting", meeting.name, *told])

    def _stop_if_all_leave(self, meeting: _Meeting) -> None:
        if meeting.leaving >= set(meeting.nodes):
            self._stop(meeting)

    def _open(
        self,
        node: str,
        meeting: _Meeting | None,
        name: Hashable,
        number: int,
        shape: list[Any],
        timeout: float,
    ) -> None:
        if meeting is not None and meeting.is_stopping and node not in meeting.nodes:
            meeting.comers[node] = [number, shape, timeout]
            return
        if meeting is None:
            meeting = _Meeting(name, shape, timeout, Random(f"{self._seed}/coordinators/{name}"))
            meeting.countdown = Countdown(
                timeout, self._native, lambda: self._play(meeting, "timeout")
            )
            self._meetings[name] = meeting
            self._watch(meeting)
        if meeting.shape != (shape, timeout):
            self._answer(node, name, number, conflict(name))
            return
        if not meeting.nodes:
            meeting.nodes.append(node)
            self._appoint(meeting, "")
        elif node not in meeting.nodes and (self._last is None or node in self._last):
            before = meeting.keeper
            meeting.nodes.append(node)
            self._appoint(meeting, before)
        self._answer(node, name, number, None)

    def _watch(self, meeting: _Meeting) -> None:
        if self._tasks is None or not meeting.tallies:
            return
        if meeting.shape[1] == math.inf:
            self._tasks.start_soon(self._ask_who_waits, meeting)
        elif meeting.countdown is not None:
            self._tasks.start_soon(meeting.countdown.run)

    async def _ask_who_waits(self, meeting: _Meeting) -> None:
        """Ask nodes which users of an open batch wait for a message, while no timeout closes it."""
        while self._meetings.get(meeting.name) is meeting:
            asked = meeting.asked(self._native.now())
            meeting.held = {node: meeting.held.get(node, frozenset()) for node in asked}
            for node, users in asked.items():
                self._post(node, ["held?", meeting.name, users])
            await anyio.sleep(GLANCE)

    def _add(self, meeting: _Meeting, member: Member) -> None:
        if meeting.is_stopping:
            return
        if meeting.countdown is not None:
            meeting.countdown.arm()
        for index, tally in enumerate(meeting.tallies):
            batch = tally.add(member, self._native.now())
            if batch is not None:
                self._post(meeting.keeper, ["batch", meeting.name, index, *_plain(batch)])

    def _gather(self, meeting: _Meeting, user_id: int, size: int, comer: _Guest) -> None:
        group = meeting.groups.setdefault(size, {})
        group[user_id] = comer
        if len(group) < size:
            return
        del meeting.groups[size]
        took = self._native.now() - next(iter(group.values())).at
        meeting.longest[size] = max(took, meeting.longest.get(size, 0.0))
        members = [[other, guest.data] for other, guest in group.items()]
        for other, guest in group.items():
            self._post(guest.home, ["gathered", meeting.name, other, guest.number, members])

    def _stop(self, meeting: _Meeting, callers: Sequence[tuple[str, int]] = ()) -> None:
        if not meeting.is_stopping:
            meeting.is_stopping = True
            self._play(meeting, "stop", callers)
        else:
            for round_ in meeting.rounds.values():
                if round_.kind == "stop":
                    round_.callers.extend(callers)

    def _play(self, meeting: _Meeting, kind: Kind, callers: Sequence[tuple[str, int]] = ()) -> None:
        if meeting.countdown is not None:
            meeting.countdown.disarm()
        number = next(self._numbers)
        meeting.rounds[number] = _Round(kind, meeting.keeper, list(callers))
        batches = [list(_plain(tally.close(kind))) for tally in meeting.tallies]
        self._post(meeting.keeper, ["round", meeting.name, number, kind, batches])

    def _done(self, meeting: _Meeting, number: int) -> None:
        round_ = meeting.rounds.pop(number, None)
        if round_ is None:
            return
        for node, call in round_.callers:
            self._answer(node, meeting.name, call, None)
        if round_.kind == "stop":
            self._close(meeting)

    def _close(self, meeting: _Meeting) -> None:
        del self._meetings[meeting.name]
        if meeting.countdown is not None:
            meeting.countdown.end()
        for node in meeting.nodes:
            self._post(node, ["stopped", meeting.name])
        for node, asked in meeting.comers.items():
            self._open(node, self._meetings.get(meeting.name), meeting.name, *asked)

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
