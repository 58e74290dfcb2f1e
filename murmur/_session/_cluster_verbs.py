"""Verbs of a session that concern nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from murmur._moved import VERBS_OF_AMOC, amoc_names
from murmur.cluster import ANYTHING, LOOK

from ._nodes import LIFETIME, Nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from murmur.cluster import Deployment, Ticket

    from ._calls import Calls
    from ._host import Host

__all__ = ["ClusterVerbs"]


@amoc_names(
    {
        **VERBS_OF_AMOC,
        "change_rate": "throttles[name].change_rate",
        "change_rate_gradually": "throttles[name].ramp",
    }
)
class ClusterVerbs:
    """The part of `Session` that is about nodes."""

    _calls: Calls
    _host: Host

    def open(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        lifetime: float = LIFETIME,
        seen_as: str | None = None,
        name: str | None = None,
        read_only: bool = False,
    ) -> Ticket:
        """Let other processes into this session, and return a ticket for them.

        With it they are nodes (`murmur.join`, ``murmur node``), or look at the session and steer
        it (`murmur.attach`).  Once there is a node, users live there and no more here (but see
        ``run_here``).
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
        name : str, optional
            What `revoke` calls the ticket; ``ticket-1`` and so on unless given.
        read_only : bool, default False
            Whether its holder may look at the session, and neither steer it nor be a node.

        Returns
        -------
        Ticket
            A secret: whoever has it can do that.  ``ticket.save(path)`` writes it to a
            file, ``ticket.text`` is one line.

        Raises
        ------
        ClusterError
            If it cannot listen there, listens elsewhere already, or `name` was revoked.
        """
        self._host.cluster("open")
        rights = (LOOK,) if read_only else ANYTHING
        return self._host.gate.open(host, port, lifetime, seen_as, name=name, rights=rights)

    def revoke(self, name: str) -> None:
        """Let nobody in by the tickets of this name any more, and send away who is in.

        Nodes among them are expelled, see `expel`; whoever looks or steers is cut off.

        Raises
        ------
        UnknownNameError
            If no ticket has that name.

        Examples
        --------
        >>> import murmur
        >>> with murmur.Session() as session:
        ...     ticket = session.open(name="for Ann")
        ...     session.revoke("for Ann")
        ...     murmur.attach(ticket)
        Traceback (most recent call last):
            ...
        murmur.errors.JoinError: ...
        """
        self._host.gate.revoke(name)

    def call_throttle(self, name: str, verb: str, arguments: Mapping[str, object]) -> None:
        """Call a method of a throttle by its name; for front ends, others use `throttles`."""
        self._calls.of_throttle(self._host.call_throttle)(name, verb, arguments)

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

    def use(
        self, client_or_cluster: object, *, seen_as: str | None = None, plain: bool = False
    ) -> Deployment:
        """Make the workers of a dask deployment nodes, those there and those to come.

        Whatever started them will do: `LocalCluster`, ``dask worker`` by command line, ssh,
        a batch system, Kubernetes.  Worker names become node names; a worker that is added
        joins, one that is scaled away leaves in order, and one that is started anew is a
        node again.  While they are nodes each holds a task of dask's, so that none is idle:
        `adapt` retires others, and an ``idle_timeout`` does not end the deployment.

        Parameters
        ----------
        client_or_cluster : distributed.Client or a cluster of dask
            Whose workers.  They need murmur, of the same version as here.
        seen_as : str, optional
            The name or address of this machine that the workers connect to; found out unless
            given.
        plain : bool, default False
            Whether the ticket may go to other hosts over connections that are not encrypted.

        Returns
        -------
        Deployment
            ``release()`` gives the workers back, as does the end of a ``with`` block, and that
            of the session.

        Raises
        ------
        ClusterError
            If that is no deployment, its connections are plain and lead to other hosts, or a
            worker cannot be a node.
        MissingExtraError
            If dask is not installed.

        Examples
        --------
        A notebook says::

            cluster = dask.distributed.LocalCluster(n_workers=3)
            session.use(cluster)
            run = session.do(Shop, 300, nodes=3)
        """
        self._host.cluster("use")
        return self._host.gate.use(client_or_cluster, seen_as=seen_as, plain=plain)

    def wait_for_nodes(self, n: int, timeout: float = 60.0) -> list[str]:
        """Block until `n` nodes are there; return the names of all.

        Parameters
        ----------
        n : int
            How many.
        timeout : float, default 60.0
            Seconds to wait at most.

        Raises
        ------
        WaitTimeoutError
            If fewer are there by then (a `TimeoutError`).
        """
        self._host.cluster("wait_for_nodes")
        return self._host.gate.wait_for(n, timeout)

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
