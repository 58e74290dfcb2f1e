"""A node in another process, as the steering kernel sees it: the same verbs, by message."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import anyio

from murmur._backend import native
from murmur._wire import WireError, decode, encode, revive_fault
from murmur.errors import NodeLostError, NodeTimeoutError
from murmur.runtime import Presence, RunState
from murmur.telemetry import Chunk

from ._node import Node, NodeStatus
from ._parts import PARTS
from ._travel import pack_call, pack_code

if TYPE_CHECKING:
    from murmur.runtime import Listener, RunSpec

    from ._facts import NodeFacts
    from ._link import SteeringLink

ANSWER_WITHIN = 5.0
"""Seconds that a node has to answer, unless a scenario's own code is part of the answer."""

QUICK = 1.0
"""Seconds to wait for a status, before the last one known is shown again."""


class _Pending:
    """A call that waits for its answer."""

    def __init__(self) -> None:
        self.answered = anyio.Event()
        self.value: Any = None
        self.error: Exception | None = None


class RemoteNode(Node):
    """Sends each verb to a node and waits for the answer, for so long and no longer."""

    def __init__(
        self,
        name: str,  # how it is called in this session
        *,
        peer: int,  # its connection
        link: SteeringLink,
        facts: NodeFacts,
        ticket: str,  # the name of that by which it came in
    ) -> None:
        self.name = name
        self.peer = peer
        self.facts = facts
        self.ticket = ticket
        self.farewell: str | None = None  # why it is about to leave in order
        self.has_parted = False  # whether it did, and said all that it had to say
        self.joined_at = native().now()
        self.clock_error = math.inf
        self._link = link
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._lost: NodeLostError | None = None
        self._listener: Listener | None = None
        self._run_id = ""
        self._ended = anyio.Event()
        self._last = NodeStatus.idle(name)
        self._stuck_for = 0.0
        self.taken = 0  # the number of the last chunk that came

    @property
    def stuck_for(self) -> float:
        """See the base."""
        return self._stuck_for

    def beat(self, offset: float, error: float, stuck_for: float) -> None:
        """Take note of what its pulse tells."""
        self.clock_offset, self.clock_error, self._stuck_for = offset, error, stuck_for

    @property
    def is_suspect(self) -> bool:
        """Whether it has been silent for longer than it should."""
        return self.silence > 0

    async def start(self, spec: RunSpec, listener: Listener) -> None:
        """See the base."""
        self._listener, self._run_id, self._ended = listener, spec.run_id, anyio.Event()
        facts = {field.name: getattr(spec, field.name) for field in fields(spec)}
        facts["scenario"] = pack_code(spec.run_id, spec.scenario)
        self._last = NodeStatus.idle(self.name)
        await self._call("start", facts, patience=spec.callback_timeout + ANSWER_WITHIN)
        self._last = replace(self._last, state=RunState.RUNNING)

    async def add(self, first: int, last: int, *, live: bool = True) -> None:
        """See the base."""
        users = self._last.users  # and they wait there until it says more
        more = {"waiting": users["waiting"] + last - first + 1}
        self._last = replace(self._last, users={**users, **more})
        await self._call("add", first, last, live=live)

    async def remove(self, count: int, *, force: bool) -> int:
        """See the base."""
        return int(await self._call("remove", count, force=force))

    async def remove_one(self, user_id: int, *, force: bool) -> bool:
        """See the base."""
        return bool(await self._call("remove_one", user_id, force=force))

    async def update(self, given: Mapping[str, object]) -> dict[str, tuple[object, object]]:
        """See the base."""
        changed = await self._call("update", dict(given), patience=60.0 + ANSWER_WITHIN)
        return {str(name): (old, new) for name, (old, new) in changed.items()}

    async def stop(self) -> None:
        """See the base."""
        await self._call("stop")

    async def wait_ended(self) -> None:
        """See the base; returns as well when the node is lost."""
        await self._ended.wait()

    def ignore(self) -> None:
        """See the base; who waits for its end waits no longer."""
        self._listener = None
        self._ended.set()

    async def abort(self) -> NodeStatus:
        """See the base."""
        last = self._named(await self._call("abort"))
        self._listener = None  # what came before the answer belongs to the run
        return last

    async def status(self) -> NodeStatus:
        """Return what the node says, or what it said last when it is not quick to answer."""
        if not self.is_suspect and self._lost is None:
            try:
                self._last = self._named(await self._call("status", patience=QUICK))
            except NodeTimeoutError:
                stuck = f", its loop has stood still for {self._stuck_for:.1f} s"
                return self._as_it_was("it does not answer" + stuck * (self._stuck_for >= QUICK))
            except NodeLostError:
                pass
            return self._last
        return self._as_it_was(f"nothing was heard from it for {self.silence:.1f} s")

    async def call_throttle(self, name: str, verb: str, arguments: Mapping[str, Any]) -> None:
        """See the base."""
        await self._call("call_throttle", name, verb, dict(arguments))

    async def call_coordinator(self, name: Hashable, verb: str) -> None:
        """See the base."""
        await self._call("call_coordinator", name, verb, patience=60.0)

    async def flush(self) -> Presence:
        """See the base."""
        presence = await self._call("flush")
        if not isinstance(presence, Presence):
            raise WireError("this is no presence")
        return replace(presence, node=self.name)

    def deliver(self, user_id: int, message: object, due: float | None = None) -> None:
        """See the base."""
        self.post("message", encode([user_id, message, due]))

    def post(self, kind: str, body: bytes) -> None:
        """Send a message that needs no answer."""
        self._link.send(self.peer, kind, body)

    def answered(self, body: bytes) -> None:
        """Take the answer to a call."""
        number, is_ok, value = decode(body, PARTS)
        pending = self._pending.pop(number, None)
        if pending is None:
            return  # it came too late, and whoever asked was told so
        if is_ok:
            pending.value = value
        else:
            pending.error = revive_fault(self.name, value)
        pending.answered.set()

    def reported(self, kind: str, body: bytes) -> None:
        """Take news of the run; those of an earlier run are of no interest."""
        run_id, value, number = decode(body, PARTS)
        if kind == "chunk":
            self.confirm(int(number))
        listener = self._listener
        if run_id != self._run_id or listener is None:
            return
        if kind == "chunk":
            listener.chunk(self._named_chunk(value))
        elif kind == "idle":
            listener.idle()
        elif kind == "ended":
            self._ended.set()
        else:
            listener.state(RunState(value))

    def lose(self, reason: str) -> None:
        """Answer everything that is pending: the node is gone."""
        self._lost = NodeLostError(self.name, reason)
        self._listener = None
        self._ended.set()
        pending, self._pending = self._pending, {}
        for each in pending.values():
            each.error = self._lost
            each.answered.set()

    async def _call(
        self,
        verb: str,
        *arguments: Any,  # noqa: ANN401 - the verb's own
        patience: float = ANSWER_WITHIN,
        **keywords: Any,  # noqa: ANN401 - the verb's own
    ) -> Any:  # noqa: ANN401 - the verb's own
        if self._lost is not None:
            raise self._lost
        number = next(self._numbers)
        pending = self._pending[number] = _Pending()
        head = number.to_bytes(8, "big") + len(verb).to_bytes(1, "big") + verb.encode("ascii")
        self.post("call", head + pack_call(arguments, keywords))
        try:
            with anyio.move_on_after(patience):
                await pending.answered.wait()
        finally:
            self._pending.pop(number, None)
        if pending.error is not None:
            raise pending.error
        if not pending.answered.is_set():
            raise NodeTimeoutError(self.name, verb, patience)
        return pending.value

    def _as_it_was(self, trouble: str) -> NodeStatus:
        """Return the last status that is known, and why there is no newer one."""
        return replace(self._last, problems=(*self._last.problems, trouble))

    def _named(self, status: object) -> NodeStatus:
        if not isinstance(status, NodeStatus):
            raise WireError("this is no status")
        return replace(status, node=self.name, state=RunState(status.state))

    def confirm(self, number: int) -> None:
        """Tell the node that a chunk is here, and need not be kept there."""
        self.taken = max(self.taken, number)
        self.post("taken", encode(number))

    def belated(self, body: bytes) -> tuple[str, Chunk] | None:
        """Return run and chunk of what could not be sent before; None if it is here already.

        Users are left out: those of a node that was lost have their outcome.
        """
        run_id, value, number = decode(body, PARTS)
        is_known = int(number) <= self.taken
        self.confirm(int(number))
        if is_known:
            return None
        chunk = self._named_chunk(value)
        return str(run_id), replace(chunk, users=chunk.users[:0], dropped=())

    def _named_chunk(self, chunk: Any) -> Chunk:  # noqa: ANN401 - what was decoded
        """Return what was decoded as a chunk of this node, or raise `WireError`."""
        if not isinstance(chunk, Chunk):
            raise WireError("this is no chunk")
        return replace(chunk, node=self.name)

    def __repr__(self) -> str:
        """Return name, host and process."""
        return f"<node {self.name} on {self.facts.host}, process {self.facts.pid}>"
