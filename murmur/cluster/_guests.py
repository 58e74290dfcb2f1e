"""Guests of a session: other processes that look at its run and steer it, and are no nodes.

A guest asks, and gets an answer; it is told nothing that it did not ask for.  What it asks
for is done by the session itself, in a thread, as if a person had typed it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import anyio.to_thread

from murmur._wire import WireError, decode, describe_fault, encode
from murmur.errors import ClusterError

from ._ticket import STEER

if TYPE_CHECKING:
    from ._link import SteeringLink
    from ._ticket import Holder


class Service(Protocol):
    """What guests may ask of a session; its verbs are called in threads."""

    # looks, orders: verbs that only look, and those that steer
    looks: Mapping[str, Callable[..., object]]
    orders: Mapping[str, Callable[..., object]]
    records: Mapping[str, type]  # records that may be in an answer


class Guests:
    """Those who look at a session or steer it from outside."""

    def __init__(
        self,
        link: SteeringLink,
        service: Service,
        spawn: Callable[..., object],  # `spawn(fn, *args)` starts a task on the loop of the session
    ) -> None:
        self._link = link
        self._service = service
        self._spawn = spawn
        self._holders: dict[int, Holder] = {}

    def __contains__(self, peer: int) -> bool:
        """Return whether a connection is that of a guest."""
        return peer in self._holders

    def receive(self, peer: int, holder: Holder) -> None:
        """Let in a guest, whose ticket lets it look."""
        self._holders[peer] = holder
        self._link.send(peer, "welcome", encode(list(holder.rights)))

    def heard(self, peer: int, kind: str, body: bytes) -> None:
        """Take what a guest asks for.

        Raises `WireError` if it makes no sense.
        """
        question = decode(body) if kind == "ask" else None
        match question:
            case [int(), str(), list(), dict()]:
                self._spawn(self._answer, peer, question)
            case _:
                raise WireError(f"a guest said {kind!r}")

    def left(self, peer: int) -> None:
        """Take note that a guest is gone."""
        self._holders.pop(peer, None)

    def revoke(self, ticket: str) -> None:
        """Send away whoever holds a ticket."""
        for peer, holder in list(self._holders.items()):
            if holder.ticket == ticket:
                self._link.expel(peer)
                self.left(peer)

    async def _answer(self, peer: int, question: list[Any]) -> None:
        number, verb, arguments, keywords = question
        try:
            call = self._verb(self._holders[peer], verb)
            value = await anyio.to_thread.run_sync(
                lambda: call(*arguments, **keywords), abandon_on_cancel=True
            )
            answer = encode([number, True, value], self._service.records, what="an answer")
        except Exception as error:  # noqa: BLE001 - it goes to whoever asked
            answer = encode([number, False, describe_fault(error)])
        self._link.send(peer, "answer", answer)

    def _verb(self, holder: Holder, verb: str) -> Callable[..., object]:
        if verb in self._service.looks:
            return self._service.looks[verb]
        if verb not in self._service.orders:
            raise WireError(f"there is no verb {verb!r}")
        if STEER not in holder.rights:
            raise ClusterError(f"{verb} is refused: the ticket lets its holder look, and no more")
        return self._service.orders[verb]
