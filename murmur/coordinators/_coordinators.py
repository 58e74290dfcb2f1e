"""The coordinators of a run on one node, by name."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from murmur._backend import Native
from murmur._given import needed
from murmur._guard import heard
from murmur.errors import (
    UnknownNameError,
)
from murmur.scenario import PublicNames

from ._coordinator import Coordinator
from ._performer import Emits
from ._plan import HasId, Plan, PlanLike, conflict
from .shared._shared import Post, SharedCoordinator

if TYPE_CHECKING:
    from anyio.abc import TaskGroup


class Coordinators(Mapping[Hashable, Coordinator]):
    """Opens coordinators and finds them again; as a mapping, those that take users."""

    def __init__(  # noqa: PLR0913 - all that these need of a run
        self,
        # owns the tasks of every coordinator.  It can only end after `stop_all`, or by being
        # cancelled.
        task_group: TaskGroup,
        native: Native,  # native, emitter: the running backend, and where events go
        emitter: Emits,
        random: Random,  # draws the sizes of groups
        *,
        post: Post | None = None,  # sends messages about coordinators that are one over all nodes
        # returns the user of an id, as an action of such a coordinator is to see it
        find_user: Callable[..., Any] = lambda _, **__: None,
        # returns whether the user of an id waits for a message
        is_waiting: Callable[[int], bool] = lambda _: False,
        names: PublicNames | None = None,  # what names are called in public; as given without
    ) -> None:
        self._names = names or PublicNames()
        self.is_waiting: Callable[[int], bool] = is_waiting
        self._post = post
        self._find_user = find_user
        self._task_group = task_group
        self._native = native
        self._emitter = emitter
        self._random = random
        self._living: list[Coordinator] = []  # a name may be taken again while one ends
        self._named: dict[Hashable, Coordinator] = {}
        self._joined: dict[int, set[Coordinator]] = {}  # by user id

    def __getitem__(self, name: Hashable) -> Coordinator:
        """Return the coordinator of that name, or raise `UnknownNameError`."""
        if name not in self:
            raise UnknownNameError("coordinator", [str(name)], map(str, self))
        return self._named[name]

    def get(self, name: Hashable, default: Any = None, /) -> Any:  # noqa: ANN401 - as Mapping has it
        """Return the coordinator of that name, or `default`."""
        return self._named[name] if name in self else default

    def __contains__(self, name: object) -> bool:
        """Whether a coordinator of that name takes users."""
        return name in self._named and not self._named[name].is_stopped

    def __iter__(self) -> Iterator[Hashable]:
        return iter([name for name in self._named if name in self])

    def __len__(self) -> int:
        return sum(name in self for name in self._named)

    async def open(
        self,
        name: Hashable,
        plan: PlanLike | None = None,
        timeout: float = 30.0,
        *,
        scope: str = "node",
    ) -> Coordinator:
        """Start a coordinator, or return the one of that name.

        Raises `InvalidArgumentError` if plan, timeout or name cannot be used; `CoordinatorError`
        if one of that name exists with another plan or timeout; `UnknownNameError` if no plan is
        given and no coordinator has that name.
        """
        _check_name(name)
        name = self._names.of(name, self._named)
        if plan is None:
            return self[name]
        wanted = Plan.read(plan, timeout)
        known = heard(("node", "cluster").__contains__, scope).value
        needed(known, "scope", scope, "give 'node' or 'cluster'")
        if name in self:
            return self._existing(name, wanted)
        if scope == "cluster" and self._post is not None:
            return await self._open_shared(name, wanted, self._post)
        coordinator = Coordinator(
            name,
            wanted,
            native=self._native,
            emitter=self._emitter,
            random=self._random,
            owner=self,
        )
        self._named[name] = coordinator
        self._living.append(coordinator)
        coordinator.start(self._task_group)
        return coordinator

    async def _open_shared(self, name: Hashable, plan: Plan, post: Post) -> Coordinator:
        shared: Any = SharedCoordinator(
            name,
            plan,
            native=self._native,
            emitter=self._emitter,
            owner=self,
            post=post,
            find_user=self._find_user,
        )
        self._named[name] = shared
        self._living.append(shared)
        try:
            await shared.open(self._task_group)
        except BaseException:
            self.coordinator_ended(shared)
            raise
        coordinator: Coordinator = shared  # alike in all that a scenario may ask
        return coordinator

    def heard(self, message: Sequence[Any]) -> None:
        """Take a message about a coordinator that is one over all nodes."""
        what, name, *arguments = message
        coordinator: Any = self._named.get(name)
        if isinstance(coordinator, SharedCoordinator):
            coordinator.heard(what, arguments)

    async def call(self, name: Hashable, verb: str) -> None:
        """Call a method of a coordinator for a person; one node does it for all."""
        coordinator: Any = self[name]
        if not isinstance(coordinator, SharedCoordinator) or coordinator.is_keeper:
            await getattr(coordinator, verb)()

    def _existing(self, name: Hashable, wanted: Plan) -> Coordinator:
        coordinator = self._named[name]
        if not coordinator.plan.is_same(wanted):
            raise conflict(name)
        return coordinator

    def user_joined(self, coordinator: Coordinator, user_id: int) -> None:
        """Take note of where `user_gone` has to look; called by the coordinators."""
        self._joined.setdefault(user_id, set()).add(coordinator)

    def coordinator_ended(self, coordinator: Coordinator) -> None:
        """Forget a coordinator; called by itself."""
        self._living.remove(coordinator)
        if self._named.get(coordinator.name) is coordinator:
            del self._named[coordinator.name]
        for user_id in coordinator.user_ids:
            joined = self._joined[user_id]
            joined.discard(coordinator)
            if not joined:
                del self._joined[user_id]

    def user_gone(self, user: HasId, *, has_finished: bool = False) -> None:
        """Take a user that ended out of every group, and of every open batch.

        One that `has_finished` came, and was there; so its places in batches stay.
        """
        for coordinator in self._joined.pop(user.id, ()):
            coordinator.user_gone(user, has_finished=has_finished)

    def user_leaving(self, user: HasId) -> None:
        """End the wait in `gather` of a user that is asked to leave, by `Leaving`."""
        for coordinator in self._joined.get(user.id, ()):
            coordinator.user_leaving(user)

    def problems(self) -> list[str]:
        """Return a sentence for each wait for others that seems to have no end."""
        return [line for coordinator in self._living for line in coordinator.problems()]

    def tell_of_waits(self) -> None:
        """Tell of users who wait for others in vain, before they are asked to go."""
        for coordinator in self._living:
            coordinator.tell_of_waits()

    async def stop_all(self) -> None:
        """Stop every coordinator; return when the last of their actions has run.

        An action that never returns makes this wait for ever, so the caller sets a
        deadline and then cancels the task group.
        """
        coordinators = list(self._living)
        for coordinator in coordinators:
            coordinator.stop_nowait()
        for coordinator in coordinators:
            await coordinator.wait_stopped()


def _check_name(name: object) -> None:
    """Refuse a name that cannot be looked up, or that nothing can be told of."""
    is_usable = heard(hash, name).error is None and heard(repr, name).error is None
    needed(is_usable, "name", name, "give what is hashable: a tuple, not a list")
