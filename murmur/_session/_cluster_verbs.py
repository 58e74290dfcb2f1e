"""Verbs of a session that concern nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._nodes import LIFETIME, Nodes

if TYPE_CHECKING:
    from murmur.cluster import Ticket

    from ._host import Host

__all__ = ["ClusterVerbs"]


class ClusterVerbs:
    """The part of `Session` that is about nodes."""

    _host: Host

    def open(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        lifetime: float = LIFETIME,
        seen_as: str | None = None,
    ) -> Ticket:
        """Let nodes join this session, and return a ticket for them.

        Once there is a node, users live there and no more here (but see ``run_here``).
        Opening again gives another ticket for the same port.

        Parameters
        ----------
        host : str, default "127.0.0.1"
            Address to listen at; ``"0.0.0.0"`` for all of this machine.
        port : int, default 0
            Port to listen at; 0 lets the system choose.
        lifetime : float, default 86400
            Seconds for which the ticket lets nodes in, a year at most.  Who is in stays in.
        seen_as : str, optional
            The name or address of this machine that nodes connect to, if it is another.

        Returns
        -------
        Ticket
            A secret: whoever has it can be a node.  ``ticket.save(path)`` writes it to a
            file, ``ticket.text`` is one line.

        Raises
        ------
        ClusterError
            If it cannot listen there, or listens elsewhere already.
        """
        self._host.cluster("open")
        return self._host.gate.open(host, port, lifetime, seen_as)

    def spawn_nodes(self, n: int, *, timeout: float = 60.0) -> list[str]:
        """Start `n` node processes on this machine; return their names once they joined.

        Each has an interpreter of its own, so that users can use one core more.  They end
        with the session.

        Raises
        ------
        JoinError
            If not all have joined within `timeout` seconds; those started are ended then.
        ClusterError
            If `n` is negative or not a whole number.
        """
        self._host.cluster("spawn_nodes")
        return self._host.gate.spawn(n, timeout)

    @property
    def nodes(self) -> Nodes:
        """The nodes that users go to, by name; a table in a notebook."""
        cluster = self._host.cluster("nodes")
        return Nodes(lambda: self._host.ask("nodes", self._host.overview), cluster.answers)

    def expel(self, name: str) -> None:
        """Send a node away at once; the users that it had are lost.

        Raises
        ------
        UnknownNameError
            If no node that joined has that name.
        """
        self._host.gate.expel(name)
