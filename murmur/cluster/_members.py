"""The steering kernel's desk: lets nodes in, hands on what they say, notices who is lost.

Everything that arrives here comes from outside.  What cannot be read, or makes no sense,
costs the sender its place and nobody else anything.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

import anyio

from murmur._wire import WireError, decode, encode
from murmur.errors import UnknownNameError
from murmur.runtime import EXPELLED

from ._facts import NodeFacts, own_version
from ._guests import Guests
from ._link import RELEASED
from ._remote import RemoteNode
from ._ticket import JOIN, LOOK

if TYPE_CHECKING:
    from ._cluster import Cluster
    from ._guests import Service
    from ._link import SteeringLink
    from ._ticket import Holder

WELCOME_WITHIN = 10.0
"""Seconds that a connection has to say who it is."""

_NAME = re.compile(r"[^\w.@+-]+")

_logger = logging.getLogger(__name__)


class Members:
    """The nodes that joined over one link; see `Desk`."""

    def __init__(
        self,
        cluster: Cluster,
        link: SteeringLink,
        service: Service,  # what those may ask for who come in and are no nodes
    ) -> None:
        self.nodes: dict[int, RemoteNode] = {}
        self._guests = Guests(link, service, cluster.spawn)
        self._cluster = cluster
        self._roster = cluster.roster
        self._link = link
        # those who did not say yet what they are: since when they are here, and with whose ticket
        self._strangers: dict[int, tuple[float, Holder]] = {}
        self._revoked: set[str] = set()  # names of tickets
        # by the life of a node: those that may not come back, and what others had sent by then
        self._expelled: set[str] = set()
        self._taken: dict[str, int] = {}

    def joined(self, peer: int, host: str, holder: Holder) -> None:
        """See `Desk`."""
        now = self._link.now()
        self._strangers[peer] = now, holder
        for other, (since, _) in list(self._strangers.items()):
            if now - since > WELCOME_WITHIN:
                self._link.expel(other)

    def heard(self, peer: int, kind: str, body: bytes) -> None:
        """See `Desk`."""
        try:
            if peer in self.nodes:
                self._hear(self.nodes[peer], kind, body)
            elif peer in self._guests:
                self._guests.heard(peer, kind, body)
            elif peer in self._strangers and kind in ("hello", "visit"):
                self._meet(peer, kind, body)
        except Exception as error:  # noqa: BLE001 - it was made by somebody else
            _logger.warning("a node sent what makes no sense (%s: %s)", kind, error)
            self._cut_off(peer, f"it sent what makes no sense ({kind}: {error})")

    def pulse(self, peer: int, offset: float, error: float, silence: float) -> None:
        """See `Desk`."""
        node = self.nodes.get(peer)
        if node is not None:
            node.beat(offset, error, silence)
            if (run := self._cluster.under_way) is not None:
                run.note_clock(node.name, offset, error)

    def silent(self, peer: int, seconds: float) -> None:
        """See `Desk`."""
        node = self.nodes.get(peer)
        if node is None:
            return
        if seconds and not node.silence:
            _logger.warning("nothing was heard from node %s for %.1f s", node.name, seconds)
        node.silence = seconds
        if seconds > self._roster.silence:
            self._cut_off(peer, f"no sign of life for {seconds:.1f} s")

    def left(self, peer: int, reason: str) -> None:
        """See `Desk`."""
        self._strangers.pop(peer, None)
        self._guests.left(peer)
        node = self.nodes.pop(peer, None)
        if node is None:
            return
        is_lost, reason = not node.has_parted, _why_it_left(node, reason)
        if is_lost and reason != EXPELLED:
            reason = self._cluster.explain(reason)
            _logger.warning("node %s is lost: %s", node.name, reason)
        node.lose(reason)
        self._taken[node.facts.life] = node.taken
        is_silent = node.is_suspect  # it may act yet on what it was lent
        self._cluster.part(node, reason, is_lost=is_lost, is_silent=is_silent)

    def expel(self, name: str) -> None:
        """Send a node away; its users are lost.

        Raises `UnknownNameError` if no node that joined has that name.
        """
        nodes = {node.name: node for node in self.nodes.values()}
        if name not in nodes:
            raise UnknownNameError("node", [name], nodes)
        self._send_away(nodes[name])

    def revoke(self, ticket: str) -> None:
        """Let nobody in with a ticket of this name any more, and send away who is in by it."""
        self._revoked.add(ticket)
        for node in list(self.nodes.values()):
            if node.ticket == ticket:
                self._send_away(node)
        self._guests.revoke(ticket)

    def _send_away(self, node: RemoteNode) -> None:
        """Expel a node for good: it may not have heard, and want to come back."""
        self._expelled.add(node.facts.life)
        node.post("farewell", encode(EXPELLED))
        self._cluster.note_wish(node.name, "expelled")
        self._cut_off(node.peer, EXPELLED)

    def _cut_off(self, peer: int, reason: str) -> None:
        """Close a connection, and go on without whoever was there."""
        self.left(peer, reason)  # first, or the link may say that it was closed
        self._link.expel(peer)

    async def dismiss(self) -> None:
        """Ask all nodes to leave in order, and wait until they have, or for a while."""
        for node in self.nodes.values():
            node.post("farewell", encode("the session was closed"))
        with anyio.move_on_after(WELCOME_WITHIN):
            while self.nodes:  # noqa: ASYNC110 - a moment at the end of a session
                await anyio.sleep(0.01)

    def _meet(self, peer: int, kind: str, body: bytes) -> None:
        """Let a node or a guest in, or say why not."""
        _, holder = self._strangers.pop(peer)
        if holder.ticket in self._revoked:
            self._refuse(peer, "its ticket was revoked")
        elif kind == "hello":
            self._receive(peer, _read_facts(body), holder)
        elif (version := decode(body)) != own_version():
            self._refuse(peer, f"it has murmur {version} and this session murmur {own_version()}")
        elif LOOK not in holder.rights:
            self._refuse(peer, "its ticket is good for nodes only")
        else:
            self._guests.receive(peer, holder)

    def _refuse(self, peer: int, reason: str) -> None:
        self._link.send(peer, "refused", encode(reason))
        self._link.expel(peer)

    def _receive(self, peer: int, facts: NodeFacts, holder: Holder) -> None:
        """Let a node in, or say why not."""
        reason = self._objection(facts)
        if JOIN not in holder.rights:
            reason = "its ticket is not good for nodes"
        if reason:
            _logger.warning("node %s on %s was refused: %s", facts.name, facts.host, reason)
            self._refuse(peer, reason)
            return
        self._lose_former(facts)
        name = self._free_name(facts.name)
        welcome = [name, self._roster.silence, self._roster.rejoin]
        self._link.send(peer, "welcome", encode(welcome))
        node = RemoteNode(name, peer=peer, link=self._link, facts=facts, ticket=holder.ticket)
        node.taken = self._taken.pop(facts.life, 0)
        self.nodes[peer] = node
        self._cluster.join(node)

    def _lose_former(self, facts: NodeFacts) -> None:
        """Give up the connection that a node had before, if nobody noticed yet that it is lost."""
        for node in list(self.nodes.values()):
            if facts.life and node.facts.life == facts.life:
                self._cut_off(node.peer, "its connection was lost")

    def _objection(self, facts: NodeFacts) -> str:
        """Return why this node cannot run what the steering kernel sends; "" if it can."""
        here = ".".join(map(str, sys.version_info[:2]))
        there = ".".join(facts.python.split(".")[:2])
        if here != there:
            return (
                f"it runs Python {there} and this session Python {here}: code that travels "
                "needs the same minor version on both sides"
            )
        if facts.murmur != own_version():
            return f"it has murmur {facts.murmur} and this session murmur {own_version()}"
        if facts.life and facts.life in self._expelled:
            return "it was expelled"
        return ""

    def _free_name(self, wanted: str) -> str:
        """Return a name that no other node has, as close to the one wanted as can be."""
        wanted = _NAME.sub("-", wanted)[:60].strip("-") or "node"
        parting = {node.name for node in self.nodes.values()}  # and so in the roster no more
        taken = self._roster.nodes.keys() | parting | {"all", "steering"}
        if wanted not in taken:
            return wanted
        return next(name for i in range(2, 2**30) if (name := f"{wanted}-{i}") not in taken)

    def _hear(self, node: RemoteNode, kind: str, body: bytes) -> None:
        match kind:
            case "reply":
                node.answered(body)
            case "chunk" | "idle" | "state" | "ended":
                node.reported(kind, body)
            case "belated":
                late = node.belated(body)
                if late is not None and (run := self._cluster.under_way) is not None:
                    run.take_belated(*late)
            case "meeting" | "lease" | "message":
                if (run := self._cluster.under_way) is not None:
                    run.heard(node.name, kind, body)
            case _:
                self._hear_of_itself(node, kind, body)

    def _hear_of_itself(self, node: RemoteNode, kind: str, body: bytes) -> None:
        """Take what a node says about its own coming and going."""
        match kind:
            case "deserted":
                self._cut_off(node.peer, f"it heard nothing from here: {decode(body)}")
            case "leaving":
                self._see_off(node, str(decode(body)))
            case "parted":
                node.has_parted = True
                self._link.expel(node.peer)
            case "wish":
                node.post("wish", encode(self._roster.is_given_up(node.name)))
            case _:
                raise WireError(f"an unknown kind {kind!r}")

    def _see_off(self, node: RemoteNode, reason: str) -> None:
        """Take note that a node is about to leave in order."""
        node.farewell = reason
        if reason == RELEASED:
            self._cluster.note_wish(node.name, "released")
        self._roster.excuse(node)
        if (run := self._cluster.under_way) is not None:
            run.excuse(node)


def _why_it_left(node: RemoteNode, reason: str) -> str:
    """Return why a node is gone; `reason` is why its connection is."""
    if node.farewell is None or reason == EXPELLED:
        return reason
    # Its word counts if it kept it: one that died on its way out did not leave in order.
    return node.farewell if node.has_parted else f"{reason}, while it was leaving"


def _read_facts(body: bytes) -> NodeFacts:
    """Return the facts that a node sent, or raise `WireError`."""
    match decode(body):
        case {
            "name": str(name),
            "host": str(host),
            "pid": int(pid),
            "cores": int(cores),
            "python": str(python),
            "murmur": str(murmur),
            **others,  # another version says more or less, and has to hear that it is another
        }:
            life = str(others.get("life", ""))
            return NodeFacts(
                name=name, host=host, pid=pid, cores=cores, python=python, murmur=murmur, life=life
            )
    raise WireError("these are no facts of a node")
