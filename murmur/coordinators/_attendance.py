"""Attendance of a coordinator, alike for that of one node and that of all: who came to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Hashable, Sequence
from typing import Any, Protocol, TypeVar, cast

from murmur._backend import Caller, Native, block
from murmur._given import SHOWN, needed
from murmur._guard import text_of
from murmur.errors import CoordinatorStoppedError, InvalidArgumentError, Leaving

from ._performer import Emits
from ._plan import HasId, Plan, whole_number
from ._waits import Wait

T = TypeVar("T")


class Owner(Protocol):
    """Who made a coordinator and is told what it needs to know."""

    def user_joined(self, coordinator: Any, user_id: int) -> None:  # noqa: ANN401 - of either kind
        """Take note that `user_gone` matters from now on."""

    def is_waiting(self, user_id: int) -> bool:
        """Return whether the user waits for a message."""

    def coordinator_ended(self, coordinator: Any) -> None:  # noqa: ANN401 - of either kind
        """Forget the coordinator: nothing of it runs any more."""


class Attendance(ABC):
    """Keeps who came and is not gone, refuses who may not come, and tells of both.

    Attributes
    ----------
    name : hashable
        The name the coordinator was started by.
    plan : Plan
        The plan, checked and in order.
    """

    def __init__(
        self, name: Hashable, plan: Plan, *, native: Native, emitter: Emits, owner: Owner
    ) -> None:
        self.name = name
        self.plan = plan
        self._native = native
        self._emitter = emitter
        self._owner = owner
        self._users: set[int] = set()
        self._had_users = False

    @property
    def timeout(self) -> float:
        """Seconds after the last `add` until unfinished batches are closed."""
        return self.plan.timeout

    @property
    def user_ids(self) -> frozenset[int]:
        """Users who came, to this node, and are not gone."""
        return frozenset(self._users)

    @property
    @abstractmethod
    def is_stopped(self) -> bool:
        """Whether it takes no more users."""

    @abstractmethod
    def waits(self) -> Sequence[Wait]:
        """Return who waits for others, if it is this node that tells of them."""

    def tell_of_waits(self) -> None:
        """Tell of those who wait in vain: the run begins to end, and nobody was asked to go."""
        now = self._native.now()
        if not self._had_users:
            self._tell_of("nobody", "", 0, 0, 0.0)
        for wait in self.waits():
            if wait.is_stuck(now):
                self._tell_of(wait.kind, wait.size, wait.came, wait.first, now - wait.since)

    def problems(self) -> list[str]:
        """Return a sentence for each wait that seems to have no end; a timeout would be one."""
        now = self._native.now()
        waits = (wait for wait in self.waits() if wait.is_endless(now, self.timeout))
        return [wait.sentence(self.name, now) for wait in waits]

    def _block(
        self, word: str, user: HasId, call: Callable[[], Coroutine[Any, Any, T]]
    ) -> Coroutine[Any, Any, T]:
        """Wait in a thread; it has the value itself, where who can await gets a coroutine."""
        name = f"coordinator {self.name!r}: {word}"
        caller = cast("Caller", user) if hasattr(user, "pending") else None
        return cast("Coroutine[Any, Any, T]", block(self._native, call, name=name, caller=caller))

    def _refuse_if_stopped(self) -> None:
        if self.is_stopped:
            raise CoordinatorStoppedError(self.name)

    def _welcome(self, user: HasId) -> None:
        needed(hasattr(user, "id"), "user", user, "give a user, or another that has an `id`")
        user_id = user.id
        self._had_users = True
        if user_id not in self._users:
            self._users.add(user_id)
            self._owner.user_joined(self, user_id)

    def _welcome_group(self, user: HasId, n: int) -> int:
        """Let a user wait for a group of `n`; return `n`, checked."""
        self._refuse_if_stopped()
        size = whole_number(n)
        if size is None:
            given = text_of(n, repr)[:SHOWN]
            raise InvalidArgumentError(f"gather needs a whole number of at least 1, not {given}")
        leaving = getattr(user, "leaving", None)
        if leaving is not None and leaving.is_set():
            raise Leaving
        self._welcome(user)
        return size

    def _tell_of_add(self, user: HasId) -> None:
        if self._emitter.listening("amoc.coordinator.add"):
            metadata = {"name": self.name, "user_id": user.id}
            self._emitter.emit("amoc.coordinator.add", {"count": 1}, metadata)

    def _tell_of(self, kind: str, size: object, count: int, first: int, seconds: float) -> None:
        self._emitter.emit(
            "amoc.coordinator.unfinished",
            {"count": count, "seconds": seconds},
            {"name": self.name, "kind": kind, "configured": size, "user_id": first},
        )

    def _emit(self, what: str) -> None:
        self._emitter.emit(f"amoc.coordinator.{what}", {"count": 1}, {"name": self.name})
