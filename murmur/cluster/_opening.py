"""A session that listens for nodes: its port, its tickets, its members."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any

from murmur._backend import native
from murmur.errors import ClusterError

from ._members import Members
from ._reception import Reception
from ._thread import LinkThread
from ._ticket import ANYTHING, LONGEST, Authority, Ticket

if TYPE_CHECKING:
    from ._cluster import Cluster
    from ._guests import Service
    from ._link import SteeringLink


async def receive(
    cluster: Cluster,
    link: SteeringLink,
    # `await start_link(link.serve, reception)` opens it and keeps it served
    start_link: Callable[..., Any],
    service: Service,
) -> Members:
    """Let nodes join `cluster` over `link`, and guests use `service`; return their desk."""
    members = Members(cluster, link, service)
    cluster.roster.is_open = True
    try:
        await start_link(link.serve, Reception(link, members, native()))
    except BaseException:
        cluster.roster.is_open = False
        raise
    return members


class Opening:
    """The open port of a session; made on its loop by `Opening.at`."""

    def __init__(
        self, members: Members, thread: LinkThread, authority: Authority, address: str
    ) -> None:
        self.members = members
        self._thread = thread
        self._authority = authority
        self._address = address

    @staticmethod
    def check(host: object, port: object, lifetime: object) -> None:
        """Refuse what makes no sense before anything is opened.

        Raises `ClusterError` if the port is none, or a ticket cannot be good for so many seconds.
        """
        if not isinstance(host, str):
            raise ClusterError(f"cannot listen at {host!r}: give a name or an address as text")
        if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port < 2**16:
            raise ClusterError(f"cannot listen at port {port!r}: give one from 0 to 65535")
        longest = LONGEST.total_seconds()
        if (
            not isinstance(lifetime, (int, float))
            or isinstance(lifetime, bool)
            or not 0 < lifetime <= longest
        ):
            raise ClusterError(
                f"a ticket cannot be good for {lifetime!r} s: give more than 0 and at most "
                f"{longest:.0f}, which is {LONGEST.days} days"
            )

    @classmethod
    def prepare(cls) -> Authority:
        """Import what a session with nodes needs, where no user waits for that.

        Returns
        -------
        Authority
            For `at`.
        """
        from . import _shared, _tls  # noqa: F401 - see above

        return Authority()

    @classmethod
    async def at(
        cls,
        cluster: Cluster,
        host: str,
        port: int,
        authority: Authority,
        service: Service,
    ) -> Opening:
        """Listen at `host` and `port` in a thread of its own; guests may ask for `service`.

        Raises `ClusterError` if that cannot be.
        """
        from ._tls import TlsSteeringLink, reason_of

        thread = LinkThread(Context)  # what befalls nodes is told where people look then
        link = TlsSteeringLink(authority.context(), host, port)
        try:
            members = await receive(cluster, link, thread.start, service)
        except (OSError, ExceptionGroup) as error:
            raise ClusterError(f"cannot listen at {host}:{port}: {reason_of(error)}") from None
        return cls(members, thread, authority, link.address)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._address.rpartition(":")[2])

    def ticket(
        self,
        lifetime: float,
        host: str | None = None,
        *,
        name: str = "ticket",
        rights: tuple[str, ...] = ANYTHING,
    ) -> Ticket:
        """Return a new ticket, good for so many seconds; `host` if nodes see another one."""
        address = self._address
        if host is not None:
            address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        return self._authority.ticket(address, lifetime, name=name, rights=rights)

    async def close(self) -> None:
        """Let all nodes go, and close the port."""
        await self.members.dismiss()
        await self._thread.end()
