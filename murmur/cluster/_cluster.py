"""Steers one run over all nodes; one machine is a cluster of one.

Every verb goes to its nodes at the same time and comes back as one answer.  Ids are
given out here, so they are unique and without gaps over the cluster.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from murmur._backend import native
from murmur._given import needed
from murmur.errors import (
    CallbackError,
    ClusterError,
    InvalidRangeError,
    MurmurError,
    NodeLostError,
    NodeTimeoutError,
    RunStateError,
    UnknownNameError,
)
from murmur.runtime import RunSpec, RunState, check_throttle_verb

from ._answers import Answers, ask_each
from ._chronicle import Chronicle
from ._course import LAST_ID, Course, Current, check_count
from ._node import NodeStatus
from ._overview import NodeOverview, overview_of
from ._roster import END_PATIENCE, GLANCE, Roster
from ._split import id_ranges, split_addition, split_removal

if TYPE_CHECKING:
    from murmur.recording import RunRecord

    from ._node import Node

__all__ = ["Cluster", "new_run_id"]

T = TypeVar("T")

_logger = logging.getLogger(__name__)


def new_run_id() -> str:
    """Return a short id that no other run has."""
    return secrets.token_hex(4)


class Cluster(Roster):
    """The verbs of a run, each for all nodes that take part in it; see `Roster`."""

    answers: Answers[Any] | None = None  # what each node said to the last verb
    _is_between = False  # starting or resetting: no other verb fits
    _turn = 0

    async def start(
        self, spec: RunSpec, record: RunRecord, course: Course, nodes: Sequence[str] | None = None
    ) -> None:
        """Begin a run on all nodes or the named ones; `init` succeeded when this returns.

        Raises `RunStateError` if a run is on; `ScenarioError` or `NodesFailedError` if `init`
        failed, or the first users could not be announced; the run is failed then, on every node.
        """
        await self._await_the_last()
        chosen = _named(nodes, self._staff())
        if self._is_between or not self._state.is_over:
            state = "starting or being reset" if self._is_between else self._state.value
            raise RunStateError("start a run", state, "stop it first, or reset()")
        if nodes is None and self._is_deserted:
            raise ClusterError(
                "no node is there, and the session is open for nodes; do(..., nodes=1) waits for "
                "one, and Session(run_here=True) runs users in this process"
            )
        chronicle = Chronicle(self._bus, native().now, record)
        self._current = current = Current(spec, record, course, chronicle)
        current.nodes = {node.name: node for node in chosen}
        if nodes is not None:
            current.wanted = frozenset(current.nodes)
        self._unite(current)
        self._is_between = True
        self._state, self.highest_id, self._turn = RunState.IDLE, 0, 0
        course.on_accepted()
        try:
            await self._begin(current, chosen, nodes)
        except BaseException:
            self._note_unmade(current)
            with anyio.CancelScope(shield=True):
                await self._fail(current)
            raise
        finally:
            self._is_between = False
        self._tasks.start_soon(self._watch, current)

    async def _await_the_last(self) -> None:
        """Wait while the archive of a run that is over is written, and nodes are freed of it."""
        if self._current is not None and self._current.over.is_set():
            await self._current.told.wait()
        if self._state.is_over:
            for arrival in list(self._arrivals.values()):
                await arrival.wait()

    @property
    def _is_deserted(self) -> bool:
        """Whether users would run here although nodes were to have them."""
        return self.is_listening and not self._run_here and set(self.nodes) <= {self.local}

    async def add(
        self, count: int, nodes: Sequence[str] | None = None, *, live: bool = True
    ) -> range:
        """Announce `count` users, spread over the nodes; return their ids."""
        current = self._require_running("add users")
        check_count("add", count, room=LAST_ID - self.highest_id)
        return await self._add(current, self.highest_id + 1, count, nodes, live=live)

    async def add_range(self, first: int, last: int) -> range:
        """Announce users `first` to `last`; ids below are left out for good."""
        current = self._require_running("add users")
        check_count("add", first)
        check_count("add", last)
        if not self.highest_id < first <= last <= LAST_ID:
            raise InvalidRangeError(first, last, self.highest_id, LAST_ID)
        return await self._add(current, first, last - first + 1, None, live=True)

    async def remove(self, count: int, *, force: bool, nodes: Sequence[str] | None = None) -> int:
        """Ask `count` users to leave, or as many as there are; return how many were asked."""
        current = self._require_running("remove users")
        check_count("remove", count)
        chosen = self._choose("remove users", current, nodes)
        statuses = (await ask_each(chosen, "status", lambda node: node.status())).checked()
        present = {
            name: status.users["waiting"] + status.users["running"]
            for name, status in statuses.items()
        }
        shares = split_removal(count, present)
        asked = await self._ask(
            [node for node in chosen if node.name in shares],
            "remove",
            lambda node: node.remove(shares[node.name], force=force),
        )
        return sum(asked.values())

    async def remove_one(self, user_id: int, force: bool) -> bool:
        """Ask one user to leave; return whether it was here to be asked."""
        current = self._require_running("remove users")
        node = current.home_of(user_id)
        if node is None:
            return False
        answers = await self._ask(
            [node], "remove", lambda node: node.remove_one(user_id, force=force)
        )
        return any(answers.values())

    async def send(self, user_id: int, message: object) -> bool:
        """Send a message to the node of a user; return whether there is one."""
        self._require_running("send")
        return self.route(user_id, message)

    async def update(
        self, given: Mapping[str, object], nodes: Sequence[str] | None = None
    ) -> dict[str, tuple[object, object]]:
        """Change live settings on the nodes; return what changed, as (old, new).

        A node that joins later begins with the new values, unless only some were named.
        """
        current = self._require_running("update settings")
        chosen = self._choose("update settings", current, nodes)
        if not chosen:
            raise RunStateError("update settings", "on without nodes", "let a node join")
        changed: dict[str, tuple[object, object]] = {}
        current.changes += 1
        try:
            await self._ask(chosen, "update", lambda node: node.update(given))
        finally:
            for answer in (self.answers.values if self.answers else {}).values():
                changed |= answer
            if nodes is None:
                current.note_settings(changed)
            current.changes -= 1
        return changed

    async def stop(self, cause: str = "stop") -> None:
        """Begin to end the run everywhere; `wait_over` waits for the end.

        `cause` is as of `RunRecord.note_end`.
        """
        current = self._require_running("stop")
        self._state = RunState.TERMINATING
        current.note_end(cause)
        current.ends.cancel()
        if current.leasing is not None:
            current.leasing.end_plan()
        try:
            await self._ask(self._active(current).values(), "stop", _stop)
        finally:
            self._tasks.start_soon(self._see_off, current)

    async def reset(self) -> None:
        """End whatever runs, at once, and be idle."""
        current, self._is_between = self._current, True
        try:
            if current is not None:
                current.ends.cancel()
            last = await ask_each(self.nodes.values(), "reset", lambda node: node.abort())
            if current is not None:
                for name in last.failures.keys() & current.nodes.keys():
                    self._give_up(current, current.nodes[name], "it did not end at once")
                await self._finish(current, RunState.IDLE, tuple(last.values.values()))
            self._state, self.highest_id, self._current = RunState.IDLE, 0, None
        finally:
            self._is_between = False

    @property
    def fate(self) -> str:
        """What becomes of the run, in words; may be read from any thread, also of a stuck loop."""
        if self._is_between:
            return "the run is starting, or being reset, and goes on; reset() ends it"
        if self._state is RunState.RUNNING:
            return "the run goes on; stop() ends it"
        if self._state is RunState.TERMINATING:
            return "the run is ending"
        return "no run is on"

    async def wait_over(self) -> None:
        """Block until the run is finished, failed or reset."""
        if self._current is not None:
            await self._current.told.wait()

    async def overview(self) -> dict[str, NodeOverview]:
        """Return what there is to know about each node that users go to.

        A node that does not take part in the run is idle, even if it just prepares to.
        """
        part = self._current.nodes if self._current is not None else {}
        nodes = self._staff() | part
        said = (await ask_each(nodes.values(), "status", lambda node: node.status())).values
        return {
            name: overview_of(nodes[name], said[name] if name in part else self._apart(name))
            for name in sorted(said)
        }

    def _apart(self, name: str) -> NodeStatus:
        """Return the status of a node that does not take part in the run, and why not."""
        status = NodeStatus.idle(name)
        current = self._current
        if current is None or self._state is not RunState.RUNNING:
            return status
        return replace(status, problems=(self._absence(name, current),))

    async def call_throttle(self, name: str, verb: str, arguments: Mapping[str, Any]) -> None:
        """Call a method of a throttle of the run, where its rate lives.

        Over nodes that is here, and nodes follow when their loops run; else it is the node.
        """
        current = self._require_running(f"{verb} a throttle")
        if verb == "open":  # as the scenario's own `init` does it, on every node
            everybody = self._active(current).values()
            await self._ask(everybody, verb, lambda node: node.call_throttle(name, verb, arguments))
            return
        check_throttle_verb(name, verb, arguments)
        if current.leasing is not None:
            old, new = current.leasing.call(name, verb, arguments)
            new = f"resumed, {new}" if verb == "resume" else new
            current.chronicle.change(self.local, f"throttle {name}", old, new)
            return
        nodes = sorted(self._active(current).values(), key=lambda node: node.silence)
        await self._ask(nodes[:1], verb, lambda node: node.call_throttle(name, verb, arguments))

    async def throttle_names(self) -> tuple[str, ...]:
        """Return the names of the run's throttles; over nodes none of them is asked."""
        if steered := self._steered_throttles():
            return tuple(steered)
        status = await self.status()
        return tuple(sorted({name for node in status.nodes for name in node.throttles}))

    async def call_coordinator(self, name: Hashable, verb: str) -> None:
        """Call a method of a coordinator of the run."""
        current = self._require_running(f"{verb} a coordinator")
        await self._ask(
            self._active(current).values(), verb, lambda node: node.call_coordinator(name, verb)
        )

    async def flush(self) -> None:
        """Bring the record of the run up to date, with the users that are here now.

        A node that does not answer in time is left out: what it sent before is there.
        """
        current = self._current
        if current is None or self._state.is_over:
            return
        answers = await ask_each(current.nodes.values(), "flush", lambda node: node.flush())
        current.record.reach(native().now())
        for name, here in answers.values.items():
            current.record.set_present(
                name, here.user_ids, here.admitted_at, here.started_at, here.waiting
            )
        for error in answers.failures.values():
            if not isinstance(error, ClusterError):
                raise error

    async def _begin(
        self, current: Current, chosen: Sequence[Node], names: Sequence[str] | None
    ) -> None:
        """Run `init` on each node, then announce the users to begin with."""
        await self._ask(chosen, "start", lambda node: self._start_on(node, current))
        self._state = RunState.RUNNING
        current.record.note_load(native().now())
        for name, node in self._staff().items():
            if name not in current.nodes:  # it joined meanwhile
                self._let_take_part(current, node)
        users = current.course.users
        if users:
            await self._add(current, 1, users, names, live=False)

    def _note_unmade(self, current: Current) -> None:
        """Count constructors that failed: without its scenario, a node records nothing."""
        for name, error in (self.answers.failures if self.answers else {}).items():
            if isinstance(error, CallbackError) and error.callback == "__init__":
                origin = error.__cause__ or error
                current.chronicle.failure(name, origin, of=("scenario", "__init__"))

    async def _fail(self, current: Current) -> None:
        """End a run that could not begin; one that was reset meanwhile has ended already."""
        nodes = list(current.nodes.values())
        if current.over.is_set():
            return
        failed = self.answers.failures if self.answers else {}
        goes_on = any(node.name not in failed for node in nodes)  # one alone, if another died
        if goes_on or len(nodes) > 1 or self._state is RunState.RUNNING:  # else `init` ended it
            await ask_each(nodes, "reset", lambda node: node.abort())
        else:
            with anyio.move_on_after(END_PATIENCE):  # until what it measured has come
                for node in nodes:  # none, if the only one was lost
                    await node.wait_ended()
        await self._finish(current, RunState.FAILED)

    async def _add(
        self, current: Current, first: int, count: int, names: Sequence[str] | None, *, live: bool
    ) -> range:
        last = first + count - 1
        while names is not None and current.coming.intersection(_listed(names)):  # noqa: ASYNC110
            await anyio.sleep(GLANCE)  # `init` is on the way, and seldom
        chosen = self._choose("add users", current, names)
        if names is None:
            chosen = [node for node in chosen if node.name in self._staff()] or chosen
        if not chosen:
            raise RunStateError("add users", "on without nodes", "let a node join")
        shares = split_addition(count, sorted(node.name for node in chosen), turn=self._turn)
        self._turn += 1
        ranges = id_ranges(shares, first - 1)
        self.highest_id: int = last
        for name, (one, other) in ranges.items():
            current.announce(name, one, other)
        try:
            await self._ask(
                [node for node in chosen if node.name in ranges],
                "add",
                lambda node: node.add(*ranges[node.name], live=live),
            )
        finally:
            self._drop_refused(current, ranges)
        return range(first, last + 1)

    def _choose(self, verb: str, current: Current, names: Sequence[str] | None) -> list[Node]:
        """Return the nodes of these names that take part, or all; tell why one does not."""
        given = [] if names is None else _listed(names)
        for name in given:
            if name in self._staff().keys() - current.nodes.keys():
                absence = f"it {self._absence(name, current)}"
                raise RunStateError(f"{verb} on {name}", "on without it", absence)
        return _named(names, self._active(current))

    def _drop_refused(self, current: Current, ranges: Mapping[str, tuple[int, int]]) -> None:
        """Give users an outcome that a node refused; one that is only late has them yet."""
        for name, error in (self.answers.failures if self.answers else {}).items():
            if isinstance(error, NodeTimeoutError):
                current.unheard.append((name, ranges[name]))
            elif name in current.nodes:
                current.announced[name].remove(ranges[name])
                current.chronicle.drop(name, *ranges[name], f"refused: {error}")

    async def _watch(self, current: Current) -> None:
        """Stop the run when its course says so."""
        with current.ends:
            with anyio.move_on_after(current.course.duration) as whole:
                current.record.planned_end = whole.deadline - current.record.started_at
                await self._wait_idle(current)
            cause = "duration" if whole.cancelled_caught else "idle"
            self._tasks.start_soon(self._end_by_itself, current, cause)

    async def _wait_idle(self, current: Current) -> None:
        """Block until no node has a user, if that is how the run ends."""
        if not current.course.end_when_idle:
            await anyio.sleep_forever()
        while True:
            await current.idle.wait()
            current.idle = anyio.Event()
            status = await self.status()
            if all(sum(node.users.values()) == node.users["gone"] for node in status.nodes):
                return

    async def _end_by_itself(self, current: Current, cause: str) -> None:
        """Stop the run unless somebody else did."""
        if self._current is current and self._state is RunState.RUNNING:
            try:
                await self.stop(cause)
            except MurmurError as error:
                _logger.warning("the run does not stop in order: %s", error)

    async def _ask(
        self, nodes: Iterable[Node], verb: str, call: Callable[[Node], Awaitable[T]]
    ) -> dict[str, T]:
        """Call all nodes at the same time; return their answers by name, or raise."""
        self.answers = None  # not those to an earlier verb, should this one be cancelled
        nodes = list(nodes)
        asked = {node.name for node in nodes}
        skipped = [name for name in self._staff() if name not in asked]
        answers = await ask_each(nodes, verb, call, skipped=skipped)
        self.answers = answers
        return answers.checked()

    def _require_running(self, verb: str) -> Current:
        if self._current is None or self._is_between or self._state is not RunState.RUNNING:
            state = "starting or being reset" if self._is_between else self._state.value
            remedy = "start a run with do first" if self._state.is_over else ""
            raise RunStateError(verb, state, "" if self._is_between else remedy)
        return self._current


async def _stop(node: Node) -> str | None:
    """Stop a node; one that is lost meanwhile has stopped, and its users are lost."""
    try:
        await node.stop()
    except NodeLostError as error:
        return error.reason
    return None


def _named(names: Sequence[str] | None, nodes: Mapping[str, Node]) -> list[Node]:
    """Return the nodes of these names, each once, or all."""
    if names is None:
        return list(nodes.values())
    names = _listed(names)
    unknown = [name for name in names if name not in nodes]
    if unknown or not names:
        raise UnknownNameError("node", unknown or ["(an empty list)"], nodes)
    return [nodes[name] for name in names]


def _listed(names: Sequence[str]) -> list[str]:
    """Return names of nodes, each once; one alone may be given as it is."""
    given: Any = names
    listed = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    are_names = all(isinstance(name, str) for name in listed)
    needed(are_names, "nodes", names, "give a list of names of nodes")
    return list(dict.fromkeys(listed))
